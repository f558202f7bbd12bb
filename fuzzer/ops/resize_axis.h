// Resize along one axis: which elements of the input make up each element of the output, and how surely.
//
// Kernels calculate coordinates and weights in float32, also for double tensors. A coordinate is exact here
// when each step of the ONNX formula is exact in float32 (scales that are powers of two, whole quotients);
// else it carries the roundings, and what it decides near a boundary stays open between both sides.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "fuzzer/ops/op_spec.h"

namespace mob::ops {

enum class Interpolation { kNearest, kLinear, kCubic };

struct ResizeMode {
  Interpolation interpolation = Interpolation::kNearest;
  std::string transform;     // coordinate_transformation_mode
  std::string nearest_mode;  // "" before opset 11: truncation, and nothing said of downsampling
  double cubic_a = -0.75;
  bool antialias = false;
  bool exclude_outside = false;
};

struct ResizeAxis {
  std::int64_t in = 0, out = 0;
  Approx<double> scale = {1, 0};
  Approx<double> width = {0, 0};  // scale * in, which need not be whole
  double start = 0, end = 1;      // of the region of interest
  bool identity() const { return in == out && scale.v == 1 && start == 0 && end == 1; }
};

struct Tap {
  std::int64_t at = 0;
  Approx<double> weight = {1, 0};
};
// One way to make an output element; without taps it is the extrapolation value.
using Blend = std::vector<Tap>;
// The ways between which nothing decides: mostly one.
using Blends = std::vector<Blend>;

inline Approx<double> in_float32(Approx<double> x) {
  if (x.e == 0 && static_cast<double>(static_cast<float>(x.v)) == x.v) return x;
  static const Rounding<double> rounding(DType::kFloat);
  return rounding.add(x);
}

class AxisResizer {
 public:
  AxisResizer(const ResizeAxis& axis, const ResizeMode& mode) : axis_(axis), mode_(mode) {
    shrink_ = mode.antialias && axis.scale.v < 1 ? axis.scale : A{1, 0};
  }

  Blends blends(std::int64_t x) const {
    Blends all;
    add(all, coordinate(x, {static_cast<double>(axis_.out), 0}));
    // The ONNX text divides by the whole length of the output, its published cases by scale * length.
    const bool by_length = mode_.transform == "align_corners" || mode_.transform == "tf_crop_and_resize" ||
                           mode_.transform == "pytorch_half_pixel";
    if (by_length && std::fabs(axis_.width.v - static_cast<double>(axis_.out)) > axis_.width.e)
      add(all, coordinate(x, axis_.width));
    // The text calls length / length the scale: where that is 1, some take the input as it is.
    if (axis_.in == axis_.out && axis_.scale.v != 1) all.push_back({{x}});
    return all;
  }

 private:
  using A = Approx<double>;

  // The formulas of the ONNX spec, step by step.
  A coordinate(std::int64_t position, A length) const {
    const A x = {static_cast<double>(position), 0}, half = {0.5, 0}, one = {1, 0};
    const A last = {static_cast<double>(axis_.in - 1), 0};
    const std::string& t = mode_.transform;
    const auto half_pixel = [&](A offset) {
      return in_float32(in_float32(offset + in_float32((x + half) / axis_.scale)) - half);
    };
    if (t == "half_pixel") return half_pixel({0, 0});
    if (t == "pytorch_half_pixel") return length.v == 1 ? A{0, 0} : half_pixel({0, 0});
    if (t == "half_pixel_symmetric") {
      const A adjustment = in_float32(A{static_cast<double>(axis_.out), 0} / axis_.width);
      return half_pixel(in_float32(A{static_cast<double>(axis_.in) / 2, 0} * in_float32(one - adjustment)));
    }
    if (t == "asymmetric") return in_float32(x / axis_.scale);
    if (t == "tf_half_pixel_for_nn") return in_float32((x + half) / axis_.scale);
    if (t == "align_corners")
      return length.v == 1 ? A{0, 0} : in_float32(x * last / in_float32(length - one));
    const A start = in_float32({axis_.start, 0}), end = in_float32({axis_.end, 0});
    if (length.v == 1) return in_float32(in_float32(half * in_float32(start + end)) * last);
    const A way = in_float32(in_float32(x * in_float32(end - start)) * last);
    return in_float32(in_float32(start * last) + in_float32(way / in_float32(length - one)));
  }

