// Min, Max, Sum, Mean, Clip.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Le;

constexpr double kInf = kInfinity<double>;
const double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Max, TheSmallerOperandsBoundMattersOnlyWhereItReaches) {
  const auto r =
      run_node("Max", 13, {floats({3}, {1, 1, 1}, {0, 0, 0.1}), floats({3}, {0, 0.9, 0}, {0.5, 0.5, 9})});
  EXPECT_THAT(values(r[0]), ElementsAre(1, 1, 1));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, ::testing::DoubleNear(0.4, 1e-6), 8));
}

TEST(Max, BroadcastsAnyNumberOfInputs) {
  const auto r = run_node("Max", 8, {floats({2, 1}, {1, 5}), floats({3}, {0, 2, 9}), floats({}, {3})});
  EXPECT_EQ(r[0].type.dims, (Dims{2, 3}));
  EXPECT_THAT(values(r[0]), ElementsAre(3, 3, 9, 5, 5, 9));
}

TEST(Min, OfNaNIsOpenUnlessItIsAlone) {
  const auto two = run_node("Min", 13, {floats({2}, {kNan, 1}), floats({2}, {0, 2})});
  EXPECT_THAT(bounds(two[0]), ElementsAre(kInf, 0));
  EXPECT_EQ(two.unspecified, 1u);
  EXPECT_EQ(run_node("Min", 13, {floats({1}, {kNan})}).unspecified, 0u);
}

TEST(Max, OfUnsignedNumbersIsUnsigned) {
  const auto high = exact(Tensor::of_ints(DType::kUint64, {1}, {-1})),
             one = numbers(DType::kUint64, {1}, {1});
  EXPECT_THAT(values(run_node("Max", 12, {high, one})[0]), ElementsAre(0x1p64));
  EXPECT_THAT(values(run_node("Min", 12, {high, one})[0]), ElementsAre(1));
}

TEST(Sum, OfOneInputIsThatInput) {
  EXPECT_THAT(bounds(run_node("Sum", 13, {floats({2}, {1, 2})})[0]), Each(0));
  EXPECT_THAT(bounds(run_node("Sum", 13, {floats({1}, {1}), floats({1}, {2}), floats({1}, {-3})})[0]),
              Each(Le(1e-6)));
}

TEST(Mean, OfAnEmptyTensorIsEmpty) {
  EXPECT_EQ(run_node("Mean", 13, {floats({0, 2}, {}), floats({1, 2}, {1, 2})})[0].type.dims, (Dims{0, 2}));
}

TEST(Clip, WithMinAboveMaxIsMaxFromOpset13On) {
  const auto x = floats({3}, {0, 2, 9}), low = floats({}, {5}), high = floats({}, {1});
  const auto now = run_node("Clip", 13, {x, low, high});
  EXPECT_THAT(values(now[0]), Each(1));
  EXPECT_THAT(bounds(now[0]), Each(0));
  EXPECT_EQ(run_node("Clip", 12, {x, low, high}).unspecified, 3u);
}

TEST(Clip, TakesItsLimitsFromAttributesUpToOpset10) {
  const auto r = run_node("Clip", 6, {floats({3}, {-1, 0.5, 7})}, {{"min", 0.0f}, {"max", 6.0f}});
  EXPECT_THAT(values(r[0]), ElementsAre(0, 0.5, 6));
  EXPECT_THAT(bounds(r[0]), Each(0));
}

TEST(Clip, CutsOffBounds) {
  const auto r =
      run_node("Clip", 13, {floats({3}, {-1, 5.9, 3}, {0.5, 1, kInf}), floats({}, {0}), floats({}, {6})});
  EXPECT_EQ(r[0].bound_at(0), 0);
  EXPECT_NEAR(r[0].bound_at(1), 1, 1e-6);
  EXPECT_TRUE(r[0].open_at(2));
}

TEST(Clip, OfInfinityWithoutALimitIsUnspecified) {
  const auto r = run_node("Clip", 13, {floats({3}, {kInf, -kInf, kNan}), floats({}, {0})});
  EXPECT_THAT(bounds(r[0]), ElementsAre(kInf, 0, kInf));
  EXPECT_EQ(r.unspecified, 2u);
}

TEST(Clip, OfIntegers) {
  const auto limit = [](double v) { return numbers(DType::kInt8, {}, {v}); };
  const auto r = run_node(
      "Clip", 12, {numbers(DType::kInt8, {4}, {-128, 127, 3, 3}, {0, 0, 2, kInf}), limit(-5), limit(4)});
  EXPECT_THAT(values(r[0]), ElementsAre(-5, 4, 3, 3));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0, 2, kInf));
  EXPECT_THROW(run_node("Clip", 12, {floats({1}, {1}), limit(0)}), InvalidNode);
}

}  // namespace
}  // namespace mob::testing
