// Other names and another order, where neither means anything: names of values within and of nodes, the order
// of nodes and of initializers.
#include <algorithm>
#include <array>
#include <set>

#include "mutators/rewrites.h"

namespace mob::mutators {
namespace {

// What optimizers and exporters add to names, or take names apart by.
constexpr std::array<std::string_view, 14> kEndings = {"_transpose_0",
                                                       "_quantized",
                                                       "_QuantizeLinear_Output",
                                                       "_DequantizeLinear",
                                                       "_fused",
                                                       "_cast_0",
                                                       "/output_0",
                                                       ".weight",
                                                       "_token_0",
                                                       "_1",
                                                       ":0",
                                                       "__",
                                                       "_InsertedPrecisionFreeCast_x",
                                                       "_scale"};
constexpr std::array<std::string_view, 6> kOdd = {"\u00e9\u4e2d\u0416", " ", "0", "-1", "Relu",
                                                  "a/b.c:0|d e"};

// One new name: of a fresh stem, of a name that stands in the model with an ending, an odd one, a long one.
std::string draw_name(const std::vector<std::string>& names, Rng& rng) {
  switch (rng.below(5)) {
    case 0:
      return "t" + std::to_string(rng.below(1000));
    case 1:
    case 2:
      return rng.pick(names) + std::string(rng.pick(kEndings));
    case 3:
      return std::string(rng.pick(kOdd));
    default:
      return std::string(static_cast<std::size_t>(rng.range(200, 3000)), 'n');
  }
}

// Values that are neither graph inputs nor graph outputs.
void rename_values(Case& c, Rng& rng) {
  Graph& g = c.model.graph;
  std::vector<std::string> names;
  for (const Value& v : g.values)
    if (!v.name.empty()) names.push_back(v.name);
  std::set<std::string> taken(names.begin(), names.end());
  for (ValueId v = 0; v < static_cast<ValueId>(g.values.size()); ++v) {
    if (g[v].name.empty() || g.is_input(v) || g.is_output(v) || !rng.chance(0.7)) continue;
    std::string name = draw_name(names, rng);
    while (!taken.insert(name).second) name += rng.pick(kEndings);
    g[v].name = name;
  }
}

void rename_nodes(Case& c, Rng& rng) {
  Graph& g = c.model.graph;
  std::vector<std::string> names;
  for (const Value& v : g.values) names.push_back(v.name);
  const bool none = rng.chance(0.3);
  std::set<std::string> taken;
  for (Node& n : g.nodes) {
    // A node may be called like a value.
    std::string name = none || rng.chance(0.2) ? ""
                       : rng.chance(0.4)       ? rng.pick(names)
                                               : draw_name(names, rng);
    while (!name.empty() && !taken.insert(name).second) name += "_0";
    n.name = std::move(name);
  }
}

// Any order in which what a node reads comes first.
void reorder_nodes(Case& c, Rng& rng) {
  Graph& g = c.model.graph;
  const std::vector<int> producer = g.producers();
  std::vector<bool> done(g.nodes.size(), false);
  std::vector<Node> ordered;
  const auto ready = [&](std::size_t n) {
    return !done[n] && std::all_of(g.nodes[n].inputs.begin(), g.nodes[n].inputs.end(), [&](ValueId v) {
      const int p = v == kNoValue ? -1 : producer[static_cast<std::size_t>(v)];
      return p < 0 || done[static_cast<std::size_t>(p)];
    });
  };
  while (ordered.size() < g.nodes.size()) {
    std::vector<std::size_t> next;
    for (std::size_t n = 0; n < g.nodes.size(); ++n)
      if (ready(n)) next.push_back(n);
    const std::size_t n = rng.pick(next);
    done[n] = true;
    ordered.push_back(g.nodes[n]);
  }
  g.nodes = std::move(ordered);
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::string what = choices.word("what", {"all", "values", "nodes", "order"});
  maybe_misread(c, f, choices);
  if (what == "all" || what == "values") rename_values(c, choices.rng());
  if (what == "all" || what == "nodes") rename_nodes(c, choices.rng());
  if (what == "all" || what == "order") {
    reorder_nodes(c, choices.rng());
    choices.rng().shuffle(c.model.graph.initializers);
  }
  return Promise{};
}

}  // namespace

extern const Mutator shuffle_names;
const Mutator shuffle_names{
    .name = "shuffle-names",
    .aims_at =
        "names made by adding to names, orders taken for granted: other names and another order (what)",
    .family = MutatorFamily::kRewrite,
    .apply = kept<change>};

}  // namespace mob::mutators
