// Conv, ConvTranspose: both as products of weights with the columns of an image (im2col).
#include "fuzzer/ops/known_limits.h"
#include "fuzzer/ops/windows.h"

namespace mob::ops {
namespace {

// Input [N, groups * channels, in], output [N, groups * m, out]. `map` is [kernel][out]: the input position
// under each kernel element, -1 where it stands on nothing.
struct Lowering {
  std::int64_t batch = 0, groups = 1, channels = 0, m = 0, in = 0, out = 0, kernel = 0;
  std::vector<std::int64_t> map;
};

// Columns are made in tiles of about this many elements.
constexpr std::int64_t kTile = std::int64_t{1} << 20;

Lowering lower(const Windows& w, std::int64_t batch, std::int64_t groups, std::int64_t channels,
               std::int64_t m) {
  Lowering l{batch, groups, channels, m, element_count(w.in), element_count(w.out), element_count(w.kernel),
             {}};
  l.map.assign(static_cast<std::size_t>(l.kernel * l.out), -1);
  for_each_tap(w, [&](std::int64_t o, std::int64_t k, std::int64_t i) {
    l.map[static_cast<std::size_t>(k * l.out + o)] = i;
  });
  return l;
}

// Rows of the columns matrix for outputs [from, from + width) of one image's group.
template <class R>
void fill_columns(const Lowering& l, const R* image, std::int64_t from, std::int64_t width,
                  std::vector<R>& columns) {
  columns.resize(static_cast<std::size_t>(l.channels * l.kernel * width));
  R* to = columns.data();
  for (std::int64_t c = 0; c < l.channels; ++c)
    for (std::int64_t k = 0; k < l.kernel; ++k) {
      const std::int64_t* at = l.map.data() + k * l.out + from;
      for (std::int64_t o = 0; o < width; ++o) *to++ = at[o] < 0 ? R(0) : image[c * l.in + at[o]];
    }
}

// `weights` is [groups][m][channels * kernel]; input 2 may be a bias.
template <class R>
void convolve(Evaluation& ev, const Lowering& l, const Reals<R>& weights) {
  const auto& x = ev.reals<R>(0);
  auto& y = ev.out_reals<R>();
  const auto rounding = ev.rounding<R>();
  const std::int64_t depth = l.channels * l.kernel;
  const R gamma = rounding.gamma(static_cast<R>(depth));
  const std::int64_t tile =
      std::min(l.out, std::max<std::int64_t>(64, kTile / std::max<std::int64_t>(depth, 1)));
  std::vector<R> column_v, column_e, tile_v, tile_e;
  for (std::int64_t n = 0; n < l.batch; ++n)
    for (std::int64_t g = 0; g < l.groups; ++g)
      for (std::int64_t from = 0; from < l.out; from += tile) {
        const std::int64_t width = std::min(tile, l.out - from);
        const std::int64_t image = (n * l.groups + g) * l.channels * l.in;
        fill_columns(l, x.v.data() + image, from, width, column_v);
        fill_columns(l, x.e.data() + image, from, width, column_e);
        tile_v.assign(static_cast<std::size_t>(l.m * width), 0);
        tile_e.assign(static_cast<std::size_t>(l.m * width), 0);
        const std::int64_t at_w = g * l.m * depth;
        add_matmul<R>({weights.v.data() + at_w, weights.e.data() + at_w}, {column_v.data(), column_e.data()},
                      tile_v.data(), tile_e.data(), l.m, depth, width, rounding);
        for (std::int64_t m = 0; m < l.m; ++m) {
          Approx<R> bias;
          if (ev.has_input(2)) {
            bias = ev.reals<R>(2)[static_cast<std::size_t>(g * l.m + m)];
            // It may be what the sum starts from.
            if (bias.finite() && !bias.open()) bias.e += gamma * (std::fabs(bias.v) + bias.e);
          }
          for (std::int64_t o = 0; o < width; ++o) {
            const auto at = static_cast<std::size_t>(m * width + o);
            y.set(static_cast<std::size_t>(((n * l.groups + g) * l.m + m) * l.out + from + o),
                  rounding.add(Approx<R>{tile_v[at], tile_e[at]} + bias));
          }
        }
      }
}

// Padding adds nothing, yet kernels that store zeros there make NaN of an infinite weight: open.
template <class R>
void open_at_padding(Evaluation& ev, const Lowering& l, const Reals<R>& weights) {
  const std::int64_t depth = l.channels * l.kernel;
  auto& y = ev.out_reals<R>();
  for (std::int64_t row = 0; row < l.groups * l.m; ++row)
    for (std::int64_t i = 0; i < depth; ++i) {
      if (weights[static_cast<std::size_t>(row * depth + i)].finite()) continue;
      for (std::int64_t o = 0; o < l.out; ++o) {
        if (l.map[static_cast<std::size_t>(i % l.kernel * l.out + o)] >= 0) continue;
        for (std::int64_t n = 0; n < l.batch; ++n)
          y.e[static_cast<std::size_t>((n * l.groups * l.m + row) * l.out + o)] = kInfinity<R>;
      }
    }
}

// The kernel's shape, from the weights; an attribute may only repeat it.
Dims kernel_of(const Inference& inf) {
  if (inf.rank(1) < 3 || inf.rank(1) != inf.rank(0))
    throw InvalidNode("the ranks of image and weights differ");
  const Dims kernel(inf.dims(1).begin() + 2, inf.dims(1).end());
  const Dims said = inf.node().ints_or("kernel_shape", kernel);
  if (!said.empty() && said != kernel) throw InvalidNode("kernel_shape is not that of the weights");
  return kernel;
}

std::int64_t group_of(const Inference& inf) {
  const std::int64_t group = inf.node().int_or("group", 1);
  if (group < 1) throw InvalidNode("group is not positive");
  return group;
}

void check_bias(const Inference& inf, std::int64_t channels) {
  if (inf.has_input(2) && inf.dims(2) != Dims{channels})
    throw InvalidNode("the bias does not fit the channels");
}

void infer_from(Inference& inf, const Windows& w, std::int64_t channels) {
  Dims dims = {inf.dims(0)[0], channels};
  dims.insert(dims.end(), w.out.begin(), w.out.end());
  inf.set_output(0, {inf.type(0).dtype, dims});
}

Windows conv_windows(const Inference& inf) {
  const std::int64_t group = group_of(inf);
  const Dims &x = inf.dims(0), &w = inf.dims(1);
  Windows windows = sliding_windows(inf, kernel_of(inf));
  if (x[1] % group != 0 || x[1] / group != w[1] || w[0] % group != 0)
    throw InvalidNode("the channels of image, weights and group do not fit");
  check_bias(inf, w[0]);
  return windows;
}

void infer_conv(Inference& inf) {
  const Windows w = conv_windows(inf);
  infer_from(inf, w, inf.dims(1)[0]);
}

void conv(Evaluation& ev) {
  const Windows w = conv_windows(ev);
  const std::int64_t group = group_of(ev);
  const Lowering l = lower(w, ev.dims(0)[0], group, ev.dims(1)[1], ev.dims(1)[0] / group);
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    convolve<R>(ev, l, ev.reals<R>(1));
    open_at_padding<R>(ev, l, ev.reals<R>(1));
  });
  if (allows_limits(ev)) {
    relax_conv(ev, w, group);
    relax_quantized_weights(ev, l.channels * l.kernel);
  }
}

