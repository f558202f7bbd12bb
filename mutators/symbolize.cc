// What is declared of shapes: sizes of graph inputs become symbols, dimensions without a name, or nothing at
// all (not even the rank); or symbols become the sizes that they have. Types of values within are declared or
// not.
#include <map>
#include <set>

#include "fuzzer/graph/binding.h"
#include "mutators/rewrites.h"

namespace mob::mutators {
namespace {

// A symbol of equal sizes, which no dimension of an input has yet: those that are there may take other sizes.
std::string fresh_symbol(const Graph& g, std::int64_t size) {
  std::set<std::string> taken;
  for (ValueId v : g.inputs)
    if (g[v].type && g[v].type->shape)
      for (const Dim& d : *g[v].type->shape) taken.insert(d.symbol);
  std::string symbol = "size" + std::to_string(size);
  while (taken.contains(symbol)) symbol += "_";
  return symbol;
}

// Whether anything was made open.
bool open_inputs(Case& c, const std::string& to, Choices& choices) {
  Graph& g = c.model.graph;
  Rng& rng = choices.rng();
  std::map<std::int64_t, std::string> symbols;
  bool changed = false;
  for (ValueId v : g.inputs) {
    if (g[v].initializer || !g[v].type || !g[v].type->shape) continue;
    for (Dim& d : *g[v].type->shape) {
      if (d.value < 0 || (!choices.everywhere() && rng.chance(0.4))) continue;
      // Equal sizes share a symbol, as in exported models, unless they are to have none.
      if (to == "symbols" && !symbols.contains(d.value)) symbols[d.value] = fresh_symbol(g, d.value);
      d.symbol = to == "symbols" ? symbols[d.value] : "";
      d.value = -1;
      changed = true;
    }
  }
  return changed;
}

// Other bindings have other sizes: they go.
bool close_inputs(Case& c) {
  if (fixed_sizes(c)) return false;
  c.model = made_static(c.model, c.inputs);
  c.bindings.clear();
  return true;
}

// Declares the types of all values within, or of none.
bool list_values(Case& c, const std::string& how) {
  bool changed = false;
  if (how == "keep") return changed;
  for (const Node& n : c.model.graph.nodes)
    for (ValueId v : n.outputs) {
      if (v == kNoValue || c.model.graph.is_output(v)) continue;
      changed = changed || c.model.graph[v].listed != (how == "all");
      c.model.graph[v].listed = how == "all";
    }
  return changed;
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::string to = choices.word("sizes", {"symbols", "nameless", "static", "keep"});
  const std::string values = choices.word("values", {"keep", "all", "none"});
  maybe_misread(c, f, choices);
  const bool sizes = to == "keep" ? false : to == "static" ? close_inputs(c) : open_inputs(c, to, choices);
  const bool listed = list_values(c, values);
  return sizes || listed ? std::optional(Promise{}) : std::nullopt;
}

}  // namespace

extern const Mutator symbolize;
const Mutator symbolize{
    .name = "symbolize",
    .aims_at = "passes that compare or fold dimensions, and need types declared (sizes, values)",
    .family = MutatorFamily::kRewrite,
    .apply = kept<change>};

}  // namespace mob::mutators
