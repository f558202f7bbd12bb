// ReduceL2, ReduceLogSum, ReduceLogSumExp: a function of a sum.
#include "fuzzer/ops/reduce.h"

namespace mob::ops {
namespace {

using namespace reduce;

// Kernels approximate exp and log; 8 u covers what the runtimes document (MLAS, Eigen, SLEEF).
constexpr int kApproximation = 8;
// Beyond it, exp overflows float32.
constexpr long double kLargestExponent = 88;

constexpr auto kSqrt = [](auto v) { return v < 0 ? decltype(v)(0) : std::sqrt(v); };
constexpr auto kLog = [](auto v) { return std::log(v); };

// log(sum(exp x)) grows with every x, so that the interval's ends are those of the intervals. Kernels
// subtract the maximum first, which rounds, or do not.
template <class R>
Approx<R> log_of_exponentials(const Terms<R>& terms, const Rounding<R>& rounding) {
  R top = -kInfinity<R>;
  bool open = false, nan = false, inexact = false;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const Approx<R> x = terms[i];
    open = open || x.open();
    nan = nan || std::isnan(x.v);
    inexact = inexact || x.e > 0;
    top = std::max(top, x.v);
  }
  if (nan) return special(std::numeric_limits<R>::quiet_NaN(), !open);
  if (open || !std::isfinite(top)) return special(top, !open);
  R sum = 0, low = 0, high = 0, rounded = 0;
  for (std::size_t i = 0; i < terms.size(); ++i) {
    const Approx<R> x = terms[i];
    const R w = std::exp(x.v - top);
    sum += w;
    if (w > 0) rounded += w * rounding.u() * (kApproximation + (top - x.v));
    if (!inexact) continue;
    low += std::exp(x.v - x.e - top);
    high += std::exp(x.v + x.e - top);
  }
  const R relative = rounded / sum + rounding.gamma(static_cast<R>(terms.size()));
  if (!(relative < R(0.5))) return open_value(top + std::log(sum));
  Approx<R> y = {top + std::log(sum),
                 relative / (1 - relative) + rounding.u() * kApproximation * std::fabs(std::log(sum))};
  if (inexact) y.e += std::max(std::log(sum) - std::log(low), std::log(high) - std::log(sum));
  return y;
}

// What float32 makes of a number that it does not hold, or of a library function's result.
Approx<long double> as_float(Approx<long double> x, long double ulps) {
  x.e += ulps * 0x1p-24L * std::fabs(x.v);
  return x;
}

void l2(Evaluation& ev) {
  if (ev.output().holds_ints()) {
    // Sums below 2^24 are exact in float32, and their correctly rounded roots reach no whole number from
    // below.
    const auto root = [](Approx<long double> total, long double) {
      return monotone(total.v < 0x1p24L ? total : as_float(total, 2), kSqrt);
    };
    truncated_sums(
        ev, true, [](long double v) { return v * v; }, root);
    return;
  }
  // From opset 18 on the operator's function takes the root in float32, of doubles too; few kernels do.
  const bool as_float = ev.opset() >= 18 && ev.output().type.dtype == DType::kDouble;
  const auto root_of_squares = [&](const auto& x, const auto& r) {
    using R = decltype(r.u());
    const auto root = monotone(sum_of(x, r, kSquare, R(1)), kSqrt);
    return as_float ? Rounding<R>(DType::kFloat).add(root, 2) : root;
  };
  reals(ev, root_of_squares, 2);
}

void log_sum(Evaluation& ev) {
  if (ev.output().holds_ints()) {
    const auto log = [](Approx<long double> total, long double) {
      return as_float(monotone(as_float(total, 1), kLog), kApproximation);
    };
    truncated_sums(ev, true, kItself, log);
  } else {
    const auto log_of_sum = [](const auto& x, const auto& r) {
      return monotone(sum_of(x, r, kItself), kLog);
    };
    reals(ev, log_of_sum, kApproximation);
  }
}

void log_sum_exp(Evaluation& ev) {
  if (ev.output().holds_ints() && ev.opset() < 18) {
    // From opset 18 on a function says what is rounded; kernels cut exp, log or both to integers.
    ev.unspecified("ReduceLogSumExp of integers before opset 18", ev.output().count());
    for (std::size_t i = 0; i < ev.output().count(); ++i) set_open(ev.output(), i);
  } else if (ev.output().holds_ints()) {
    const auto exp = [](long double v) {
      return v > kLargestExponent ? kInfinity<long double> : std::exp(v);
    };
    const auto log = [](Approx<long double> total, long double n) {
      return as_float(monotone(as_float(total, kApproximation + n), kLog), kApproximation);
    };
    truncated_sums(ev, false, exp, log);
  } else {
    reals(ev, [](const auto& x, const auto& r) { return log_of_exponentials(x, r); });
  }
}

bool draft_l2(Draft& d) {
  return draft(d, {.types = kAnyDType, .max_rank = 5, .min_size = 0});
}
bool draft_log_sum(Draft& d) {
  return draft(d, {.types = kAnyDType, .max_rank = 5, .range = {.low = 0.5, .high = 4}});
}
bool draft_log_sum_exp(Draft& d) {
  return draft(
      d, {.types = d.opset() < 18 ? kFloats : kAnyDType, .max_rank = 5, .range = {.low = -3, .high = 5}});
}

constexpr OpSpec specs[] = {
    {.name = "ReduceL2", .draft = draft_l2, .infer = infer, .evaluate = l2},
    {.name = "ReduceLogSum", .draft = draft_log_sum, .infer = infer, .evaluate = log_sum},
    {.name = "ReduceLogSumExp", .draft = draft_log_sum_exp, .infer = infer, .evaluate = log_sum_exp},
};

}  // namespace

namespace family {
extern constinit const Family reduce_log = specs;
}

}  // namespace mob::ops
