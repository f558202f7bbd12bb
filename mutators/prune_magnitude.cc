// The weights of least magnitude become zero: in each tensor, or over all of them together.
#include <algorithm>
#include <cmath>

#include "mutators/weights.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  std::vector<ValueId> weights = choices.places(float_weights(c, f));
  if (weights.empty()) return std::nullopt;
  const bool global = choices.word("scope", {"tensor", "global"}) == "global";
  const double sparsity = choices.real("sparsity", 0.1, 0.95);
  Graph& g = c.model.graph;

  // (magnitude, which weight, element), of all tensors that are pruned together.
  struct Element {
    double magnitude;
    std::size_t weight, at;
  };
  std::vector<std::vector<bool>> masks;
  std::vector<std::vector<Element>> pools(global ? 1 : weights.size());
  for (std::size_t w = 0; w < weights.size(); ++w) {
    const Tensor& t = *g[weights[w]].initializer;
    masks.emplace_back(static_cast<std::size_t>(t.count()), false);
    for (std::size_t i = 0; i < masks[w].size(); ++i)
      pools[global ? 0 : w].push_back({std::fabs(t.real_at(static_cast<std::int64_t>(i))), w, i});
  }
  for (std::vector<Element>& pool : pools) {
    std::stable_sort(pool.begin(), pool.end(),
                     [](const Element& a, const Element& b) { return a.magnitude < b.magnitude; });
    pool.resize(static_cast<std::size_t>(std::ceil(sparsity * static_cast<double>(pool.size()))));
    for (const Element& e : pool) masks[e.weight][e.at] = true;
  }
  return masked(c, weights, masks, choices, sparsity, global);
}

}  // namespace

extern const Mutator prune_magnitude;
const Mutator prune_magnitude{
    .name = "prune-magnitude",
    .aims_at = "zeros in weights: the least of each tensor, or of all (scope, sparsity)",
    .family = MutatorFamily::kPrune,
    .apply = kept<change>};

}  // namespace mob::mutators
