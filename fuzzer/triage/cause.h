// The cheap cause of a finding: which single pass or rewrite rule cures it when it is disabled.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "fuzzer/triage/judge.h"

namespace mob {

struct Cause {
  // Where it was looked for: of the finding's configurations the one of the lowest level.
  Configuration bad;
  // Each cures alone: of the passes that fired at that level and the rewrite rules, and of all that are known
  // where the session failed. Those that mostly prepare the ground for others come last; of the rest, the one
  // that changed the model last comes first. Empty where no single one does, or the system cannot disable
  // any.
  std::vector<std::string> cures;
};

// `judged` is a finding of `c`. Asks the judge's second process some dozens of times, in one or two requests.
Cause find_cause(Judge& judge, const Case& c, const Judged& judged);

// For each of `passes`: whether the finding's symptom and class vanish at configuration `bad` when it alone
// is disabled. One request. An answer holds only where the finding shows with nothing disabled: `shown` says
// that.
struct Cured {
  bool shown = false;
  std::vector<bool> by;
};
Cured cured_by(Judge& judge, const Case& c, const Reference& reference, const Finding& finding,
               const Configuration& bad, std::span<const std::string> passes);

}  // namespace mob
