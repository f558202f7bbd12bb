// ArgMax, ArgMin, Hardmax: where the extreme of each line stands.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

using Real = long double;  // holds every element type exactly, 64-bit integers too

// The place of the extreme among the elements of a set, and the other places where it may be instead because
// bounds overlap. NaN among them: nothing is said.
struct Place {
  std::size_t at = 0;
  std::vector<std::size_t> others;
  bool open = false;  // a NaN
};

// `sign` -1: the smallest; `last`: of equals the last one.
Place place_of_extreme(const Reals<Real>& x, std::span<const std::int64_t> set, Real sign, bool last) {
  Place place;
  bool exact = true;
  const auto element = [&](std::size_t i) {
    Approx<Real> a = x[static_cast<std::size_t>(set[i])];
    a.v *= sign;
    return a;
  };
  Real top = 0, sure = -kInfinity<Real>;  // the largest value, the largest lower end
  std::size_t sure_at = set.size();
  for (std::size_t i = 0; i < set.size(); ++i) {
    const Approx<Real> a = element(i);
    if (std::isnan(a.v)) {
      place.open = true;
      return place;
    }
    if (i == 0 || a.v > top || (last && a.v == top)) {
      top = a.v;
      place.at = i;
    }
    exact = exact && a.e == 0;
    const Real low = a.open() ? -kInfinity<Real> : a.low();
    if (sure_at == set.size() || low > sure || (last && low == sure)) {
      sure = low;
      sure_at = i;
    }
  }
  if (exact) return place;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const Approx<Real> a = element(i);
    const Real high = a.open() ? kInfinity<Real> : a.high();
    const bool preferred = last ? i >= sure_at : i <= sure_at;
    if (i != place.at && (high > sure || (high == sure && preferred))) place.others.push_back(i);
  }
  return place;
}

// --- ArgMax, ArgMin ----------------------------------------------------------------------------------

std::int64_t arg_axis(const Inference& inf) {
  return Inference::axis(inf.node().int_or("axis", 0), inf.rank(0));
}

void infer_arg(Inference& inf) {
  const auto axis = static_cast<std::size_t>(arg_axis(inf));
  Dims dims = inf.dims(0);
  if (inf.node().int_or("keepdims", 1) != 0)
    dims[axis] = 1;
  else
    dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  if (inf.dims(0)[axis] == 0 && element_count(dims) != 0) throw InvalidNode("an empty axis has no extreme");
  inf.set_output(0, {DType::kInt64, dims});
}

void arg(Evaluation& ev, Real sign) {
  const Groups groups = groups_along(ev.dims(0), {arg_axis(ev)});
  const bool last = ev.node().int_or("select_last_index", 0) != 0;
  const auto& x = ev.reals<Real>(0);
  Ints& y = ev.out_ints();
  for (std::size_t g = 0; g < groups.count; ++g) {
    const Place place = place_of_extreme(x, groups[g], sign, last);
    y.v[g] = static_cast<std::int64_t>(place.at);
    std::int64_t bound = 0;
    for (std::size_t other : place.others)
      bound = std::max(bound, std::abs(static_cast<std::int64_t>(other) - y.v[g]));
    if (place.open) {
      bound = Ints::kOpen;
      ev.unspecified("NaN in ArgMax or ArgMin");
    }
    y.set_bound(g, bound);
  }
}
void arg_max(Evaluation& ev) {
  arg(ev, 1);
}
void arg_min(Evaluation& ev) {
  arg(ev, -1);
}

bool draft_arg(Draft& d) {
  Rng& rng = d.rng();
  // Few whole numbers, so that equals are common.
  const ValueRange range =
      rng.chance(0.3) ? ValueRange{.low = -2, .high = 2, .integral = true} : ValueRange{};
  const ArrayType x = d.input({.types = drawable(d, "T"), .min_rank = 1, .max_rank = 5, .range = range});
  const auto rank = static_cast<std::int64_t>(x.rank());
  if (rng.chance(0.8)) d.attribute("axis", rng.range(d.opset() >= 11 ? -rank : 0, rank - 1));
  if (rng.chance(0.6)) d.attribute("keepdims", rng.range(0, 1));
  if (d.schema().has_attribute("select_last_index") && rng.chance(0.4))
    d.attribute("select_last_index", rng.range(0, 1));
  return true;
}

// --- Hardmax -----------------------------------------------------------------------------------------

// Before opset 13, all axes from `axis` on make one line.
std::vector<std::int64_t> hardmax_axes(const Inference& inf) {
  const bool coerced = inf.opset() < 13;
  std::int64_t axis = Inference::axis(inf.node().int_or("axis", coerced ? 1 : -1), inf.rank(0));
  std::vector<std::int64_t> axes = {axis};
  while (coerced && ++axis < inf.rank(0)) axes.push_back(axis);
  return axes;
}

void infer_hardmax(Inference& inf) {
  hardmax_axes(inf);
  infer_same_as_input(inf);
}

void hardmax(Evaluation& ev) {
  const Groups groups = groups_along(ev.dims(0), hardmax_axes(ev));
  if (groups.size == 0) return;
  const auto& x = ev.reals<Real>(0);
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    auto& y = ev.out_reals<R>();
    for (std::size_t g = 0; g < groups.count; ++g) {
      const auto set = groups[g];
      const Place place = place_of_extreme(x, set, 1, false);
      if (place.open) ev.unspecified("NaN in Hardmax", set.size());
      for (std::size_t i = 0; i < set.size() && place.open; ++i)
        y.e[static_cast<std::size_t>(set[i])] = kInfinity<R>;
      if (place.open) continue;
      // A 1 here, or there.
      const R doubt = place.others.empty() ? R(0) : R(1);
      y.set(static_cast<std::size_t>(set[place.at]), {1, doubt});
      for (std::size_t other : place.others) y.set(static_cast<std::size_t>(set[other]), {0, doubt});
    }
  });
}

bool draft_hardmax(Draft& d) {
  Rng& rng = d.rng();
  const bool coerced = d.opset() < 13;
  const ValueRange range =
      rng.chance(0.3) ? ValueRange{.low = -2, .high = 2, .integral = true} : ValueRange{};
  // The old default axis is 1.
  const ArrayType x =
      d.input({.types = drawable(d, "T"), .min_rank = coerced ? 2 : 1, .max_rank = 5, .range = range});
  const auto rank = static_cast<std::int64_t>(x.rank());
  if (rng.chance(0.8)) d.attribute("axis", rng.range(d.opset() >= 11 ? -rank : 0, rank - 1));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "ArgMax", .draft = draft_arg, .infer = infer_arg, .evaluate = arg_max},
    {.name = "ArgMin", .draft = draft_arg, .infer = infer_arg, .evaluate = arg_min},
    {.name = "Hardmax", .draft = draft_hardmax, .infer = infer_hardmax, .evaluate = hardmax},
};

}  // namespace

namespace family {
extern constinit const Family arg_max = specs;
}

}  // namespace mob::ops
