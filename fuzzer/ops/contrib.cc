#include "fuzzer/ops/contrib.h"

#include <numeric>

namespace mob::ops {

std::vector<Expected> apply_all(const Inference& outer, std::string op, std::vector<Attribute> attributes,
                                const std::vector<const Expected*>& inputs, std::size_t outputs, int opset) {
  Node node;
  node.name = outer.node().name;
  node.op_type = std::move(op);
  node.attributes = std::move(attributes);
  node.outputs.resize(outputs);
  std::iota(node.outputs.begin(), node.outputs.end(), 0);
  const OpSpec* spec = find_op(node.op_type);
  if (spec == nullptr) throw Unsupported("no reference for operator " + node.op_type);
  // Operators trust that their schema takes what they are given.
  std::vector<DType> types;
  types.reserve(inputs.size());
  for (const Expected* x : inputs) types.push_back(x == nullptr ? DType::kUndefined : x->type.dtype);
  const Schema* form = schema(node.op_type, opset);
  if (form != nullptr && !form->takes(types))
    throw Unsupported(node.op_type + " does not take inputs of these types");
  static const Arithmetic honest;
  Evaluation ev(node, opset, inputs, honest);
  spec->infer(ev);
  ev.allocate();
  spec->evaluate(ev);
  return std::move(ev.results());
}

Expected apply(const Inference& outer, std::string op, std::vector<Attribute> attributes,
               const std::vector<const Expected*>& inputs, int opset) {
  return std::move(apply_all(outer, std::move(op), std::move(attributes), inputs, 1, opset).front());
}

const Expected* optional_input(const Inference& inf, std::size_t i) {
  return inf.has_input(i) ? &inf.input(i) : nullptr;
}

void copy_attributes(const Node& from, std::initializer_list<std::string_view> names,
                     std::vector<Attribute>& to) {
  for (std::string_view n : names)
    if (const Attribute* a = from.attribute(n)) to.push_back(*a);
}

Expected factor(DType t, double v) {
  if (!is_float(t)) throw InvalidNode("a real factor for integers");
  Expected x({t, {}});
  const double u = bits(t) < 32 ? float_format(t).unit_roundoff : 0;  // attributes are float32
  set_real(x, 0, Approx<double>{v, u * std::fabs(v)});
  return x;
}

Expected reshaped(Expected x, Dims dims) {
  if (element_count(dims) != element_count(x.type.dims)) throw InvalidNode("the sizes do not fit");
  x.type.dims = std::move(dims);
  return x;
}

Expected transposed(const Inference& inf, const Expected& x, std::vector<std::int64_t> permutation) {
  return apply(inf, "Transpose", {{"perm", std::move(permutation)}}, {&x});
}

Expected part(const Inference& inf, const Expected& x, std::int64_t axis, std::int64_t from,
              std::int64_t to) {
  const Expected begin = exact(Tensor::ints({from})), end = exact(Tensor::ints({to})),
                 axes = exact(Tensor::ints({axis}));
  return apply(inf, "Slice", {}, {&x, &begin, &end, &axes});
}

namespace {

std::vector<std::int64_t> axes_of(const Expected& x) {
  if (x.type.dims.size() < 3) throw InvalidNode("an image has three axes at least");
  std::vector<std::int64_t> axes(x.type.dims.size());
  std::iota(axes.begin(), axes.end(), 0);
  return axes;
}

}  // namespace

Expected channels_first(const Inference& inf, const Expected& x) {
  std::vector<std::int64_t> axes = axes_of(x);
  std::rotate(axes.begin() + 1, axes.end() - 1, axes.end());
  return transposed(inf, x, std::move(axes));
}

Expected channels_last(const Inference& inf, const Expected& x) {
  std::vector<std::int64_t> axes = axes_of(x);
  std::rotate(axes.begin() + 1, axes.begin() + 2, axes.end());
  return transposed(inf, x, std::move(axes));
}

Expected widened(Expected x, std::int64_t roundings) {
  if (!x.holds_reals()) throw InvalidNode("integers in place of real numbers");
  with_reals(x.type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const R gamma = Rounding<R>(x.type.dtype).gamma(static_cast<R>(roundings));
    auto& reals = std::get<Reals<R>>(x.data);
    for (std::size_t i = 0; i < reals.v.size(); ++i)
      if (std::isfinite(reals.v[i])) reals.e[i] += gamma * (std::fabs(reals.v[i]) + reals.e[i]);
  });
  return x;
}

Expected activated(const Inference& inf, Expected x) {
  const std::string function = inf.node().string_or("activation", "");
  if (function.empty()) return x;
  const std::vector<double> parameters = inf.node().floats_or("activation_params", {});
  const auto parameter = [&](std::size_t i) {
    if (i >= parameters.size()) throw InvalidNode("activation_params lacks one of " + function);
    return static_cast<float>(parameters[i]);
  };
  if (function == "Relu" || function == "Tanh" || function == "Sigmoid")
    return apply(inf, function, {}, {&x});
  if (function == "LeakyRelu") return apply(inf, function, {{"alpha", parameter(0)}}, {&x});
  if (function == "HardSigmoid")
    return apply(inf, function, {{"alpha", parameter(0)}, {"beta", parameter(1)}}, {&x});
  if (function == "Clip") {
    const Expected low = factor(x.type.dtype, parameter(0)), high = factor(x.type.dtype, parameter(1));
    return apply(inf, function, {}, {&x, &low, &high});
  }
  throw Unsupported("no reference for the activation " + function);
}

Expected convolved(const Inference& inf, const Expected& x, const Expected& w, const Expected* z) {
  std::vector<Attribute> attributes;
  copy_attributes(inf.node(), {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"},
                  attributes);
  Expected y = apply(inf, "Conv", std::move(attributes), {&x, &w, optional_input(inf, 2)});
  if (z != nullptr) {
    if (z->type.dims != y.type.dims) throw InvalidNode("what is added is not of the result's shape");
    // It may be what the sums start from.
    const Expected start = widened(*z, product(w.type.dims, 1, w.type.dims.size()) + 1);
    y = apply(inf, "Add", {}, {&y, &start});
  }
  return activated(inf, std::move(y));
}

}  // namespace mob::ops
