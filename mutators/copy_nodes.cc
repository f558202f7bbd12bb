// A node once for each of its readers, or for two halves of them; and the reverse: equal nodes become one.
#include <algorithm>
#include <set>
#include <type_traits>

#include "mutators/rewrites.h"

namespace mob::mutators {
namespace {

bool equal(const Attribute& a, const Attribute& b) {
  if (a.name != b.name || a.value.index() != b.value.index()) return false;
  return std::visit(
      [&]<class T>(const T& x) {
        if constexpr (std::is_same_v<T, Tensor>)
          return x.identical(std::get<Tensor>(b.value));
        else if constexpr (std::is_same_v<T, std::vector<Tensor>>)
          return false;
        else
          return x == std::get<T>(b.value);
      },
      a.value);
}

// Whether two nodes make the same of the same. Attributes in the same order, outputs asked for alike.
bool equal(const Node& a, const Node& b) {
  return a.op_type == b.op_type && a.domain == b.domain && a.inputs == b.inputs &&
         std::equal(a.outputs.begin(), a.outputs.end(), b.outputs.begin(), b.outputs.end(),
                    [](ValueId x, ValueId y) { return (x == kNoValue) == (y == kNoValue); }) &&
         std::equal(a.attributes.begin(), a.attributes.end(), b.attributes.begin(), b.attributes.end(),
                    [](const Attribute& x, const Attribute& y) { return equal(x, y); });
}

// Slots of nodes that read what node n makes.
std::vector<Use> readers(const Facts& f, const Node& n) {
  std::vector<Use> uses;
  for (ValueId v : n.outputs)
    if (v != kNoValue)
      std::copy_if(f.uses(v).begin(), f.uses(v).end(), std::back_inserter(uses),
                   [](const Use& u) { return u.node >= 0; });
  return uses;
}

// Another node that makes the same; its outputs.
std::vector<ValueId> copied(Case& c, int node) {
  const Node original = c.model.graph.nodes[static_cast<std::size_t>(node)];
  std::vector<ValueId> made = append(c, original.op_type, original.inputs, original.attributes,
                                     original.outputs.size(), original.domain);
  for (std::size_t o = 0; o < made.size(); ++o)
    if (original.outputs[o] == kNoValue) c.model.graph.nodes.back().outputs[o] = kNoValue;
  return made;
}

// The first reader stays with the original. `each`: every other one gets a copy; else one copy takes over
// some.
void copy(Case& c, const Facts& f, int node, bool each, Choices& choices) {
  const Node original = c.model.graph.nodes[static_cast<std::size_t>(node)];
  std::vector<Use> uses = readers(f, original);
  if (!std::any_of(original.outputs.begin(), original.outputs.end(),
                   [&](ValueId v) { return v != kNoValue && c.model.graph.is_output(v); }))
    uses.erase(uses.begin());
  std::vector<ValueId> made;
  for (std::size_t u = 0; u < uses.size(); ++u) {
    if (!each && u > 0 && choices.rng().chance(0.5)) continue;
    if (each || made.empty()) made = copied(c, node);
    const Node& reader = c.model.graph.nodes[static_cast<std::size_t>(uses[u].node)];
    const ValueId from = reader.inputs[static_cast<std::size_t>(uses[u].slot)];
    const auto o = std::find(original.outputs.begin(), original.outputs.end(), from);
    if (o == original.outputs.end()) continue;
    const ValueId to = made[static_cast<std::size_t>(o - original.outputs.begin())];
    set_use(c, uses[u], choices.faulty() ? bent_value(c, f, from, choices) : to);
  }
}

bool copyable(const Case& c, const Facts& f, const Node& n) {
  std::size_t count = readers(f, n).size();
  for (ValueId v : n.outputs) count += v != kNoValue && c.model.graph.is_output(v) ? 1 : 0;
  return count >= 2 && !readers(f, n).empty() && !draws_random(f, n);
}

// (what stays, what goes): readers of the second read the first; what is a graph output goes not.
using Pair = std::pair<int, int>;
std::vector<Pair> equal_nodes(const Case& c, const Facts& f) {
  const std::vector<Node>& nodes = c.model.graph.nodes;
  std::vector<Pair> pairs;
  std::set<int> gone;
  for (std::size_t a = 0; a < nodes.size(); ++a)
    for (std::size_t b = a + 1; b < nodes.size(); ++b)
      if (!gone.contains(static_cast<int>(a)) && !gone.contains(static_cast<int>(b)) &&
          equal(nodes[a], nodes[b]) && !draws_random(f, nodes[a])) {
        pairs.emplace_back(static_cast<int>(a), static_cast<int>(b));
        gone.insert(static_cast<int>(b));
      }
  return pairs;
}

void merge(Case& c, const Facts& f, const Pair& pair, Choices& choices) {
  const Node stays = c.model.graph.nodes[static_cast<std::size_t>(pair.first)];
  const Node goes = c.model.graph.nodes[static_cast<std::size_t>(pair.second)];
  for (std::size_t o = 0; o < goes.outputs.size(); ++o) {
    if (goes.outputs[o] == kNoValue) continue;
    for (const Use& u : f.uses(goes.outputs[o]))
      if (u.node >= 0) set_use(c, u, bent_value(c, f, stays.outputs[o], choices));
  }
}

// Removes the nodes of these places that nothing needs any more.
void remove_unread(Case& c, const std::vector<Pair>& pairs) {
  Graph& g = c.model.graph;
  const std::vector<int> uses = g.use_counts();
  for (std::size_t p = pairs.size(); p-- > 0;) {
    const std::vector<ValueId>& made = g.nodes[static_cast<std::size_t>(pairs[p].second)].outputs;
    if (std::none_of(made.begin(), made.end(),
                     [&](ValueId v) { return v != kNoValue && uses[static_cast<std::size_t>(v)] > 0; }))
      g.nodes[static_cast<std::size_t>(pairs[p].second)].op_type.clear();
  }
  std::erase_if(g.nodes, [](const Node& n) { return n.op_type.empty(); });
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::string form = choices.word("form", {"each", "halves", "merge"});
  if (form == "merge") {
    const std::vector<Pair> pairs = equal_nodes(c, f);
    if (pairs.empty()) return std::nullopt;
    const std::vector<Pair> places = choices.places(pairs);
    for (const Pair& pair : places) merge(c, f, pair, choices);
    remove_unread(c, places);
    return Promise{};
  }
  std::vector<int> places;
  std::size_t most = 1;  // copies of one
  for (std::size_t n = 0; n < c.model.graph.nodes.size(); ++n)
    if (copyable(c, f, c.model.graph.nodes[n])) {
      places.push_back(static_cast<int>(n));
      if (form == "each") most = std::max(most, readers(f, c.model.graph.nodes[n]).size());
    }
  if (places.empty()) return std::nullopt;
  for (int n : choices.places(with_room(c, std::move(places), most))) copy(c, f, n, form == "each", choices);
  return Promise{};
}

}  // namespace

extern const Mutator copy_nodes;
const Mutator copy_nodes{
    .name = "copy-nodes",
    .aims_at = "elimination of common subexpressions: a node for each reader, or equal nodes merged (form)",
    .family = MutatorFamily::kRewrite,
    .apply = kept<change>};

}  // namespace mob::mutators
