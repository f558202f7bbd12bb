// Activation functions.
//
// Each bound is that of the plain formula of the ONNX documentation in the tensor's own precision: where it
// adds up numbers of size 1 to something small (exp(x) - 1, 1 + erf(x)), the error does not shrink with it.
#include <numbers>

#include "fuzzer/ops/elementwise.h"

namespace mob::ops {
namespace {

constexpr int kApproximation = 8;  // of exp, tanh, erf: see unary_math.cc

// What max and min make of a NaN is open in ONNX.
template <class R>
Approx<R> nan_order(Evaluation& ev, Approx<R> x) {
  ev.unspecified("the order of NaN in max and min");
  return open_value(x.v);
}

// --- piecewise linear ------------------------------------------------------------------------------------

void relu(Evaluation& ev) {
  if (ev.output().holds_ints()) {
    map_wide(ev, [](__int128 x) { return std::max<__int128>(x, 0); });
    return;
  }
  map_exact(ev, [&]<class R>(Approx<R> x) {
    return surely_nan(x) ? nan_order(ev, x) : larger(x, Approx<R>{});
  });
}

void leaky_relu(Evaluation& ev) {
  map_rounding(ev, [alpha = ev.node().float_or("alpha", 0.01f)]<class R>(Approx<R> x, const Rounding<R>& rounding) {
    const R a = static_cast<R>(alpha);
    const Approx<R> y = bend(x, [a](R v) { return v < 0 ? a * v : v; }, 0);
    return x.low() < 0 ? rounding.add(y, 2) : y;  // alpha and the product
  });
}

void prelu(Evaluation& ev) {
  const auto map = broadcast_map(ev.dims(1), ev.dims(0));
  if (ev.output().holds_ints()) {
    const Ints &x = ev.input_ints(0), &slope = ev.input_ints(1);
    Ints& y = ev.out_ints();
    const DType t = ev.output().type.dtype;
    for (std::size_t i = 0; i < y.v.size(); ++i) {
      Wide w = wide(x, i, t);
      const Wide s = wide(slope, at(map, i), t);
      if (w.v < 0 || w.low < 0) {
        w.open = w.open || w.low != w.high || s.open || s.low != s.high;
        w.v = w.v < 0 ? w.v * s.v : w.v;
        w.low = w.high = w.v;
      }
      put(y, i, t, w);
    }
    return;
  }
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto &x = ev.reals<R>(0), &slope = ev.reals<R>(1);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    for (std::size_t i = 0; i < y.v.size(); ++i) {
      const Approx<R> xi = x[i];
      if (xi.low() >= 0 && !xi.open()) {
        y.set(i, xi);
        continue;
      }
      const Approx<R> sloped = rounding.add(xi * slope[at(map, i)]);
      if (xi.high() < 0)
        y.set(i, sloped);
      else
        y.set(i, xi.v < 0 ? either(sloped, xi) : either(xi, sloped));
    }
  });
}

// x above alpha, else 0: a jump at alpha.
void thresholded_relu(Evaluation& ev) {
  const Approx<double> given = attribute(ev, "alpha", 1);
  map_exact(ev, [&]<class R>(Approx<R> x) -> Approx<R> {
    const Approx<R> alpha = as<R>(given);
    switch (less(alpha, x)) {
      case Truth::kYes:
        return x;
      case Truth::kNo:
        return {};
      default:
        return alpha.v < x.v ? either(x, Approx<R>{}) : either(Approx<R>{}, x);
    }
  });
}

// max(0, min(1, alpha x + beta)); alpha, beta, the product and the sum are rounded.
void hard_sigmoid(Evaluation& ev) {
  const double alpha = ev.node().float_or("alpha", 0.2f), beta = ev.node().float_or("beta", 0.5f);
  map_rounding(ev, [&]<class R>(Approx<R> x, const Rounding<R>& rounding) {
    const Approx<R> scaled = rounding.add(Approx<R>{static_cast<R>(alpha), 0} * x, 2);
    const Approx<R> line = rounding.add(scaled + rounding.add(Approx<R>{static_cast<R>(beta), 0}));
    if (surely_nan(line)) return nan_order(ev, line);
    return larger(Approx<R>{}, smaller(Approx<R>{1, 0}, line));
  });
}

