// Two cases as one model.
#include <algorithm>

#include "mutators/edit.h"

namespace mob {
namespace {

using mutators::form_of;

// Whether every node of a model means the same at another opset.
bool same_forms(const Model& model, int opset) {
  return std::all_of(model.graph.nodes.begin(), model.graph.nodes.end(), [&](const Node& n) {
    const Schema* now = form_of(model, n);
    return now != nullptr && (!n.domain.empty() || schema(n.op_type, opset) == now);
  });
}

constexpr double kFeed = 0.6;    // an input of the second model reads a value of the first, where one fits
constexpr double kExpose = 0.7;  // a value that the second reads stays (or becomes) a graph output

}  // namespace

std::optional<Case> spliced(const Case& a, const Case& b, Rng& rng, const Support* support) try {
  if (!mutators::plain(a) || !mutators::plain(b)) return std::nullopt;
  const std::int64_t opset = rng.chance(0.5) ? a.model.opset() : b.model.opset();
  const std::int64_t other = opset == a.model.opset() ? b.model.opset() : a.model.opset();
  int common = 0;
  for (std::int64_t o : {opset, other})
    if (common == 0 && same_forms(a.model, static_cast<int>(o)) && same_forms(b.model, static_cast<int>(o)))
      common = static_cast<int>(o);
  if (common == 0) return std::nullopt;

  Case c = a;
  Graph& g = c.model.graph;
  const Graph& from = b.model.graph;
  c.model.opsets[""] = common;
  for (const auto& [domain, version] : b.model.opsets)
    if (!domain.empty() && c.model.opsets.emplace(domain, version).first->second != version)
      return std::nullopt;
  c.model.ir_version = std::max(a.model.ir_version, b.model.ir_version);

  const mutators::Facts facts(a);
  if (!facts.valid()) return std::nullopt;
  std::vector<ValueId> to(from.values.size(), kNoValue);
  const auto put = [&](ValueId v, ValueId as) { to[static_cast<std::size_t>(v)] = as; };
  for (ValueId v : from.inputs) {
    const std::optional<Tensor> t = mutators::content(b, v);
    if (!t) return std::nullopt;
    std::vector<ValueId> fits;
    for (const auto* list : {&facts.computed(), &facts.leaves()})
      for (ValueId x : *list)
        if (facts.known(x) && facts.type(x) == t->type()) fits.push_back(x);
    if (!from[v].initializer && !fits.empty() && rng.chance(kFeed)) {
      const ValueId feed = rng.pick(fits);
      if (g.is_output(feed) && g.outputs.size() > 1 && !rng.chance(kExpose)) std::erase(g.outputs, feed);
      put(v, feed);
    } else {
      put(v, mutators::add_leaf(c, *t, mutators::constness(b, v)));
      if (!from[v].initializer) g[to[static_cast<std::size_t>(v)]].type = from[v].type;
    }
  }
  for (ValueId v : from.initializers)
    if (to[static_cast<std::size_t>(v)] == kNoValue)
      put(v, mutators::add_leaf(c, *from[v].initializer, Constness::kInitializer));
  for (int i : from.topological_order()) {
    const Node& n = from.nodes[static_cast<std::size_t>(i)];
    std::vector<ValueId> inputs;
    for (ValueId v : n.inputs) inputs.push_back(v == kNoValue ? kNoValue : to[static_cast<std::size_t>(v)]);
    std::vector<ValueId> made =
        mutators::append(c, n.op_type, std::move(inputs), n.attributes, n.outputs.size(), n.domain);
    for (std::size_t o = 0; o < made.size(); ++o)
      if (n.outputs[o] == kNoValue)
        g.nodes.back().outputs[o] = kNoValue;
      else
        put(n.outputs[o], made[o]);
  }
  for (ValueId v : from.outputs) mutators::expose(c, to[static_cast<std::size_t>(v)]);
  if (!settle(c, support)) return std::nullopt;
  c.lineage.insert(c.lineage.end(), b.lineage.begin(), b.lineage.end());
  c.lineage.emplace_back("spliced");
  return c;
} catch (const UserError&) {
  return std::nullopt;
}

}  // namespace mob
