#include "mutators/nest.h"

#include <algorithm>
#include <set>

namespace mob::mutators {
namespace {

constexpr std::size_t kMostNodes = 5;

}  // namespace

std::optional<Part> draw_part(const Case& c, const Facts& f, Rng& rng) {
  const Graph& g = c.model.graph;
  if (!f.valid() || f.order().empty()) return std::nullopt;
  const std::vector<int>& order = f.order();
  const std::size_t n = 1 + rng.below(std::min(kMostNodes, order.size()));
  const std::size_t first = rng.below(order.size() - n + 1);
  Part part;
  part.nodes.assign(order.begin() + static_cast<std::ptrdiff_t>(first),
                    order.begin() + static_cast<std::ptrdiff_t>(first + n));
  const std::set<int> within(part.nodes.begin(), part.nodes.end());
  std::set<ValueId> read;
  for (int i : part.nodes) {
    const Node& node = g.nodes[static_cast<std::size_t>(i)];
    for (ValueId v : node.inputs)
      if (v != kNoValue && !within.contains(f.producer(v)) && read.insert(v).second) part.reads.push_back(v);
    for (ValueId v : node.outputs) {
      if (v == kNoValue) continue;
      const std::vector<Use>& uses = f.uses(v);
      if (std::any_of(uses.begin(), uses.end(), [&](const Use& u) { return !within.contains(u.node); }))
        part.makes.push_back(v);
    }
  }
  if (part.makes.empty()) return std::nullopt;
  return part;
}

bool carries(const Case& c, const Facts& f, std::string_view op, const std::vector<ValueId>& values) {
  const Schema* form = schema(op, static_cast<int>(c.model.opset()));
  return form != nullptr && !form->outputs.empty() &&
         std::all_of(values.begin(), values.end(), [&](ValueId v) {
           return f.known(v) && form->outputs.front().types.has(f.type(v).dtype);
         });
}

TensorType declared_in(const Case& c, const ArrayType& t) {
  const Graph& g = c.model.graph;
  const bool open = std::any_of(g.inputs.begin(), g.inputs.end(), [&](ValueId v) {
    return !g[v].type || !g[v].type->shape ||
           std::any_of(g[v].type->shape->begin(), g[v].type->shape->end(),
                       [](const Dim& d) { return d.value < 0; });
  });
  TensorType type = declared(t);
  if (open)
    for (Dim& d : *type.shape) d.value = -1;
  return type;
}

Body::Body(const Case& c, const Facts& f, std::string name, std::string suffix)
    : c_(c), f_(f), suffix_(std::move(suffix)) {
  graph_.name = std::move(name);
}

std::string Body::fresh(const std::string& stem) {
  std::string name = stem + suffix_;
  for (int i = 1; c_.model.graph.find(name) != kNoValue || graph_.find(name) != kNoValue; ++i)
    name = stem + suffix_ + std::to_string(i);
  return name;
}

ValueId Body::input(const std::string& stem, const ArrayType& type) {
  const ValueId v = graph_.add_value(fresh(stem), declared_in(c_, type));
  graph_.inputs.push_back(v);
  return v;
}

ValueId Body::input_for(ValueId outside) {
  return inner_[outside] = input(c_.model.graph[outside].name, f_.type(outside));
}

ValueId Body::inner(ValueId outside) {
  const auto at = inner_.find(outside);
  if (at != inner_.end()) return at->second;
  const ValueId v = graph_.add_value(c_.model.graph[outside].name);
  graph_[v].outer = true;
  return inner_[outside] = v;
}

void Body::add(const Part& part) {
  const Graph& g = c_.model.graph;
  for (int i : part.nodes) {
    Node n = g.nodes[static_cast<std::size_t>(i)];
    n.name += suffix_;
    for (ValueId& v : n.inputs)
      if (v != kNoValue) v = inner(v);
    for (ValueId& v : n.outputs)
      if (v != kNoValue) v = inner_[v] = graph_.add_value(fresh(g[v].name));
    graph_.nodes.push_back(std::move(n));
  }
}

ValueId Body::add_node(std::string op, std::vector<ValueId> inputs, std::vector<Attribute> attributes) {
  Node n;
  n.name = "extra" + std::to_string(graph_.nodes.size()) + suffix_;
  n.op_type = std::move(op);
  n.inputs = std::move(inputs);
  n.attributes = std::move(attributes);
  n.outputs = {graph_.add_value(fresh("t" + std::to_string(graph_.values.size())))};
  graph_.nodes.push_back(std::move(n));
  return graph_.nodes.back().outputs.front();
}

void Body::output(ValueId inside, const ArrayType& type) {
  // What comes in cannot go out as it is, nor can one value go out twice.
  if (graph_[inside].outer || graph_.is_input(inside) || graph_.is_output(inside))
    inside = add_node("Identity", {inside});
  graph_[inside].type = declared_in(c_, type);
  graph_.add_output(inside);
}

std::vector<ValueId> append_if(Case& c, const Facts& f, std::size_t outputs, Rng& rng,
                               const std::function<void(Body&, bool taken)>& fill) {
  const bool condition = rng.chance(0.5);
  std::vector<Attribute> branches;
  for (const bool then : {true, false}) {
    const std::string name = then ? "then_branch" : "else_branch";
    Body body(c, f, name, then ? "_then" : "_else");
    fill(body, then == condition);
    branches.push_back({.name = name, .value = body.take()});
  }
  const Dims dims = rng.chance(0.7) ? Dims{} : Dims{1};
  const Tensor tensor = Tensor::of_ints(DType::kBool, dims, {std::int64_t{condition}});
  const ValueId leaf = add_leaf(c, tensor, draw_constness(rng));
  return append(c, "If", {leaf}, std::move(branches), outputs);
}

void replace_part(Case& c, const Part& part, const std::vector<ValueId>& made) {
  Graph& g = c.model.graph;
  const std::set<int> within(part.nodes.begin(), part.nodes.end());
  // Names and places of graph outputs stay: the new nodes make the old values.
  const auto take_over = [&](ValueId from) {
    for (std::size_t i = 0; i < made.size(); ++i)
      if (made[i] == from) return part.makes[i];
    return from;
  };
  for (std::size_t i = 0; i < g.nodes.size(); ++i) {
    if (within.contains(static_cast<int>(i))) continue;
    for (ValueId& v : g.nodes[i].outputs) v = take_over(v);
  }
  std::vector<Node> kept;
  for (std::size_t i = 0; i < g.nodes.size(); ++i)
    if (!within.contains(static_cast<int>(i))) kept.push_back(std::move(g.nodes[i]));
  g.nodes = std::move(kept);
  drop_unread_leaves(c);
  std::vector<bool> there(g.values.size(), false);
  for (const Node& n : g.nodes)
    for (ValueId v : n.outputs)
      if (v != kNoValue) there[static_cast<std::size_t>(v)] = true;
  for (std::size_t v = 0; v < g.values.size(); ++v) g.values[v].listed = g.values[v].listed && there[v];
  std::vector<Node> ordered;
  for (int i : g.topological_order()) ordered.push_back(std::move(g.nodes[static_cast<std::size_t>(i)]));
  g.nodes = std::move(ordered);
}

}  // namespace mob::mutators
