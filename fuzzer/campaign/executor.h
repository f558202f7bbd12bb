// Work in parallel for the rooms that are handed an executor.
#pragma once

#include "fuzzer/base/executor.h"

namespace mob {

// On `lanes` threads of TBB (0: as many as there are processors). An exception of one task ends the rest and
// comes back out of `run`. Throws nothing of its own.
Executor tbb_executor(int lanes);

}  // namespace mob
