// Which operators, forms and types an installed system runs without optimization: found by running each once.
#pragma once

#include "fuzzer/generator/support.h"
#include "fuzzer/runtime/system.h"

namespace mob {

// Probed once per (system, version of mobster) and cached in <cache>/support/. Takes some seconds the first
// time. `system` must have its limits (with_limits). Throws UserError when it cannot be started.
Support probe_support(const System& system);

}  // namespace mob
