// LRN: divided by a power of the squares' sum over neighbouring channels.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

// pow is an exp of a product: off by its own error and by that of the exponent.
constexpr int kApproximation = 8;

std::int64_t window(const Inference& inf) {
  const std::int64_t size = inf.node().int_or("size", 0);
  if (size < 1) throw InvalidNode("LRN needs a size of at least 1");
  return size;
}

void infer(Inference& inf) {
  window(inf);
  if (inf.rank(0) < 2) throw InvalidNode("X has no channels");
  infer_same_as_input(inf);
}

// base^exponent of a base that is not below `least`. Towards zero there is no end to it.
template <class R>
Approx<R> power_of(Approx<R> base, R least, R exponent) {
  const auto f = [&](R v) { return std::pow(v, exponent); };
  const R v = f(base.v);
  if (base.open() || base.e == 0 || !std::isfinite(v)) return monotone(base, f);
  const R low = std::max(base.v - base.e, least);
  if (!(low > 0)) return open_value(v);
  return {v, std::max(std::fabs(f(low) - v), std::fabs(f(base.v + base.e) - v))};
}

void evaluate(Evaluation& ev) {
  const std::int64_t size = window(ev), channels = ev.dims(0)[1];
  const std::int64_t before = (size - 1) / 2, after = size - 1 - before;
  const Groups lines = groups_along(ev.dims(0), {1});
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& x = ev.reals<R>(0);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    const auto alpha = static_cast<R>(ev.node().float_or("alpha", static_cast<double>(1e-4f)));
    const auto beta = static_cast<R>(ev.node().float_or("beta", 0.75));
    const auto bias = static_cast<R>(ev.node().float_or("bias", 1));
    for (std::size_t g = 0; g < lines.count; ++g) {
      const auto line = lines[g];
      R steps = 0;  // of a kernel that moves the window: what it rounds on the way to this channel
      for (std::int64_t c = 0; c < channels; ++c) {
        Sum<R> squares;
        const std::int64_t last = after < channels - c ? c + after : channels - 1;
        for (std::int64_t i = std::max<std::int64_t>(0, c - before); i <= last; ++i) {
          const Approx<R> a = x[static_cast<std::size_t>(line[static_cast<std::size_t>(i)])];
          squares.add(a * a);
        }
        const Approx<R> part = squares.result(rounding, 1) * Approx<R>{alpha / static_cast<R>(size), 0};
        Approx<R> base = rounding.add(rounding.add(part, 2) + Approx<R>{bias, 0});
        steps += 2 * rounding.u() * (std::fabs(base.v) + base.e);
        base.e += steps;
        const Approx<R> power = power_of(base, alpha < 0 ? -kInfinity<R> : bias - 4 * steps, -beta);
        const R exponent = std::fabs(beta * std::log(std::fabs(base.v)));
        const auto at = static_cast<std::size_t>(line[static_cast<std::size_t>(c)]);
        y.set(at, rounding.add(x[at] *
                               rounding.add(power, kApproximation + (exponent < 1000 ? exponent : R(0)))));
      }
    }
  });
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  // Runtimes know images only, and mostly windows of odd size.
  d.input({.types = drawable(d, "T"), .min_rank = 4, .max_rank = 4});
  d.attribute("size", rng.chance(0.9) ? 2 * rng.range(0, 3) + 1 : rng.range(1, 6));
  if (rng.chance(0.6)) d.attribute("alpha", rng.pick({1e-4f, 0.01f, 0.5f, 1.0f}));
  if (rng.chance(0.6)) d.attribute("beta", rng.pick({0.75f, 0.5f, 1.0f, 2.0f}));
  if (rng.chance(0.6)) d.attribute("bias", rng.pick({1.0f, 0.5f, 2.0f}));
  return true;
}

constexpr OpSpec specs[] = {{.name = "LRN", .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family lrn = specs;
}

}  // namespace mob::ops
