// How much the expected values of a case say.
#pragma once

#include <span>
#include <vector>

#include "fuzzer/ops/expected.h"

namespace mob {

// How much of the expected outputs says something: open (undecided, unspecified) and vague elements, whose
// bound is wide against the scale of their tensor.
struct Decidedness {
  std::size_t elements = 0;
  std::size_t open = 0;
  std::size_t vague = 0;
  double share() const {
    return elements == 0 ? 1 : 1 - static_cast<double>(open + vague) / static_cast<double>(elements);
  }
};
Decidedness decidedness(std::span<const Expected> expected);
// Median over elements of bound / scale of the tensor (largest magnitude); open elements count as infinite.
double median_relative_bound(const std::vector<Expected>& expected);
// Wider than this share of its tensor's scale, a bound is vague.
inline constexpr double kVague = 0.1;

}  // namespace mob
