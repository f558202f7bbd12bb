// A convolution and the activation after it, with an addition between them or not, and chains in the blocked
// layout of NchwcTransformer.
#include "fuzzer/generator/motifs/convolution.h"

namespace mob::motifs {
namespace {

// --- Conv -> activation ---

constexpr Guard kActivationGuards[] = {
    {"fusable", "the activation is one that the fused kernel has"},
    {"bounds", "a Clip has both bounds, the lower one first"},
    {"forward", "it is no transposed convolution"},
    {"once", "the convolution's result is read by the activation alone"},
};

ValueId odd_clip(MotifBuilder& m, ValueId y) {
  Rng& rng = m.rng();
  const DType t = m.type(y).dtype;
  switch (rng.below(4)) {
    case 0:
      return m.clip(y, 1, -0.5);  // then it is the upper bound everywhere
    case 1:
      if (m.opset() < 11) return m.op("Clip", {y}, {{.name = "max", .value = 1.0F}});
      return m.op("Clip", {y, kNoValue, m.scalar(t, 1)});
    case 2:
      if (m.opset() < 11) return m.op("Clip", {y}, {{.name = "min", .value = -0.5F}});
      return m.op("Clip", {y, m.scalar(t, -0.5)});
    default:
      return m.op("Clip", {y});
  }
}

ValueId activation(MotifBuilder& m, ValueId y) {
  if (m.breaks("bounds")) return odd_clip(m, y);
  if (m.breaks("fusable")) return other_activation(m, y);
  return fusable_activation(m, y);
}

void conv_activation(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "Conv");
  const std::int64_t group = rng.chance(0.2) ? 2 : 1;
  const ValueId x = m.data(t, image_dims(m, group * m.size(), rng.pick({2, 2, 2, 1, 3})));
  const ConvNode conv = convolve(
      m, x, {.op = m.holds("forward") ? "Conv" : "ConvTranspose", .group = group, .bias = rng.chance(0.7)});
  ValueId y = activation(m, conv.y);
  if (m.breaks("once")) y = rng.chance(0.5) ? m.op("Mul", {conv.y, y}) : m.op("Sub", {y, conv.y});
  m.result(y);
}

// --- Conv -> Add -> activation ---

constexpr Guard kAddGuards[] = {
    {"fusable", "the activation is one that the fused kernel has"},
    {"bounds", "a Clip has both bounds, the lower one first"},
    {"bias", "the convolution has a bias"},
    {"same-shape", "what is added has the convolution's shape"},
    {"rank-4", "the image has two spatial axes"},
    {"unblocked", "the blocked layout cannot take the convolution"},
    {"addend-once", "what is added is read by the addition alone"},
    {"addend-apart", "what is added is not the convolution's own result or input"},
    {"once", "the sum is read by the activation alone"},
};

void conv_add_activation(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "Conv");
  const int spatial = m.holds("rank-4") ? 2 : rng.pick({1, 3});
  const bool bias = m.holds("bias");
  const bool apart = m.holds("addend-apart");
  const bool own_input = !apart && rng.chance(0.6);
  // Channels of a block and a bit, or groups of few filters.
  const bool unblocked = m.holds("unblocked"), grouped = rng.chance(0.4);
  const std::int64_t c = !unblocked ? m.size()
                         : grouped  ? rng.pick({2, 4, 6})
                                    : rng.pick({9, 10, 11, 13, 15});
  const ValueId x = m.data(t, image_dims(m, c, spatial));
  ConvStyle style{.bias = bias, .same_size = own_input || rng.chance(0.4)};
  if (unblocked && grouped) style.group = 2, style.filters = 2 * rng.range(1, 3);
  if (own_input) style.filters = m.dims(x)[1];
  const ConvNode conv = convolve(m, x, style);
  Dims dims = m.dims(conv.y);
  ValueId addend = kNoValue;
  if (!apart) {
    addend = own_input ? x : conv.y;
  } else {
    if (m.breaks("same-shape")) {
      switch (rng.below(5)) {
        case 0:
          std::fill(dims.begin() + 2, dims.end(), 1);
          break;
        case 1:
          dims[1] = 1;
          break;
        case 2:
          dims.erase(dims.begin());
          break;
        case 3:
          dims = {dims.back()};
          break;
        default:
          dims.insert(dims.begin(), rng.range(1, 2));
          break;
      }
    }
    if (rng.chance(0.3) && dims == m.dims(conv.y)) {
      ConvStyle other{.filters = dims[1],
                      .group = style.group == 2 && dims[1] % 2 == 0 ? 2 : 1,
                      .bias = rng.chance(0.5),
                      .same_size = true};
      const Dims in = Dims(dims.begin(), dims.end());
      addend = convolve(m, m.data(t, in), other).y;
    } else {
      addend = m.data(t, dims);
      if (rng.chance(0.5)) addend = m.op(rng.pick({"Neg", "Abs", "Tanh"}), {addend});
    }
  }
  const ValueId sum = m.commutative("Add", conv.y, addend);
  ValueId y = rng.chance(0.15) ? sum : activation(m, sum);
  if (m.breaks("once")) y = m.op("Mul", {sum, m.op("Sigmoid", {sum})});
  m.result(y);
  if (m.breaks("addend-once")) m.result(m.op(rng.pick({"Neg", "Sigmoid", "Identity"}), {addend}));
}

