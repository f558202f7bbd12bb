// Unary elementwise mathematics: rounding, powers and roots, exponentials, trigonometry.
#include <numbers>

#include "fuzzer/ops/elementwise.h"

namespace mob::ops {
namespace {

// Kernels approximate transcendental functions; 8 u covers what the runtimes document (MLAS, Eigen, SLEEF).
constexpr int kApproximation = 8;

// f monotone where it is defined. `absolute`: the error, in u, of kernels that subtract near-equal numbers
// (sinh as (exp(x) - exp(-x)) / 2, asinh by way of the logarithm).
template <auto f, int ulps = kApproximation, int absolute = 0>
void monotone_function(Evaluation& ev) {
  map_reals(
      ev,
      []<class R>(Approx<R> x) {
        // Both ends may lie beyond a domain around zero (Asin), and the value, too.
        const bool around = x.finite() && !x.open() && x.low() < 0 && x.high() > 0;
        if (around && std::isnan(f(x.v)) && !std::isnan(f(R(0)))) return open_value(f(x.v));
        return monotone(x, f);
      },
      ulps, absolute);
}

// --- exact ones ------------------------------------------------------------------------------------------

template <auto f>
void step(Evaluation& ev) {
  map_exact(ev, [](auto x) { return monotone(x, f); });
}

void abs(Evaluation& ev) {
  if (ev.output().holds_ints())
    map_wide(ev, [](__int128 x) { return x < 0 ? -x : x; });
  else
    map_exact(ev, [](auto x) {
      return bend(
          x, [](auto v) { return std::fabs(v); }, 0);
    });
}

void neg(Evaluation& ev) {
  if (ev.output().holds_ints())
    map_wide(ev, [](__int128 x) { return -x; });
  else
    map_exact(ev, [](auto x) { return -x; });
}

// What the sign of NaN is, ONNX does not say.
void sign(Evaluation& ev) {
  if (ev.output().holds_ints()) {
    const Ints& x = ev.input_ints(0);
    Ints& y = ev.out_ints();
    const DType t = ev.output().type.dtype;
    const auto sign_of = [](__int128 v) { return static_cast<std::int64_t>((v > 0) - (v < 0)); };
    for (std::size_t i = 0; i < y.v.size(); ++i) {
      const Wide w = wide(x, i, t);
      y.v[i] = sign_of(w.v);
      y.set_bound(i, w.open ? Ints::kOpen : std::max(sign_of(w.high) - y.v[i], y.v[i] - sign_of(w.low)));
    }
    return;
  }
  map_exact(ev, [&]<class R>(Approx<R> x) -> Approx<R> {
    if (surely_nan(x)) {
      ev.unspecified("the sign of NaN");
      return open_value(x.v);
    }
    return monotone(x, [](R v) { return static_cast<R>((v > 0) - (v < 0)); });
  });
}

// --- those that turn or jump -----------------------------------------------------------------------------

// |sin(x + d) - sin(x)| <= |cos x| |d| + d^2 / 2; reductions of the argument leave an absolute error.
template <class R>
Approx<R> wave(Approx<R> x, R v, R slope) {
  if (x.e == 0) return {v, 0};
  if (x.open()) return open_value(v);
  return {v, std::min<R>(2, std::min(x.e, std::fabs(slope) * x.e + x.e * x.e / 2))};
}
// In u; Eigen's double kernels reach 5.
double reduction_error(Evaluation& ev) {
  return ev.output().type.dtype == DType::kDouble ? 8 : 1;
}
void sin(Evaluation& ev) {
  map_reals(
      ev, [](auto x) { return wave(x, std::sin(x.v), std::cos(x.v)); }, kApproximation, reduction_error(ev));
}
void cos(Evaluation& ev) {
  map_reals(
      ev, [](auto x) { return wave(x, std::cos(x.v), std::sin(x.v)); }, kApproximation, reduction_error(ev));
}

// Open where a pole may lie in the interval. As sin / cos, the error of the reduced argument counts 1 +
// tan^2.
void tan(Evaluation& ev) {
  map_rounding(ev, []<class R>(Approx<R> x, const Rounding<R>& rounding) -> Approx<R> {
    constexpr R pi = std::numbers::pi_v<R>;
    Approx<R> y = monotone(x, [](R v) { return std::tan(v); });
    if (x.e > 0 && !(std::floor(x.low() / pi + R(0.5)) == std::floor(x.high() / pi + R(0.5))))
      return open_value(y.v);
    return rounding.add(y, kApproximation, y.finite() ? y.v * y.v : R(0));
  });
}

void cosh(Evaluation& ev) {
  map_reals(
      ev,
      [](auto x) {
        return bend(
            x, [](auto v) { return std::cosh(v); }, 0);
      },
      kApproximation);
}

// Near 1, kernels that take the logarithm of x + sqrt(x^2 - 1) see an x that is off by u.
void acosh(Evaluation& ev) {
  map_rounding(ev, []<class R>(Approx<R> x, const Rounding<R>& rounding) -> Approx<R> {
    const auto f = [](R v) { return std::acosh(v); };
    Approx<R> y = monotone(x, f);
    if (!y.finite() || y.open()) return y;
    const R nudge = 2 * rounding.u() * x.v;
    y.e += std::max(f(x.high() + nudge) - f(x.high()), f(x.low()) - f(std::max<R>(1, x.low() - nudge)));
    return rounding.add(y, kApproximation, 1);
  });
}

void reciprocal(Evaluation& ev) {
  map_reals(
      ev,
      []<class R>(Approx<R> x) {
        return Approx<R>{1, 0} / x;
      },
      2);
}

// --- drafting --------------------------------------------------------------------------------------------

// Values between two tenths, at least some tenths away from zero.
template <int low = -20, int high = 20, int away = 0>
bool draft_tenths(Draft& d) {
  return draft_unary(d, {.low = low * 0.1, .high = high * 0.1, .away_from_zero = away * 0.1}, kNumbers);
}
bool draft_floats(Draft& d) {
  return draft_unary(d, {}, kFloats);
}

constexpr OpSpec specs[] = {
    {.name = "Abs", .since = 6, .draft = draft_tenths<>, .infer = infer_number, .evaluate = abs},
    {.name = "Neg", .since = 6, .draft = draft_tenths<>, .infer = infer_number, .evaluate = neg},
    {.name = "Sign", .since = 9, .draft = draft_tenths<-20, 20, 1>, .infer = infer_number, .evaluate = sign},
    {.name = "Floor",
     .since = 6,
     .draft = draft_tenths<-45, 45>,
     .infer = infer_float,
     .evaluate = step<[](auto v) { return std::floor(v); }>},
    {.name = "Ceil",
     .since = 6,
     .draft = draft_tenths<-45, 45>,
     .infer = infer_float,
     .evaluate = step<[](auto v) { return std::ceil(v); }>},
    {.name = "Round",
     .since = 11,
     .draft = draft_tenths<-45, 45>,
     .infer = infer_float,
     .evaluate = step<[](auto v) { return std::nearbyint(v); }>},
    {.name = "Reciprocal",
     .since = 6,
     .draft = draft_tenths<-30, 30, 3>,
     .infer = infer_float,
     .evaluate = reciprocal},
    {.name = "Sqrt",
     .since = 6,
     .draft = draft_tenths<1, 40>,
     .infer = infer_float,
     .evaluate = monotone_function<[](auto v) { return std::sqrt(v); }, 2>},
    {.name = "Exp",
     .since = 6,
     .draft = draft_tenths<>,
     .infer = infer_float,
     .evaluate = monotone_function<[](auto v) { return std::exp(v); }>},
    {.name = "Log",
     .since = 6,
     .draft = draft_tenths<1, 40>,
     .infer = infer_float,
     .evaluate = monotone_function<[](auto v) { return std::log(v); }>},
    {.name = "Sin", .since = 7, .draft = draft_tenths<-60, 60>, .infer = infer_float, .evaluate = sin},
    {.name = "Cos", .since = 7, .draft = draft_tenths<-60, 60>, .infer = infer_float, .evaluate = cos},
    {.name = "Tan", .since = 7, .draft = draft_tenths<-13, 13>, .infer = infer_float, .evaluate = tan},
    {.name = "Asin",
     .since = 7,
     .draft = draft_tenths<-9, 9>,
     .infer = infer_float,
     .evaluate = monotone_function<[](auto v) { return std::asin(v); }>},
    {.name = "Acos",
     .since = 7,
     .draft = draft_tenths<-9, 9>,
     .infer = infer_float,
     .evaluate = monotone_function<[](auto v) { return std::acos(v); }, kApproximation, 2>},
    {.name = "Atan",
     .since = 7,
     .draft = draft_tenths<-40, 40>,
     .infer = infer_float,
     .evaluate = monotone_function<[](auto v) { return std::atan(v); }>},
    {.name = "Sinh",
     .since = 9,
     .draft = draft_tenths<>,
     .infer = infer_float,
     .evaluate = monotone_function<[](auto v) { return std::sinh(v); }, kApproximation, 2>},
    {.name = "Cosh", .since = 9, .draft = draft_tenths<>, .infer = infer_float, .evaluate = cosh},
    {.name = "Tanh",
     .since = 6,
     .draft = draft_tenths<-30, 30>,
     .infer = infer_float,
     .evaluate = monotone_function<[](auto v) { return std::tanh(v); }>},
    {.name = "Asinh",
     .since = 9,
     .draft = draft_tenths<-40, 40>,
     .infer = infer_float,
     .evaluate = monotone_function<[](auto v) { return std::asinh(v); }, kApproximation, 2>},
    {.name = "Acosh", .since = 9, .draft = draft_tenths<11, 60>, .infer = infer_float, .evaluate = acosh},
    {.name = "Atanh",
     .since = 9,
     .draft = draft_tenths<-9, 9>,
     .infer = infer_float,
     .evaluate = monotone_function<[](auto v) { return std::atanh(v); }, kApproximation, 2>},
    // Up to opset 12 the schema took integers too, without saying how to round: left out.
    {.name = "Erf",
     .since = 9,
     .draft = draft_floats,
     .infer = infer_float,
     .evaluate = monotone_function<[](auto v) { return std::erf(v); }>},
};

}  // namespace

namespace family {
extern constinit const Family unary_math = specs;
}

}  // namespace mob::ops
