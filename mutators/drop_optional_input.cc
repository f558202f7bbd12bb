// An optional input (a bias, a zero point, a bound) is left out; of a variadic operator, one input.
#include "mutators/edit.h"

namespace mob::mutators {
namespace {

bool change(Case& c, const Facts&, Rng& rng) {
  Graph& g = c.model.graph;
  std::vector<Use> places;
  for (std::size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    const Schema* form = form_of(c.model, n);
    if (form == nullptr) continue;
    for (std::size_t s = 0; s < n.inputs.size(); ++s) {
      const Parameter* p = parameter(form->inputs, s);
      if (n.inputs[s] == kNoValue || p == nullptr) continue;
      if (p->optional || (p->variadic && n.inputs.size() > static_cast<std::size_t>(form->min_inputs)))
        places.push_back({static_cast<int>(i), static_cast<int>(s)});
    }
  }
  const auto place = maybe_pick(places, rng);
  if (!place) return false;
  Node& n = g.nodes[static_cast<std::size_t>(place->node)];
  const auto slot = static_cast<std::size_t>(place->slot);
  const ValueId old = n.inputs[slot];
  if (parameter(form_of(c.model, n)->inputs, slot)->variadic)
    n.inputs.erase(n.inputs.begin() + place->slot);
  else
    n.inputs[slot] = kNoValue;
  while (!n.inputs.empty() && n.inputs.back() == kNoValue) n.inputs.pop_back();
  orphaned(c, old, rng);
  return true;
}

}  // namespace

extern const Mutator drop_optional_input;
const Mutator drop_optional_input{.name = "drop-optional-input",
                                  .aims_at = "rewrites that take an optional input for given",
                                  .apply = recompute<change>};

}  // namespace mob::mutators
