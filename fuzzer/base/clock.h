// Time as it passes.
#pragma once

#include <chrono>

namespace mob {

// Seconds of a clock that only goes forward; differences of two calls mean something, the number does not.
inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace mob
