// Two slots of a node read one value, or two like leaves of the graph become one.
#include "mutators/edit.h"

namespace mob::mutators {
namespace {

bool change(Case& c, const Facts& f, Rng& rng) {
  Graph& g = c.model.graph;
  struct Place {
    std::size_t node, a, b;
  };
  std::vector<Place> places;
  for (std::size_t i = 0; i < g.nodes.size(); ++i) {
    const std::vector<ValueId>& in = g.nodes[i].inputs;
    for (std::size_t a = 0; a < in.size(); ++a)
      for (std::size_t b = 0; b < in.size(); ++b)
        if (in[a] != in[b] && f.known(in[a]) && f.known(in[b]) &&
            f.type(in[a]).dtype == f.type(in[b]).dtype) {
          places.push_back({i, a, b});
          // Where shapes agree too, it is the more likely to be valid.
          if (f.type(in[a]) == f.type(in[b])) places.insert(places.end(), 2, {i, a, b});
        }
  }
  std::vector<std::pair<ValueId, ValueId>> alike;
  for (ValueId a : f.leaves())
    for (ValueId b : f.leaves())
      if (a != b && f.type(a) == f.type(b)) alike.emplace_back(a, b);
  if (!alike.empty() && (places.empty() || rng.chance(0.3))) {
    const auto [a, b] = rng.pick(alike);
    if (g.is_output(b)) return false;
    g.redirect_uses(b, a);
    return true;
  }
  const auto p = maybe_pick(places, rng);
  if (!p) return false;
  std::vector<ValueId>& in = g.nodes[p->node].inputs;
  const ValueId old = in[p->b];
  in[p->b] = in[p->a];
  orphaned(c, old, rng);
  return true;
}

}  // namespace

extern const Mutator use_same_tensor_twice;
const Mutator use_same_tensor_twice{.name = "use-same-tensor-twice",
                                    .aims_at = "fusions that count consumers or change a tensor in place",
                                    .apply = recompute<change>};

}  // namespace mob::mutators