// x max(0, min(1, x / 6 + 1 / 2)).
void hard_swish(Evaluation& ev) {
  map_rounding(ev, [c = constant_error(ev)]<class R>(Approx<R> x, const Rounding<R>& rounding) {
    const auto f = [](R v) { return v * std::max<R>(0, std::min<R>(1, v / 6 + R(0.5))); };
    Approx<R> y = bend(x, f, R(-1.5));
    if (x.high() <= -4 || x.low() >= 4) return y;  // times 0, times 1
    const R size = std::fabs(x.v) + x.e;
    y.e += size * size / 6 * static_cast<R>(c);
    return rounding.add(y, 1, size * (size / 3 + 1));
  });
}

// Shrink of floating-point numbers: two jumps of size |lambd - bias|. Without a bias it only selects.
template <class R>
Approx<R> shrunk(Approx<R> x, Approx<R> lambd, Approx<R> bias, const Rounding<R>& rounding, bool rounds_always) {
  const Truth below = less(x, -lambd), above = less(lambd, x);
  const auto moved = [&](Approx<R> by) { return by.v == 0 && !rounds_always ? x : rounding.add(x + by); };
  const Approx<R> low = moved(bias), high = moved(-bias);
  if (below == Truth::kYes) return low;
  if (below == Truth::kNo && above == Truth::kYes) return high;
  if (below == Truth::kNo && above == Truth::kNo) return {};
  Approx<R> y = x.v < -lambd.v ? low : x.v > lambd.v ? high : Approx<R>{};
  if (below == Truth::kMaybe) y = either(y, low);
  if (above != Truth::kNo) y = either(y, high);
  if (above != Truth::kYes) y = either(y, Approx<R>{});
  return y;
}

// Of integers: lambd and bias are floats. The function body casts them to the tensor's type, other kernels
// cast the result: they agree for whole numbers only.
void shrink_ints(Evaluation& ev) {
  const double lambd = ev.node().float_or("lambd", 0.5), bias = ev.node().float_or("bias", 0);
  const DType t = ev.output().type.dtype;
  const Ints& x = ev.input_ints(0);
  Ints& y = ev.out_ints();
  const auto result = [&](__int128 v, long double l, long double b) {
    const auto r = static_cast<long double>(v);
    return std::trunc(r < -l ? r + b : r > l ? r - b : 0.0L);
  };
  for (std::size_t i = 0; i < y.v.size(); ++i) {
    const Wide w = wide(x, i, t);
    const long double a = result(w.v, lambd, bias), b = result(w.v, std::trunc(lambd), std::trunc(bias));
    const bool in_range = a >= static_cast<long double>(int_min(t)) &&
                          a <= (t == DType::kUint64 ? 0x1p64L - 1 : static_cast<long double>(int_max(t)));
    // float32 arithmetic is exact up to 2^24.
    const bool agreed = a == b && in_range && std::fabs(a) < 0x1p24L && !(is_unsigned_int(t) && lambd < 0);
    if (in_range) y.v[i] = saturate(t, a);
    if (!agreed) ev.unspecified("Shrink of integers beyond its whole-number meaning");
    if (!agreed || w.open || w.low != w.high) y.set_bound(i, Ints::kOpen);
  }
}

void shrink(Evaluation& ev) {
  if (ev.output().holds_ints()) {
    shrink_ints(ev);
    return;
  }
  const Approx<double> lambd = attribute(ev, "lambd", 0.5), bias = attribute(ev, "bias", 0);
  map_rounding(ev, [&]<class R>(Approx<R> x, const Rounding<R>& rounding) {
    return shrunk(x, as<R>(lambd), as<R>(bias), rounding, ev.arithmetic().double_as_float);
  });
}

// --- exponential -----------------------------------------------------------------------------------------

// The absolute error, in u, of exp(x) - 1 for x <= 0.
template <class R>
R exponential_error(R x) {
  return kApproximation * std::exp(std::min<R>(x, 0)) + 2;
}

void elu(Evaluation& ev) {
  map_rounding(ev, [alpha = ev.node().float_or("alpha", 1)]<class R>(Approx<R> x, const Rounding<R>& rounding) {
    const R a = static_cast<R>(alpha);
    const Approx<R> y = bend(x, [a](R v) { return v < 0 ? a * std::expm1(v) : v; }, 0);
    return x.low() < 0 ? rounding.add(y, 2, std::fabs(a) * exponential_error(x.high())) : y;
  });
}

