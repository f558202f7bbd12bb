// Products, convolutions and activations that ONNX Runtime's fusions write (domain com.microsoft).
#include <numeric>

#include "fuzzer/ops/contrib.h"

namespace mob::ops {
namespace {

// --- FusedMatMul, TransposeMatMul: alpha A' B' -----------------------------------------------------------

// Operand i with its batch moved in front of its first axis (where it says so), then its last two axes
// swapped. An operand of one axis stays as it is.
Expected operand(const Inference& inf, std::size_t i, std::string_view swapped, std::string_view batch) {
  std::vector<std::int64_t> axes(inf.dims(i).size());
  std::iota(axes.begin(), axes.end(), 0);
  if (inf.node().int_or(batch, 0) != 0) {
    if (axes.size() < 3) throw InvalidNode("an operand without a batch to move");
    std::rotate(axes.begin(), axes.begin() + 1, axes.end() - 1);
  }
  if (axes.size() > 1 && inf.node().int_or(swapped, 0) != 0) std::swap(axes.end()[-2], axes.end()[-1]);
  return transposed(inf, inf.input(i), std::move(axes));
}

Expected fused_matmul(const Inference& inf) {
  const Expected a = operand(inf, 0, "transA", "transBatchA");
  Expected b = operand(inf, 1, "transB", "transBatchB");
  // A kernel may multiply by alpha before or after the sums: rounding alpha B covers both.
  if (const double alpha = inf.node().float_or("alpha", 1); alpha != 1) {
    const Expected times = factor(b.type.dtype, alpha);
    b = apply(inf, "Mul", {}, {&b, &times});
  }
  return apply(inf, "MatMul", {}, {&a, &b});
}

// --- FusedGemm: f(alpha A' B' + beta C) ------------------------------------------------------------------

Expected fused_gemm(const Inference& inf) {
  const Node& node = inf.node();
  std::vector<Attribute> attributes, of_activation;
  copy_attributes(node, {"alpha", "beta", "transA", "transB"}, attributes);
  Expected y =
      apply(inf, "Gemm", std::move(attributes), {&inf.input(0), &inf.input(1), optional_input(inf, 2)});
  const std::string function = node.string_or("activation", "");
  if (function.empty()) return y;
  constexpr std::string_view kKnown[] = {"Elu",     "HardSigmoid", "LeakyRelu", "Relu", "Selu",
                                         "Sigmoid", "Softplus",    "Softsign",  "Tanh", "ThresholdedRelu"};
  if (std::find(std::begin(kKnown), std::end(kKnown), function) == std::end(kKnown))
    throw Unsupported("no reference for the activation " + function);
  for (const std::string name : {"alpha", "beta", "gamma"})
    if (const Attribute* a = node.attribute("activation_" + name)) of_activation.push_back({name, a->value});
  return apply(inf, function, std::move(of_activation), {&y});
}

// --- FusedConv: f(Conv(X, W, B) + Z) -----------------------------------------------------------------------

Expected fused_conv(const Inference& inf) {
  return convolved(inf, inf.input(0), inf.input(1), optional_input(inf, 3));
}

Expected nhwc_fused_conv(const Inference& inf) {
  const Expected x = channels_first(inf, inf.input(0));
  if (!inf.has_input(3)) return channels_last(inf, convolved(inf, x, inf.input(1), nullptr));
  const Expected z = channels_first(inf, inf.input(3));
  return channels_last(inf, convolved(inf, x, inf.input(1), &z));
}

// --- Gelu and its kin
// ----------------------------------------------------------------------------------------

Expected gelu_of_sum(const Inference& inf, std::string approximate) {
  const std::vector<Attribute> form = {{"approximate", std::move(approximate)}};
  if (!inf.has_input(1)) return apply(inf, "Gelu", form, {&inf.input(0)});
  if (inf.dims(0).empty() || inf.dims(1) != Dims{inf.dims(0).back()})
    throw InvalidNode("the bias does not fit the last axis");
  const Expected x = apply(inf, "Add", {}, {&inf.input(0), &inf.input(1)});
  return apply(inf, "Gelu", form, {&x});
}
Expected gelu(const Inference& inf) {
  return gelu_of_sum(inf, "none");
}
Expected fast_gelu(const Inference& inf) {
  return gelu_of_sum(inf, "tanh");
}

// x sigmoid(alpha x)
Expected quick_gelu(const Inference& inf) {
  constexpr int kSince = 24;
  return apply(inf, "Swish", {{"alpha", static_cast<float>(inf.node().float_or("alpha", 1.702f))}},
               {&inf.input(0)}, kSince);
}

constexpr OpSpec specs[] = {
    composed<fused_matmul>("FusedMatMul"),
    composed<fused_matmul>("TransposeMatMul"),
    composed<fused_gemm>("FusedGemm"),
    composed<fused_conv>("FusedConv"),
    composed<nhwc_fused_conv>("NhwcFusedConv"),
    composed<gelu>("Gelu"),
    composed<gelu>("BiasGelu"),
    composed<fast_gelu>("FastGelu"),
    composed<quick_gelu>("QuickGelu"),
};

}  // namespace

namespace family {
extern constinit const Family contrib_fused = specs;
}

}  // namespace mob::ops
