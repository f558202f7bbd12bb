// Where between a dequantized tensor and a scalar, quantized again: one branch lacks its DequantizeLinear.
#include "fuzzer/generator/motifs/qdq.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"scalar-branch", "the other branch is a constant of rank 0"},
    {"types-alike", "what is dequantized has the type of what is quantized"},
    {"zeros-given", "no zero point is left out"},
    {"positive-scales", "scales are positive and of moderate size"},
    {"quantized-once", "what is chosen is only quantized"},
};

// y = Q(Where(c, DQ(x), k)) or Q(Where(c, k, DQ(x)))
void where(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  const std::vector<DType> types =
      m.opset() >= 21 ? std::vector{DType::kUint8, DType::kInt8, DType::kUint16, DType::kInt16}
                      : std::vector{DType::kUint8, DType::kInt8};
  const DType t = rng.pick(types);
  DType out = t;
  if (m.breaks("types-alike"))
    while (out == t) out = rng.pick(types);
  const Dims dims = m.draw_dims(rng.range(1, 3));
  const Flaws flaws(m, rng.below(2), rng.below(2));
  Grid in = per_tensor(m, t, f), behind = per_tensor(m, out, f);
  flaws.put(in, 0);
  flaws.put(behind, 1, true);
  const ValueId x = activation(m, in, dims);
  // The signs, and 0, have grids of their own.
  const double k = rng.pick({0.0, 1.0, -1.0, 0.5, -0.3, 1.75, -2.5, 1e-3, 40.0});
  ValueId other = kNoValue;
  if (m.holds("scalar-branch"))
    other = m.scalar(f, k);
  else if (rng.chance(0.4))
    other = m.constant(Tensor::of(f, Dims(static_cast<std::size_t>(rng.range(1, 3)), 1), {k}));
  else if (rng.chance(0.5))
    other = m.weight(f, dims);
  else
    other = m.data(f, rng.chance(0.5) ? Dims{} : dims);
  const ValueId c = m.data(DType::kBool, rng.chance(0.7) ? dims : Dims{dims.back()});
  ValueId y = rng.chance(0.5) ? m.op("Where", {c, x, other}) : m.op("Where", {c, other, x});
  if (m.breaks("quantized-once")) m.result(rng.chance(0.5) ? y : m.op("Neg", {y}));
  quantized_result(m, y, behind, 0.4);
}

constexpr Motif motifs[] = {
    {.name = "qdq-where",
     .aims_at = "WhereDummyDq;QDQSelectorActionTransformer",
     .guards = kGuards,
     .since = 10,
     .build = where},
};

}  // namespace

namespace family {
extern const MotifFamily qdq_where;
const MotifFamily qdq_where = motifs;
}  // namespace family

}  // namespace mob::motifs
