// Min, Max, Sum, Mean (any number of inputs, broadcast) and Clip.
#include <limits>

#include "fuzzer/ops/elementwise.h"

namespace mob::ops {
namespace {

constexpr std::string_view kNanOrder = "the order of NaN in Max, Min and Clip";

// The inputs, each with the way its elements spread over the output.
template <class T>
struct Spread {
  const T* x;
  std::vector<std::int64_t> map;
  auto operator[](std::size_t i) const { return (*x)[at(map, i)]; }
};
template <class R>
std::vector<Spread<Reals<R>>> spread_reals(Evaluation& ev) {
  std::vector<Spread<Reals<R>>> inputs;
  for (std::size_t k = 0; k < ev.input_count(); ++k)
    inputs.push_back({&ev.reals<R>(k), broadcast_map(ev.dims(k), ev.output().type.dims)});
  return inputs;
}

// --- Min, Max ----------------------------------------------------------------------------------------------

template <class Better>
void extremum_of_ints(Evaluation& ev, Better better) {
  const DType t = ev.output().type.dtype;
  Ints& y = ev.out_ints();
  std::vector<std::vector<std::int64_t>> maps;
  for (std::size_t k = 0; k < ev.input_count(); ++k)
    maps.push_back(broadcast_map(ev.dims(k), ev.output().type.dims));
  for (std::size_t i = 0; i < y.v.size(); ++i) {
    Wide best = wide(ev.input_ints(0), at(maps[0], i), t);
    for (std::size_t k = 1; k < maps.size(); ++k)
      best = better(best, wide(ev.input_ints(k), at(maps[k], i), t));
    put(y, i, t, best);
  }
}

template <class Better>
void extremum(Evaluation& ev, Better better) {
  if (ev.output().holds_ints()) {
    extremum_of_ints(ev, better);
    return;
  }
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto inputs = spread_reals<R>(ev);
    auto& y = ev.out_reals<R>();
    for (std::size_t i = 0; i < y.v.size(); ++i) {
      Approx<R> best = inputs[0][i];
      bool nan = surely_nan(best);
      for (std::size_t k = 1; k < inputs.size(); ++k) {
        const Approx<R> x = inputs[k][i];
        nan = nan || surely_nan(x);
        best = better(best, x);
      }
      if (nan && inputs.size() > 1) {
        ev.unspecified(kNanOrder);
        best = open_value(best.v);
      }
      y.set(i, best);
    }
  });
}

void max(Evaluation& ev) {
  extremum(ev, [](const auto& a, const auto& b) { return larger(a, b); });
}
void min(Evaluation& ev) {
  extremum(ev, [](const auto& a, const auto& b) { return smaller(a, b); });
}

// --- Sum, Mean
// -----------------------------------------------------------------------------------------------

template <class Finish>
void total(Evaluation& ev, Finish finish) {
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto inputs = spread_reals<R>(ev);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    for (std::size_t i = 0; i < y.v.size(); ++i) {
      if (inputs.size() == 1) {
        y.set(i, inputs[0][i]);
        continue;
      }
      Sum<R> sum;
      for (const auto& x : inputs) sum.add(x[i]);
      y.set(i, finish(sum.result(rounding), rounding));
    }
  });
}

void sum(Evaluation& ev) {
  total(ev, [](auto x, const auto&) { return x; });
}

// Divided by the count, or times its rounded reciprocal.
void mean(Evaluation& ev) {
  total(ev, [n = ev.input_count()]<class R>(Approx<R> x, const Rounding<R>& rounding) {
    return rounding.add(x / Approx<R>{static_cast<R>(n), 0}, 2);
  });
}

// --- Clip
// ----------------------------------------------------------------------------------------------------

// A limit: attribute up to opset 10, then input; missing, nothing but an infinity is beyond it.
bool has_limit(const Inference& inf, std::size_t i) {
  return inf.opset() < 11 ? inf.node().has(i == 1 ? "min" : "max") : inf.has_input(i);
}

// Up to opset 12 ONNX does not say what happens when min is above max; from 13 on, max wins.
constexpr int kMaxWins = 13;

void clip_ints(Evaluation& ev) {
  const DType t = ev.output().type.dtype;
  const Ints& x = ev.input_ints(0);
  Ints& y = ev.out_ints();
  const bool has_low = has_limit(ev, 1), has_high = has_limit(ev, 2);
  const Wide low = has_low ? wide(ev.input_ints(1), 0, t) : Wide{},
             high = has_high ? wide(ev.input_ints(2), 0, t) : Wide{};
  const bool open = has_low && has_high && low.v > high.v && ev.opset() < kMaxWins;
  for (std::size_t i = 0; i < y.v.size(); ++i) {
    Wide w = wide(x, i, t);
    if (has_low) w = larger(w, low);
    if (has_high) w = smaller(w, high);
    w.open = w.open || open;
    put(y, i, t, w);
  }
  if (open) ev.unspecified("Clip with min above max", y.v.size());
}

