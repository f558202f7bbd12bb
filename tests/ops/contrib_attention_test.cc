// Attention, MultiHeadAttention and RotaryEmbedding of com.microsoft: against the standard ones.
#include "tests/ops/run_text.h"

namespace mob::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr DType f32 = DType::kFloat, i32 = DType::kInt32;

TEST(MicrosoftAttention, ProjectsItsInputAndKeepsTheCacheInOneTensor) {
  const Inputs inputs = {{"x", some(f32, {2, 3, 4})},
                         {"w", some(f32, {4, 12})},
                         {"b", some(f32, {12})},
                         {"past", some(f32, {2, 2, 2, 1, 2})}};
  const std::string head =
      "g (float[2, 3, 4] x, float[4, 12] w, float[12] b, float[2, 2, 2, 1, 2] past) "
      "=> (float[2, 3, 4] y, float[2, 2, 2, 4, 2] present) ";
  expect_equal(head + R"({
  y, present = com.microsoft.Attention <num_heads = 2, unidirectional = 1, scale = 0.7> (x, w, b, , past)
})",
               head + R"(<int64[1] zero = {0}> {
  p = MatMul (x, w)
  s = Add (p, b)
  q, k, v = Split <axis = -1, num_outputs = 3> (s)
  pk, pv = Split <axis = 0, num_outputs = 2> (past)
  pk4 = Squeeze (pk, zero)
  pv4 = Squeeze (pv, zero)
  y, nk, nv = Attention <q_num_heads = 2, kv_num_heads = 2, is_causal = 1, scale = 0.7> (q, k, v, , pk4, pv4)
  nk5 = Unsqueeze (nk, zero)
  nv5 = Unsqueeze (nv, zero)
  present = Concat <axis = 0> (nk5, nv5)
})",
               inputs);
}

TEST(MicrosoftAttention, SplitsItsWeightsAsItsSizesSay) {
  // Weights of zeros but for V: all keys weigh alike.
  const Reference r = run_text(R"(
g (float[1, 2, 1] x, float[1, 3] w, float[3] b) => (float[1, 2, 1] y) {
  y = com.microsoft.Attention <num_heads = 1, qkv_hidden_sizes = [1, 1, 1]> (x, w, b)
})",
                               {{"x", Tensor::of(f32, {1, 2, 1}, {2, 6})},
                                {"w", Tensor::of(f32, {1, 3}, {0, 0, 1})},
                                {"b", Tensor::of(f32, {3}, {0, 0, 10})}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_NEAR(r.outputs[0].value_at(0), 14, 1e-9);
}

// Queries and keys of zeros: Y is the mean of the values that are seen.
std::vector<double> mean_of_seen(const Tensor& mask, const std::string& attributes = "") {
  const std::string shape = mask.dims().size() == 1   ? "[A]"
                            : mask.dims().size() == 2 ? "[A, B]"
                                                      : "[A, B, C]";
  const Reference r = run_text("g (float[2, 2, 1] x, float[1, 3] w, float[3] b, int32" + shape +
                                   " mask) => (float[2, 2, 1] y) "
                                   "{ y = com.microsoft.Attention <num_heads = 1" +
                                   attributes + "> (x, w, b, mask) }",
                               {{"x", Tensor::of(f32, {2, 2, 1}, {1, 3, 5, 9})},
                                {"w", Tensor::of(f32, {1, 3}, {0, 0, 1})},
                                {"b", Tensor::of(f32, {3}, {0, 0, 0})},
                                {"mask", mask}});
  EXPECT_TRUE(r.available()) << r.unavailable;
  std::vector<double> rounded;
  for (double v : r.available() ? values(r.outputs[0]) : std::vector<double>())
    rounded.push_back(std::round(v * 1e6) / 1e6);
  return rounded;
}

TEST(MicrosoftAttention, ReadsMasksOfEveryForm) {
  EXPECT_THAT(mean_of_seen(Tensor::of(i32, {2, 2}, {1, 1, 0, 1})), ElementsAre(2, 2, 9, 9));
  EXPECT_THAT(mean_of_seen(Tensor::of(i32, {2, 2, 2}, {1, 0, 1, 1, 0, 1, 1, 0})), ElementsAre(1, 2, 9, 5));
  EXPECT_THAT(mean_of_seen(Tensor::of(i32, {2}, {1, 2})), ElementsAre(1, 1, 7, 7));              // ends
  EXPECT_THAT(mean_of_seen(Tensor::of(i32, {4}, {2, 2, 0, 1})), ElementsAre(2, 2, 9, 9));        // and starts
  EXPECT_THAT(mean_of_seen(Tensor::of(i32, {2, 2}, {0, 0, 1, 1})), ElementsAre(2, 2, 7, 7));     // all alike
  EXPECT_THAT(mean_of_seen(Tensor::of(i32, {2, 2}, {1, 1, 1, 0}), ", mask_filter_value = 0.0"),  // no mask
              ElementsAre(2, 2, 7, 7));
}

TEST(MultiHeadAttention, AddsItsBiasAndTakesOtherKeys) {
  const Inputs inputs = {{"q", some(f32, {2, 3, 4})},
                         {"k", some(f32, {2, 5, 4})},
                         {"v", some(f32, {2, 5, 6})},
                         {"b", some(f32, {14})},
                         {"bias", some(f32, {1, 2, 3, 5})}};
  const std::string head =
      "g (float[2, 3, 4] q, float[2, 5, 4] k, float[2, 5, 6] v, float[14] b, float[1, 2, 3, 5] bias) "
      "=> (float[2, 3, 6] y) ";
  expect_equal(head + "{ y = com.microsoft.MultiHeadAttention <num_heads = 2> (q, k, v, b, , bias) }",
               head + R"(<int64[3] parts = {4, 4, 6}> {
  bq, bk, bv = Split <axis = 0> (b, parts)
  sq = Add (q, bq)
  sk = Add (k, bk)
  sv = Add (v, bv)
  y = Attention <q_num_heads = 2, kv_num_heads = 2> (sq, sk, sv, bias)
})",
               inputs);
}

