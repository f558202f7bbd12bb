// Pow and Mod.
#include "fuzzer/ops/elementwise.h"

namespace mob::ops {
namespace {

// --- Pow -------------------------------------------------------------------------------------------------

constexpr int kApproximation = 8;  // of exp and log: see unary_math.cc

template <class R>
bool whole(R y) {
  return std::isfinite(y) && y == std::trunc(y);
}

// The propagated error of x^y.
template <class R>
Approx<R> power(Approx<R> x, Approx<R> y) {
  const auto f = [](R a, R b) { return std::pow(a, b); };
  const R v = f(x.v, y.v);
  if (y.v == 0 && y.e == 0) return {1, 0};
  if (x.open() || y.open()) return open_value(v);
  if (x.e == 0 && y.e == 0) return {v, 0};
  const auto of_x = [&](R a) { return f(a, y.v); };
  const bool positive = x.low() > 0, negative = x.high() < 0;
  if (y.e == 0) {
    if (positive || (x.low() >= 0 && y.v > 0)) return monotone(x, of_x);
    if (!whole(y.v)) return open_value(v);
    if (negative) return monotone(x, of_x);
    return y.v > 0 ? bend(x, of_x, 0) : open_value(v);
  }
  if (!positive || !std::isfinite(v)) return open_value(v);
  // Monotone in each operand: the corners are the extremes.
  R e = 0;
  for (const R a : {x.low(), x.high()})
    for (const R b : {y.low(), y.high()}) e = std::max(e, std::fabs(f(a, b) - v));
  return {v, e};
}

// As exp(y log(x)), the error of the exponent counts in full: |y log x| roundings.
template <class R>
Approx<R> power(Approx<R> x, Approx<R> y, const Rounding<R>& rounding) {
  // Where the exponent's parity is beyond the type's precision.
  if (x.low() < 0 && std::isfinite(y.v) && std::fabs(y.v) * rounding.u() >= 1)
    return open_value(std::pow(x.v, y.v));
  const Approx<R> z = power(x, y);
  const bool is_exact = (x.v == 0 && x.e == 0) || (y.v == 0 && y.e == 0);
  if (is_exact || !z.finite() || z.open()) return z;
  const R exponent = z.v == 0 ? R(0) : std::fabs(std::log(std::fabs(z.v)));
  return rounding.add(z, kApproximation + 2 * exponent);
}

// x^y for y >= 0; nothing where it overflows int64.
std::optional<__int128> whole_power(__int128 x, std::uint64_t y) {
  if (x == 0 || x == 1 || y == 0) return y == 0 ? 1 : x;
  if (x == -1) return y % 2 == 0 ? 1 : -1;
  if (y > 64) return std::nullopt;
  __int128 p = 1;
  for (; y > 0; --y) {
    p *= x;
    if (p > (static_cast<__int128>(1) << 63) || p < -(static_cast<__int128>(1) << 63)) return std::nullopt;
  }
  return p;
}

// An integer raised to any power. Overflow, and the fractions that negative exponents lead to, are open.
Wide integer_power(Wide x, Approx<long double> y, DType t, Evaluation& ev) {
  const auto open = [&](std::string_view why) {
    ev.unspecified(why);
    return Wide{0, 0, 0, true};
  };
  const bool in_doubt = x.open || x.low != x.high || y.e != 0;
  if (!std::isfinite(y.v)) return open("an integer to the power of an infinity or NaN");
  if (y.v < 0 && x.v != 1) return open("an integer to a negative power");
  Wide z;
  if (x.v == 1) {
    z = {1, 1, 1, false};
  } else if (x.v == -1 && y.v >= 0x1p24L) {
    z = {whole_power(-1, static_cast<std::uint64_t>(std::min(y.v, 0x1p63L))).value_or(1), -1, 1,
         false};  // parity lost
  } else if (whole(y.v) && y.v < 0x1p63L) {
    const auto p = whole_power(x.v, static_cast<std::uint64_t>(y.v));
    if (!p || !fits(t, *p)) return open("overflow of an integer power");
    // Kernels that calculate in double.
    const __int128 size = *p < 0 ? -*p : *p, e = size >> 53 == 0 ? 0 : (size >> 51) + 1;
    z = {*p, *p - e, *p + e, false};
  } else {
    const long double p = std::pow(static_cast<long double>(x.v), y.v);
    if (!(std::fabs(p) < 0x1p62L)) return open("overflow of an integer power");
    // Truncated, from float32 at least.
    const long double e = std::fabs(p) * 0x1p-22L;
    z = {static_cast<std::int64_t>(p), static_cast<std::int64_t>(p - e), static_cast<std::int64_t>(p + e),
         false};
    if (!fits(t, z.v)) return open("overflow of an integer power");
  }
  z.open = in_doubt;
  return z;
}

void pow(Evaluation& ev) {
  const Dims& dims = ev.output().type.dims;
  const auto ma = broadcast_map(ev.dims(0), dims), mb = broadcast_map(ev.dims(1), dims);
  if (ev.output().holds_ints()) {
    const DType t = ev.output().type.dtype;
    const Ints& x = ev.input_ints(0);
    const auto& y = ev.reals<long double>(1);
    for (std::size_t i = 0; i < ev.output().count(); ++i)
      put(ev.out_ints(), i, t, integer_power(wide(x, at(ma, i), t), y[at(mb, i)], t, ev));
    return;
  }
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto &x = ev.reals<R>(0), &y = ev.reals<R>(1);
    auto& z = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    for (std::size_t i = 0; i < z.v.size(); ++i) z.set(i, power(x[at(ma, i)], y[at(mb, i)], rounding));
  });
}

