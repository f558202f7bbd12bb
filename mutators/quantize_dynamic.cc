// Products of quantized weights with what DynamicQuantizeLinear makes of the
// other factor.
#include <algorithm>
#include <map>

#include "mutators/quantization_plan.h"

namespace mob::mutators {
namespace {

constexpr std::int64_t kFirstOpset = 11;
// So many products of bytes fit an int32.
constexpr std::int64_t kMostTerms = 33000;

struct Product {
  int node;
  Quantization weight;
  bool transposed = false;  // of Gemm: the weight is stored the other way round
};

bool finite_and_wide(const Expected& x) {
  if (!x.holds_reals() || x.count() == 0) return false;
  bool wide = false;
  for (std::size_t i = 0; i < x.count(); ++i) {
    if (!std::isfinite(x.value_at(i)) || x.open_at(i)) return false;
    wide = wide || std::fabs(x.value_at(i)) > 2 * x.bound_at(i);
  }
  return wide;
}

bool plain_gemm(const Node& n) {
  return n.int_or("transA", 0) == 0 && n.float_or("alpha", 1) == 1 && n.float_or("beta", 1) == 1;
}

// Whether the node multiplies a float32 value that changes by a constant one.
bool fits_products(const Case& c, const Facts& f, const Node& n) {
  const bool gemm = n.op_type == "Gemm" && plain_gemm(n);
  if (!n.domain.empty() || !(n.op_type == "MatMul" || n.op_type == "Conv" || gemm)) return false;
  const std::optional<Tensor> w = float_constant(c, f, n.inputs[1]);
  if (!w || w->dims().size() < 2 || f.type(n.inputs[0]).dtype != DType::kFloat ||
      f.type(n.inputs[0]).rank() == 0 || float_constant(c, f, n.inputs[0]))
    return false;
  const std::int64_t columns = n.op_type == "MatMul" ? w->dims().back() : w->dims().front();
  return finite_and_wide(*f.value(n.inputs[0])) &&
         w->count() / std::max<std::int64_t>(columns, 1) <= kMostTerms;
}

// The weight as the integer operator takes it, with scales and zero points.
struct Weight {
  ValueId stored, scale, zero;
};

Tensor transposed(const Tensor& t) {
  const std::int64_t rows = t.dims()[0], columns = t.dims()[1];
  std::vector<std::int64_t> values;
  for (std::int64_t j = 0; j < columns; ++j)
    for (std::int64_t i = 0; i < rows; ++i) values.push_back(t.int_at(i * columns + j));
  return Tensor::of_ints(t.dtype(), {columns, rows}, values);
}

Weight add_weight(Case& c, ValueId w, const Product& p, bool image, Choices& choices) {
  Graph& g = c.model.graph;
  const Tensor t = stored(*content(c, w), p.weight);
  Quantization as = p.weight;
  // Scales of output channels stand before the dimensions of space; zero points
  // of images are one.
  if (image && as.axis >= 0) as.dims.resize(t.dims().size() - 1, 1);
  const Parameters made = add_parameters(c, as, false, choices);
  ValueId zero = made.zero;
  if (image && as.axis >= 0) zero = g.add_initializer("", Tensor::of_ints(as.type, {}, {0}));
  return {g.add_initializer(g.fresh_name(g[w].name + "_stored"), p.transposed ? transposed(t) : t),
          made.scale, zero};
}

// The node's result by integers, as a float.
ValueId append_product(Case& c, const Product& p, const std::vector<ValueId>& dynamic, Choices& choices) {
  const Node n = c.model.graph.nodes[static_cast<std::size_t>(p.node)];
  const bool image = n.op_type == "Conv";
  const Weight w = add_weight(c, n.inputs[1], p, image, choices);
  const std::vector<ValueId> in = {dynamic[0], w.stored, dynamic[2], w.zero};
  ValueId y =
      append(c, image ? "ConvInteger" : "MatMulInteger", in, image ? n.attributes : std::vector<Attribute>{})
          .front();
  y = append(c, "Cast", {y}, {{.name = "to", .value = static_cast<std::int64_t>(DType::kFloat)}}).front();
  y = append(c, "Mul", {y, append(c, "Mul", {dynamic[1], w.scale}).front()}).front();
  if (n.inputs.size() < 3 || n.inputs[2] == kNoValue) return y;
  const ValueId bias =
      image ? append_channels(c, n.inputs[2], content(c, n.inputs[1])->dims().size()) : n.inputs[2];
  return append(c, "Add", {y, bias}).front();
}

struct Settings {
  DType type;
  bool channels, symmetric, reduced;
};

Product product_of(const Case& c, const Node& n, int index, const Settings& s) {
  const Tensor w = *content(c, n.inputs[1]);
  Product p{.node = index, .transposed = n.op_type == "Gemm" && n.int_or("transB", 0) != 0};
  const auto rank = static_cast<int>(w.dims().size());
  const bool image = n.op_type == "Conv";
  // One zero point for all filters; of a stack of matrices one scale.
  const bool channels = s.channels && (image ? s.symmetric && s.type == DType::kInt8 : rank == 2);
  p.weight = channels ? per_axis(s.type, w.dims(), image || p.transposed ? 0 : rank - 1) : per_tensor(s.type);
  fit(p.weight, ranges_of(w, p.weight, {}), s.symmetric, s.reduced);
  return p;
}

// The parent that reads the same grids by QuantizeLinear's inverse.
std::shared_ptr<const Case> dequantized(const Case& parent, const std::vector<Product>& products) {
  auto twin = std::make_shared<Case>(parent);
  for (const Product& p : products) {
    const Node n = parent.model.graph.nodes[static_cast<std::size_t>(p.node)];
    const std::vector<ValueId> q = append(*twin, "DynamicQuantizeLinear", {n.inputs[0]}, {}, 3);
    set_use(*twin, {p.node, 0}, append(*twin, "DequantizeLinear", q).front());
    set_use(*twin, {p.node, 1},
            append_rounded(*twin, n.inputs[1], content(parent, n.inputs[1])->dims(), p.weight));
  }
  return twin;
}

Promise write(Case& c, const Facts& f, const std::vector<Product>& products, Choices& choices) {
  const Graph before = c.model.graph;
  Promise promise;
  promise.twins.push_back({.name = "parent with dequantized factors", .c = dequantized(c, products)});
  Twin parent{.name = "parent"};
  std::map<ValueId, std::vector<ValueId>> dynamic;  // by what is quantized
  for (const Product& p : products) {
    const Node& n = before.nodes[static_cast<std::size_t>(p.node)];
    if (!dynamic.contains(n.inputs[0])) {
      parent.slack.push_back({.value = before[n.inputs[0]].name, .to = RuntimeGrid{.bits = 8}});
      // What the node reads by now: perhaps another product.
      const ValueId x = c.model.graph.nodes[static_cast<std::size_t>(p.node)].inputs[0];
      dynamic[n.inputs[0]] = append(c, "DynamicQuantizeLinear", {x}, {}, 3);
    }
    parent.slack.push_back({.value = before[n.inputs[1]].name, .to = grid_of(p.weight)});
    const ValueId y = append_product(c, p, dynamic[n.inputs[0]], choices);
    read_instead(c, n.outputs[0], f.uses(n.outputs[0]), y);
  }
  for (const Product& p : products) remove_dead(c, before.nodes[static_cast<std::size_t>(p.node)].outputs[0]);
  promise.twins.push_back(std::move(parent));
  return promise;
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  if (c.model.opset() < kFirstOpset) return std::nullopt;
  const Graph& g = c.model.graph;
  std::vector<int> nodes;
  for (int i : f.order())
    if (fits_products(c, f, g.nodes[static_cast<std::size_t>(i)])) nodes.push_back(i);
  nodes = choices.places(nodes);
  if (nodes.empty()) return std::nullopt;
  Settings s;
  s.type = choices.type("weight_type", {DType::kInt8, DType::kUint8});
  s.channels = choices.word("granularity", {"tensor", "channel"}) == "channel" && c.model.opset() >= 13;
  s.symmetric = choices.yes("symmetric", 0.7);
  s.reduced = choices.yes("reduce_range", 0.85);
  std::vector<Product> products;
  std::map<ValueId, Quantization> weights;  // a weight of several nodes has one grid
  for (int i : nodes) {
    const Node& n = g.nodes[static_cast<std::size_t>(i)];
    Product p = product_of(c, n, i, s);
    const auto [at, fresh] = weights.emplace(n.inputs[1], p.weight);
    if (fresh || at->second.axis == p.weight.axis) products.push_back(std::move(p));
  }
  const Case before = c;
  Promise promise = write(c, f, products, choices);
  if (!all_answer(before, c, promise)) return std::nullopt;
  return promise;
}

}  // namespace

extern const Mutator quantize_dynamic;
const Mutator quantize_dynamic{.name = "quantize-dynamic",
                               .aims_at =
                                   "DynamicQuantizeLinear with MatMulInteger and ConvInteger in "
                                   "place of MatMul, Gemm and Conv",
                               .family = MutatorFamily::kQuantize,
                               .apply = kept<change>};

}  // namespace mob::mutators
