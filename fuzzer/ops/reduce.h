// What the reductions share: axes (as attribute or as input), loops over the reduced sets, drafting.
#pragma once

#include "fuzzer/ops/kernels.h"

namespace mob::ops::reduce {

// The axes over which a node reduces, in [0, rank).
std::vector<std::int64_t> axes(const Inference& inf);
// The input's type without these axes, or with 1 in their place.
void infer(Inference& inf);
// One input, and axes in the form that the opset has.
bool draft(Draft& d, Want data);

// --- floating point ----------------------------------------------------------------------------------

// The elements that one result is made of.
template <class R>
struct Terms {
  const Reals<R>& x;
  std::span<const std::int64_t> index;
  std::size_t size() const { return index.size(); }
  Approx<R> operator[](std::size_t i) const { return x[static_cast<std::size_t>(index[i])]; }
};

// Each result = f(terms, rounding), then `ulps` roundings; none of up to `exact` terms.
template <class F>
void reals(Evaluation& ev, F f, double ulps = 1, std::size_t exact = 0) {
  const Groups groups = groups_along(ev.dims(0), axes(ev));
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& x = ev.reals<R>(0);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    for (std::size_t g = 0; g < groups.count; ++g) {
      const Approx<R> result = f(Terms<R>{x, groups[g]}, rounding);
      y.set(g, groups.size <= exact ? result : rounding.add(result, static_cast<R>(ulps)));
    }
  });
}

// The sum of f(term); `extra` roundings in each f.
template <class R, class F>
Approx<R> sum_of(const Terms<R>& terms, const Rounding<R>& rounding, F f, R extra = 0) {
  Sum<R> sum;
  for (std::size_t i = 0; i < terms.size(); ++i) sum.add(f(terms[i]));
  return sum.result(rounding, extra);
}
inline constexpr auto kItself = [](auto x) { return x; };
inline constexpr auto kSquare = [](auto x) { return x * x; };

// --- integers ----------------------------------------------------------------------------------------

// An integer element as a number.
inline long double number(DType t, std::int64_t v) {
  return t == DType::kUint64 ? static_cast<long double>(static_cast<std::uint64_t>(v))
                             : static_cast<long double>(v);
}
inline long double largest(DType t) {
  return number(t, t == DType::kUint64 ? -1 : int_max(t));
}
// A bound as it is stored: open where it is larger than any distance that says something.
inline std::int64_t stored_bound(long double e) {
  return e < 0x1p62L ? static_cast<std::int64_t>(e) : Ints::kOpen;
}

// Result g is `x` cut towards zero; unspecified where that is beyond the type.
void set_truncated(Evaluation& ev, std::size_t g, Approx<long double> x);

// Each result = f(sum of term(x), number of terms) cut to an integer. The sum is taken in the type itself
// where `in_type`: unspecified when it overflows.
template <class T, class F>
void truncated_sums(Evaluation& ev, bool in_type, T term, F f) {
  const Groups groups = groups_along(ev.dims(0), axes(ev));
  const Ints& x = ev.input_ints(0);
  const DType t = ev.output().type.dtype;
  for (std::size_t g = 0; g < groups.count; ++g) {
    Approx<long double> total;
    long double magnitude = 0;
    for (std::int64_t i : groups[g]) {
      const auto at = static_cast<std::size_t>(i);
      const long double v = number(t, x.v[at]), b = static_cast<long double>(x.bound(at)), y = term(v);
      total.v += y;
      magnitude += std::fabs(y);
      if (x.bound(at) == Ints::kOpen)
        total.e = kInfinity<long double>;
      else if (b != 0)
        total.e += std::max(std::fabs(term(v + b) - y), std::fabs(y - term(v - b)));
    }
    if (total.open())
      ev.out_ints().set_bound(g, Ints::kOpen);
    else if (in_type && magnitude > largest(t))
      set_truncated(ev, g, {kInfinity<long double>, 0});
    else
      set_truncated(ev, g, f(total, static_cast<long double>(groups.size)));
  }
}

}  // namespace mob::ops::reduce
