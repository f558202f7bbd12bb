// (x - mean) / sqrt(variance + epsilon) over a set of elements, with bounds: the core of the normalizations.
#pragma once

#include "fuzzer/ops/kernels.h"

namespace mob::ops {

enum class Center : std::uint8_t { kMean, kZero };  // kZero: x / sqrt(mean(x^2) + epsilon)

// Let y = (x - m) / s, s^2 = V + epsilon, n elements.
//
// Propagated error: dy_i/dx_j = ([i = j] - 1/n - y_i y_j / n) / s (without 1/n for kZero), so that an
// outlier's own error cancels; what is left out is of second order, and bounded. Dividing the interval of x -
// m by that of s would be wider by a factor that grows with |y|.
//
// Rounding: the mean is off by gamma_n mean|x|, the variance by gamma_n (mean(x^2) + m^2) since kernels may
// calculate it as mean(x^2) - m^2, and x - m by a few u (|x| + |m|) since they may calculate x a + b. The
// variance is of no use where its error reaches V + epsilon: open.
template <class R>
class Standardized {
 public:
  Standardized(const Reals<R>& x, std::span<const std::int64_t> set, R epsilon, Center center,
               const Rounding<R>& rounding)
      : rounding_(rounding), n_(static_cast<R>(set.size())), centered_(center == Center::kMean) {
    R sum = 0;
    for (std::int64_t i : set) {
      const Approx<R> a = x[static_cast<std::size_t>(i)];
      open_ = open_ || a.open();
      special_ = special_ || !a.finite();
      sum += a.v;
    }
    mean_ = centered_ ? sum / n_ : 0;
    if (open_ || special_) {
      // Infinities and NaN spoil every element, but for x / infinity.
      variance_ = centered_ ? std::numeric_limits<R>::quiet_NaN() : std::fabs(sum);
      return;
    }
    R magnitude = 0, square = 0;
    for (std::int64_t i : set) {
      const Approx<R> a = x[static_cast<std::size_t>(i)];
      const R away = std::fabs(a.v - mean_), most = std::fabs(a.v) + a.e;
      magnitude += most;
      square += most * most;
      variance_ += away * away;
      e_sum_ += a.e;
      e_away_ += a.e * away;
      e_square_ += a.e * a.e;
    }
    if (square > rounding.max_finite()) {
      open_ = true;
      return;
    }
    magnitude /= n_;
    square /= n_;
    variance_ /= n_;
    spread_ = variance_ + epsilon;
    s_ = std::sqrt(spread_);
    if (centered_) {
      mean_most_ = std::fabs(mean_) + e_sum_ / n_;
      mean_rounding_ = rounding.gamma(n_ + 1) * magnitude + rounding.eta();
      variance_rounding_ = rounding.gamma(n_ + 3) * (square + mean_most_ * (2 * magnitude + mean_most_)) +
                           mean_rounding_ * mean_rounding_ + rounding.eta();
    } else {
      variance_rounding_ = rounding.gamma(n_ + 2) * square + rounding.eta();
    }
    variance_slack_ = (2 * e_away_ + e_square_) / n_;
    propagated_ = variance_slack_ / spread_;
    rounded_ = variance_rounding_ / spread_ + 4 * rounding.u();
    open_ = !(propagated_ + rounded_ < 1);
  }

  // The result for one element of the set.
  Approx<R> operator()(Approx<R> x) const {
    if (special_ && !open_) return of_special(x.v);
    const R y = s_ > 0 ? (x.v - mean_) / s_ : R(0);
    if (open_) return open_value(y);
    const R first = propagated(x, y);
    // What the kernel adds, on inputs anywhere within their bounds.
    const R least_s = s_ * std::sqrt(1 - propagated_);
    const R scale_off = 1 / std::sqrt(1 - rounded_ / (1 - propagated_)) - 1;
    const R shift =
        centered_ ? mean_rounding_ + 3 * rounding_.u() * (std::fabs(x.v) + x.e + mean_most_) : R(0);
    const R e = first + (std::fabs(y) + first) * scale_off + shift * (1 + scale_off) / least_s;
    return rounding_.add(Approx<R>{y, e}, 3);
  }

