// What the relaxations of Arithmetic explain, and what they must not.
#include <gmock/gmock.h>

#include "fuzzer/graph/model_io.h"
#include "fuzzer/reference/reference.h"
#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

constexpr Arithmetic kSaturating{.saturating_u8s8 = true};
constexpr Arithmetic kActivations{.quantized_activations = true};
constexpr Arithmetic kSkipped{.skipped_requantization = true};

// The only output of a graph (opset 21) on one input x.
Expected run(std::string_view graph, const Tensor& x, const Arithmetic& arithmetic = {}) {
  Case c;
  c.model = parse_text("<ir_version: 10, opset_import: [\"\" : 21]> " + std::string(graph));
  c.inputs.emplace("x", x);
  Reference r = evaluate(c, {.arithmetic = arithmetic});
  EXPECT_TRUE(r.available()) << r.unavailable;
  return r.outputs.at(0);
}

constexpr std::string_view kU8S8 =
    "g (uint8[1,4] x) => (float[1,1] y) <float one = {1}, int8[4,1] w = {127, 127, 127, -127}> {"
    "  a = DequantizeLinear(x, one)  b = DequantizeLinear(w, one)  y = MatMul(a, b) }";

TEST(SaturatingU8S8, PullsPairsOfProductsInto16Bits) {
  const Expected y = run(kU8S8, Tensor::of(DType::kUint8, {1, 4}, {200, 100, 200, 200}), kSaturating);
  EXPECT_EQ(y.value_at(0), 38100);                 // the exact sum stays
  EXPECT_NEAR(y.bound_at(0), 38100 - 32767, 0.5);  // 200 * 127 + 100 * 127 saturates, 0 does not
  EXPECT_LT(run(kU8S8, Tensor::of(DType::kUint8, {1, 4}, {200, 58, 200, 200}), kSaturating).bound_at(0), 0.5);
  EXPECT_LT(run(kU8S8, Tensor::of(DType::kUint8, {1, 4}, {200, 100, 200, 200})).bound_at(0), 0.5);
}

TEST(SaturatingU8S8, SeesThroughTransposeAndGemm) {
  constexpr std::string_view graph =
      "g (uint8[2,1] x) => (float[1,1] y) <float one = {1}, int8[1,2] w = {127, 127}> {"
      "  a = DequantizeLinear(x, one)  t = Transpose(a)  b = DequantizeLinear(w, one)"
      "  y = Gemm <transB = 1, alpha = 2.0> (t, b) }";
  EXPECT_NEAR(run(graph, Tensor::of(DType::kUint8, {2, 1}, {200, 100}), kSaturating).bound_at(0), 2 * 5333,
              0.5);
}

// Channels 0 and 1 stand side by side when they are the last axis, the two taps when they are not.
TEST(SaturatingU8S8, TakesEitherLayoutOfAConvolution) {
  constexpr std::string_view graph =
      "g (uint8[1,2,2] x) => (int32[1,1,1] y) <int8[1,2,2] w = {127, -127, 127, 127}> { y = ConvInteger(x, "
      "w) }";
  const Expected y = run(graph, Tensor::of(DType::kUint8, {1, 2, 2}, {200, 200, 100, 0}), kSaturating);
  EXPECT_EQ(y.value_at(0), 12700);
  EXPECT_EQ(y.bound_at(0), 38100 - 32767);
}

// Float weights of 1 become 127 steps: 200 * 127 twice is 18,033 too much for 16 bits.
TEST(SaturatingU8S8, BitesWeightsThatAreMadeInt8) {
  constexpr std::string_view graph =
      "g (uint8[1,2,1] x) => (float[1,1,1] y) <float one = {1}, float[1,2,1] w = {1, 1}> {"
      "  a = DequantizeLinear(x, one)  y = Conv(a, w) }";
  const Tensor x = Tensor::of(DType::kUint8, {1, 2, 1}, {200, 200});
  EXPECT_LT(run(graph, x, kSaturating).bound_at(0), 0.01);
  EXPECT_LT(run(graph, x, {.quantized_weights = true}).bound_at(0), 2);
  EXPECT_NEAR(run(graph, x, {.saturating_u8s8 = true, .quantized_weights = true}).bound_at(0), 18033 / 127.0,
              2);
}

TEST(QuantizedActivations, RoundTheRowToInt8) {
  constexpr std::string_view graph =
      "g (float[1,2] x) => (float[1,1] y) <float s = {0.5}, int8[2,1] w = {4, -6}> {"
      "  b = DequantizeLinear(w, s)  y = MatMul(x, b) }";
  const Tensor x = Tensor::of(DType::kFloat, {1, 2}, {254, 1});
  EXPECT_NEAR(run(graph, x, kActivations).bound_at(0), 5 * 1, 0.01);  // (2 + 3) * half a step of 254 / 127
  EXPECT_LT(run(graph, x).bound_at(0), 0.01);
  EXPECT_LT(run(graph, x, kSaturating).bound_at(0), 0.01);
}

constexpr std::string_view kTwoPairs =
    "g (float[3] x) => (float[3] y) <float s1 = {0.01}, uint8 z1 = {128}, float s2 = {1}, uint8 z2 = {0}> {"
    "  q1 = QuantizeLinear(x, s1, z1)  d1 = DequantizeLinear(q1, s1, z1)"
    "  q2 = QuantizeLinear(d1, s2, z2)  y = DequantizeLinear(q2, s2, z2) }";

