#include "fuzzer/graph/graph.h"

#include <algorithm>
#include <unordered_set>

#include "fuzzer/base/check.h"

namespace mob {
namespace {

template <class T>
const T* value_of(const Node& node, std::string_view attribute_name) {
  const Attribute* a = node.attribute(attribute_name);
  if (a == nullptr) return nullptr;
  if (const T* v = std::get_if<T>(&a->value)) return v;
  throw UserError("node '" + node.name + "' (" + node.op_type + "): attribute '" +
                  std::string(attribute_name) + "' is of the wrong kind");
}

// Names that a nested graph, and those nested in it, take from around it.
void outer_names(const Graph& body, std::unordered_set<std::string_view>& names) {
  for (const Value& v : body.values)
    if (v.outer) names.insert(v.name);
  for (const Node& n : body.nodes)
    for (const Graph* inner : n.bodies()) outer_names(*inner, names);
}

}  // namespace

std::vector<const Graph*> Node::bodies() const {
  std::vector<const Graph*> list;
  for (const Attribute& a : attributes) {
    if (const auto* g = std::get_if<GraphPtr>(&a.value)) list.push_back(g->get());
    if (const auto* graphs = std::get_if<std::vector<GraphPtr>>(&a.value))
      for (const GraphPtr& g : *graphs) list.push_back(g.get());
  }
  return list;
}

const Attribute* Node::attribute(std::string_view attribute_name) const {
  for (const Attribute& a : attributes)
    if (a.name == attribute_name) return &a;
  return nullptr;
}

void Node::set(std::string_view attribute_name, AttributeValue value) {
  for (Attribute& a : attributes)
    if (a.name == attribute_name) {
      a.value = std::move(value);
      return;
    }
  attributes.push_back({std::string(attribute_name), std::move(value), {}, {}});
}

void Node::remove(std::string_view attribute_name) {
  std::erase_if(attributes, [&](const Attribute& a) { return a.name == attribute_name; });
}

std::int64_t Node::int_or(std::string_view n, std::int64_t fallback) const {
  const auto* v = value_of<std::int64_t>(*this, n);
  return v ? *v : fallback;
}
double Node::float_or(std::string_view n, double fallback) const {
  const auto* v = value_of<float>(*this, n);
  return v ? static_cast<double>(*v) : fallback;
}
std::string Node::string_or(std::string_view n, std::string_view fallback) const {
  const auto* v = value_of<std::string>(*this, n);
  return v ? *v : std::string(fallback);
}
std::vector<std::int64_t> Node::ints_or(std::string_view n, std::vector<std::int64_t> fallback) const {
  const auto* v = value_of<std::vector<std::int64_t>>(*this, n);
  return v ? *v : fallback;
}
std::vector<double> Node::floats_or(std::string_view n, std::vector<double> fallback) const {
  const auto* v = value_of<std::vector<float>>(*this, n);
  return v ? std::vector<double>(v->begin(), v->end()) : fallback;
}

ValueId Graph::add_value(std::string value_name, std::optional<TensorType> type) {
  const auto id = static_cast<ValueId>(values.size());
  if (value_name.empty()) value_name = fresh_name("v" + std::to_string(id));
  Value v;
  v.name = std::move(value_name);
  v.type = std::move(type);
  values.push_back(std::move(v));
  return id;
}

ValueId Graph::add_input(std::string value_name, const ArrayType& type) {
  const ValueId id = add_value(std::move(value_name), declared(type));
  inputs.push_back(id);
  return id;
}

ValueId Graph::add_initializer(std::string value_name, Tensor tensor) {
  const ValueId id = add_value(std::move(value_name), declared(tensor.type()));
  (*this)[id].initializer = std::make_shared<const Tensor>(std::move(tensor));
  initializers.push_back(id);
  return id;
}

ValueId Graph::add_node(std::string op_type, std::vector<ValueId> node_inputs,
                        std::vector<Attribute> attributes, std::size_t output_count, std::string domain) {
  Node node;
  node.name = "n" + std::to_string(nodes.size());
  node.op_type = std::move(op_type);
  node.domain = std::move(domain);
  node.inputs = std::move(node_inputs);
  node.attributes = std::move(attributes);
  for (std::size_t i = 0; i < output_count; ++i) node.outputs.push_back(add_value());
  nodes.push_back(std::move(node));
  return nodes.back().outputs.empty() ? kNoValue : nodes.back().outputs.front();
}

ValueId Graph::find(std::string_view value_name) const {
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i].name == value_name) return static_cast<ValueId>(i);
  return kNoValue;
}

