// Triage of one finding in full: confirmed, reduced, its cause and guard found, and what bug it is.
#pragma once

#include "fuzzer/triage/reduce.h"
#include "fuzzer/triage/signature.h"

namespace mob {

struct ExamineOptions {
  // Where the case has several findings: the one of this symptom and class bug; else the weightiest.
  std::optional<Symptom> symptom;
  TrialLimits limits;
  ReduceOptions reduce;
  Executor executor;
};

struct Examined {
  std::string nothing;  // why there is no result: no finding, or none that can be reduced; else empty
  std::size_t nodes_before = 0;
  Lock lock;
  Reduced reduced;
  Judged judged;  // of the reduced case, in a fresh process; its verdict is the finding
  Cause cause;    // of the reduced case
  Signature signature;
  double seconds = 0;  // by the clock
};

// A judge for each lane of the executor; the first one confirms. Throws UserError where the system cannot be
// started.
Examined examine(const std::vector<Judge*>& judges, const Case& c, const ExamineOptions& options);

// Brings the case's finding of this symptom and class to the front. False where it has none.
bool lead_with(Judged& judged, Symptom symptom, FindingClass cls);

}  // namespace mob
