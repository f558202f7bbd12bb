// CumSum, CumProd: sums and products of what stands before each element of a line.
#include <algorithm>
#include <functional>

#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

std::int64_t line_axis(const Inference& inf) {
  const auto axis = inf.ints(1);
  if (axis.size() != 1) throw InvalidNode("the axis of " + inf.node().op_type + " is one number");
  return Inference::axis(axis[0], inf.rank(0));
}

void infer(Inference& inf) {
  line_axis(inf);
  infer_same_as_input(inf);
}

// Calls f(from, to, first) along each line: the result up to and with element `from` stands at `to`; `first`
// on the first element of a line. The first exclusive result is that of nothing: it stands there already.
template <class F>
void walk(Evaluation& ev, F f) {
  const Groups groups = groups_along(ev.dims(0), {line_axis(ev)});
  const bool exclusive = ev.node().int_or("exclusive", 0) != 0, reverse = ev.node().int_or("reverse", 0) != 0;
  for (std::size_t g = 0; g < groups.count; ++g) {
    const auto set = groups[g];
    const auto place = [&](std::size_t i) {
      return static_cast<std::size_t>(set[reverse ? set.size() - 1 - i : i]);
    };
    for (std::size_t i = 0; i + exclusive < set.size(); ++i) f(place(i), place(i + exclusive), i == 0);
  }
}

// Of integers, which wrap: join(what stands before, element).
template <class F>
void walk_ints(Evaluation& ev, F join) {
  const Ints& x = ev.input_ints(0);
  Ints& y = ev.out_ints();
  const DType t = ev.output().type.dtype;
  std::uint64_t total = 0;
  bool open = false;
  walk(ev, [&](std::size_t from, std::size_t to, bool first) {
    const auto element = static_cast<std::uint64_t>(x.v[from]);
    total = first ? element : join(total, element);
    open = (!first && open) || x.bound(from) != 0;
    y.v[to] = wrap(t, static_cast<std::int64_t>(total));
    if (open) y.set_bound(to, Ints::kOpen);
  });
}

void sums(Evaluation& ev) {
  if (ev.output().holds_ints()) return walk_ints(ev, std::plus<std::uint64_t>());
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& x = ev.reals<R>(0);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    Sum<R> sum;
    walk(ev, [&](std::size_t from, std::size_t to, bool first) {
      if (first) sum = {};
      sum.add(x[from]);
      y.set(to, first ? x[from] : rounding.add(sum.result(rounding)));
    });
  });
}

void products(Evaluation& ev) {
  if (ev.output().holds_ints()) {
    std::fill(ev.out_ints().v.begin(), ev.out_ints().v.end(), 1);
    return walk_ints(ev, std::multiplies<std::uint64_t>());
  }
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& x = ev.reals<R>(0);
    auto& y = ev.out_reals<R>();
    std::fill(y.v.begin(), y.v.end(), R(1));
    const auto rounding = ev.rounding<R>();
    Approx<R> total;
    walk(ev, [&](std::size_t from, std::size_t to, bool first) {
      total = first ? x[from] : rounding.add(total * x[from]);
      y.set(to, total);
      // What has overflowed once does not come back; a kernel that goes another way may not overflow.
      if (total.finite() && std::fabs(total.v) + total.e > rounding.max_finite()) total = open_value(total.v);
    });
  });
}

bool draft(Draft& d, ValueRange range) {
  Rng& rng = d.rng();
  const ArrayType x =
      d.input({.types = drawable(d, "T"), .min_rank = 1, .max_rank = 5, .min_size = 0, .range = range});
  const auto rank = static_cast<std::int64_t>(x.rank());
  const DType t = rng.pick(drawable(d, "T2", {DType::kInt32, DType::kInt64}).list());
  d.input(Tensor::scalar(t, static_cast<double>(rng.range(-rank, rank - 1))));
  if (rng.chance(0.5)) d.attribute("exclusive", rng.range(0, 1));
  if (rng.chance(0.5)) d.attribute("reverse", rng.range(0, 1));
  return true;
}

bool draft_sums(Draft& d) {
  return draft(d, {});
}
bool draft_products(Draft& d) {
  return draft(d, {.away_from_zero = 0.25});
}

constexpr OpSpec specs[] = {
    {.name = "CumSum", .draft = draft_sums, .infer = infer, .evaluate = sums},
    {.name = "CumProd", .since = 26, .draft = draft_products, .infer = infer, .evaluate = products},
};

}  // namespace

namespace family {
extern constinit const Family cum_sum = specs;
}

}  // namespace mob::ops
