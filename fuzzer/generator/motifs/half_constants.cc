// Constants of float16 that an operator without a kernel for float16 reads: each gets a Cast, which ought to
// vanish into the constant.
#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"float16", "the type is float16"},
    {"read-once", "the constant is read once"},
    {"inner", "the constant is no graph output"},
    {"finite", "the constant holds neither infinities nor subnormal numbers"},
};

// y = op(x, w) of float16, w constant
void half(MotifBuilder& m) {
  Rng& rng = m.rng();
  DType t = DType::kFloat16;
  if (m.breaks("float16")) t = m.opset() >= 13 && rng.chance(0.4) ? DType::kBFloat16 : DType::kFloat;
  const Dims dims = m.draw_dims(rng.range(2, 3));
  const Dims row = {dims.back()};
  const ValueId x = before(m, m.data(t, dims), 0.5);
  const bool finite = m.holds("finite");
  const auto constant = [&](const Dims& d) {
    Tensor w = m.builder().draw({t, d});
    if (!finite) {
      std::vector<double> values = w.reals();
      values[rng.below(values.size())] =
          rng.pick({1.0 / 0.0, -1.0 / 0.0, 6e-8, -3e-6, 65504.0, t == DType::kFloat16 ? 6.1e-5 : 1e-39});
      w = Tensor::of(t, d, values);
    }
    return m.constant(std::move(w));
  };
  ValueId w = kNoValue, y = kNoValue;
  const bool pair = m.opset() >= 12;
  switch (rng.below(5)) {
    case 0:
      w = constant(rng.chance(0.5) ? row : dims);
      y = m.op(rng.pick({"Add", "Mul", "Sub", "Div"}), {x, w});
      break;
    case 1:
      w = constant({dims.back(), m.size()});
      y = m.op("MatMul", {x, w});
      break;
    case 2:
      w = constant(row);
      y = pair ? m.op(rng.pick({"Max", "Min"}), {x, w}) : m.op("PRelu", {x, w});
      break;
    case 3:
      w = constant(row);
      y = m.op("PRelu", {x, w});
      break;
    default:
      // A constant operand stands first.
      w = constant(dims);
      y = m.op(rng.pick({"Sub", "Div"}), {w, x});
      break;
  }
  if (m.breaks("read-once")) m.result(m.op("Mul", {w, w}));
  if (m.breaks("inner")) m.builder().expose(m.op("Identity", {w}));
  if (rng.chance(0.4)) y = m.cast(y, DType::kFloat);
  finish_with(m, y, 0.6);
}

constexpr Motif motifs[] = {
    {.name = "half-constants",
     .aims_at =
         "FuseFp16InitializerToFp32NodeTransformer;CastFloat16Transformer;RemoveDuplicateCastTransformer",
     .guards = kGuards,
     .build = half},
};

}  // namespace

namespace family {
extern const MotifFamily half_constants;
const MotifFamily half_constants = motifs;
}  // namespace family

}  // namespace mob::motifs
