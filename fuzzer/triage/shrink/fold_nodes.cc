// Nodes become initializers that hold what they compute. Constant nodes, too.
#include <algorithm>

#include "fuzzer/triage/shrink/edits.h"

namespace mob::shrink::steps {
namespace {

std::vector<Edit> edits(const Subject& s) {
  const Graph& g = s.c.model.graph;
  std::vector<Edit> list;
  for (const Node& n : g.nodes) {
    std::vector<std::pair<ValueId, Tensor>> outputs;
    for (ValueId v : n.outputs) {
      if (v == kNoValue || uses(g, v) == 0) continue;
      const std::vector<Tensor> known = shrink::known(s, v);
      const bool same = !known.empty() && std::all_of(known.begin(), known.end(), [&](const Tensor& t) {
        return t.identical(known.front());
      });
      if (!same || g.is_output(v)) {
        outputs.clear();
        break;
      }
      outputs.emplace_back(v, known.front());
    }
    if (outputs.empty()) continue;
    list.emplace_back([node = handle(n), outputs = std::move(outputs)](Case& c) {
      Graph& g = c.model.graph;
      const int at = producer(g, node);
      if (at < 0) return false;
      g.nodes.erase(g.nodes.begin() + at);
      for (const auto& [v, value] : outputs) becomes_initializer(c, v, value);
      return true;
    });
  }
  return list;
}

}  // namespace

extern const ShrinkStep fold_nodes;
const ShrinkStep fold_nodes = {.name = "fold-nodes",
                               .what = "Nodes become initializers of what they compute.",
                               .together = true,
                               .structure = true,
                               .edits = edits};

}  // namespace mob::shrink::steps
