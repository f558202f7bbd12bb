// Symbolic dimensions become fixed, and sizes smaller: everywhere where a size stands at once, and one by
// one.
#include <algorithm>
#include <set>

#include "fuzzer/triage/shrink/edits.h"

namespace mob::shrink::steps {
namespace {

// Lists of sizes, axes and the like, as a rule.
bool is_parameter(const Tensor& t) {
  return (t.dtype() == DType::kInt64 || t.dtype() == DType::kInt32) && t.dims().size() <= 1;
}

// The first `size` entries of an axis.
std::optional<Tensor> cut(const Tensor& t, std::size_t axis, std::int64_t size) {
  Dims dims = t.dims();
  if (axis >= dims.size() || dims[axis] <= size) return std::nullopt;
  const std::int64_t before = dims[axis];
  std::int64_t inner = 1;
  for (std::size_t d = axis + 1; d < dims.size(); ++d) inner *= dims[d];
  dims[axis] = size;
  const auto taken = [&](auto&& at) {
    std::vector<std::decay_t<decltype(at(0))>> list;
    for (std::int64_t i = 0; i < t.count(); ++i)
      if (i / inner % before < size) list.push_back(at(i));
    return list;
  };
  if (is_float(t.dtype()))
    return Tensor::of(t.dtype(), dims, taken([&](std::int64_t i) { return t.real_at(i); }));
  return Tensor::of_ints(t.dtype(), dims, taken([&](std::int64_t i) { return t.int_at(i); }));
}

void replace_in_attributes(Case& c, std::int64_t from, std::int64_t to) {
  for (Node& n : c.model.graph.nodes)
    for (Attribute& a : n.attributes)
      if (auto* list = std::get_if<std::vector<std::int64_t>>(&a.value))
        std::replace(list->begin(), list->end(), from, to);
      else if (auto* one = std::get_if<std::int64_t>(&a.value); one != nullptr && *one == from && from > 4)
        *one = to;  // smaller numbers are flags and axes
}

// How far a size is looked for.
enum class Reach : std::uint8_t { kLeaves, kParameters, kAttributes };

bool cut_everywhere(Case& c, const std::vector<ValueId>& leaves, std::int64_t from, std::int64_t to,
                    Reach reach) {
  bool any = false;
  for (ValueId v : leaves)
    any = change_leaf(c, v,
                      [&](const Tensor& t) -> std::optional<Tensor> {
                        if (is_parameter(t)) {
                          std::vector<std::int64_t> values = t.ints_vector();
                          if (reach == Reach::kLeaves || std::count(values.begin(), values.end(), from) == 0)
                            return std::nullopt;
                          std::replace(values.begin(), values.end(), from, to);
                          return Tensor::of_ints(t.dtype(), t.dims(), values);
                        }
                        std::optional<Tensor> now;
                        for (std::size_t d = 0; d < t.dims().size(); ++d)
                          if (t.dims()[d] == from) now = cut(now ? *now : t, d, to);
                        return now;
                      }) ||
          any;
  if (any && reach == Reach::kAttributes) replace_in_attributes(c, from, to);
  return any;
}

std::vector<std::int64_t> smaller_than(std::int64_t size) {
  std::vector<std::int64_t> list;
  for (std::int64_t t : {std::int64_t{2}, std::int64_t{1}, size / 2, size - 1})
    if (t > 0 && t < size && std::find(list.begin(), list.end(), t) == list.end()) list.push_back(t);
  return list;
}

// Symbols become the sizes that the case gives them.
void add_fixed(const Subject& s, std::vector<Edit>& list) {
  const Graph& g = s.c.model.graph;
  std::set<std::string> symbols;
  bool any = false;
  for (ValueId v : g.inputs) {
    if (!g[v].type || !g[v].type->shape) continue;
    for (const Dim& d : *g[v].type->shape) {
      any = any || d.value < 0;
      if (d.value < 0 && !d.symbol.empty()) symbols.insert(d.symbol);
    }
  }
  if (!any || !s.c.bindings.empty()) return;
  const auto fix = [](Case& c, const std::string* only) {
    bool changed = false;
    for (ValueId v : c.model.graph.inputs) {
      Value& value = c.model.graph[v];
      const auto given = c.inputs.find(value.name);
      if (!value.type || !value.type->shape || given == c.inputs.end() ||
          given->second.dims().size() != value.type->shape->size())
        continue;
      for (std::size_t d = 0; d < value.type->shape->size(); ++d) {
        Dim& dim = (*value.type->shape)[d];
        if (dim.value >= 0 || (only != nullptr && dim.symbol != *only)) continue;
        dim = {.value = given->second.dims()[d]};
        changed = true;
      }
    }
    return changed;
  };
  list.emplace_back([fix](Case& c) { return fix(c, nullptr); });
  if (symbols.size() > 1)
    for (const std::string& symbol : symbols)
      list.emplace_back([fix, symbol](Case& c) { return fix(c, &symbol); });
}

std::vector<Edit> edits(const Subject& s) {
  std::vector<Edit> list;
  add_fixed(s, list);
  std::vector<ValueId> ids;
  std::set<std::int64_t, std::greater<>> sizes;
  const std::vector<Leaf> leaves = shrink::leaves(s);
  for (const Leaf& leaf : leaves) {
    ids.push_back(leaf.v);
    if (!is_parameter(leaf.content))
      for (std::int64_t d : leaf.content.dims())
        if (d > 1) sizes.insert(d);
  }
  for (std::int64_t from : sizes)
    for (std::int64_t to : smaller_than(from))
      for (Reach reach : {Reach::kLeaves, Reach::kParameters, Reach::kAttributes})
        list.emplace_back(
            [ids, from, to, reach](Case& c) { return cut_everywhere(c, ids, from, to, reach); });
  for (const Leaf& leaf : leaves)
    for (std::size_t axis = 0; axis < leaf.content.dims().size(); ++axis)
      for (std::int64_t to : smaller_than(leaf.content.dims()[axis]))
        list.emplace_back([v = leaf.v, axis, to](Case& c) {
          return change_leaf(c, v, [&](const Tensor& t) { return cut(t, axis, to); });
        });
  return list;
}

}  // namespace

extern const ShrinkStep cut_dimensions;
const ShrinkStep cut_dimensions = {
    .name = "cut-dimensions", .what = "Dimensions become fixed and small.", .edits = edits};

}  // namespace mob::shrink::steps
