// Windows that slide over the spatial axes of [N, C, D1, ..., Dn]: what convolutions and poolings share.
#pragma once

#include "fuzzer/ops/kernels.h"

namespace mob::ops {

// One list per property, an entry per spatial axis.
struct Windows {
  Dims in, kernel, strides, dilations, begin, end, out;
  // Per axis d, [out[d]][kernel[d]]: the input coordinate under a kernel element, -1 where there is none.
  std::vector<std::vector<std::int64_t>> coordinates = {};

  std::size_t rank() const { return in.size(); }
  // What the dilated kernel spans along axis d.
  std::int64_t span(std::size_t d) const { return (kernel[d] - 1) * dilations[d] + 1; }
};

// Sizes beyond this are no use to anyone; sums and products of two of them do not overflow.
inline constexpr std::int64_t kMaxExtent = std::int64_t{1} << 30;

// An attribute with `count` entries, each in [least, kMaxExtent]; all `fallback` where it is absent.
inline Dims spatial_attribute(const Inference& inf, std::string_view name, std::size_t count,
                              std::int64_t fallback, std::int64_t least) {
  Dims values = inf.node().ints_or(name, {});
  if (values.empty()) values.assign(count, fallback);
  if (values.size() != count) throw InvalidNode(std::string(name) + " does not fit the spatial axes");
  for (std::int64_t v : values)
    if (v < least || v > kMaxExtent) throw InvalidNode(std::string(name) + " is out of range");
  return values;
}

// The spatial axes of input 0.
inline Dims spatial(const Inference& inf) {
  if (inf.rank(0) < 3) throw InvalidNode("there is no spatial axis");
  Dims dims(inf.dims(0).begin() + 2, inf.dims(0).end());
  for (std::int64_t v : dims)
    if (v > kMaxExtent) throw Unsupported("the image is too large");
  return dims;
}

// Strides, dilations and pads as the node's attributes give them, with no output yet.
inline Windows read_windows(const Inference& inf, Dims kernel) {
  Windows w{.in = spatial(inf), .kernel = std::move(kernel)};
  const std::size_t n = w.rank();
  if (w.kernel.size() != n) throw InvalidNode("the kernel does not fit the spatial axes");
  for (std::int64_t k : w.kernel)
    if (k < 1 || k > kMaxExtent) throw InvalidNode("a kernel dimension is out of range");
  w.strides = spatial_attribute(inf, "strides", n, 1, 1);
  w.dilations = spatial_attribute(inf, "dilations", n, 1, 1);
  const Dims pads = spatial_attribute(inf, "pads", 2 * n, 0, 0);
  w.begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(n));
  w.end.assign(pads.begin() + static_cast<std::ptrdiff_t>(n), pads.end());
  for (std::size_t d = 0; d < n; ++d)
    if (w.kernel[d] > kMaxExtent / w.dilations[d]) throw InvalidNode("the dilated kernel is too large");
  return w;
}

// Throws where a table of all windows would not fit into memory.
inline void check_table(const Windows& w) {
  long double elements = 1;
  for (std::size_t d = 0; d < w.rank(); ++d) elements *= static_cast<long double>(w.out[d]) * w.kernel[d];
  for (std::size_t d = 0; d < w.rank(); ++d)
    elements = std::max(elements, static_cast<long double>(w.out[d]) * w.kernel[d]);
  if (elements > 0x1p25L) throw Unsupported("the windows are too many");
}

// Convolution and pooling: pads by auto_pad, the output's size, the coordinates.
inline Windows sliding_windows(const Inference& inf, Dims kernel) {
  Windows w = read_windows(inf, std::move(kernel));
  const std::string auto_pad = inf.node().string_or("auto_pad", "NOTSET");
  const bool ceil = inf.node().int_or("ceil_mode", 0) != 0;
  for (std::size_t d = 0; d < w.rank(); ++d) {
    const std::int64_t span = w.span(d), stride = w.strides[d];
    if (auto_pad == "SAME_UPPER" || auto_pad == "SAME_LOWER") {
      w.out.push_back(w.in[d] / stride + (w.in[d] % stride != 0));
      const std::int64_t pad = std::max<std::int64_t>((w.out[d] - 1) * stride + span - w.in[d], 0);
      w.begin[d] = auto_pad == "SAME_UPPER" ? pad / 2 : pad - pad / 2;
      w.end[d] = pad - w.begin[d];
      continue;
    }
    if (auto_pad == "VALID")
      w.begin[d] = w.end[d] = 0;
    else if (auto_pad != "NOTSET" && !auto_pad.empty())
      throw InvalidNode("auto_pad is none of the four words");
    const std::int64_t room = w.in[d] + w.begin[d] + w.end[d] - span;
    // Nothing in, nothing out; otherwise a kernel larger than the padded input has no place to stand.
    if (room < 0 && w.in[d] != 0) throw InvalidNode("the kernel is larger than the padded input");
    std::int64_t out = room < 0 ? 0 : room / stride + 1;
    if (ceil && room > 0 && room % stride != 0) {
      // The text for VALID rounds like the floor, shape inference and runtimes do not.
      if (auto_pad == "VALID") throw Unsupported("ceil_mode with auto_pad VALID is told in two ways");
      // A window may not start in the right padding.
      if (out * stride < w.in[d] + w.begin[d]) ++out;
    }
    w.out.push_back(out);
  }
  check_table(w);
  for (std::size_t d = 0; d < w.rank(); ++d) {
    auto& table = w.coordinates.emplace_back();
    for (std::int64_t o = 0; o < w.out[d]; ++o)
      for (std::int64_t k = 0; k < w.kernel[d]; ++k) {
        const std::int64_t at = o * w.strides[d] - w.begin[d] + k * w.dilations[d];
        table.push_back(at >= 0 && at < w.in[d] ? at : -1);
      }
  }
  return w;
}

