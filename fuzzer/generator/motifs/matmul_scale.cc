// Matrix products whose factors or result are scaled by a number.
#include "fuzzer/generator/motifs/motif.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"scale-number", "the scale is one number"},
    {"scale-moderate", "the scale is neither 0 nor 1 nor extreme"},
    {"divisor-second", "the tensor is divided, and does not divide"},
    {"factors-matrices", "no factor is a vector"},
    {"two-factors", "the factors are two tensors"},
    {"not-empty", "no dimension is 0"},
};

void matmul_scale(MotifBuilder& m) {
  const DType t = m.dtype({DType::kDouble, DType::kFloat16, DType::kInt32, DType::kInt64}, "MatMul");
  const std::int64_t rank = m.rng().range(2, 4);
  const auto r = static_cast<std::size_t>(rank);
  Dims left = m.draw_dims(rank, 1), right = left;
  right[r - 1] = m.size();
  right[r - 2] = left[r - 1];
  if (m.breaks("not-empty")) {
    if (m.rng().chance(0.5))
      left[r - 1] = right[r - 2] = 0;
    else
      m.rng().chance(0.5) ? left[r - 2] = 0 : right[r - 1] = 0;
  }
  if (m.breaks("factors-matrices")) (m.rng().chance(0.5) ? left : right) = {left[r - 1]};
  const bool whole = !is_float(t);
  const ValueRange range{.low = -2, .high = 2, .integral = whole};
  ValueId a = m.data(t, left, range), b;
  if (m.holds("two-factors")) {
    b = m.rng().chance(0.3) ? m.weight(t, right, range) : m.data(t, right, range);
  } else {
    if (left.size() < 2 || left[left.size() - 1] != left[left.size() - 2]) {
      left.assign(2, m.size(2));
      a = m.data(t, left, range);
    }
    b = a;
  }
  // Scales one tensor.
  const auto scaled = [&](ValueId x) {
    ValueId scale;
    if (m.holds("scale-number")) {
      double s = whole ? m.rng().pick({2.0, 3.0, -2.0}) : m.rng().pick({0.5, 0.125, 2.0, -0.3, 3.1, 1.7});
      if (m.breaks("scale-moderate"))
        s = whole ? m.rng().pick({1.0, -1.0}) : m.rng().pick({1.0, -1.0, 1e-3, 0.0, 200.0});
      if (s == 0 && m.rng().chance(0.5)) return m.commutative("Mul", x, m.scalar(t, 0));
      if (s == 0) s = 1;
      scale = m.scalar(t, s);
    } else {
      const Dims& d = m.dims(x);
      Dims shape = d.empty() ? Dims{2} : Dims{d.back()};
      if (m.rng().chance(0.3)) shape.insert(shape.begin(), 1);
      if (m.rng().chance(0.2)) shape.assign(d.size() + 1, 1);
      scale = m.weight(t, shape, {.low = -2, .high = 2, .away_from_zero = 0.3, .integral = whole});
    }
    if (m.rng().chance(0.6)) return m.commutative("Mul", x, scale);
    if (m.holds("divisor-second")) return m.op("Div", {x, scale});
    if (whole) throw CannotDraft{};
    return m.op("Div", {scale, m.op("Exp", {x})});
  };
  const std::uint64_t which = m.rng().range(1, 7);  // of left, right, product
  const ValueId plain = a;
  if (which & 1) a = scaled(a);
  if (which & 2) b = b == plain && m.rng().chance(0.5) ? a : scaled(b);
  ValueId y = m.op("MatMul", {a, b});
  if (which & 4) y = scaled(y);
  m.result(y);
}

constexpr Motif motifs[] = {
    {.name = "matmul-scale", .aims_at = "MatMulScaleFusion", .guards = kGuards, .build = matmul_scale},
};

}  // namespace

namespace family {
extern const MotifFamily matmul_scale;
const MotifFamily matmul_scale = motifs;
}  // namespace family

}  // namespace mob::motifs
