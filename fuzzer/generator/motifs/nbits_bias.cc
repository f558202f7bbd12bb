// A product with a weight of few bits and a bias behind it, whose rows are not known beforehand: then no pass
// makes a Gemm of it first.
#include "fuzzer/generator/motifs/qdq.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"rows-open", "the number of rows is not known"},
    {"block-axis-0", "blocks run along the summed axis"},
    {"bias-vector", "the bias has an element per column"},
    {"few-bits", "the weight has 4 or 8 bits"},
    {"positive-scales", "scales are positive and of moderate size"},
    {"plain-add", "what stands behind the product is an Add"},
    {"one-bias", "one bias is added"},
};

// y = MatMul(x, DQ(w)) + b
void biased(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  DType t = rng.pick({DType::kInt4, DType::kUint4, DType::kUint8, DType::kInt8});
  if (m.breaks("few-bits")) t = rng.pick({DType::kInt16, DType::kUint16});
  const std::int64_t block = rng.pick({16, 16, 32, 64}), columns = rng.pick({1, 2, 3, 4, 8, 16, 17});
  const std::int64_t k = rng.chance(0.6) ? block * rng.range(1, 2) : block + rng.range(1, block - 1);
  const Dims w = {k, columns};
  if (k * columns > 2048) throw CannotDraft{};
  Grid g = per_block(m, t, f, w, m.holds("block-axis-0") ? 0 : 1, block, 1);
  if (rng.chance(0.35)) drop_zeros(g);
  if (m.breaks("positive-scales")) spoil_scales(m, g, false);
  const ValueId b = dequantize(m, m.constant(draw_integers(m, t, w)), g);
  const ArrayType x = {f, {rng.range(1, 3), rng.range(1, 4), k}};
  const ValueRange range = {.low = -1, .high = 1};
  const ValueId a = m.holds("rows-open") ? m.open_input(x, {0, 1}, range) : m.data(x, range);
  ValueId y = m.op("MatMul", {a, b});
  const auto bias = [&] {
    Dims dims = {columns};
    if (m.breaks("bias-vector"))
      dims = rng.pick({Dims{}, Dims{1}, Dims{1, columns}, Dims{1, 1, columns}, Dims{x.dims[1], columns},
                       Dims{2, 1, 1, columns}});
    return rng.chance(0.7) ? m.weight(f, dims, range) : m.data(f, dims, range);
  };
  if (m.breaks("plain-add"))
    y = m.op(rng.pick({"Sub", "Mul", "Div"}), {y, bias()});
  else
    y = m.commutative("Add", y, bias());
  if (m.breaks("one-bias")) y = m.commutative("Add", y, bias());
  m.result(y);
}

constexpr Motif motifs[] = {
    {.name = "nbits-bias",
     .aims_at = "MatMulNBitsFusion;QDQSelectorActionTransformer",
     .guards = kGuards,
     .since = 21,
     .build = biased},
};

}  // namespace

namespace family {
extern const MotifFamily nbits_bias;
const MotifFamily nbits_bias = motifs;
}  // namespace family

}  // namespace mob::motifs
