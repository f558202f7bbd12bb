// MelWeightMatrix: triangles over the bins of a spectrum, evenly spaced on the mel scale.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

using Real = long double;

struct Plan {
  std::int64_t bands = 0, length = 0, rate = 1;
  Approx<Real> lower, upper;
  DType type = DType::kFloat;
  std::int64_t bins() const { return length / 2 + 1; }
};

Plan plan(const Inference& inf) {
  Plan p;
  const auto whole = [&](std::size_t i) {
    if (inf.rank(i) != 0) throw InvalidNode("a parameter of MelWeightMatrix is a scalar");
    return inf.ints(i)[0];
  };
  const auto real = [&](std::size_t i) -> Approx<Real> {
    if (inf.rank(i) != 0) throw InvalidNode("a parameter of MelWeightMatrix is a scalar");
    return {static_cast<Real>(inf.input(i).value_at(0)), static_cast<Real>(inf.input(i).bound_at(0))};
  };
  p.bands = whole(0), p.length = whole(1), p.rate = whole(2);
  p.lower = real(3), p.upper = real(4);
  const std::int64_t t = inf.node().int_or("output_datatype", 1);
  if (t <= 0 || t >= kDTypeCount || !kNumbers.has(static_cast<DType>(t)))
    throw InvalidNode("output_datatype " + std::to_string(t) + " is no type of a matrix");
  p.type = static_cast<DType>(t);
  constexpr std::int64_t kMost = 1 << 16;
  if (p.bands < 1 || p.length < 1 || p.rate < 1) throw InvalidNode("a size that is not positive");
  if (p.bands > kMost || p.length > kMost || p.bands * p.bins() > (1 << 22))
    throw Unsupported("so large a matrix");
  if (!p.lower.finite() || !p.upper.finite() || p.lower.open() || p.upper.open() || p.lower.v < 0 ||
      p.upper.v < p.lower.v)
    throw InvalidNode("the edges are no frequencies in order");
  return p;
}

void infer(Inference& inf) {
  const Plan p = plan(inf);
  inf.set_output(0, {p.type, {p.bins(), p.bands}});
}

// The bin of each edge of a triangle: floor((length + 1) * frequency / rate).
std::vector<std::int64_t> edges(const Plan& p) {
  const auto mel = [](Real hertz) { return 2595 * std::log10(1 + hertz / 700); };
  const Real low = mel(p.lower.v), high = mel(p.upper.v);
  // mel rises by 2595 / ln(10) / 700 at most; powers and logarithms in float32 round by a few u of an
  // exponent that lies around 1.
  const Real slope = Real(1.7L), u = Rounding<Real>(DType::kFloat).u();
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < p.bands + 2; ++i) {
    const Real m = low + (high - low) * static_cast<Real>(i) / static_cast<Real>(p.bands + 2);
    const Real hertz = 700 * (std::pow(Real(10), m / 2595) - 1);
    const Real e = (hertz + 700) * ((p.lower.e + p.upper.e) * slope / 1127 + u * (24 + 12 * m / 1127));
    const Real factor = static_cast<Real>(p.length + 1) / static_cast<Real>(p.rate);
    // The first edge is given, not calculated.
    const Real spread = i == 0 && p.lower.v == 0 && p.lower.e == 0 ? 0 : e * factor * (1 + 4 * u);
    const Real bin = std::floor(hertz * factor);
    if (bin != std::floor(hertz * factor - spread) || bin != std::floor(hertz * factor + spread))
      throw Unsupported("which bin a triangle begins at is undecided");
    if (bin < 0 || bin >= static_cast<Real>(p.bins())) throw Unsupported("a triangle beyond the spectrum");
    all.push_back(static_cast<std::int64_t>(bin));
  }
  return all;
}

void evaluate(Evaluation& ev) {
  const Plan p = plan(ev);
  const auto edge = edges(p);
  const auto set = [&](std::int64_t bin, std::int64_t band, Real above, Real below) {
    const auto i = static_cast<std::size_t>(bin * p.bands + band);
    const bool exact = above == 0 || above == below;
    const Real v = above / below;
    if (is_float(p.type))
      set_real(ev.output(), i,
               exact ? Approx<Real>{v, 0} : ev.rounding_of<Real>(p.type).add({v, Real(0x1p-24L)}));
    else
      ev.out_ints().v[i] = static_cast<std::int64_t>(v);
  };
  for (std::int64_t b = 0; b < p.bands; ++b) {
    const auto at = static_cast<std::size_t>(b);
    const std::int64_t left = edge[at], center = edge[at + 1], right = edge[at + 2];
    if (left == center) set(center, b, 1, 1);
    for (std::int64_t j = left; j <= center && left < center; ++j)
      set(j, b, static_cast<Real>(j - left), static_cast<Real>(center - left));
    for (std::int64_t j = center; j < right; ++j)
      set(j, b, static_cast<Real>(right - j), static_cast<Real>(right - center));
  }
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  const auto wholes = drawable(d, "T1").list(), reals = drawable(d, "T2", kFloats).list();
  const auto types = drawable(d, "T3", kNumbers).list();
  if (wholes.empty() || reals.empty() || types.empty()) return false;
  const DType whole = rng.pick(wholes);
  const DType real =
      drawable(d, "T2").has(DType::kFloat) && rng.chance(0.7) ? DType::kFloat : rng.pick(reals);
  const std::int64_t rate = rng.pick({8000, 8192, 16000});
  d.input(Tensor::scalar(whole, static_cast<double>(rng.range(1, 8))));
  // Even: half the rate lies in the last bin then.
  d.input(Tensor::scalar(whole, static_cast<double>(2 * rng.range(2, 16))));
  d.input(Tensor::scalar(whole, static_cast<double>(rate)));
  d.input(Tensor::scalar(real, rng.pick({0.0, 0.0, 20.0, 125.0})));
  d.input(Tensor::scalar(real, rng.chance(0.5) ? static_cast<double>(rate) / 2 : 3500.0));
  const DType t = rng.chance(0.6) ? DType::kFloat : rng.pick(types);
  if (t != DType::kFloat || rng.chance(0.3)) d.attribute("output_datatype", static_cast<std::int64_t>(t));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "MelWeightMatrix", .since = 17, .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family mel_weight_matrix = specs;
}

}  // namespace mob::ops
