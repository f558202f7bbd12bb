// DequantizeLinear with QuantizeLinear behind it, of the same grid, gives back what it was given.
#include "mutators/quantization_nodes.h"
#include "mutators/quantization_plan.h"

namespace mob::mutators {
namespace {

// The DequantizeLinear before a QuantizeLinear, where the grids agree and only nodes read the result.
const Node* undone(const Case& c, const Facts& f, const Node& n) {
  const Graph& g = c.model.graph;
  if (!is_quantize(n) || g.is_output(n.outputs[0]) || f.uses(n.outputs[0]).empty()) return nullptr;
  const int p = f.producer(n.inputs[0]);
  if (p < 0 || !is_dequantize(g.nodes[static_cast<std::size_t>(p)])) return nullptr;
  const Node& before = g.nodes[static_cast<std::size_t>(p)];
  const auto a = read_quantization(c, f, before), b = read_quantization(c, f, n);
  return a && b && same_grid(*a, *b) ? &before : nullptr;
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::vector<int> places =
      choices.places(nodes_where(c, [&](const Node& n) { return undone(c, f, n) != nullptr; }));
  if (places.empty()) return std::nullopt;
  const Graph before = c.model.graph;
  for (int i : places) {
    const Node& n = before.nodes[static_cast<std::size_t>(i)];
    // What it reads by now: perhaps what another dropped pair was given.
    const auto p = static_cast<std::size_t>(f.producer(n.inputs[0]));
    ValueId whole = c.model.graph.nodes[p].inputs[0];
    if (choices.faulty()) whole = append_like(c, n, with_first(c, n, n.inputs[0], choices));
    read_instead(c, n.outputs[0], f.uses(n.outputs[0]), whole);
  }
  for (int i : places) remove_dead(c, before.nodes[static_cast<std::size_t>(i)].outputs[0]);
  return Promise{};
}

}  // namespace

extern const Mutator drop_qdq;
const Mutator drop_qdq{
    .name = "drop-qdq",
    .aims_at = "integers read as they are, where they were dequantized and quantized again",
    .family = MutatorFamily::kQuantize,
    .apply = kept<change>};

}  // namespace mob::mutators
