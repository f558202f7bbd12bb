// Calibration: the range that the elements of a value take, as quantization asks for it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "mutators/edit.h"

namespace mob::mutators {

// Ends of a range that holds zero; both finite.
struct Range {
  double low = 0, high = 0;
};

// Smallest and largest of the finite numbers among them; zero within.
Range range_of(const std::vector<double>& values);

// How a range is cut; the settings `calibration` and `percentile`.
struct RangeRule {
  enum class Method : std::uint8_t { kMinMax, kPercentile, kEntropy };
  Method method = Method::kMinMax;
  double percentile = 100;  // of the elements that stay within
};
RangeRule draw_rule(Choices& choices);
Range cut_range(std::vector<double> values, const RangeRule& rule);

// The values of a case over its own inputs, its bindings and `samples` sets of generated inputs (those at
// which the model cannot be evaluated are left out).
class Calibration {
 public:
  Calibration(const Case& c, std::int64_t samples, Rng& rng);
  // Finite elements of a value of the top graph, over all sets of inputs.
  std::vector<double> elements(const std::string& value) const;

 private:
  std::vector<Reference> runs_;
};

}  // namespace mob::mutators
