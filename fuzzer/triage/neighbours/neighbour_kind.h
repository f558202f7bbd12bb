// The contract of a kind of neighbour: one file per kind in this folder, one line in all.def.
#pragma once

#include <string_view>
#include <vector>

#include "fuzzer/triage/neighbours/neighbourhood.h"

namespace mob {

struct NeighbourKind {
  std::string_view name;  // "attributes"
  std::string_view what;  // one line
  // Adds each neighbour that differs from the case in one edit of this kind.
  void (*add_to)(Neighbourhood&);
};

// Every kind in the order of all.def.
const std::vector<const NeighbourKind*>& all_neighbour_kinds();

}  // namespace mob
