// Smooth activation functions.
//
// Each bound is that of the plain formula of the ONNX documentation in the tensor's own precision: where it
// adds up numbers of size 1 to something small (exp(x) - 1, 1 + erf(x)), the error does not shrink with it.
#include <numbers>

#include "fuzzer/ops/elementwise.h"

namespace mob::ops {
namespace {

constexpr int kApproximation = 8;  // of exp, tanh, erf: see unary_math.cc

// The absolute error, in u, of exp(x) - 1 for x <= 0.
template <class R>
R exponential_error(R x) {
  return kApproximation * std::exp(std::min<R>(x, 0)) + 2;
}

void elu(Evaluation& ev) {
  map_rounding(ev,
               [alpha = ev.node().float_or("alpha", 1)]<class R>(Approx<R> x, const Rounding<R>& rounding) {
                 const R a = static_cast<R>(alpha);
                 const Approx<R> y = bend(
                     x, [a](R v) { return v < 0 ? a * std::expm1(v) : v; }, 0);
                 return x.low() < 0 ? rounding.add(y, 2, std::fabs(a) * exponential_error(x.high())) : y;
               });
}

void selu(Evaluation& ev) {
  const double alpha = ev.node().float_or("alpha", 1.67326319217681884765625);
  const double gamma = ev.node().float_or("gamma", 1.05070102214813232421875);
  map_rounding(ev, [&]<class R>(Approx<R> x, const Rounding<R>& rounding) {
    const R a = static_cast<R>(alpha), g = static_cast<R>(gamma);
    const Approx<R> y = bend(
        x, [a, g](R v) { return g * (v < 0 ? a * std::expm1(v) : v); }, 0);
    return rounding.add(y, 3, x.low() < 0 ? std::fabs(a * g) * exponential_error(x.high()) : R(0));
  });
}

// max(0, x) + min(0, alpha (exp(x / alpha) - 1)). For alpha <= 0 this formula and the function body that ONNX
// gives, alpha Elu(x / alpha), are not the same.
void celu(Evaluation& ev) {
  map_rounding(ev,
               [&, alpha = ev.node().float_or("alpha", 1)]<class R>(
                   Approx<R> x, const Rounding<R>& rounding) -> Approx<R> {
                 const R a = static_cast<R>(alpha);
                 if (!(a > 0)) {
                   ev.unspecified("Celu with alpha <= 0");
                   return open_value(x.v);
                 }
                 if (surely_nan(x)) return nan_order(ev, x);
                 const Approx<R> y = monotone(x, [a](R v) { return v < 0 ? a * std::expm1(v / a) : v; });
                 return rounding.add(y, 3, x.low() < 0 ? a * exponential_error(x.high() / a) : R(0));
               });
}

// Kernels build it from approximations around 1/2: the error does not shrink with the result.
void sigmoid(Evaluation& ev) {
  map_reals(
      ev, [](auto x) { return monotone(x, [](auto v) { return 1 / (1 + std::exp(-v)); }); }, kApproximation,
      4);
}

// ln(exp(x) + 1): as it stands there, exp overflows where the result is far from it.
void softplus(Evaluation& ev) {
  const double limit = std::log(float_format(ev.output().type.dtype).max_finite) - 0.01;
  map_rounding(ev, [limit]<class R>(Approx<R> x, const Rounding<R>& rounding) {
    const Approx<R> y =
        monotone(x, [](R v) { return std::max<R>(v, 0) + std::log1p(std::exp(-std::fabs(v))); });
    if (x.finite() && x.high() > static_cast<R>(limit)) return open_value(y.v);
    return rounding.add(y, kApproximation, exponential_error(x.high()));
  });
}

void softsign(Evaluation& ev) {
  map_reals(
      ev, [](auto x) { return monotone(x, [](auto v) { return v / (1 + std::fabs(v)); }); }, 4);
}

// x times a factor that rises from 0 to 1, whose error is `factor_error` u.
template <class R>
Approx<R> gated(Approx<R> y, Approx<R> x, R factor_error, const Rounding<R>& rounding) {
  return rounding.add(y, 2, x.finite() ? (std::fabs(x.v) + x.e) * factor_error : R(0));
}

// x (1 + erf(x / sqrt(2))) / 2, or with tanh. 1 + erf(x) cancels for negative x.
void gelu(Evaluation& ev) {
  const std::string approximate = ev.node().string_or("approximate", "none");
  if (approximate == "none") {
    map_rounding(ev, []<class R>(Approx<R> x, const Rounding<R>& rounding) {
      constexpr R root_half = std::numbers::sqrt2_v<R> / 2;
      const Approx<R> y = bend(
          x, [](R v) { return v / 2 * std::erfc(-v * root_half); }, R(-0.7517915246935645L));
      return gated<R>(y, x, R(0.5) * kApproximation + 2, rounding);
    });
    return;
  }
  if (approximate != "tanh") throw InvalidNode("Gelu does not know the approximation '" + approximate + "'");
  map_rounding(ev, [c = constant_error(ev)]<class R>(Approx<R> x, const Rounding<R>& rounding) {
    constexpr R k = std::numbers::sqrt2_v<R> * std::numbers::inv_sqrtpi_v<R>;
    const auto f = [](R v) { return v / (1 + std::exp(-2 * k * (v + R(0.044715L) * v * v * v))); };
    Approx<R> y = bend(x, f, R(-0.7524614220710163L));
    if (y.finite()) y.e += static_cast<R>(c) * (std::fabs(x.v) + x.e);
    return gated<R>(y, x, R(0.5) * kApproximation + 3, rounding);
  });
}

// x tanh(ln(1 + exp(x))).
void mish(Evaluation& ev) {
  map_rounding(ev, []<class R>(Approx<R> x, const Rounding<R>& rounding) {
    const auto gate = [](R v) { return std::tanh(v > 40 ? v : std::log1p(std::exp(v))); };
    const Approx<R> y = bend(
        x, [&](R v) { return v * gate(v); }, R(-1.1924312145L));
    const R w = gate(x.high()), slope = 1 - w * w;
    return gated<R>(y, x, slope * exponential_error(x.high()) + kApproximation * w, rounding);
  });
}

// x sigmoid(alpha x).
void swish(Evaluation& ev) {
  map_rounding(ev,
               [alpha = ev.node().float_or("alpha", 1)]<class R>(Approx<R> x, const Rounding<R>& rounding) {
                 const R a = static_cast<R>(alpha);
                 const auto f = [a](R v) { return v / (1 + std::exp(-a * v)); };
                 const Approx<R> y = a == 0 ? monotone(x, f) : bend(x, f, R(-1.2784645427610738L) / a);
                 return gated<R>(y, x, R(0.5) * kApproximation + 5, rounding);
               });
}

// --- drafting --------------------------------------------------------------------------------------------

bool draft_alpha(Draft& d) {
  draft_attribute(d, "alpha", {0, 1, -0.5f, 0.1f});
  return draft_activation(d);
}
bool draft_celu(Draft& d) {
  draft_attribute(d, "alpha", {1, 2, 0.5f});
  return draft_activation(d);
}
bool draft_selu(Draft& d) {
  draft_attribute(d, "alpha", {1.67326319217681884765625f, 1, 0});
  draft_attribute(d, "gamma", {1.05070102214813232421875f, 1, -1});
  return draft_activation(d);
}
bool draft_gelu(Draft& d) {
  const bool exact = d.rng().chance(0.5);
  if (!exact || d.rng().chance(0.4)) d.attribute("approximate", std::string(exact ? "none" : "tanh"));
  // Without a kernel, runtimes expand its function: Erf is there for float32, seldom for another type.
  return exact && d.rng().chance(0.95) ? draft_unary(d, {.low = -4, .high = 4}, DType::kFloat)
                                       : draft_activation(d);
}

constexpr OpSpec specs[] = {
    {.name = "Elu", .since = 6, .draft = draft_alpha, .infer = infer_float, .evaluate = elu},
    {.name = "Selu", .since = 6, .draft = draft_selu, .infer = infer_float, .evaluate = selu},
    {.name = "Celu", .since = 12, .draft = draft_celu, .infer = infer_float, .evaluate = celu},
    {.name = "Sigmoid", .since = 6, .draft = draft_activation, .infer = infer_float, .evaluate = sigmoid},
    {.name = "Softplus", .since = 1, .draft = draft_activation, .infer = infer_float, .evaluate = softplus},
    {.name = "Softsign", .since = 1, .draft = draft_activation, .infer = infer_float, .evaluate = softsign},
    {.name = "Gelu", .since = 20, .draft = draft_gelu, .infer = infer_float, .evaluate = gelu},
    {.name = "Mish", .since = 18, .draft = draft_activation, .infer = infer_float, .evaluate = mish},
    {.name = "Swish", .since = 24, .draft = draft_alpha, .infer = infer_float, .evaluate = swish},
};

}  // namespace

namespace family {
extern constinit const Family activations = specs;
}

}  // namespace mob::ops
