// Short names for values and nodes, and no documentation or metadata.
#include <map>
#include <memory>

#include "fuzzer/triage/shrink/edits.h"

namespace mob::shrink::steps {
namespace {

using Names = std::map<std::string, std::string>;

// Values around a nested graph go by other names now.
GraphPtr renamed(const Graph& body, const Names& names) {
  auto out = std::make_shared<Graph>(body);
  for (Value& v : out->values)
    if (const auto at = names.find(v.name); v.outer && at != names.end()) v.name = at->second;
  for (Node& n : out->nodes)
    for (Attribute& a : n.attributes) {
      if (auto* inner = std::get_if<GraphPtr>(&a.value)) *inner = renamed(**inner, names);
      if (auto* list = std::get_if<std::vector<GraphPtr>>(&a.value))
        for (GraphPtr& inner : *list) inner = renamed(*inner, names);
    }
  return out;
}

void collect(const Graph& g, std::map<std::string, int>& taken) {
  for (const Value& v : g.values) ++taken[v.name];
  for (const Node& n : g.nodes)
    for (const Graph* body : n.bodies()) collect(*body, taken);
}

bool rename(Case& c) {
  Graph& g = c.model.graph;
  Names names;
  std::map<std::string, int> taken;  // within nested graphs
  for (const Node& n : g.nodes)
    for (const Graph* body : n.bodies()) collect(*body, taken);
  const auto name = [&](ValueId v, const std::string& stem, std::size_t i, std::size_t of) {
    if (v == kNoValue || names.contains(g[v].name)) return;
    std::string now = of == 1 ? stem : stem + std::to_string(i);
    while (taken.contains(now) && now != g[v].name) now += "_";
    taken[now] = 1;
    names[g[v].name] = now;
  };
  std::vector<ValueId> between;
  for (const Node& n : g.nodes)
    for (ValueId v : n.outputs)
      if (v != kNoValue && !g.is_output(v)) between.push_back(v);
  for (std::size_t i = 0; i < g.inputs.size(); ++i) name(g.inputs[i], "x", i, g.inputs.size());
  for (std::size_t i = 0; i < g.outputs.size(); ++i) name(g.outputs[i], "y", i, g.outputs.size());
  for (std::size_t i = 0; i < g.initializers.size(); ++i)
    name(g.initializers[i], "w", i, g.initializers.size());
  for (std::size_t i = 0; i < between.size(); ++i) name(between[i], "t", i, between.size());

  bool any = false;
  const auto moved = [&](Inputs& inputs) {
    Inputs now;
    for (auto& [old, tensor] : inputs) now[names.contains(old) ? names.at(old) : old] = std::move(tensor);
    inputs = std::move(now);
  };
  for (Value& v : g.values) {
    if (const auto at = names.find(v.name); at != names.end()) {
      any = any || v.name != at->second;
      v.name = at->second;
    } else {
      v.name = "." + v.name;  // nothing reads it: it must not be in the way
    }
    any = any || !v.residue.empty();
    v.residue.clear();
  }
  for (std::size_t i = 0; i < g.nodes.size(); ++i) {
    Node& n = g.nodes[i];
    const std::string node = n.op_type + "_" + std::to_string(i);
    any = any || n.name != node || !n.residue.empty();
    n.name = node;
    n.residue.clear();
    for (Attribute& a : n.attributes) {
      if (auto* body = std::get_if<GraphPtr>(&a.value)) *body = renamed(**body, names);
      if (auto* list = std::get_if<std::vector<GraphPtr>>(&a.value))
        for (GraphPtr& body : *list) body = renamed(*body, names);
    }
  }
  moved(c.inputs);
  for (Inputs& b : c.bindings) moved(b);
  c.witness.clear();
  const std::string title = "g";
  any = any || g.name != title || !g.residue.empty();
  g.name = title;
  g.residue.clear();
  return any;
}

std::vector<Edit> edits(const Subject&) {
  return {[](Case& c) { return rename(c); }};
}

}  // namespace

extern const ShrinkStep plain_names;
const ShrinkStep plain_names = {
    .name = "plain-names", .what = "Short names; no documentation, no metadata.", .edits = edits};

}  // namespace mob::shrink::steps
