// The newest opset and IR version that an installed system accepts, found by trying.
#pragma once

#include "fuzzer/runtime/system.h"

namespace mob {

// The system with max_opset and max_ir filled in. Probed once per version and cached in
// <cache>/support/; a library given by its path is probed anew when the file changes. Throws UserError when
// the system cannot be started.
System with_limits(System system);

}  // namespace mob
