// An optional output (Indices of MaxPool, the mask of Dropout, a mean) is asked for, or no more.
#include "mutators/edit.h"

namespace mob::mutators {
namespace {

bool change(Case& c, const Facts& f, Rng& rng) {
  Graph& g = c.model.graph;
  std::vector<Use> missing, unread;
  for (std::size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    const Schema* form = form_of(c.model, n);
    if (form == nullptr) continue;
    for (std::size_t o = 0; o < form->outputs.size(); ++o) {
      if (!form->outputs[o].optional) continue;
      const bool there = o < n.outputs.size() && n.outputs[o] != kNoValue;
      if (!there)
        missing.push_back({static_cast<int>(i), static_cast<int>(o)});
      else if (o > 0 && f.uses(n.outputs[o]).empty())
        unread.push_back({static_cast<int>(i), static_cast<int>(o)});
    }
  }
  if (const auto p = maybe_pick(unread, rng); p && rng.chance(0.3)) {
    expose(c, g.nodes[static_cast<std::size_t>(p->node)].outputs[static_cast<std::size_t>(p->slot)]);
    return true;
  }
  const auto p = maybe_pick(missing, rng);
  if (!p) return false;
  const ValueId v = g.add_value();
  std::vector<ValueId>& outputs = g.nodes[static_cast<std::size_t>(p->node)].outputs;
  const auto slot = static_cast<std::size_t>(p->slot);
  if (outputs.size() <= slot) outputs.resize(slot + 1, kNoValue);
  outputs[slot] = v;
  if (rng.chance(0.8)) expose(c, v);
  return true;
}

}  // namespace

extern const Mutator add_optional_output;
const Mutator add_optional_output{.name = "add-optional-output",
                                  .aims_at = "rewrites that look at a node's first output only",
                                  .apply = recompute<change>};

}  // namespace mob::mutators
