// A leaf is an initializer, where it was a graph input, and the reverse.
#include "fuzzer/triage/neighbours/neighbour_kind.h"
#include "mutators/edit.h"

namespace mob::neighbour_kinds {
namespace {

const char* called(Constness how) {
  return how == Constness::kInput         ? "a graph input"
         : how == Constness::kOverridable ? "a default that can be overridden"
                                          : "constant";
}

void add_as(Neighbourhood& there, const LeafUse& use, Constness to, const char* now) {
  const shrink::Leaf& leaf = use.leaf;
  const Node& n = use.node;
  const std::size_t slot = use.slot;
  const Constness here = mutators::constness(there.c(), leaf.v);
  there.add(place_at(GuardKind::kConstness, n, "input", slot),
            {there.input_key(n, slot), there.input_of(n, slot), std::string("is ") + now, called(here)},
            [&](Case& c) {
              const ValueId other = mutators::add_leaf(c, leaf.content, to);
              c.model.graph.redirect_uses(leaf.v, other);
              for (Inputs& b : c.bindings)
                if (to == Constness::kInput) b[c.model.graph[other].name] = leaf.content;
              return true;
            });
}

void add_to(Neighbourhood& there) {
  for (const LeafUse& use : there.leaf_uses()) {
    const Constness here = mutators::constness(there.c(), use.leaf.v);
    if (here != Constness::kInput) add_as(there, use, Constness::kInput, "a graph input");
    if (here == Constness::kInput || here == Constness::kOverridable)
      add_as(there, use, Constness::kInitializer, "an initializer");
  }
}

}  // namespace

extern const NeighbourKind constness;
const NeighbourKind constness = {
    .name = "constness", .what = "A graph input is an initializer, or the reverse.", .add_to = add_to};

}  // namespace mob::neighbour_kinds
