// What a bug is, in one line: two findings with equal signatures are taken for one bug. Made of a reduced
// finding, so that random values, names and sizes are out of it.
#pragma once

#include <string>
#include <vector>

#include "fuzzer/triage/guards.h"

namespace mob {

struct Signature {
  Symptom symptom = Symptom::kCrash;
  std::string system;                  // "onnxruntime": versions share bugs
  std::vector<std::string> passes;     // the minimal set whose disabling cures; empty: none is known
  std::vector<std::string> operators;  // with the element type of their first output, "Pow:float"; see below
  std::string guard;                   // key of the telling guard; empty where there is none

  // "wrong-numbers | onnxruntime | SimplifiedLayerNormFusion | Pow:float ... | Pow exponent"
  std::string text() const;
};

// Of a case that was reduced (reduce.h) by these trials. Nodes in whose place a plain elementwise operator
// does as well stand as "Any"; constants are left out.
Signature signature_of(Trials& trials, const Case& reduced, const std::vector<FoundGuard>& guards);

// The name of an optimizer without what tells apart its registrations for several levels or providers
// ("LayerNormFusionL1" and L2, "TransposeOptimizer_CPUExecutionProvider").
std::string family_of(std::string_view optimizer);

}  // namespace mob
