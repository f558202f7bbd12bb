// A mutant put in order: types, order of nodes, what is left over.
#include <algorithm>
#include <map>
#include <set>

#include "mutators/edit.h"
#include "mutators/old_initializers.h"

namespace mob {
namespace {

// Declared types of graph inputs follow their tensors; what was symbolic stays so where the rank is the same.
// Whether any dimension is open.
bool declare_inputs(Case& c) {
  Graph& g = c.model.graph;
  std::map<std::string, std::int64_t> sizes;
  std::set<std::string> torn;  // symbols that stand for two sizes now
  const auto each_symbol = [&](auto&& f) {
    for (ValueId v : g.inputs)
      if (g[v].type && g[v].type->shape)
        for (std::size_t d = 0; d < g[v].type->shape->size(); ++d) f(v, d, (*g[v].type->shape)[d]);
  };
  bool open = false;
  for (ValueId v : g.inputs) {
    const auto given = c.inputs.find(g[v].name);
    const ArrayType& t = given != c.inputs.end() ? given->second.type() : g[v].initializer->type();
    TensorType now = declared(t);
    if (g[v].type && !g[v].initializer) {
      if (!g[v].type->shape) {
        now.shape.reset();
        open = true;
      } else if (g[v].type->shape->size() == t.rank()) {
        for (std::size_t d = 0; d < t.rank(); ++d) {
          const Dim& old = (*g[v].type->shape)[d];
          (*now.shape)[d].denotation = old.denotation;
          if (old.value >= 0) continue;
          (*now.shape)[d] = old;
          open = true;
        }
      }
    }
    g[v].type = std::move(now);
  }
  each_symbol([&](ValueId v, std::size_t d, Dim& dim) {
    if (dim.symbol.empty()) return;
    const auto given = c.inputs.find(g[v].name);
    if (given == c.inputs.end()) return;
    const std::int64_t size = given->second.dims()[d];
    if (sizes.emplace(dim.symbol, size).first->second != size) torn.insert(dim.symbol);
  });
  each_symbol([&](ValueId, std::size_t, Dim& dim) {
    if (torn.contains(dim.symbol)) dim.symbol.clear();
  });
  return open;
}

}  // namespace

bool settle(Case& c, const Support* support) try {
  c.witness.clear();
  drop_unread_leaves(c);
  if (!mutators::plain(c)) return false;
  Graph& g = c.model.graph;
  if (g.outputs.empty()) return false;
  for (Node& n : g.nodes)  // inputs left out at the end are not written
    while (!n.inputs.empty() && n.inputs.back() == kNoValue) n.inputs.pop_back();
  // One name can be a graph output once only.
  std::set<ValueId> seen;
  std::erase_if(g.outputs, [&](ValueId v) { return !seen.insert(v).second; });

  const mutators::Facts facts(c, support);
  if (!facts.valid()) return false;
  for (ValueId v : g.outputs)
    if (!facts.known(v)) return false;
  if (c.model.ir_version < kFirstFreeInitializers &&
      std::any_of(g.initializers.begin(), g.initializers.end(), [&](ValueId v) { return !g.is_input(v); }))
    c.model.ir_version = kRaisedIr;

  const bool open = declare_inputs(c);
  std::vector<bool> made(g.values.size(), false);
  for (const Node& n : g.nodes)
    for (ValueId v : n.outputs) {
      if (v == kNoValue) continue;
      made[static_cast<std::size_t>(v)] = true;
      g[v].type = declared(facts.type(v));
      if (open)  // what the dimensions are is for shape inference to say
        for (Dim& d : *g[v].type->shape) d.value = -1;
    }
  for (ValueId v : g.inputs) made[static_cast<std::size_t>(v)] = true;
  for (std::size_t v = 0; v < g.values.size(); ++v)
    if (!made[v]) g.values[v].listed = false;
  for (ValueId v : g.inputs) g[v].listed = false;

  std::vector<Node> ordered;
  ordered.reserve(g.nodes.size());
  for (int i : facts.order()) ordered.push_back(std::move(g.nodes[static_cast<std::size_t>(i)]));
  g.nodes = std::move(ordered);
  return true;
} catch (const UserError&) {  // a cycle, a shape that overflows
  return false;
}

}  // namespace mob
