// Graph inputs become constants: initializers that hold what the case gives. Defaults can no longer be
// overridden.
#include <algorithm>

#include "fuzzer/triage/shrink/edits.h"

namespace mob::shrink::steps {
namespace {

std::vector<Edit> edits(const Subject& s) {
  const Graph& g = s.c.model.graph;
  std::vector<Edit> list;
  for (ValueId v : g.inputs) {
    const std::string& name = g[v].name;
    const auto given = s.c.inputs.find(name);
    if (given == s.c.inputs.end() && !g[v].initializer) continue;
    const Tensor value = given != s.c.inputs.end() ? given->second : *g[v].initializer;
    if (!std::all_of(s.c.bindings.begin(), s.c.bindings.end(), [&](const Inputs& b) {
          const auto there = b.find(name);
          return there == b.end() || there->second.identical(value);
        }))
      continue;
    list.emplace_back([v, value](Case& c) {
      Graph& g = c.model.graph;
      if (!g.is_input(v)) return false;
      std::erase(g.inputs, v);
      c.inputs.erase(g[v].name);
      for (Inputs& b : c.bindings) b.erase(g[v].name);
      if (!g[v].initializer) g.initializers.push_back(v);
      g[v].initializer = std::make_shared<const Tensor>(value);
      g[v].type = declared(value.type());
      return true;
    });
  }
  return list;
}

}  // namespace

extern const ShrinkStep fix_inputs;
const ShrinkStep fix_inputs = {
    .name = "fix-inputs", .what = "Graph inputs become initializers.", .together = true, .edits = edits};

}  // namespace mob::shrink::steps
