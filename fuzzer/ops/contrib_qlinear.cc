// Quantized operators of ONNX Runtime (domain com.microsoft): what they compute is the dequantized inputs put
// through the plain operator, quantized again.
#include "fuzzer/ops/contrib.h"

namespace mob::ops {
namespace {

// Scale and zero point of a whole tensor.
void check_parameters(const Inference& inf, std::size_t scale) {
  for (std::size_t i : {scale, scale + 1})
    if (inf.has_input(i) && inf.type(i).count() != 1)
      throw InvalidNode("a scale or zero point that is not for the whole tensor");
}

// Input i with its scale and zero point behind it.
Expected dequantized(const Inference& inf, std::size_t i) {
  check_parameters(inf, i + 1);
  return apply(inf, "DequantizeLinear", {}, {&inf.input(i), &inf.input(i + 1), optional_input(inf, i + 2)});
}

void quantize_into(Evaluation& ev, const Expected& real, std::size_t scale) {
  check_parameters(ev, scale);
  ev.output() = apply(ev, "QuantizeLinear", {}, {&real, &ev.input(scale), optional_input(ev, scale + 1)});
}

bool has_channels_last(const Inference& inf) {
  return inf.node().int_or("channels_last", 0) != 0;
}

// --- one quantized input: X, X_scale, X_zero_point, Y_scale, Y_zero_point -----------------------------

template <const char* Op>
Expected unary_real(const Inference& inf) {
  std::vector<Attribute> attributes;
  copy_attributes(
      inf.node(),
      {"alpha", "axis", "kernel_shape", "pads", "strides", "auto_pad", "ceil_mode", "count_include_pad"},
      attributes);
  // Softmax says of which opset it is.
  const auto opset = static_cast<int>(inf.node().int_or("opset", kInnerOpset));
  Expected x = dequantized(inf, 0);
  if (has_channels_last(inf)) x = channels_first(inf, x);
  Expected y = apply(inf, Op, std::move(attributes), {&x}, opset);
  return has_channels_last(inf) ? channels_last(inf, y) : y;
}

template <const char* Op>
void infer_unary(Inference& inf) {
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
    b_axis.push_back({"axis", std::int64_t{inf.node().int_or("transB", 0) != 0 ? 0 : 1}});
  const Expected b = apply(inf, "DequantizeLinear", std::move(b_axis),
                           {&inf.input(3), &inf.input(4), optional_input(inf, 5)});
  if (!inf.has_input(6)) return apply(inf, "Gemm", std::move(attributes), {&a, &b});
  const Expected scale = apply(inf, "Mul", {}, {&inf.input(1), &inf.input(4)});
  const Expected alpha = exact(Tensor::scalar(DType::kFloat, inf.node().float_or("alpha", 1)));
  const Expected c_scale = apply(inf, "Mul", {}, {&scale, &alpha});
  const Expected c_real = apply(inf, "Cast", {{"to", std::int64_t{1}}}, {&inf.input(6)});
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

// --- any number of inputs, choices, moves --------------------------------------------------------------

// y_scale, y_zero_point, and three inputs for each part
Expected concat(const Inference& inf) {
  if (inf.input_count() < 5 || (inf.input_count() - 2) % 3 != 0)
    throw InvalidNode("QLinearConcat takes three inputs for each part");
  std::vector<Expected> parts;
  for (std::size_t i = 2; i < inf.input_count(); i += 3) parts.push_back(dequantized(inf, i));
  std::vector<const Expected*> pointers;
  pointers.reserve(parts.size());
  for (const Expected& p : parts) pointers.push_back(&p);
  std::vector<Attribute> attributes;
  copy_attributes(inf.node(), {"axis"}, attributes);
  const Expected y = apply(inf, "Concat", std::move(attributes), pointers);
  check_parameters(inf, 0);
  return apply(inf, "QuantizeLinear", {}, {&y, &inf.input(0), &inf.input(1)});
}

// condition, X, x_scale, x_zero_point, Y, y_scale, y_zero_point, z_scale, z_zero_point
Expected where(const Inference& inf) {
  const Expected x = dequantized(inf, 1), y = dequantized(inf, 4);
  const Expected z = apply(inf, "Where", {}, {&inf.input(0), &x, &y});
  check_parameters(inf, 7);
  return apply(inf, "QuantizeLinear", {}, {&z, &inf.input(7), &inf.input(8)});
}

Expected nhwc_max_pool(const Inference& inf) {
  std::vector<Attribute> attributes;
  copy_attributes(inf.node(), {"auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "strides"},
                  attributes);
  const Expected x = channels_first(inf, inf.input(0));
  return channels_last(inf, apply(inf, "MaxPool", std::move(attributes), {&x}));
}

// --- what onnx has, too, with channels_last or for more types ----------------------------------------------

Expected conv(const Inference& inf) {
  std::vector<Attribute> attributes;
  copy_attributes(inf.node(), {"auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"},
                  attributes);
  std::vector<const Expected*> inputs;
  inputs.reserve(inf.input_count());
  for (std::size_t i = 0; i < inf.input_count(); ++i) inputs.push_back(optional_input(inf, i));
  if (!has_channels_last(inf)) return apply(inf, "QLinearConv", std::move(attributes), inputs);
  const Expected x = channels_first(inf, inf.input(0));
  inputs[0] = &x;
  return channels_last(inf, apply(inf, "QLinearConv", std::move(attributes), inputs));
}

template <const char* Op>
Expected rescaled(const Inference& inf) {
  std::vector<Attribute> attributes;
  copy_attributes(inf.node(), {"axis", "block_size"}, attributes);
  return apply(inf, Op, std::move(attributes), {&inf.input(0), &inf.input(1), optional_input(inf, 2)});
}
constexpr char kQuantize[] = "QuantizeLinear", kDequantize[] = "DequantizeLinear";

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
    composed<concat>("QLinearConcat"),
    composed<where>("QLinearWhere"),
    composed<conv>("QLinearConv"),
    composed<nhwc_max_pool>("NhwcMaxPool"),
    composed<rescaled<kQuantize>>("QuantizeLinear"),
    composed<rescaled<kDequantize>>("DequantizeLinear"),
};

}  // namespace

namespace family {
extern constinit const Family contrib_qlinear = specs;
}

}  // namespace mob::ops
