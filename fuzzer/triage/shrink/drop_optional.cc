// Inputs and outputs of nodes that the operator can do without.
#include "fuzzer/graph/schema.h"
#include "fuzzer/triage/shrink/edits.h"

namespace mob::shrink::steps {
namespace {

using Slots = std::vector<ValueId>;

std::vector<Edit> edits(const Subject& s) {
  const Graph& g = s.c.model.graph;
  const std::vector<int> uses = g.use_counts();
  std::vector<Edit> list;
  const auto edit = [&](const Node& n, std::function<bool(Node&)> change) {
    list.emplace_back([node = handle(n), change = std::move(change)](Case& c) {
      const int at = producer(c.model.graph, node);
      return at >= 0 && change(c.model.graph.nodes[static_cast<std::size_t>(at)]);
    });
  };
  for (const Node& n : g.nodes) {
    const Schema* form = schema(n.op_type, static_cast<int>(s.c.model.opset(n.domain)), n.domain);
    if (form == nullptr || form->inputs.empty()) continue;
    for (std::size_t i = n.inputs.size(); i-- > 0;) {
      if (n.inputs[i] == kNoValue) continue;
      if (i < form->inputs.size() && form->inputs[i].optional)
        edit(n, [i](Node& m) {
          if (i >= m.inputs.size() || m.inputs[i] == kNoValue) return false;
          m.inputs[i] = kNoValue;
          while (!m.inputs.empty() && m.inputs.back() == kNoValue) m.inputs.pop_back();
          return true;
        });
      else if (form->inputs.back().variadic && i + 1 >= form->inputs.size() &&
               static_cast<int>(n.inputs.size()) > form->min_inputs && n.inputs.size() > 1)
        edit(n, [i](Node& m) {
          if (i >= m.inputs.size() || m.inputs.size() < 2) return false;
          m.inputs.erase(m.inputs.begin() + static_cast<std::ptrdiff_t>(i));
          return true;
        });
    }
    for (std::size_t o = n.outputs.size(); o-- > static_cast<std::size_t>(form->min_outputs) && o > 0;) {
      if (n.outputs[o] != kNoValue && uses[static_cast<std::size_t>(n.outputs[o])] > 0) break;
      edit(n, [o](Node& m) {
        if (o >= m.outputs.size()) return false;
        m.outputs.resize(o);
        return true;
      });
    }
  }
  return list;
}

}  // namespace

extern const ShrinkStep drop_optional;
const ShrinkStep drop_optional = {
    .name = "drop-optional", .what = "Leaves out optional inputs and outputs of nodes.", .edits = edits};

}  // namespace mob::shrink::steps
