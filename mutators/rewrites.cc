#include "mutators/rewrites.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace mob::mutators {
namespace {

constexpr std::array<std::string_view, 47> kUnaryOps = {
    "Abs",       "Acos",     "Acosh",      "Asin",     "Asinh",
    "Atan",      "Atanh",    "BitwiseNot", "Cast",     "Ceil",
    "Celu",      "Clip",     "Cos",        "Cosh",     "Elu",
    "Erf",       "Exp",      "Floor",      "Gelu",     "HardSigmoid",
    "HardSwish", "Identity", "IsInf",      "IsNaN",    "LeakyRelu",
    "Log",       "Mish",     "Neg",        "Not",      "Reciprocal",
    "Relu",      "Round",    "Selu",       "Shrink",   "Sigmoid",
    "Sign",      "Sin",      "Sinh",       "Softplus", "Softsign",
    "Sqrt",      "Swish",    "Tan",        "Tanh",     "ThresholdedRelu",
    "CastLike",  "Dropout"};
constexpr std::array<std::string_view, 24> kBroadcastOps = {
    "Add",        "And",         "BitShift", "BitwiseAnd", "BitwiseOr",
    "BitwiseXor", "Div",         "Equal",    "Greater",    "GreaterOrEqual",
    "Less",       "LessOrEqual", "Max",      "Mean",       "Min",
    "Mod",        "Mul",         "Or",       "PRelu",      "Pow",
    "Sub",        "Sum",         "Where",    "Xor"};
// The shape of the output depends on what the inputs hold: on all of them, or on those behind the first.
constexpr std::array<std::string_view, 5> kShapedByAll = {"ConstantOfShape", "NonMaxSuppression", "NonZero",
                                                          "Range", "Unique"};
constexpr std::array<std::string_view, 18> kShapedByParameters = {
    "AffineGrid", "CenterCropPad", "Col2Im",  "Compress",  "Expand",   "MaxUnpool",
    "OneHot",     "Pad",           "Reshape", "Resize",    "Slice",    "Split",
    "Squeeze",    "Tile",          "TopK",    "Unsqueeze", "Upsample", "DFT"};
constexpr std::array<std::string_view, 6> kRandomOps = {
    "Bernoulli", "Multinomial", "RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike"};

template <std::size_t n>
bool among(const std::array<std::string_view, n>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

bool takes(const Case& c, std::string_view op, std::initializer_list<DType> types) {
  const auto opset = static_cast<int>(c.model.opset());
  const Schema* form = schema(op, opset);
  const OpSpec* spec = find_op(op);
  return form != nullptr && !form->deprecated && spec != nullptr && spec->since <= opset &&
         form->takes({types.begin(), types.size()});
}

bool draws_random(const Facts& f, const Node& n) {
  if (among(kRandomOps, n.op_type)) return true;
  if (n.op_type != "Dropout" || n.inputs.size() < 3 || n.inputs[2] == kNoValue) return false;
  return !f.known(n.inputs[2]) || f.value(n.inputs[2])->value_at(0) != 0;
}

Elementwise elementwise(const Facts& f, const Node& n) {
  if (!n.domain.empty() || n.outputs.size() != 1 || n.inputs.empty() || draws_random(f, n))
    return Elementwise::kNo;
  if (among(kUnaryOps, n.op_type)) return Elementwise::kUnary;
  return among(kBroadcastOps, n.op_type) ? Elementwise::kBroadcast : Elementwise::kNo;
}

std::optional<Ints> reduced_axes(const Case& c, const Facts& f, const Node& n) {
  const auto rank = static_cast<std::int64_t>(f.type(n.inputs[0]).rank());
  Ints axes = n.ints_or("axes", {});
  if (n.inputs.size() > 1 && n.inputs[1] != kNoValue) {
    const std::optional<Tensor> given = fixed_content(c, n.inputs[1]);
    if (!given) return std::nullopt;
    axes = given->ints_vector();
  }
  if (axes.empty()) {
    if (n.int_or("noop_with_empty_axes", 0) != 0) return std::nullopt;
    axes.resize(static_cast<std::size_t>(rank));
    std::iota(axes.begin(), axes.end(), 0);
  }
  for (std::int64_t& a : axes)
    if (a < 0) a += rank;
  std::sort(axes.begin(), axes.end());
  return axes;
}

std::vector<bool> shaping(const Case& c, const Facts& f) {
  const Graph& g = c.model.graph;
  std::vector<bool> shapes(g.values.size(), false);
  for (auto at = f.order().rbegin(); at != f.order().rend(); ++at) {
    const Node& n = g.nodes[static_cast<std::size_t>(*at)];
    const bool on_the_way = std::any_of(n.outputs.begin(), n.outputs.end(), [&](ValueId v) {
      return v != kNoValue && shapes[static_cast<std::size_t>(v)];
    });
    const bool all = on_the_way || among(kShapedByAll, n.op_type);
    for (std::size_t s = 0; s < n.inputs.size(); ++s)
      if (n.inputs[s] != kNoValue && (all || (s > 0 && among(kShapedByParameters, n.op_type))))
        shapes[static_cast<std::size_t>(n.inputs[s])] = true;
  }
  return shapes;
}

std::vector<ValueId> values_with_readers(const Case& c, const Facts& f) {
  std::vector<ValueId> values;
  const auto read_by_node = [&](ValueId v) {
    return std::any_of(f.uses(v).begin(), f.uses(v).end(), [](const Use& u) { return u.node >= 0; });
  };
  for (ValueId v = 0; v < static_cast<ValueId>(c.model.graph.values.size()); ++v)
    if (f.known(v) && (read_by_node(v) || (f.producer(v) >= 0 && !f.uses(v).empty()))) values.push_back(v);
  return values;
}

ValueId one(Case& c, std::string op, std::vector<ValueId> inputs, std::vector<Attribute> attributes) {
  return append(c, std::move(op), std::move(inputs), std::move(attributes)).front();
}

ValueId constant(Case& c, Tensor t, Choices& choices) {
  return add_leaf(c, std::move(t),
                  choices.rng().chance(0.7) ? Constness::kInitializer : Constness::kConstantNode);
}

ValueId along_axes(Case& c, std::string op, ValueId v, const Ints& axes, Choices& choices) {
  if (c.model.opset() < 13) return one(c, std::move(op), {v}, {{.name = "axes", .value = axes}});
  return one(c, std::move(op), {v, constant(c, axes, choices)});
}

Tensor scalar_of(DType t, double x) {
  return is_float(t) ? Tensor::scalar(t, x) : Tensor::of_ints(t, {}, {static_cast<std::int64_t>(x)});
}

std::vector<ValueId> split(Case& c, ValueId v, std::int64_t axis, const Ints& sizes, Choices& choices) {
  std::vector<Attribute> attributes = {{.name = "axis", .value = axis}};
  std::vector<ValueId> inputs = {v};
  if (c.model.opset() < 13)
    attributes.push_back({.name = "split", .value = sizes});
  else
    inputs.push_back(constant(c, sizes, choices));
  return append(c, "Split", std::move(inputs), std::move(attributes), sizes.size());
}

void pass_output(Case& c, int node, std::size_t slot, const Make& make) {
  Graph& g = c.model.graph;
  const ValueId inner = g.add_value();
  const ValueId v = std::exchange(g.nodes[static_cast<std::size_t>(node)].outputs[slot], inner);
  const ValueId y = make(inner);
  MOB_CHECK(g.nodes.back().outputs.front() == y, g.nodes.back().op_type);
  g.nodes.back().outputs.front() = v;
}

void put_behind(Case& c, const Facts& f, ValueId v, bool all_readers, Choices& choices, const Make& make) {
  std::vector<Use> nodes;
  for (const Use& u : f.uses(v))
    if (u.node >= 0) nodes.push_back(u);
  const int from = f.producer(v);
  if (from >= 0 && (all_readers || nodes.empty())) {
    const std::vector<ValueId>& made = c.model.graph.nodes[static_cast<std::size_t>(from)].outputs;
    const auto slot = std::find(made.begin(), made.end(), v) - made.begin();
    pass_output(c, from, static_cast<std::size_t>(slot), make);
    return;
  }
  if (!all_readers) nodes = {choices.rng().pick(nodes)};
  const ValueId y = make(v);
  for (const Use& u : nodes) set_use(c, u, y);
}

Tensor bent_tensor(const Tensor& t) {
  if (is_float(t.dtype())) {
    std::vector<double> values = t.reals();
    for (double& x : values) x = x * 1.5 + 0.125;
    return Tensor::of(t.dtype(), t.dims(), values);
  }
  std::vector<std::int64_t> values = t.ints_vector();
  for (std::int64_t& x : values)
    x = t.dtype() == DType::kBool ? 1 - x : x == int_max(t.dtype()) ? x - 1 : x + 1;
  return Tensor::of_ints(t.dtype(), t.dims(), values);
}

ValueId bent_value(Case& c, const Facts& f, ValueId v, Choices& choices) {
  if (!choices.faulty()) return v;
  return add_leaf(c, bent_tensor(rounded(*f.value(v))), Constness::kInitializer);
}

void maybe_misread(Case& c, const Facts& f, Choices& choices, ValueId facts_end) {
  if (!choices.faulty()) return;
  const Graph& g = c.model.graph;
  for (ValueId v : g.outputs) {  // one that a graph output hangs on directly
    const int n = f.producer(v);
    if (n < 0) continue;
    const std::vector<ValueId> inputs = g.nodes[static_cast<std::size_t>(n)].inputs;
    for (std::size_t s = 0; s < inputs.size(); ++s)
      if (inputs[s] < facts_end && f.known(inputs[s]) && f.type(inputs[s]).count() > 0)
        return set_use(c, {n, static_cast<int>(s)}, bent_value(c, f, inputs[s], choices));
  }
}

}  // namespace mob::mutators
