#include "fuzzer/triage/shrink/edits.h"

#include <algorithm>

#include "fuzzer/graph/binding.h"
#include "mutators/edit.h"

namespace mob {

const Tensor* Subject::value(ValueId v) const {
  if (v == kNoValue || values.empty()) return nullptr;
  const auto at = values.front().find(c.model.graph[v].name);
  return at == values.front().end() ? nullptr : &at->second;
}

TensorType Subject::type_of(ValueId v) const {
  const Graph& g = c.model.graph;
  const std::string& name = g[v].name;
  const Dims& own = values.front().at(name).dims();
  TensorType type = declared(values.front().at(name).type());
  // What shape inference calls by a symbol stays symbolic.
  if (g[v].type && g[v].type->shape && g[v].type->shape->size() == own.size())
    for (std::size_t d = 0; d < own.size(); ++d)
      if (const Dim& dim = (*g[v].type->shape)[d]; dim.value < 0 && !dim.symbol.empty())
        (*type.shape)[d] = {.value = -1, .symbol = dim.symbol};
  const auto sizes = [&](const Inputs& inputs) { return sizes_of(g, inputs).value_or(Sizes()); };
  const Sizes here = sizes(c.inputs);
  for (std::size_t b = 1; b < values.size(); ++b) {
    const auto there = values[b].find(name);
    if (there == values[b].end()) continue;
    const Dims& dims = there->second.dims();
    if (dims.size() != own.size()) {
      type.shape.reset();
      return type;
    }
    for (std::size_t d = 0; d < own.size(); ++d) {
      if (dims[d] == own[d] || !(*type.shape)[d].symbol.empty()) continue;
      // The symbol that has these sizes, if there is one.
      (*type.shape)[d] = {};
      const Sizes sizes_there = sizes(c.bindings[b - 1]);
      for (const auto& [symbol, size] : here)
        if (symbol.find('[') == std::string::npos && size == own[d] && sizes_there.contains(symbol) &&
            sizes_there.at(symbol) == dims[d])
          (*type.shape)[d].symbol = symbol;
    }
  }
  return type;
}

namespace shrink {

int producer(const Graph& g, ValueId v) {
  for (std::size_t i = 0; i < g.nodes.size(); ++i)
    if (std::find(g.nodes[i].outputs.begin(), g.nodes[i].outputs.end(), v) != g.nodes[i].outputs.end())
      return static_cast<int>(i);
  return -1;
}

int uses(const Graph& g, ValueId v) {
  return g.use_counts()[static_cast<std::size_t>(v)];
}

ValueId handle(const Node& n) {
  for (ValueId v : n.outputs)
    if (v != kNoValue) return v;
  return kNoValue;
}

bool becomes_input(Case& c, ValueId v, const std::vector<Tensor>& per_binding, const TensorType& type) {
  if (per_binding.size() != c.bindings.size() + 1) return false;
  Graph& g = c.model.graph;
  g[v].type = type;
  g[v].opaque_type.clear();
  g[v].listed = false;
  g.inputs.push_back(v);
  c.inputs.insert_or_assign(g[v].name, per_binding[0]);
  for (std::size_t b = 0; b < c.bindings.size(); ++b)
    c.bindings[b].insert_or_assign(g[v].name, per_binding[b + 1]);
  return true;
}

void becomes_initializer(Case& c, ValueId v, const Tensor& value) {
  Graph& g = c.model.graph;
  g[v].type = declared(value.type());
  g[v].opaque_type.clear();
  g[v].listed = false;
  g[v].initializer = std::make_shared<const Tensor>(value);
  g.initializers.push_back(v);
}

std::vector<Tensor> known(const Subject& s, ValueId v) {
  std::vector<Tensor> list;
  for (const auto& values : s.values) {
    const auto at = values.find(s.c.model.graph[v].name);
    if (at == values.end()) return {};
    list.push_back(at->second);
  }
  return list;
}

std::vector<Leaf> leaves(const Subject& s) {
  const Graph& g = s.c.model.graph;
  const std::vector<int> uses = g.use_counts();
  std::vector<Leaf> list;
  for (std::size_t i = 0; i < g.values.size(); ++i) {
    const auto v = static_cast<ValueId>(i);
    if (uses[i] == 0 || g[v].outer) continue;
    if (auto t = mutators::content(s.c, v); t && !t->is_string()) list.push_back({v, std::move(*t)});
  }
  return list;
}

bool change_leaf(Case& c, ValueId v, const std::function<std::optional<Tensor>(const Tensor&)>& f) {
  const auto held = mutators::content(c, v);
  if (!held) return false;
  const Graph& g = c.model.graph;
  std::optional<Tensor> now = f(*held);
  if (!now) return false;
  std::vector<std::pair<Tensor*, Tensor>> there;
  for (Inputs& binding : c.bindings)
    if (const auto at = binding.find(g[v].name); at != binding.end()) {
      std::optional<Tensor> changed = f(at->second);
      if (!changed) return false;
      there.emplace_back(&at->second, std::move(*changed));
    }
  const std::optional<TensorType> before = g[v].type;
  const bool input = g.is_input(v);
  mutators::set_content(c, v, std::move(*now));
  // Symbols stay: their sizes are the tensor's business.
  if (auto& type = c.model.graph[v].type;
      input && before && before->shape && type->shape && before->shape->size() == type->shape->size())
    for (std::size_t d = 0; d < type->shape->size(); ++d)
      if ((*before->shape)[d].value < 0) (*type->shape)[d] = (*before->shape)[d];
  for (auto& [tensor, changed] : there) *tensor = std::move(changed);
  return true;
}

}  // namespace shrink
}  // namespace mob
