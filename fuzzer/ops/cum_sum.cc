// CumSum: sums of what stands before each element of a line.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

std::int64_t sum_axis(const Inference& inf) {
  const auto axis = inf.ints(1);
  if (axis.size() != 1) throw InvalidNode("the axis of CumSum is one number");
  return Inference::axis(axis[0], inf.rank(0));
}

void infer(Inference& inf) {
  sum_axis(inf);
  infer_same_as_input(inf);
}

// Calls f(from, to, first) along each line: the sum up to and with element `from` stands at `to`; `first` on
// the first element of a line.
template <class F>
void walk(Evaluation& ev, F f) {
  const Groups groups = groups_along(ev.dims(0), {sum_axis(ev)});
  const bool exclusive = ev.node().int_or("exclusive", 0) != 0, reverse = ev.node().int_or("reverse", 0) != 0;
  for (std::size_t g = 0; g < groups.count; ++g) {
    const auto set = groups[g];
    const auto place = [&](std::size_t i) {
      return static_cast<std::size_t>(set[reverse ? set.size() - 1 - i : i]);
    };
    // The first exclusive sum is that of nothing: outputs stand at zero already.
    for (std::size_t i = 0; i + exclusive < set.size(); ++i) f(place(i), place(i + exclusive), i == 0);
  }
}

void evaluate(Evaluation& ev) {
  if (ev.output().holds_ints()) {
    const Ints& x = ev.input_ints(0);
    Ints& y = ev.out_ints();
    const DType t = ev.output().type.dtype;
    std::uint64_t total = 0;
    bool open = false;
    walk(ev, [&](std::size_t from, std::size_t to, bool first) {
      total = (first ? 0 : total) + static_cast<std::uint64_t>(x.v[from]);
      open = (!first && open) || x.bound(from) != 0;
      y.v[to] = wrap(t, static_cast<std::int64_t>(total));
      if (open) y.set_bound(to, Ints::kOpen);
    });
    return;
  }
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

bool draft(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "T"), .min_rank = 1, .max_rank = 5, .min_size = 0});
  const auto rank = static_cast<std::int64_t>(x.rank());
  const DType t = rng.pick(drawable(d, "T2", {DType::kInt32, DType::kInt64}).list());
  d.input(Tensor::scalar(t, static_cast<double>(rng.range(-rank, rank - 1))));
  if (rng.chance(0.5)) d.attribute("exclusive", rng.range(0, 1));
  if (rng.chance(0.5)) d.attribute("reverse", rng.range(0, 1));
  return true;
}

constexpr OpSpec specs[] = {{.name = "CumSum", .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family cum_sum = specs;
}

}  // namespace mob::ops
