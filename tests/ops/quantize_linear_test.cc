// QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear: ties, saturation, special values, granularities.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Gt;

constexpr double kInf = kInfinity<double>;
const double kNan = std::numeric_limits<double>::quiet_NaN();
const Expected kLeftOut;

Expected scale(double s) {
  return floats({}, {s});
}
Expected zero(DType t, double z) {
  return numbers(t, {}, {z});
}

// Half to even; but a kernel may add the zero point first or multiply by a reciprocal, so both sides count.
TEST(QuantizeLinear, CoversBothSidesOfATieAndOnlyThere) {
  const auto r = run_node("QuantizeLinear", 13,
                          {floats({5}, {0.25, 0.75, -0.25, 0.7499, 0.2}), scale(0.5), zero(DType::kInt8, 3)});
  EXPECT_THAT(values(r[0]), ElementsAre(3, 5, 3, 4, 3));
  EXPECT_THAT(bounds(r[0]), ElementsAre(1, 1, 1, 0, 0));
}

TEST(QuantizeLinear, FollowsTheBoundOfItsInput) {
  const auto r = run_node("QuantizeLinear", 13, {floats({3}, {1, 1.4, 9}, {2.2, 0.2, kInf}), scale(1)});
  EXPECT_THAT(values(r[0]), ElementsAre(1, 1, 9));
  EXPECT_THAT(bounds(r[0]), ElementsAre(2, 1, kInf));  // not below 0, not beyond 3
}

TEST(QuantizeLinear, SaturatesEvenFromInfinity) {
  const auto r = run_node("QuantizeLinear", 13,
                          {floats({4}, {kInf, -kInf, 1e30, kNan}), scale(1), zero(DType::kInt8, -5)});
  EXPECT_THAT(values(r[0]), ElementsAre(127, -128, 127, ::testing::_));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0, 0, kInf));
  EXPECT_EQ(r.unspecified, 1u);  // NaN
}

// onnx's own evaluator gives -128 where others saturate to 127.
TEST(QuantizeLinear, ByAScaleOfZeroIsOpen) {
  const auto r = run_node("QuantizeLinear", 13, {floats({2}, {-1, 0}), scale(0)});
  EXPECT_TRUE(r[0].open_at(0));
  EXPECT_TRUE(r[0].open_at(1));
  EXPECT_GE(r.unspecified, 2u);
}

TEST(DequantizeLinear, ByAScaleOfZeroIsOpen) {
  const auto r = run_node("DequantizeLinear", 13, {zero(DType::kInt8, 3), scale(0)});
  EXPECT_TRUE(r[0].open_at(0));
  EXPECT_EQ(r.unspecified, 1u);
}

TEST(QuantizeLinear, HasScalesPerAxisAndPerBlock) {
  const auto x = floats({2, 3}, {4, 4, 4, 8, 8, 8});
  EXPECT_THAT(
      values(run_node("QuantizeLinear", 13, {x, floats({2}, {1, 2})}, {{"axis", std::int64_t{-2}}})[0]),
      ElementsAre(4, 4, 4, 4, 4, 4));
  const auto blocks = floats({2, 2}, {1, 2, 4, 8});  // blocks of 2, the last one cut off
  EXPECT_THAT(values(run_node("QuantizeLinear", 21, {x, blocks}, {{"block_size", std::int64_t{2}}})[0]),
              ElementsAre(4, 4, 2, 2, 2, 1));
}

TEST(QuantizeLinear, RefusesWhatDoesNotFit) {
  const auto x = floats({2, 3}, {4, 4, 4, 8, 8, 8});
  EXPECT_THROW(run_node("QuantizeLinear", 10, {x, floats({3}, {1, 1, 1})}), InvalidNode);
  EXPECT_THROW(run_node("QuantizeLinear", 10, {x, floats({1}, {1})}), InvalidNode);  // "It's a scalar"
  EXPECT_THROW(run_node("QuantizeLinear", 13, {x, floats({2}, {1, 1})}), InvalidNode);
  EXPECT_THROW(run_node("QuantizeLinear", 13, {x, floats({3}, {1, 1, 1}), zero(DType::kUint8, 0)}),
               InvalidNode);
  EXPECT_THROW(run_node("QuantizeLinear", 13, {x, floats({3}, {1, 1, 1})}, {{"axis", std::int64_t{2}}}),
               InvalidNode);
  EXPECT_THROW(run_node("QuantizeLinear", 21, {x, scale(1)}, {{"block_size", std::int64_t{-1}}}),
               InvalidNode);
  EXPECT_THROW(
      run_node("QuantizeLinear", 21, {x, floats({2, 2}, {1, 1, 1, 1})}, {{"block_size", std::int64_t{3}}}),
      InvalidNode);
  EXPECT_THROW(run_node("QuantizeLinear", 21, {x, scale(1), zero(DType::kInt8, 0)},
                        {{"output_dtype", std::int64_t{2}}}),
               InvalidNode);
  EXPECT_THROW(run_node("QuantizeLinear", 21, {x, scale(1)}, {{"output_dtype", std::int64_t{99}}}),
               InvalidNode);
}

