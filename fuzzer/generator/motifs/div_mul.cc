// Arithmetic that is rewritten: 1 / a * b becomes b / a.
#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr Guard kDivMul[] = {
    {"one", "the numerator is 1"},
    {"one-element", "the numerator has one element"},
    {"rank-not-larger", "the numerator's rank is not above the denominator's"},
    {"numerator-first", "1 is divided, not divided by"},
    {"other-factor", "the quotient is multiplied by another value"},
    {"real", "the quotient is no integer"},
    {"no-broadcast", "both factors have one shape"},
};

void div_mul(MotifBuilder& m) {
  Rng& rng = m.rng();
  DType t = m.dtype({DType::kDouble, DType::kFloat16}, "Div");
  if (m.breaks("real")) t = rng.pick({DType::kInt32, DType::kInt64, DType::kInt8, DType::kUint8});
  Dims dims = m.draw_dims(rng.range(0, 3)), other = dims;
  const double one = m.holds("one") ? 1 : is_float(t) ? rng.pick({2.0, 0.5, 1 + 1e-6, 1 + 1e-9}) : 2;
  Dims shape;
  if (!dims.empty() && rng.chance(0.3)) shape = {1};
  if (m.breaks("rank-not-larger")) shape.assign(dims.size() + static_cast<std::size_t>(rng.range(1, 2)), 1);
  if (m.breaks("one-element")) {
    if (dims.empty()) other = dims = {rng.range(1, 3)};
    if (rng.chance(0.5)) dims.back() = 1;
    if (shape.empty()) shape = {1};
    shape.back() = dims.back() == 1 ? rng.pick({2, 3, 0}) : dims.back();
    other = dims;
    if (rng.chance(0.5)) other.back() = shape.back();
  }
  if (m.breaks("no-broadcast")) {
    if (rng.chance(0.5)) other.insert(other.begin(), rng.range(1, 3));
    for (auto& n : other)
      if (rng.chance(0.3)) n = 1;
    for (auto& n : dims)
      if (rng.chance(0.3)) n = 1;
  }
  const ValueRange away{
      .low = is_float(t) ? -3.0 : 1.0, .high = is_float(t) ? 3.0 : 4.0, .away_from_zero = 0.5};
  const ValueId a = m.data(t, dims, away);
  const ValueId b = m.data(t, other, {.low = is_float(t) ? -3.0 : 1.0, .high = is_float(t) ? 3.0 : 9.0});
  const ValueId c =
      shape.empty()
          ? m.scalar(t, one)
          : m.constant(Tensor::of(t, shape,
                                  std::vector<double>(static_cast<std::size_t>(element_count(shape)), one)));
  const ValueId q = m.holds("numerator-first") ? m.op("Div", {c, a}) : m.op("Div", {a, c});
  ValueId y;
  if (m.breaks("other-factor"))
    y = rng.chance(0.5) ? m.op("Mul", {q, q}) : m.commutative("Mul", q, rng.chance(0.5) ? a : c);
  else
    y = m.commutative("Mul", q, rng.chance(0.8) ? before(m, b, 0.4) : m.weight(t, other));
  finish_with(m, y, 0.5);
}

constexpr Motif motifs[] = {
    {.name = "div-mul", .aims_at = "DivMulFusion", .guards = kDivMul, .build = div_mul},
};

}  // namespace

namespace family {
extern const MotifFamily div_mul;
const MotifFamily div_mul = motifs;
}  // namespace family

}  // namespace mob::motifs
