#include "fuzzer/graph/case.h"

namespace mob {

void drop_unread_leaves(Case& c) {
  Graph& g = c.model.graph;
  std::erase_if(g.nodes, [uses = g.use_counts()](const Node& n) {
    return n.inputs.empty() && n.op_type == "Constant" &&
           uses[static_cast<std::size_t>(n.outputs.front())] == 0;
  });
  const std::vector<int> uses = g.use_counts();
  const auto unread = [&](ValueId v) { return uses[static_cast<std::size_t>(v)] == 0; };
  for (ValueId v : g.inputs)
    if (unread(v)) {
      c.inputs.erase(g[v].name);
      for (Inputs& inputs : c.bindings) inputs.erase(g[v].name);
    }
  for (ValueId v : g.initializers)
    if (unread(v)) g[v].initializer.reset();
  std::erase_if(g.inputs, unread);
  std::erase_if(g.initializers, unread);
}

}  // namespace mob