void infer_pow(Inference& inf) {
  expect(inf, 0, kFloats | DTypeSet{DType::kInt32, DType::kInt64});
  expect(inf, 1, kNumbers);
  inf.set_output(0, {inf.type(0).dtype, broadcast(inf.dims(0), inf.dims(1))});
}

// --- Mod -------------------------------------------------------------------------------------------------

// C's fmod: x - n y, exact. Where n is in doubt, anything between 0 and y with the sign of x.
template <class R>
Approx<R> remainder(Approx<R> x, Approx<R> y) {
  const R v = std::fmod(x.v, y.v);
  if (x.e == 0 && y.e == 0) return {v, 0};
  if (x.open() || y.open() || !std::isfinite(v) || !std::isfinite(y.v) || y.may_be_zero())
    return open_value(v);
  const R size = std::fabs(y.v);
  const R n_low = std::trunc(std::min(x.low() / (size - y.e), x.low() / (size + y.e)));
  const R n_high = std::trunc(std::max(x.high() / (size - y.e), x.high() / (size + y.e)));
  if (n_low == n_high) return {v, x.e + std::fabs(n_low) * y.e};
  const R reach = size + y.e;
  if (x.low() >= 0 || x.high() <= 0) return {v, std::max(std::fabs(v), reach - std::fabs(v))};
  return {v, reach + std::fabs(v)};
}

// Of integers: the sign of the divisor, as in Python, or with fmod that of the dividend.
__int128 remainder(__int128 x, __int128 y, bool fmod) {
  const __int128 r = x % y;
  return !fmod && r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

void mod(Evaluation& ev) {
  const bool fmod = ev.node().int_or("fmod", 0) != 0;
  if (!ev.output().holds_ints()) {
    if (!fmod) throw InvalidNode("Mod of floating-point numbers needs fmod = 1");
    zip_exact(ev, [](auto x, auto y) { return remainder(x, y); });
    return;
  }
  const DType t = ev.output().type.dtype;
  zip_ints(
      ev,
      [&](std::int64_t x, std::int64_t y) {
        return y == 0 ? 0 : static_cast<std::int64_t>(remainder(widened(t, x), widened(t, y), fmod));
      },
      kOpenBound);
  open_divisions_by_zero(ev);
}

void infer_mod(Inference& inf) {
  infer_broadcast_of(inf, kNumbers);
}

// --- drafting --------------------------------------------------------------------------------------------

bool draft_pow(Draft& d) {
  Rng& rng = d.rng();
  const bool whole = rng.chance(0.5);
  const ArrayType x = d.input({.types = drawable(d, "X"),
                               .range = whole ? ValueRange{.low = -3, .high = 3, .away_from_zero = 0.5}
                                              : ValueRange{.low = 0.2, .high = 4}});
  const bool ints = is_int(x.dtype);
  // Opset 7 has one type for both operands.
  const bool mixed = !d.types("T1").empty() && (rng.chance(0.4) || !d.types("T1").has(x.dtype));
  const DTypeSet types = !mixed          ? DTypeSet(x.dtype)
                         : whole || ints ? d.types("T1") & kNumbers
                                         : d.types("T1") & kFloats;
  if (types.empty()) return false;
  const Dims dims = rng.chance(0.5) ? Dims{} : smaller_broadcast(rng, x.dims);
  const double low = ints ? 0 : -2;
  if (dims.empty() && rng.chance(0.8)) {
    const DType t = rng.pick(types.list());
    const double known[] = {2, 3, 1, 0, 0.5, -1, -0.5, 4};
    double y = rng.pick(known);
    if (whole || ints || is_int(t)) y = std::trunc(y);
    if (ints || is_unsigned_int(t)) y = std::fabs(y);
    d.input(Tensor::scalar(t, y));
    return true;
  }
  d.input({.types = types,
           .dims = dims,
           .role = Role::kParameter,
           .range = {.low = low, .high = 3, .integral = whole || ints}});
  return true;
}

bool draft_mod(Draft& d) {
  const bool floats = d.rng().chance(0.5) && !drawable(d, "T", kFloats).empty();
  if (floats)
    d.attribute("fmod", std::int64_t{1});
  else if (d.rng().chance(0.4))
    d.attribute("fmod", d.opset() < 13 ? d.rng().range(0, 1) : std::int64_t{0});
  return draft_binary(d, {.low = -9, .high = 9}, {.low = -4, .high = 4, .away_from_zero = 1},
                      floats ? kFloats : kInts);
}

constexpr OpSpec specs[] = {
    {.name = "Pow", .since = 7, .draft = draft_pow, .infer = infer_pow, .evaluate = pow},
    {.name = "Mod", .since = 10, .draft = draft_mod, .infer = infer_mod, .evaluate = mod},
};

}  // namespace

namespace family {
extern constinit const Family power = specs;
}

}  // namespace mob::ops
