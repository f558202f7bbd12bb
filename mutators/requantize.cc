// What comes from one grid is brought to another one: chains of requantization.
#include <algorithm>

#include "mutators/quantization_nodes.h"
#include "mutators/quantization_plan.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::int64_t opset = c.model.opset();
  std::vector<int> places = nodes_where(c, [&](const Node& n) {
    const ValueId v = n.outputs.empty() ? kNoValue : n.outputs[0];
    return is_dequantize(n) && f.type(v).dtype == DType::kFloat && !f.uses(v).empty() &&
           std::all_of(f.uses(v).begin(), f.uses(v).end(), [&](const Use& u) { return takes_any(c, u); });
  });
  places = choices.places(places);
  if (places.empty()) return std::nullopt;
  const DType type = opset < 21 ? choices.type("type", {DType::kUint8, DType::kInt8})
                                : choices.type("type", {DType::kUint8, DType::kInt8, DType::kUint16,
                                                        DType::kInt16, DType::kUint4, DType::kInt4});
  const bool symmetric = choices.yes("symmetric");
  // Of the range that the values have: below 1, the ends are cut off.
  const double spread = choices.real("spread", 0.5, 2);
  std::vector<Placed> plan;
  for (int i : places) {
    const ValueId v = c.model.graph.nodes[static_cast<std::size_t>(i)].outputs[0];
    std::vector<double> values;
    values.reserve(f.value(v)->count());
    for (std::size_t k = 0; k < f.value(v)->count(); ++k) values.push_back(f.value(v)->value_at(k));
    const Range r = range_of(values);
    Quantization q = per_tensor(type);
    fit(q, {{r.low * spread, r.high * spread}}, symmetric, false);
    plan.push_back({.value = v, .uses = f.uses(v), .to = std::move(q)});
  }
  return quantized(c, f, plan, choices);
}

}  // namespace

extern const Mutator requantize;
const Mutator requantize{.name = "requantize",
                         .aims_at = "pairs of quantization with another scale behind one another",
                         .family = MutatorFamily::kQuantize,
                         .apply = kept<change>};

}  // namespace mob::mutators
