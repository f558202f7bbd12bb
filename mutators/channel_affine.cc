#include "mutators/channel_affine.h"

#include <algorithm>
#include <cmath>

namespace mob::mutators {
namespace {

std::vector<long double> numbers(const Tensor& t) {
  const std::vector<double> reals = t.reals();
  return {reals.begin(), reals.end()};
}

// A row of the constant for each channel; empty where it differs along other axes, too.
std::optional<std::vector<long double>> row(const Tensor& t, std::int64_t channels) {
  if (t.count() == 1) return std::vector<long double>(static_cast<std::size_t>(channels), t.real_at(0));
  if (t.count() != channels || t.dims().back() != channels) return std::nullopt;
  return numbers(t);
}

}  // namespace

std::optional<Affine> batch_norm(const Rewriting& r, const Node& n) {
  if (n.op_type != "BatchNormalization" || n.outputs.size() != 1 || n.int_or("training_mode", 0) != 0)
    return std::nullopt;
  std::vector<std::vector<long double>> given;  // scale, bias, mean, variance
  for (std::size_t i = 1; i < 5; ++i) {
    const auto t = r.constant(n.inputs[i]);
    if (!t || t->dtype() != r.type(n.inputs[0]).dtype) return std::nullopt;
    given.push_back(numbers(*t));
  }
  Affine a{.x = n.inputs[0], .factor = {}, .offset = {}};
  const auto epsilon = static_cast<long double>(n.float_or("epsilon", 1e-5F));
  for (std::size_t c = 0; c < given[0].size(); ++c) {
    if (!(given[3][c] + epsilon > 0)) return std::nullopt;
    a.factor.push_back(given[0][c] / std::sqrt(given[3][c] + epsilon));
    a.offset.push_back(given[1][c] - given[2][c] * a.factor.back());
  }
  return a;
}

std::optional<Affine> constant_term(const Rewriting& r, const Node& n, std::size_t axis) {
  const bool adds = n.op_type == "Add", multiplies = n.op_type == "Mul";
  if (!adds && !multiplies && n.op_type != "Sub" && n.op_type != "Div") return std::nullopt;
  for (std::size_t slot : {1, 0}) {
    if (slot == 0 && !adds && !multiplies) break;
    const auto t = r.constant(n.inputs[slot]);
    const ValueId x = n.inputs[1 - slot];
    if (!t || r.type(x) != r.type(n.outputs[0]) || r.type(x).rank() <= axis) continue;
    const std::size_t behind = r.type(x).rank() - 1 - axis;  // axes that must be 1 in the constant
    const std::int64_t channels = r.type(x).dims[axis];
    const auto& d = t->dims();
    const bool vector = d.size() > behind && d[d.size() - 1 - behind] == channels && t->count() == channels;
    if (t->count() != 1 && !vector) continue;
    Affine a{.x = x, .factor = {}, .offset = {}};
    for (std::int64_t c = 0; c < channels; ++c) {
      const long double v = t->real_at(t->count() == 1 ? 0 : c);
      if (n.op_type == "Div" && v == 0) return std::nullopt;
      a.factor.push_back(multiplies ? v : n.op_type == "Div" ? 1 / v : 1);
      a.offset.push_back(adds ? v : n.op_type == "Sub" ? -v : 0);
    }
    return a;
  }
  return std::nullopt;
}

std::optional<Linear> linear(const Rewriting& r, ValueId v) {
  for (const std::string_view op : {"Conv", "ConvTranspose", "Gemm", "MatMul"}) {
    const auto n = r.maker(v, op);
    if (!n) continue;
    const auto weight = r.constant(n->inputs[1]);
    if (!weight || !is_float(weight->dtype()) || r.type(v).rank() < 2 ||
        (op == "MatMul" && (r.type(v).rank() != 2 || weight->dims().size() != 2)))
      return std::nullopt;
    const std::int64_t channels = r.type(v).dims[1];
    Linear l{.node = *n,
             .weight = *weight,
             .bias = std::vector<long double>(static_cast<std::size_t>(channels), 0),
             .beta = op == "Gemm" ? n->float_or("beta", 1) : 1};
    if (n->inputs.size() < 3 || n->inputs[2] == kNoValue) return l;
    const auto bias = r.constant(n->inputs[2]);
    const auto values = bias ? row(*bias, channels) : std::nullopt;
    if (!values) return std::nullopt;
    for (std::size_t c = 0; c < l.bias.size(); ++c)
      l.bias[c] = static_cast<long double>(l.beta) * (*values)[c];
    return l;
  }
  return std::nullopt;
}

std::int64_t channel_of(const Linear& l, std::int64_t i) {
  const Dims& d = l.weight.dims();
  const std::string& op = l.node.op_type;
  std::int64_t inner = 1;
  for (std::size_t k = 1; k < d.size(); ++k) inner *= d[k];
  if (op == "Conv") return i / inner;
  if (op == "Gemm" && l.node.int_or("transB", 0) != 0) return i / inner;
  if (op != "ConvTranspose") return i % d[1];
  const std::int64_t groups = l.node.int_or("group", 1), of_group = d[0] / groups;
  return i / inner / of_group * d[1] + i % inner / (inner / d[1]);
}

std::optional<Tensor> stored(DType t, const Dims& dims, const std::vector<long double>& values) {
  Tensor tensor = Tensor::of(t, dims, {values.begin(), values.end()});
  const auto u = static_cast<long double>(float_format(t).unit_roundoff);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const long double lost = std::fabs(tensor.real_at(static_cast<std::int64_t>(i)) - values[i]);
    if (!(lost <= u * std::fabs(values[i]))) return std::nullopt;
  }
  return tensor;
}

ValueId write_scaled(Rewriting& r, const Linear& l, const std::vector<long double>& factor,
                     const std::vector<long double>& offset) {
  const DType t = l.weight.dtype();
  std::vector<long double> weight = numbers(l.weight), bias = l.bias;
  for (std::size_t i = 0; i < weight.size(); ++i)
    weight[i] *= factor[static_cast<std::size_t>(channel_of(l, static_cast<std::int64_t>(i)))];
  for (std::size_t c = 0; c < bias.size(); ++c) bias[c] = bias[c] * factor[c] + offset[c];
  const auto w = stored(t, l.weight.dims(), weight);
  const auto b = stored(t, {static_cast<std::int64_t>(bias.size())}, bias);
  if (!w || !b) return kNoValue;
  const bool zero = std::all_of(bias.begin(), bias.end(), [](long double x) { return x == 0; });
  std::vector<ValueId> inputs = {l.node.inputs[0], r.leaf(*w)};
  std::vector<Attribute> attributes = l.node.attributes;
  std::erase_if(attributes, [](const Attribute& a) { return a.name == "beta"; });
  const std::string& op = l.node.op_type;
  if (zero && l.node.inputs.size() < 3 && (op != "Gemm" || r.opset() >= 11)) {
    return r.op(op, std::move(inputs), std::move(attributes));
  }
  inputs.push_back(r.leaf(*b));
  return r.op(op == "MatMul" ? "Gemm" : op, std::move(inputs), std::move(attributes));
}

}  // namespace mob::mutators