TEST(SkippedRequantization, MergesTwoPairsButKeepsTheirSaturation) {
  const Tensor x = Tensor::of(DType::kFloat, {3}, {0.4, 100, -100});
  const Expected y = run(kTwoPairs, x, kSkipped);
  EXPECT_EQ(y.value_at(0), 0);
  EXPECT_NEAR(y.bound_at(0), 0.4 + 1, 1e-3);       // x itself, within a step of 1
  EXPECT_NEAR(y.bound_at(1), 1.27 - 1 + 1, 1e-3);  // saturated by the first pair
  EXPECT_NEAR(y.bound_at(2), 1, 1e-3);             // saturated by the second
  EXPECT_EQ(run(kTwoPairs, x).bound_at(0), 0);
}

TEST(SkippedRequantization, LeavesASinglePairAlone) {
  constexpr std::string_view graph =
      "g (float[1] x) => (float[1] y) <float s = {1}, uint8 z = {0}> {"
      "  q = QuantizeLinear(x, s, z)  y = DequantizeLinear(q, s, z) }";
  EXPECT_EQ(run(graph, Tensor::of(DType::kFloat, {1}, {0.4}), kSkipped).bound_at(0), 0);
}

TEST(SkippedRequantization, KnowsTheFactorOfQLinearSoftmax) {
  constexpr std::string_view graph =
      "g (uint8[2] x) => (uint8[2] y) <float s = {0.06}, uint8 z = {0}> {"
      "  d = DequantizeLinear(x, s, z)  r = Softmax(d)  y = QuantizeLinear(r, s, z) }";
  const Tensor x = Tensor::of(DType::kUint8, {2}, {50, 0});  // 0.953 / 0.06 = 15.9; 0.953 * 16 = 15.2
  EXPECT_EQ(run(graph, x, kSkipped).value_at(0), 16);
  EXPECT_EQ(run(graph, x, kSkipped).bound_at(0), 1);
  EXPECT_EQ(run(graph, x).bound_at(0), 0);
}

// MatMul and Add become Gemm, and what was added an int32 in steps of 0.5 * 4.
TEST(QuantizedWeights, RoundABiasThatIsAddedToMatMul) {
  constexpr std::string_view graph =
      "g (uint8[1,2] x) => (float[1,1] y)"
      " <float s = {0.5}, float t = {4}, int8[2,1] w = {3, 1}, float[1] b = {0.7}> {"
      "  a = DequantizeLinear(x, s)  c = DequantizeLinear(w, t)  m = MatMul(a, c)  y = Add(m, b) }";
  const Tensor x = Tensor::of(DType::kUint8, {1, 2}, {2, 4});
  EXPECT_NEAR(run(graph, x, {.quantized_weights = true}).bound_at(0), 1, 1e-3);
  EXPECT_LT(run(graph, x).bound_at(0), 1e-3);
}

// Over the range from -1 to 0.9 (steps of 1.9 / 255, zero point 6), 0.9 and 0.2 become 127 and 33: 255 * 160
// is 8,033 too much. Symmetric ones, 114 and 25, are off by less.
TEST(SaturatingU8S8, BitesWeightsThatAreMadeInt8WithAZeroPoint) {
  constexpr std::string_view graph =
      "g (uint8[1,3] x) => (float[1,1] y) <float one = {1}, float[3,1] w = {0.9, 0.2, -1}> {"
      "  a = DequantizeLinear(x, one)  y = Gemm(a, w) }";
  const Tensor x = Tensor::of(DType::kUint8, {1, 3}, {255, 255, 0});
  EXPECT_NEAR(run(graph, x, {.saturating_u8s8 = true, .quantized_weights = true}).bound_at(0),
              8033 * 1.9 / 255 + 3 * 255 / 127. / 2, 0.1);
  EXPECT_LT(run(graph, x, {.saturating_u8s8 = true}).bound_at(0), 1e-3);
}

TEST(ReorderedSums, CountRoundingsTwice) {
  constexpr std::string_view graph =
      "g (float[1,1,2] x) => (float[1,1,2] y) <float[1,1,1] w = {3}, float[1] b = {-1}> {"
      "  c = Conv(x, w, b)  y = Add(c, x) }";
  const Tensor x = Tensor::of(DType::kFloat, {1, 1, 2}, {0.3, 0.7});
  const double strict = run(graph, x).bound_at(0),
               loose = run(graph, x, {.reordered_sums = true}).bound_at(0);
  EXPECT_NEAR(loose / strict, 2, 1e-3);
}

TEST(SkippedHalfCasts, LeaveTheNumberAsItWas) {
  constexpr std::string_view graph = "g (float[1] x) => (float16[1] y) { y = Cast <to = 10> (x) }";
  const Tensor x = Tensor::of(DType::kFloat, {1}, {0.8048682});
  EXPECT_EQ(run(graph, x).bound_at(0), 0);
  const Expected y = run(graph, x, {.skipped_half_casts = true});
  EXPECT_EQ(y.value_at(0), 0.8046875);
  EXPECT_NEAR(y.bound_at(0), 0.8048682 - 0.8046875, 1e-7);
}

TEST(FlushedSubnormals, AreZeroOrWhatTheyAre) {
  constexpr std::string_view graph =
      "g (float[2] x) => (float[2] y) <float[2] w = {1e-40, 1e-30}> { y = Mul(x, w) }";
  const Tensor x = Tensor::of(DType::kFloat, {2}, {3e38, 3e38});
  const Expected y = run(graph, x, {.flushed_subnormals = true});
  EXPECT_NEAR(y.bound_at(0), 0.03, 1e-3);
  EXPECT_LT(y.bound_at(1) / y.value_at(1), 1e-6);
}

}  // namespace
}  // namespace mob::testing
