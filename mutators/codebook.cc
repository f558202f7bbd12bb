#include "mutators/codebook.h"

#include <algorithm>

namespace mob::mutators {
namespace {

constexpr int kRounds = 30;

}  // namespace

std::int64_t nearest(std::span<const double> ascending, double x) {
  const auto above = std::lower_bound(ascending.begin(), ascending.end(), x);
  if (above == ascending.begin()) return 0;
  const auto at = above - ascending.begin();
  if (above == ascending.end() || x - ascending[static_cast<std::size_t>(at - 1)] <= *above - x)
    return at - 1;
  return at;
}

std::vector<double> k_means(std::span<const double> numbers, std::int64_t k) {
  std::vector<double> sorted(numbers.begin(), numbers.end());
  std::sort(sorted.begin(), sorted.end());
  const auto n = sorted.size();
  const auto count = std::min(static_cast<std::size_t>(k), n);
  std::vector<double> centres;
  for (std::size_t j = 0; j < count; ++j) centres.push_back(sorted[(2 * j + 1) * n / (2 * count)]);
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> sums(count, 0), members(count, 0);
    for (double x : sorted) {
      const auto j = static_cast<std::size_t>(nearest(centres, x));
      sums[j] += x;
      ++members[j];
    }
    std::vector<double> next = centres;
    for (std::size_t j = 0; j < count; ++j)
      if (members[j] > 0) next[j] = std::clamp(sums[j] / members[j], sorted.front(), sorted.back());
    std::sort(next.begin(), next.end());
    if (next == centres) break;
    centres = std::move(next);
  }
  return centres;
}

}  // namespace mob::mutators
