// Random small cases straight from the OpSpecs: single operators and chains of them.
#pragma once

#include <optional>
#include <vector>

#include "fuzzer/base/rng.h"
#include "fuzzer/generator/support.h"
#include "fuzzer/graph/case.h"
#include "fuzzer/ops/op_spec.h"

namespace mob {

struct SampleOptions {
  int nodes = 1;  // each after the first reads an output of the one before
  int opset = 0;  // 0: drawn among the forms of the first operator, up to max_opset
  int max_opset = kNewestOpset;
  const Support* support = nullptr;  // null: whatever the schema takes
  std::optional<DType> first_type;   // of the first operator's first input
  const OpSpec* first = nullptr;     // null: drawn
  std::int64_t max_elements = 4096;  // of any tensor
  bool expose_all = false;           // every node output is a graph output, not only the unread ones
  bool random = true;                // operators that draw random numbers may take part
  // Only floating-point operators that neither flatten their input nor take a small relative error in it out
  // again or blow it up (for planted errors: what an operator has taken out, nothing can find).
  bool keep_scale = false;
};

// A case, or nothing where the draws do not work out (the caller draws again).
std::optional<Case> sample(Rng& rng, const SampleOptions& options);

}  // namespace mob