  void add(Blends& all, A c) const {
    if (!(std::fabs(c.v) < 0x1p50) || !(c.e < 1))
      throw Unsupported("a coordinate of Resize is out of proportion");
    if (mode_.transform == "tf_crop_and_resize") {
      const auto last = static_cast<double>(axis_.in - 1);
      if (c.low() < 0 || c.high() > last) all.emplace_back();
      if (c.high() < 0 || c.low() > last) return;
    }
    if (mode_.interpolation != Interpolation::kNearest) {
      all.push_back(weighted(c));
      return;
    }
    for (std::int64_t i = nearest(c.low(), false), to = nearest(c.high(), true); i <= to; ++i)
      all.push_back({{i}});
  }

  std::int64_t nearest(double c, bool upper) const {
    const std::string& m = mode_.nearest_mode;
    const double i = m == "round_prefer_floor"    ? std::ceil(c - 0.5)
                     : m == "round_prefer_ceil"   ? std::floor(c + 0.5)
                     : m == "floor"               ? std::floor(c)
                     : m == "ceil"                ? std::ceil(c)
                     : upper && axis_.scale.v < 1 ? std::ceil(c)
                                                  : std::floor(c);
    return clamped(i);
  }

  std::int64_t clamped(double i) const {
    return static_cast<std::int64_t>(std::clamp(i, 0.0, static_cast<double>(axis_.in - 1)));
  }

  // The filter around `c`, stretched when it must not alias. What lies outside counts as the edge, or not at
  // all.
  Blend weighted(A c) const {
    const double reach = (mode_.interpolation == Interpolation::kCubic ? 2 : 1) / shrink_.v;
    Blend taps;
    A total = {0, 0};
    double magnitude = 0;
    bool excluded = false;
    for (double j = std::floor(c.v - reach); j <= std::ceil(c.v + reach); ++j) {
      const A w = filter(in_float32(in_float32(A{j, 0} - c) * shrink_));
      if (mode_.exclude_outside && (j < 0 || j >= static_cast<double>(axis_.in))) {
        excluded = excluded || w.v != 0 || w.e != 0;
        continue;
      }
      total = total + w;
      magnitude += std::fabs(w.v) + w.e;
      taps.push_back({clamped(j), w});
    }
    if (!excluded && shrink_.v == 1) return taps;
    static const Rounding<double> rounding(DType::kFloat);
    total.e += rounding.gamma(static_cast<double>(taps.size())) * magnitude;
    for (Tap& t : taps) t.weight = in_float32(t.weight / total);
    return taps;
  }

  A filter(A t) const {
    t.v = std::fabs(t.v);
    if (mode_.interpolation == Interpolation::kLinear) {
      if (t.low() >= 1) return {0, 0};
      return in_float32(A{std::max(1 - t.v, 0.0), t.e});
    }
    // Horner's scheme on an exact t, whose own error comes in by the derivative.
    const double a = mode_.cubic_a, x = t.v;
    const auto f = [](double v) { return in_float32({v, 0}); };
    const auto step = [](A sum, double by, A next) { return in_float32(in_float32(sum * A{by, 0}) + next); };
    A w = {0, 0};
    double slope = 0;
    if (x <= 1) {
      w = step(step(step(f(a + 2), x, -f(a + 3)), x, {0, 0}), x, {1, 0});
      slope = std::fabs((3 * (a + 2) * x - 2 * (a + 3)) * x);
    } else if (x < 2) {
      w = step(step(step({a, 0}, x, f(-5 * a)), x, f(8 * a)), x, f(-4 * a));
      slope = std::fabs((3 * a * x - 10 * a) * x + 8 * a);
    }
    if (x - t.e < 2) w.e += t.e * (slope + t.e * 12 * (std::fabs(a) + 2));
    return w;
  }

  ResizeAxis axis_;
  const ResizeMode& mode_;
  A shrink_;
};

}  // namespace mob::ops