// --- The blocked layout ---

constexpr Guard kBlockedGuards[] = {
    {"aligned", "channels fill whole blocks"},
    {"ungrouped", "the convolution has one group, or one for each channel"},
    {"fusable", "the activation is one that the fused kernel has"},
    {"bounds", "a Clip has both bounds, the lower one first"},
    {"rank-4", "the image has two spatial axes"},
};

std::int64_t channels(MotifBuilder& m, bool aligned) {
  return aligned ? m.rng().pick({8, 8, 8, 16}) : m.rng().pick({4, 5, 7, 9, 12, 15, 17, 20});
}

// An image that a convolution brought into the blocked layout.
ValueId blocked_image(MotifBuilder& m, std::int64_t filters, std::int64_t in_channels = 0) {
  if (in_channels == 0) in_channels = m.rng().pick({1, 3, 3, 8});
  Dims in = image_dims(m, in_channels);
  return convolve(m, m.data(DType::kFloat, in),
                  {.filters = filters, .bias = m.rng().chance(0.6), .kernel = kernel_dims(m, 2)})
      .y;
}

void blocked_conv(MotifBuilder& m) {
  Rng& rng = m.rng();
  const bool aligned = m.holds("aligned");
  const int spatial = m.holds("rank-4") ? 2 : rng.pick({1, 3});
  const std::int64_t in = rng.chance(0.4) ? rng.pick({1, 3, 4}) : channels(m, aligned);
  const ValueId x = m.data(DType::kFloat, image_dims(m, in, spatial));
  ConvStyle style{.filters = channels(m, aligned), .bias = rng.chance(0.6)};
  if (m.breaks("ungrouped")) {
    style.group = in % 4 == 0 ? rng.pick({2, 4}) : in;
    style.filters = style.group * rng.pick({2, 4, 8});
  } else if (rng.chance(0.3) && in >= 4) {
    style.group = style.filters = in;  // depthwise
  }
  const ConvNode first = convolve(m, x, style);
  ValueId y = activation(m, first.y);
  if (rng.chance(0.6)) {
    Dims kernel(static_cast<std::size_t>(spatial), 1);
    y = convolve(m, y, {.filters = channels(m, rng.chance(0.7)), .bias = rng.chance(0.6), .kernel = kernel})
            .y;
    if (rng.chance(0.4)) y = fusable_activation(m, y);
  }
  m.result(y);
}

constexpr Guard kBlockedJoinGuards[] = {
    {"aligned", "channels fill whole blocks"},
    {"same-shape", "the joined images have one shape"},
    {"both-blocked", "both operands come out of convolutions"},
    {"on-channels", "what is concatenated are the channels, the axis given as 1"},
    {"distinct", "the operands are two values"},
};