void selu(Evaluation& ev) {
  const double alpha = ev.node().float_or("alpha", 1.67326319217681884765625);
  const double gamma = ev.node().float_or("gamma", 1.05070102214813232421875);
  map_rounding(ev, [&]<class R>(Approx<R> x, const Rounding<R>& rounding) {
    const R a = static_cast<R>(alpha), g = static_cast<R>(gamma);
    const Approx<R> y = bend(x, [a, g](R v) { return g * (v < 0 ? a * std::expm1(v) : v); }, 0);
    return rounding.add(y, 3, x.low() < 0 ? std::fabs(a * g) * exponential_error(x.high()) : R(0));
  });
}

// max(0, x) + min(0, alpha (exp(x / alpha) - 1)). For alpha <= 0 this formula and the function body that ONNX
// gives, alpha Elu(x / alpha), are not the same.
void celu(Evaluation& ev) {
  map_rounding(ev, [&, alpha = ev.node().float_or("alpha", 1)]<class R>(Approx<R> x,
                                                                        const Rounding<R>& rounding) -> Approx<R> {
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
  map_reals(ev, [](auto x) { return monotone(x, [](auto v) { return 1 / (1 + std::exp(-v)); }); }, kApproximation, 4);
}

// ln(exp(x) + 1): as it stands there, exp overflows where the result is far from it.
void softplus(Evaluation& ev) {
  const double limit = std::log(float_format(ev.output().type.dtype).max_finite) - 0.01;
  map_rounding(ev, [limit]<class R>(Approx<R> x, const Rounding<R>& rounding) {
    const Approx<R> y = monotone(x, [](R v) { return std::max<R>(v, 0) + std::log1p(std::exp(-std::fabs(v))); });
    if (x.finite() && x.high() > static_cast<R>(limit)) return open_value(y.v);
    return rounding.add(y, kApproximation, exponential_error(x.high()));
  });
}

void softsign(Evaluation& ev) {
  map_reals(ev, [](auto x) { return monotone(x, [](auto v) { return v / (1 + std::fabs(v)); }); }, 4);
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
      const Approx<R> y = bend(x, [](R v) { return v / 2 * std::erfc(-v * root_half); }, R(-0.7517915246935645L));
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
    const Approx<R> y = bend(x, [&](R v) { return v * gate(v); }, R(-1.1924312145L));
    const R w = gate(x.high()), slope = 1 - w * w;
    return gated<R>(y, x, slope * exponential_error(x.high()) + kApproximation * w, rounding);
  });
}

// x sigmoid(alpha x).
void swish(Evaluation& ev) {
  map_rounding(ev, [alpha = ev.node().float_or("alpha", 1)]<class R>(Approx<R> x, const Rounding<R>& rounding) {
    const R a = static_cast<R>(alpha);
    const auto f = [a](R v) { return v / (1 + std::exp(-a * v)); };
    const Approx<R> y = a == 0 ? monotone(x, f) : bend(x, f, R(-1.2784645427610738L) / a);
    return gated<R>(y, x, R(0.5) * kApproximation + 5, rounding);
  });
}

// --- drafting --------------------------------------------------------------------------------------------

bool draft_plain(Draft& d) {
  return draft_unary(d, {.low = -4, .high = 4}, kNumbers);
}

// A float attribute: left out, a value that optimizers look for, or any.
void draft_attribute(Draft& d, std::string_view attribute_name, std::initializer_list<float> known, float low = 0.05f,
                     float high = 2) {
  const double what = d.rng().unit();
  if (what < 0.4) return;
  if (what < 0.65)
    d.attribute(attribute_name, d.rng().pick(known));
  else
    d.attribute(attribute_name, static_cast<float>(d.rng().uniform(low, high)));
}

