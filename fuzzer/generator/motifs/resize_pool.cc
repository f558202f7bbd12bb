// Poolings, resizings and transposes after a convolution, as the blocked layout takes them along.
#include "fuzzer/generator/motifs/convolution.h"

namespace mob::motifs {
namespace {

constexpr Guard kPoolGuards[] = {
    {"aligned", "channels fill whole blocks"},
    {"rank-4", "the image has two spatial axes"},
    {"no-indices", "a MaxPool gives no indices"},
    {"floor-mode", "the pooling rounds its size down"},
    {"no-dilation", "windows are not dilated"},
    {"covered", "the pooling is one of the blocked layout"},
    {"from-convolution", "the image comes out of a convolution"},
};

std::int64_t channels(MotifBuilder& m, bool aligned) {
  return aligned ? m.rng().pick({8, 8, 8, 16}) : m.rng().pick({1, 3, 4, 7, 9, 12, 20});
}

ValueId convolved(MotifBuilder& m, std::int64_t filters, int spatial = 2) {
  const ValueId x = m.data(DType::kFloat, image_dims(m, m.rng().pick({1, 3, 3, 8}), spatial, 5),
                           m.rng().chance(0.3) ? ValueRange{.low = -3, .high = -1} : ValueRange{});
  ValueId y =
      convolve(m, x, {.filters = filters, .bias = m.rng().chance(0.6), .windows = {.strides = false}}).y;
  if (m.rng().chance(0.4)) y = fusable_activation(m, y);
  return y;
}

ValueId pool(MotifBuilder& m, ValueId x) {
  Rng& rng = m.rng();
  if (m.breaks("covered") && rng.chance(0.7)) {
    const std::int64_t which = rng.range(1, 2);
    const Dims in(m.dims(x).begin() + 2, m.dims(x).end()), kernel(in.size(), 2);
    Attributes attributes = window_attributes(m, in, kernel, {.dilations = false});
    set(attributes, "kernel_shape", kernel);
    if (which == 1) return m.op("LpPool", {x}, attributes);
    return m.op("InstanceNormalization",
                {x, m.weight(DType::kFloat, {m.dims(x)[1]}), m.weight(DType::kFloat, {m.dims(x)[1]})});
  }
  const std::string_view op =
      rng.pick({"MaxPool", "MaxPool", "AveragePool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"});
  const bool floor = m.holds("floor-mode"), indices = m.breaks("no-indices"),
             dilated = m.breaks("no-dilation");
  const std::string_view chosen = indices                                            ? "MaxPool"
                                  : !op.starts_with("Global") || (floor && !dilated) ? op
                                                                                     : "AveragePool";
  if (chosen.starts_with("Global")) return m.op(chosen, {x});
  const Dims in(m.dims(x).begin() + 2, m.dims(x).end());
  Dims kernel;
  for (std::int64_t d : in) kernel.push_back(std::min<std::int64_t>(d, rng.range(1, 3)));
  Attributes attributes = window_attributes(m, in, kernel, {.strides = floor, .dilations = false});
  set(attributes, "kernel_shape", kernel);
  if (!floor && m.opset() >= 10) {
    set(attributes, "ceil_mode", std::int64_t{1});
    set(attributes, "strides", Dims(in.size(), rng.range(2, 3)));
  }
  if (dilated && (chosen == "MaxPool" ? m.opset() >= 10 : m.opset() >= 19)) {
    Dims dilations;
    for (std::size_t i = 0; i < in.size(); ++i) dilations.push_back((kernel[i] - 1) * 2 < in[i] ? 2 : 1);
    set(attributes, "dilations", dilations);
    // The kernels leave dilations out of what these modes pad.
    std::erase_if(attributes, [](const Attribute& a) { return a.name == "auto_pad"; });
  }
  if (chosen == "AveragePool") {
    if (rng.chance(0.6)) set(attributes, "count_include_pad", std::int64_t{rng.chance(0.6)});
  } else if (rng.chance(0.1)) {
    set(attributes, "storage_order", std::int64_t{1});
  }
  const auto y = m.ops(chosen, {x}, attributes, indices ? 2 : 1);
  avoid_disputed_ceil(m.builder().graph().nodes.back(), in,
                      Dims(m.dims(y[0]).begin() + 2, m.dims(y[0]).end()));
  if (indices) m.result(y[1]);
  return y[0];
}

void blocked_pool(MotifBuilder& m) {
  Rng& rng = m.rng();
  const std::int64_t c = channels(m, m.holds("aligned"));
  const int spatial = m.holds("rank-4") ? 2 : rng.pick({1, 3});
  ValueId y = m.holds("from-convolution") ? convolved(m, c, spatial)
                                          : m.data(DType::kFloat, image_dims(m, c, spatial));
  y = pool(m, y);
  if (rng.chance(0.35))
    y = convolve(m, y, {.filters = 8, .bias = false, .kernel = Dims(static_cast<std::size_t>(spatial), 1)}).y;
  if (rng.chance(0.25)) y = pool(m, y);
  m.result(y);
}

// --- Resize ---

constexpr Guard kResizeGuards[] = {
    {"aligned", "channels fill whole blocks"},
    {"nearest", "the mode is nearest"},
    {"asymmetric", "coordinates are asymmetric"},
    {"floor", "the nearest is the one below"},
    {"by-scales", "scales are given, and not sizes"},
    {"whole-scales", "scales are whole numbers"},
    {"outer-kept", "batch and channels keep their size"},
    {"all-axes", "there is no list of axes"},
};

void blocked_resize(MotifBuilder& m) {
  Rng& rng = m.rng();
  const ValueId x = convolved(m, channels(m, m.holds("aligned")));
  const Dims in = m.dims(x);
  std::vector<double> scales(4, 1);
  for (std::size_t i = 2; i < 4; ++i)
    scales[i] = m.holds("whole-scales") ? rng.pick({1.0, 2.0, 2.0, 3.0})
                : m.opset() < 10        ? 1.5
                                        : rng.pick({1.5, 0.5, 2.5});
  if (m.breaks("outer-kept")) scales[rng.below(2)] = 2;
  const bool nearest = m.holds("nearest");
  Attributes attributes;
  if (!nearest || rng.chance(0.5))
    set(attributes, "mode",
        std::string(nearest           ? "nearest"
                    : m.opset() >= 11 ? rng.pick({"linear", "linear", "cubic"})
                                      : "linear"));
  if (m.opset() < 11) {
    m.result(m.op(m.opset() < 10 ? "Upsample" : "Resize",
                  {x, m.constant(Tensor::of(DType::kFloat, {4}, scales))}, attributes));
    return;
  }
  if (m.holds("asymmetric"))
    set(attributes, "coordinate_transformation_mode", std::string("asymmetric"));
  else
    set(attributes, "coordinate_transformation_mode",
        std::string(rng.pick({"half_pixel", "align_corners", "pytorch_half_pixel"})));
  if (nearest)
    set(attributes, "nearest_mode",
        std::string(m.holds("floor") ? "floor"
                                     : rng.pick({"ceil", "round_prefer_floor", "round_prefer_ceil"})));
  std::vector<std::int64_t> axes = {0, 1, 2, 3};
  if (m.opset() >= 18 && m.breaks("all-axes")) {
    axes = rng.chance(0.6)   ? std::vector<std::int64_t>{2, 3}
           : rng.chance(0.5) ? std::vector<std::int64_t>{3, 2}
                             : std::vector<std::int64_t>{3};
    set(attributes, "axes", axes);
  }
  std::vector<double> given;
  std::vector<std::int64_t> sizes;
  for (std::int64_t a : axes) {
    given.push_back(scales[static_cast<std::size_t>(a)]);
    sizes.push_back(static_cast<std::int64_t>(given.back() * static_cast<double>(at(in, a))));
  }
  const auto n = static_cast<std::int64_t>(axes.size());
  const ValueId none = m.opset() < 13 ? m.constant(Tensor::of(DType::kFloat, {0}, {})) : kNoValue;
  std::vector<ValueId> inputs = {x, none};
  if (m.holds("by-scales")) {
    inputs.push_back(m.constant(Tensor::of(DType::kFloat, {n}, given)));
  } else {
    inputs.push_back(none);
    inputs.push_back(m.ints(sizes));
  }
  ValueId y = m.op("Resize", inputs, attributes);
  if (rng.chance(0.3)) y = convolve(m, y, {.filters = 8, .bias = false, .kernel = {1, 1}}).y;
  m.result(y);
}

// --- Transpose to channels last ---

constexpr Guard kLastGuards[] = {
    {"aligned", "channels fill whole blocks"},
    {"channels-last", "the permutation moves the channels to the end"},
};

void blocked_transpose(MotifBuilder& m) {
  Rng& rng = m.rng();
  const ValueId x = convolved(m, channels(m, m.holds("aligned")));
  std::vector<std::int64_t> perm = {0, 2, 3, 1};
  if (m.breaks("channels-last")) {
    perm = rng.chance(0.5) ? std::vector<std::int64_t>{0, 3, 1, 2} : rng.permutation(4);
    if (rng.chance(0.2)) perm = {0, 3, 2, 1};
  }
  ValueId y = m.transpose(x, perm);
  if (rng.chance(0.4)) y = m.op("Softmax", {y}, {{.name = "axis", .value = std::int64_t{3}}});
  m.result(y);
  if (rng.chance(0.2)) m.result(fusable_activation(m, x));
}

constexpr Motif motifs[] = {
    {.name = "blocked-pool", .aims_at = "NchwcTransformer", .guards = kPoolGuards, .build = blocked_pool},
    {.name = "blocked-resize",
     .aims_at = "NchwcTransformer",
     .guards = kResizeGuards,
     .build = blocked_resize},
    {.name = "blocked-transpose",
     .aims_at = "NchwcTransformer",
     .guards = kLastGuards,
     .build = blocked_transpose},
};

}  // namespace

namespace family {
extern const MotifFamily resize_pool;
const MotifFamily resize_pool = motifs;
}  // namespace family

}  // namespace mob::motifs
