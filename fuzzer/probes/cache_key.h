// Names the files in which what was probed of a system is kept.
#pragma once

#include <filesystem>
#include <string>

#include "fuzzer/runtime/system.h"

namespace mob {

// Changes with mobster's version and with the system's files (path, size, time of change).
std::string cache_key(const System& system);

// Writes beside the goal and renames, so that two processes do not tread on each other. A cache that cannot
// be written only costs time: errors are passed over.
void write_cache(const std::filesystem::path& file, const std::string& text);

}  // namespace mob
