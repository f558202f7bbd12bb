// Numbers with a running error bound (Higham, "Accuracy and Stability of Numerical Algorithms", 2nd
// ed., 3.3).
//
// An Approx says: every reasonable kernel's result lies within `e` of `v`. The operators below carry the
// bounds of the operands over to the result (propagated error only); the rounding that a kernel adds is put
// on top by `Rounding::add`. A bound of infinity means "open": the element is undecided or unspecified.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "fuzzer/graph/dtype.h"

namespace mob {

template <class R>
inline constexpr R kInfinity = std::numeric_limits<R>::infinity();

template <class R>
struct Approx {
  R v = 0;
  R e = 0;

  bool open() const { return !(e < kInfinity<R>); }
  bool finite() const { return std::isfinite(v); }
  R low() const { return v - e; }
  R high() const { return v + e; }
  bool may_be_zero() const { return std::fabs(v) <= e; }
};

template <class R>
Approx<R> open_value(R v = 0) {
  return {v, kInfinity<R>};
}

// Special operands (infinities, NaN) leave the calculus of errors: the result is exact when nothing about the
// operands is uncertain in a way that matters, else open.
template <class R>
Approx<R> special(R v, bool certain) {
  return {v, certain ? R(0) : kInfinity<R>};
}

template <class R>
Approx<R> operator-(Approx<R> a) {
  return {-a.v, a.e};
}

template <class R>
Approx<R> operator+(Approx<R> a, Approx<R> b) {
  const R v = a.v + b.v;
  if (!std::isfinite(v) && !(a.finite() && b.finite())) return special(v, !a.open() && !b.open());
  return {v, a.e + b.e};
}

template <class R>
Approx<R> operator-(Approx<R> a, Approx<R> b) {
  return a + (-b);
}

template <class R>
Approx<R> operator*(Approx<R> a, Approx<R> b) {
  const R v = a.v * b.v;
  if (!a.finite() || !b.finite()) {
    const bool zero_in_doubt = (a.e > 0 && a.may_be_zero()) || (b.e > 0 && b.may_be_zero());
    return special(v, !a.open() && !b.open() && !zero_in_doubt);
  }
  if (a.open() || b.open()) {
    // Zero times anything finite is zero, but an open element may as well be infinite.
    return open_value(v);
  }
  return {v, std::fabs(a.v) * b.e + std::fabs(b.v) * a.e + a.e * b.e};
}

template <class R>
Approx<R> operator/(Approx<R> a, Approx<R> b) {
  const R v = a.v / b.v;
  if (a.open() || b.open()) return open_value(v);
  if (!a.finite() || !b.finite() || b.v == 0)
    return special(v, !(b.e > 0 && b.may_be_zero()) && !(b.v == 0 && a.e > 0 && a.may_be_zero()));
  const R margin = std::fabs(b.v) - b.e;
  if (!(margin > 0)) return open_value(v);
  return {v, (a.e + std::fabs(v) * b.e) / margin};
}

// f applied to a, for f monotone (either way) on [a.v - a.e, a.v + a.e]. Steps (Floor, Round) are covered on
// both sides. Where f leaves its domain within the interval, the result is open.
template <class R, class F>
Approx<R> monotone(Approx<R> a, F f) {
  const R v = f(a.v);
  if (a.e == 0) return {v, 0};
  if (a.open()) return open_value(v);
  const R lo = f(a.v - a.e), hi = f(a.v + a.e);
  if (std::isnan(lo) != std::isnan(v) || std::isnan(hi) != std::isnan(v)) return open_value(v);
  if (!std::isfinite(v)) return special(v, std::isnan(v) || (lo == v && hi == v));
  const R e = std::max(std::fabs(lo - v), std::fabs(hi - v));
  return {v, e};
}

// f applied to a, for f with |f'| <= slope everywhere on the interval.
template <class R, class F>
Approx<R> lipschitz(Approx<R> a, F f, R slope) {
  const R v = f(a.v);
  if (a.e == 0) return {v, 0};
  if (a.open()) return open_value(v);
  if (!std::isfinite(v)) return special(v, !a.finite());
  return {v, a.e * slope};
}

// Either a or b, whichever a decision that is in doubt takes: covers both.
template <class R>
Approx<R> either(Approx<R> a, Approx<R> b) {
  if (a.open() || b.open()) return open_value(a.v);
  if (!a.finite() || !b.finite()) {
    const bool same = a.v == b.v || (std::isnan(a.v) && std::isnan(b.v));
    return special(a.v, same);
  }
  return {a.v, std::max(a.e, std::fabs(a.v - b.v) + b.e)};
}

// What one rounding to a floating-point format adds. `ulps` counts roundings (or the documented error of a
// kernel's approximation) in units of u; `absolute` is an error that does not shrink with the value.
template <class R>
class Rounding {
 public:
  explicit Rounding(DType t) : Rounding(float_format(t)) {}
  explicit Rounding(const FloatFormat& f)
      : u_(static_cast<R>(f.unit_roundoff)),
        eta_(static_cast<R>(f.min_normal)),
        max_finite_(static_cast<R>(f.max_finite)) {}

  R u() const { return u_; }
  R eta() const { return eta_; }
  R max_finite() const { return max_finite_; }
  // gamma_n = nu / (1 - nu) (Higham 3.1), capped where the analysis ends.
  R gamma(R n) const { return n * u_ < R(0.5) ? n * u_ / (1 - n * u_) : kInfinity<R>; }

  Approx<R> add(Approx<R> x, R ulps = 1, R absolute = 0) const {
    if (ulps == 0 && absolute == 0) return x;  // a move, or a choice: nothing is rounded
    if (x.finite() && !x.open()) x.e += ulps * u_ * (std::fabs(x.v) + x.e) + (absolute * u_ + eta_);
    return x;
  }

 private:
  R u_;
  R eta_;
  R max_finite_;
};

}  // namespace mob
