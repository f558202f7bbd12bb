// Nodes with an input of their output's type: readers take that input instead. In nested graphs, too, where
// the types are for the reference and the runtime to refuse.
#include <algorithm>

#include "fuzzer/graph/prune.h"
#include "fuzzer/triage/shrink/edits.h"

namespace mob::shrink::steps {
namespace {

// What makes an output of a nested graph becomes Identity. Empty where that is no progress.
std::optional<Graph> bypassed(const Graph& body, std::size_t node, ValueId by) {
  const Node& n = body.nodes[node];
  Graph smaller = body;
  const bool output = smaller.is_output(n.outputs[0]);
  if (output)
    smaller.nodes[node] = {.name = n.name, .op_type = "Identity", .inputs = {by}, .outputs = {n.outputs[0]}};
  else
    smaller.redirect_uses(n.outputs[0], by, static_cast<int>(node));
  smaller = pruned(std::move(smaller));
  // Graphs further in may still read it.
  if (!output && smaller.nodes.size() == body.nodes.size()) return std::nullopt;
  return smaller;
}

void add_inside(const Node& n, std::vector<Edit>& list) {
  for (std::size_t a = 0; a < n.attributes.size(); ++a) {
    const auto* body = std::get_if<GraphPtr>(&n.attributes[a].value);
    if (body == nullptr) continue;
    for (std::size_t k = 0; k < (*body)->nodes.size(); ++k) {
      const Node& inner = (*body)->nodes[k];
      if (inner.op_type == "Identity" || handle(inner) != inner.outputs[0]) continue;
      for (ValueId v : inner.inputs) {
        if (v == kNoValue) continue;
        list.emplace_back([node = handle(n), a, k, v, was = *body](Case& c) {
          const int at = producer(c.model.graph, node);
          if (at < 0) return false;
          AttributeValue& value = c.model.graph.nodes[static_cast<std::size_t>(at)].attributes[a].value;
          if (std::get<GraphPtr>(value) != was) return false;  // changed by another edit of this round
          auto smaller = bypassed(*was, k, v);
          if (!smaller) return false;
          value = std::make_shared<const Graph>(std::move(*smaller));
          return true;
        });
      }
    }
  }
}

std::vector<Edit> edits(const Subject& s) {
  const Graph& g = s.c.model.graph;
  std::vector<Edit> list;
  for (const Node& n : g.nodes) {
    if (n.outputs.empty() || n.outputs[0] == kNoValue) continue;
    const Tensor* y = s.value(n.outputs[0]);
    for (ValueId v : n.inputs) {
      const Tensor* x = s.value(v);
      if (x == nullptr || y == nullptr || x->type() != y->type()) continue;
      list.emplace_back([from = n.outputs[0], v](Case& c) {
        Graph& g = c.model.graph;
        const int at = producer(g, from);
        // A graph output that is a graph input would say nothing.
        if (at < 0 || (g.is_output(from) && (producer(g, v) < 0 || g.is_output(v)))) return false;
        g.redirect_uses(from, v, at);
        return true;
      });
    }
    add_inside(n, list);
  }
  return list;
}

}  // namespace

extern const ShrinkStep bypass_nodes;
const ShrinkStep bypass_nodes = {.name = "bypass-nodes",
                                 .what = "Readers of a node take one of its inputs instead.",
                                 .structure = true,
                                 .edits = edits};

}  // namespace mob::shrink::steps
