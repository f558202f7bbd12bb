// Images with channels in blocks: against the operators on images that have none.
#include "tests/ops/run_text.h"

namespace mob::testing {
namespace {

using ::testing::HasSubstr;

constexpr DType f32 = DType::kFloat;

// [O, I, 1, 1] in blocks of 8, where element (o, i) is 100 o + i.
Tensor blocked(std::int64_t out, std::int64_t in) {
  const std::int64_t in_block = in < 8 ? 1 : 8;
  std::vector<double> v;
  for (std::int64_t o = 0; o < out; o += 8)
    for (std::int64_t i = 0; i < in; i += in_block)
      for (std::int64_t j = i; j < i + in_block; ++j)
        for (std::int64_t p = o; p < o + 8; ++p) v.push_back(static_cast<double>(100 * p + j));
  return Tensor::of(f32, {out, in, 1, 1}, v);
}
Tensor plain(std::int64_t out, std::int64_t in) {
  std::vector<double> v;
  for (std::int64_t o = 0; o < out; ++o)
    for (std::int64_t i = 0; i < in; ++i) v.push_back(static_cast<double>(100 * o + i));
  return Tensor::of(f32, {out, in, 1, 1}, v);
}

TEST(NchwcConv, HasItsWeightsInBlocks) {
  // As many input channels as fill blocks, or less than one block, or a block to be filled up with zeros.
  for (const auto& [channels, in] : {std::pair{16, 16}, {3, 3}, {12, 16}}) {
    const Dims image = {1, channels, 2, 2};
    const std::string x = "float[1, " + std::to_string(channels) + ", 2, 2] x";
    const Reference a = run_text("g (" + x + ", float[24, I, 1, 1] w) => (float[1, 21, 2, 2] y) {" + R"(
  r = com.microsoft.nchwc.ReorderInput (x)
  c = com.microsoft.nchwc.Conv <activation = "Relu"> (r, w)
  y = com.microsoft.nchwc.ReorderOutput <channels = 21> (c)
})",
                                 {{"x", some(f32, image)}, {"w", blocked(24, in)}});
    const Reference b = run_text(
        "g (" + x + ", float[24, I, 1, 1] w) => (float[1, 24, 2, 2] y) { c = Conv (x, w) y = Relu (c) }",
        {{"x", some(f32, image)}, {"w", plain(24, channels)}});
    ASSERT_TRUE(a.available()) << a.unavailable;
    ASSERT_TRUE(b.available()) << b.unavailable;
    ASSERT_EQ(a.outputs[0].type.dims, (Dims{1, 21, 2, 2}));
    for (std::size_t i = 0; i < a.outputs[0].count(); ++i)
      EXPECT_NEAR(a.outputs[0].value_at(i), b.outputs[0].value_at(i), 1e-6) << channels << " channels, " << i;
  }
}

TEST(NchwcConv, IsNotKnownWhereBlocksOf8AndOf16Fit) {
  const Reference r = run_text(
      "g (float[1, 16, 2, 2] x, float[16, 16, 1, 1] w) => (float[1, 16, 2, 2] y) "
      "{ y = com.microsoft.nchwc.Conv (x, w) }",
      {{"x", some(f32, {1, 16, 2, 2})}, {"w", some(f32, {16, 16, 1, 1})}});
  EXPECT_FALSE(r.invalid);
  EXPECT_THAT(r.unavailable, HasSubstr("blocks of 8 or of 16"));
}

TEST(NchwcPools, AreThePlainOnes) {
  const Inputs inputs = {{"x", some(f32, {1, 4, 4, 8})}};
  for (const std::string pool :
       {"MaxPool <kernel_shape = [2, 3], pads = [0, 1, 0, 1]>",
        "AveragePool <kernel_shape = [2, 3], pads = [0, 1, 0, 1]>", "GlobalAveragePool", "GlobalMaxPool"})
    expect_equal(
        "g (float[1, 4, 4, 8] x) => (float[1, A, B, 8] y) {\n"
        "r = com.microsoft.nchwc.ReorderInput <channels_last = 1> (x)\n"
        "p = com.microsoft.nchwc." +
            pool +
            " (r)\n"
            "y = com.microsoft.nchwc.ReorderOutput <channels = 8, channels_last = 1> (p) }",
        "g (float[1, 4, 4, 8] x) => (float[1, A, B, 8] y) {\n"
        "r = Transpose <perm = [0, 3, 1, 2]> (x)\n"
        "p = " +
            pool +
            " (r)\n"
            "y = Transpose <perm = [0, 2, 3, 1]> (p) }",
        inputs);
}

TEST(NchwcUpsample, IsResizeByWholeFactors) {
  expect_equal(
      "g (float[1, 8, 2, 2] x) => (float[1, 8, 4, 6] y) "
      "{ y = com.microsoft.nchwc.Upsample <scales = [1, 1, 2, 3], mode = \"linear\", "
      "coordinate_transformation_mode = \"half_pixel\"> (x) }",
      "g (float[1, 8, 2, 2] x) => (float[1, 8, 4, 6] y) <float[4] s = {1.0, 1.0, 2.0, 3.0}> "
      "{ y = Resize <mode = \"linear\"> (x, , s) }",
      {{"x", some(f32, {1, 8, 2, 2})}});
}

}  // namespace
}  // namespace mob::testing
