// Reduces the case of a finding to what the finding needs: delta debugging over the shrink steps.
#pragma once

#include <string>
#include <vector>

#include "fuzzer/triage/guards.h"
#include "fuzzer/triage/shrink/shrink_step.h"

namespace mob {

struct ReduceOptions {
  // Steps to take, by name; empty: all. They are taken in the order of all.def.
  std::vector<std::string> steps;
  // Look for the guard of the finding, keep it, and tell it.
  bool guard = true;
  // Called when a step made the case smaller.
  std::function<void(const ShrinkStep&, const Case&)> progress;
};

struct Reduced {
  Case c;                          // valid ONNX, in topological order; shows the finding by the lock
  bool locked = false;             // the given case did so itself; otherwise nothing was done
  bool complete = false;           // no limit was reached: no step finds anything more to take away
  int checks = 0;                  // variants run
  std::vector<FoundGuard> guards;  // of the reduced case (guards.h)
  std::vector<std::string> steps;  // that made it smaller, in the order of their first success
};

// Never larger than `c`, which stays as it is. Takes any model that the judge flags: what the reference does
// not know is held against the run without optimization, which then also says what intermediate values are.
Reduced reduce(Trials& trials, const Case& c, const ReduceOptions& options = {});

}  // namespace mob
