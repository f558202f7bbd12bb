// How Resize and Upsample are drawn: what runtimes take, and little that is in dispute.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "fuzzer/ops/kernels.h"
#include "fuzzer/ops/resize_axis.h"

namespace mob::ops {

inline Tensor float_list(DType t, const std::vector<double>& v) {
  return Tensor::of(t, {static_cast<std::int64_t>(v.size())}, v);
}

// A scale whose output size no rounding puts in doubt, and that is 1 where the size stays.
inline double draw_resize_scale(Rng& rng, std::int64_t n, double least) {
  static constexpr double some[] = {2, 2, 1.5, 3, 0.5, 0.75, 1.25, 2.5, 0.6, 1.7, 1};
  const double s = static_cast<double>(static_cast<float>(rng.pick(some)));
  const double size = std::floor(static_cast<double>(n) * s);
  const bool in_doubt = size != std::floor(static_cast<float>(n) * static_cast<float>(s));
  if (s < least || size < 1 || in_doubt || (s != 1 && size == static_cast<double>(n))) return 2;
  return s;
}

// The interpolation decides what the runtimes take: outer axes stay as they are for linear and cubic.
struct ResizeDraftAxes {
  ArrayType x;
  std::vector<std::int64_t> resized;
};
inline ResizeDraftAxes draw_resize_axes(Draft& d, Interpolation how, bool antialias = false) {
  Rng& rng = d.rng();
  const bool nearest = how == Interpolation::kNearest;
  const bool cubic = how == Interpolation::kCubic;
  const int rank = nearest              ? static_cast<int>(rng.range(1, 5))
                   : cubic || antialias ? (rng.chance(0.7) ? 4 : 2)
                                        : rng.pick({2, 3, 4, 4, 4, 5});
  const DTypeSet like = nearest     ? kAnyDType
                        : antialias ? kFloats | DTypeSet{DType::kUint8}
                        : cubic     ? kFloats
                                    : kNumbers;
  ResizeDraftAxes a;
  a.x = d.input({.types = drawable(d, d.schema().inputs.at(0).name, like),
                 .min_rank = rank,
                 .max_rank = rank,
                 .range = {.low = -8, .high = 8}});
  for (std::int64_t i = !nearest && rank >= 4 ? 2 : 0; i < rank; ++i)
    if (!nearest || i >= 2 || rank < 4 || rng.chance(0.3)) a.resized.push_back(i);
  return a;
}

inline std::vector<double> all_resize_scales(Rng& rng, const ResizeDraftAxes& a, double least) {
  std::vector<double> scales(a.x.rank(), 1);
  for (std::int64_t i : a.resized) scales[i] = draw_resize_scale(rng, a.x.dims[i], least);
  return scales;
}

inline bool draft_resize_by_scales(Draft& d) {
  const bool linear = d.rng().chance(0.4);
  const ResizeDraftAxes a = draw_resize_axes(d, linear ? Interpolation::kLinear : Interpolation::kNearest);
  if (element_count(a.x.dims) == 0) return false;
  d.input(float_list(DType::kFloat, all_resize_scales(d.rng(), a, d.opset() < 10 ? 1 : 0)));
  if (linear || d.rng().chance(0.5)) d.attribute("mode", std::string(linear ? "linear" : "nearest"));
  return true;
}

inline bool draft_upsample(Draft& d) {
  return d.opset() < 10 && draft_resize_by_scales(d);
}

inline bool draft_resize(Draft& d) {
  Rng& rng = d.rng();
  if (d.opset() < 11) return draft_resize_by_scales(d);
  const bool since_18 = d.opset() >= 18;
  static constexpr Interpolation hows[] = {Interpolation::kNearest, Interpolation::kNearest,
                                           Interpolation::kLinear, Interpolation::kLinear,
                                           Interpolation::kCubic};
  const Interpolation how = rng.pick(hows);
  const bool nearest = how == Interpolation::kNearest;
  const bool antialias = since_18 && !nearest && rng.chance(0.25);
  const ResizeDraftAxes a = draw_resize_axes(d, how, antialias);
  if (element_count(a.x.dims) == 0) return false;
  std::vector<std::string> transforms = {"half_pixel", "half_pixel", "pytorch_half_pixel", "align_corners",
                                         "asymmetric", "asymmetric", "tf_crop_and_resize"};
  if (d.opset() >= 19) transforms.push_back("half_pixel_symmetric");
  if (!since_18 && nearest) transforms.push_back("tf_half_pixel_for_nn");
  const std::string transform = antialias ? "half_pixel" : rng.pick(transforms);
  const bool crop = transform == "tf_crop_and_resize";

  auto chosen = rng.permutation(a.x.rank());
  const bool with_axes = since_18 && !a.resized.empty() && rng.chance(0.4);
  if (with_axes) {
    chosen = a.resized;
    rng.shuffle(chosen);
  } else {
    std::sort(chosen.begin(), chosen.end());
  }
  const auto scales = all_resize_scales(rng, a, 0);
  std::vector<double> given, roi;
  std::vector<std::int64_t> sizes;
  bool fractional = false;
  for (std::int64_t i : chosen) {
    const double width = static_cast<double>(a.x.dims[i]) * scales[i];
    fractional = fractional || width != std::floor(width);
    given.push_back(scales[i]);
    const bool as_scaled = scales[i] == 1 || rng.chance(0.5);
    sizes.push_back(as_scaled ? static_cast<std::int64_t>(width) : rng.range(1, 2 * a.x.dims[i] + 1));
  }
  // What divides by the output's length is disputed where scale * length is not whole.
  const bool by_length = crop || transform == "align_corners" || transform == "pytorch_half_pixel";
  const bool by_sizes = crop || (by_length && fractional) || rng.chance(0.4);
  // A region of an axis that keeps its size is one that kernels overlook.
  const auto kept = [&](std::size_t i) { return sizes[i] == a.x.dims[chosen[i]]; };
  for (std::size_t i = 0; crop && i < chosen.size(); ++i)
    roi.push_back(kept(i) ? 0 : rng.pick({0.0, 0.0, 0.125, 0.3, -0.25}));
  for (std::size_t i = 0; crop && i < chosen.size(); ++i)
    roi.push_back(kept(i) ? 1 : rng.pick({1.0, 1.0, 0.75, 0.6, 1.25}));
  bool keeps_ratio = false;
  // Before opset 13 what is left out is an empty tensor.
  const auto leave_out = [&] { d.opset() < 13 ? d.input(float_list(DType::kFloat, {})) : d.skip_input(); };
  crop ? d.input(float_list(DType::kFloat, roi)) : leave_out();
  if (by_sizes) {
    leave_out();
    d.input(Tensor::ints(sizes));
    // One ratio for all axes only where no outer axis is among them.
    keeps_ratio = since_18 && !crop && (with_axes || nearest) && rng.chance(0.3) &&
                  *std::min_element(sizes.begin(), sizes.end()) > 0;
    if (keeps_ratio)
      d.attribute("keep_aspect_ratio_policy",
                  std::string(rng.pick({"not_smaller", "not_larger", "stretch"})));
  } else {
    d.input(float_list(DType::kFloat, given));
  }
  if (with_axes) {
    for (auto& i : chosen)
      if (!keeps_ratio && rng.chance(0.3)) i -= static_cast<std::int64_t>(a.x.rank());
    d.attribute("axes", chosen);
  }
  if (how != Interpolation::kNearest || rng.chance(0.3))
    d.attribute("mode", std::string(nearest                         ? "nearest"
                                    : how == Interpolation::kLinear ? "linear"
                                                                    : "cubic"));
  if (transform != "half_pixel" || rng.chance(0.2)) d.attribute("coordinate_transformation_mode", transform);
  if (nearest && rng.chance(0.6))
    d.attribute("nearest_mode",
                std::string(rng.pick({"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"})));
  if (how == Interpolation::kCubic && rng.chance(0.3)) d.attribute("cubic_coeff_a", -0.5f);
  if (how == Interpolation::kCubic && rng.chance(0.3)) d.attribute("exclude_outside", std::int64_t{1});
  if (antialias) d.attribute("antialias", std::int64_t{1});
  if (crop && rng.chance(0.5)) d.attribute("extrapolation_value", static_cast<float>(rng.range(-2, 10)));
  return true;
}

}  // namespace mob::ops
