// ReduceSum, ReduceMean, ReduceSumSquare, ReduceL1, ReduceProd, ReduceMax, ReduceMin.
#include "fuzzer/ops/reduce.h"

namespace mob::ops {
namespace reduce {

std::vector<std::int64_t> axes(const Inference& inf) {
  std::vector<std::int64_t> axes = inf.ints_or(1, "axes", {});
  for (auto& a : axes) a = Inference::axis(a, inf.rank(0));
  if (axes.empty() && inf.node().int_or("noop_with_empty_axes", 0) == 0)
    for (std::int64_t a = 0; a < inf.rank(0); ++a) axes.push_back(a);
  return axes;
}

void infer(Inference& inf) {
  std::vector<bool> reduced(inf.dims(0).size(), false);
  for (std::int64_t a : axes(inf)) reduced[static_cast<std::size_t>(a)] = true;
  const bool keep = inf.node().int_or("keepdims", 1) != 0;
  Dims dims;
  for (std::size_t d = 0; d < reduced.size(); ++d) {
    if (!reduced[d])
      dims.push_back(inf.dims(0)[d]);
    else if (keep)
      dims.push_back(1);
  }
  inf.set_output(0, {inf.type(0).dtype, dims});
}

bool draft(Draft& d, Want data) {
  Rng& rng = d.rng();
  data.types = data.types & drawable(d, "T");
  const ArrayType x = d.input(data);
  const auto rank = static_cast<std::int64_t>(x.rank());
  std::vector<std::int64_t> some;
  if (rank > 0 && rng.chance(0.8)) {
    some = rng.permutation(x.rank());
    some.resize(static_cast<std::size_t>(rng.chance(0.6) ? 1 : rng.range(1, rank)));
    // Before opset 11 the axes are counted from the front.
    for (auto& a : some)
      if (d.opset() >= 11 && rng.chance(0.3)) a -= rank;
  }
  if (d.schema().has_attribute("axes")) {
    if (!some.empty()) d.attribute("axes", some);
  } else if (!some.empty() || rng.chance(0.2)) {
    d.input(Tensor::ints(some));
  }
  if (d.schema().has_attribute("noop_with_empty_axes") && rng.chance(0.15))
    d.attribute("noop_with_empty_axes", rng.range(0, 1));
  if (rng.chance(0.7)) d.attribute("keepdims", rng.range(0, 1));
  return true;
}

void set_truncated(Evaluation& ev, std::size_t g, Approx<long double> x) {
  const DType t = ev.output().type.dtype;
  Ints& y = ev.out_ints();
  if (!(std::fabs(x.v) + x.e < largest(t) + 1) || (!is_signed_int(t) && x.low() <= -1)) {
    ev.unspecified("an integer reduction overflows");
    y.set_bound(g, Ints::kOpen);
    return;
  }
  const long double v = std::trunc(x.v);
  y.v[g] = saturate(t, v);
  y.set_bound(g, stored_bound(std::max(v - std::trunc(x.low()), std::trunc(x.high()) - v)));
}

}  // namespace reduce

namespace {

using namespace reduce;

// A product in any order. Some orders overflow, with the large factors first, some underflow.
template <class R>
Approx<R> product_of(const Terms<R>& terms, const Rounding<R>& rounding) {
  Approx<R> total = {1, 0};
  R large = 1, small = 1;
  bool zero = false;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const Approx<R> x = terms[i];
    total = total * x;
    zero = zero || (x.v == 0 && x.e == 0);
    const R m = std::fabs(x.v) + x.e;
    (m > 1 ? large : small) *= m;
  }
  if (!total.finite() || total.open() || terms.size() < 2) return total;
  if (large > rounding.max_finite()) return small < 1 ? open_value(total.v) : total;
  if (zero) return {total.v, 0};
  const R n = static_cast<R>(terms.size());
  total.e += rounding.gamma(n - 1) * (std::fabs(total.v) + total.e) + n * rounding.eta() * large;
  return total;
}

// The extreme of the values; its interval ends at the extremes of the intervals' ends. `sign` -1: minimum.
template <class R>
Approx<R> extreme_of(const Terms<R>& terms, R sign) {
  R v = -kInfinity<R>, low = v, high = v;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const Approx<R> x = terms[i];
    if (std::isnan(x.v)) return open_value(x.v);
    v = std::max(v, sign * x.v);
    low = std::max(low, x.open() ? -kInfinity<R> : sign * x.v - x.e);
    high = std::max(high, x.open() ? kInfinity<R> : sign * x.v + x.e);
  }
  if (!std::isfinite(v)) return special(sign * v, low == v && high == v);
  return {sign * v, std::max(v - low, high - v)};
}

