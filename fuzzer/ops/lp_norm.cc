// LpNormalization, MeanVarianceNormalization: divided by a norm, or by the standard deviation.
#include <algorithm>

#include "fuzzer/ops/standardize.h"

namespace mob::ops {
namespace {

// --- LpNormalization ---------------------------------------------------------------------------------

std::int64_t lp_axis(const Inference& inf) {
  return Inference::axis(inf.node().int_or("axis", -1), inf.rank(0));
}

void infer_lp(Inference& inf) {
  lp_axis(inf);
  const std::int64_t p = inf.node().int_or("p", 2);
  if (p != 1 && p != 2) throw InvalidNode("p is neither 1 nor 2");
  infer_same_as_input(inf);
}

// x / sum|x|
template <class R>
Approx<R> over_sum(Approx<R> x, Approx<R> sum) {
  const R y = x.v / sum.v;
  if (!x.finite() || !sum.finite() || x.open() || sum.open()) return x / sum;
  const R least = sum.v - sum.e;
  if (!(least > 0)) return open_value(sum.v > 0 ? y : R(0));
  // x'/S' - x/S = (dx - y dS) / S', and dS holds |dx|, which cancels a part (unless x changes its sign).
  const R own = x.e * (1 - std::fabs(y)) + (x.e > std::fabs(x.v) ? 2 * std::fabs(y) * x.e : R(0));
  return {y, (own + std::fabs(y) * std::max(R(0), sum.e - x.e)) / least};
}

void lp_norm(Evaluation& ev) {
  const Groups groups = groups_along(ev.dims(0), {lp_axis(ev)});
  if (groups.size == 0) return;
  const bool absolute = ev.node().int_or("p", 2) == 1;
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& x = ev.reals<R>(0);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    const R root = std::sqrt(static_cast<R>(groups.size));
    for (std::size_t g = 0; g < groups.count; ++g) {
      Sum<R> sum;
      bool zeros = true;
      for (std::int64_t i : groups[g]) {
        const Approx<R> a = x[static_cast<std::size_t>(i)];
        sum.add(lipschitz(
            a, [](R v) { return std::fabs(v); }, R(1)));
        zeros = zeros && a.v == 0 && a.e == 0;
      }
      if (zeros) continue;  // 0 / 0 is 0 here
      const Approx<R> total = sum.result(rounding);
      const Standardized<R> norm(x, groups[g], R(0), Center::kZero, rounding);
      for (std::int64_t index : groups[g]) {
        const auto i = static_cast<std::size_t>(index);
        Approx<R> r = absolute ? over_sum(x[i], total) : norm(x[i]);
        if (!absolute) r = {r.v / root, r.e / root};
        r = rounding.add(r, 3);
        // A part is never more than the whole, whatever is left of tiny norms.
        const R most = std::fabs(r.v) + 1 + rounding.gamma(static_cast<R>(groups.size) + 4);
        if (total.finite() && !total.open() && r.e > most) r.e = most;
        y.set(i, r);
      }
    }
  });
}

bool draft_lp(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x =
      d.input({.types = drawable(d, "T"), .min_rank = 1, .max_rank = 5, .range = {.away_from_zero = 0.1}});
  const auto rank = static_cast<std::int64_t>(x.rank());
  if (rng.chance(0.7)) d.attribute("axis", rng.range(-rank, rank - 1));
  if (rng.chance(0.7)) d.attribute("p", rng.range(1, 2));
  return true;
}

// --- MeanVarianceNormalization -----------------------------------------------------------------------

std::vector<std::int64_t> mvn_axes(const Inference& inf) {
  std::vector<std::int64_t> axes = inf.node().ints_or("axes", {0, 2, 3});
  for (auto& a : axes) a = Inference::axis(a, inf.rank(0));
  return axes;
}

void infer_mvn(Inference& inf) {
  mvn_axes(inf);
  infer_same_as_input(inf);
}

void mvn(Evaluation& ev) {
  // The operator's function adds this to the deviation; kernels may leave it out.
  constexpr double kEpsilon = 1e-9;
  const Groups groups = groups_along(ev.dims(0), mvn_axes(ev));
  if (groups.size == 0) return;
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& x = ev.reals<R>(0);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    for (std::size_t g = 0; g < groups.count; ++g) {
      const Standardized<R> norm(x, groups[g], R(0), Center::kMean, rounding);
      for (std::int64_t index : groups[g]) {
        const auto i = static_cast<std::size_t>(index);
        Approx<R> r = norm(x[i]);
        if (r.finite() && !r.open()) r.e += std::fabs(r.v) * static_cast<R>(kEpsilon) / norm.deviation();
        y.set(i, rounding.add(r));
      }
    }
  });
}

bool draft_mvn(Draft& d) {
  Rng& rng = d.rng();
  // By default axes 0, 2 and 3 of a rank of 4. onnx's checker looks into the function that the operator
  // stands for, whose constants are floats and whose axes, from opset 13 on, are not filled in from the
  // default.
  const bool given = d.opset() >= 13 || rng.chance(0.5);
  const ArrayType x = d.input(
      {.types = drawable(d, "T", DType::kFloat), .min_rank = given ? 2 : 4, .max_rank = given ? 5 : 4});
  if (!given) return true;
  std::vector<std::int64_t> axes = rng.permutation(x.rank());
  axes.resize(static_cast<std::size_t>(rng.range(1, static_cast<std::int64_t>(x.rank()))));
  std::sort(axes.begin(), axes.end());
  d.attribute("axes", axes);
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "LpNormalization", .draft = draft_lp, .infer = infer_lp, .evaluate = lp_norm},
    {.name = "MeanVarianceNormalization",
     .since = 9,
     .draft = draft_mvn,
     .infer = infer_mvn,
     .evaluate = mvn},
};

}  // namespace

namespace family {
extern constinit const Family lp_norm = specs;
}

}  // namespace mob::ops
