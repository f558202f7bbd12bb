// What motifs around images share: convolutions, poolings and their windows, and a choice among operators.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "fuzzer/generator/motifs/motif.h"
#include "fuzzer/graph/schema.h"

namespace mob::motifs {

using Attributes = std::vector<Attribute>;

inline std::int64_t at(const Dims& dims, std::int64_t i) {
  return dims[static_cast<std::size_t>(i < 0 ? i + static_cast<std::int64_t>(dims.size()) : i)];
}

// One of the operators that this opset has.
inline std::string_view pick_op(MotifBuilder& m, std::initializer_list<std::string_view> names) {
  std::vector<std::string_view> there;
  for (std::string_view name : names) {
    const Schema* form = schema(name, m.opset());
    if (form != nullptr && !form->deprecated && find_op(name) != nullptr) there.push_back(name);
  }
  if (there.empty()) throw CannotDraft{};
  return there[m.rng().below(there.size())];
}

inline void set(Attributes& attributes, std::string_view name, AttributeValue value) {
  std::erase_if(attributes, [&](const Attribute& a) { return a.name == name; });
  attributes.push_back({.name = std::string(name), .value = std::move(value)});
}

// [N, C, D1, ...] with room for windows.
inline Dims image_dims(MotifBuilder& m, std::int64_t channels, int spatial = 2, std::int64_t least = 4) {
  Dims dims = {m.rng().chance(0.7) ? 1 : 2, channels};
  const bool square = m.rng().chance(0.3);
  for (int i = 0; i < spatial; ++i)
    dims.push_back(square && i > 0 ? dims[2] : m.rng().range(least, least + 3));
  return dims;
}

inline Dims kernel_dims(MotifBuilder& m, int spatial, std::int64_t least = 1) {
  Dims kernel;
  for (int i = 0; i < spatial; ++i) kernel.push_back(m.rng().range(least, 3));
  return kernel;
}

struct WindowStyle {
  bool pads = true;      // explicit ones may be drawn
  bool auto_pad = true;  // ... or these
  bool strides = true;
  bool dilations = true;
  bool always_pads = false;  // the attribute is there even where it is all zeros
};

// Attributes of windows that fit an image of these spatial dimensions. Pads stay below the kernel, as
// poolings want them.
inline Attributes window_attributes(MotifBuilder& m, const Dims& in, const Dims& kernel,
                                    const WindowStyle& style) {
  Rng& rng = m.rng();
  Attributes attributes;
  const std::size_t n = kernel.size();
  Dims dilations(n, 1), strides(n, 1), pads(2 * n, 0);
  if (style.dilations && rng.chance(0.15))
    for (std::size_t i = 0; i < n; ++i)
      if ((kernel[i] - 1) * 2 + 1 <= in[i]) dilations[i] = rng.range(1, 2);
  if (style.strides && rng.chance(0.4))
    for (auto& s : strides) s = rng.range(1, 2);
  if (style.pads && rng.chance(0.5))
    for (std::size_t i = 0; i < 2 * n; ++i)
      if (kernel[i % n] > 1) pads[i] = rng.range(0, kernel[i % n] - 1);
  const auto plain = [](const Dims& v, std::int64_t usual) {
    return std::all_of(v.begin(), v.end(), [&](auto x) { return x == usual; });
  };
  if (!plain(strides, 1) || rng.chance(0.2)) set(attributes, "strides", strides);
  const bool dilated = !plain(dilations, 1);
  if (dilated || rng.chance(0.1)) set(attributes, "dilations", dilations);
  if (style.auto_pad && !dilated && rng.chance(0.15))
    set(attributes, "auto_pad", std::string(rng.pick({"SAME_UPPER", "SAME_LOWER", "VALID"})));
  else if (!plain(pads, 0) || style.always_pads || rng.chance(0.3))
    set(attributes, "pads", pads);
  return attributes;
}

// Gives up where the last window of a pooling that rounds up would start in the padding: shape inference of
// some opsets counts it.
inline void avoid_disputed_ceil(const Node& pool, const Dims& in, const Dims& out) {
  if (pool.int_or("ceil_mode", 0) == 0) return;
  if (pool.string_or("auto_pad", "NOTSET") != "NOTSET") throw CannotDraft{};  // disputed, too
  const std::size_t n = in.size();
  const Dims kernel = pool.ints_or("kernel_shape", Dims(n, 1)), strides = pool.ints_or("strides", Dims(n, 1)),
             pads = pool.ints_or("pads", Dims(2 * n, 0)), dilations = pool.ints_or("dilations", Dims(n, 1));
  for (std::size_t i = 0; i < n; ++i) {
    const std::int64_t room = in[i] + pads[i] + pads[i + n] - (kernel[i] - 1) * dilations[i] - 1;
    if (out[i] != (room + strides[i] - 1) / strides[i] + 1) throw CannotDraft{};
  }
}

struct ConvStyle {
  std::string_view op = "Conv";  // or ConvTranspose
  std::int64_t filters = 0;      // 0: drawn
  std::int64_t group = 1;
  bool bias = true;
  Dims kernel = {};  // empty: drawn
  WindowStyle windows = {};
  bool same_size = false;  // the image keeps its size
};
struct ConvNode {
  ValueId y, w, b;  // b: kNoValue where there is no bias
};

inline ConvNode convolve(MotifBuilder& m, ValueId x, ConvStyle style) {
  const Dims in = m.dims(x);
  const int spatial = static_cast<int>(in.size()) - 2;
  if (spatial < 1 || in[1] % style.group != 0) throw CannotDraft{};
  const DType t = m.type(x).dtype;
  if (style.filters == 0) style.filters = style.group * m.size();
  if (style.kernel.empty())
    style.kernel = style.same_size ? Dims(static_cast<std::size_t>(spatial), 3) : kernel_dims(m, spatial);
  const bool forward = style.op == "Conv";
  Dims w = forward ? Dims{style.filters, in[1] / style.group} : Dims{in[1], style.filters / style.group};
  w.insert(w.end(), style.kernel.begin(), style.kernel.end());
  ConvNode node{.y = kNoValue, .w = m.weight(t, w, {.low = -1, .high = 1}), .b = kNoValue};
  std::vector<ValueId> inputs = {x, node.w};
  if (style.bias) inputs.push_back(node.b = m.weight(t, {style.filters}));
  Attributes attributes;
  if (style.same_size) {
    Dims pads;
    for (std::int64_t k : style.kernel) pads.push_back((k - 1) / 2);
    pads.insert(pads.end(), pads.begin(), pads.end());
    set(attributes, "pads", pads);
  } else {
    if (!forward) style.windows.auto_pad = false;
    attributes = window_attributes(m, Dims(in.begin() + 2, in.end()), style.kernel, style.windows);
  }
  if (style.group != 1 || m.rng().chance(0.2)) set(attributes, "group", style.group);
  if (m.rng().chance(0.5)) set(attributes, "kernel_shape", style.kernel);
  node.y = m.op(style.op, inputs, attributes);
  return node;
}

// Activations that fuse into a convolution.
inline ValueId fusable_activation(MotifBuilder& m, ValueId y) {
  Rng& rng = m.rng();
  switch (rng.below(7)) {
    case 0:
    case 1:
      return m.op("Relu", {y});
    case 2:
      return m.op("Sigmoid", {y});
    case 3:
      return m.op("Tanh", {y});
    case 4: {
      Attributes attributes;
      if (rng.chance(0.7))
        set(attributes, "alpha", static_cast<float>(rng.pick({0.1, 0.2, 0.5, 1.5, 0.0, -0.5})));
      return m.op("LeakyRelu", {y}, attributes);
    }
    case 5:
      return m.clip(y, rng.pick({0.0, -1.0, -0.5}), rng.pick({1.0, 6.0, 2.0}));
    default: {
      Attributes attributes;
      if (rng.chance(0.6)) set(attributes, "alpha", static_cast<float>(rng.pick({0.3, 0.1666, 1.0, -0.2})));
      if (rng.chance(0.6)) set(attributes, "beta", static_cast<float>(rng.pick({0.3, 0.0, 0.6})));
      return m.op("HardSigmoid", {y}, attributes);
    }
  }
}

// Activations that do not.
inline ValueId other_activation(MotifBuilder& m, ValueId y) {
  const std::string_view op =
      pick_op(m, {"Elu", "Selu", "Softplus", "Softsign", "ThresholdedRelu", "PRelu", "Gelu", "HardSwish",
                  "Mish", "Celu", "Erf", "Abs", "Neg", "Shrink", "Exp"});
  if (op == "PRelu") {
    Dims slope(m.dims(y).size() - 1, 1);
    if (m.rng().chance(0.5)) slope[0] = at(m.dims(y), 1);
    return m.op(op, {y, m.weight(m.type(y).dtype, slope)});
  }
  return m.op(op, {y});
}

}  // namespace mob::motifs
