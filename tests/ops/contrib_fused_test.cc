// FusedMatMul, FusedGemm, FusedConv and the kinds of Gelu: against the standard operators that they stand
// for.
#include "tests/ops/run_text.h"

namespace mob::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr DType f32 = DType::kFloat;

TEST(FusedMatMul, TransposesTheLastTwoAxesAndScales) {
  const Reference r =
      run_text(R"(
g (float[2, 1] a, float[1, 2] b) => (float[1, 1] y) {
  y = com.microsoft.FusedMatMul <transA = 1, transB = 1, alpha = 0.5> (a, b)
})",
               {{"a", Tensor::of(f32, {2, 1}, {1, 2})}, {"b", Tensor::of(f32, {1, 2}, {3, 4})}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_THAT(values(r.outputs[0]), ElementsAre(5.5));
  EXPECT_EQ(r.outputs[0].type.dims, (Dims{1, 1}));
}

TEST(FusedMatMul, MovesTheBatchInFront) {
  expect_equal(R"(
g (float[4, 2, 3, 5] a, float[6, 2, 3, 5] b) => (float[2, 3, 4, 6] y) {
  y = com.microsoft.FusedMatMul <transBatchA = 1, transBatchB = 1, transB = 1> (a, b)
})",
               R"(
g (float[4, 2, 3, 5] a, float[6, 2, 3, 5] b) => (float[2, 3, 4, 6] y) {
  c = Transpose <perm = [1, 2, 0, 3]> (a)
  d = Transpose <perm = [1, 2, 3, 0]> (b)
  y = MatMul (c, d)
})",
               {{"a", some(f32, {4, 2, 3, 5})}, {"b", some(f32, {6, 2, 3, 5})}});
}

// No schema of onnx says which types it takes; that of MatMul does.
TEST(FusedMatMul, IsOfNumbers) {
  const Reference r = run_text("g (bool[2, 2] a) => (bool[2, 2] y) { y = com.microsoft.FusedMatMul (a, a) }",
                               {{"a", some(DType::kBool, {2, 2}, 0, 1)}});
  EXPECT_THAT(r.unavailable, HasSubstr("does not take inputs of these types"));
}

TEST(FusedMatMul, LeavesVectorsAsTheyAre) {
  expect_equal(
      "g (float[3] a, float[4, 3] b) => (float[4] y) "
      "{ y = com.microsoft.TransposeMatMul <transA = 1, transB = 1> (a, b) }",
      "g (float[3] a, float[4, 3] b) => (float[4] y) { y = MatMul (b, a) }",
      {{"a", some(f32, {3})}, {"b", some(f32, {4, 3})}});
}

TEST(FusedGemm, AppliesItsActivation) {
  expect_equal(R"(
g (float[3, 2] a, float[3, 4] b, float[4] c) => (float[2, 4] y) {
  y = com.microsoft.FusedGemm <transA = 1, alpha = 0.5, activation = "LeakyRelu", activation_alpha = 0.1> (a, b, c)
})",
               R"(
g (float[3, 2] a, float[3, 4] b, float[4] c) => (float[2, 4] y) {
  x = Gemm <transA = 1, alpha = 0.5> (a, b, c)
  y = LeakyRelu <alpha = 0.1> (x)
})",
               {{"a", some(f32, {3, 2})}, {"b", some(f32, {3, 4})}, {"c", some(f32, {4})}});
}

TEST(FusedConv, AddsBeforeItsActivation) {
  const Reference r = run_text(R"(
g (float[1, 1, 3] x, float[1, 1, 2] w, float[1] b, float[1, 1, 2] z) => (float[1, 1, 2] y) {
  y = com.microsoft.FusedConv <activation = "Clip", activation_params = [0.0, 6.0]> (x, w, b, z)
})",
                               {{"x", Tensor::of(f32, {1, 1, 3}, {1, 2, 4})},
                                {"w", Tensor::of(f32, {1, 1, 2}, {1, 1})},
                                {"b", Tensor::of(f32, {1}, {1})},
                                {"z", Tensor::of(f32, {1, 1, 2}, {-5, 1})}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_THAT(values(r.outputs[0]), ElementsAre(0, 6));  // of -1 and 8
}

TEST(FusedConv, HasAFormWithChannelsLast) {
  expect_equal(R"(
g (float[1, 4, 5, 2] x, float[3, 2, 2, 2] w) => (float[1, 3, 4, 3] y) {
  y = com.microsoft.NhwcFusedConv <activation = "Relu"> (x, w)
})",
               R"(
g (float[1, 4, 5, 2] x, float[3, 2, 2, 2] w) => (float[1, 3, 4, 3] y) {
  a = Transpose <perm = [0, 3, 1, 2]> (x)
  b = Conv (a, w)
  c = Relu (b)
  y = Transpose <perm = [0, 2, 3, 1]> (c)
})",
               {{"x", some(f32, {1, 4, 5, 2})}, {"w", some(f32, {3, 2, 2, 2})}});
}

TEST(FusedConv, IsNotKnownWithEveryActivation) {
  const Reference r = run_text(R"(
g (float[1, 1, 3] x, float[1, 1, 2] w) => (float[1, 1, 2] y) {
  y = com.microsoft.FusedConv <activation = "Mish"> (x, w)
})",
                               {{"x", some(f32, {1, 1, 3})}, {"w", some(f32, {1, 1, 2})}});
  EXPECT_THAT(r.unavailable, HasSubstr("activation Mish"));
}

TEST(Gelus, AreThoseOfTheStandardAfterTheirBias) {
  const Inputs inputs = {{"x", some(f32, {3, 4}, -4, 4)}, {"b", some(f32, {4})}};
  expect_equal("g (float[3, 4] x, float[4] b) => (float[3, 4] y) { y = com.microsoft.BiasGelu (x, b) }",
               "g (float[3, 4] x, float[4] b) => (float[3, 4] y) { s = Add (x, b) y = Gelu (s) }", inputs);
  expect_equal("g (float[3, 4] x, float[4] b) => (float[3, 4] y) { y = com.microsoft.FastGelu (x, b) }",
               "g (float[3, 4] x, float[4] b) => (float[3, 4] y) "
               "{ s = Add (x, b) y = Gelu <approximate = \"tanh\"> (s) }",
               inputs);
  expect_equal("g (float[3, 4] x, float[4] b) => (float[3, 4] y) { y = com.microsoft.Gelu (x) }",
               "g (float[3, 4] x, float[4] b) => (float[3, 4] y) { y = Gelu (x) }", inputs);
}

TEST(QuickGelu, IsXTimesItsSigmoid) {
  const Inputs inputs = {{"x", some(f32, {3, 4}, -4, 4)}};
  expect_equal("g (float[3, 4] x) => (float[3, 4] y) { y = com.microsoft.QuickGelu (x) }",
               "g (float[3, 4] x) => (float[3, 4] y) <float a = {1.702}> "
               "{ s = Mul (x, a) t = Sigmoid (s) y = Mul (x, t) }",
               inputs);
}

}  // namespace
}  // namespace mob::testing
