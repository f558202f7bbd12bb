// Which optimizers are guilty of a finding: the smallest sets whose disabling cures it.
#pragma once

#include <string>
#include <vector>

#include "fuzzer/triage/cause.h"

namespace mob {

using PassSet = std::vector<std::string>;

// What was found out at one configuration.
struct PassBlame {
  Configuration bad;
  Symptom symptom = Symptom::kCrash;  // of the finding that it shows
  // Sets, each minimal, with which the case shows no finding: every single optimizer that is one; where there
  // is none, every pair of those that changed the model; else one larger set. The guiltiest first.
  std::vector<PassSet> cures;
  // Single optimizers whose disabling only makes another finding of this one ("bug crash").
  std::vector<std::pair<std::string, std::string>> instead;
  std::string lesser;     // a finding of a lesser class that is left with the first cure, in words; or empty
  std::string none;       // why there are no cures
  bool repeated = false;  // it does not show each time: what cures was tried again and again
  std::vector<std::string> fired;  // passes that changed the model, as far as they tell, each once
  int sessions = 0;                // tried
};

// One per level at which a finding of the case's weightiest class shows, lowest first; where only saved
// models are bad, for those. `judged` is a finding of `c`. Empty where it shows without optimization. Asks
// the judge's second process; takes about 100 sessions a level where single optimizers cure.
std::vector<PassBlame> blame_passes(Judge& judge, const Case& c, const Judged& judged);

// The finding of the case's weightiest class with the class that its oracle gave it: the judge calls some of
// them a kernel's, which no session with fewer optimizers would do.
Finding as_told(const Judged& judged, const Finding& finding);

}  // namespace mob
