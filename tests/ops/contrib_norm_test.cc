// Layer normalizations that ONNX Runtime's fusions write: against the standard operators that they stand for.
#include "tests/ops/run_text.h"

namespace mob::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr DType f32 = DType::kFloat, i32 = DType::kInt32;

TEST(SimplifiedLayerNormalization, IsRmsNormalizationInTheStandardDomain) {
  expect_equal(R"(
g (float[2, 3, 4] x, float[4] scale) => (float[2, 3, 4] y) {
  y = SimplifiedLayerNormalization <axis = -1, epsilon = 0.01, stash_type = 1> (x, scale)
})",
               R"(
g (float[2, 3, 4] x, float[4] scale) => (float[2, 3, 4] y) {
  y = RMSNormalization <axis = -1, epsilon = 0.01> (x, scale)
})",
               {{"x", some(f32, {2, 3, 4})}, {"scale", some(f32, {4})}});
}

TEST(SimplifiedLayerNormalization, DoesNotBroadcastItsScale) {
  const Reference r = run_text(R"(
g (float[2, 3, 4] x, float[1] scale) => (float[2, 3, 4] y) { y = SimplifiedLayerNormalization (x, scale) })",
                               {{"x", some(f32, {2, 3, 4})}, {"scale", some(f32, {1})}});
  EXPECT_TRUE(r.invalid);
}

TEST(SkipLayerNormalization, AddsSkipAndBias) {
  expect_equal(R"(
g (float[2, 3, 4] x, float[1, 3, 4] skip, float[4] gamma, float[4] beta, float[4] bias)
    => (float[2, 3, 4] y, float[2, 3, 1] mean, float[2, 3, 1] inverse, float[2, 3, 4] sum) {
  y, mean, inverse, sum = com.microsoft.SkipLayerNormalization <epsilon = 0.01> (x, skip, gamma, beta, bias)
})",
               R"(
g (float[2, 3, 4] x, float[1, 3, 4] skip, float[4] gamma, float[4] beta, float[4] bias)
    => (float[2, 3, 4] y, float[2, 3, 1] mean, float[2, 3, 1] inverse, float[2, 3, 4] sum) {
  a = Add (x, skip)
  sum = Add (a, bias)
  y, mean, inverse = LayerNormalization <epsilon = 0.01> (sum, gamma, beta)
})",
               {{"x", some(f32, {2, 3, 4})},
                {"skip", some(f32, {1, 3, 4})},
                {"gamma", some(f32, {4}, 0.5, 1.5)},
                {"beta", some(f32, {4})},
                {"bias", some(f32, {4}, -1, 1)}});
}

TEST(SkipLayerNormalization, TakesGammaOfTheLastAxisOnly) {
  const Reference r =
      run_text(R"(
g (float[2, 3, 4] x, float[2, 3, 4] skip, float[3, 4] gamma) => (float[2, 3, 4] y) {
  y = com.microsoft.SkipLayerNormalization (x, skip, gamma)
})",
               {{"x", some(f32, {2, 3, 4})}, {"skip", some(f32, {2, 3, 4})}, {"gamma", some(f32, {3, 4})}});
  EXPECT_TRUE(r.invalid);
  EXPECT_THAT(r.unavailable, HasSubstr("last axis"));
}

TEST(SkipLayerNormalization, BroadcastsSkipOverTheBatchOnly) {
  for (const Dims& skip : {Dims{2, 1, 4}, Dims{4}, Dims{1, 1, 4}}) {
    std::string dims;
    for (std::int64_t d : skip) dims += (dims.empty() ? "" : ", ") + std::to_string(d);
    const Reference r =
        run_text("g (float[2, 3, 4] x, float[" + dims +
                     "] skip, float[4] gamma) => (float[2, 3, 4] y) "
                     "{ y = com.microsoft.SkipLayerNormalization (x, skip, gamma) }",
                 {{"x", some(f32, {2, 3, 4})}, {"skip", some(f32, skip)}, {"gamma", some(f32, {4})}});
    EXPECT_TRUE(r.invalid) << dims;
  }
}

