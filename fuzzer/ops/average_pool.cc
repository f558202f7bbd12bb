// AveragePool, LpPool and their global forms: sums over windows.
#include "fuzzer/ops/kernels.h"
#include "fuzzer/ops/windows.h"

namespace mob::ops {
namespace {

Dims kernel_of(const Inference& inf) {
  if (!inf.node().has("kernel_shape")) throw InvalidNode("kernel_shape is missing");
  return inf.node().ints_or("kernel_shape", {});
}

// Power of the Lp norms.
std::int64_t power_of(const Inference& inf) {
  const std::int64_t p = inf.node().int_or("p", 2);
  if (p < 1 || p > 64) throw InvalidNode("p is no power of a norm");
  return p;
}

void infer(Inference& inf) {
  const Windows w = sliding_windows(inf, kernel_of(inf));
  Dims dims = {inf.dims(0)[0], inf.dims(0)[1]};
  dims.insert(dims.end(), w.out.begin(), w.out.end());
  inf.set_output(0, {inf.type(0).dtype, dims});
}

void infer_global(Inference& inf) {
  spatial(inf);
  Dims dims = inf.dims(0);
  std::fill(dims.begin() + 2, dims.end(), 1);
  inf.set_output(0, {inf.type(0).dtype, dims});
}

// How many kernel elements of each window stand on the input or its padding (not beyond: ceil_mode).
std::vector<std::int64_t> cells(const Windows& w) {
  std::vector<std::int64_t> counts;
  counts.reserve(static_cast<std::size_t>(element_count(w.out)));
  for_each_index(w.out, [&](const Dims& o) {
    std::int64_t n = 1;
    for (std::size_t d = 0; d < o.size(); ++d) {
      const std::int64_t room = w.in[d] + w.begin[d] + w.end[d] - o[d] * w.strides[d];
      n *= std::clamp<std::int64_t>((room + w.dilations[d] - 1) / w.dilations[d], 0, w.kernel[d]);
    }
    counts.push_back(n);
  });
  return counts;
}

// Output i = finish(sum over window i of term(x), i): `roundings` of each term before it is added. A sum
// that may leave the range of the type on its way is open.
template <class R, class Term, class Finish>
void sum_windows(Evaluation& ev, const Taps& taps, std::int64_t plane, Term term, R roundings,
                 Finish finish) {
  const auto& x = ev.reals<R>(0);
  auto& y = ev.out_reals<R>();
  const auto rounding = ev.rounding<R>();
  const auto plane_in = static_cast<std::size_t>(plane), plane_out = taps.first.size() - 1;
  const auto planes = static_cast<std::size_t>(ev.dims(0)[0] * ev.dims(0)[1]);
  const R most = static_cast<R>(float_format(ev.output().type.dtype).max_finite);
  for (std::size_t p = 0; p < planes; ++p)
    for (std::size_t o = 0; o < plane_out; ++o) {
      Sum<R> sum;
      R magnitude = 0;
      for (std::size_t t = taps.first[o]; t < taps.first[o + 1]; ++t) {
        const Approx<R> a = term(x[p * plane_in + taps.input[t]]);
        sum.add(a);
        magnitude += std::fabs(a.v) + a.e;
      }
      Approx<R> total = sum.result(rounding, roundings);
      if (total.finite() && magnitude > most) total.e = kInfinity<R>;
      y.set(p * plane_out + o, finish(total, o));
    }
}

// `counts`: what each window's sum is divided by; empty: the number of its elements.
void average(Evaluation& ev, const Taps& taps, std::int64_t plane, const std::vector<std::int64_t>& counts) {
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto rounding = ev.rounding<R>();
    sum_windows<R>(
        ev, taps, plane, [](Approx<R> a) { return a; }, R(0),
        [&](Approx<R> sum, std::size_t o) {
          const auto n =
              counts.empty() ? static_cast<std::int64_t>(taps.first[o + 1] - taps.first[o]) : counts[o];
          if (n == 0) {
            ev.unspecified("average of nothing");
            return open_value<R>();
          }
          // Kernels divide, or multiply by the rounded reciprocal.
          return rounding.add(sum / Approx<R>{static_cast<R>(n)}, 2);
        });
  });
}

