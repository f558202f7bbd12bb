// The nodes that a finding needs: a quick, greedy cut, so that findings can be told apart by their operators
// and are small enough to read.
#pragma once

#include "fuzzer/triage/cause.h"

namespace mob {

struct Essence {
  Case c;  // smaller or equal, the same symptom and class at the same configuration
  // Of its nodes, in topological order; "Any" for an elementwise one in whose place another does as well.
  std::vector<std::string> operators;
  int checks = 0;  // requests made
};

// Keeps as few graph outputs as it can, cuts nodes behind and before the guilty ones (their values become
// graph inputs, by the reference) and bypasses nodes that keep type and shape; each step is kept only if the
// finding still shows and the first of `cause.cures`, if there is one, still cures. At most `budget`
// requests.
Essence essence(Judge& judge, const Case& c, const Finding& finding, const Cause& cause, int budget = 80);

}  // namespace mob