void blocked_join(MotifBuilder& m) {
  Rng& rng = m.rng();
  const bool aligned = m.holds("aligned");
  const bool concat = rng.chance(0.5);
  const std::int64_t in = rng.pick({1, 3, 8});
  const ValueId x = m.data(DType::kFloat, image_dims(m, in));
  const std::int64_t a_channels = channels(m, aligned);
  const auto conv = [&](std::int64_t filters) {
    ValueId y = convolve(m, x,
                         {.filters = filters,
                          .bias = rng.chance(0.6),
                          .kernel = {1, 1},
                          .windows = {.pads = false, .auto_pad = false, .strides = false}})
                    .y;
    if (rng.chance(0.4)) y = fusable_activation(m, y);
    return y;
  };
  const ValueId a = conv(a_channels);
  const Dims shape = m.dims(a);
  ValueId b = kNoValue;
  if (m.breaks("distinct")) {
    b = a;
  } else if (m.breaks("both-blocked")) {
    b = m.data(DType::kFloat, shape);
  } else if (m.breaks("same-shape") && !concat) {
    b = rng.chance(0.5) ? conv(1) : m.op("GlobalAveragePool", {conv(a_channels)});
  } else {
    b = conv(concat ? channels(m, aligned) : a_channels);
  }
  ValueId y = kNoValue;
  if (concat) {
    std::int64_t axis = 1;
    if (m.breaks("on-channels")) {
      const std::int64_t which = rng.range(0, 2);
      axis = which == 0 ? -3 : which == 1 ? 0 : rng.range(2, 3);
      if (axis != -3 && m.dims(b)[1] != a_channels) throw CannotDraft{};
    }
    std::vector<ValueId> parts = {a, b};
    if (rng.chance(0.2)) parts.push_back(a);
    y = m.op("Concat", parts, {{.name = "axis", .value = axis}});
  } else {
    const std::int64_t which = rng.range(0, 3);
    y = which == 0   ? m.op("Sum", {a, b})
        : which == 1 ? m.op("Mul", {a, b})
        : which == 2 ? m.op("Sum", {a, b, a})
                     : m.op("Add", {a, b});
  }
  if (rng.chance(0.5)) y = fusable_activation(m, y);
  if (rng.chance(0.3)) y = convolve(m, y, {.filters = 8, .bias = false, .kernel = {1, 1}}).y;
  m.result(y);
}

constexpr Guard kBlockedNormGuards[] = {
    {"aligned", "channels fill whole blocks"},
    {"epsilon-usual", "epsilon is the usual 1e-5"},
    {"blocked", "the image comes out of a convolution"},
};

// The convolution's result is read twice, so that the normalization cannot fold into it.
void blocked_norm(MotifBuilder& m) {
  Rng& rng = m.rng();
  const std::int64_t filters = channels(m, m.holds("aligned"));
  const ValueId x =
      m.holds("blocked") ? blocked_image(m, filters) : m.data(DType::kFloat, image_dims(m, filters));
  const ValueId y = rng.chance(0.6) ? m.op("Relu", {x})
                                    : m.op("MaxPool", {x}, {{.name = "kernel_shape", .value = Dims{1, 2}}});
  Attributes attributes;
  if (m.breaks("epsilon-usual")) set(attributes, "epsilon", static_cast<float>(rng.pick({1e-3, 0.1, 1e-7})));
  const Dims c = {filters};
  const DType t = DType::kFloat;
  ValueId z = m.op("BatchNormalization",
                   {y, m.weight(t, c, {.low = -2, .high = 2, .away_from_zero = 0.1}), m.weight(t, c),
                    m.weight(t, c), m.weight(t, c, {.low = 0.2, .high = 3})},
                   attributes);
  if (rng.chance(0.5)) z = fusable_activation(m, z);
  if (rng.chance(0.4)) z = m.commutative("Add", z, y);
  m.result(z);
}

// --- Channels last: integer convolutions ---

constexpr Guard kQuantizedGuards[] = {
    {"weight-zero", "the filter's zero point is 0"}, {"one-scale", "the filter has one scale"},
    {"chained", "a second integer node follows"},    {"rank-4", "the image has two spatial axes"},
    {"ungrouped", "the convolution has one group"},
};

