// What the inputs and attributes of Resize (in the form of each opset) and Upsample ask for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "fuzzer/ops/kernels.h"
#include "fuzzer/ops/resize_axis.h"

namespace mob::ops {

struct ResizePlan {
  ResizeMode mode;
  std::vector<ResizeAxis> axes;  // one for each axis of X
};

inline std::vector<double> resize_reals(const Inference& inf, std::size_t i) {
  const Expected& x = inf.input(i);
  if (x.type.rank() != 1 || !x.holds_reals()) throw InvalidNode("scales and roi are lists of numbers");
  std::vector<double> values;
  for (std::size_t k = 0; k < x.count(); ++k) {
    if (x.bound_at(k) != 0) throw Unsupported("a scale or a region of Resize is undecided");
    if (!std::isfinite(x.value_at(k))) throw InvalidNode("a scale or a region of Resize is not finite");
    values.push_back(x.value_at(k));
  }
  return values;
}

template <class... Words>
inline std::string one_of(const Inference& inf, std::string_view attribute, Words... words) {
  const std::string first[] = {words...};
  const std::string given = inf.node().string_or(attribute, first[0]);
  if (((given != words) && ...))
    throw InvalidNode("there is no " + std::string(attribute) + " '" + given + "'");
  return given;
}

inline ResizeMode resize_mode(const Inference& inf) {
  ResizeMode m;
  const std::string mode = one_of(inf, "mode", "nearest", "linear", "cubic");
  m.interpolation = mode == "nearest"  ? Interpolation::kNearest
                    : mode == "linear" ? Interpolation::kLinear
                                       : Interpolation::kCubic;
  if (inf.opset() < 11) {
    if (mode == "cubic") throw InvalidNode("cubic before opset 11");
    m.transform = "asymmetric";
    return m;
  }
  m.transform = one_of(inf, "coordinate_transformation_mode", "half_pixel", "half_pixel_symmetric",
                       "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn",
                       "tf_crop_and_resize");
  m.nearest_mode = one_of(inf, "nearest_mode", "round_prefer_floor", "round_prefer_ceil", "floor", "ceil");
  m.cubic_a = inf.node().float_or("cubic_coeff_a", -0.75);
  m.antialias = inf.node().int_or("antialias", 0) != 0;
  m.exclude_outside = inf.node().int_or("exclude_outside", 0) != 0;
  if (!(std::fabs(m.cubic_a) < 1000)) throw Unsupported("cubic_coeff_a is out of proportion");
  if (m.interpolation == Interpolation::kNearest && m.antialias) throw InvalidNode("antialias of nearest");
  if (m.interpolation == Interpolation::kNearest && m.exclude_outside)
    throw Unsupported("exclude_outside of nearest");
  return m;
}

// floor(in * scale), in doubt where float32 rounds it up to the next whole number.
inline std::int64_t scaled(std::int64_t in, double scale) {
  const double exact = std::floor(static_cast<double>(in) * scale);
  if (!(exact < 0x1p53)) throw InvalidNode("Resize makes an axis too large");
  if (exact != std::floor(static_cast<float>(in) * static_cast<float>(scale)))
    throw Unsupported("the output size of Resize is undecided");
  return static_cast<std::int64_t>(exact);
}

inline void set_scale(ResizeAxis& a, double scale) {
  if (!(scale > 0)) throw InvalidNode("a scale of Resize is not positive");
  a.scale = {scale, 0};
  a.out = scaled(a.in, scale);
  a.width = in_float32(a.scale * Approx<double>{static_cast<double>(a.in), 0});
}

// One scale for all axes, so that no (or every) size is beyond what was asked for.
inline void keep_ratio(std::vector<ResizeAxis*>& axes, bool larger) {
  const ResizeAxis* chosen = nullptr;
  for (const ResizeAxis* a : axes)
    if (chosen == nullptr || (larger ? a->scale.v > chosen->scale.v : a->scale.v < chosen->scale.v))
      chosen = a;
  if (chosen == nullptr) return;
  const Approx<double> scale = chosen->scale;
  for (ResizeAxis* a : axes) {
    a->scale = scale;
    a->width = in_float32(scale * Approx<double>{static_cast<double>(a->in), 0});
    const double low = std::floor(a->width.low() + 0.5), high = std::floor(a->width.high() + 0.5);
    if (low != high) throw Unsupported("the output size of Resize is undecided");
    a->out = static_cast<std::int64_t>(low);
  }
}

inline void set_sizes(std::vector<ResizeAxis*>& axes, const std::vector<std::int64_t>& sizes,
                      const std::string& policy) {
  for (std::size_t i = 0; i < axes.size(); ++i) {
    ResizeAxis& a = *axes[i];
    if (sizes[i] < 0) throw InvalidNode("a negative size");
    a.out = sizes[i];
    a.width = {static_cast<double>(a.out), 0};
    if (a.in > 0) a.scale = in_float32({static_cast<double>(a.out) / static_cast<double>(a.in), 0});
  }
  if (policy != "stretch") keep_ratio(axes, policy == "not_smaller");
}

inline ResizePlan resize_plan(const Inference& inf) {
  const bool old = inf.opset() < 11;
  const std::size_t scales_at = old ? 1 : 2;
  ResizePlan p;
  p.mode = resize_mode(inf);
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < inf.rank(0); ++i) chosen.push_back(i);
  p.axes.resize(chosen.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) p.axes[i].in = p.axes[i].out = inf.dims(0)[i];
  if (!old && inf.node().has("axes")) chosen = distinct_axes(inf.node().ints_or("axes", {}), inf.rank(0));
  std::vector<ResizeAxis*> axes;
  for (std::int64_t i : chosen) axes.push_back(&p.axes[i]);