// Along each axis: natural size of the output before padding, and how padding cuts it.
Windows transpose_windows(const Inference& inf) {
  const std::int64_t group = group_of(inf);
  const Dims &x = inf.dims(0), &weights = inf.dims(1);
  Windows w = read_windows(inf, kernel_of(inf));
  if (weights[0] != x[1] || x[1] % group != 0)
    throw InvalidNode("the channels of image, weights and group do not fit");
  if (weights[1] > kMaxExtent / group) throw Unsupported("too many channels");
  check_bias(inf, weights[1] * group);
  const Dims extra = spatial_attribute(inf, "output_padding", w.rank(), 0, 0);
  const Dims wanted = spatial_attribute(inf, "output_shape", w.rank(), -1, -1);
  const std::string auto_pad = inf.node().string_or("auto_pad", "NOTSET");
  const bool upper = auto_pad == "SAME_UPPER", same = upper || auto_pad == "SAME_LOWER";
  if (!same && auto_pad != "VALID" && auto_pad != "NOTSET")
    throw InvalidNode("auto_pad is none of the four words");
  for (std::size_t d = 0; d < w.rank(); ++d) {
    if (w.in[d] == 0) throw Unsupported("ConvTranspose of an empty image");
    if (extra[d] >= std::max(w.strides[d], w.dilations[d])) throw InvalidNode("output_padding is too large");
    if (w.in[d] > kMaxExtent / w.strides[d]) throw Unsupported("the image is too large");
    const std::int64_t natural = w.strides[d] * (w.in[d] - 1) + extra[d] + w.span(d);
    if (same || wanted[d] >= 0) {
      if (wanted[d] < 0 && extra[d] != 0) throw Unsupported("output_padding with SAME is told in two ways");
      w.out.push_back(wanted[d] >= 0 ? wanted[d] : w.in[d] * w.strides[d]);
      std::int64_t pad = natural - w.out[d];
      // An output_shape beyond the kernel's reach acts like output_padding (test_convtranspose_output_shape).
      if (pad < 0 && wanted[d] >= 0 && extra[d] - pad < std::max(w.strides[d], w.dilations[d])) pad = 0;
      if (pad < 0) throw Unsupported("the output would be larger than what the kernel reaches");
      w.begin[d] = upper ? pad / 2 : pad - pad / 2;
    } else {
      if (auto_pad == "VALID") w.begin[d] = w.end[d] = 0;
      w.out.push_back(natural - w.begin[d] - w.end[d]);
    }
    if (w.out[d] < 1) throw InvalidNode("the pads leave no output");
  }
  check_table(w);
  // Read backwards: which input stands at which kernel element to give an output.
  for (std::size_t d = 0; d < w.rank(); ++d) {
    auto& table = w.coordinates.emplace_back();
    for (std::int64_t o = 0; o < w.out[d]; ++o)
      for (std::int64_t k = 0; k < w.kernel[d]; ++k) {
        const std::int64_t at = o + w.begin[d] - k * w.dilations[d];
        table.push_back(at >= 0 && at % w.strides[d] == 0 && at / w.strides[d] < w.in[d] ? at / w.strides[d]
                                                                                         : -1);
      }
  }
  return w;
}

