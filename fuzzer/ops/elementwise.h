// What the elementwise families share beyond kernels.h: decisions in doubt, selections, functions that turn.
#pragma once

#include <type_traits>

#include "fuzzer/ops/kernels.h"

namespace mob::ops {

// --- types ---------------------------------------------------------------------------------------------

inline void expect(const Inference& inf, std::size_t i, DTypeSet types) {
  if (!types.has(inf.type(i).dtype))
    throw InvalidNode("input " + std::to_string(i) + " is " + std::string(name(inf.type(i).dtype)));
}
inline void infer_float(Inference& inf) {
  expect(inf, 0, kFloats);
  infer_same_as_input(inf);
}
inline void infer_number(Inference& inf) {
  expect(inf, 0, kNumbers);
  infer_same_as_input(inf);
}
inline void infer_integer(Inference& inf) {
  expect(inf, 0, kInts);
  infer_same_as_input(inf);
}
// All inputs of one type, broadcast.
inline void infer_broadcast_of(Inference& inf, DTypeSet types) {
  expect(inf, 0, types);
  infer_broadcast(inf);
}

// --- decisions -------------------------------------------------------------------------------------------

enum class Truth : std::uint8_t { kNo, kYes, kMaybe };
constexpr Truth truth(bool b) {
  return b ? Truth::kYes : Truth::kNo;
}

template <class R>
bool surely_nan(Approx<R> x) {
  return std::isnan(x.v) && x.e == 0;
}

template <class R>
Truth less(Approx<R> a, Approx<R> b) {
  if (surely_nan(a) || surely_nan(b)) return Truth::kNo;
  if (a.open() || b.open()) return Truth::kMaybe;
  if (a.e == 0 && b.e == 0) return truth(a.v < b.v);
  if (a.high() < b.low()) return Truth::kYes;
  return a.low() >= b.high() ? Truth::kNo : Truth::kMaybe;
}
template <class R>
Truth less_or_equal(Approx<R> a, Approx<R> b) {
  if (surely_nan(a) || surely_nan(b)) return Truth::kNo;
  if (a.open() || b.open()) return Truth::kMaybe;
  if (a.e == 0 && b.e == 0) return truth(a.v <= b.v);
  if (a.high() <= b.low()) return Truth::kYes;
  return a.low() > b.high() ? Truth::kNo : Truth::kMaybe;
}
template <class R>
Truth equal(Approx<R> a, Approx<R> b) {
  if (surely_nan(a) || surely_nan(b)) return Truth::kNo;
  if (a.open() || b.open()) return Truth::kMaybe;
  if (a.e == 0 && b.e == 0) return truth(a.v == b.v);
  return a.high() < b.low() || b.high() < a.low() ? Truth::kNo : Truth::kMaybe;
}

// The larger one; exact where both are. Neither may be NaN: what Max makes of that is open in ONNX.
template <class R>
Approx<R> larger(Approx<R> a, Approx<R> b) {
  const R v = std::max(a.v, b.v);
  if (a.open() || b.open()) return open_value(v);
  if (!a.finite() || !b.finite()) return a.v == v ? a : b;
  const R low = std::max(a.low(), b.low()), high = std::max(a.high(), b.high());
  return {v, std::max(high - v, v - low)};
}
template <class R>
Approx<R> smaller(Approx<R> a, Approx<R> b) {
  return -larger(-a, -b);
}

// What max and min make of a NaN is open in ONNX.
template <class R>
Approx<R> nan_order(Evaluation& ev, Approx<R> x) {
  ev.unspecified("the order of NaN in Max, Min and Clip");
  return open_value(x.v);
}

// f applied to x, for f that has one turning point `c` and is monotone on either side of it.
template <class R, class F>
Approx<R> bend(Approx<R> x, F f, std::type_identity_t<R> c) {
  Approx<R> y = monotone(x, f);
  if (x.e > 0 && y.finite() && !y.open() && x.low() < c && c < x.high())
    y.e = std::max(y.e, std::fabs(f(c) - y.v));
  return y;
}

// --- loops -----------------------------------------------------------------------------------------------

// Floating-point output i = f(Approx, Rounding), for f that adds what it rounds by itself.
template <class F>
void map_rounding(Evaluation& ev, F f) {
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& x = ev.reals<R>(0);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    for (std::size_t i = 0; i < y.v.size(); ++i) y.set(i, f(x[i], rounding));
  });
}

// Output i = f(Approx), exact: nothing is rounded.
template <class F>
void map_exact(Evaluation& ev, F f) {
  map_rounding(ev, [&](auto x, const auto&) { return f(x); });
}

// Two inputs, broadcast, floating point; nothing is rounded.
template <class F>
void zip_exact(Evaluation& ev, F f) {
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto &a = ev.reals<R>(0), &b = ev.reals<R>(1);
    const auto ma = broadcast_map(ev.dims(0), ev.output().type.dims);
    const auto mb = broadcast_map(ev.dims(1), ev.output().type.dims);
    auto& y = ev.out_reals<R>();
    for (std::size_t i = 0; i < y.v.size(); ++i) y.set(i, f(a[at(ma, i)], b[at(mb, i)]));
  });
}

