// Pad (attributes before opset 11, then inputs; axes from 18, wrap from 19) and CenterCropPad.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

constexpr std::int64_t kFill = -1, kOpenSource = -2;  // in place of a position in the input

struct Pads {
  std::int64_t before = 0, after = 0;
};

std::vector<Pads> pads_of(const Inference& inf) {
  const bool by_input = inf.opset() >= 11;
  if (!by_input && !inf.node().has("pads")) throw InvalidNode("Pad without pads");
  const auto values = by_input ? vector_input(inf, 1) : inf.node().ints_or("pads", {});
  std::vector<std::int64_t> axes;
  if (inf.has_input(3))
    axes = vector_input(inf, 3);
  else
    for (std::int64_t a = 0; a < inf.rank(0); ++a) axes.push_back(a);
  if (values.size() != 2 * axes.size()) throw InvalidNode("pads is not twice as long as there are axes");
  axes = distinct_axes(axes, inf.rank(0));
  std::vector<Pads> pads(inf.dims(0).size());
  for (std::size_t i = 0; i < axes.size(); ++i) pads[axes[i]] = {values[i], values[axes.size() + i]};
  return pads;
}

enum class Mode { kConstant, kReflect, kEdge, kWrap };

Mode mode_of(const Inference& inf) {
  const std::string mode = inf.node().string_or("mode", "constant");
  if (mode == "constant") return Mode::kConstant;
  if (mode == "reflect") return Mode::kReflect;
  if (mode == "edge") return Mode::kEdge;
  if (mode == "wrap" && inf.opset() >= 19) return Mode::kWrap;
  throw InvalidNode("Pad has no mode '" + mode + "'");
}

void infer_pad(Inference& inf) {
  const auto pads = pads_of(inf);
  const Mode mode = mode_of(inf);
  Dims out = inf.dims(0);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto [before, after] = pads[i];
    const std::int64_t size = out[i];
    // Negative pads that take away more than there is have no agreed meaning, even where the sum fits.
    if (before < -size || after < -size || (before < 0 && after < 0 && before + after < -size))
      throw InvalidNode("pads remove more than there is");
    if (__builtin_add_overflow(out[i], before, &out[i]) || __builtin_add_overflow(out[i], after, &out[i]))
      throw InvalidNode("the size of an axis overflows");
    if (out[i] < 0) throw InvalidNode("pads remove more than there is");
    if (mode != Mode::kConstant && size == 0 && out[i] > 0) throw InvalidNode("nothing to pad with");
  }
  if (inf.has_input(2) && inf.opset() >= 11) {
    if (inf.type(2).dtype != inf.type(0).dtype) throw InvalidNode("constant_value has another type");
    if (inf.type(2).count() != 1) throw InvalidNode("constant_value is not one value");
  }
  inf.set_output(0, {inf.type(0).dtype, out});
}

// Where position `at` (which may lie outside) of an axis of n elements is taken from.
std::int64_t source(std::int64_t at, std::int64_t n, Mode mode) {
  if (at >= 0 && at < n) return at;
  switch (mode) {
    case Mode::kEdge:
      return at < 0 ? 0 : n - 1;
    case Mode::kWrap:
      return (at % n + n) % n;
    case Mode::kReflect: {
      const std::int64_t mirrored = at < 0 ? -at : 2 * (n - 1) - at;
      // What is further out than the mirror reaches is reflected again by numpy, but not by the ONNX spec.
      return mirrored >= 0 && mirrored < n ? mirrored : kOpenSource;
    }
    default:
      return kFill;
  }
}

