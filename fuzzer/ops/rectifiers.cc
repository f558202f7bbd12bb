// Activations made of straight lines: Relu and its kin, HardSigmoid, HardSwish, Shrink.
#include "fuzzer/ops/elementwise.h"

namespace mob::ops {
namespace {

void relu(Evaluation& ev) {
  if (ev.output().holds_ints()) {
    map_wide(ev, [](__int128 x) { return std::max<__int128>(x, 0); });
    return;
  }
  map_exact(ev,
            [&]<class R>(Approx<R> x) { return surely_nan(x) ? nan_order(ev, x) : larger(x, Approx<R>{}); });
}

void leaky_relu(Evaluation& ev) {
  map_rounding(
      ev, [alpha = ev.node().float_or("alpha", 0.01f)]<class R>(Approx<R> x, const Rounding<R>& rounding) {
        const R a = static_cast<R>(alpha);
        const Approx<R> y = bend(
            x, [a](R v) { return v < 0 ? a * v : v; }, 0);
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
Approx<R> shrunk(Approx<R> x, Approx<R> lambd, Approx<R> bias, const Rounding<R>& rounding,
                 bool rounds_always) {
  const Truth below = less(x, -lambd), above = less(lambd, x);
  const auto moved = [&](Approx<R> by) {
    if (rounds_always) return rounding.add(rounding.add(x) + by);  // read as float32, too
    return by.v == 0 ? x : rounding.add(x + by);
  };
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

// --- drafting --------------------------------------------------------------------------------------------

bool draft_alpha(Draft& d) {
  draft_attribute(d, "alpha", {0, 1, -0.5f, 0.1f});
  return draft_activation(d);
}
bool draft_hard_sigmoid(Draft& d) {
  draft_attribute(d, "alpha", {0.2f, 1.0f / 6, 1, -0.2f});
  draft_attribute(d, "beta", {0.5f, 0, 1}, -1, 1);
  return draft_activation(d);
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
    {.name = "Relu", .since = 6, .draft = draft_activation, .infer = infer_number, .evaluate = relu},
    {.name = "LeakyRelu", .since = 6, .draft = draft_alpha, .infer = infer_float, .evaluate = leaky_relu},
    {.name = "PRelu", .since = 9, .draft = draft_prelu, .infer = infer_prelu, .evaluate = prelu},
    {.name = "ThresholdedRelu",
     .since = 10,
     .draft = draft_alpha,
     .infer = infer_float,
     .evaluate = thresholded_relu},
    {.name = "HardSigmoid",
     .since = 6,
     .draft = draft_hard_sigmoid,
     .infer = infer_float,
     .evaluate = hard_sigmoid},
    {.name = "HardSwish",
     .since = 14,
     .draft = draft_activation,
     .infer = infer_float,
     .evaluate = hard_swish},
    {.name = "Shrink", .since = 9, .draft = draft_shrink, .infer = infer_number, .evaluate = shrink},
};

}  // namespace

namespace family {
extern constinit const Family rectifiers = specs;
}

}  // namespace mob::ops
