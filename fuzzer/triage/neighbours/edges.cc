// An edge differs: an intermediate value is a graph output, operands are swapped, a tensor is not shared.
#include "fuzzer/triage/neighbours/neighbour_kind.h"
#include "mutators/edit.h"

namespace mob::neighbour_kinds {
namespace {

void add_exposed(Neighbourhood& there, const Node& n) {
  const Subject& s = there.subject();
  for (std::size_t o = 0; o < n.outputs.size(); ++o) {
    const ValueId v = n.outputs[o];
    if (s.value(v) == nullptr || n.op_type == "Constant" || there.graph().is_output(v)) continue;
    there.add(place_at(GuardKind::kEdge, n, "output", o),
              {n.op_type + " output", "the output of " + there.called(n), "is a graph output, too", ""},
              [&](Case& c) {
                c.model.graph[v].type = s.type_of(v);
                c.model.graph.outputs.push_back(v);
                return true;
              });
  }
}

void add_swapped(Neighbourhood& there, const Node& n) {
  if (n.inputs.size() != 2 || n.inputs[0] == kNoValue || n.inputs[1] == kNoValue ||
      n.inputs[0] == n.inputs[1])
    return;
  there.add({GuardKind::kEdge, shrink::handle(n), "operands"},
            {n.op_type + " operands", "the operands of " + there.called(n), "are swapped", ""}, [&](Case& c) {
              Node& m = same_node(c, n);
              std::swap(m.inputs[0], m.inputs[1]);
              return true;
            });
}

void add_unshared(Neighbourhood& there, const Node& n) {
  const Subject& s = there.subject();
  for (std::size_t slot = 0; slot < n.inputs.size(); ++slot) {
    const ValueId v = n.inputs[slot];
    const Tensor* held = s.value(v);
    if (held == nullptr || shrink::uses(there.graph(), v) < 2 || held->is_string()) continue;
    there.add(place_at(GuardKind::kEdge, n, "input", slot),
              {there.input_key(n, slot), there.input_of(n, slot), "is a tensor of its own",
               there.graph()[v].name + " is read elsewhere, too"},
              [&](Case& c) {
                const std::vector<Tensor> known = shrink::known(s, v);
                if (known.empty()) return false;
                const ValueId own = mutators::add_leaf(c, *held, Constness::kInput);
                for (std::size_t b = 0; b < c.bindings.size(); ++b)
                  c.bindings[b][c.model.graph[own].name] = known[b + 1];
                same_node(c, n).inputs[slot] = own;
                return true;
              });
  }
}

void add_to(Neighbourhood& there) {
  for (const Node& n : there.graph().nodes) {
    add_exposed(there, n);
    add_swapped(there, n);
    add_unshared(there, n);
  }
}

}  // namespace

extern const NeighbourKind edges;
const NeighbourKind edges = {.name = "edges",
                             .what = "A value is exposed, operands are swapped, a tensor is not shared.",
                             .add_to = add_to};

}  // namespace mob::neighbour_kinds
