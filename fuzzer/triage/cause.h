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

// Index of the lowest level's configuration at which the finding of `judged` shows.
std::size_t lowest_bad(const Judged& judged);

// Appends the configurations that tell whether a finding at `bad` shows where these optimizers are disabled.
// What a saved model does is held against the session that saved it: then there are two, that session first.
void add_without(const Configuration& bad, const std::vector<std::string>& disabled, bool report,
                 std::vector<Configuration>& to);

// `judged` is a finding of `c`. Asks the judge's second process some dozens of times, in one or two requests.
Cause find_cause(Judge& judge, const Case& c, const Judged& judged);

// Whether outputs are the same bit for bit; of what is no tensor, nothing more is known.
bool same_outputs(const std::vector<Output>& a, const std::vector<Output>& b);

// What a case shows at one configuration with some optimizers disabled.
struct Without {
  bool runs = false;               // every session did
  bool refused = false;            // an error was returned, as without optimization
  bool shows = false;              // the finding's symptom and class
  std::string other;               // another finding, no lesser one, in words: "bug crash"
  std::string lesser;              // one of a class that weighs less
  std::vector<std::string> fired;  // passes that changed the model, if it was asked for
  bool cures() const { return (runs || refused) && !shows && other.empty(); }
};
struct Trial {
  Without control;            // nothing disabled: what `each` says holds only where this shows the finding
  std::vector<Without> each;  // one per set
};
// Configuration `bad` with each of `sets` disabled, and the control. One request, asked in the judge's second
// process. `report`: which passes fired is to be told.
Trial try_without(Judge& judge, const Case& c, const Reference& reference, const Finding& finding,
                  const Configuration& bad, std::span<const std::vector<std::string>> sets, bool report);

// For each of `passes`: whether the finding's symptom and class vanish at configuration `bad` when it alone
// is disabled. One request. An answer holds only where the finding shows with nothing disabled: `shown` says
// that.
struct Cured {
  bool shown = false;
  std::vector<bool> by;
};
Cured cured_by(Judge& judge, const Case& c, const Reference& reference, const Finding& finding,
               const Configuration& bad, std::span<const std::string> passes);

// Sorts cures, each a set of optimizers: those that mostly prepare the ground for others come last; of the
// rest, the one that changed the model last (by `fired`, told by the session that went wrong) comes first.
void sort_by_guilt(const System& system, const std::vector<std::string>& fired,
                   std::vector<std::vector<std::string>>& cures);

}  // namespace mob
