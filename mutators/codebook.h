// A few values that stand for many: one-dimensional k-means.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace mob::mutators {

// At most k values, ascending, near which these numbers (all finite, at least one) lie: Lloyd's iteration
// from the quantiles, so that the same numbers always give the same values (S. Lloyd, "Least squares
// quantization in PCM", 1982). Each is within the range of the numbers.
std::vector<double> k_means(std::span<const double> numbers, std::int64_t k);

// Index of the nearest of some ascending values, the lower one of two.
std::int64_t nearest(std::span<const double> ascending, double x);

}  // namespace mob::mutators