// "In the case of dequantizing int32, there's no zero point (zero point is supposed to be 0)".
TEST(DequantizeLinear, RefusesAZeroPointOfInt32ThatIsNotZero) {
  const auto x = numbers(DType::kInt32, {2}, {3, -4});
  EXPECT_THAT(values(run_node("DequantizeLinear", 13, {x, scale(0.5), zero(DType::kInt32, 0)})[0]),
              ElementsAre(1.5, -2));
  EXPECT_THROW(run_node("DequantizeLinear", 13, {x, scale(0.5), zero(DType::kInt32, 6)}), InvalidNode);
}

TEST(QuantizeLinear, ToFourBitsAndToFloat8) {
  const auto x = floats({3}, {-100, 2.9, 500});
  const auto int4 = static_cast<std::int64_t>(DType::kInt4),
             e4m3 = static_cast<std::int64_t>(DType::kFloat8E4M3FN);
  EXPECT_THAT(values(run_node("QuantizeLinear", 21, {x, scale(1)}, {{"output_dtype", int4}})[0]),
              ElementsAre(-8, 3, 7));
  EXPECT_THAT(values(run_node("QuantizeLinear", 21, {x, scale(1)}, {{"output_dtype", e4m3}})[0]),
              ElementsAre(-96, 3, 448));
  const auto r =
      run_node("QuantizeLinear", 21, {x, scale(1)}, {{"output_dtype", e4m3}, {"saturate", std::int64_t{0}}});
  EXPECT_TRUE(std::isnan(r[0].value_at(2)));
}

TEST(QuantizeLinear, InFloat16IsWiderAroundTies) {
  const auto half = [](double v) { return numbers(DType::kFloat16, {1}, {v}); };
  const auto r = run_node("QuantizeLinear", 19, {half(100.4375), numbers(DType::kFloat16, {}, {1})});
  EXPECT_THAT(bounds(r[0]), ElementsAre(1));  // a quotient of 100.4375 +- 0.15
  EXPECT_THAT(bounds(run_node("QuantizeLinear", 19, {floats({1}, {100.4375}), scale(1)})[0]), ElementsAre(0));
}

TEST(QuantizeLinear, OfNothing) {
  EXPECT_EQ(run_node("QuantizeLinear", 21, {floats({0, 2}, {}), scale(1)})[0].type.dims, (Dims{0, 2}));
  EXPECT_EQ(run_node("QuantizeLinear", 21, {floats({2, 0}, {}), floats({0}, {})})[0].count(), 0u);
  EXPECT_EQ(run_node("QuantizeLinear", 21, {floats({2, 0}, {}), floats({2, 0}, {})},
                     {{"block_size", std::int64_t{4}}})[0]
                .count(),
            0u);
}

TEST(DequantizeLinear, IsExactWhereNothingIsRounded) {
  const auto r = run_node("DequantizeLinear", 13,
                          {numbers(DType::kUint8, {3}, {7, 9, 255}), scale(0.1), zero(DType::kUint8, 7)});
  EXPECT_THAT(values(r[0]), ElementsAre(0, 2 * static_cast<double>(0.1f), 248 * static_cast<double>(0.1f)));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0, Gt(0)));
}

TEST(DequantizeLinear, ScalesTheBound) {
  const auto r =
      run_node("DequantizeLinear", 13, {numbers(DType::kInt8, {2}, {1, 2}, {3, kInf}), scale(0.5)});
  EXPECT_NEAR(r[0].bound_at(0), 1.5, 1e-6);
  EXPECT_TRUE(r[0].open_at(1));
}

TEST(DequantizeLinear, TakesInt32AndGivesTheTypeThatIsAskedFor) {
  const auto x = numbers(DType::kInt32, {2}, {std::numeric_limits<std::int32_t>::min(), 16777217});
  const auto r = run_node("DequantizeLinear", 10, {x, scale(1)});
  EXPECT_THAT(values(r[0]), ElementsAre(-2147483648.0, 16777217));
  EXPECT_GE(r[0].bound_at(1), 1);  // no float32
  const auto half = run_node("DequantizeLinear", 23, {x, scale(1)}, {{"output_dtype", std::int64_t{10}}});
  EXPECT_EQ(half[0].type.dtype, DType::kFloat16);
}

