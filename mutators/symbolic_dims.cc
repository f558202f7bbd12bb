// Dimensions of graph inputs become symbolic, or known again.
#include "mutators/edit.h"

namespace mob::mutators {
namespace {

bool change(Case& c, const Facts&, Rng& rng) {
  Graph& g = c.model.graph;
  const bool back = rng.chance(0.3);
  bool changed = false;
  for (ValueId v : g.inputs) {
    if (g[v].initializer || !g[v].type) continue;
    const Tensor& given = c.inputs.at(g[v].name);
    if (back) {
      const TensorType known = declared(given.type());
      changed = changed || g[v].type != known;
      g[v].type = known;
      continue;
    }
    if (!g[v].type->shape) continue;
    for (std::size_t d = 0; d < g[v].type->shape->size(); ++d) {
      Dim& dim = (*g[v].type->shape)[d];
      if (dim.value < 0 || rng.chance(0.4)) continue;
      changed = true;
      dim.value = -1;
      // Equal sizes share a symbol more often than not, as they do in exported models.
      if (rng.chance(0.7)) dim.symbol = "d" + std::to_string(given.dims()[d]);
    }
  }
  return changed;
}

}  // namespace

extern const Mutator symbolic_dims;
const Mutator symbolic_dims{
    .name = "symbolic-dims", .aims_at = "passes that compare or fold dimensions", .apply = recompute<change>};

}  // namespace mob::mutators
