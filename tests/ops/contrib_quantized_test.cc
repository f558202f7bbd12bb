// Quantized operators of com.microsoft: against the dequantized numbers put through the standard ones.
#include "tests/ops/run_text.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr DType f32 = DType::kFloat, u8 = DType::kUint8, s8 = DType::kInt8;

TEST(QLinearConv, TakesChannelsLast) {
  const Inputs inputs = {{"x", some(u8, {1, 4, 5, 2}, 0, 255)}, {"w", some(s8, {3, 2, 2, 2}, -64, 63)}};
  const std::string head = R"(
g (uint8[1, 4, 5, 2] x, int8[3, 2, 2, 2] w) => (uint8[1, 3, 4, 3] y)
    <float sx = {0.02}, uint8 zx = {100}, float[3] sw = {0.01, 0.02, 0.03}, int8[3] zw = {0, 0, 0},
     float sy = {0.05}, uint8 zy = {128}, int32[3] b = {100, -200, 300}> )";
  expect_equal(
      head + "{ y = com.microsoft.QLinearConv <channels_last = 1> (x, sx, zx, w, sw, zw, sy, zy, b) }",
      head + R"({
  a = Transpose <perm = [0, 3, 1, 2]> (x)
  c = QLinearConv (a, sx, zx, w, sw, zw, sy, zy, b)
  y = Transpose <perm = [0, 2, 3, 1]> (c)
})",
      inputs);
}

TEST(QLinearGlobalAveragePool, TakesChannelsLast) {
  const Reference r = run_text(R"(
g (uint8[1, 2, 1, 2] x) => (uint8[1, 1, 1, 2] y)
    <float sx = {0.5}, uint8 zx = {10}, float sy = {0.25}, uint8 zy = {0}> {
  y = com.microsoft.QLinearGlobalAveragePool <channels_last = 1> (x, sx, zx, sy, zy)
})",
                               {{"x", Tensor::of(u8, {1, 2, 1, 2}, {10, 20, 14, 30})}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_THAT(values(r.outputs[0]), ElementsAre(4, 30));  // means of 0, 2 and of 5, 10
}

TEST(QLinearSoftmax, IsThatOfItsOpset) {
  const Inputs inputs = {{"x", some(u8, {2, 2, 3}, 0, 255)}};
  const std::string head = R"(
g (uint8[2, 2, 3] x) => (uint8[2, 2, 3] y)
    <float sx = {0.02}, uint8 zx = {100}, float sy = {0.00390625}, uint8 zy = {0}, int64[2] flat = {2, 6},
     int64[3] full = {2, 2, 3}> )";
  expect_equal(head + "{ y = com.microsoft.QLinearSoftmax <opset = 11, axis = 1> (x, sx, zx, sy, zy) }",
               head + R"({
  a = DequantizeLinear (x, sx, zx)
  b = Reshape (a, flat)
  c = Softmax <axis = 1> (b)
  d = Reshape (c, full)
  y = QuantizeLinear (d, sy, zy)
})",
               inputs);
}

