// Products of dequantized factors: of the integers first, then the scales (MatMulInteger, ConvInteger).
#include <algorithm>

#include "mutators/quantization_nodes.h"
#include "mutators/quantization_plan.h"

namespace mob::mutators {
namespace {

// So many products of bytes fit an int32.
constexpr std::int64_t kMostTerms = 33000;

struct Group {
  int product, x, w;
};

// The zero points of filters have to be one: kernels want that.
bool one_zero(const Case& c, const Facts& f, const Node& w) {
  if (one_scale(f, w) || w.inputs.size() < 3 || w.inputs[2] == kNoValue) return true;
  const std::optional<Tensor> zero = content(c, w.inputs[2]);
  if (!zero || c.model.graph.is_input(w.inputs[2])) return false;
  const std::vector<std::int64_t> all = zero->ints_vector();
  return std::all_of(all.begin(), all.end(), [](auto z) { return z == 0; });
}

std::optional<Group> group_of(const Case& c, const Facts& f, int index) {
  const auto node = [&](int i) -> const Node& { return c.model.graph.nodes[static_cast<std::size_t>(i)]; };
  const Node& n = node(index);
  const bool conv = n.op_type == "Conv";
  if (!n.domain.empty() || !(conv || n.op_type == "MatMul") || f.uses(n.outputs[0]).empty())
    return std::nullopt;
  const Group g{index, dequantized_by(c, f, n.inputs[0]), dequantized_by(c, f, n.inputs[1])};
  if (g.x < 0 || g.w < 0 || !one_scale(f, node(g.x)) || !scales_lines(f, node(g.w), conv))
    return std::nullopt;
  if (conv && !one_zero(c, f, node(g.w))) return std::nullopt;
  const ArrayType &x = f.type(node(g.x).inputs[0]), &w = f.type(node(g.w).inputs[0]);
  if (x.rank() < 2 || w.rank() < 2 || w.count() == 0 || !byte_factors(x.dtype, w.dtype)) return std::nullopt;
  if (w.count() / (conv ? w.dims.front() : w.dims.back()) > kMostTerms) return std::nullopt;
  return g;
}

// Appends the product of a group and returns it as float.
ValueId append_product(Case& c, const Facts& f, const Node& n, const Node& x, const Node& w,
                       Choices& choices) {
  const bool conv = n.op_type == "Conv", lines = !one_scale(f, w);
  const std::size_t rank = f.type(w.inputs[0]).rank();
  ValueId zero = zero_point(c, f, w), scale = w.inputs[1];
  if (conv && lines) {
    zero = c.model.graph.add_initializer("", Tensor::of_ints(f.type(w.inputs[0]).dtype, {}, {0}));
    scale = append_channels(c, scale, rank);
  }
  const std::vector<ValueId> in = {x.inputs[0], w.inputs[0], zero_point(c, f, x), zero};
  const std::string op = n.op_type + "Integer";
  ValueId y = append(c, op, in, n.attributes).front();
  y = append(c, "Cast", {y}, {{.name = "to", .value = static_cast<std::int64_t>(DType::kFloat)}}).front();
  scale = append(c, "Mul", {bent_scale(c, x.inputs[1], choices), scale}).front();
  y = append(c, "Mul", {y, scale}).front();
  if (n.inputs.size() < 3 || n.inputs[2] == kNoValue) return y;
  return append(c, "Add", {y, append_channels(c, n.inputs[2], rank)}).front();
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  if (c.model.opset() < 10) return std::nullopt;
  std::vector<Group> groups;
  for (int i : f.order())
    if (const auto g = group_of(c, f, i)) groups.push_back(*g);
  groups = choices.places(groups);
  if (groups.empty()) return std::nullopt;
  std::vector<ValueId> replaced;
  for (const Group& g : groups) {
    // As they are by now: another group may have changed what they read.
    const auto node = [&](int i) -> Node { return c.model.graph.nodes[static_cast<std::size_t>(i)]; };
    const Node n = node(g.product);
    read_instead(c, n.outputs[0], f.uses(n.outputs[0]),
                 append_product(c, f, n, node(g.x), node(g.w), choices));
    replaced.push_back(n.outputs[0]);
  }
  for (ValueId v : replaced) remove_dead(c, v);
  return Promise{};
}

}  // namespace

extern const Mutator fuse_integer_products;
const Mutator fuse_integer_products{
    .name = "fuse-integer-products",
    .aims_at = "MatMulInteger and ConvInteger in place of products of dequantized factors",
    .family = MutatorFamily::kFuse,
    .apply = kept<change>};

}  // namespace mob::mutators