TEST(DynamicQuantizeLinear, PutsZeroIntoTheRange) {
  const auto r = run_node("DynamicQuantizeLinear", 11, {floats({3}, {51, 102, 255})}, {}, 3);
  EXPECT_THAT(values(r[0]), ElementsAre(51, 102, 255));
  EXPECT_THAT(bounds(r[0]), Each(0));
  EXPECT_EQ(r[1].value_at(0), 1);
  EXPECT_EQ(r[2].value_at(0), 0);
}

TEST(DynamicQuantizeLinear, OfZerosOrInfinitiesIsUnspecified) {
  for (const auto& x :
       {floats({2}, {0, 0}), floats({2}, {1, kInf}), floats({2}, {kNan, 1}), floats({0}, {})}) {
    const auto r = run_node("DynamicQuantizeLinear", 11, {x}, {}, 3);
    EXPECT_GT(r.unspecified, 0u);
    EXPECT_TRUE(r[1].open_at(0));
  }
}

TEST(MatMulInteger, SumsExactlyLessTheZeroPoints) {
  const auto a = numbers(DType::kUint8, {2, 2}, {0, 255, 7, 9}),
             b = numbers(DType::kInt8, {2, 2}, {-128, 1, 127, 2});
  const auto rows = numbers(DType::kUint8, {2}, {255, 8}), columns = numbers(DType::kInt8, {2}, {1, 2});
  EXPECT_THAT(values(run_node("MatMulInteger", 10, {a, b})[0]), ElementsAre(32385, 510, 247, 25));
  EXPECT_THAT(values(run_node("MatMulInteger", 10, {a, b, rows, columns})[0]),
              ElementsAre(32895, 255, 255, 1));
  EXPECT_THROW(run_node("MatMulInteger", 10, {a, b, numbers(DType::kUint8, {3}, {1, 2, 3})}), InvalidNode);
}

TEST(MatMulInteger, CarriesTheBoundsOfItsOperands) {
  const auto r =
      run_node("MatMulInteger", 10,
               {numbers(DType::kUint8, {1, 2}, {3, 4}, {1, 0}), numbers(DType::kInt8, {2, 1}, {-5, 2})});
  EXPECT_EQ(r[0].value_at(0), -7);
  EXPECT_EQ(r[0].bound_at(0), 5);
  EXPECT_THAT(values(run_node("MatMulInteger", 10,
                              {numbers(DType::kUint8, {2, 0}, {}), numbers(DType::kInt8, {0, 2}, {})})[0]),
              Each(0));
}

TEST(QLinearMatMul, SaturatesAndCoversTies) {
  const auto a = numbers(DType::kInt8, {1, 1}, {5}), one = scale(1), z = zero(DType::kInt8, 0);
  const auto product = [&](double b, double sy) {
    return run_node("QLinearMatMul", 10,
                    {a, one, z, numbers(DType::kInt8, {1, 1}, {b}), one, z, scale(sy), z});
  };
  EXPECT_EQ(product(-100, 1)[0].value_at(0), -128);
  EXPECT_EQ(product(-100, 1)[0].bound_at(0), 0);
  EXPECT_EQ(product(1, 2)[0].value_at(0), 2);  // 2.5
  EXPECT_EQ(product(1, 2)[0].bound_at(0), 1);
}

TEST(QLinearConv, PadsWithTheZeroPointAndAddsTheBias) {
  const auto x = numbers(DType::kUint8, {1, 1, 2}, {10, 20}), w = numbers(DType::kInt8, {1, 1, 2}, {1, 1}),
             one = scale(1);
  const auto r = run_node("QLinearConv", 10,
                          {x, one, zero(DType::kUint8, 10), w, one, zero(DType::kInt8, 0), one,
                           zero(DType::kUint8, 100), numbers(DType::kInt32, {1}, {-3})},
                          {{"pads", std::vector<std::int64_t>{1, 1}}});
  EXPECT_THAT(values(r[0]), ElementsAre(97, 107, 107));
  EXPECT_THAT(bounds(r[0]), Each(0));
}

TEST(ConvInteger, HasAZeroPointPerOutputChannel) {
  const auto x = numbers(DType::kUint8, {1, 1, 2}, {2, 3}), w = numbers(DType::kUint8, {2, 1, 1}, {5, 5});
  EXPECT_THAT(values(run_node("ConvInteger", 10, {x, w, kLeftOut, numbers(DType::kUint8, {2}, {4, 0})})[0]),
              ElementsAre(2, 3, 10, 15));
  EXPECT_THROW(run_node("ConvInteger", 10, {x, w, numbers(DType::kUint8, {2}, {1, 1})}), InvalidNode);
}

}  // namespace
}  // namespace mob::testing
