// Another opset; parameters that moved between attributes and inputs are moved along.
#include <algorithm>
#include <set>

#include "mutators/opset_forms.h"

namespace mob::mutators {
namespace {

constexpr int kOldest = 9;

bool change(Case& c, const Facts& f, Rng& rng) {
  const auto now = static_cast<int>(c.model.opset());
  // Opsets at which a form of one of the operators begins or ends matter; others are met less often.
  std::set<int> edges;
  for (const Node& n : c.model.graph.nodes)
    if (n.domain.empty())
      for (int since : forms(n.op_type, kOldest, kNewestOpset)) {
        if (since > kOldest) edges.insert(since - 1);
        edges.insert(std::max(since, kOldest));
      }
  edges.erase(now);
  const std::vector<int> list(edges.begin(), edges.end());
  const int next =
      !list.empty() && rng.chance(0.7) ? rng.pick(list) : static_cast<int>(rng.range(kOldest, kNewestOpset));
  if (next == now) return false;
  const std::size_t count = c.model.graph.nodes.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Node& n = c.model.graph.nodes[i];
    if (!n.domain.empty()) continue;
    const Schema* from = schema(n.op_type, now);
    const Schema* to = schema(n.op_type, next);
    if (from == nullptr || to == nullptr || to->deprecated) return false;
    if (from != to && !to_form(c, i, *from, *to, f, [&] { return draw_constness(rng); })) return false;
  }
  c.model.opsets[""] = next;
  return true;
}

}  // namespace

extern const Mutator change_opset;
const Mutator change_opset{
    .name = "change-opset",
    .aims_at = "passes that know one form of an operator: axes as attribute or as input",
    .apply = recompute<change>};

}  // namespace mob::mutators
