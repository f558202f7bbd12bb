// Relu and Clip that the next node makes needless: a Clip, or a quantization that saturates anyway.
#include "fuzzer/generator/motifs/convolution.h"

namespace mob::motifs {
namespace {

// --- Relu -> Clip ---

constexpr Guard kClipGuards[] = {
    {"data-slot", "what the Relu gives is clipped, and is no bound"},
    {"lower-given", "the lower bound is given"},
    {"upper-given", "the upper bound is given"},
    {"ordered", "the lower bound is below the upper one"},
    {"upper-positive", "the upper bound is above 0"},
    {"direct", "no other node stands between"},
};

void relu_clip(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kFloat16, DType::kInt32, DType::kInt8, DType::kInt64},
                          m.opset() >= 14 ? "Relu" : "Clip");
  const ValueRange range = {.low = -4, .high = 4};
  const auto slot = [&] {
    // A bound of rank 0 that went through Relu.
    const double low = rng.pick({-3.0, -1.0, 0.0, 1.0});
    return m.op("Relu", {m.data(t, {}, {.low = low, .high = low + 3})});
  };
  if (m.opset() >= 11 && m.breaks("data-slot")) {
    const ValueId x = m.data(t, m.draw_dims(rng.range(0, 3)), range), bound = slot();
    ValueId low = m.scalar(t, rng.pick({-2.0, -1.0, 0.0, 1.0})), high = m.scalar(t, rng.pick({2.0, 3.0}));
    const std::int64_t which = rng.range(0, 3);
    if (which == 0) low = bound;
    if (which >= 1) high = bound;
    if (which == 2) low = kNoValue;
    if (which == 3 && rng.chance(0.5)) {
      m.result(m.op("Clip", {bound, low, high}));
      return;
    }
    m.result(m.op("Clip", {x, low, high}));
    return;
  }
  const ValueId x = m.data(t, m.draw_dims(rng.range(1, 4)), range);
  ValueId y = m.op("Relu", {x});
  if (m.breaks("direct")) y = m.op(rng.pick({"Neg", "Abs", "Identity"}), {y});
  double low = rng.pick({-1.0, 0.0, 0.0, 1.0, -3.0}), high = rng.pick({6.0, 2.0, 3.0});
  if (m.breaks("upper-positive")) low = -3, high = rng.pick({-1.0, 0.0, -2.0});
  if (m.breaks("ordered")) std::swap(low, high);
  const bool has_low = m.holds("lower-given"), has_high = m.holds("upper-given");
  if (m.opset() < 11) {
    Attributes attributes;
    if (has_low) set(attributes, "min", static_cast<float>(low));
    if (has_high) set(attributes, "max", static_cast<float>(high));
    m.result(m.op("Clip", {y}, attributes));
    return;
  }
  std::vector<ValueId> inputs = {y, has_low ? m.scalar(t, low) : kNoValue};
  if (has_high) inputs.push_back(m.scalar(t, high));
  if (!has_high && !has_low) inputs.pop_back();
  m.result(m.op("Clip", inputs));
}

// --- Relu or Clip -> QuantizeLinear ---

constexpr Guard kQuantGuards[] = {
    {"saturates", "the quantization cuts off all that the node before it does"},
    {"one-scale", "there is one scale"},
    {"scale-positive", "the scale is positive"},
    {"zero-given", "the zero point is given"},
    {"data-slot", "what is cut off is quantized, and is no scale"},
    {"bounds", "the Clip has both bounds, the lower one first"},
    {"no-block", "no axis is quantized block by block"},
    {"computed", "what is clipped comes out of a node"},
};

