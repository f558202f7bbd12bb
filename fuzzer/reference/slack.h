// What becomes of the values of a case whose mutant knows them less exactly (graph/promise.h).
#pragma once

#include <span>

#include "fuzzer/graph/promise.h"
#include "fuzzer/ops/expected.h"

namespace mob {

// Widens the bounds of a value so that they hold what `slack` makes of it. Of no effect on what is no real
// number. Throws UserError where a grid does not fit the value's shape.
void widen(Expected& x, const Slack& slack);

// The slack of a value of this name, or null.
const Slack* slack_of(std::span<const Slack> all, std::string_view value);

}  // namespace mob
