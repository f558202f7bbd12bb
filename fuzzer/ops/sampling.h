// Images read between their pixels, at places known but for rounding: GridSample, RoiAlign, DeformConv.
#pragma once

#include <algorithm>
#include <vector>

#include "fuzzer/ops/kernels.h"

namespace mob::ops {

// A result as a tensor of one type holds it: exact where it fits, else rounded.
template <class R>
class RoundTo {
 public:
  RoundTo(const Evaluation& ev, DType t)
      : type_(t == DType::kDouble && ev.arithmetic().double_as_float ? DType::kFloat : t), rounding_(type_) {}
  explicit RoundTo(DType t) : type_(t), rounding_(t) {}

  Approx<R> operator()(Approx<R> x) const { return x.e == 0 && fits(x.v) ? x : rounding_.add(x); }
  const Rounding<R>& rounding() const { return rounding_; }

 private:
  bool fits(R v) const {
    if (type_ == DType::kDouble) return static_cast<R>(static_cast<double>(v)) == v;
    if (type_ == DType::kFloat) return static_cast<R>(static_cast<float>(v)) == v;
    const auto d = static_cast<double>(v);
    return static_cast<R>(decode_float(type_, encode_float(type_, d))) == v;
  }
  DType type_;
  Rounding<R> rounding_;
};

// The one of two floating-point types that rounds more.
inline DType coarser(DType a, DType b) {
  return float_format(a).unit_roundoff > float_format(b).unit_roundoff ? a : b;
}

// An element, as an offset, and its weight. `at` < 0 stands for a zero outside the image.
template <class R>
struct Pixel {
  std::int64_t at = 0;
  Approx<R> weight = {1, 0};
};
template <class R>
using Pixels = std::vector<Pixel<R>>;

// Beyond it a place says nothing.
inline constexpr double kFarthest = 0x1p40;
template <class R>
bool usable(Approx<R> c) {
  return c.finite() && c.e <= 1 && std::fabs(c.v) < static_cast<R>(kFarthest);
}

// The pixels that linear interpolation at `c` may weigh, those of weight 0 too; `place(j)` tells the
// offset of the pixel with coordinate j.
template <class R, class Place>
Pixels<R> linear_pixels(Approx<R> c, const RoundTo<R>& round, Place place) {
  Pixels<R> pixels;
  const auto last = static_cast<std::int64_t>(std::floor(c.high())) + 1;
  for (auto j = static_cast<std::int64_t>(std::floor(c.low())); j <= last; ++j) {
    const R w = 1 - std::fabs(c.v - static_cast<R>(j));
    pixels.push_back({place(j), round({std::max(w, R(0)), w + c.e > 0 ? c.e : R(0)})});
  }
  return pixels;
}

// The same for cubic convolution with coefficient -0.75.
template <class R, class Place>
Pixels<R> cubic_pixels(Approx<R> c, const RoundTo<R>& round, Place place) {
  constexpr R a = R(-0.75);
  Pixels<R> pixels;
  const auto last = static_cast<std::int64_t>(std::floor(c.high())) + 2;
  for (auto j = static_cast<std::int64_t>(std::floor(c.low())) - 1; j <= last; ++j) {
    const R t = std::fabs(c.v - static_cast<R>(j));
    // Value, largest slope nearby, and the polynomial of magnitudes, by which Horner's scheme rounds.
    R w = 0, slope = 0, magnitude = 0;
    if (t <= 1) {
      w = ((a + 2) * t - (a + 3)) * t * t + 1;
      slope = std::fabs((3 * (a + 2) * t - 2 * (a + 3)) * t);
      magnitude = ((a + 2) * t + (a + 3)) * t * t + 1;
    } else if (t < 2) {
      w = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
      slope = std::fabs((3 * a * t - 10 * a) * t + 8 * a);
      magnitude = -(((a * t + 5 * a) * t + 8 * a) * t + 4 * a);
    }
    const R off = t - c.e < 2 ? c.e * (slope + 10 * c.e) : R(0);
    pixels.push_back({place(j), {w, off + round.rounding().gamma(8) * magnitude}});
  }
  return pixels;
}

// Every product of one pixel per axis; `step` holds the axes' strides.
template <class R>
Pixels<R> cross(const std::vector<const Pixels<R>*>& axes, const Dims& step, const RoundTo<R>& round) {
  Pixels<R> all = {{0, {1, 0}}};
  for (std::size_t d = 0; d < axes.size(); ++d) {
    Pixels<R> next;
    for (const Pixel<R>& p : all)
      for (const Pixel<R>& q : *axes[d])
        next.push_back({p.at < 0 || q.at < 0 ? -1 : p.at + q.at * step[d], round(p.weight * q.weight)});
    all = std::move(next);
  }
  return all;
}

// The weighted sum over one plane of an image, not yet rounded to its type. `rounded`: how often a kernel
// may round each term before it adds.
template <class R>
Approx<R> weighed(const Reals<R>& x, std::size_t plane, const Pixels<R>& pixels, const Rounding<R>& rounding,
                  R rounded = 4) {
  const auto element = [&](const Pixel<R>& p) {
    return p.at < 0 ? Approx<R>{} : x[plane + static_cast<std::size_t>(p.at)];
  };
  if (pixels.size() == 1 && pixels[0].weight.v == 1 && pixels[0].weight.e == 0) return element(pixels[0]);
  Sum<R> sum;
  for (const Pixel<R>& p : pixels) {
    const Approx<R> v = element(p);
    // A weight of 0 for an infinity: some kernels multiply, others leave the element out.
    if (!v.finite() || v.open()) return open_value<R>(v.v);
    if (p.at >= 0 && (p.weight.v != 0 || p.weight.e != 0)) sum.add_product(p.weight, v);
  }
  return sum.result(rounding, rounded);
}

// Whether a plane holds no infinity and no NaN. Where a place lies outside, kernels may read any of its
// elements, by a weight of 0.
template <class R>
bool plain_plane(const Reals<R>& x, std::size_t plane, std::size_t size) {
  return std::all_of(x.v.begin() + static_cast<std::ptrdiff_t>(plane),
                     x.v.begin() + static_cast<std::ptrdiff_t>(plane + size),
                     [](R v) { return std::isfinite(v); });
}

}  // namespace mob::ops
