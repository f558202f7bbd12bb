// Two inputs of a node change places.
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
      for (std::size_t b = a + 1; b < in.size(); ++b) {
        if (in[a] == in[b]) continue;
        // A slot that is left out may be swapped too (min of Clip for max).
        if (in[a] != kNoValue && in[b] != kNoValue &&
            (!f.known(in[a]) || !f.known(in[b]) || f.type(in[a]).dtype != f.type(in[b]).dtype))
          continue;
        if (a > 0 || (in[a] != kNoValue && in[b] != kNoValue)) places.push_back({i, a, b});
      }
  }
  const auto p = maybe_pick(places, rng);
  if (!p) return false;
  std::vector<ValueId>& in = g.nodes[p->node].inputs;
  std::swap(in[p->a], in[p->b]);
  while (!in.empty() && in.back() == kNoValue) in.pop_back();
  return true;
}

}  // namespace

extern const Mutator swap_operands;
const Mutator swap_operands{.name = "swap-operands",
                            .aims_at = "patterns matched without regard to the order of operands",
                            .apply = recompute<change>};

}  // namespace mob::mutators