// A float attribute as a kernel sees it: in float32, or cast to the tensor's narrower type.
inline Approx<double> attribute(const Evaluation& ev, std::string_view attribute_name, double fallback) {
  const double v = ev.node().float_or(attribute_name, fallback);
  const DType t = ev.type(0).dtype;
  if (!is_float(t) || t == DType::kFloat || t == DType::kDouble) return {v, 0};
  const double narrow = decode_float(t, encode_float(t, v));
  return {v, std::isfinite(narrow) ? std::fabs(narrow - v) : 0};
}
template <class R>
Approx<R> as(Approx<double> x) {
  return {static_cast<R>(x.v), static_cast<R>(x.e)};
}

// Constants of a function (1/6, sqrt(2/pi)) stand in float32 in the function bodies that ONNX publishes:
// their relative error where the tensor is of type double.
inline double constant_error(const Evaluation& ev) {
  return ev.type(0).dtype == DType::kDouble ? 0x1p-24 : 0;
}

// --- integers in doubt -------------------------------------------------------------------------------------

// An integer element of any type, with the interval that its bound leaves.
struct Wide {
  __int128 v = 0, low = 0, high = 0;
  bool open = false;
};
inline __int128 widened(DType t, std::int64_t v) {
  return t == DType::kUint64 ? static_cast<__int128>(static_cast<std::uint64_t>(v))
                             : static_cast<__int128>(v);
}
inline Wide wide(const Ints& x, std::size_t i, DType t) {
  const __int128 v = widened(t, x.v[i]);
  const std::int64_t e = x.bound(i);
  return {v, v - e, v + e, e == Ints::kOpen || (e != 0 && t == DType::kBool)};
}
inline bool fits(DType t, __int128 v) {
  return v >= int_min(t) &&
         v <= (t == DType::kUint64 ? static_cast<__int128>(~std::uint64_t{0}) : int_max(t));
}
// Wraps on overflow; an interval that overflows on one side is open.
inline void put(Ints& y, std::size_t i, DType t, const Wide& w) {
  y.v[i] = wrap(t, static_cast<std::int64_t>(w.v));
  const __int128 e = std::max(w.high - w.v, w.v - w.low);
  if (w.open || (e != 0 && !(fits(t, w.low) && fits(t, w.high))) || e >= Ints::kOpen)
    y.set_bound(i, Ints::kOpen);
  else if (e != 0)
    y.set_bound(i, static_cast<std::int64_t>(e));
}

inline Wide larger(const Wide& a, const Wide& b) {
  return {std::max(a.v, b.v), std::max(a.low, b.low), std::max(a.high, b.high), a.open || b.open};
}
inline Wide smaller(const Wide& a, const Wide& b) {
  return {std::min(a.v, b.v), std::min(a.low, b.low), std::min(a.high, b.high), a.open || b.open};
}
inline Truth less(const Wide& a, const Wide& b) {
  if (a.open || b.open) return Truth::kMaybe;
  return a.high < b.low ? Truth::kYes : a.low >= b.high ? Truth::kNo : Truth::kMaybe;
}
inline Truth less_or_equal(const Wide& a, const Wide& b) {
  if (a.open || b.open) return Truth::kMaybe;
  return a.high <= b.low ? Truth::kYes : a.low > b.high ? Truth::kNo : Truth::kMaybe;
}
inline Truth equal(const Wide& a, const Wide& b) {
  if (a.open || b.open) return Truth::kMaybe;
  if (a.high < b.low || b.high < a.low) return Truth::kNo;
  return a.low == a.high && b.low == b.high ? Truth::kYes : Truth::kMaybe;
}

// Integer output i = f(x), f of slope 1 at most: the bound stays.
template <class F>
void map_wide(Evaluation& ev, F f) {
  const Ints& x = ev.input_ints(0);
  Ints& y = ev.out_ints();
  const DType t = ev.output().type.dtype;
  for (std::size_t i = 0; i < y.v.size(); ++i) {
    Wide w = wide(x, i, t);
    const __int128 e = w.v - w.low;
    w.v = f(w.v);
    w.low = w.v - e;
    w.high = w.v + e;
    put(y, i, t, w);
  }
}

// --- drafting --------------------------------------------------------------------------------------------

// Draft of an activation function.
inline bool draft_activation(Draft& d) {
  return draft_unary(d, {.low = -4, .high = 4}, kNumbers);
}
// A float attribute: left out, a value that optimizers look for, or any.
inline void draft_attribute(Draft& d, std::string_view attribute_name, std::initializer_list<float> known,
                            float low = 0.05f, float high = 2) {
  const double what = d.rng().unit();
  if (what < 0.4) return;
  if (what < 0.65)
    d.attribute(attribute_name, d.rng().pick(known));
  else
    d.attribute(attribute_name, static_cast<float>(d.rng().uniform(low, high)));
}

}  // namespace mob::ops
