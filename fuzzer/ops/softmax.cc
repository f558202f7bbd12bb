// Softmax, LogSoftmax: before opset 13 over all axes from `axis` on, since then over one.
#include "fuzzer/ops/softmax_line.h"

#include "fuzzer/ops/known_limits.h"

namespace mob::ops {
namespace {

std::vector<std::int64_t> softmax_axes(const Inference& inf) {
  const bool coerced = inf.opset() < 13;
  std::int64_t axis = Inference::axis(inf.node().int_or("axis", coerced ? 1 : -1), inf.rank(0));
  std::vector<std::int64_t> axes = {axis};
  while (coerced && ++axis < inf.rank(0)) axes.push_back(axis);
  return axes;
}

void infer(Inference& inf) {
  softmax_axes(inf);
  infer_same_as_input(inf);
}

void evaluate(Evaluation& ev, bool log) {
  const Groups groups = groups_along(ev.dims(0), softmax_axes(ev));
  if (groups.size == 0) return;
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& x = ev.reals<R>(0);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    for (std::size_t g = 0; g < groups.count; ++g) {
      const SoftmaxLine<R> line(x, groups[g], rounding);
      for (std::int64_t i : groups[g]) {
        const auto at = static_cast<std::size_t>(i);
        y.set(at, rounding.add(log ? line.log_softmax(at) : line.softmax(at)));
      }
    }
  });
}
void softmax(Evaluation& ev) {
  evaluate(ev, false);
  if (allows_limits(ev)) note_softmax(ev);
}
void log_softmax(Evaluation& ev) {
  evaluate(ev, true);
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  // The old default axis is 1.
  const ArrayType x = d.input({.types = drawable(d, "T"),
                               .min_rank = d.opset() < 13 ? 2 : 1,
                               .max_rank = 5,
                               .range = {.low = -4, .high = 4}});
  const auto rank = static_cast<std::int64_t>(x.rank());
  if (rng.chance(0.8)) d.attribute("axis", rng.range(d.opset() >= 11 ? -rank : 0, rank - 1));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Softmax", .draft = draft, .infer = infer, .evaluate = softmax},
    {.name = "LogSoftmax", .draft = draft, .infer = infer, .evaluate = log_softmax},
};

}  // namespace

namespace family {
extern constinit const Family softmax = specs;
}

}  // namespace mob::ops
