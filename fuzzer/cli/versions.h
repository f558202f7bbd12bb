// What --versions asks for.
#pragma once

#include <string>
#include <vector>

#include "fuzzer/runtime/system.h"

namespace mob::cli {

// Of a system "onnxruntime" the versions "all" (the installed ones, oldest first) or "1.20.1,1.31.1". Throws
// UserError: no such system, not installed.
std::vector<System> asked_versions(const std::string& system, const std::string& asked);

}  // namespace mob::cli
