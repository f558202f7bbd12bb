// A graph without what its outputs do not need.
#pragma once

#include "fuzzer/graph/graph.h"

namespace mob {

// Nodes that make something for an output, in their order (a node must stand behind those that it reads), and
// the values that they name, numbered anew. Inputs stay, read or not. For nested graphs: a value around them
// that nothing reads any more is no longer known to them.
Graph pruned(Graph g);

}  // namespace mob
