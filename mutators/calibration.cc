#include "mutators/calibration.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "fuzzer/generator/inputs.h"

namespace mob::mutators {
namespace {

// Of the histogram of magnitudes, and of what it is quantized to: as many as the magnitudes of int8.
constexpr std::size_t kBins = 512, kLevels = 128;

// What the distribution of the first `kept` bins, with everything above in the last of them, loses when its
// bins are merged into kLevels: the Kullback-Leibler divergence (Migacz, "8-bit inference with TensorRT",
// 2017).
double divergence(const std::vector<double>& bins, std::size_t kept) {
  std::vector<double> p(bins.begin(), bins.begin() + static_cast<std::ptrdiff_t>(kept)), q(kept, 0);
  for (std::size_t i = kept; i < bins.size(); ++i) p.back() += bins[i];
  for (std::size_t level = 0; level < kLevels; ++level) {
    const std::size_t from = level * kept / kLevels, to = (level + 1) * kept / kLevels;
    double sum = 0, filled = 0;
    for (std::size_t i = from; i < to; ++i) {
      sum += bins[i];
      filled += p[i] > 0;
    }
    for (std::size_t i = from; i < to; ++i)
      if (p[i] > 0) q[i] = sum / filled;
  }
  double total_p = 0, total_q = 0, lost = 0;
  for (std::size_t i = 0; i < kept; ++i) {
    total_p += p[i];
    total_q += q[i];
  }
  if (total_q == 0) return kInfinity<double>;
  constexpr double kLeast = 1e-9;  // where only the cut-off tail fell
  for (std::size_t i = 0; i < kept; ++i)
    if (p[i] > 0) lost += p[i] / total_p * std::log(p[i] / total_p / std::max(q[i] / total_q, kLeast));
  return lost;
}

// The magnitude above which values are cut off.
double entropy_threshold(const std::vector<double>& values, double largest) {
  std::vector<double> bins(kBins, 0);
  for (double v : values)
    bins[std::min(kBins - 1, static_cast<std::size_t>(std::fabs(v) / largest * kBins))] += 1;
  std::size_t best = kBins;
  double least = kInfinity<double>;
  for (std::size_t kept = kLevels; kept <= kBins; kept += 8)
    if (const double lost = divergence(bins, kept); lost < least) {
      least = lost;
      best = kept;
    }
  return largest * static_cast<double>(best) / kBins;
}

}  // namespace

Range range_of(const std::vector<double>& values) {
  Range r;
  for (double v : values) {
    if (!std::isfinite(v)) continue;
    r.low = std::min(r.low, v);
    r.high = std::max(r.high, v);
  }
  return r;
}

RangeRule draw_rule(Choices& choices) {
  const std::string method = choices.word("calibration", {"min-max", "percentile", "entropy"});
  RangeRule rule;
  if (method == "percentile")
    rule = {RangeRule::Method::kPercentile, choices.real("percentile", 90, 100)};
  else if (method == "entropy")
    rule.method = RangeRule::Method::kEntropy;
  return rule;
}

Range cut_range(std::vector<double> values, const RangeRule& rule) {
  std::erase_if(values, [](double v) { return !std::isfinite(v); });
  Range r = range_of(values);
  const double largest = std::max(-r.low, r.high);
  if (values.empty() || !(largest > 0)) return r;
  if (rule.method == RangeRule::Method::kPercentile) {
    std::sort(values.begin(), values.end());
    const auto off =
        static_cast<std::size_t>((100 - rule.percentile) / 200 * static_cast<double>(values.size()));
    return {std::min(0.0, values[off]), std::max(0.0, values[values.size() - 1 - off])};
  }
  if (rule.method == RangeRule::Method::kEntropy) {
    const double threshold = entropy_threshold(values, largest);
    return {std::max(r.low, -threshold), std::min(r.high, threshold)};
  }
  return r;
}

Calibration::Calibration(const Case& c, std::int64_t samples, Rng& rng) {
  Case all = c;
  for (std::int64_t i = 0; i < samples; ++i) {
    try {
      all.bindings.push_back(draw_inputs(c.model, rng));
    } catch (const UserError&) {  // inputs that cannot be drawn
      break;
    }
  }
  ReferenceOptions options;
  options.keep_values = true;
  Reference own = evaluate(all, options);
  std::vector<Reference> further = std::move(own.bindings);
  runs_.push_back(std::move(own));
  std::move(further.begin(), further.end(), std::back_inserter(runs_));
}

std::vector<double> Calibration::elements(const std::string& value) const {
  std::vector<double> list;
  for (const Reference& run : runs_) {
    const auto at = run.values.find(value);
    if (at == run.values.end() || !at->second.holds_reals()) continue;
    for (std::size_t i = 0; i < at->second.count(); ++i)
      if (const double v = at->second.value_at(i); std::isfinite(v)) list.push_back(v);
  }
  return list;
}

}  // namespace mob::mutators
