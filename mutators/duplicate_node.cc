// A node stands there twice; some of its readers read the copy.
#include "mutators/edit.h"

namespace mob::mutators {
namespace {

bool change(Case& c, const Facts& f, Rng& rng) {
  Graph& g = c.model.graph;
  const auto index = rng.below(g.nodes.size());
  const Node original = g.nodes[index];
  if (original.outputs.empty()) return false;
  const std::vector<ValueId> made = append(c, original.op_type, original.inputs, original.attributes,
                                           original.outputs.size(), original.domain);
  Node& copy = g.nodes.back();
  for (std::size_t o = 0; o < original.outputs.size(); ++o)
    if (original.outputs[o] == kNoValue) copy.outputs[o] = kNoValue;
  // Equal nodes that differ in the number of their outputs.
  const Schema* form = form_of(c.model, original);
  while (form != nullptr && copy.outputs.size() > static_cast<std::size_t>(form->min_outputs) &&
         copy.outputs.size() > 1 && rng.chance(0.4))
    copy.outputs.pop_back();
  bool read = false;
  for (std::size_t o = 0; o < copy.outputs.size(); ++o) {
    const ValueId from = original.outputs[o], to = made[o];
    if (from == kNoValue) continue;
    const std::vector<Use>& uses = f.uses(from);
    for (std::size_t u = 0; u < uses.size(); ++u) {
      // The last reader stays with the original, so that both are needed.
      if (uses[u].node < 0 || (u + 1 == uses.size() && uses.size() > 1) || !rng.chance(0.5)) continue;
      set_use(c, uses[u], to);
      read = true;
    }
    if (!read || rng.chance(0.2)) {
      expose(c, to);
      read = true;
    }
    if (g.use_counts()[static_cast<std::size_t>(from)] == 0 && original.op_type != "Constant")
      expose(c, from);
  }
  return read;
}

}  // namespace

extern const Mutator duplicate_node;
const Mutator duplicate_node{.name = "duplicate-node",
                             .aims_at = "elimination of common subexpressions, and counts of consumers",
                             .apply = recompute<change>};

}  // namespace mob::mutators