void infer_conv_transpose(Inference& inf) {
  const Windows w = transpose_windows(inf);
  infer_from(inf, w, inf.dims(1)[1] * group_of(inf));
}

void conv_transpose(Evaluation& ev) {
  const Windows w = transpose_windows(ev);
  const std::int64_t group = group_of(ev);
  const Lowering l = lower(w, ev.dims(0)[0], group, ev.dims(0)[1] / group, ev.dims(1)[1]);
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& from = ev.reals<R>(1);  // [groups][channels][m][kernel]
    Reals<R> weights;
    weights.resize(from.v.size());
    std::size_t at = 0;
    for (std::int64_t g = 0; g < l.groups; ++g)
      for (std::int64_t m = 0; m < l.m; ++m)
        for (std::int64_t c = 0; c < l.channels; ++c)
          for (std::int64_t k = 0; k < l.kernel; ++k)
            weights.set(at++,
                        from[static_cast<std::size_t>(((g * l.channels + c) * l.m + m) * l.kernel + k)]);
    convolve<R>(ev, l, weights);
    open_at_padding<R>(ev, l, weights);
  });
  if (allows_limits(ev)) relax_quantized_weights(ev, l.channels * l.kernel);
}

// A divisor of the number of channels: often 1, sometimes all of them (depthwise).
std::int64_t draft_group(Rng& rng, std::int64_t channels) {
  if (channels < 2 || rng.chance(0.6)) return 1;
  if (rng.chance(0.5)) return channels;
  const std::int64_t g = rng.range(1, channels);
  return channels % g == 0 ? g : 1;
}

