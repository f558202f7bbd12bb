// One more node reads a value.
#include "mutators/edit.h"

namespace mob::mutators {
namespace {

constexpr std::string_view kUnary[] = {"Identity", "Neg",  "Relu", "Abs",     "Shape",     "Size",   "Sqrt",
                                       "Not",      "Cast", "Exp",  "Sigmoid", "Transpose", "Flatten"};
constexpr std::string_view kBinary[] = {"Add", "Mul", "Sub", "Max", "Concat"};

bool change(Case& c, const Facts& f, Rng& rng) {
  std::vector<ValueId> values = f.computed();
  // Leaves are read by several nodes often enough without us.
  for (ValueId v : f.leaves())
    if (rng.chance(0.2)) values.push_back(v);
  std::erase_if(values, [&](ValueId v) { return !f.known(v); });
  const auto v = maybe_pick(values, rng);
  if (!v) return false;
  for (int attempt = 0; attempt < 8; ++attempt) {
    Node n;
    n.outputs = {0};
    if (rng.chance(0.75)) {
      n.op_type = rng.pick(kUnary);
      n.inputs = {*v};
      if (n.op_type == "Cast")
        n.set("to", static_cast<std::int64_t>(
                        rng.pick({DType::kFloat, DType::kDouble, DType::kInt64, DType::kFloat16})));
    } else {
      n.op_type = rng.pick(kBinary);
      n.inputs = {*v, rng.pick(values)};
      if (n.op_type == "Concat") n.set("axis", std::int64_t{0});
      if (rng.chance(0.5)) std::swap(n.inputs[0], n.inputs[1]);
    }
    std::vector<const Expected*> inputs;
    for (ValueId i : n.inputs) inputs.push_back(f.value(i));
    const auto result = try_node(c.model, n, inputs);
    if (!result || result->unspecified > 0) continue;
    const ValueId y = append(c, n.op_type, n.inputs, n.attributes).front();
    if (rng.chance(0.9)) expose(c, y);
    return true;
  }
  return false;
}

}  // namespace

extern const Mutator add_consumer;
const Mutator add_consumer{.name = "add-consumer",
                           .aims_at = "fusions that do not ask who else reads a value",
                           .apply = recompute<change>};

}  // namespace mob::mutators