TEST(MultiHeadAttention, IsNotKnownWithPackedInputs) {
  const Reference r = run_text(
      "g (float[1, 2, 1, 3, 2] q) => (float[1, 2, 2] y) "
      "{ y = com.microsoft.MultiHeadAttention <num_heads = 1> (q) }",
      {{"q", some(f32, {1, 2, 1, 3, 2})}});
  EXPECT_FALSE(r.invalid);
  EXPECT_THAT(r.unavailable, HasSubstr("packed"));
}

TEST(GroupQueryAttention, SharesKeysTurnsThemAndLooksBack) {
  const Inputs inputs = {{"q", some(f32, {1, 3, 16})},
                         {"k", some(f32, {1, 3, 4})},
                         {"v", some(f32, {1, 3, 4}, 0, 1)},
                         {"cos", some(f32, {4, 2}, -1, 1)},
                         {"sin", some(f32, {4, 2}, -1, 1)}};
  const std::string head =
      "g (float[1, 3, 16] q, float[1, 3, 4] k, float[1, 3, 4] v, float[4, 2] cos, float[4, 2] sin) "
      "=> (float[1, 3, 16] y, float[1, 1, 3, 4] keys, float[1, 1, 3, 4] values) ";
  expect_equal(head + R"(<int32[1] last = {2}, int32 total = {3}> {
  y, keys, values = com.microsoft.GroupQueryAttention <num_heads = 4, kv_num_heads = 1, do_rotary = 1>
      (q, k, v, , , last, total, cos, sin)
})",
               head + R"(<int64[1, 3] ids = {0, 1, 2}> {
  rq = RotaryEmbedding <num_heads = 4> (q, cos, sin, ids)
  rk = RotaryEmbedding <num_heads = 1> (k, cos, sin, ids)
  y, keys, values = Attention <q_num_heads = 4, kv_num_heads = 1, is_causal = 1> (rq, rk, v)
})",
               inputs);
}

TEST(GroupQueryAttention, IsNotKnownWithRowsOfSeveralLengths) {
  const Reference r = run_text(
      "g (float[2, 3, 4] q) => (float[2, 3, 4] y) "
      "<int32[2] last = {2, 1}, int32 total = {3}> "
      "{ y = com.microsoft.GroupQueryAttention <num_heads = 1, kv_num_heads = 1> "
      "(q, q, q, , , last, total) }",
      {{"q", some(f32, {2, 3, 4})}});
  EXPECT_FALSE(r.invalid);
  EXPECT_THAT(r.unavailable, HasSubstr("several lengths"));
}

TEST(MicrosoftRotaryEmbedding, CountsPositionsFromTheFirst) {
  const Inputs inputs = {{"x", some(f32, {2, 3, 8})},
                         {"at", Tensor::ints({1})},
                         {"cos", some(f32, {5, 2}, -1, 1)},
                         {"sin", some(f32, {5, 2}, -1, 1)}};
  const std::string head =
      "g (float[2, 3, 8] x, int64[1] at, float[5, 2] cos, float[5, 2] sin) => (float[2, 3, 8] y) ";
  expect_equal(head + "{ y = com.microsoft.RotaryEmbedding <interleaved = 1> (x, at, cos, sin) }",
               head +
                   "<int64[2, 3] ids = {1, 2, 3, 1, 2, 3}> "
                   "{ y = RotaryEmbedding <interleaved = 1, num_heads = 2> (x, cos, sin, ids) }",
               inputs);
}

TEST(MicrosoftRotaryEmbedding, WantsAPositionForEachToken) {
  const Reference r = run_text(
      "g (float[2, 3, 4] x, int64[2, 2] at, float[5, 2] cos) => (float[2, 3, 4] y) "
      "{ y = com.microsoft.RotaryEmbedding (x, at, cos, cos) }",
      {{"x", some(f32, {2, 3, 4})},
       {"at", Tensor::of_ints(DType::kInt64, {2, 2}, {0, 1, 2, 3})},
       {"cos", some(f32, {5, 2})}});
  EXPECT_TRUE(r.invalid);
}

}  // namespace
}  // namespace mob::testing
