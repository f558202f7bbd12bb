// A value within becomes a graph output, or a graph output that is read is none any more.
#include "mutators/edit.h"

namespace mob::mutators {
namespace {

bool change(Case& c, const Facts& f, Rng& rng) {
  Graph& g = c.model.graph;
  std::vector<ValueId> inner, hidden;
  for (ValueId v : f.computed()) {
    if (!g.is_output(v))
      inner.push_back(v);
    else if (f.uses(v).size() > 1)
      hidden.push_back(v);
  }
  if (!hidden.empty() && (inner.empty() || rng.chance(0.25))) {
    std::erase(g.outputs, rng.pick(hidden));
    return !g.outputs.empty();
  }
  const auto v = maybe_pick(inner, rng);
  if (!v) return false;
  g.add_output(*v);
  return true;
}

}  // namespace

extern const Mutator expose_intermediate;
const Mutator expose_intermediate{.name = "expose-intermediate",
                                  .aims_at = "fusions that swallow a value which is a graph output",
                                  .apply = recompute<change>};

}  // namespace mob::mutators
