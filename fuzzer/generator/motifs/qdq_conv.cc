// Convolutions between DequantizeLinear and QuantizeLinear.
#include <algorithm>

#include "fuzzer/generator/motifs/qdq.h"

namespace mob::motifs {
namespace {

constexpr Guard kConvGuards[] = {
    {"8-bit-types", "data and result are both uint8 or both int8, the weight is of 8 bits (int8 for int8)"},
    {"weight-axis", "scales of the weight are per output channel"},
    {"weight-zeros-alike", "the weight's zero points are equal"},
    {"zeros-given", "no zero point is left out"},
    {"data-per-tensor", "data and result have one scale"},
    {"positive-scales", "scales are positive and of moderate size"},
    {"weight-dequantized", "the weight is a dequantized constant"},
    {"weight-7-bits", "int8 weights keep to 7 bits"},
    {"bias-int32", "the bias is dequantized from int32"},
    {"bias-scale", "the bias has the product of both scales and no zero point"},
    {"result-quantized", "the result is quantized"},
    {"clip-redundant", "an activation before the last QuantizeLinear has no effect"},
};

struct ConvShape {
  Dims x, w;
  std::int64_t outputs = 0;
  std::vector<Attribute> attributes;
};

// Data, weight and attributes of a Conv that fit.
ConvShape draw_conv(MotifBuilder& m) {
  Rng& rng = m.rng();
  ConvShape c;
  const int spatial = rng.pick({1, 2, 2, 2, 3});
  std::int64_t group = rng.chance(0.75) ? 1 : rng.range(2, 3);
  std::int64_t in = rng.range(1, 3), out = rng.range(1, 4);
  if (rng.chance(0.1)) {
    group = rng.range(2, 4);
    in = out = 1;
  }
  c.outputs = group * out;
  c.x = {rng.range(1, 2), group * in};
  c.w = {c.outputs, in};
  std::vector<std::int64_t> kernel, pads, strides, dilations;
  const bool same = rng.chance(0.15);
  for (int i = 0; i < spatial; ++i) {
    kernel.push_back(rng.range(1, 3));
    pads.push_back(rng.chance(0.5) ? 0 : rng.range(0, 2));
    strides.push_back(rng.chance(0.7) ? 1 : 2);
    dilations.push_back(rng.chance(0.8) || same ? 1 : 2);
    c.w.push_back(kernel.back());
    c.x.push_back((kernel.back() - 1) * dilations.back() + rng.range(1, 4));
  }
  for (int i = 0; i < spatial; ++i) pads.push_back(rng.chance(0.5) ? 0 : rng.range(0, 2));
  if (rng.chance(0.5)) c.attributes.push_back({.name = "kernel_shape", .value = kernel});
  if (group != 1) c.attributes.push_back({.name = "group", .value = group});
  if (same)
    c.attributes.push_back(
        {.name = "auto_pad", .value = std::string(rng.chance(0.5) ? "SAME_UPPER" : "SAME_LOWER")});
  else if (rng.chance(0.6))
    c.attributes.push_back({.name = "pads", .value = pads});
  c.attributes.push_back({.name = "strides", .value = strides});
  if (std::count(dilations.begin(), dilations.end(), 2) > 0)
    c.attributes.push_back({.name = "dilations", .value = dilations});
  return c;
}

// y = Q(Conv(DQ(x), DQ(w), DQ(b)))
void qdq_conv(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  const OperandTypes types = m.holds("8-bit-types") ? usual_types(m) : unusual_types(m);
  const ConvShape c = draw_conv(m);
  Grid data = per_tensor(m, types.a, f);
  if (m.breaks("data-per-tensor"))
    data = per_axis(m, types.a, f, c.x, rng.pick({1, 1, 0, 2}), rng.chance(0.5));
  Grid weight = per_tensor(m, types.b, f, 1);
  bool axis = m.breaks("weight-axis");
  bool own_zeros = m.breaks("weight-zeros-alike");
  if (axis || own_zeros || (m.opset() >= 13 && rng.chance(0.45))) {
    const auto rank = static_cast<std::int64_t>(c.w.size());
    std::int64_t a = rng.chance(0.85) ? 0 : -rank;
    if (axis) a = rng.range(1, rank - 1);
    weight = per_axis(m, types.b, f, c.w, a, !own_zeros, 1);
  } else if (rng.chance(0.6)) {
    weight.zeros = {is_signed_int(types.b) ? 0 : 1 << (bits(types.b) - 1)};
  }
  const auto dropped = rng.below(3), spoiled = rng.below(3);
  const Flaws flaws(m, dropped, spoiled);
  flaws.put(data, 0);
  flaws.put(weight, 1);

  const Placed placed = place(m, data);
  const ValueId x = activation(m, placed, c.x);
  const Placed placed_weight = place(m, weight);
  const bool full = (types.b == DType::kInt8) && m.breaks("weight-7-bits");
  ValueId w = kNoValue;
  if (m.holds("weight-dequantized")) {
    w = dequantize(m, m.constant(draw_integers(m, types.b, c.w, true, full)), placed_weight);
  } else if (rng.chance(0.5)) {
    w = m.weight(f, c.w, {.low = -1, .high = 1});
  } else {
    w = quantize(m, m.weight(f, c.w, {.low = -1, .high = 1}), placed_weight);
    w = dequantize(m, w, placed_weight);
  }
  std::vector<ValueId> inputs = {x, w};
  if (rng.chance(0.6)) inputs.push_back(quantized_bias(m, {c.outputs}, placed, placed_weight));
  ValueId y = m.op("Conv", inputs, c.attributes);
  if (m.breaks("result-quantized")) return m.result(y);
  const bool redundant = m.holds("clip-redundant");
  Grid result = fitting(m, y, types.y);
  if (!redundant) {
    const auto [low, high] = extent(m, y);
    y = rng.chance(0.5) ? m.op("Relu", {y})
                        : m.clip(y, low * rng.uniform(0, 0.8), std::max(0.1, high * rng.uniform(0.2, 0.8)));
  } else if (f == DType::kFloat && rng.chance(0.2)) {
    result = redundant_relu(m, y, types.y);
  }
  flaws.put(result, 2, true);
  quantized_result(m, y, result, 0.4);
}

constexpr Guard kBiasGuards[] = {
    {"data-per-tensor", "the data has one scale"},
    {"weight-axis", "scales of the weight are per output channel"},
    {"no-blocks", "the weight has no blocks"},
    {"positive-scales", "scales are positive and of moderate size"},
    {"bias-vector", "the bias is a vector with an element per output channel"},
    {"bias-in-range", "the bias fits int32 on the grid that it gets"},
    {"zeros-given", "no zero point is left out"},
    {"gemm-plain", "alpha and beta of Gemm are 1"},
    {"result-quantized", "the result is quantized"},
};

// y = Q(op(DQ(x), DQ(w), b)) with a bias of floats, op one of Conv, ConvTranspose and Gemm.
void float_bias(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  const OperandTypes types = usual_types(m);
  const auto kind = rng.below(5);
  ConvShape c;
  std::string op = "Conv";
  std::int64_t channel_axis = 0;
  if (kind < 2) {
    c = draw_conv(m);
  } else if (kind == 2) {
    op = "ConvTranspose";
    const std::int64_t in = rng.range(1, 3);
    c.outputs = rng.range(1, 4);
    c.x = {1, in, rng.range(2, 4), rng.range(2, 4)};
    c.w = {in, c.outputs, rng.range(1, 3), rng.range(1, 3)};
    channel_axis = 1;
  } else {
    op = "Gemm";
    const std::int64_t k = rng.range(2, 6);
    c.outputs = rng.chance(0.3) ? k : rng.range(1, 6);
    c.x = {rng.range(1, 4), k};
    const bool turned = rng.chance(0.5);
    c.w = turned ? Dims{c.outputs, k} : Dims{k, c.outputs};
    if (turned) c.attributes.push_back({.name = "transB", .value = std::int64_t{1}});
    channel_axis = turned ? 0 : 1;
    if (m.breaks("gemm-plain")) {
      if (rng.chance(0.6)) c.attributes.push_back({.name = "alpha", .value = rng.pick({0.5F, 2.0F, -1.0F})});
      if (rng.chance(0.6)) c.attributes.push_back({.name = "beta", .value = rng.pick({0.5F, 2.0F, -1.0F})});
    }
  }
  Grid data = per_tensor(m, types.a, f);
  if (m.breaks("data-per-tensor")) data = per_axis(m, types.a, f, c.x, 1, rng.chance(0.5));
  Grid weight = per_tensor(m, types.b, f, 1);
  if (m.breaks("no-blocks"))
    weight = per_block(m, types.b, f, c.w, channel_axis, rng.range(1, 2), 1);
  else if (m.breaks("weight-axis"))
    weight = per_axis(m, types.b, f, c.w, channel_axis == 0 ? 1 : 0, rng.chance(0.5), 1);
  else if (m.opset() >= 13 && rng.chance(0.3))
    weight = per_axis(m, types.b, f, c.w, channel_axis, true, 1);
  const bool positive = m.holds("positive-scales");
  const bool of_data = rng.chance(0.5);
  if (!positive) spoil_scales(m, of_data ? data : weight, false);
  if (m.breaks("zeros-given")) drop_zeros(rng.chance(0.5) ? data : weight);
  const ValueId x = activation(m, data, c.x);
  const ValueId w = rng.chance(0.15)
                        ? m.weight(f, c.w, {.low = -1, .high = 1})
                        : dequantize(m, m.constant(draw_integers(m, types.b, c.w, true)), weight);
  Dims bias = {c.outputs};
  if (m.breaks("bias-vector")) {
    if (op != "Gemm") throw CannotDraft{};
    bias = rng.pick({Dims{}, Dims{1}, Dims{1, c.outputs}, Dims{c.x[0], c.outputs}, Dims{c.x[0], 1}});
  }
  const double reach = m.holds("bias-in-range") ? 1 : 1e7;
  const ValueId b = m.weight(f, bias, {.low = -reach, .high = reach});
  ValueId y = m.op(op, {x, w, b}, c.attributes);
  if (m.breaks("result-quantized")) return m.result(y);
  if (rng.chance(0.15)) y = m.op("Relu", {y});
  m.result(quantize(m, y, fitting(m, y, types.y)));
}

constexpr Motif motifs[] = {
    {.name = "qdq-conv",
     .aims_at = "QDQSelectorActionTransformer",
     .guards = kConvGuards,
     .since = 10,
     .build = qdq_conv},
    {.name = "qdq-float-bias",
     .aims_at = "WeightBiasQuantization",
     .guards = kBiasGuards,
     .since = 10,
     .build = float_bias},
};

}  // namespace

namespace family {
extern const MotifFamily qdq_conv;
const MotifFamily qdq_conv = motifs;
}  // namespace family

}  // namespace mob::motifs
