// One operand between DequantizeLinear and QuantizeLinear: what has an integer kernel, what only moves or
// picks elements, and clipping that QuantizeLinear does anyway.
#include <algorithm>
#include <cmath>

#include "fuzzer/generator/motifs/qdq.h"

namespace mob::motifs {
namespace {

std::int64_t any_axis(Rng& rng, const Dims& dims) {
  const auto rank = static_cast<std::int64_t>(dims.size());
  return rng.range(-rank, rank - 1);
}

// Attributes of a pool over the dimensions after the second.
std::vector<Attribute> pool_attributes(MotifBuilder& m, const Dims& x, bool average) {
  Rng& rng = m.rng();
  std::vector<std::int64_t> kernel, strides, pads;
  // With both auto_pad and ceil_mode, ONNX's shape inference goes its own way. A stride beyond the kernel
  // gives a negative padding with the one, and another size with the other.
  const bool named = rng.chance(0.2), ceil = !named && rng.chance(0.25);
  for (std::size_t i = 2; i < x.size(); ++i) {
    kernel.push_back(rng.range(1, std::min<std::int64_t>(3, x[i])));
    strides.push_back(rng.range(1, named || ceil ? std::min<std::int64_t>(2, kernel.back()) : 2));
  }
  for (int end = 0; end < 2; ++end)
    for (std::int64_t k : kernel) pads.push_back(rng.chance(0.5) ? 0 : rng.range(0, k - 1));
  std::vector<Attribute> attributes = {{.name = "kernel_shape", .value = kernel},
                                       {.name = "strides", .value = strides}};
  if (named)
    attributes.push_back(
        {.name = "auto_pad", .value = std::string(rng.pick({"SAME_UPPER", "SAME_LOWER", "VALID"}))});
  else if (rng.chance(0.6))
    attributes.push_back({.name = "pads", .value = pads});
  if (ceil) attributes.push_back({.name = "ceil_mode", .value = std::int64_t{1}});
  if (average && rng.chance(0.4))
    attributes.push_back({.name = "count_include_pad", .value = std::int64_t{1}});
  return attributes;
}

Dims image_dims(MotifBuilder& m) {
  Rng& rng = m.rng();
  Dims x = {rng.range(1, 2), rng.range(1, 4)};
  const int spatial = rng.pick({1, 2, 2, 2, 3});
  for (int i = 0; i < spatial; ++i) x.push_back(rng.range(2, 5));
  return x;
}

constexpr Guard kUnaryGuards[] = {
    {"integer-kernel", "the operator has an integer kernel"},
    {"8-bit-types", "both sides are uint8 or both int8"},
    {"data-per-tensor", "the data has one scale"},
    {"result-per-tensor", "the result has one scale"},
    {"zeros-given", "no zero point is left out"},
    {"positive-scales", "scales are positive and of moderate size"},
    {"clip-redundant", "an activation before QuantizeLinear has no effect"},
};

OperandTypes side_types(MotifBuilder& m, bool usual) {
  Rng& rng = m.rng();
  constexpr DType u8 = DType::kUint8, s8 = DType::kInt8, u16 = DType::kUint16, s16 = DType::kInt16;
  const DType t = rng.pick({u8, s8});
  if (usual) return {t, t, t};
  if (m.opset() < 21 || rng.chance(0.4)) return {t, t, t == u8 ? s8 : u8};
  if (rng.chance(0.2))
    return rng.pick(
        {OperandTypes{DType::kInt4, s8, DType::kInt4}, OperandTypes{DType::kUint4, u8, DType::kUint4}});
  return rng.pick({OperandTypes{u16, u16, u16}, OperandTypes{s16, s16, s16}, OperandTypes{u8, u8, u16},
                   OperandTypes{u16, u16, u8}});
}

Grid grid_of(MotifBuilder& m, bool whole, DType t, DType f, const Dims& dims) {
  if (whole || dims.empty()) return per_tensor(m, t, f);
  return per_axis(m, t, f, dims, any_axis(m.rng(), dims), m.rng().chance(0.4));
}

// y = Q(op(DQ(x)))
void qdq_unary(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  const OperandTypes types = side_types(m, m.holds("8-bit-types"));
  const Dims dims = rng.chance(0.6) ? image_dims(m) : m.draw_dims(rng.range(1, 4));
  const bool image = dims.size() >= 3;
  Grid data = grid_of(m, m.holds("data-per-tensor"), types.a, f, dims);
  const std::uint64_t odd = rng.chance(0.5) ? 0 : 1;  // data or result
  const Flaws flaws(m, odd, odd);
  flaws.put(data, 0);
  const ValueId x = activation(m, data, dims);
  ValueId y = kNoValue;
  if (m.holds("integer-kernel")) {
    switch (rng.below(image ? 6 : 3)) {
      case 0:
        y = m.op("Sigmoid", {x});
        break;
      case 1:
        y = rng.chance(0.3) ? m.op("LeakyRelu", {x})
                            : m.op("LeakyRelu", {x},
                                   {{.name = "alpha", .value = rng.pick({0.1F, 0.5F, -0.5F, 0.0F, 2.0F})}});
        break;
      case 2:
        y = rng.chance(0.2) ? m.op("Softmax", {x}) : m.softmax(x, any_axis(rng, dims));
        break;
      case 3:
        y = m.op("GlobalAveragePool", {x});
        break;
      default:
        y = m.op("AveragePool", {x}, pool_attributes(m, dims, true));
        break;
    }
  } else {
    switch (rng.below(5)) {
      case 0:
        y = m.reduce("ReduceMean", x, {any_axis(rng, dims)}, rng.chance(0.7));
        break;
      case 1:
        y = m.clip(x, rng.uniform(-1.5, -0.2), rng.uniform(0.2, 1.5));
        break;
      case 2:
        if (!image) throw CannotDraft{};
        y = m.op(rng.pick({"GlobalMaxPool", "GlobalLpPool"}), {x});
        break;
      default:
        y = m.op(rng.pick({"Tanh", "Relu", "Exp", "HardSigmoid", "HardSwish", "Elu", "Gelu", "Abs", "Neg",
                           "Erf", "Softplus", "LogSoftmax", "Softsign"}),
                 {x});
    }
  }
  Grid result = fitting(m, y, types.y);
  if (m.breaks("result-per-tensor")) {
    result = grid_of(m, false, types.y, f, m.dims(y));
  } else if (m.breaks("clip-redundant")) {
    const auto [low, high] = extent(m, y);
    y = rng.chance(0.5) ? m.op("Relu", {y}) : m.clip(y, low + (high - low) * rng.uniform(0.1, 0.4), high);
  } else if (f == DType::kFloat && rng.chance(0.15)) {
    result = redundant_relu(m, y, types.y);
  }
  flaws.put(result, 1, true);
  quantized_result(m, y, result, 0.3);
}

constexpr Guard kDropGuards[] = {
    {"moves-only", "the operator moves or picks elements, and does not calculate"},
    {"same-grid", "both sides have the same scale and zero point"},
    {"8-bit-types", "both sides are uint8 or both int8"},
    {"per-tensor", "both sides have one scale"},
    {"zeros-given", "no zero point is left out"},
    {"positive-scales", "scales are positive and of moderate size"},
    {"data-slot", "what is dequantized is the data, and no parameter"},
};

// The scales of a Resize, the roi left out.
ValueId resize(MotifBuilder& m, ValueId x, ValueId scales, std::string_view mode) {
  Rng& rng = m.rng();
  std::vector<Attribute> attributes = {{.name = "mode", .value = std::string(mode)}};
  if (m.opset() < 11) return m.op("Resize", {x, scales}, attributes);
  if (rng.chance(0.6))
    attributes.push_back({.name = "coordinate_transformation_mode",
                          .value = std::string(rng.pick(
                              {"asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel"}))});
  if (mode == "nearest" && rng.chance(0.5))
    attributes.push_back(
        {.name = "nearest_mode", .value = std::string(rng.pick({"floor", "ceil", "round_prefer_ceil"}))});
  // Opset 11 wants the roi, if only an empty one.
  const ValueId roi = m.opset() >= 13 ? kNoValue : m.constant(Tensor::of(DType::kFloat, {0}, {}));
  return m.op("Resize", {x, roi, scales}, std::move(attributes));
}

std::vector<double> resize_scales(Rng& rng, const Dims& dims) {
  std::vector<double> scales(dims.size(), 1);
  for (std::size_t i = dims.size() > 2 ? 2 : 0; i < dims.size(); ++i)
    scales[i] = rng.pick({1.0, 2.0, 2.0, 1.5, 0.5, 3.0});
  return scales;
}

// One node that moves elements; `ordering`: rather one that looks which is larger.
ValueId moved(MotifBuilder& m, ValueId x, bool ordering) {
  Rng& rng = m.rng();
  const Dims dims = m.dims(x);
  const auto rank = static_cast<std::int64_t>(dims.size());
  const bool image = rank >= 3;
  switch (ordering && rng.chance(0.7) ? (image ? rng.range(11, 13) : 11) : rng.range(0, image ? 15 : 11)) {
    case 0:
      return m.transpose(x, rng.permutation(dims.size()));
    case 1:
      return m.reshape(x, {-1});
    case 2:
      return rank == 0 ? m.reshape(x, {1, 1}) : m.reshape(x, {0, -1});
    case 3:
      return m.op("Flatten", {x}, {{.name = "axis", .value = rng.range(0, rank)}});
    case 4:
      return m.unsqueeze(x, {rng.range(m.opset() >= 11 ? -1 : 0, rank)});
    case 5: {
      for (std::int64_t i = 0; i < rank; ++i)
        if (dims[static_cast<std::size_t>(i)] == 1)
          return m.squeeze(x, {rng.chance(0.3) && m.opset() >= 11 ? i - rank : i});
      return m.op("Squeeze", {m.unsqueeze(x, {0})});
    }
    case 6: {
      const auto a = rng.range(0, rank - 1);
      const std::int64_t n = dims[static_cast<std::size_t>(a)];
      if (n < 1) throw CannotDraft{};
      return m.slice(x, {rng.range(0, n - 1)}, {rng.pick({n, n, std::int64_t{1000}, std::int64_t{-1}})}, {a},
                     {rng.range(1, 2)});
    }
    case 7: {
      const auto a = rng.range(0, rank - 1);
      const std::int64_t n = dims[static_cast<std::size_t>(a)];
      std::vector<std::int64_t> indices(static_cast<std::size_t>(rng.range(1, 3)));
      for (auto& i : indices) i = rng.range(m.opset() >= 11 ? -n : 0, n - 1);
      const ValueId which =
          rng.chance(0.2) ? m.constant(Tensor::of_ints(DType::kInt64, {}, {indices[0]})) : m.ints(indices);
      return m.op("Gather", {x, which}, {{.name = "axis", .value = rng.chance(0.3) ? a - rank : a}});
    }
    case 8: {
      std::vector<std::int64_t> repeats(dims.size());
      for (auto& r : repeats) r = rng.range(1, 2);
      return m.op("Tile", {x, m.ints(repeats)});
    }
    case 9: {
      std::vector<std::int64_t> shape(dims.begin(), dims.end());
      for (auto& d : shape)
        if (d == 1 && rng.chance(0.6)) d = rng.range(1, 3);
      if (rng.chance(0.5)) shape.insert(shape.begin(), rng.range(1, 2));
      return m.op("Expand", {x, m.ints(shape)});
    }
    case 10: {
      const auto a = rng.range(0, rank - 1);
      const std::int64_t n = dims[static_cast<std::size_t>(a)];
      std::vector<std::int64_t> indices(static_cast<std::size_t>(element_count(dims)));
      for (auto& i : indices) i = rng.range(0, n - 1);
      return m.op("GatherElements", {x, m.constant(Tensor::of_ints(DType::kInt64, dims, indices))},
                  {{.name = "axis", .value = a}});
    }
    case 11:
      return m.reduce(rng.pick({"ReduceMax", "ReduceMin"}), x, {any_axis(rng, dims)}, rng.chance(0.7));
    case 12:
    case 13:
      return m.op("MaxPool", {x}, pool_attributes(m, dims, false));
    default:
      return resize(m, x, m.constant(Tensor::of(DType::kFloat, {rank}, resize_scales(rng, dims))), "nearest");
  }
}

// What is near to moving, but calculates or brings in other values.
ValueId calculated(MotifBuilder& m, ValueId x) {
  Rng& rng = m.rng();
  const Dims dims = m.dims(x);
  const auto rank = static_cast<std::int64_t>(dims.size());
  const bool image = rank >= 3;
  switch (rng.below(image ? 10 : 5)) {
    case 0: {
      std::vector<std::int64_t> pads(2 * dims.size());
      for (auto& p : pads) p = rng.range(0, 1);
      return m.pad(x, pads, rng.pick({0.0, 0.0, 1.0, -1.0}),
                   rng.chance(0.6) ? "constant" : rng.pick({"edge", "edge"}));
    }
    case 1:
      return m.op("CumSum", {x, m.constant(Tensor::of_ints(DType::kInt64, {}, {any_axis(rng, dims)}))});
    case 2:
      return m.op(rng.pick({"Relu", "Neg", "Abs", "Identity", "Floor"}), {x});
    case 3:
      return m.reduce("ReduceMean", x, {any_axis(rng, dims)}, rng.chance(0.7));
    case 4: {
      const auto made = m.ops("TopK", {x, m.ints({1})}, {{.name = "axis", .value = any_axis(rng, dims)}}, 2);
      return made[0];
    }
    case 5:
      return m.op("DepthToSpace", {x}, {{.name = "blocksize", .value = std::int64_t{1}}});
    default:
      if (rank > 4) throw CannotDraft{};
      return resize(m, x, m.constant(Tensor::of(DType::kFloat, {rank}, resize_scales(rng, dims))),
                    rng.chance(0.85) || rank != 4 ? "linear" : "cubic");
  }
}

// The same grid again, or one that only nearly is.
Grid result_grid(MotifBuilder& m, const Grid& data, bool same) {
  Grid g = data;
  if (same) return g;
  Rng& rng = m.rng();
  if (rng.chance(0.5) || g.zeros.empty())
    for (double& s : g.scales) s *= rng.pick({0.5, 1.01, 2.0, -1.0});
  else
    for (auto& z : g.zeros) z = z < int_max(g.type) ? z + 1 : z - 1;
  return g;
}

// y = Q(op(DQ(x))), op moving elements, on one grid
void qdq_drop(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  const OperandTypes types = side_types(m, m.holds("8-bit-types"));
  const Dims dims = rng.chance(0.6) ? image_dims(m) : m.draw_dims(rng.range(1, 4));
  Grid data = grid_of(m, m.holds("per-tensor"), types.a, f, dims);
  if (m.breaks("zeros-given")) drop_zeros(data);
  const bool positive = m.holds("positive-scales");
  if (!positive) spoil_scales(m, data, true);
  const bool same = m.holds("same-grid");
  if (m.breaks("data-slot")) {
    // Scales of a Resize, 1 and 2 on a grid that the result has, too.
    data = {.type = types.a, .scales = {1}, .zeros = {0}};
    std::vector<double> q(dims.size(), 1);
    if (q.size() > 2) q.back() = 2;
    const ValueId scales =
        dequantize(m, m.constant(Tensor::of(types.a, {static_cast<std::int64_t>(q.size())}, q)), data);
    const ValueId y = resize(m, m.data(DType::kFloat, dims, {.low = 0, .high = 100}), scales, "nearest");
    return m.result(quantize(m, y, result_grid(m, data, same)));
  }
  const Placed placed = place(m, data);
  const ValueId x = activation(m, placed, dims);
  ValueId y = m.holds("moves-only") ? moved(m, x, !positive) : calculated(m, x);
  Grid result = result_grid(m, data, same);
  result.type = types.y;
  if (result.type != data.type && !result.zeros.empty())
    for (auto& z : result.zeros) z = std::clamp(z, int_min(result.type), int_max(result.type));
  if (!result.per_tensor()) {
    if (m.dims(y).empty()) throw CannotDraft{};
    const auto at = std::find(m.dims(y).begin(), m.dims(y).end(), result.shape[0]);
    if (at == m.dims(y).end()) throw CannotDraft{};
    result.axis = at - m.dims(y).begin();
  }
  const bool shared = same && result.type == data.type && result.axis == data.axis && rng.chance(0.5);
  const Placed out = shared ? placed : place(m, result);
  y = quantize(m, y, out);
  if (rng.chance(0.4)) y = dequantize(m, y, out);
  m.result(y);
}

constexpr Guard kSplitGuards[] = {
    {"same-grid", "all sides have the same scale and zero point"},
    {"8-bit-types", "all sides are uint8 or all int8"},
    {"per-tensor", "all sides have one scale"},
    {"zeros-given", "no zero point is left out"},
    {"all-quantized", "every output is quantized"},
};

// Q of every part of Split(DQ(x))
void qdq_split(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  const OperandTypes types = side_types(m, m.holds("8-bit-types"));
  const Dims dims = m.draw_dims(rng.range(1, 4), 2);
  const auto a = rng.range(0, static_cast<std::int64_t>(dims.size()) - 1);
  const std::int64_t n = dims[static_cast<std::size_t>(a)];
  std::vector<std::int64_t> sizes = {rng.range(1, n - 1)};
  sizes.push_back(n - sizes[0]);
  if (sizes[1] > 1 && rng.chance(0.3)) {
    sizes.push_back(1);
    --sizes[1];
  }
  Grid data = grid_of(m, m.holds("per-tensor"), types.a, f, dims);
  if (m.breaks("zeros-given")) drop_zeros(data);
  const bool same = m.holds("same-grid");
  const bool all = m.holds("all-quantized");
  const Placed placed = place(m, data);
  const auto parts = m.split(activation(m, placed, dims),
                             rng.chance(0.3) ? a - static_cast<std::int64_t>(dims.size()) : a, sizes);
  const auto odd = rng.below(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!all && i == odd) {
      m.result(m.op("Neg", {parts[i]}));
      continue;
    }
    Grid g = result_grid(m, data, same || i != odd);
    if (i == odd) g.type = types.y;
    for (auto& z : g.zeros) z = std::clamp(z, int_min(g.type), int_max(g.type));
    if (!g.per_tensor()) {
      const auto at = std::find(m.dims(parts[i]).begin(), m.dims(parts[i]).end(), g.shape[0]);
      if (at == m.dims(parts[i]).end()) throw CannotDraft{};
      g.axis = at - m.dims(parts[i]).begin();
    }
    m.result(
        quantize(m, parts[i],
                 same && g.type == data.type && g.per_tensor() && rng.chance(0.5) ? placed : place(m, g)));
  }
}

constexpr Guard kPickGuards[] = {
    {"8-bit-types", "the data is uint8 or int8"},
    {"per-tensor", "the data has one scale"},
    {"zeros-given", "the zero point is not left out"},
    {"positive-scales", "the scale is positive and of moderate size"},
    {"arg-max", "the operator is ArgMax"},
};

// y = ArgMax(DQ(x))
void qdq_arg_max(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  const OperandTypes types = side_types(m, m.holds("8-bit-types"));
  const Dims dims = m.draw_dims(rng.range(1, 4));
  Grid data = grid_of(m, m.holds("per-tensor"), types.a, f, dims);
  if (m.breaks("zeros-given")) drop_zeros(data);
  if (m.breaks("positive-scales")) spoil_scales(m, data, false);
  const ValueId x = activation(m, data, dims);
  std::vector<Attribute> attributes = {{.name = "axis", .value = any_axis(rng, dims)}};
  if (rng.chance(0.5)) attributes.push_back({.name = "keepdims", .value = std::int64_t{rng.chance(0.5)}});
  if (m.opset() >= 12 && rng.chance(0.4))
    attributes.push_back({.name = "select_last_index", .value = std::int64_t{1}});
  m.result(m.op(m.holds("arg-max") ? "ArgMax" : rng.pick({"ArgMin", "ArgMin", "Hardmax"}), {x},
                m.type(x).dtype == f ? attributes : std::vector<Attribute>{}));
}

constexpr Guard kClipGuards[] = {
    {"clip-redundant", "the range that is clipped to covers what QuantizeLinear holds"},
    {"bounds-ordered", "the lower bound is below the upper"},
    {"8-bit-types", "the result is uint8 or int8"},
    {"per-tensor", "the result has one scale"},
    {"zeros-given", "the zero point is not left out"},
    {"positive-scales", "the scale is positive and of moderate size"},
};

// y = Q(Clip(x)) or Q(Relu(x))
void quantize_clipped(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  const OperandTypes types = side_types(m, m.holds("8-bit-types"));
  const Dims dims = m.draw_dims(rng.range(1, 4));
  Grid g = grid_of(m, m.holds("per-tensor"), types.y, f, dims);
  const ValueId x = m.data(f, dims, {.low = -5, .high = 5});
  const bool redundant = m.holds("clip-redundant"), ordered = m.holds("bounds-ordered");
  // Of Clip, the pass knows old forms only.
  const bool relu = ordered && rng.chance(m.opset() < 13 ? 0.4 : 0.75);
  if (relu && redundant) std::fill(g.zeros.begin(), g.zeros.end(), int_min(types.y));
  const double s = g.scales.front(), zero = static_cast<double>(g.zeros.front());
  double low = s * (static_cast<double>(int_min(types.y)) - zero),
         high = s * (static_cast<double>(int_max(types.y)) - zero);
  if (m.breaks("zeros-given")) drop_zeros(g);
  if (m.breaks("positive-scales")) spoil_scales(m, g, true);
  ValueId y = kNoValue;
  if (relu) {
    y = m.op("Relu", {x});
  } else {
    const double slack = rng.chance(0.2) ? 0 : rng.uniform(0, 1);
    low -= slack;
    high += slack;
    if (!redundant) {
      const double width = high - low;
      if (rng.chance(0.5))
        low += slack + width * rng.pick({0.01, 0.2, 0.5});
      else
        high -= slack + width * rng.pick({0.01, 0.2, 0.5});
    }
    if (!ordered) std::swap(low, high);
    y = m.clip(x, low, high);
  }
  quantized_result(m, y, g, 0.3);
}

constexpr Motif motifs[] = {
    {.name = "qdq-unary",
     .aims_at = "QDQSelectorActionTransformer",
     .guards = kUnaryGuards,
     .since = 10,
     .build = qdq_unary},
    {.name = "qdq-drop",
     .aims_at = "QDQSelectorActionTransformer",
     .guards = kDropGuards,
     .since = 10,
     .build = qdq_drop},
    {.name = "qdq-split",
     .aims_at = "QDQSelectorActionTransformer",
     .guards = kSplitGuards,
     .since = 10,
     .build = qdq_split},
    {.name = "qdq-arg-max",
     .aims_at = "QDQSelectorActionTransformer",
     .guards = kPickGuards,
     .since = 10,
     .build = qdq_arg_max},
    {.name = "quantize-clipped",
     .aims_at = "ClipQuantRewrite;ReluQuantRewrite",
     .guards = kClipGuards,
     .since = 10,
     .build = quantize_clipped},
};

}  // namespace

namespace family {
extern const MotifFamily qdq_unary;
const MotifFamily qdq_unary = motifs;
}  // namespace family

}  // namespace mob::motifs