TEST(QLinearConcat, BringsAllPartsToOneScale) {
  const Reference r = run_text(R"(
g (uint8[2] a, uint8[1] b) => (uint8[3] y)
    <float sy = {0.5}, uint8 zy = {1}, float sa = {1}, uint8 za = {0}, float sb = {0.25}, uint8 zb = {4}> {
  y = com.microsoft.QLinearConcat <axis = 0> (sy, zy, a, sa, za, b, sb, zb)
})",
                               {{"a", Tensor::of(u8, {2}, {3, 5})}, {"b", Tensor::of(u8, {1}, {14})}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_THAT(values(r.outputs[0]), ElementsAre(7, 11, 6));
}

TEST(QLinearWhere, ChoosesBetweenScales) {
  const Reference r = run_text(R"(
g (bool[2] c, uint8[2] a, uint8[1] b) => (uint8[2] y)
    <float sy = {0.5}, uint8 zy = {1}, float sa = {1}, uint8 za = {0}, float sb = {0.25}, uint8 zb = {4}> {
  y = com.microsoft.QLinearWhere (c, a, sa, za, b, sb, zb, sy, zy)
})",
                               {{"c", Tensor::of(DType::kBool, {2}, {1, 0})},
                                {"a", Tensor::of(u8, {2}, {3, 5})},
                                {"b", Tensor::of(u8, {1}, {14})}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_THAT(values(r.outputs[0]), ElementsAre(7, 6));
}

TEST(NhwcMaxPool, PoolsOverTheAxesInBetween) {
  const Reference r = run_text(R"(
g (uint8[1, 2, 2, 2] x) => (uint8[1, 1, 2, 2] y) { y = com.microsoft.NhwcMaxPool <kernel_shape = [2, 1]> (x) })",
                               {{"x", Tensor::of(u8, {1, 2, 2, 2}, {1, 8, 3, 4, 5, 6, 7, 2})}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_THAT(values(r.outputs[0]), ElementsAre(5, 8, 7, 4));
}

TEST(MicrosoftQuantizeLinear, IsTheStandardOneForMoreTypes) {
  const Reference r = run_text(R"(
g (float[3] x) => (uint16[3] q, float[3] y) <float s = {0.5}, uint16 z = {1000}> {
  q = com.microsoft.QuantizeLinear (x, s, z)
  y = com.microsoft.DequantizeLinear (q, s, z)
})",
                               {{"x", Tensor::of(f32, {3}, {-1, 0.3, 1e6})}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_THAT(values(r.outputs[0]), ElementsAre(998, 1001, 65535));
  EXPECT_THAT(values(r.outputs[1]), ElementsAre(-1, 0.5, 32267.5));
}

TEST(MatMulIntegerToFloat, ScalesAnExactSum) {
  const Reference r =
      run_text(R"(
g (uint8[1, 2] a, int8[2, 2] b) => (float[1, 2] y)
    <float sa = {0.5}, float[2] sb = {0.25, 2.0}, uint8 za = {1}, int8[2] zb = {1, -1}, float[2] bias = {10.0, 20.0}> {
  y = com.microsoft.MatMulIntegerToFloat (a, b, sa, sb, za, zb, bias)
})",
               {{"a", Tensor::of(u8, {1, 2}, {3, 0})}, {"b", Tensor::of(s8, {2, 2}, {5, 6, 7, 8})}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  // (2, -1) times (4, 7; 6, 9) is (2, 5).
  EXPECT_THAT(values(r.outputs[0]), ElementsAre(10.25, 25));
}

TEST(MatMulIntegerToFloat, IsInvalidWhereAScaleChangesTheShape) {
  const Reference r = run_text(R"(
g (uint8[1, 2] a, int8[2, 1] b) => (float[1, 2] y) <float sa = {0.5}, float[2] sb = {0.25, 2.0}> {
  y = com.microsoft.MatMulIntegerToFloat (a, b, sa, sb)
})",
                               {{"a", some(u8, {1, 2}, 0, 9)}, {"b", some(s8, {2, 1}, 0, 9)}});
  EXPECT_TRUE(r.invalid);
}

// The fusion of a scale that has axes of 1 is at fault, not the kernel that reads it.
TEST(MatMulIntegerToFloat, TakesScalarsAndVectors) {
  for (const std::string scale : {"float[1, 1, 1]", "float[1, 1]"}) {
    const Reference r = run_text("g (uint8[1, 2] a, int8[2, 2] b) => (float[1, 2] y) <" + scale +
                                     " sa = {0.5}, float sb = {0.25}> "
                                     "{ y = com.microsoft.MatMulIntegerToFloat (a, b, sa, sb) }",
                                 {{"a", some(u8, {1, 2}, 0, 9)}, {"b", some(s8, {2, 2}, 0, 9)}});
    EXPECT_TRUE(r.invalid);
    EXPECT_THAT(r.unavailable, HasSubstr("neither a scalar nor"));
  }
}

TEST(QLinearAdd, HasScalesOfWholeTensors) {
  const Reference r = run_text(R"(
g (uint8[2, 2] a) => (uint8[2, 2] y) <float[2] s = {0.5, 0.25}, float one = {1}, uint8 z = {0}, uint8[2] zz = {0, 0}> {
  y = com.microsoft.QLinearAdd (a, s, zz, a, one, z, one, z)
})",
                               {{"a", some(u8, {2, 2}, 0, 9)}});
  EXPECT_TRUE(r.invalid);
}

TEST(DynamicQuantizeMatMul, QuantizesItsFirstOperand) {
  const Inputs inputs = {{"a", some(f32, {3, 4})}, {"b", some(s8, {4, 2}, -64, 63)}};
  const std::string head = "g (float[3, 4] a, int8[4, 2] b) => (float[3, 2] y) <float[2] s = {0.1, 0.2}> ";
  expect_equal(head + "{ y = com.microsoft.DynamicQuantizeMatMul (a, b, s) }", head + R"({
  q, scale, zero = DynamicQuantizeLinear (a)
  sum = MatMulInteger (q, b, zero)
  real = Cast <to = 1> (sum)
  factor = Mul (scale, s)
  y = Mul (real, factor)
})",
               inputs);
}

// Two columns of 32 numbers in two blocks each; a single 1 in A picks one of them.
Reference picked(std::int64_t k, const std::string& more = "", const std::string& input = "") {
  std::vector<double> a(32), b(32);
  a[static_cast<std::size_t>(k)] = 1;
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<double>((i % 16) * 16 + (15 - i % 16));
  return run_text("g (float[1, 32] a) => (float[1, 2] y) <uint8[2, 2, 8] b = {" +
                      [&] {
                        std::string list;
                        for (double x : b)
                          list += (list.empty() ? "" : ", ") + std::to_string(static_cast<int>(x));
                        return list;
                      }() +
                      "}, float[2, 2] s = {1.0, 2.0, 3.0, 4.0}, uint8[2, 1] z = {33, 67}> "
                      "{ y = com.microsoft.MatMulNBits <K = 32, N = 2, bits = 4, block_size = 16" +
                      more + "> (a, b, s" + input + ") }",
                  {{"a", Tensor::of(f32, {1, 32}, a)}});
}

TEST(MatMulNBits, UnpacksTheLowerBitsFirst) {
  // Byte i of a column is i in its upper half, 15 - i in its lower one; zero points are 8 where none are
  // given.
  EXPECT_THAT(values(picked(0).outputs.at(0)), ElementsAre(15 - 8, 3 * (15 - 8)));
  EXPECT_THAT(values(picked(1).outputs.at(0)), ElementsAre(0 - 8, 3 * (0 - 8)));
  EXPECT_THAT(values(picked(31).outputs.at(0)), ElementsAre(2 * (15 - 8), 4 * (15 - 8)));
  // 33 is 1 and 2, 67 is 3 and 4.
  EXPECT_THAT(values(picked(0, "", ", z").outputs.at(0)), ElementsAre(15 - 1, 3 * (15 - 3)));
  EXPECT_THAT(values(picked(31, "", ", z").outputs.at(0)), ElementsAre(2 * (15 - 2), 4 * (15 - 4)));
}

TEST(MatMulNBits, AllowsForActivationsOf8BitsWhereItSaysSo) {
  EXPECT_THAT(bounds(picked(0).outputs.at(0)), Each(::testing::Lt(1e-4)));
  EXPECT_THAT(bounds(picked(0, ", accuracy_level = 4").outputs.at(0)), Each(::testing::Gt(0.4)));
}

TEST(MatMulNBits, IsNotKnownWithGroups) {
  const Reference r = picked(0, "", ", z, z");
  EXPECT_FALSE(r.invalid);
  EXPECT_THAT(r.unavailable, HasSubstr("g_idx"));
}

}  // namespace
}  // namespace mob::testing
