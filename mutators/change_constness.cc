// A leaf stands otherwise in the model: input, initializer, Constant node, overridable, computed.
#include "mutators/edit.h"

namespace mob::mutators {
namespace {

bool change(Case& c, const Facts& f, Rng& rng) {
  const auto picked = maybe_pick(f.leaves(), rng);
  if (!picked || !content(c, *picked)) return false;
  const Constness now = constness(c, *picked);
  Constness next = now;
  while (next == now) next = static_cast<Constness>(rng.below(5));
  const bool one_use = f.uses(*picked).size() > 1 && rng.chance(0.4);
  const Use use = rng.pick(f.uses(*picked));
  const ValueId fresh = add_leaf(c, *content(c, *picked), next);
  Graph& g = c.model.graph;
  if (one_use) {
    set_use(c, use, fresh);
    return true;
  }
  // What was a graph output by its own name stays one.
  for (const Use& u : f.uses(*picked))
    if (u.node >= 0) set_use(c, u, fresh);
  if (g.is_output(*picked)) return f.uses(*picked).size() > 1;
  return true;
}

}  // namespace

extern const Mutator change_constness;
const Mutator change_constness{.name = "change-constness",
                               .aims_at = "passes that take a value for constant, or overlook that it is",
                               .apply = recompute<change>};

}  // namespace mob::mutators