void extreme_ints(Evaluation& ev, long double sign) {
  const Groups groups = groups_along(ev.dims(0), axes(ev));
  const Ints& x = ev.input_ints(0);
  Ints& y = ev.out_ints();
  const DType t = ev.output().type.dtype;
  const std::int64_t least = sign > 0 ? int_min(t) : t == DType::kUint64 ? -1 : int_max(t);
  for (std::size_t g = 0; g < groups.count; ++g) {
    y.v[g] = least;
    long double v = sign * number(t, least), low = v, high = v;
    for (std::int64_t i : groups[g]) {
      const auto at = static_cast<std::size_t>(i);
      const long double n = sign * number(t, x.v[at]);
      const long double e = x.bound(at) == Ints::kOpen ? 0x1p64L : static_cast<long double>(x.bound(at));
      if (n > v) y.v[g] = x.v[at];
      v = std::max(v, n);
      low = std::max(low, n - e);
      high = std::max(high, n + e);
    }
    // Nothing is more than true.
    const bool settled = t == DType::kBool && v == (sign > 0 ? 1 : 0) && low == v;
    if (!settled) y.set_bound(g, stored_bound(std::max(v - low, high - v)));
  }
}

void extreme(Evaluation& ev, int sign) {
  if (ev.output().holds_ints()) {
    extreme_ints(ev, sign);
    return;
  }
  reals(
      ev, [&](const auto& x, const auto& r) { return extreme_of(x, static_cast<decltype(r.u())>(sign)); }, 0);
  for (std::size_t i = 0; i < ev.output().count(); ++i)
    if (std::isnan(ev.output().value_at(i))) ev.unspecified("NaN in ReduceMax or ReduceMin");
}
void max(Evaluation& ev) {
  extreme(ev, 1);
}
void min(Evaluation& ev) {
  extreme(ev, -1);
}

// Accumulation modulo 2^n: f(total, x) on bit patterns; slack(x, e) is what a term's bound e adds.
template <class F, class E>
void accumulate_ints(Evaluation& ev, std::uint64_t start, F f, E slack) {
  const Groups groups = groups_along(ev.dims(0), axes(ev));
  const Ints& x = ev.input_ints(0);
  Ints& y = ev.out_ints();
  const DType t = ev.output().type.dtype;
  for (std::size_t g = 0; g < groups.count; ++g) {
    std::uint64_t total = start;
    long double e = 0;
    for (std::int64_t i : groups[g]) {
      const auto at = static_cast<std::size_t>(i);
      total = f(total, static_cast<std::uint64_t>(x.v[at]));
      if (const std::int64_t b = x.bound(at); b != 0)
        e += b == Ints::kOpen ? kInfinity<long double>
                              : slack(number(t, x.v[at]), static_cast<long double>(b));
    }
    y.v[g] = wrap(t, static_cast<std::int64_t>(total));
    if (!(e > 0)) continue;
    const long double v = number(t, y.v[g]);
    const bool may_wrap = v + e > largest(t) || v - e < static_cast<long double>(int_min(t));
    y.set_bound(g, may_wrap ? Ints::kOpen : stored_bound(e));
  }
}

constexpr auto kSlackOfTerm = [](long double, long double e) { return e; };

// Where an integer sum may leave its type on the way, kernels wrap or saturate (ONNX Runtime): ONNX says
// neither. In any order it stays between the sums of the negative and of the positive terms.
template <class F>
void open_overflowing_sums(Evaluation& ev, F term) {
  const Groups groups = groups_along(ev.dims(0), axes(ev));
  const DType t = ev.output().type.dtype;
  for (std::size_t g = 0; g < groups.count; ++g) {
    long double low = 0, high = 0;
    for (std::int64_t i : groups[g]) {
      const long double x = term(number(t, ev.input_ints(0).v[static_cast<std::size_t>(i)]));
      (x < 0 ? low : high) += x;
    }
    if (low >= static_cast<long double>(int_min(t)) && high <= largest(t)) continue;
    ev.unspecified("overflow of an integer sum");
    set_open(ev.output(), g);
  }
}

void sum(Evaluation& ev) {
  if (ev.output().holds_ints()) {
    accumulate_ints(ev, 0, std::plus<>(), kSlackOfTerm);
    open_overflowing_sums(ev, [](long double x) { return x; });
  } else {
    reals(
        ev, [](const auto& x, const auto& r) { return sum_of(x, r, kItself); }, 1, 1);
  }
}

