// A pair of QuantizeLinear and DequantizeLinear behind another one of the same grid changes nothing.
#include "mutators/quantization_nodes.h"
#include "mutators/quantization_plan.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::vector<int> places = choices.places(nodes_where(c, [&](const Node& n) {
    return is_dequantize(n) && read_quantization(c, f, n) && !f.uses(n.outputs[0]).empty();
  }));
  if (places.empty()) return std::nullopt;
  for (int i : places) {
    const Node n = c.model.graph.nodes[static_cast<std::size_t>(i)];
    const Quantization q = *read_quantization(c, f, n);
    const Parameters p = add_parameters(c, q, q.type == DType::kUint8 && choices.yes("bare_zeros"), choices);
    const ValueId v = n.outputs[0];
    read_instead(c, v, f.uses(v), append_dequantize(c, append_quantize(c, v, q, p), q, p));
  }
  return Promise{};
}

}  // namespace

extern const Mutator double_qdq;
const Mutator double_qdq{.name = "double-qdq",
                         .aims_at = "removal of the second of two pairs of quantization",
                         .family = MutatorFamily::kQuantize,
                         .apply = kept<change>};

}  // namespace mob::mutators