void clip(Evaluation& ev) {
  if (ev.output().holds_ints()) {
    clip_ints(ev);
    return;
  }
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const bool has_low = has_limit(ev, 1), has_high = has_limit(ev, 2);
    const auto limit = [&](std::size_t i) {
      return ev.opset() < 11 ? as<R>(attribute(ev, i == 1 ? "min" : "max", 0)) : ev.reals<R>(i)[0];
    };
    const Approx<R> low = has_low ? limit(1) : Approx<R>{}, high = has_high ? limit(2) : Approx<R>{};
    const auto& x = ev.reals<R>(0);
    auto& y = ev.out_reals<R>();
    std::string_view open;
    if (has_low && has_high && ev.opset() < kMaxWins && less_or_equal(low, high) != Truth::kYes)
      open = "Clip with min above max";
    if ((has_low && surely_nan(low)) || (has_high && surely_nan(high))) open = kNanOrder;
    for (std::size_t i = 0; i < y.v.size(); ++i) {
      Approx<R> c = x[i];
      std::string_view why = surely_nan(c) ? kNanOrder : open;
      // The documentation's default is the largest finite number, the function body has no limit then.
      if (std::isinf(c.v) && !(c.v < 0 ? has_low : has_high)) why = "Clip of an infinity without a limit";
      if (has_low) c = larger(c, low);
      if (has_high) c = smaller(c, high);
      if (!why.empty()) {
        ev.unspecified(why);
        c = open_value(c.v);
      }
      y.set(i, c);
    }
  });
}

void infer_clip(Inference& inf) {
  expect(inf, 0, inf.opset() < 12 ? kFloats : kNumbers);
  infer_same_as_input(inf);
  for (std::size_t i = 1; i <= 2 && inf.opset() >= 11; ++i)
    if (inf.has_input(i) && (inf.type(i).dtype != inf.type(0).dtype || inf.type(i).count() != 1))
      throw InvalidNode("a limit of Clip must be a scalar of the input's type");
}

void infer_numbers(Inference& inf) {
  infer_broadcast_of(inf, kNumbers);
}
void infer_floats(Inference& inf) {
  infer_broadcast_of(inf, kFloats);
}

// --- drafting --------------------------------------------------------------------------------------------

bool draft_variadic(Draft& d) {
  const ArrayType first = d.input({.types = drawable(d, "T", kNumbers)});
  const int more = static_cast<int>(d.rng().weighted(std::array{0.1, 0.55, 0.2, 0.15}));
  for (int i = 0; i < more; ++i) {
    const Dims dims = d.rng().chance(0.6) ? first.dims : smaller_broadcast(d.rng(), first.dims);
    d.input({.types = first.dtype, .dims = dims});
  }
  return true;
}

bool draft_clip(Draft& d) {
  Rng& rng = d.rng();
  const bool as_attributes = d.schema().has_attribute("min");
  const ArrayType x = d.input({.types = drawable(d, "T", kNumbers), .range = {.low = -4, .high = 8}});
  const bool whole = is_int(x.dtype);
  // [0, 6] is Relu6, [0, inf) is Relu: what optimizers look for.
  double low = rng.chance(0.5) ? 0 : rng.uniform(-3, 2), high = rng.chance(0.4) ? 6 : low + rng.uniform(0, 5);
  if (whole || rng.chance(0.3)) {
    low = std::round(low);
    high = std::round(high);
  }
  if (is_unsigned_int(x.dtype)) low = std::max(low, 0.0);
  if (d.opset() >= kMaxWins && rng.chance(0.08)) std::swap(low, high);
  const bool with_low = rng.chance(0.8), with_high = rng.chance(0.8);
  if (as_attributes) {
    if (with_low) d.attribute("min", static_cast<float>(low));
    if (with_high) d.attribute("max", static_cast<float>(high));
    return true;
  }
  if (with_low)
    d.input(Tensor::scalar(x.dtype, low));
  else if (with_high)
    d.skip_input();
  if (with_high) d.input(Tensor::scalar(x.dtype, high));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Min", .since = 8, .draft = draft_variadic, .infer = infer_numbers, .evaluate = min},
    {.name = "Max", .since = 8, .draft = draft_variadic, .infer = infer_numbers, .evaluate = max},
    {.name = "Sum", .since = 8, .draft = draft_variadic, .infer = infer_floats, .evaluate = sum},
    {.name = "Mean", .since = 8, .draft = draft_variadic, .infer = infer_floats, .evaluate = mean},
    {.name = "Clip", .since = 6, .draft = draft_clip, .infer = infer_clip, .evaluate = clip},
};

}  // namespace

namespace family {
extern constinit const Family extrema = specs;
}

}  // namespace mob::ops
