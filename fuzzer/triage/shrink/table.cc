#include "fuzzer/triage/shrink/shrink_step.h"

namespace mob {

#define SHRINK(name)            \
  namespace shrink::steps {     \
  extern const ShrinkStep name; \
  }
#include "fuzzer/triage/shrink/all.def"
#undef SHRINK

const std::vector<const ShrinkStep*>& all_shrink_steps() {
  static const std::vector<const ShrinkStep*> steps = {
#define SHRINK(name) &shrink::steps::name,
#include "fuzzer/triage/shrink/all.def"
#undef SHRINK
  };
  return steps;
}

}  // namespace mob