ValueId quantized_conv(MotifBuilder& m, ValueId x, ValueId x_scale, ValueId x_zero, std::int64_t filters,
                       std::int64_t group, bool one_scale, bool zero_weight_point) {
  Rng& rng = m.rng();
  const DType t = m.type(x).dtype;
  const DType wt = t == DType::kInt8 || rng.chance(0.5) ? DType::kInt8 : DType::kUint8;
  const Dims in = m.dims(x);
  const int spatial = static_cast<int>(in.size()) - 2;
  const Dims kernel = kernel_dims(m, spatial);
  Dims w = {filters, in[1] / group};
  w.insert(w.end(), kernel.begin(), kernel.end());
  const ValueRange small = {.low = wt == DType::kInt8 ? -20.0 : 0.0, .high = 20, .integral = true};
  const ValueId weight = m.weight(wt, w, small);
  // The kernels take one element as [] or [1].
  const auto one = [&](DType type, double value) {
    return m.constant(Tensor::of(type, rng.chance(0.2) ? Dims{1} : Dims{}, {value}));
  };
  const ValueId w_scale =
      one_scale ? one(DType::kFloat, 0.05) : m.weight(DType::kFloat, {filters}, {.low = 0.02, .high = 0.1});
  const double zero = zero_weight_point ? 0 : rng.range(1, 9);
  const ValueId w_zero =
      one_scale ? one(wt, zero)
                : m.constant(Tensor::of(wt, {filters},
                                        std::vector<double>(static_cast<std::size_t>(filters), zero)));
  std::vector<ValueId> inputs = {
      x,
      x_scale,
      x_zero,
      weight,
      w_scale,
      w_zero,
      one(DType::kFloat, 0.3),
      one(t, static_cast<double>(t == DType::kInt8 ? rng.range(-3, 3) : rng.range(100, 140)))};
  if (rng.chance(0.6))
    inputs.push_back(m.weight(DType::kInt32, {filters}, {.low = -200, .high = 200, .integral = true}));
  Attributes attributes = window_attributes(m, Dims(in.begin() + 2, in.end()), kernel, {});
  if (group != 1) set(attributes, "group", group);
  return m.op("QLinearConv", inputs, attributes);
}

void channels_last(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = rng.chance(0.6) ? DType::kUint8 : DType::kInt8;
  const int spatial = m.holds("rank-4") ? 2 : rng.pick({1, 3});
  std::int64_t c = rng.range(1, 6), group = 1;
  if (m.breaks("ungrouped")) group = c = rng.pick({2, 4, 8});
  const bool one_scale = m.holds("one-scale"), zero = m.holds("weight-zero");
  const ValueId x = m.data(
      t, image_dims(m, c, spatial),
      {.low = t == DType::kInt8 ? -100.0 : 0.0, .high = t == DType::kInt8 ? 100.0 : 200.0, .integral = true});
  const std::int64_t filters = group == 1 ? rng.range(1, 9) : group * rng.range(1, 2);
  const auto plain = [&](DType type, double value) { return m.constant(Tensor::scalar(type, value)); };
  ValueId y =
      quantized_conv(m, x, plain(DType::kFloat, 0.1),
                     plain(t, static_cast<double>(t == DType::kInt8 ? rng.range(-5, 5) : rng.range(90, 130))),
                     filters, group, one_scale, zero);
  if (m.holds("chained")) {
    switch (rng.below(4)) {
      case 0:
        if (m.opset() >= 12) {
          y = m.op("MaxPool", {y},
                   {{.name = "kernel_shape", .value = Dims(static_cast<std::size_t>(spatial), 1)}});
          break;
        }
        [[fallthrough]];
      case 1:
        y = quantized_conv(m, y, plain(DType::kFloat, 0.3), plain(t, t == DType::kInt8 ? 0 : 120),
                           rng.range(1, 8), 1, one_scale, zero);
        break;
      case 2:
        y = m.op("Concat", {y, rng.chance(0.5) ? y : m.data(t, m.dims(y))},
                 {{.name = "axis", .value = rng.pick({std::int64_t{1}, std::int64_t{-1}})}});
        break;
      default:
        y = m.op("DequantizeLinear",
                 {y, m.scalar(DType::kFloat, 0.3), m.scalar(t, t == DType::kInt8 ? 0 : 120)});
        break;
    }
  }
  m.result(y);
}

constexpr Motif motifs[] = {
    {.name = "conv-activation",
     .aims_at = "ConvActivationFusion",
     .guards = kActivationGuards,
     .build = conv_activation},
    {.name = "conv-add-activation",
     .aims_at = "ConvAddActivationFusion",
     .guards = kAddGuards,
     .build = conv_add_activation},
    {.name = "blocked-conv", .aims_at = "NchwcTransformer", .guards = kBlockedGuards, .build = blocked_conv},
    {.name = "blocked-join",
     .aims_at = "NchwcTransformer",
     .guards = kBlockedJoinGuards,
     .build = blocked_join},
    {.name = "blocked-batch-norm",
     .aims_at = "NchwcTransformer",
     .guards = kBlockedNormGuards,
     .build = blocked_norm},
    {.name = "channels-last-conv",
     .aims_at = "NhwcTransformer",
     .guards = kQuantizedGuards,
     .since = 10,
     .build = channels_last},
};

}  // namespace

namespace family {
extern const MotifFamily conv_activation;
const MotifFamily conv_activation = motifs;
}  // namespace family

}  // namespace mob::motifs
