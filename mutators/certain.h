// What may be taken for granted of a case, beyond the run that its facts come from.
#pragma once

#include "mutators/edit.h"

namespace mob::mutators {

// Whether every size is the same in each run: no open dimension of an input, no further bindings. Else Facts
// know the sizes of one run only (ranks stay).
bool fixed_sizes(const Case& c);
// Whether no element is an infinity or NaN, so that zero times any of them is zero.
bool all_finite(const Expected& x);

}  // namespace mob::mutators
