#include "mutators/old_initializers.h"

namespace mob {

void unlist_initializers(Case& c) {
  if (c.model.ir_version >= kFirstFreeInitializers) return;
  Graph& g = c.model.graph;
  std::erase_if(g.inputs, [&](ValueId v) { return g[v].initializer && !c.inputs.contains(g[v].name); });
  c.model.ir_version = kRaisedIr;
}

}  // namespace mob
