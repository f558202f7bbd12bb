// Names the files in which what was probed of a system is kept.
#pragma once

#include <string>

#include "fuzzer/runtime/system.h"

namespace mob {

// Changes with mobster's version and with the system's files (path, size, time of change).
std::string cache_key(const System& system);

}  // namespace mob