// What cannot be evaluated of an optimized model leaves its other outputs alone.
TEST(SkipSimplifiedLayerNormalization, HasNoStatistics) {
  const Reference r = run_text(R"(
g (float[1, 2] x, float[1, 2] gamma) => (float[1, 2] y, float[1, 2] z) {
  y, mean = com.microsoft.SkipSimplifiedLayerNormalization (x, x, gamma)
  z = Relu (x)
})",
                               {{"x", some(f32, {1, 2})}, {"gamma", some(f32, {2})}}, true);
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_EQ(r.outputs[0].type.dtype, DType::kUndefined);
  EXPECT_EQ(r.outputs[1].type.dims, (Dims{1, 2}));
}

TEST(SkipSimplifiedLayerNormalization, DoesNotCenter) {
  const Reference r = run_text(R"(
g (float[1, 2] x, float[1, 2] skip, float[2] gamma) => (float[1, 2] y) {
  y = com.microsoft.SkipSimplifiedLayerNormalization <epsilon = 0.0> (x, skip, gamma)
})",
                               {{"x", Tensor::of(f32, {1, 2}, {1, 0})},
                                {"skip", Tensor::of(f32, {1, 2}, {0, 7})},
                                {"gamma", Tensor::of(f32, {2}, {1, 2})}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_NEAR(r.outputs[0].value_at(0), 1.0 / 5, 1e-7);  // sqrt((1 + 49) / 2) = 5
  EXPECT_NEAR(r.outputs[0].value_at(1), 14.0 / 5, 1e-7);
}

TEST(EmbedLayerNormalization, SumsThreeEmbeddingsAndCountsItsMask) {
  const Inputs inputs = {{"ids", Tensor::of(i32, {2, 3}, {1, 0, 4, 2, 2, 3})},
                         {"segments", Tensor::of(i32, {2, 3}, {0, 1, 1, 0, 0, 1})},
                         {"words", some(f32, {5, 4})},
                         {"places", some(f32, {6, 4})},
                         {"kinds", some(f32, {2, 4})},
                         {"gamma", some(f32, {4}, 0.5, 1.5)},
                         {"mask", Tensor::of(i32, {2, 3}, {1, 1, 0, 1, 0, 0})}};
  const std::string head =
      "g (int32[2, 3] ids, int32[2, 3] segments, float[5, 4] words, float[6, 4] places, float[2, 4] kinds, "
      "float[4] gamma, int32[2, 3] mask) => (float[2, 3, 4] y, int32[2] count, float[2, 3, 4] sum) ";
  expect_equal(head + R"({
  y, count, sum = com.microsoft.EmbedLayerNormalization <epsilon = 0.01>
      (ids, segments, words, places, kinds, gamma, gamma, mask)
})",
               head + R"(<int64[3] first = {0, 1, 2}, int64[1] one = {1}> {
  a = Gather (words, ids)
  b = Gather (places, first)
  c = Gather (kinds, segments)
  sum = Sum (a, b, c)
  y = LayerNormalization <epsilon = 0.01> (sum, gamma, gamma)
  count = ReduceSum <keepdims = 0> (mask, one)
})",
               inputs);
}

TEST(EmbedLayerNormalization, TakesPositions) {
  const Reference r = run_text(R"(
g (int32[1, 2] ids, float[2, 2] words, float[3, 2] places, float[2] gamma, int32[1, 2] at)
    => (float[1, 2, 2] y, int32[1] count, float[1, 2, 2] sum) {
  y, count, sum = com.microsoft.EmbedLayerNormalization (ids, , words, places, , gamma, gamma, , at)
})",
                               {{"ids", Tensor::of(i32, {1, 2}, {1, 0})},
                                {"words", Tensor::of(f32, {2, 2}, {1, 2, 3, 4})},
                                {"places", Tensor::of(f32, {3, 2}, {10, 20, 30, 40, 50, 60})},
                                {"gamma", Tensor::of(f32, {2}, {1, 1})},
                                {"at", Tensor::of(i32, {1, 2}, {2, 0})}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_THAT(values(r.outputs[1]), ElementsAre(0));
  EXPECT_THAT(values(r.outputs[2]), ElementsAre(53, 64, 11, 22));
}

}  // namespace
}  // namespace mob::testing