bool draft_alpha(Draft& d) {
  draft_attribute(d, "alpha", {0, 1, -0.5f, 0.1f});
  return draft_plain(d);
}
bool draft_celu(Draft& d) {
  draft_attribute(d, "alpha", {1, 2, 0.5f});
  return draft_plain(d);
}
bool draft_selu(Draft& d) {
  draft_attribute(d, "alpha", {1.67326319217681884765625f, 1, 0});
  draft_attribute(d, "gamma", {1.05070102214813232421875f, 1, -1});
  return draft_plain(d);
}
bool draft_hard_sigmoid(Draft& d) {
  draft_attribute(d, "alpha", {0.2f, 1.0f / 6, 1, -0.2f});
  draft_attribute(d, "beta", {0.5f, 0, 1}, -1, 1);
  return draft_plain(d);
}
bool draft_shrink(Draft& d) {
  // Of integers only whole numbers are specified.
  const DTypeSet types = drawable(d, "T", d.rng().chance(0.8) ? kFloats : kInts);
  const bool whole = !(types & kInts).empty();
  if (whole) {
    d.attribute("lambd", static_cast<float>(d.rng().range(0, 2)));
    if (d.rng().chance(0.5)) d.attribute("bias", static_cast<float>(d.rng().range(0, 1)));
  } else {
    draft_attribute(d, "lambd", {0, 1, 0.5f});
    draft_attribute(d, "bias", {0, 0.5f, 1}, -1, 1);
  }
  d.input({.types = types, .range = {.low = whole ? 0.0 : -4.0, .high = 4}});
  return true;
}
bool draft_gelu(Draft& d) {
  if (d.rng().chance(0.7)) d.attribute("approximate", std::string(d.rng().pick({"none", "tanh"})));
  return draft_plain(d);
}
bool draft_prelu(Draft& d) {
  const ArrayType x = d.input({.types = drawable(d, "T"), .range = {.low = -4, .high = 4}});
  Dims slope = x.dims;
  if (d.rng().chance(0.5) && slope.size() >= 2) {  // one per channel
    slope.erase(slope.begin());
    std::fill(slope.begin() + 1, slope.end(), 1);
  } else if (d.rng().chance(0.6)) {
    slope = smaller_broadcast(d.rng(), slope);
  }
  d.input({.types = x.dtype, .dims = slope, .role = Role::kWeight, .range = {.low = -1, .high = 2}});
  return true;
}

void infer_prelu(Inference& inf) {
  expect(inf, 0, kNumbers);
  if (inf.type(1).dtype != inf.type(0).dtype || !broadcasts_to(inf.dims(1), inf.dims(0)))
    throw InvalidNode("the slope of PRelu does not broadcast to its input");
  infer_same_as_input(inf);
}

constexpr OpSpec specs[] = {
    {.name = "Relu", .since = 6, .draft = draft_plain, .infer = infer_number, .evaluate = relu},
    {.name = "LeakyRelu", .since = 6, .draft = draft_alpha, .infer = infer_float, .evaluate = leaky_relu},
    {.name = "PRelu", .since = 9, .draft = draft_prelu, .infer = infer_prelu, .evaluate = prelu},
    {.name = "ThresholdedRelu", .since = 10, .draft = draft_alpha, .infer = infer_float, .evaluate = thresholded_relu},
    {.name = "HardSigmoid", .since = 6, .draft = draft_hard_sigmoid, .infer = infer_float, .evaluate = hard_sigmoid},
    {.name = "HardSwish", .since = 14, .draft = draft_plain, .infer = infer_float, .evaluate = hard_swish},
    {.name = "Shrink", .since = 9, .draft = draft_shrink, .infer = infer_number, .evaluate = shrink},
    {.name = "Elu", .since = 6, .draft = draft_alpha, .infer = infer_float, .evaluate = elu},
    {.name = "Selu", .since = 6, .draft = draft_selu, .infer = infer_float, .evaluate = selu},
    {.name = "Celu", .since = 12, .draft = draft_celu, .infer = infer_float, .evaluate = celu},
    {.name = "Sigmoid", .since = 6, .draft = draft_plain, .infer = infer_float, .evaluate = sigmoid},
    {.name = "Softplus", .since = 1, .draft = draft_plain, .infer = infer_float, .evaluate = softplus},
    {.name = "Softsign", .since = 1, .draft = draft_plain, .infer = infer_float, .evaluate = softsign},
    {.name = "Gelu", .since = 20, .draft = draft_gelu, .infer = infer_float, .evaluate = gelu},
    {.name = "Mish", .since = 18, .draft = draft_plain, .infer = infer_float, .evaluate = mish},
    {.name = "Swish", .since = 24, .draft = draft_alpha, .infer = infer_float, .evaluate = swish},
};

}  // namespace

namespace family {
extern constinit const Family activations = specs;
}

}  // namespace mob::ops
