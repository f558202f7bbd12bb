// The same operator twice in a row, where once would do, or nothing at all.
#include <algorithm>

#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr DTypeSet kTypes = {DType::kDouble, DType::kFloat16, DType::kInt32, DType::kInt64, DType::kInt8};

constexpr Guard kIdempotentGuards[] = {
    {"same-operator", "both are the same operator"},
    {"same-attributes", "both have the same attributes"},
    {"idempotent", "the operator twice is the operator once"},
    {"direct", "no other node stands between"},
};

// f(f(x)) = f(x)
void idempotent(MotifBuilder& m) {
  Rng& rng = m.rng();
  const bool holds = m.holds("idempotent");
  const std::string_view op =
      holds ? rng.pick({"Relu", "Abs", "Ceil", "Floor", "Round", "Sign", "Clip", "Reshape"})
            : rng.pick({"Neg", "Not", "Exp", "Sqrt", "Reciprocal", "Softmax", "LeakyRelu"});
  const bool same = m.holds("same-operator"), alike = m.holds("same-attributes");
  const bool logical = op == "Not";
  const DType t =
      logical ? DType::kBool : m.dtype(op == "Abs" || op == "Sign" ? kTypes : kTypes & kFloats, op);
  const Dims dims = m.draw_dims(rng.range(1, 3));
  const bool stepped = op == "Ceil" || op == "Floor" || op == "Round";
  ValueRange range = {.low = -3, .high = 3};
  if (!holds) range = {.low = 0.5, .high = 2};
  if (stepped) range.away_from_zero = 0.1;
  ValueId y = m.data(t, dims, range);
  const auto once = [&](ValueId v, bool second) {
    const bool other = second && !alike;
    std::vector<Attribute> attributes;
    if (op == "Clip") return other ? m.clip(v, -0.5, 2.5) : m.clip(v, -1, 1.5);
    if (op == "Reshape") return m.reshape(v, other ? dims : std::vector<std::int64_t>{-1});
    if (op == "Softmax") return m.softmax(v, other ? 0 : static_cast<std::int64_t>(dims.size()) - 1);
    if (op == "LeakyRelu") attributes.push_back({.name = "alpha", .value = other ? 0.5F : 0.1F});
    return m.op(op, {v}, std::move(attributes));
  };
  y = once(y, false);
  if (m.breaks("direct")) y = neighbour(m, y);
  y = same ? once(y, true) : m.op(logical ? "Identity" : rng.pick({"Neg", "Tanh", "Relu", "Abs"}), {y});
  if (rng.chance(0.2)) y = once(y, true);
  finish_with(m, y, 0.4);
}

constexpr Guard kMoveGuards[] = {
    {"inner-first", "the axes of the second are not those that the first made"},
    {"inverse", "the second undoes the first"},
    {"direct", "no other node stands between"},
};

// Squeeze and Unsqueeze in a row, in any order
void axes_twice(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "Squeeze");
  const std::int64_t rank = rng.range(1, 3);
  const ValueId x = before(m, m.data(t, m.draw_dims(rank)), 0.5);
  const bool inverse = m.holds("inverse"), inner = m.holds("inner-first");
  const auto some = [&](std::int64_t below, std::size_t n) {
    auto axes = rng.permutation(static_cast<std::size_t>(below));
    axes.resize(std::min(axes.size(), n));
    std::sort(axes.begin(), axes.end());
    return axes;
  };
  const std::size_t n = static_cast<std::size_t>(rng.range(1, 2));
  const auto first = some(rank + static_cast<std::int64_t>(n), n);
  ValueId y = m.unsqueeze(x, first);
  if (m.breaks("direct")) y = neighbour(m, y);
  if (inverse && rng.chance(0.6)) {
    y = m.squeeze(y, first);
  } else if (inverse) {
    // Two Unsqueezes: what they make together is one.
    y = m.unsqueeze(y, inner ? std::vector<std::int64_t>{0} : std::vector<std::int64_t>{first.back()});
  } else {
    std::vector<std::int64_t> ones;
    for (std::size_t i = 0; i < m.dims(y).size(); ++i)
      if (m.dims(y)[i] == 1) ones.push_back(static_cast<std::int64_t>(i));
    y = m.squeeze(y, {inner ? ones.front() : ones.back()});
    if (rng.chance(0.5)) y = m.unsqueeze(y, {rng.range(0, static_cast<std::int64_t>(m.dims(y).size()))});
  }
  finish_with(m, y, 0.5);
}

constexpr Guard kConcatGuards[] = {
    {"same-axis", "both join along one axis"},
    {"inner-read-once", "the first is read once"},
    {"sizes-alike", "all parts have one size"},
};

// Concat(Concat(a, b), c); Concat of slices of it; Split of Concat
void concat_twice(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes | DTypeSet{DType::kBool}, "Concat");
  const std::int64_t rank = rng.range(1, 3);
  const auto axis = rng.range(0, rank - 1);
  const Dims dims = m.draw_dims(rank, 1, false);
  const bool alike = m.holds("sizes-alike");
  const auto part = [&](const Dims& like, std::int64_t a) {
    Dims d = like;
    if (!alike) d[static_cast<std::size_t>(a)] = rng.range(1, 4);
    return m.data(t, d);
  };
  const auto join = [&](std::vector<ValueId> parts, std::int64_t a) {
    return m.op("Concat", std::move(parts), {{.name = "axis", .value = maybe_negative(m, a, rank)}});
  };
  std::vector<ValueId> parts;
  for (std::int64_t i = rng.range(2, 3); i-- > 0;) parts.push_back(part(dims, axis));
  if (rng.chance(0.2)) parts.push_back(parts.front());
  const ValueId inner = join(parts, axis);
  const std::int64_t other = m.holds("same-axis") || rank == 1 ? axis : (axis + 1) % rank;
  if (other == axis && rank == 1 && m.breaks("same-axis")) throw CannotDraft{};
  if (m.breaks("inner-read-once")) m.result(rng.chance(0.5) ? inner : m.op("Identity", {inner}));
  if (rng.chance(0.3)) {
    const auto size = m.dims(inner)[static_cast<std::size_t>(other)];
    if (size < 2) throw CannotDraft{};
    const std::int64_t cut =
        alike && other == axis ? dims[static_cast<std::size_t>(axis)] : rng.range(1, size - 1);
    if (cut >= size) throw CannotDraft{};
    for (ValueId v : m.split(inner, other, {cut, size - cut})) finish_with(m, v, 0.3);
    return;
  }
  std::vector<ValueId> outer = {inner, part(m.dims(inner), other)};
  if (rng.chance(0.4)) std::swap(outer[0], outer[1]);
  finish_with(m, join(outer, other), 0.4);
}

constexpr Motif motifs[] = {
    {.name = "idempotent", .aims_at = "", .guards = kIdempotentGuards, .build = idempotent},
    {.name = "axes-twice", .aims_at = "", .guards = kMoveGuards, .build = axes_twice},
    {.name = "concat-twice", .aims_at = "", .guards = kConcatGuards, .build = concat_twice},
};

}  // namespace

namespace family {
extern const MotifFamily consecutive;
const MotifFamily consecutive = motifs;
}  // namespace family

}  // namespace mob::motifs
