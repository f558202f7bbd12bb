#include "fuzzer/triage/variant.h"

#include <algorithm>

#include "fuzzer/base/check.h"
#include "fuzzer/graph/model_io.h"
#include "mutators/mutator.h"

namespace mob {
namespace {

bool is_open(const TensorType& t) {
  return !t.shape || std::any_of(t.shape->begin(), t.shape->end(), [](const Dim& d) { return d.value < 0; });
}

std::vector<std::map<std::string, Tensor>> plain_values(const Case& c, Judge& judge) {
  Case exposed = c;
  exposed.bindings.clear();
  exposed.model = infer_shapes(c.model);
  Graph& g = exposed.model.graph;
  for (const Node& n : g.nodes)
    for (ValueId v : n.outputs)
      // An output wants a type; what could not be inferred stays unknown.
      if (v != kNoValue && !g.is_output(v) && g[v].type && g[v].opaque_type.empty()) g.outputs.push_back(v);
  std::map<std::string, Tensor> values = c.inputs;
  for (ValueId v : g.initializers) values.emplace(g[v].name, *g[v].initializer);
  const std::vector<Outcome> plain = judge.run_apart(exposed, {{.level = 0}});
  if (plain[0].ok())
    for (const Output& o : plain[0].outputs)
      if (o.is_tensor) values.insert_or_assign(o.name, o.tensor);
  return {values};
}

}  // namespace

void sort_nodes(Graph& g) {
  std::vector<Node> ordered;
  ordered.reserve(g.nodes.size());
  for (int i : g.topological_order()) ordered.push_back(std::move(g.nodes[static_cast<std::size_t>(i)]));
  g.nodes = std::move(ordered);
}

void prune(Case& c) {
  Graph& g = c.model.graph;
  sort_nodes(g);
  std::vector<bool> needed(g.values.size(), false);
  const auto at = [&](ValueId v) { return needed[static_cast<std::size_t>(v)]; };
  for (ValueId v : g.outputs) at(v) = true;
  std::vector<Node> nodes;
  for (auto n = g.nodes.rbegin(); n != g.nodes.rend(); ++n) {
    if (std::none_of(n->outputs.begin(), n->outputs.end(), [&](ValueId v) { return v != kNoValue && at(v); }))
      continue;
    for (ValueId v : n->inputs)
      if (v != kNoValue) at(v) = true;
    for (ValueId v : g.captures(*n)) at(v) = true;
    nodes.push_back(std::move(*n));
  }
  std::reverse(nodes.begin(), nodes.end());
  g.nodes = std::move(nodes);
  drop_unread_leaves(c);
  for (std::size_t v = 0; v < g.values.size(); ++v)
    if (!needed[v]) g.values[v].listed = false;
  std::erase_if(c.witness, [&](const auto& given) {
    const ValueId v = g.find(given.first);
    return v == kNoValue || !g.is_output(v);
  });
}

bool has_open_inputs(const Graph& g) {
  return std::any_of(g.inputs.begin(), g.inputs.end(),
                     [&](ValueId v) { return g[v].type && is_open(*g[v].type); });
}

std::vector<std::map<std::string, Tensor>> values_of(const Case& c, Judge& judge) {
  std::vector<std::map<std::string, Tensor>> list;
  const Reference known = evaluate(c, {.arithmetic = {}, .keep_values = true});
  if (!known.available()) return plain_values(c, judge);
  const auto add = [&](const Reference& r) {
    auto& values = list.emplace_back();
    for (const auto& [name, value] : r.values)
      if (!value.elements && value.type.dtype != DType::kUndefined) values.emplace(name, rounded(value));
  };
  add(known);
  for (const Reference& b : known.bindings) add(b);
  return list;
}

Inferred inferred(const Case& c, Judge& judge) {
  Inferred out{c, values_of(c, judge)};
  if (has_open_inputs(c.model.graph)) out.c.model = infer_shapes(c.model);
  return out;
}

Tidy::Tidy(const Case& origin) {
  Case settled = origin;
  plain_ = settle(settled);
}

bool Tidy::operator()(Case& c) const try {
  prune(c);
  c.witness.clear();
  Graph& g = c.model.graph;
  if (g.nodes.empty() || g.outputs.empty()) return false;
  if (plain_) return settle(c);
  // Nested graphs, functions, operators that we do not know: the types of outputs are all that we say.
  const bool open = has_open_inputs(g);
  for (Value& v : g.values)
    if (v.opaque_type.empty()) v.listed = false;
  const Reference known = evaluate(c, {.arithmetic = {}, .keep_values = true});
  if (!known.available()) {
    const Model inferred = infer_shapes(c.model);
    for (ValueId v : g.outputs) {
      if (!g[v].opaque_type.empty()) continue;
      g[v].type = inferred.graph[v].type;
      if (!g[v].type) return false;
    }
    return true;
  }
  for (ValueId v : g.outputs) {
    const auto at = known.values.find(g[v].name);
    if (at == known.values.end() || at->second.elements) continue;
    g[v].type = declared(at->second.type);
    if (open)
      for (Dim& d : *g[v].type->shape) d.value = -1;
  }
  return true;
} catch (const UserError&) {  // a cycle, a shape that overflows
  return false;
}

std::size_t node_count(const Graph& g) {
  std::size_t count = g.nodes.size();
  for (const Node& n : g.nodes)
    for (const Graph* body : n.bodies()) count += node_count(*body);
  return count;
}

}  // namespace mob
