// Tensors that are spread before an operator which spreads them anyway.
#include <algorithm>

#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr DTypeSet kTypes = {DType::kDouble, DType::kFloat16, DType::kInt32, DType::kInt64};

constexpr Guard kGuards[] = {
    {"spreads-back", "what reads it has an operand of the full shape"},
    {"elementwise", "what reads it works element by element"},
    {"ones-only", "only dimensions of 1 are spread"},
    {"direct", "no other node stands between"},
    {"same-rank", "no dimension is added"},
};

// Add(Expand(x), y), the same with Tile, Concat or ones to multiply with
void spread(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "Expand");
  const std::int64_t rank = rng.range(1, 3);
  const Dims full = m.draw_dims(rank, 2);
  Dims small = full;
  const bool ones = m.holds("ones-only"), same_rank = m.holds("same-rank");
  std::vector<std::int64_t> repeats(full.size(), 1);
  const std::size_t axis = rng.below(full.size());
  small[axis] = ones ? 1 : full[axis];
  if (!ones) repeats[axis] = 2;
  if (ones) repeats[axis] = full[axis];
  Dims wide = full;
  wide[axis] = small[axis] * repeats[axis];
  const ValueId x = m.data(t, small);
  ValueId y = kNoValue;
  Dims to = wide;
  if (!same_rank) to.insert(to.begin(), rng.range(1, 3));
  switch (ones ? rng.below(4) : 1 + rng.below(2)) {
    case 0:
      y = m.op("Expand", {x, m.ints(rng.chance(0.5) ? to : [&] {
                            Dims d = to;
                            for (std::size_t i = 0; i < d.size(); ++i)
                              if (i + full.size() >= d.size() && rng.chance(0.3)) {
                                const std::size_t own = i + full.size() - d.size();
                                if (own != axis) d[i] = 1;
                              }
                            return d;
                          }())});
      break;
    case 1:
      y = m.op("Tile", {x, m.ints(repeats)});
      break;
    case 2:
      y = m.op("Concat", std::vector<ValueId>(static_cast<std::size_t>(repeats[axis]), x),
               {{.name = "axis", .value = static_cast<std::int64_t>(axis)}});
      break;
    default:
      y = m.commutative(
          "Mul", x,
          m.constant(Tensor::of(t, to, std::vector<double>(static_cast<std::size_t>(element_count(to)), 1))));
      break;
  }
  if (!same_rank && m.dims(y).size() == full.size()) y = m.unsqueeze(y, {0});
  if (m.breaks("direct")) y = neighbour(m, y);
  Dims other = m.holds("spreads-back") ? m.dims(y) : Dims(m.dims(y).size(), 1);
  if (m.breaks("elementwise")) {
    if (m.dims(y).size() >= 2 && is_float(t) && rng.chance(0.5)) {
      other = {m.dims(y).back(), rng.range(1, 3)};
      y = m.op("MatMul", {y, m.data(t, other)});
    } else {
      y = m.op("Concat", {y, m.data(t, m.dims(y))}, {{.name = "axis", .value = std::int64_t{0}}});
    }
    return finish_with(m, y, 0.3);
  }
  const ValueId b = m.data(t, other);
  const std::string_view op = rng.pick({"Add", "Mul", "Sub", "Max", "Equal", "Where"});
  if (op == "Where")
    y = m.op("Where", {m.data(DType::kBool, other), y, b});
  else if (op == "Sub" || (op == "Equal" && m.opset() < 11) || (op == "Max" && m.opset() < 12))
    y = rng.chance(0.5) ? m.op("Sub", {y, b}) : m.op("Sub", {b, y});
  else if (op == "Equal" && is_float(t))
    y = m.op("Add", {y, b});
  else
    y = m.commutative(op, y, b);
  finish_with(m, y, 0.3);
}

constexpr Motif motifs[] = {
    {.name = "spread-before", .aims_at = "ExpandElimination", .guards = kGuards, .build = spread},
};

}  // namespace

namespace family {
extern const MotifFamily spread;
const MotifFamily spread = motifs;
}  // namespace family

}  // namespace mob::motifs
