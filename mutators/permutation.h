// Permutations of axes.
#pragma once

#include <algorithm>
#include <numeric>

#include "mutators/pattern.h"

namespace mob::mutators {

// Of a Transpose of this rank; without the attribute all axes are reversed.
inline std::vector<std::int64_t> perm_of(const Node& n, std::size_t rank) {
  std::vector<std::int64_t> reversed(rank);
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  return n.ints_or("perm", reversed);
}

// Swaps the last two of at least two axes.
inline std::vector<std::int64_t> swap_of(std::size_t rank) {
  std::vector<std::int64_t> perm(rank);
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[rank - 1], perm[rank - 2]);
  return perm;
}
inline bool is_swap(const Node& n, std::size_t rank) {
  return rank >= 2 && perm_of(n, rank) == swap_of(rank);
}

}  // namespace mob::mutators
