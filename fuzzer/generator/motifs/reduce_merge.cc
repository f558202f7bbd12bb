// Reductions in a row, or with what moves axes around them: one reduction would do.
#include <algorithm>

#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr DTypeSet kTypes = {DType::kDouble, DType::kFloat16, DType::kInt32};
constexpr std::string_view kReductions[] = {"ReduceSum",  "ReduceMean", "ReduceMax", "ReduceMin",
                                            "ReduceProd", "ReduceL1",   "ReduceL2"};

constexpr Guard kTwoGuards[] = {
    {"same-operator", "both reductions are of one kind"},
    {"keepdims-alike", "both keep reduced axes, or both drop them"},
    {"axes-apart", "no axis is reduced twice"},
    {"direct", "no other node stands between"},
};

// Reduce(Reduce(x))
void two(MotifBuilder& m) {
  Rng& rng = m.rng();
  std::string_view first = rng.pick(kReductions), second = first;
  if (m.breaks("same-operator"))
    while (second == first) second = rng.pick(kReductions);
  const DType t = m.dtype(kTypes, first);
  const std::int64_t rank = rng.range(2, 4);
  ValueId y = m.data(t, m.draw_dims(rank), {.low = -1.5, .high = 1.5});
  const bool keep = rng.chance(0.5), keep_then = m.holds("keepdims-alike") ? keep : !keep;
  std::vector<std::int64_t> axes = rng.permutation(static_cast<std::size_t>(rank)), later;
  axes.resize(static_cast<std::size_t>(rng.range(1, rank - 1)));
  std::sort(axes.begin(), axes.end());
  const bool apart = m.holds("axes-apart");
  if (!keep && !apart) throw CannotDraft{};
  for (std::int64_t a = 0; a < rank; ++a)
    if (std::find(axes.begin(), axes.end(), a) == axes.end()) later.push_back(a);
  if (!apart) later.push_back(axes.front());
  if (later.size() > 1 && rng.chance(0.5)) later.erase(later.begin());
  std::sort(later.begin(), later.end());
  if (!keep)
    for (auto& a : later) a -= std::count_if(axes.begin(), axes.end(), [&](auto b) { return b < a; });
  y = m.reduce(first, y, axes, keep);
  if (m.breaks("direct")) y = neighbour(m, y);
  finish_with(m, m.reduce(second, y, later, keep_then), 0.4);
}

constexpr Guard kMovedGuards[] = {
    {"same-axes", "the axes that are put back, or taken away, are the reduced ones"},
    {"keepdims-fits", "keepdims is the opposite of what the other node does"},
    {"direct", "no other node stands between"},
};

// Unsqueeze(Reduce(x)), Squeeze(Reduce(x)), Reshape(Reduce(x)), Reduce(Transpose(x))
void moved(MotifBuilder& m) {
  Rng& rng = m.rng();
  const std::string_view op = rng.pick(kReductions);
  const DType t = m.dtype(kTypes, op);
  const std::int64_t rank = rng.range(2, 4);
  const Dims dims = m.draw_dims(rank);
  const ValueId x = m.data(t, dims, {.low = -1.5, .high = 1.5});
  std::vector<std::int64_t> axes = rng.permutation(static_cast<std::size_t>(rank));
  axes.resize(static_cast<std::size_t>(rng.range(1, rank - 1)));
  std::sort(axes.begin(), axes.end());
  if (rng.chance(0.25)) {
    const auto perm = rng.permutation(static_cast<std::size_t>(rank));
    ValueId y = m.transpose(x, perm);
    if (m.breaks("direct")) y = neighbour(m, y);
    return finish_with(m, m.reduce(op, y, axes, m.holds("keepdims-fits")), 0.4);
  }
  const bool puts_back = rng.chance(0.5);
  const bool keep = m.holds("keepdims-fits") ? !puts_back : puts_back;
  ValueId y = m.reduce(op, x, axes, keep);
  if (m.breaks("direct")) y = neighbour(m, y);
  if (m.breaks("same-axes")) {
    if (puts_back)
      for (auto& a : axes) a = rank - 1 - a;
    else
      axes.resize(1);
    std::sort(axes.begin(), axes.end());
  }
  if (puts_back)
    y = m.unsqueeze(y, axes);
  else if (keep && rng.chance(0.6))
    y = m.squeeze(y, axes);
  else
    y = m.reshape(y, {rng.chance(0.5) ? 0 : -1, -1});
  finish_with(m, y, 0.4);
}

constexpr Guard kPoolGuards[] = {
    {"spatial-axes", "all spatial axes are reduced, and no other"},
    {"keepdims", "reduced axes stay"},
    {"mean", "the reduction is a mean"},
};

// A mean over the image is GlobalAveragePool; GlobalAveragePool and Flatten are a mean
void pool(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "GlobalAveragePool");
  const std::int64_t rank = rng.range(3, 5);
  const ValueId x = before(m, m.data(t, m.draw_dims(rank)), 0.4);
  const bool keep = m.holds("keepdims"), mean = m.holds("mean");
  if (m.holds("spatial-axes") && mean && rng.chance(0.35)) {
    ValueId y = m.op("GlobalAveragePool", {x});
    y = keep ? m.op("Flatten", {y}) : m.reshape(y, {0, -1});
    return finish_with(m, y, 0.4);
  }
  std::vector<std::int64_t> axes;
  for (std::int64_t a = 2; a < rank; ++a) axes.push_back(a);
  if (m.breaks("spatial-axes"))
    axes = rng.chance(0.5) || axes.size() < 2 ? std::vector<std::int64_t>{1, 2}
                                              : std::vector(axes.begin() + 1, axes.end());
  if (rng.chance(0.3))
    for (auto& a : axes) a -= rank;
  finish_with(m,
              m.reduce(mean ? "ReduceMean" : rng.pick({"ReduceSum", "ReduceMax", "ReduceL2"}), x, axes, keep),
              0.4);
}

constexpr Motif motifs[] = {
    {.name = "reduce-twice", .aims_at = "", .guards = kTwoGuards, .build = two},
    {.name = "reduce-moved", .aims_at = "", .guards = kMovedGuards, .build = moved},
    {.name = "reduce-pool", .aims_at = "", .guards = kPoolGuards, .build = pool},
};

}  // namespace

namespace family {
extern const MotifFamily reduce_merge;
const MotifFamily reduce_merge = motifs;
}  // namespace family

}  // namespace mob::motifs