void sum_square(Evaluation& ev) {
  if (ev.output().holds_ints()) {
    accumulate_ints(
        ev, 0, [](std::uint64_t total, std::uint64_t x) { return total + x * x; },
        [](long double x, long double e) { return 2 * std::fabs(x) * e + e * e; });
    open_overflowing_sums(ev, [](long double x) { return x * x; });
  } else {
    reals(ev, [](const auto& x, const auto& r) { return sum_of(x, r, kSquare, decltype(r.u())(1)); });
  }
}

void l1(Evaluation& ev) {
  if (ev.output().holds_ints()) {
    const bool is_signed = is_signed_int(ev.output().type.dtype);
    const auto add_magnitude = [&](std::uint64_t total, std::uint64_t x) {
      return is_signed && static_cast<std::int64_t>(x) < 0 ? total - x : total + x;
    };
    accumulate_ints(ev, 0, add_magnitude, kSlackOfTerm);
    open_overflowing_sums(ev, [](long double x) { return std::fabs(x); });
    return;
  }
  constexpr auto magnitude = [](auto x) {
    using R = decltype(x.v);
    return lipschitz(
        x, [](R v) { return std::fabs(v); }, R(1));
  };
  reals(
      ev, [&](const auto& x, const auto& r) { return sum_of(x, r, magnitude); }, 1, 1);
}

// Where an integer product leaves its type, kernels wrap or saturate: ONNX says neither.
void open_overflows(Evaluation& ev) {
  const Groups groups = groups_along(ev.dims(0), axes(ev));
  const DType t = ev.output().type.dtype;
  for (std::size_t g = 0; g < groups.count; ++g) {
    long double magnitude = 1;
    bool zero = false;
    for (std::int64_t i : groups[g]) {
      const long double x = std::fabs(number(t, ev.input_ints(0).v[static_cast<std::size_t>(i)]));
      magnitude *= std::max(x, 1.0L);
      zero = zero || x == 0;
    }
    if (zero || magnitude <= largest(t)) continue;
    ev.unspecified("overflow of an integer product");
    set_open(ev.output(), g);
  }
}

void prod(Evaluation& ev) {
  if (ev.output().holds_ints()) {
    accumulate_ints(ev, 1, std::multiplies<>(),
                    [](long double, long double) { return kInfinity<long double>; });
    open_overflows(ev);
  } else {
    reals(
        ev, [](const auto& x, const auto& r) { return product_of(x, r); }, 1, 1);
  }
}

void mean(Evaluation& ev) {
  if (ev.input(0).count() == 0) {
    ev.unspecified("ReduceMean of an empty set", ev.output().count());
    for (std::size_t i = 0; i < ev.output().count(); ++i) set_open(ev.output(), i);
  } else if (ev.output().holds_ints()) {
    truncated_sums(ev, true, kItself, [](Approx<long double> total, long double n) {
      return Approx<long double>{total.v / n, total.e / n};
    });
  } else {
    const auto mean_of = [](const auto& x, const auto& r) {
      auto total = sum_of(x, r, kItself);
      const auto n = static_cast<decltype(total.v)>(x.size());
      return decltype(total){total.v / n, total.e / n};
    };
    reals(ev, mean_of, 2, 1);  // divided, or multiplied by a rounded 1/n
  }
}

bool draft_any(Draft& d) {
  return draft(d, {.types = kAnyDType, .max_rank = 5, .min_size = 0});
}
// What an empty set gives is not defined for a mean.
bool draft_filled(Draft& d) {
  return draft(d, {.types = kAnyDType, .max_rank = 5});
}
// Before opset 18 nothing is said about the extremes of an empty set.
bool draft_extreme(Draft& d) {
  return draft(d, {.types = kAnyDType, .max_rank = 5, .min_size = d.opset() >= 18 ? 0 : 1});
}
bool draft_prod(Draft& d) {
  return draft(d, {.types = kAnyDType,
                   .max_rank = 5,
                   .min_size = 0,
                   .range = {.low = -1.5, .high = 1.5, .away_from_zero = 0.5}});
}

constexpr OpSpec specs[] = {
    {.name = "ReduceSum", .draft = draft_any, .infer = infer, .evaluate = sum},
    {.name = "ReduceMean", .draft = draft_filled, .infer = infer, .evaluate = mean},
    {.name = "ReduceSumSquare", .draft = draft_any, .infer = infer, .evaluate = sum_square},
    {.name = "ReduceL1", .draft = draft_any, .infer = infer, .evaluate = l1},
    {.name = "ReduceProd", .draft = draft_prod, .infer = infer, .evaluate = prod},
    {.name = "ReduceMax", .draft = draft_extreme, .infer = infer, .evaluate = max},
    {.name = "ReduceMin", .draft = draft_extreme, .infer = infer, .evaluate = min},
};

}  // namespace

namespace family {
extern constinit const Family reduce = specs;
}

}  // namespace mob::ops
