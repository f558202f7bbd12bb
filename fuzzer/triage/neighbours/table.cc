#include "fuzzer/triage/neighbours/neighbour_kind.h"

namespace mob {

#define NEIGHBOUR(name)            \
  namespace neighbour_kinds {      \
  extern const NeighbourKind name; \
  }
#include "fuzzer/triage/neighbours/all.def"
#undef NEIGHBOUR

const std::vector<const NeighbourKind*>& all_neighbour_kinds() {
  static const std::vector<const NeighbourKind*> kinds = {
#define NEIGHBOUR(name) &neighbour_kinds::name,
#include "fuzzer/triage/neighbours/all.def"
#undef NEIGHBOUR
  };
  return kinds;
}

}  // namespace mob
