// An operator that only moves elements works on the integers: DequantizeLinear goes behind it, or
// QuantizeLinear before it.
#include <algorithm>
#include <array>

#include "mutators/quantization_nodes.h"
#include "mutators/quantization_plan.h"

namespace mob::mutators {
namespace {

constexpr std::array<std::string_view, 16> kMoves = {
    "Transpose", "Reshape",  "Flatten",      "Squeeze",        "Unsqueeze",    "Slice",
    "Gather",    "Expand",   "Tile",         "GatherElements", "SpaceToDepth", "MaxPool",
    "GatherND",  "Identity", "DepthToSpace", "ReverseSequence"};

struct Place {
  int mover;
  int other;    // the DequantizeLinear before it, or the QuantizeLinear behind it
  bool behind;  // whether it goes behind the mover
};

// Whether the node moves elements of its first input, and takes them as integers of this type.
bool moves(const Case& c, const Facts& f, const Node& n, DType whole) {
  if (!n.domain.empty() || n.outputs.size() != 1 || f.uses(n.outputs[0]).empty() ||
      std::find(kMoves.begin(), kMoves.end(), n.op_type) == kMoves.end())
    return false;
  std::vector<DType> types;
  for (ValueId v : n.inputs) types.push_back(v == kNoValue ? DType::kUndefined : f.type(v).dtype);
  types[0] = whole;
  return form_of(c.model, n)->takes(types);
}

// One scale; of MaxPool, the order of the numbers has to be that of the integers.
bool movable(const Case& c, const Facts& f, const Node& quantization, const Node& mover) {
  if (!one_scale(f, quantization)) return false;
  const DType t = f.type(is_quantize(quantization) ? quantization.outputs[0] : quantization.inputs[0]).dtype;
  return t != DType::kInt32 && is_int(t) && moves(c, f, mover, t) &&
         (mover.op_type != "MaxPool" || read_quantization(c, f, quantization));
}

std::vector<Place> places_of(const Case& c, const Facts& f) {
  const Graph& g = c.model.graph;
  const auto node = [&](int i) -> const Node& { return g.nodes[static_cast<std::size_t>(i)]; };
  std::vector<Place> places;
  for (std::size_t n = 0; n < g.nodes.size(); ++n) {
    const auto i = static_cast<int>(n);
    if (node(i).inputs.empty() || node(i).inputs[0] == kNoValue) continue;
    const int p = f.producer(node(i).inputs[0]);
    if (p < 0) continue;
    if (is_dequantize(node(p)) && movable(c, f, node(p), node(i)))
      places.push_back({.mover = i, .other = p, .behind = true});
    if (is_quantize(node(i)) && !f.uses(node(i).outputs[0]).empty() && movable(c, f, node(i), node(p)))
      places.push_back({.mover = p, .other = i, .behind = false});
  }
  return places;
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::vector<Place> places = choices.places(places_of(c, f));
  if (places.empty()) return std::nullopt;
  const Graph before = c.model.graph;
  std::vector<ValueId> replaced;
  for (const Place& p : places) {
    // As they are by now: another place may have changed what they read.
    const Node mover = c.model.graph.nodes[static_cast<std::size_t>(p.mover)];
    const Node other = c.model.graph.nodes[static_cast<std::size_t>(p.other)];
    const Node &first = p.behind ? mover : other, &second = p.behind ? other : mover;
    const ValueId end = p.behind ? mover.outputs[0] : other.outputs[0];
    const auto inputs_of = [&](const Node& n, ValueId v) {
      if (is_quantize(n) || is_dequantize(n)) return with_first(c, n, v, choices);
      std::vector<ValueId> inputs = n.inputs;
      inputs[0] = v;
      return inputs;
    };
    const ValueId source = p.behind ? other.inputs[0] : mover.inputs[0];
    const ValueId between = append_like(c, first, inputs_of(first, source));
    read_instead(c, end, f.uses(end), append_like(c, second, inputs_of(second, between)));
    replaced.push_back(end);
  }
  for (ValueId v : replaced) remove_dead(c, v);
  return Promise{};
}

}  // namespace

extern const Mutator move_qdq;
const Mutator move_qdq{.name = "move-qdq",
                       .aims_at = "quantization propagated across operators that move elements",
                       .family = MutatorFamily::kQuantize,
                       .apply = kept<change>};

}  // namespace mob::mutators
