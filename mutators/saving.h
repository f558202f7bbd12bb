// The claim that a model's constants take less room.
#pragma once

#include <vector>

#include "fuzzer/graph/promise.h"

namespace mob::mutators {

// Adds the claim that of so many bytes `saved` are gone, where they are more than none.
inline void claim_saving(std::vector<Claim>& claims, std::int64_t before, std::int64_t saved) {
  constexpr double kBelowOne = 0.5;  // bytes are whole; the share is rounded
  if (saved > 0)
    claims.emplace_back(
        Fewer{.share = (static_cast<double>(before - saved) + kBelowOne) / static_cast<double>(before)});
}

}  // namespace mob::mutators
