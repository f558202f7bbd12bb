// Initializers of models that are older than IR version 4.
#pragma once

#include "fuzzer/graph/case.h"

namespace mob {

// The IR version that first lets an initializer be no graph input, and the one we give models that need it.
inline constexpr std::int64_t kFirstFreeInitializers = 4;
inline constexpr std::int64_t kRaisedIr = 8;

// Before IR version 4 every initializer had to be a graph input, and runtimes take it for a constant all the
// same (ONNX IR spec, "Graphs"). Says so in the newer form: such inputs, where the case does not give them,
// are initializers only, and the model is of a newer IR version. Nothing where the model is new.
void unlist_initializers(Case& c);

}  // namespace mob
