// QLinearConv and QLinearMatMul as their operator on floats, between DequantizeLinear and QuantizeLinear.
#include <algorithm>

#include "mutators/quantization_nodes.h"
#include "mutators/quantization_plan.h"

namespace mob::mutators {
namespace {

// DequantizeLinear and QuantizeLinear before opset 13 take scalars, and have no axis.
constexpr std::int64_t kFirstAxis = 13;
constexpr DTypeSet kBytes = {DType::kInt8, DType::kUint8};

// Whether scale and zero point in these slots serve all elements, in shapes that the opset allows.
bool one(const Case& c, const Facts& f, const Node& n, std::size_t scale) {
  const auto good = [&](ValueId v) {
    return f.type(v).rank() == 0 || (f.type(v).dims == Dims{1} && c.model.opset() >= kFirstAxis);
  };
  return good(n.inputs[scale]) && good(n.inputs[scale + 1]) &&
         f.type(n.inputs[scale]).rank() == f.type(n.inputs[scale + 1]).rank();
}

// ... or each filter of a convolution, each column of a matrix: then along which axis; -1 for all.
std::optional<int> weight_axis(const Case& c, const Facts& f, const Node& n) {
  if (one(c, f, n, 4)) return -1;
  const Dims &scale = f.type(n.inputs[4]).dims, &w = f.type(n.inputs[3]).dims;
  const std::size_t axis = n.op_type == "QLinearConv" ? 0 : 1;
  if (c.model.opset() < kFirstAxis || scale.size() != 1 || f.type(n.inputs[5]).dims != scale ||
      (axis == 1 && w.size() != 2) || scale[0] != w[axis])
    return std::nullopt;
  return static_cast<int>(axis);
}

bool fits_unfusing(const Case& c, const Facts& f, const Node& n) {
  if (!n.domain.empty() || !(n.op_type == "QLinearConv" || n.op_type == "QLinearMatMul")) return false;
  for (std::size_t i : {std::size_t{0}, std::size_t{3}, std::size_t{7}})
    if (!kBytes.has(f.type(n.inputs[i]).dtype)) return false;
  for (std::size_t i : {std::size_t{1}, std::size_t{4}, std::size_t{6}})
    if (f.type(n.inputs[i]).dtype != DType::kFloat) return false;
  return !f.uses(n.outputs[0]).empty() && one(c, f, n, 1) && one(c, f, n, 6) && weight_axis(c, f, n);
}

ValueId dequantize(Case& c, std::vector<ValueId> inputs, int axis) {
  std::vector<Attribute> attributes;
  if (axis >= 0) attributes.push_back({.name = "axis", .value = std::int64_t{axis}});
  return append(c, "DequantizeLinear", std::move(inputs), std::move(attributes)).front();
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::vector<int> places =
      choices.places(nodes_where(c, [&](const Node& n) { return fits_unfusing(c, f, n); }));
  if (places.empty()) return std::nullopt;
  std::vector<ValueId> replaced;
  for (int i : places) {
    const Node n = c.model.graph.nodes[static_cast<std::size_t>(i)];
    const int axis = *weight_axis(c, f, n);
    std::vector<ValueId> in = {dequantize(c, {n.inputs[0], n.inputs[1], n.inputs[2]}, -1),
                               dequantize(c, {n.inputs[3], n.inputs[4], n.inputs[5]}, axis)};
    if (n.inputs.size() > 8 && n.inputs[8] != kNoValue) {
      // [1] is no scale for several numbers along an axis, but serves as one for all.
      const ValueId scale = append(c, "Mul", {n.inputs[1], n.inputs[4]}).front();
      in.push_back(dequantize(c, {n.inputs[8], scale}, axis));
    }
    const ValueId y = append(c, n.op_type.substr(7), std::move(in), n.attributes).front();
    const ValueId q =
        append(c, "QuantizeLinear", {y, bent_scale(c, n.inputs[6], choices), n.inputs[7]}).front();
    read_instead(c, n.outputs[0], f.uses(n.outputs[0]), q);
    replaced.push_back(n.outputs[0]);
  }
  for (ValueId v : replaced) remove_dead(c, v);
  return Promise{};
}

}  // namespace

extern const Mutator unfuse_qlinear;
const Mutator unfuse_qlinear{.name = "unfuse-qlinear",
                             .aims_at = "operators between pairs in place of QLinearConv and QLinearMatMul",
                             .family = MutatorFamily::kUnfuse,
                             .apply = kept<change>};

}  // namespace mob::mutators
