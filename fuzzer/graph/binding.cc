#include "fuzzer/graph/binding.h"

#include "fuzzer/base/text.h"

namespace mob {

std::optional<Sizes> sizes_of(const Graph& graph, const Inputs& inputs) {
  Sizes sizes;
  for (ValueId v : graph.inputs) {
    const auto given = inputs.find(graph[v].name);
    if (given == inputs.end()) {
      if (!graph[v].initializer) return std::nullopt;
      continue;
    }
    if (!graph[v].type || !fits(*graph[v].type, given->second.type(), sizes)) return std::nullopt;
    if (!graph[v].type->shape) continue;
    for (std::size_t d = 0; d < graph[v].type->shape->size(); ++d) {
      const Dim& dim = (*graph[v].type->shape)[d];
      if (dim.value < 0 && dim.symbol.empty())
        sizes[graph[v].name + "[" + std::to_string(d) + "]"] = given->second.dims()[d];
    }
  }
  return sizes;
}

bool fits(const TensorType& declared, const ArrayType& is, Sizes& sizes) {
  if (declared.dtype != is.dtype) return false;
  if (!declared.shape) return true;
  if (declared.shape->size() != is.rank()) return false;
  for (std::size_t d = 0; d < is.rank(); ++d) {
    const Dim& dim = (*declared.shape)[d];
    if (dim.value >= 0
            ? dim.value != is.dims[d]
            : !dim.symbol.empty() && sizes.emplace(dim.symbol, is.dims[d]).first->second != is.dims[d])
      return false;
  }
  return true;
}

std::string show_sizes(const Sizes& now, const Sizes& before) {
  std::vector<std::string> after, changed;
  for (const auto& [symbol, size] : now) {
    const auto was = before.find(symbol);
    if (was == before.end() || was->second == size) continue;
    changed.push_back(symbol + " = " + std::to_string(size));
    after.push_back(symbol + " = " + std::to_string(was->second));
  }
  return changed.empty() ? "" : join(changed, ", ") + " after " + join(after, ", ");
}

Model made_static(const Model& model, const Inputs& inputs) {
  Model fixed = model;
  const Sizes sizes = sizes_of(model.graph, inputs).value_or(Sizes());
  for (Value& value : fixed.graph.values) {
    if (!value.type || !value.type->shape) continue;
    for (Dim& d : *value.type->shape)
      if (const auto at = sizes.find(d.symbol); d.value < 0 && !d.symbol.empty() && at != sizes.end()) {
        d.value = at->second;
        d.symbol.clear();
      }
  }
  for (ValueId v : fixed.graph.inputs)
    if (const auto given = inputs.find(fixed.graph[v].name); given != inputs.end() && fixed.graph[v].type)
      fixed.graph[v].type = declared(given->second.type());
  return fixed;
}

}  // namespace mob