  // Before opset 13 an input that is not wanted is an empty tensor.
  const auto given = [&](std::size_t i) { return inf.has_input(i) && inf.type(i).count() > 0; };
  const bool by_scales = given(scales_at), by_sizes = !old && given(3);
  if (by_scales == by_sizes && !axes.empty()) throw InvalidNode("Resize takes either scales or sizes");
  // An empty region is what exporters write for none.
  const bool crop = p.mode.transform == "tf_crop_and_resize";
  if (const std::int64_t region = !old && given(1) ? inf.type(1).count() : 0;
      (crop || region > 0) && region != static_cast<std::int64_t>(2 * axes.size()))
    throw InvalidNode("roi is not twice as long as there are axes");
  if (crop) {
    const auto roi = given(1) ? resize_reals(inf, 1) : std::vector<double>{};
    for (std::size_t i = 0; i < axes.size(); ++i) {
      axes[i]->start = roi[i];
      axes[i]->end = roi[axes.size() + i];
    }
  }
  if (by_scales) {
    const auto scales = resize_reals(inf, scales_at);
    if (scales.size() != axes.size()) throw InvalidNode("scales are not as many as there are axes");
    for (std::size_t i = 0; i < axes.size(); ++i) {
      if (inf.node().op_type == "Upsample" && scales[i] < 1)
        throw InvalidNode("Upsample with a scale below 1");
      set_scale(*axes[i], scales[i]);
      const double cropped = static_cast<double>(axes[i]->in) * (axes[i]->end - axes[i]->start) * scales[i];
      // The text multiplies by the region, implementations and ONNX's shape inference do not.
      if (std::floor(cropped) != static_cast<double>(axes[i]->out))
        throw Unsupported("scales with a region: the output size is disputed");
    }
  } else if (by_sizes) {
    const auto sizes = vector_input(inf, 3);
    if (sizes.size() != axes.size()) throw InvalidNode("sizes are not as many as there are axes");
    set_sizes(axes, sizes, one_of(inf, "keep_aspect_ratio_policy", "stretch", "not_larger", "not_smaller"));
  }
  for (const ResizeAxis& a : p.axes)
    if (a.in == 0 && a.out > 0) throw InvalidNode("Resize of an empty axis to one that is not");
  return p;
}

}  // namespace mob::ops
