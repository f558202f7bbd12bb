// The plain run as witness where the reference has no value: random results, and operators it does not know.
//
// Random results: the same model run in many sessions, with and without optimization. If an element's values
// with optimization all lie above (or below) all those without, the two are not drawn alike: for n runs each,
// chance does that with probability 2 / C(2n, n) (exact permutation test on the extreme split).
#include <algorithm>
#include <cmath>

#include "fuzzer/base/text.h"
#include "oracles/compare.h"

namespace mob::oracles {
namespace {

constexpr double kChance = 1e-6;  // of a false alarm per case
// Values may depend on nothing random and differ by rounding alone, of which the reference says nothing here:
// so many units of it, relative to the tensor's largest value, are none of our business.
constexpr double kRoundings = 256;

struct Extremes {
  double low = kInfinity<double>;
  double high = -kInfinity<double>;
  std::size_t runs = 0;
};

// Per output, per element: the range of values over all repeats of one configuration.
std::vector<std::vector<Extremes>> extremes(const Evidence& e, std::size_t configuration) {
  std::vector<std::vector<Extremes>> all;
  for (const auto& repeat : e.repeats) {
    if (!repeat[configuration].ok()) continue;
    const auto& outputs = outputs_of(repeat, configuration);
    all.resize(std::max(all.size(), outputs.size()));
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      if (!outputs[o].is_tensor || outputs[o].tensor.is_string()) continue;
      const auto n = static_cast<std::size_t>(outputs[o].tensor.count());
      if (all[o].empty()) all[o].resize(n);
      if (all[o].size() != n) continue;
      for (std::size_t i = 0; i < n; ++i) {
        const double x = outputs[o].tensor.real_at(static_cast<std::int64_t>(i));
        if (std::isnan(x)) continue;
        all[o][i].low = std::min(all[o][i].low, x);
        all[o][i].high = std::max(all[o][i].high, x);
        ++all[o][i].runs;
      }
    }
  }
  return all;
}

double rounding_allowance(DType t, const std::vector<Extremes>& a, const std::vector<Extremes>& b) {
  // A quantized value that is derived from no random one may be off by a step.
  if (!is_float(t)) return t == DType::kBool ? 0 : 1;
  double scale = 0;
  for (const auto* side : {&a, &b})
    for (const Extremes& x : *side)
      for (double v : {x.low, x.high})
        if (std::isfinite(v)) scale = std::max(scale, std::fabs(v));
  return kRoundings * float_format(t).unit_roundoff * scale;
}

// 2 / C(2n, n)
double chance_of_split(std::size_t n) {
  double c = 1;
  for (std::size_t i = 1; i <= n; ++i) c *= static_cast<double>(n + i) / static_cast<double>(i);
  return 2 / c;
}

// Calls f(configuration, output, element, plain, optimized, elements of the output) for each element that is
// apart.
template <class F>
void each_apart(const Evidence& e, F f) {
  const auto plain = extremes(e, 0);
  for (std::size_t k = 1; k < e.configurations.size(); ++k) {
    if (e.configurations[k].reload) continue;
    const auto optimized = extremes(e, k);
    for (std::size_t o = 0; o < std::min(plain.size(), optimized.size()); ++o) {
      const auto n = std::min(plain[o].size(), optimized[o].size());
      const double allowance = rounding_allowance(e.reference.outputs[o].type.dtype, plain[o], optimized[o]);
      for (std::size_t i = 0; i < n; ++i) {
        const Extremes &a = plain[o][i], &b = optimized[o][i];
        if (a.high + allowance < b.low || b.high + allowance < a.low) f(k, o, i, a, b, n);
      }
    }
  }
}

Verdict check_random(const Evidence& e) {
  if (e.reference.unspecified > 0)
    return Verdict::skip("the ONNX spec leaves it open: " + e.reference.unspecified_reason);
  if (e.repeats.empty()) return Verdict::skip("random results, run once only");
  Finding f;
  f.oracle = "plain-vs-optimized";
  f.symptom = Symptom::kWrongNumbers;
  f.stage = "optimize";
  each_apart(e, [&](std::size_t k, std::size_t o, std::size_t i, const Extremes& a, const Extremes& b,
                    std::size_t n) {
    if (chance_of_split(std::min(a.runs, b.runs)) * static_cast<double>(n) > kChance) return;
    if (f.configurations.empty() || f.configurations.back() != k) f.configurations.push_back(k);
    if (f.message.empty())
      f.message = "random output " + std::to_string(o) + " element " + std::to_string(i) + ": in " +
                  std::to_string(a.runs) + " runs between " + show_number(a.low) + " and " +
                  show_number(a.high) + " without optimization, in " + std::to_string(b.runs) + " between " +
                  show_number(b.low) + " and " + show_number(b.high) + " with it";
  });
  return f.configurations.empty() ? Verdict::agree() : Verdict::found(std::move(f));
}

// Exact results (integers, bools, strings) of a model that the reference cannot evaluate: the plain run must
// be borne out by published outputs before it accuses.
Verdict check_published(const Evidence& e) {
  const auto& plain = e.outputs(0);
  Finding f;
  f.oracle = "plain-vs-optimized";
  f.symptom = Symptom::kWrongNumbers;
  f.stage = "optimize";
  bool compared = false;
  for (std::size_t o = 0; o < plain.size(); ++o) {
    if (!plain[o].is_tensor || is_float(plain[o].tensor.dtype())) continue;
    const auto published = e.c.witness.find(plain[o].name);
    if (published == e.c.witness.end() || !published->second.identical(plain[o].tensor)) continue;
    compared = true;
    for (std::size_t k = 1; k < e.outcomes.size(); ++k) {
      if (!e.outcomes[k].ok() || e.configurations[k].reload) continue;
      const Tensor& got = e.outputs(k)[o].tensor;
      if (got.type() != plain[o].tensor.type() || got.identical(plain[o].tensor)) continue;
      f.message =
          "output '" + plain[o].name + "' differs from the plain run, which equals the published output";
      f.configurations.push_back(k);
    }
  }
  if (!f.configurations.empty()) return Verdict::found(std::move(f));
  return compared ? Verdict::agree() : Verdict::skip("no reference: " + e.reference.unavailable);
}

Verdict check(const Evidence& e) {
  if (!e.plain().ok()) return Verdict::skip("no outputs without optimization");
  if (!e.reference.available()) return check_published(e);
  return e.reference.random ? check_random(e) : Verdict::agree();
}

}  // namespace

bool random_results_apart(const Evidence& e) {
  bool apart = false;
  each_apart(e, [&](auto&&...) { apart = true; });
  return apart;
}

extern const Oracle plain_vs_optimized;
const Oracle plain_vs_optimized = {.name = "plain-vs-optimized",
                                   .shows =
                                       "optimized against plain where the reference has no value: random "
                                       "results, published outputs (wrong-numbers)",
                                   .check = check};

}  // namespace mob::oracles
