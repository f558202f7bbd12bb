// Slices in a row, side by side, of what was joined, or by steps.
#include <algorithm>

#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr DTypeSet kTypes = {DType::kDouble, DType::kFloat16, DType::kInt32, DType::kInt64, DType::kInt8};

constexpr Guard kRowGuards[] = {
    {"axes-apart", "the two are along different axes"},
    {"step-1", "every step is 1"},
    {"from-the-start", "starts and ends count from the start"},
    {"within", "nothing lies beyond the size"},
    {"direct", "no other node stands between"},
};

// Slice(Slice(x))
void in_a_row(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "Slice");
  const std::int64_t rank = rng.range(2, 3);
  ValueId y = before(m, m.data(t, m.draw_dims(rank, 3)), 0.4);
  const bool step_1 = m.opset() < 10 || m.holds("step-1"), front = m.holds("from-the-start"),
             within = m.holds("within");
  const auto odd = rng.below(2);
  const auto cut = [&](ValueId v, std::int64_t axis, bool as_usual) {
    const std::int64_t n = m.dims(v)[static_cast<std::size_t>(axis)];
    if (n < 1) throw CannotDraft{};
    std::int64_t start = rng.range(0, n - 1), end = rng.range(start + 1, n), step = 1;
    if (!within && !as_usual) end = n + rng.range(1, 3);
    if (!front && !as_usual) (rng.chance(0.5) ? start : end) -= end < n || rng.chance(0.5) ? n : 0;
    if (!step_1 && !as_usual) {
      step = rng.pick({2, 3, -1, -2});
      if (step < 0) {
        start = n - 1;
        end = rng.chance(0.5) ? INT64_MIN : -n - 1;
      }
    }
    if (m.opset() < 10) return m.slice(v, {start}, {end}, {axis});
    return m.slice(v, {start}, {end}, {maybe_negative(m, axis, rank)}, {step});
  };
  const std::int64_t first = rng.range(0, rank - 1);
  const std::int64_t second = m.holds("axes-apart") ? (first + 1) % rank : first;
  y = cut(y, first, odd == 1);
  if (m.breaks("direct")) y = neighbour(m, y);
  finish_with(m, cut(y, second, odd == 0), 0.4);
}

constexpr Guard kSideGuards[] = {
    {"one-tensor", "all slices are of one tensor"},
    {"gapless", "they follow each other without gap or overlap"},
    {"whole", "together they are all of the tensor"},
    {"in-order", "they are joined in order"},
    {"axis-kept", "they are joined along the axis that was cut"},
};

// Slices of one tensor side by side: Split, and joined again nothing at all
void side_by_side(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "Slice");
  const std::int64_t rank = rng.range(1, 3), axis = rng.range(0, rank - 1);
  Dims dims = m.draw_dims(rank, 2);
  auto& n = dims[static_cast<std::size_t>(axis)];
  const std::int64_t parts = rng.range(2, 3), size = rng.range(1, 2);
  n = parts * size;
  const bool gapless = m.holds("gapless"), whole = m.holds("whole"), ordered = m.holds("in-order");
  if (!whole) n += rng.range(1, 2);
  const ValueId x = before(m, m.data(t, dims), 0.4);
  const ValueId other = m.holds("one-tensor") ? x : m.data(t, dims);
  const auto odd = rng.range(0, parts - 1);
  std::vector<ValueId> made;
  for (std::int64_t i = 0; i < parts; ++i) {
    std::int64_t start = i * size;
    if (!gapless && i == odd) start += i == 0 ? 1 : -1;
    made.push_back(m.slice(i == odd ? other : x, {start}, {start + size}, {axis}));
  }
  if (!ordered) std::reverse(made.begin(), made.end());
  const bool kept = m.holds("axis-kept");
  if (!ordered || !kept || rng.chance(0.5)) {
    const std::int64_t along = kept || rank == 1 ? axis : (axis + 1) % rank;
    if (!kept && rank == 1) throw CannotDraft{};
    return finish_with(m, m.op("Concat", made, {{.name = "axis", .value = along}}), 0.4);
  }
  for (ValueId v : made) finish_with(m, v, 0.4);
}

constexpr Guard kJoinedGuards[] = {
    {"same-axis", "the cut is along the axis that was joined"},
    {"one-part", "what is cut out lies within one part"},
    {"joined-read-once", "what is joined is read once"},
};

// Slice(Concat(a, b))
void of_joined(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "Slice");
  const std::int64_t rank = rng.range(1, 3), axis = rng.range(0, rank - 1);
  const Dims dims = m.draw_dims(rank, 2);
  const std::int64_t n = dims[static_cast<std::size_t>(axis)];
  const ValueId all = m.op("Concat", {m.data(t, dims), m.data(t, dims)}, {{.name = "axis", .value = axis}});
  if (m.breaks("joined-read-once")) m.result(neighbour(m, all));
  const bool same = m.holds("same-axis");
  if (!same && rank == 1) throw CannotDraft{};
  if (!same) return finish_with(m, m.slice(all, {0}, {1}, {(axis + 1) % rank}), 0.4);
  std::int64_t start = rng.chance(0.5) ? 0 : n, end = start + n;
  if (rng.chance(0.3)) end = start + rng.range(1, n);
  if (m.breaks("one-part")) start = n - 1, end = n + 1;
  if (rng.chance(0.2)) start -= 2 * n;
  if (rng.chance(0.2) && end == 2 * n) end = INT64_MAX;
  finish_with(m, m.slice(all, {start}, {end}, {axis}), 0.4);
}

constexpr Motif motifs[] = {
    {.name = "slices-in-a-row", .aims_at = "", .guards = kRowGuards, .build = in_a_row},
    {.name = "slices-side-by-side",
     .aims_at = "GatherSliceToSplitFusion",
     .guards = kSideGuards,
     .build = side_by_side},
    {.name = "slice-of-joined", .aims_at = "", .guards = kJoinedGuards, .build = of_joined},
};

}  // namespace

namespace family {
extern const MotifFamily slices;
const MotifFamily slices = motifs;
}  // namespace family

}  // namespace mob::motifs
