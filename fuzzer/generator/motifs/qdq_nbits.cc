// Products with weights of few bits, dequantized by blocks.
#include <algorithm>

#include "fuzzer/generator/motifs/qdq.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"block-axis-0", "blocks run along the summed axis"},
    {"block-size", "a block holds 16 elements or more, a power of two"},
    {"few-bits", "the weight has 4 or 8 bits"},
    {"weight-matrix", "the weight is of rank 2"},
    {"weight-second", "the weight is the second operand"},
    {"weight-direct", "the dequantized weight goes straight into the product"},
    {"gemm-plain", "alpha and beta of Gemm are 1 and nothing is transposed"},
    {"bias-vector", "the bias of Gemm has an element per column"},
    {"positive-scales", "scales are positive and of moderate size"},
    {"result-float", "the result is not quantized"},
    {"data-float", "the other operand is not dequantized"},
};

// y = MatMul(x, DQ(w)) or Gemm(x, DQ(w), b), w in blocks
void nbits(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  DType t = rng.pick({DType::kInt4, DType::kUint4, DType::kInt4, DType::kUint4, DType::kUint8, DType::kInt8});
  if (m.breaks("few-bits")) {
    t = rng.pick({DType::kInt16, DType::kUint16, DType::kInt32});
    if (m.opset() >= 25 && rng.chance(0.5)) t = rng.pick({DType::kInt2, DType::kUint2});
  }
  std::int64_t block = rng.pick({16, 16, 32, 32, 64, 128});
  if (m.breaks("block-size")) block = rng.pick({1, 2, 4, 8, 12, 24, 48, 15, 17});
  std::int64_t k = 0;
  switch (rng.below(4)) {
    case 0:
      k = block;
      break;
    case 1:
      k = block * 2;
      break;
    case 2:
      k = block + rng.range(1, block);
      break;  // the last block is not full
    default:
      k = std::max<std::int64_t>(1, block - rng.range(0, 3));
      break;
  }
  k = std::min<std::int64_t>(k, 160);
  const std::int64_t columns = rng.pick({1, 2, 3, 4, 5, 8, 16, 17});
  std::int64_t rows = rng.range(1, 4);
  if (rows * k > 1024 || columns * k > 3000) throw CannotDraft{};
  const bool gemm = rng.chance(0.45);
  const bool plain = !gemm || m.holds("gemm-plain");
  const bool turn_a = !plain && rng.chance(0.3), turn_b = !plain && rng.chance(0.4);
  Dims w = turn_b ? Dims{columns, k} : Dims{k, columns};
  if (m.breaks("weight-matrix")) {
    if (gemm) throw CannotDraft{};
    w = rng.chance(0.3) ? Dims{k} : Dims{rng.range(1, 2), k, columns};
  }
  const auto rank = static_cast<std::int64_t>(w.size());
  std::int64_t axis = std::max<std::int64_t>(0, rank - 2);
  if (m.breaks("block-axis-0")) axis = rank - 1;
  if (rank == 2 && axis == 0 && rng.chance(0.1)) axis = -2;
  Grid g = per_block(m, t, f, w, axis, block, 1);
  // Without blocks: one scale, or one per column.
  if (rng.chance(0.15)) g = per_tensor(m, t, f, 1);
  if (rank == 2 && !turn_b && rng.chance(0.1)) g = per_axis(m, t, f, w, 1, rng.chance(0.5), 1);
  if (t == DType::kInt32 || rng.chance(0.35)) drop_zeros(g);
  if (m.breaks("positive-scales")) spoil_scales(m, g, false);
  ValueId b = dequantize(m, m.constant(draw_integers(m, t, w)), g);
  if (m.breaks("weight-direct")) {
    if (rank == 2 && w[0] == w[1] && rng.chance(0.5))
      b = m.transpose(b, {1, 0});
    else
      b = m.op(rng.pick({"Identity", "Abs", "Neg"}), {b});
  }
  Dims x = turn_a ? Dims{k, rows} : Dims{rows, k};
  if (!gemm && rng.chance(0.3)) x.insert(x.begin(), rank == 3 ? w[0] : rng.range(1, 2));
  if (!gemm && rng.chance(0.08)) x = {k};
  const ValueId a = m.holds("data-float") ? m.data(f, x, {.low = -1, .high = 1})
                                          : activation(m, per_tensor(m, DType::kUint8, f, 1), x);
  ValueId y = kNoValue;
  if (m.breaks("weight-second")) {
    if (gemm || rank != 2) throw CannotDraft{};
    const ValueId left = m.data(f, Dims{columns, rows}, {.low = -1, .high = 1});
    y = m.op("MatMul", {b, left});
  } else if (gemm) {
    std::vector<Attribute> attributes;
    if (turn_a) attributes.push_back({.name = "transA", .value = std::int64_t{1}});
    if (turn_b) attributes.push_back({.name = "transB", .value = std::int64_t{1}});
    if (!plain && rng.chance(0.5))
      attributes.push_back({.name = "alpha", .value = rng.pick({0.5F, 2.0F, -1.0F})});
    if (!plain && rng.chance(0.5))
      attributes.push_back({.name = "beta", .value = rng.pick({0.5F, 2.0F, 0.0F})});
    std::vector<ValueId> inputs = {a, b};
    if (m.opset() < 11 || rng.chance(0.7)) {
      Dims bias = {columns};
      if (m.breaks("bias-vector"))
        bias = rng.pick({Dims{}, Dims{1}, Dims{1, columns}, Dims{rows, columns}, Dims{rows, 1}});
      if (rng.chance(0.25))
        inputs.push_back(dequantize(m, m.constant(draw_integers(m, DType::kUint8, bias)),
                                    per_tensor(m, DType::kUint8, f, 1)));
      else
        inputs.push_back(m.weight(f, bias, {.low = -1, .high = 1}));
    }
    y = m.op("Gemm", inputs, attributes);
  } else {
    y = m.op("MatMul", {a, b});
  }
  if (m.breaks("result-float")) y = quantize(m, y, fitting(m, y, DType::kUint8));
  m.result(y);
}

constexpr Motif motifs[] = {
    {.name = "nbits-matmul",
     .aims_at = "QDQSelectorActionTransformer",
     .guards = kGuards,
     .since = 21,
     .build = nbits},
};

}  // namespace

namespace family {
extern const MotifFamily qdq_nbits;
const MotifFamily qdq_nbits = motifs;
}  // namespace family

}  // namespace mob::motifs