// Calls f(output position, kernel element, input position), each a row-major offset within its own plane,
// for every kernel element that stands on the input; ordered by output, then by kernel element.
template <class F>
void for_each_tap(const Windows& w, F&& f) {
  const Dims step = strides(w.in);
  std::int64_t at_out = 0;
  for_each_index(w.out, [&](const Dims& o) {
    std::int64_t at_kernel = 0;
    for_each_index(w.kernel, [&](const Dims& k) {
      std::int64_t at_in = 0;
      bool inside = true;
      for (std::size_t d = 0; d < o.size() && inside; ++d) {
        const std::int64_t c = w.coordinates[d][static_cast<std::size_t>(o[d] * w.kernel[d] + k[d])];
        inside = c >= 0;
        at_in += c * step[d];
      }
      if (inside) f(at_out, at_kernel, at_in);
      ++at_kernel;
    });
    ++at_out;
  });
}

// Taps grouped by output position: the elements of `input` in [first[o], first[o + 1]) belong to o.
struct Taps {
  std::vector<std::size_t> first;
  std::vector<std::size_t> input;
};
inline Taps taps(const Windows& w) {
  Taps t;
  t.first.assign(static_cast<std::size_t>(element_count(w.out)) + 1, 0);
  for_each_tap(w, [&](std::int64_t o, std::int64_t, std::int64_t i) {
    t.input.push_back(static_cast<std::size_t>(i));
    t.first[static_cast<std::size_t>(o) + 1] = t.input.size();
  });
  for (std::size_t o = 1; o < t.first.size(); ++o) t.first[o] = std::max(t.first[o], t.first[o - 1]);
  return t;
}

// Draws the attributes of a window over `in` (each at least 1) and returns the kernel. `over_padding`: a
// window may stand on padding alone (convolution); a pooling window needs an element.
inline Dims draft_windows(Draft& d, const Dims& in, bool over_padding) {
  Rng& rng = d.rng();
  const std::size_t n = in.size();
  Windows w{.in = in, .strides = Dims(n, 1), .dilations = Dims(n, 1), .begin = Dims(n, 0), .end = Dims(n, 0)};
  const bool padded = rng.chance(0.5), symmetric = rng.chance(0.5), strided = rng.chance(0.4);
  const bool dilated = d.schema().has_attribute("dilations") && rng.chance(0.25);
  for (std::size_t i = 0; i < n; ++i) {
    w.kernel.push_back(rng.range(1, std::min<std::int64_t>(in[i], 4)));
    if (strided) w.strides[i] = rng.range(1, 3);
    if (dilated) w.dilations[i] = rng.range(1, 3);
    if (w.span(i) > in[i]) w.dilations[i] = 1;
    const std::int64_t most = over_padding ? 2 : std::min<std::int64_t>(w.kernel[i] - 1, 2);
    if (padded) w.begin[i] = rng.range(0, most);
    if (padded) w.end[i] = symmetric ? w.begin[i] : rng.range(0, most);
    // With padding, the kernel of a convolution may be larger than the image.
    if (over_padding && w.dilations[i] == 1 && rng.chance(0.1)) w.kernel[i] = in[i] + w.begin[i] + w.end[i];
  }
  if (strided || rng.chance(0.3)) d.attribute("strides", w.strides);
  const bool spread = w.dilations != Dims(n, 1);
  if (!padded && rng.chance(0.3)) {
    // ONNX Runtime does not take SAME together with dilations, nor a pooling whose strides leave gaps.
    bool same = !spread;
    for (std::size_t i = 0; i < n; ++i) same = same && (over_padding || w.strides[i] <= w.kernel[i]);
    d.attribute("auto_pad", std::string(same ? rng.pick({"SAME_UPPER", "SAME_LOWER", "VALID"}) : "VALID"));
  } else {
    if (rng.chance(0.1)) d.attribute("auto_pad", std::string("NOTSET"));
    Dims pads = w.begin;
    pads.insert(pads.end(), w.end.begin(), w.end.end());
    if (padded || rng.chance(0.3)) d.attribute("pads", pads);
    if (d.schema().has_attribute("ceil_mode") && rng.chance(0.4)) {
      bool agreed = true;  // older forms: shape inference counts a window that starts in the right padding
      for (std::size_t i = 0; i < n; ++i) {
        const std::int64_t room = in[i] + w.begin[i] + w.end[i] - w.span(i);
        const std::int64_t last = (room + w.strides[i] - 1) / w.strides[i] * w.strides[i];
        agreed = agreed && last < in[i] + w.begin[i];
      }
      if (agreed || d.opset() >= 22) d.attribute("ceil_mode", std::int64_t{1});
    }
  }
  if (spread || (d.schema().has_attribute("dilations") && rng.chance(0.2)))
    d.attribute("dilations", w.dilations);
  return w.kernel;
}

// An image [N, C, D1, ..., Dn], rarely an empty batch.
inline ArrayType draft_image(Draft& d, DTypeSet types, int max_spatial = 3, ValueRange range = {}) {
  Want want{.types = types, .min_rank = 3, .max_rank = 2 + max_spatial, .range = range};
  if (d.rng().chance(0.02)) want.dims = Dims{0, kAny, kAny, kAny};
  return d.input(want);
}

}  // namespace mob::ops
