#include "fuzzer/graph/prune.h"

#include <algorithm>

namespace mob {

Graph pruned(Graph g) {
  std::vector<bool> needed(g.values.size(), false);
  const auto need = [&](const std::vector<ValueId>& list) {
    for (ValueId v : list)
      if (v != kNoValue) needed[static_cast<std::size_t>(v)] = true;
  };
  need(g.outputs);
  need(g.inputs);
  std::vector<Node> nodes;
  for (auto n = g.nodes.rbegin(); n != g.nodes.rend(); ++n) {
    const auto wanted = [&](ValueId v) { return v != kNoValue && needed[static_cast<std::size_t>(v)]; };
    if (std::none_of(n->outputs.begin(), n->outputs.end(), wanted)) continue;
    need(n->inputs);
    need(n->outputs);
    need(g.captures(*n));
    nodes.push_back(std::move(*n));
  }
  std::reverse(nodes.begin(), nodes.end());
  std::vector<ValueId> to(g.values.size(), kNoValue);
  std::vector<Value> values;
  for (std::size_t v = 0; v < g.values.size(); ++v) {
    if (!needed[v]) continue;
    to[v] = static_cast<ValueId>(values.size());
    values.push_back(std::move(g.values[v]));
  }
  const auto renumber = [&](std::vector<ValueId>& list) {
    for (ValueId& v : list)
      if (v != kNoValue) v = to[static_cast<std::size_t>(v)];
  };
  for (Node& n : nodes) {
    renumber(n.inputs);
    renumber(n.outputs);
  }
  renumber(g.inputs);
  renumber(g.outputs);
  renumber(g.initializers);
  std::erase(g.initializers, kNoValue);
  g.values = std::move(values);
  g.nodes = std::move(nodes);
  return g;
}

}  // namespace mob