// For each output position of an axis. Where a negative pad meets a positive one, the padding may be made
// from what is left (crop first) or from what was there: where these differ, the element is open.
std::vector<std::int64_t> sources(const Pads& pads, std::int64_t size, Mode mode) {
  const std::int64_t cut_before = std::max<std::int64_t>(-pads.before, 0);
  const std::int64_t left = size - cut_before - std::max<std::int64_t>(-pads.after, 0);
  std::vector<std::int64_t> out(static_cast<std::size_t>(size + pads.before + pads.after));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::int64_t at = static_cast<std::int64_t>(i) - pads.before;
    out[i] = source(at, size, mode);
    if (left == size || mode == Mode::kConstant) {
      continue;
    }
    std::int64_t cropped = left == 0 ? kOpenSource : source(at - cut_before, left, mode);
    if (cropped >= 0) cropped += cut_before;
    if (cropped != out[i]) out[i] = kOpenSource;
  }
  return out;
}

Expected fill_value(const Evaluation& ev) {
  const ArrayType scalar{ev.type(0).dtype, {}};
  if (ev.opset() >= 11 && ev.has_input(2)) {
    Expected fill(scalar);
    copy_element(ev.input(2), 0, fill, 0);
    return fill;
  }
  if (ev.opset() >= 11) return Expected(scalar);
  return exact(Tensor::scalar(scalar.dtype, ev.node().float_or("value", 0)));
}

void evaluate_pad(Evaluation& ev) {
  if (ev.output().count() == 0) return;
  const auto pads = pads_of(ev);
  const Mode mode = mode_of(ev);
  const Dims &in = ev.dims(0), from = strides(in);
  std::vector<std::vector<std::int64_t>> along;
  for (std::size_t d = 0; d < in.size(); ++d) along.push_back(sources(pads[d], in[d], mode));
  std::vector<std::int64_t> map;
  std::vector<std::size_t> open;
  map.reserve(ev.output().count());
  for_each_index(ev.output().type.dims, [&](const Dims& index) {
    std::int64_t offset = 0;
    bool fill = false, is_open = false;
    for (std::size_t d = 0; d < in.size(); ++d) {
      const std::int64_t s = along[d][index[d]];
      fill = fill || s == kFill;
      is_open = is_open || s == kOpenSource;
      offset += std::max<std::int64_t>(s, 0) * from[d];
    }
    if (is_open) open.push_back(map.size());
    map.push_back(fill || is_open ? kFill : offset);
  });
  const Expected fill = fill_value(ev);
  gather_elements(ev.input(0), map, ev.output(), &fill);
  for (std::size_t i : open) set_open(ev.output(), i);
  if (!open.empty())
    ev.unspecified("padding with what lies beyond one reflection or was removed", open.size());
}

bool draft_pad(Draft& d) {
  Rng& rng = d.rng();
  const bool by_input = !d.schema().has_attribute("pads");
  std::vector<std::string> modes = {"constant", "constant", "reflect", "edge"};
  if (d.opset() >= 19) modes.push_back("wrap");
  const std::string mode = rng.pick(modes);
  const ArrayType x =
      d.input({.types = drawable(d, "T", kMovable.without(DType::kString)), .min_rank = 1, .max_rank = 5});
  const auto rank = static_cast<std::int64_t>(x.rank());
  const bool with_axes = d.opset() >= 18 && rng.chance(0.4);
  auto axes = rng.permutation(x.rank());
  if (with_axes)
    axes.resize(rng.range(1, rank));
  else
    std::sort(axes.begin(), axes.end());
  std::vector<std::int64_t> pads(2 * axes.size(), 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t n = x.dims[axes[i]];
    std::int64_t& before = pads[i];
    std::int64_t& after = pads[axes.size() + i];
    const std::int64_t most = mode == "reflect"              ? std::max<std::int64_t>(n - 1, 0)
                              : n == 0 && mode != "constant" ? 0
                                                             : 2;
    if (rng.chance(0.6)) before = rng.range(0, std::min<std::int64_t>(most, 3));
    if (rng.chance(0.6)) after = rng.range(0, std::min<std::int64_t>(most, 3));
    if (n > 1 && rng.chance(0.12)) {
      std::int64_t& cut = rng.chance(0.5) ? before : after;
      if (mode != "constant") before = after = 0;
      cut = -rng.range(1, n - 1);
    }
    if (mode == "wrap") before = std::min(before, n), after = std::min(after, n);
  }
  if (mode != "constant" || rng.chance(0.2)) d.attribute("mode", mode);
  const double value = rng.pick({0.0, 1.0, -1.5, 3.0});
  if (!by_input) {
    d.attribute("pads", pads);
    if (rng.chance(0.5)) d.attribute("value", static_cast<float>(value));
    return true;
  }
  d.input(Tensor::ints(pads));
  if (mode == "constant" && rng.chance(0.6))
    d.input(Tensor::scalar(x.dtype, is_unsigned_int(x.dtype) ? std::fabs(value) : value));
  else if (with_axes)
    d.skip_input();
  if (with_axes) {
    for (auto& a : axes)
      if (rng.chance(0.3)) a -= rank;
    d.input(
        Tensor::ints(axes));  // of constant int32, which the schema takes too, onnx's shape inference fails
  }
  return true;
}

