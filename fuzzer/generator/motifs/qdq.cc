#include "fuzzer/generator/motifs/qdq.h"

#include <algorithm>
#include <cmath>

namespace mob::motifs {
namespace {

double levels(DType t) {
  return std::ldexp(1.0, std::min(bits(t), 16)) - 1;
}

double draw_scale(Rng& rng, DType t, double reach) {
  return 2 * reach / levels(t) * std::exp(rng.uniform(-0.7, 0.5));
}

std::int64_t middle(DType t) {
  return bits(t) > 16 ? 0 : (int_min(t) + int_max(t) + 1) / 2;
}

std::int64_t draw_zero(Rng& rng, DType t) {
  if (bits(t) > 16) return 0;
  if (rng.chance(0.4)) return middle(t);
  if (rng.chance(0.1)) return rng.chance(0.5) ? int_min(t) : int_max(t);
  const std::int64_t quarter = (int_max(t) - int_min(t)) / 4;
  return rng.range(int_min(t) + quarter, int_max(t) - quarter);
}

std::vector<Attribute> granularity(MotifBuilder& m, const Grid& g) {
  std::vector<Attribute> attributes;
  if (g.per_tensor()) return attributes;
  if (m.opset() < 13 || (g.block > 0 && m.opset() < 21)) throw CannotDraft{};
  if (g.axis != 1 || m.rng().chance(0.5)) attributes.push_back({.name = "axis", .value = g.axis});
  if (g.block > 0) attributes.push_back({.name = "block_size", .value = g.block});
  return attributes;
}

}  // namespace

DType quantized_float(MotifBuilder& m) {
  // Before opset 19 the scale is float.
  return m.opset() < 19 ? DType::kFloat : m.dtype({DType::kFloat16}, "QuantizeLinear");
}

Grid per_tensor(MotifBuilder& m, DType type, DType scale_type, double reach) {
  Grid g{.type = type, .scale_type = scale_type};
  g.scales = {draw_scale(m.rng(), type, reach)};
  g.zeros = {draw_zero(m.rng(), type)};
  return g;
}

Grid per_axis(MotifBuilder& m, DType type, DType scale_type, const Dims& dims, std::int64_t axis,
              bool zeros_alike, double reach) {
  const auto rank = static_cast<std::int64_t>(dims.size());
  const std::int64_t n = dims[static_cast<std::size_t>(axis < 0 ? axis + rank : axis)];
  Grid g{.type = type, .scale_type = scale_type, .shape = {n}, .scales = {}, .axis = axis};
  const std::int64_t zero =
      is_signed_int(type) || m.rng().chance(0.7) ? middle(type) : draw_zero(m.rng(), type);
  for (std::int64_t i = 0; i < n; ++i) {
    g.scales.push_back(draw_scale(m.rng(), type, reach));
    g.zeros.push_back(zeros_alike ? zero : draw_zero(m.rng(), type));
  }
  return g;
}

Grid per_block(MotifBuilder& m, DType type, DType scale_type, const Dims& dims, std::int64_t axis,
               std::int64_t block, double reach) {
  Grid g{.type = type, .scale_type = scale_type, .shape = dims, .scales = {}, .axis = axis, .block = block};
  const auto rank = static_cast<std::int64_t>(dims.size());
  auto& n = g.shape[static_cast<std::size_t>(axis < 0 ? axis + rank : axis)];
  n = (n + block - 1) / block;
  // ONNX Runtime takes [1] for one scale, and then wants no block_size.
  if (g.shape == Dims{1}) throw CannotDraft{};
  for (std::int64_t i = 0; i < element_count(g.shape); ++i) {
    g.scales.push_back(draw_scale(m.rng(), type, reach));
    g.zeros.push_back(draw_zero(m.rng(), type));
  }
  return g;
}

std::pair<double, double> extent(MotifBuilder& m, ValueId v) {
  const Expected& x = m.builder().value(v);
  double low = 0, high = 0;
  for (std::size_t i = 0; i < x.count(); ++i) {
    if (!std::isfinite(x.value_at(i))) continue;
    low = i == 0 ? x.value_at(i) : std::min(low, x.value_at(i));
    high = i == 0 ? x.value_at(i) : std::max(high, x.value_at(i));
  }
  return {low, high};
}

Grid fitting(MotifBuilder& m, ValueId v, DType type) {
  Rng& rng = m.rng();
  auto [low, high] = extent(m, v);
  low = std::min(low, 0.0);
  high = std::max(high, 0.0);
  if (high - low < 1e-3) high = low + 1;
  Grid g{.type = type, .scale_type = m.type(v).dtype};
  const double stretch = rng.uniform(0.75, 1.4);
  if (is_signed_int(type) && rng.chance(0.4)) {
    g.scales = {2 * std::max(-low, high) / levels(type) * stretch};
    g.zeros = {0};
  } else {
    g.scales = {(high - low) / levels(type) * stretch};
    const double least = static_cast<double>(int_min(type)), most = static_cast<double>(int_max(type));
    g.zeros = {static_cast<std::int64_t>(
        std::clamp(std::nearbyint(least - low / ((high - low) / levels(type))), least, most))};
  }
  return g;
}

void spoil_scales(MotifBuilder& m, Grid& g, bool divides) {
  Rng& rng = m.rng();
  const auto n = rng.pick({0, 0, 1, divides ? 0 : 2});  // negative, tiny, zero
  const bool all = rng.chance(0.5);
  for (double& s : g.scales)
    if (all || &s == &g.scales.front()) s = n == 0 ? -s : n == 1 ? s * 1e-4 : 0;
}

void drop_zeros(Grid& g) {
  g.zeros.clear();
}

Placed place(MotifBuilder& m, const Grid& g) {
  Placed p{.grid = g};
  Dims shape = g.shape;
  if (g.per_tensor()) {
    p.scale = m.scalar(g.scale_type, g.scales.front());
    shape = m.dims(p.scale);
    if (shape.size() > 1) throw CannotDraft{};
  } else {
    p.scale = m.constant(Tensor::of(g.scale_type, shape, g.scales));
  }
  if (!g.zeros.empty()) p.zero = m.constant(Tensor::of_ints(g.type, shape, g.zeros));
  return p;
}

ValueId quantize(MotifBuilder& m, ValueId x, const Placed& p) {
  std::vector<Attribute> attributes = granularity(m, p.grid);
  if (p.zero == kNoValue && p.grid.type != DType::kUint8) {
    if (m.opset() < 21) throw CannotDraft{};
    attributes.push_back({.name = "output_dtype", .value = static_cast<std::int64_t>(p.grid.type)});
  }
  return m.op("QuantizeLinear", {x, p.scale, p.zero}, std::move(attributes));
}

ValueId dequantize(MotifBuilder& m, ValueId x, const Placed& p) {
  return m.op("DequantizeLinear", {x, p.scale, p.zero}, granularity(m, p.grid));
}

ValueId activation(MotifBuilder& m, const Placed& p, const Dims& dims) {
  const Grid& g = p.grid;
  const bool positive = std::all_of(g.scales.begin(), g.scales.end(), [](double s) { return s > 1e-5; });
  if (positive && bits(g.type) <= 16 && (p.zero != kNoValue || g.type == DType::kUint8 || m.opset() >= 21) &&
      m.rng().chance(0.35)) {
    const double reach = g.scales.front() * levels(g.type) / 2;
    const ValueId x = m.data(g.scale_type, dims, {.low = -reach, .high = reach});
    return dequantize(m, quantize(m, x, p), p);
  }
  const ValueRange range = {.low = bits(g.type) > 16 ? -30000 : static_cast<double>(int_min(g.type)),
                            .high = bits(g.type) > 16 ? 30000 : static_cast<double>(int_max(g.type)),
                            .integral = true};
  return dequantize(m, m.data(g.type, dims, range), p);
}

Tensor draw_integers(MotifBuilder& m, DType type, const Dims& dims, bool weight, bool full) {
  if (element_count(dims) > m.builder().policy().max_elements) throw CannotDraft{};
  ValueRange range = {.low = bits(type) > 16 ? -30000 : static_cast<double>(int_min(type)),
                      .high = bits(type) > 16 ? 30000 : static_cast<double>(int_max(type)),
                      .integral = true};
  if (weight && !full && type == DType::kInt8) range = {.low = -63, .high = 63, .integral = true};
  return m.builder().draw(ArrayType{type, dims}, range);
}

OperandTypes usual_types(MotifBuilder& m) {
  constexpr DType u8 = DType::kUint8, s8 = DType::kInt8;
  return m.rng().pick({OperandTypes{u8, u8, u8}, OperandTypes{u8, s8, u8}, OperandTypes{s8, s8, s8}});
}

OperandTypes unusual_types(MotifBuilder& m) {
  constexpr DType u8 = DType::kUint8, s8 = DType::kInt8, u16 = DType::kUint16, s16 = DType::kInt16,
                  u4 = DType::kUint4, s4 = DType::kInt4;
  if (m.opset() < 21 || m.rng().chance(0.5))
    return m.rng().pick({OperandTypes{s8, u8, s8}, OperandTypes{u8, s8, s8}, OperandTypes{s8, s8, u8},
                         OperandTypes{u8, u8, s8}, OperandTypes{s8, u8, u8}});
  return m.rng().pick({OperandTypes{u16, s8, u16}, OperandTypes{s16, s8, s16}, OperandTypes{u16, u16, u16},
                       OperandTypes{u8, s4, u8}, OperandTypes{s8, s4, s8}, OperandTypes{u8, u4, u8},
                       OperandTypes{u8, u8, u16}, OperandTypes{u16, u8, u8}, OperandTypes{u4, u4, u4},
                       OperandTypes{s16, s16, s16}});
}

ValueId quantized_bias(MotifBuilder& m, const Dims& dims, const Placed& data, const Placed& weight) {
  Rng& rng = m.rng();
  if (m.breaks("bias-int32")) {
    if (rng.chance(0.6)) return m.weight(data.grid.scale_type, dims, {.low = -1, .high = 1});
    const Grid g = per_tensor(m, weight.grid.type, data.grid.scale_type, 1);
    return dequantize(m, m.constant(draw_integers(m, g.type, dims)), g);
  }
  Grid g{.type = DType::kInt32, .scale_type = data.grid.scale_type, .scales = {}, .axis = 0};
  const bool vector = dims.size() == 1 && element_count(dims) > 0;
  const auto n = vector ? static_cast<std::size_t>(dims[0]) : 1;
  const bool channels = !weight.grid.per_tensor() && weight.grid.shape == dims && data.grid.per_tensor();
  if (channels) g.shape = dims;
  for (std::size_t i = 0; i < (channels ? n : 1); ++i)
    g.scales.push_back(data.grid.scales.front() * weight.grid.scales[channels ? i : 0]);
  bool moved_zero = false;
  if (m.breaks("bias-scale")) {
    moved_zero = rng.chance(0.25);
    for (double& s : g.scales)
      if (!moved_zero) s *= rng.pick({0.5, 2.0, 3.0, -1.0, 10.0});
  }
  // Where the scale is the product, the sum stays in step with int32 sums of products.
  const double most = std::clamp(2 / std::max(std::fabs(g.scales.front()), 1e-9), 10.0, 1e6);
  if (moved_zero)
    g.zeros.assign(g.scales.size(), rng.range(1, static_cast<std::int64_t>(most)));
  else if (rng.chance(0.3))
    g.zeros.assign(g.scales.size(), 0);
  if (element_count(dims) > m.builder().policy().max_elements) throw CannotDraft{};
  const ValueId b = m.constant(
      m.builder().draw(ArrayType{DType::kInt32, dims}, {.low = -most, .high = most, .integral = true}));
  return dequantize(m, b, g);
}

Grid redundant_relu(MotifBuilder& m, ValueId& y, DType type) {
  y = m.op("Relu", {y});
  Grid g = fitting(m, y, type);
  g.zeros = {int_min(type)};
  return g;
}

void quantized_result(MotifBuilder& m, ValueId y, const Grid& g, double off) {
  y = quantize(m, y, g);
  m.result(m.rng().chance(off) ? dequantize(m, y, g) : y);
}

}  // namespace mob::motifs
