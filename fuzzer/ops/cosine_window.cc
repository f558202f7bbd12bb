// HannWindow, HammingWindow, BlackmanWindow: sums of cosines.
#include <numbers>

#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

using Real = long double;

// Kernels approximate cos; 8 u covers what the runtimes document.
constexpr int kApproximation = 8;

DType output_type(const Inference& inf) {
  const std::int64_t t = inf.node().int_or("output_datatype", 1);
  if (t <= 0 || t >= kDTypeCount || !kNumbers.has(static_cast<DType>(t)))
    throw InvalidNode("output_datatype " + std::to_string(t) + " is no type of a window");
  return static_cast<DType>(t);
}

void infer(Inference& inf) {
  const auto size = inf.ints(0);
  if (inf.rank(0) != 0 || size[0] < 0) throw InvalidNode("the size of a window is a scalar");
  if (size[0] > std::int64_t{1} << 24) throw Unsupported("so long a window");
  inf.set_output(0, {output_type(inf), {size[0]}});
}

// Towards zero, from every number within the bound.
void put_int(Evaluation& ev, std::size_t i, Approx<Real> x) {
  const Real v = std::trunc(x.v), low = std::trunc(x.low()), high = std::trunc(x.high());
  Ints& y = ev.out_ints();
  y.v[i] = static_cast<std::int64_t>(v);
  y.set_bound(i, static_cast<std::int64_t>(std::max(high - v, v - low)));
}

// a0 - a1 cos(x) + a2 cos(2x). The operators' functions calculate in float32, of doubles too.
void evaluate(Evaluation& ev, Real a0, Real a1, Real a2) {
  const std::int64_t size = ev.output().type.dims[0];
  const bool periodic = ev.node().int_or("periodic", 1) != 0;
  const Real length = static_cast<Real>(periodic ? size : size - 1);
  const DType t = ev.output().type.dtype;
  const Real u = Rounding<Real>(DType::kFloat).u();
  for (std::int64_t k = 0; k < size; ++k) {
    const auto i = static_cast<std::size_t>(k);
    if (length == 0) {
      ev.unspecified("a symmetric window of one element");
      set_open(ev.output(), i);
      continue;
    }
    const Real angle = 2 * std::numbers::pi_v<Real> * static_cast<Real>(k) / length;
    const Real slope = a1 * std::fabs(std::sin(angle)) + 2 * a2 * std::fabs(std::sin(2 * angle));
    // The angle takes four roundings (its second order beside them); cosines, coefficients and sums the rest.
    const Real off = 4 * u * angle;
    Approx<Real> y = {a0 - a1 * std::cos(angle) + a2 * std::cos(2 * angle),
                      off * slope + off * off * (a1 + 4 * a2) + (kApproximation + 4) * u * (a0 + a1 + a2)};
    if (!is_float(t))
      put_int(ev, i, y);
    else
      set_real(ev.output(), i, ev.rounding_of<Real>(t).add(y));
  }
}

void hann(Evaluation& ev) {
  evaluate(ev, 0.5L, 0.5L, 0);
}
void hamming(Evaluation& ev) {
  evaluate(ev, 25.0L / 46, 21.0L / 46, 0);
}
void blackman(Evaluation& ev) {
  evaluate(ev, 0.42L, 0.5L, 0.08L);
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  const auto sizes = drawable(d, "T1").list(), types = drawable(d, "T2", kNumbers).list();
  if (sizes.empty() || types.empty()) return false;
  const DType t = rng.chance(0.6) && drawable(d, "T2").has(DType::kFloat) ? DType::kFloat : rng.pick(types);
  const bool periodic = rng.chance(0.6);
  const std::int64_t size = rng.chance(0.1) ? rng.pick({32, 64, 100}) : rng.range(periodic ? 1 : 2, 12);
  d.input(Tensor::scalar(rng.pick(sizes), static_cast<double>(size)));
  if (!periodic || rng.chance(0.3)) d.attribute("periodic", std::int64_t{periodic});
  if (t != DType::kFloat || rng.chance(0.3)) d.attribute("output_datatype", static_cast<std::int64_t>(t));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "HannWindow", .since = 17, .draft = draft, .infer = infer, .evaluate = hann},
    {.name = "HammingWindow", .since = 17, .draft = draft, .infer = infer, .evaluate = hamming},
    {.name = "BlackmanWindow", .since = 17, .draft = draft, .infer = infer, .evaluate = blackman},
};

}  // namespace

namespace family {
extern constinit const Family cosine_window = specs;
}

}  // namespace mob::ops
