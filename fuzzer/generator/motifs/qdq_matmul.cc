// Matrix products between DequantizeLinear and QuantizeLinear.
#include <algorithm>

#include "fuzzer/generator/motifs/qdq.h"

namespace mob::motifs {
namespace {

constexpr Guard kMatMulGuards[] = {
    {"8-bit-types", "data and result are both uint8 or both int8, the weight is of 8 bits (int8 for int8)"},
    {"weight-axis", "scales of the weight are per column"},
    {"weight-zeros-alike", "the weight's zero points are equal"},
    {"zeros-given", "no zero point is left out"},
    {"data-per-tensor", "data and result have one scale"},
    {"positive-scales", "scales are positive and of moderate size"},
    {"both-dequantized", "both operands are dequantized"},
    {"weight-second", "the constant is the second operand"},
    {"matrices", "both operands are of rank 2 or more"},
    {"weight-matrix", "the weight is of rank 2"},
    {"weight-7-bits", "int8 weights keep to 7 bits"},
    {"no-blocks", "there is one scale per tensor or axis"},
};

// y = Q(MatMul(DQ(a), DQ(b))), or without the Q
void qdq_matmul(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  const OperandTypes types = m.holds("8-bit-types") ? usual_types(m) : unusual_types(m);
  std::int64_t rows = rng.range(1, 5), k = rng.range(1, 8), columns = rng.range(1, 6);
  if (rng.chance(0.3)) rows = columns = k;  // scales of the wrong axis fit, too
  Dims a = {rows, k}, b = {k, columns};
  if (rng.chance(0.3)) a.insert(a.begin(), rng.range(1, 3));
  if (m.breaks("weight-matrix")) {
    b.insert(b.begin(), a.size() == 3 && rng.chance(0.6) ? a.front() : rng.range(1, 3));
    if (a.size() == 3 && a.front() != 1 && b.front() != 1) b.front() = a.front();
  }
  if (m.breaks("matrices")) {
    if (rng.chance(0.5))
      a = {k};
    else
      b = {k};
  }
  const bool first = m.breaks("weight-second");
  if (first) std::swap(a, b);  // a stays the data's, b the weight's
  Grid data = per_tensor(m, types.a, f);
  if (m.breaks("data-per-tensor"))
    data = per_axis(m, types.a, f, a, rng.range(0, static_cast<std::int64_t>(a.size()) - 1), rng.chance(0.5));
  Grid weight = per_tensor(m, types.b, f, 1);
  const bool axis = m.breaks("weight-axis");
  const bool own_zeros = m.breaks("weight-zeros-alike");
  const auto rank = static_cast<std::int64_t>(b.size());
  if (m.breaks("no-blocks")) {
    weight = per_block(m, types.b, f, b, rng.range(0, rank - 1), rng.range(1, 4), 1);
  } else if (axis || own_zeros || (m.opset() >= 13 && rng.chance(0.4))) {
    std::int64_t at = rank - 1;
    if (axis && rank > 1) at = rng.range(0, rank - 2);
    if (rng.chance(0.2)) at -= rank;
    weight = per_axis(m, types.b, f, b, at, !own_zeros, 1);
  }
  const auto dropped = rng.below(3), spoiled = rng.below(3);
  const Flaws flaws(m, dropped, spoiled);
  flaws.put(data, 0);
  flaws.put(weight, 1);

  const bool both = m.holds("both-dequantized");
  const bool data_float = rng.chance(0.6);
  const ValueId x = !both && data_float ? m.data(f, a) : activation(m, data, a);
  const bool full = types.b == DType::kInt8 && m.breaks("weight-7-bits");
  ValueId w = kNoValue;
  if (!both && !data_float)
    w = m.weight(f, b, {.low = -1, .high = 1});
  else if (rng.chance(0.15))
    w = activation(m, weight, b);  // a product of two activations
  else
    w = dequantize(m, m.constant(draw_integers(m, types.b, b, true, full)), weight);
  ValueId y = first ? m.op("MatMul", {w, x}) : m.op("MatMul", {x, w});
  if (rng.chance(0.35)) return m.result(y);
  Grid result = fitting(m, y, types.y);
  flaws.put(result, 2, true);
  quantized_result(m, y, result, 0.4);
}

constexpr Guard kGemmGuards[] = {
    {"8-bit-types", "data and result are both uint8 or both int8, the weight is of 8 bits (int8 for int8)"},
    {"weight-axis", "scales of the weight are per output column"},
    {"weight-zeros-alike", "the weight's zero points are equal"},
    {"zeros-given", "no zero point is left out"},
    {"data-per-tensor", "the data has one scale"},
    {"positive-scales", "scales are positive and of moderate size"},
    {"alpha-1", "alpha is 1 beside a bias"},
    {"beta-1", "beta is 1 beside a bias"},
    {"bias-vector", "the bias is a vector with an element per column"},
    {"bias-int32", "the bias is dequantized from int32"},
    {"bias-scale", "the bias has the product of both scales and no zero point"},
    {"weight-7-bits", "int8 weights keep to 7 bits"},
};

// y = Q(Gemm(DQ(a), DQ(b), DQ(c))), or without the Q
void qdq_gemm(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  const OperandTypes types = m.holds("8-bit-types") ? usual_types(m) : unusual_types(m);
  std::int64_t rows = rng.range(1, 5), k = rng.range(1, 8), columns = rng.range(1, 6);
  if (rng.chance(0.3)) rows = columns = k;
  const bool turn_a = rng.chance(0.25), turn_b = rng.chance(0.5);
  const Dims a = turn_a ? Dims{k, rows} : Dims{rows, k}, b = turn_b ? Dims{columns, k} : Dims{k, columns};
  Grid data = per_tensor(m, types.a, f);
  if (m.breaks("data-per-tensor")) data = per_axis(m, types.a, f, a, rng.range(0, 1), rng.chance(0.5));
  Grid weight = per_tensor(m, types.b, f, 1);
  const bool axis = m.breaks("weight-axis");
  const bool own_zeros = m.breaks("weight-zeros-alike");
  if (axis || own_zeros || (m.opset() >= 13 && rng.chance(0.4)))
    weight = per_axis(m, types.b, f, b, (turn_b ? 0 : 1) ^ (axis ? 1 : 0), !own_zeros, 1);
  const auto dropped = rng.below(3), spoiled = rng.below(3);
  const Flaws flaws(m, dropped, spoiled);
  flaws.put(data, 0);
  flaws.put(weight, 1);

  const Placed placed = place(m, data);
  const ValueId x = activation(m, placed, a);
  const Placed placed_weight = place(m, weight);
  const bool full = types.b == DType::kInt8 && m.breaks("weight-7-bits");
  std::vector<ValueId> inputs = {
      x, dequantize(m, m.constant(draw_integers(m, types.b, b, true, full)), placed_weight)};
  std::vector<Attribute> attributes;
  if (turn_a) attributes.push_back({.name = "transA", .value = std::int64_t{1}});
  if (turn_b) attributes.push_back({.name = "transB", .value = std::int64_t{1}});
  const bool biased = m.opset() < 11 || rng.chance(0.75);
  float alpha = 1, beta = 1;
  if (biased) {
    if (m.breaks("alpha-1")) alpha = rng.pick({0.5F, 2.0F, 0.1F, -1.0F, 1.001F});
    if (m.breaks("beta-1")) beta = rng.pick({0.5F, 2.0F, 0.0F, -1.0F});
    Dims dims = {columns};
    if (m.breaks("bias-vector"))
      dims = rng.pick({Dims{}, Dims{1}, Dims{1, columns}, Dims{rows, columns}, Dims{rows, 1}});
    inputs.push_back(quantized_bias(m, dims, placed, placed_weight));
  } else if (rng.chance(0.4)) {
    alpha = rng.pick({0.5F, 2.0F, 0.1F, -1.0F});
  }
  if (alpha != 1) attributes.push_back({.name = "alpha", .value = alpha});
  if (beta != 1) attributes.push_back({.name = "beta", .value = beta});
  ValueId y = m.op("Gemm", inputs, attributes);
  if (rng.chance(0.25)) return m.result(y);
  Grid result = fitting(m, y, types.y);
  if (f == DType::kFloat && rng.chance(0.15)) {
    result = redundant_relu(m, y, types.y);
  }
  flaws.put(result, 2, true);
  quantized_result(m, y, result, 0.4);
}

constexpr Motif motifs[] = {
    {.name = "qdq-matmul",
     .aims_at = "QDQSelectorActionTransformer",
     .guards = kMatMulGuards,
     .since = 10,
     .build = qdq_matmul},
    {.name = "qdq-gemm",
     .aims_at = "QDQSelectorActionTransformer",
     .guards = kGemmGuards,
     .since = 10,
     .build = qdq_gemm},
};

}  // namespace

namespace family {
extern const MotifFamily qdq_matmul;
const MotifFamily qdq_matmul = motifs;
}  // namespace family

}  // namespace mob::motifs
