#include "mutators/certain.h"

#include <algorithm>
#include <cmath>

namespace mob::mutators {

bool fixed_sizes(const Case& c) {
  const Graph& g = c.model.graph;
  const auto fixed = [&](ValueId v) {
    return g[v].type && g[v].type->shape &&
           std::all_of(g[v].type->shape->begin(), g[v].type->shape->end(),
                       [](const Dim& d) { return d.value >= 0; });
  };
  return c.bindings.empty() && std::all_of(g.inputs.begin(), g.inputs.end(), fixed);
}

bool all_finite(const Expected& x) {
  for (std::size_t i = 0; i < x.count(); ++i)
    if (!std::isfinite(x.value_at(i))) return false;
  return true;
}

}  // namespace mob::mutators
