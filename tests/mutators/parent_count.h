// How many parents a test of mutators takes.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace mob {

// MOBSTER_TEST_PARENTS asks for more than a test should take.
inline std::uint64_t parent_count(std::uint64_t usual) {
  const char* asked = std::getenv("MOBSTER_TEST_PARENTS");
  return asked == nullptr ? usual : std::stoull(asked);
}

}  // namespace mob