// The inputs after the image; `weights` are the first two dimensions, `channels` those of the output.
void draft_rest(Draft& d, const ArrayType& x, std::int64_t group, const Dims& kernel, Dims weights,
                std::int64_t channels) {
  weights.insert(weights.end(), kernel.begin(), kernel.end());
  d.input({.types = x.dtype, .dims = weights, .role = Role::kWeight});
  if (d.rng().chance(0.6)) d.input({.types = x.dtype, .dims = Dims{channels}, .role = Role::kWeight});
  if (group != 1 || d.rng().chance(0.3)) d.attribute("group", group);
  if (d.rng().chance(0.6)) d.attribute("kernel_shape", kernel);
}

bool draft_conv(Draft& d) {
  const ArrayType x = draft_image(d, drawable(d, "T"));
  const Dims kernel = draft_windows(d, Dims(x.dims.begin() + 2, x.dims.end()), true);
  const std::int64_t group = draft_group(d.rng(), x.dims[1]);
  const std::int64_t channels = group * d.rng().range(1, 4);
  draft_rest(d, x, group, kernel, {channels, x.dims[1] / group}, channels);
  return true;
}

bool draft_conv_transpose(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = draft_image(d, drawable(d, "T"));
  const std::size_t n = x.dims.size() - 2;
  Dims kernel, strides, dilations, extra, begin, end, shape;
  for (std::size_t i = 0; i < n; ++i) {
    kernel.push_back(rng.range(1, 3));
    strides.push_back(rng.range(1, 3));
    dilations.push_back(rng.chance(0.2) ? 2 : 1);
    extra.push_back(rng.range(0, strides[i] - 1));
  }
  if (rng.chance(0.3)) strides.assign(n, 1), extra.assign(n, 0);
  if (rng.chance(0.6)) extra.assign(n, 0);
  const double way = rng.unit();  // of padding
  const bool same = way < 0.15 && extra == Dims(n, 0);
  bool grows = true;  // shape inference gives up where output_shape is smaller than the input
  for (std::size_t i = 0; i < n; ++i) {
    // SAME gives in * stride: the kernel has to reach that far.
    if (same) dilations[i] = 1, kernel[i] = std::max(kernel[i], strides[i]);
    const std::int64_t span = (kernel[i] - 1) * dilations[i] + 1;
    const std::int64_t natural = strides[i] * (x.dims[i + 2] - 1) + extra[i] + span;
    begin.push_back(rng.range(0, std::min<std::int64_t>({span - 1, natural - 1, 2})));
    end.push_back(rng.range(0, std::min<std::int64_t>({span - 1, natural - 1 - begin[i], 2})));
    shape.push_back(natural - begin[i] - end[i]);
    grows = grows && shape[i] >= x.dims[i + 2];
  }
  if (same) {
    d.attribute("auto_pad", std::string(rng.pick({"SAME_UPPER", "SAME_LOWER"})));
  } else if (way < 0.3 && grows) {
    d.attribute("output_shape", shape);
    if (rng.chance(0.5))
      d.attribute("auto_pad", std::string(rng.pick({"SAME_UPPER", "SAME_LOWER", "NOTSET"})));
  } else if (way < 0.7) {
    begin.insert(begin.end(), end.begin(), end.end());
    d.attribute("pads", begin);
  } else if (way < 0.8) {
    d.attribute("auto_pad", std::string("VALID"));
  }
  if (strides != Dims(n, 1) || rng.chance(0.3)) d.attribute("strides", strides);
  if (dilations != Dims(n, 1) || rng.chance(0.2)) d.attribute("dilations", dilations);
  if (extra != Dims(n, 0) || rng.chance(0.1)) d.attribute("output_padding", extra);
  const std::int64_t group = draft_group(rng, x.dims[1]);
  const std::int64_t per_group = rng.range(1, 3);
  draft_rest(d, x, group, kernel, {x.dims[1], per_group}, per_group * group);
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Conv", .draft = draft_conv, .infer = infer_conv, .evaluate = conv},
    {.name = "ConvTranspose",
     .draft = draft_conv_transpose,
     .infer = infer_conv_transpose,
     .evaluate = conv_transpose},
};

}  // namespace

namespace family {
extern constinit const Family conv = specs;
}

}  // namespace mob::ops