void quantized(MotifBuilder& m, bool relu) {
  Rng& rng = m.rng();
  const bool wide = m.opset() >= 21 && rng.chance(0.1);
  const bool given = m.holds("zero-given");
  DType q = rng.chance(0.5) || !given ? DType::kUint8 : DType::kInt8;
  if (wide && given) q = rng.pick({DType::kUint16, DType::kInt16});
  const double least = static_cast<double>(int_min(q)), most = static_cast<double>(int_max(q));
  const double step = most - least > 300 ? 0.0005 : rng.pick({0.02, 0.05, 0.1});
  const bool saturates = m.holds("saturates");
  double zero = relu ? least : least + rng.pick({0.0, 0.0, 100.0, 128.0});
  if (!saturates && relu) zero = least + rng.pick({1.0, 10.0, 128.0});
  if (!given) zero = 0;
  const Dims dims = m.draw_dims(rng.range(1, 4), 2);
  const DType t = m.dtype({DType::kFloat16, DType::kDouble}, "QuantizeLinear");
  const ValueRange range = {.low = -3, .high = 6};
  ValueId x = m.data(t, dims, range);
  ValueId y = kNoValue;
  if (!relu && m.holds("computed")) x = m.op(rng.pick({"Neg", "Abs", "Sin", "Cos"}), {x});
  if (relu) {
    y = m.op("Relu", {x});
  } else if (m.breaks("bounds")) {
    const std::int64_t which = rng.range(0, 3);
    if (m.opset() < 11)
      y = which == 0
              ? m.clip(x, 2, -1)
              : m.op("Clip", {x}, {{.name = which == 1 ? "min" : "max", .value = which == 1 ? 0.0F : 1.0F}});
    else
      y = which == 0   ? m.clip(x, 2, -1)
          : which == 1 ? m.op("Clip", {x, m.scalar(t, 0)})
          : which == 2 ? m.op("Clip", {x, kNoValue, m.scalar(t, 1)})
                       : m.op("Clip", {x});
  } else {
    // The bounds enclose what the quantization can hold, or not.
    const double low = (least - zero) * step, high = (most - zero) * step;
    const double slack = rng.pick({0.0, 0.5, 2.0});
    if (saturates)
      y = m.clip(x, low - slack, high + slack);
    else if (rng.chance(0.5))
      y = m.clip(x, low + 0.55, high + slack);
    else
      y = m.clip(x, low - slack, std::max(low, high - rng.pick({0.5, 1.0, 3.0})));
  }
  const DType st = m.opset() < 19 ? DType::kFloat : t;
  const bool one = m.opset() < 13 || m.holds("one-scale");
  const double sign = m.holds("scale-positive") ? 1 : -1;
  Attributes attributes;
  ValueId scale = kNoValue, zero_point = kNoValue;
  if (m.breaks("data-slot")) {
    // The node before gives the scale instead.
    const ValueId s = m.data(st, {}, {.low = 0.1, .high = 0.3});
    scale = relu ? m.op("Relu", {s}) : m.clip(s, 0.15, 0.25);
    y = x;
    zero_point = m.scalar(q, zero);
  } else if (m.opset() < 13 || (one && (m.opset() < 21 || m.holds("no-block")))) {
    scale = m.scalar(st, sign * step);
    zero_point = m.scalar(q, zero);
  } else {
    const std::int64_t axis = rng.range(0, static_cast<std::int64_t>(dims.size()) - 1), n = at(dims, axis);
    Dims shape = {n};
    if (m.opset() >= 21 && m.breaks("no-block")) {
      shape = dims;
      const std::int64_t block = rng.range(1, 2);
      shape[static_cast<std::size_t>(axis)] = (n + block - 1) / block;
      set(attributes, "block_size", block);
    }
    const auto count = static_cast<std::size_t>(element_count(shape));
    std::vector<double> scales(count), zeros(count, zero);
    for (auto& s : scales) s = sign * step * rng.pick({1.0, 1.5, 2.0});
    if (rng.chance(0.5)) zeros.back() = zero + 5;
    scale = m.constant(Tensor::of(st, shape, scales));
    zero_point = m.constant(Tensor::of(q, shape, zeros));
    set(attributes, "axis", axis - (rng.chance(0.3) ? static_cast<std::int64_t>(dims.size()) : 0));
  }
  std::vector<ValueId> inputs = {y, scale};
  if (given) inputs.push_back(zero_point);
  const ValueId quantized = m.op("QuantizeLinear", inputs, attributes);
  if (rng.chance(0.4) && m.type(scale).rank() < 2 && one && attributes.empty() && inputs.size() == 3) {
    m.result(m.op("DequantizeLinear", {quantized, scale, zero_point}));
    return;
  }
  m.result(quantized);
}

void relu_quantized(MotifBuilder& m) {
  quantized(m, true);
}
void clip_quantized(MotifBuilder& m) {
  quantized(m, false);
}

constexpr Guard kReluQuantGuards[] = {
    kQuantGuards[0], kQuantGuards[1], kQuantGuards[2], kQuantGuards[3], kQuantGuards[4], kQuantGuards[6],
};

constexpr Motif motifs[] = {
    {.name = "relu-clip", .aims_at = "FuseReluClip", .guards = kClipGuards, .build = relu_clip},
    {.name = "relu-quantize",
     .aims_at = "ReluQuantRewrite",
     .guards = kReluQuantGuards,
     .since = 10,
     .build = relu_quantized},
    {.name = "clip-quantize",
     .aims_at = "ClipQuantRewrite",
     .guards = kQuantGuards,
     .since = 10,
     .build = clip_quantized},
};

}  // namespace

namespace family {
extern const MotifFamily relu_clip;
const MotifFamily relu_clip = motifs;
}  // namespace family

}  // namespace mob::motifs
