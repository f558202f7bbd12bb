// Softmax and LogSoftmax of one line, with bounds: what losses share with the operators.
#pragma once

#include "fuzzer/ops/kernels.h"

namespace mob::ops {

// Kernels approximate exp and log; 8 u covers what the runtimes document (MLAS, Eigen, SLEEF).
inline constexpr int kExpApproximation = 8;

// One line x, of which element i becomes w_i / sum(w) with w_i = exp(x_i - max).
//
// The result grows with x_i and falls with every other element, so the ends of its interval are those with
// x_i at one end and all others at the opposite one: no first-order estimate is needed. Rounding: the
// difference to the maximum, exp, the sum, the quotient.
template <class R>
class SoftmaxLine {
 public:
  SoftmaxLine(const Reals<R>& x, std::span<const std::int64_t> set, const Rounding<R>& rounding)
      : x_(x), set_(set), rounding_(rounding) {
    for (std::int64_t i : set) {
      const Approx<R> a = x[static_cast<std::size_t>(i)];
      open_ = open_ || a.open();
      nan_ = nan_ || std::isnan(a.v);
      inexact_ = inexact_ || a.e > 0;
      max_ = std::max(max_, a.v);
    }
    if (!plain()) return;
    R off = 0;
    for (std::int64_t i : set) {
      const Approx<R> a = x[static_cast<std::size_t>(i)];
      const R w = std::exp(a.v - max_);
      sum_ += w;
      if (w > 0) off += w * std::expm1(term_rounding(a.v));
      if (!inexact_) continue;
      low_sum_ += std::exp(a.v - a.e - max_);
      high_sum_ += std::exp(a.v + a.e - max_);
    }
    const R relative = off / sum_ + rounding.gamma(static_cast<R>(set.size())) * (1 + off / sum_);
    sum_rounding_ = relative < 1 ? -std::log1p(-relative) : kInfinity<R>;
  }

  Approx<R> softmax(std::size_t i) const {
    if (!plain()) return not_plain(i);
    const Approx<R> a = x_[i];
    const R y = std::exp(a.v - max_) / sum_;
    R e = 0;
    if (y > 0) e = y * std::expm1(term_rounding(a.v) + sum_rounding_ + 2 * rounding_.u());
    if (inexact_) {
      const Interval log = log_interval(i);
      const R high = std::exp(log.high), low = std::exp(log.low);
      e = std::max(high - y, y - low) + (y > 0 ? e / y * high : e);
    }
    return {y, e};
  }

  Approx<R> log_softmax(std::size_t i) const {
    if (!plain()) return not_plain(i);
    const Approx<R> a = x_[i];
    const R log_sum = std::log(sum_), y = a.v - max_ - log_sum;
    if (!std::isfinite(y)) return special(y, true);
    // max and log(sum) may be added first.
    R e = sum_rounding_ +
          rounding_.u() * (kExpApproximation * std::fabs(log_sum) + (max_ - a.v) + std::fabs(max_ + log_sum));
    if (inexact_) {
      const Interval log = log_interval(i);
      e += std::max(log.high - y, y - log.low);
    }
    return {y, e};
  }

 private:
  bool plain() const { return !open_ && !nan_ && std::isfinite(max_); }

  // NaN anywhere, or -inf everywhere, is NaN everywhere. Beside +inf the formula says 0, kernels that
  // subtract the maximum may say so too or NaN.
  Approx<R> not_plain(std::size_t i) const {
    const R nan = std::numeric_limits<R>::quiet_NaN();
    if (open_) return open_value(nan);
    if (nan_ || max_ < 0) return special(nan, true);
    return special(nan, x_[i].v == kInfinity<R>);
  }

  // By how much the logarithm of w_i may be off.
  R term_rounding(R v) const { return rounding_.u() * (kExpApproximation + (max_ - v)); }

  // The sum of all weights but that of x_i, all at their upper (sign 1) or lower (-1) ends. Where x_i is most
  // of the sum, the others would be lost in a difference.
  R sum_of_others(std::size_t i, R sign, R all) const {
    if (!std::isfinite(all)) return kInfinity<R>;
    constexpr R kCancels = R(1e-4);
    const R left = all - std::exp(x_[i].v + sign * x_[i].e - max_);
    if (left > kCancels * all) return left;
    R sum = 0;
    for (std::int64_t other : set_)
      if (const auto k = static_cast<std::size_t>(other); k != i)
        sum += std::exp(x_[k].v + sign * x_[k].e - max_);
    return sum;
  }

  // The ends of the logarithm of the result for element i.
  struct Interval {
    R low, high;
  };
  Interval log_interval(std::size_t i) const {
    const Approx<R> a = x_[i];
    const R up = a.v + a.e - max_, down = a.v - a.e - max_;
    const R others_low = sum_of_others(i, -1, low_sum_), others_high = sum_of_others(i, 1, high_sum_);
    const R least = std::exp(down) + others_high, most = std::exp(up) + others_low;
    return {least > 0 ? down - std::log(least) : -kInfinity<R>,
            most > 0 && std::isfinite(most) ? std::min(R(0), up - std::log(most)) : R(0)};
  }

  const Reals<R>& x_;
  std::span<const std::int64_t> set_;
  const Rounding<R>& rounding_;
  bool open_ = false, nan_ = false, inexact_ = false;
  R max_ = -kInfinity<R>;
  R sum_ = 0, low_sum_ = 0, high_sum_ = 0;
  R sum_rounding_ = 0;  // by how much the logarithm of the sum may be off
};

}  // namespace mob::ops
