// Takes nodes out: what others read of them becomes a graph input, what they alone read becomes a graph
// output. Any subset of a graph's nodes is a graph in this way, so that delta debugging finds the few that
// matter among hundreds (Zeller and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002).
#include <algorithm>

#include "fuzzer/triage/shrink/edits.h"

namespace mob::shrink::steps {
namespace {

struct Output {
  ValueId v;
  std::vector<Tensor> known;
  TensorType type;
};

bool take_out(Case& c, ValueId node, const std::vector<Output>& outputs) {
  Graph& g = c.model.graph;
  const int at = producer(g, node);
  if (at < 0) return false;
  const Node n = g.nodes[static_cast<std::size_t>(at)];
  const std::vector<int> uses = g.use_counts();
  std::vector<const Output*> inputs;  // to be
  for (ValueId v : n.outputs) {
    if (v == kNoValue ||
        uses[static_cast<std::size_t>(v)] <= std::count(g.outputs.begin(), g.outputs.end(), v))
      continue;
    const auto o = std::find_if(outputs.begin(), outputs.end(), [&](const Output& x) { return x.v == v; });
    if (o == outputs.end() || o->known.size() != c.bindings.size() + 1) return false;
    inputs.push_back(&*o);
  }
  const std::vector<ValueId> captured = g.captures(n);
  g.nodes.erase(g.nodes.begin() + at);
  for (ValueId v : n.outputs) std::erase(g.outputs, v);
  for (const Output* o : inputs) becomes_input(c, o->v, o->known, o->type);
  const std::vector<int> left = g.use_counts();
  const auto keep = [&](ValueId v) {
    if (v == kNoValue || left[static_cast<std::size_t>(v)] > 0 || g.is_output(v) || g[v].outer) return;
    const int p = producer(g, v);
    if (p < 0 || g.nodes[static_cast<std::size_t>(p)].op_type == "Constant" || !g[v].opaque_type.empty())
      return;
    g.outputs.push_back(v);
  };
  for (ValueId v : n.inputs) keep(v);
  for (ValueId v : captured) keep(v);
  return true;
}

std::vector<Edit> edits(const Subject& s) {
  const Graph& g = s.c.model.graph;
  std::vector<Edit> list;
  const std::vector<int> order = g.topological_order();
  for (auto i = order.rbegin(); i != order.rend(); ++i) {
    const Node& n = g.nodes[static_cast<std::size_t>(*i)];
    if (n.op_type == "Constant" && n.inputs.empty()) continue;
    std::vector<Output> outputs;
    for (ValueId v : n.outputs)
      if (v != kNoValue)
        if (std::vector<Tensor> known = shrink::known(s, v); !known.empty())
          outputs.push_back({v, std::move(known), s.type_of(v)});
    list.emplace_back([node = handle(n), outputs = std::move(outputs)](Case& c) {
      return node != kNoValue && take_out(c, node, outputs);
    });
  }
  return list;
}

}  // namespace

extern const ShrinkStep drop_nodes;
const ShrinkStep drop_nodes = {.name = "drop-nodes",
                               .what = "Takes nodes out; their values become graph inputs.",
                               .together = true,
                               .structure = true,
                               .edits = edits};

}  // namespace mob::shrink::steps