bool Graph::is_input(ValueId v) const {
  return std::find(inputs.begin(), inputs.end(), v) != inputs.end();
}
bool Graph::is_output(ValueId v) const {
  return std::find(outputs.begin(), outputs.end(), v) != outputs.end();
}

std::vector<int> Graph::producers() const {
  std::vector<int> producer(values.size(), -1);
  for (std::size_t i = 0; i < nodes.size(); ++i)
    for (ValueId v : nodes[i].outputs)
      if (v != kNoValue) producer[static_cast<std::size_t>(v)] = static_cast<int>(i);
  return producer;
}

std::vector<int> Graph::use_counts() const {
  std::vector<int> uses(values.size(), 0);
  for (const Node& node : nodes) {
    for (ValueId v : node.inputs)
      if (v != kNoValue) ++uses[static_cast<std::size_t>(v)];
    for (ValueId v : captures(node)) ++uses[static_cast<std::size_t>(v)];
  }
  for (ValueId v : outputs)
    if (v != kNoValue) ++uses[static_cast<std::size_t>(v)];
  return uses;
}

std::vector<ValueId> Graph::captures(const Node& node) const {
  std::unordered_set<std::string_view> names;
  for (const Graph* body : node.bodies()) outer_names(*body, names);
  std::vector<ValueId> found;
  for (std::size_t v = 0; v < values.size() && found.size() < names.size(); ++v)
    if (names.contains(values[v].name)) found.push_back(static_cast<ValueId>(v));
  return found;
}

std::string Graph::fresh_name(std::string_view stem) const {
  std::string candidate(stem);
  for (int i = 1; find(candidate) != kNoValue; ++i) candidate = std::string(stem) + "_" + std::to_string(i);
  return candidate;
}

void Graph::redirect_uses(ValueId from, ValueId to, int except) {
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (static_cast<int>(i) != except) std::replace(nodes[i].inputs.begin(), nodes[i].inputs.end(), from, to);
  std::replace(outputs.begin(), outputs.end(), from, to);
}

std::vector<int> Graph::topological_order() const {
  const std::vector<int> producer = producers();
  std::vector<std::vector<int>> consumers(nodes.size());
  std::vector<int> waiting(nodes.size(), 0);
  const auto need = [&](std::size_t i, ValueId v) {
    if (v == kNoValue) return;
    const int p = producer[static_cast<std::size_t>(v)];
    if (p < 0) return;
    consumers[static_cast<std::size_t>(p)].push_back(static_cast<int>(i));
    ++waiting[i];
  };
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (ValueId v : nodes[i].inputs) need(i, v);
    for (ValueId v : captures(nodes[i])) need(i, v);
  }
  std::vector<int> order;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (waiting[i] == 0) order.push_back(static_cast<int>(i));
  for (std::size_t at = 0; at < order.size(); ++at)
    for (int c : consumers[static_cast<std::size_t>(order[at])])
      if (--waiting[static_cast<std::size_t>(c)] == 0) order.push_back(c);
  if (order.size() != nodes.size()) {
    for (std::size_t i = 0; i < nodes.size(); ++i)
      if (waiting[i] > 0)
        throw UserError("the graph has a cycle through node '" + nodes[i].name + "' (" + nodes[i].op_type +
                        ")");
  }
  // Keep the model's own order where it is already right: it is what the user reads.
  bool sorted = true;
  for (std::size_t i = 0; i < nodes.size() && sorted; ++i)
    for (int c : consumers[i]) sorted = sorted && c > static_cast<int>(i);
  if (sorted)
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
  return order;
}

std::int64_t Model::opset(std::string_view domain) const {
  const auto at = opsets.find(std::string(domain == "ai.onnx" ? "" : domain));
  return at == opsets.end() ? 0 : at->second;
}

}  // namespace mob