  Approx<R> mean() const {
    if (special_ || !(mean_rounding_ < kInfinity<R>)) return special(mean_, !open_);
    return {mean_, e_sum_ / n_ + mean_rounding_};
  }
  Approx<R> variance() const {
    if (special_) return special(variance_, !open_);
    return {variance_, variance_slack_ + variance_rounding_};
  }
  Approx<R> inverse_deviation() const {
    const R v = 1 / s_;
    if (special_) return special(centered_ ? variance_ : R(1) / variance_, !open_);
    if (open_) return open_value(v);
    return {v, v * (1 / std::sqrt(1 - propagated_ - rounded_) - 1 + 4 * rounding_.u())};
  }
  // sqrt(V + epsilon)
  R deviation() const { return s_; }
  bool open() const { return open_; }

 private:
  Approx<R> of_special(R x) const {
    const R nan = std::numeric_limits<R>::quiet_NaN();
    if (centered_ || std::isnan(variance_)) return special(nan, true);
    // A kernel that multiplies with 1 / infinity says the same.
    return special(std::isfinite(x) ? R(0) : nan, true);
  }

  // By how much y moves when the inputs move within their bounds.
  R propagated(Approx<R> x, R y) const {
    if (e_sum_ == 0) return 0;
    const R away = std::fabs(x.v - mean_), own = centered_ ? 1 / n_ : R(0);
    const R others = std::max(R(0), e_away_ - x.e * away) / n_;
    const R others_mean = centered_ ? std::max(R(0), e_sum_ - x.e) / n_ : R(0);
    const R linear = (x.e * std::fabs(1 - own - y * y / n_) + others_mean + std::fabs(y) * others / s_) / s_;
    const R t = propagated_, numerator = x.e * (1 - own) + others_mean;
    const R y_most = std::fabs(y) + numerator / s_;
    const R rest = std::fabs(y) * e_square_ / (n_ * 2 * spread_) + numerator * t / (2 * s_) +
                   y_most * R(0.375) * t * t / std::pow(1 - t, R(2.5));
    const R divided = (away + numerator) / (s_ * std::sqrt(1 - t)) - away / s_;
    return std::min(linear + rest, divided);
  }

  const Rounding<R>& rounding_;
  R n_;
  bool centered_;
  bool open_ = false, special_ = false;
  R mean_ = 0, variance_ = 0, spread_ = 0, s_ = 0;
  R e_sum_ = 0, e_away_ = 0, e_square_ = 0;  // of the bounds e: sum e, sum e |x - m|, sum e^2
  R mean_most_ = 0, mean_rounding_ = 0, variance_rounding_ = 0, variance_slack_ = 0;
  R propagated_ = 0, rounded_ = 0;  // of s^2, relative
};

// The type of the numbers in which a node with these element types is calculated: long double if one of them
// is double.
template <class F>
void with_widest(Evaluation& ev, F&& f) {
  bool wide = false;
  for (std::size_t i = 0; i < ev.input_count(); ++i)
    wide = wide || (ev.has_input(i) && ev.type(i).dtype == DType::kDouble);
  with_reals(wide ? DType::kDouble : DType::kFloat, f);
}

// The type of the given ones that rounds most.
inline DType coarsest(std::initializer_list<DType> types) {
  DType worst = *types.begin();
  for (DType t : types)
    if (float_format(t).unit_roundoff > float_format(worst).unit_roundoff) worst = t;
  return worst;
}

// normalized * scale + bias, rounded at every step.
template <class R>
Approx<R> scaled(Approx<R> normalized, Approx<R> scale, Approx<R> bias, const Rounding<R>& rounding) {
  const Approx<R> product = rounding.add(rounding.add(normalized) * scale);
  // Where the shift -mean/s * scale was joined to the bias, its rounding is that of both.
  Approx<R> y = product + bias;
  if (y.finite() && !y.open()) y.e += rounding.u() * std::fabs(bias.v);
  return rounding.add(y);
}

}  // namespace mob::ops
