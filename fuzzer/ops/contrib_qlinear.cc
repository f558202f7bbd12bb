// Quantized operators of ONNX Runtime (domain com.microsoft), by their documentation: what they compute is
// the dequantized inputs put through the plain operator, quantized again. Evaluated only - they stand in
// optimized models, which the reference reads to tell an optimizer's fault from a kernel's.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

constexpr int kInnerOpset = 21;

// One standard operator applied to given tensors (null: left out).
Expected apply(const Inference& outer, std::string op, std::vector<Attribute> attributes,
               const std::vector<const Expected*>& inputs) {
  Node node;
  node.name = outer.node().name;
  node.op_type = std::move(op);
  node.attributes = std::move(attributes);
  node.outputs = {0};
  const OpSpec* spec = find_op(node.op_type);
  if (spec == nullptr) throw Unsupported("no reference for operator " + node.op_type);
  static const Arithmetic honest;
  Evaluation ev(node, kInnerOpset, inputs, honest);
  spec->infer(ev);
  ev.allocate();
  spec->evaluate(ev);
  return std::move(ev.results().front());
}

const Expected* optional_input(const Inference& inf, std::size_t i) {
  return inf.has_input(i) ? &inf.input(i) : nullptr;
}

// Input i with its scale and zero point behind it.
Expected dequantized(const Inference& inf, std::size_t i) {
  return apply(inf, "DequantizeLinear", {}, {&inf.input(i), &inf.input(i + 1), optional_input(inf, i + 2)});
}

void quantize_into(Evaluation& ev, const Expected& real, std::size_t scale) {
  ev.output() = apply(ev, "QuantizeLinear", {}, {&real, &ev.input(scale), optional_input(ev, scale + 1)});
}

void copy_attributes(const Node& from, std::initializer_list<std::string_view> names,
                     std::vector<Attribute>& to) {
  for (std::string_view n : names)
    if (const Attribute* a = from.attribute(n)) to.push_back(*a);
}

void refuse_channels_last(const Inference& inf) {
  if (inf.node().int_or("channels_last", 0) != 0) throw Unsupported("channels_last is not covered");
}

// --- one quantized input: X, X_scale, X_zero_point, Y_scale, Y_zero_point -----------------------------

template <const char* Op>
Expected unary_real(const Inference& inf) {
  std::vector<Attribute> attributes;
  copy_attributes(
      inf.node(),
      {"alpha", "axis", "kernel_shape", "pads", "strides", "auto_pad", "ceil_mode", "count_include_pad"},
      attributes);
  const Expected x = dequantized(inf, 0);
  return apply(inf, Op, std::move(attributes), {&x});
}

template <const char* Op>
void infer_unary(Inference& inf) {
  refuse_channels_last(inf);
  inf.set_output(0, {inf.type(0).dtype, unary_real<Op>(inf).type.dims});
}

template <const char* Op>
void evaluate_unary(Evaluation& ev) {
  quantize_into(ev, unary_real<Op>(ev), 3);
}

constexpr char kSigmoid[] = "Sigmoid", kLeakyRelu[] = "LeakyRelu", kAveragePool[] = "AveragePool",
               kGlobalAveragePool[] = "GlobalAveragePool", kSoftmax[] = "Softmax", kAdd[] = "Add",
               kMul[] = "Mul";

// --- two: A, A_scale, A_zero_point, B, B_scale, B_zero_point, C_scale, C_zero_point --------------------

void infer_binary(Inference& inf) {
  inf.set_output(0, {inf.type(0).dtype, broadcast(inf.dims(0), inf.dims(3))});
}

template <const char* Op>
void evaluate_binary(Evaluation& ev) {
  const Expected a = dequantized(ev, 0), b = dequantized(ev, 3);
  quantize_into(ev, apply(ev, Op, {}, {&a, &b}), 6);
}

// --- QGemm: A, a_scale, a_zero_point, B, b_scale, b_zero_point, C, y_scale, y_zero_point ----------------
// C is int32 with zero point 0 and scale alpha * a_scale * b_scale; without y_scale the result is float.

Expected qgemm(const Inference& inf) {
  std::vector<Attribute> attributes;
  copy_attributes(inf.node(), {"alpha", "transA", "transB"}, attributes);
  const Expected a = dequantized(inf, 0);
  std::vector<Attribute> b_axis;
  // A scale per column of the product: the axis of B that Gemm does not sum over.
  if (!inf.dims(4).empty() && inf.type(4).count() > 1)
    b_axis.push_back({"axis", std::int64_t{inf.node().int_or("transB", 0) != 0 ? 0 : 1}, {}, {}});
  const Expected b = apply(inf, "DequantizeLinear", std::move(b_axis),
                           {&inf.input(3), &inf.input(4), optional_input(inf, 5)});
  if (!inf.has_input(6)) return apply(inf, "Gemm", std::move(attributes), {&a, &b});
  const Expected scale = apply(inf, "Mul", {}, {&inf.input(1), &inf.input(4)});
  const Expected alpha = exact(Tensor::scalar(DType::kFloat, inf.node().float_or("alpha", 1)));
  const Expected c_scale = apply(inf, "Mul", {}, {&scale, &alpha});
  const Expected c_real = apply(inf, "Cast", {{"to", std::int64_t{1}, {}, {}}}, {&inf.input(6)});
  const Expected c = apply(inf, "Mul", {}, {&c_real, &c_scale});
  return apply(inf, "Gemm", std::move(attributes), {&a, &b, &c});
}

void infer_qgemm(Inference& inf) {
  const bool real = !inf.has_input(7);
  inf.set_output(0, {real ? DType::kFloat : inf.type(0).dtype, qgemm(inf).type.dims});
}

void evaluate_qgemm(Evaluation& ev) {
  Expected y = qgemm(ev);
  if (ev.has_input(7))
    quantize_into(ev, y, 7);
  else
    ev.output() = std::move(y);
}

constexpr std::string_view kMicrosoft = "com.microsoft";
constexpr OpSpec specs[] = {
    {.name = "QLinearAdd", .domain = kMicrosoft, .infer = infer_binary, .evaluate = evaluate_binary<kAdd>},
    {.name = "QLinearMul", .domain = kMicrosoft, .infer = infer_binary, .evaluate = evaluate_binary<kMul>},
    {.name = "QLinearSigmoid",
     .domain = kMicrosoft,
     .infer = infer_unary<kSigmoid>,
     .evaluate = evaluate_unary<kSigmoid>},
    {.name = "QLinearLeakyRelu",
     .domain = kMicrosoft,
     .infer = infer_unary<kLeakyRelu>,
     .evaluate = evaluate_unary<kLeakyRelu>},
    {.name = "QLinearSoftmax",
     .domain = kMicrosoft,
     .infer = infer_unary<kSoftmax>,
     .evaluate = evaluate_unary<kSoftmax>},
    {.name = "QLinearAveragePool",
     .domain = kMicrosoft,
     .infer = infer_unary<kAveragePool>,
     .evaluate = evaluate_unary<kAveragePool>},
    {.name = "QLinearGlobalAveragePool",
     .domain = kMicrosoft,
     .infer = infer_unary<kGlobalAveragePool>,
     .evaluate = evaluate_unary<kGlobalAveragePool>},
    {.name = "QGemm", .domain = kMicrosoft, .infer = infer_qgemm, .evaluate = evaluate_qgemm},
};

}  // namespace

namespace family {
extern constinit const Family contrib_qlinear = specs;
}

}  // namespace mob::ops