// --- CenterCropPad ---

void infer_crop(Inference& inf) {
  const auto shape = vector_input(inf, 1);
  std::vector<std::int64_t> axes;
  for (std::int64_t a = 0; a < inf.rank(0); ++a) axes.push_back(a);
  axes = distinct_axes(inf.node().ints_or("axes", axes), inf.rank(0));
  if (axes.size() != shape.size()) throw InvalidNode("shape is not as long as there are axes");
  Dims out = inf.dims(0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (shape[i] < 0) throw InvalidNode("a negative size in the shape");
    out[axes[i]] = shape[i];
  }
  inf.set_output(0, {inf.type(0).dtype, out});
}

void evaluate_crop(Evaluation& ev) {
  const Dims &in = ev.dims(0), &out = ev.output().type.dims, from = strides(in);
  std::vector<std::int64_t> map;
  map.reserve(ev.output().count());
  for_each_index(out, [&](const Dims& index) {
    std::int64_t offset = 0;
    bool fill = false;
    for (std::size_t d = 0; d < in.size(); ++d) {
      // Of an odd difference the smaller half stands in front, whether it is cut off or added.
      const std::int64_t at = index[d] + (in[d] > out[d] ? (in[d] - out[d]) / 2 : -((out[d] - in[d]) / 2));
      fill = fill || at < 0 || at >= in[d];
      offset += at * from[d];
    }
    map.push_back(fill ? kFill : offset);
  });
  gather_elements(ev.input(0), map, ev.output());
}

bool draft_crop(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T", kAnyDType), .min_rank = 1});
  const bool with_axes = rng.chance(0.6);
  auto axes = rng.permutation(x.rank());
  if (with_axes)
    axes.resize(rng.range(1, static_cast<std::int64_t>(x.rank())));
  else
    std::sort(axes.begin(), axes.end());
  std::vector<std::int64_t> shape;
  for (auto& a : axes) {
    shape.push_back(rng.chance(0.2) ? x.dims[a] : rng.range(1, x.dims[a] + 3));
    if (rng.chance(0.3)) a -= static_cast<std::int64_t>(x.rank());
  }
  // ONNX Runtime's own expansion of the operator fails on int32.
  const DType t = rng.chance(0.9) ? DType::kInt64 : DType::kInt32;
  d.input(Tensor::of_ints(t, {static_cast<std::int64_t>(shape.size())}, shape));
  if (with_axes) d.attribute("axes", axes);
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Pad", .since = 2, .draft = draft_pad, .infer = infer_pad, .evaluate = evaluate_pad},
    {.name = "CenterCropPad",
     .since = 18,
     .draft = draft_crop,
     .infer = infer_crop,
     .evaluate = evaluate_crop},
};

}  // namespace

namespace family {
extern constinit const Family pad = specs;
}

}  // namespace mob::ops