// x with x >= 0: what an error bound may take below zero is not there.
template <class R>
Approx<R> power(Approx<R> x, R exponent) {
  const auto f = [&](R v) { return exponent == 1 ? v : std::pow(std::max(v, R(0)), exponent); };
  return monotone(x, f);
}

void norm(Evaluation& ev, const Taps& taps, std::int64_t plane) {
  const std::int64_t p = power_of(ev);
  // std::pow and its vector forms; squares and square roots are rounded well.
  const double roundings = p == 1 ? 0 : p == 2 ? 1 : 4;
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto rounding = ev.rounding<R>();
    sum_windows<R>(
        ev, taps, plane,
        [&](Approx<R> a) {
          return power(Approx<R>{std::fabs(a.v), a.e}, static_cast<R>(p));
        },
        static_cast<R>(roundings),
        [&](Approx<R> sum, std::size_t) {
          return rounding.add(power(sum, 1 / static_cast<R>(p)), p == 1 ? 1 : 4);
        });
  });
}

Taps everything(std::int64_t plane) {
  Taps all;
  all.input.resize(static_cast<std::size_t>(plane));
  for (std::size_t i = 0; i < all.input.size(); ++i) all.input[i] = i;
  all.first = {0, all.input.size()};
  return all;
}

void average_pool(Evaluation& ev) {
  const Windows w = sliding_windows(ev, kernel_of(ev));
  const bool padding_counts = ev.node().int_or("count_include_pad", 0) != 0;
  average(ev, taps(w), element_count(w.in), padding_counts ? cells(w) : std::vector<std::int64_t>{});
}

void lp_pool(Evaluation& ev) {
  const Windows w = sliding_windows(ev, kernel_of(ev));
  norm(ev, taps(w), element_count(w.in));
}

void global_average_pool(Evaluation& ev) {
  const std::int64_t plane = element_count(spatial(ev));
  average(ev, everything(plane), plane, {});
}

void global_lp_pool(Evaluation& ev) {
  const std::int64_t plane = element_count(spatial(ev));
  norm(ev, everything(plane), plane);
}

bool draft_pool(Draft& d) {
  const ArrayType x = draft_image(d, drawable(d, "T"));
  const Dims kernel = draft_windows(d, Dims(x.dims.begin() + 2, x.dims.end()), false);
  d.attribute("kernel_shape", kernel);
  return true;
}

bool draft_average_pool(Draft& d) {
  draft_pool(d);
  if (d.rng().chance(0.4)) d.attribute("count_include_pad", std::int64_t{d.rng().chance(0.75)});
  return true;
}

void draft_power(Draft& d) {
  if (d.rng().chance(0.6)) d.attribute("p", d.rng().range(1, 3));
}
bool draft_lp_pool(Draft& d) {
  draft_pool(d);
  draft_power(d);
  return true;
}

bool draft_global_average_pool(Draft& d) {
  draft_image(d, drawable(d, "T"));
  return true;
}
bool draft_global_lp_pool(Draft& d) {
  draft_image(d, drawable(d, "T"));
  draft_power(d);
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "AveragePool",
     .since = 7,
     .draft = draft_average_pool,
     .infer = infer,
     .evaluate = average_pool},
    {.name = "LpPool", .since = 2, .draft = draft_lp_pool, .infer = infer, .evaluate = lp_pool},
    {.name = "GlobalAveragePool",
     .draft = draft_global_average_pool,
     .infer = infer_global,
     .evaluate = global_average_pool},
    {.name = "GlobalLpPool",
     .since = 2,
     .draft = draft_global_lp_pool,
     .infer = infer_global,
     .evaluate = global_lp_pool},
};

}  // namespace

namespace family {
extern constinit const Family average_pool = specs;
}

}  // namespace mob::ops
