// Further bindings of a case's symbolic dimensions: other sizes, and inputs of these sizes.
#pragma once

#include "fuzzer/base/rng.h"
#include "fuzzer/graph/case.h"

namespace mob {

// What became of the draws.
struct BindingDraws {
  int kept = 0;
  int invalid = 0;    // the model is not valid at these sizes, or the reference cannot tell
  int undecided = 0;  // too much of the answer is open or vague, or left open by the ONNX spec
  int unfit = 0;      // a declared type of an output, or listed for another value, does not hold there
};

// Adds up to `count` bindings to the case's own, each other than all before: some symbols (or dimensions
// without a name) get other sizes - 1, smaller, larger, now and then 0 - and the inputs fresh values within
// the range of those that are there. Nothing is added where no dimension is symbolic, results are random, or
// the model takes no other sizes. Costs an evaluation by the reference for each draw.
BindingDraws draw_bindings(Case& c, Rng& rng, int count);

}  // namespace mob
