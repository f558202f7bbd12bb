// Which version a library is that was given by its path.
#pragma once

#include <string>

#include "fuzzer/runtime/system.h"

namespace mob {

// "1.31.1": the version of an installed system; for a library given by its path, what the library itself says
// (its worker is asked, `--version`). Throws UserError where it says nothing.
std::string plain_version(const System& system);

}  // namespace mob
