#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using I64 = std::int64_t;

constexpr double kInf = kInfinity<double>;
const double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Reduce, AxesAreAnAttributeOrAnInput) {
  const Expected x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const Attributes last = {{"axes", std::vector<I64>{1}}, {"keepdims", I64{0}}};
  EXPECT_EQ(run_node("ReduceMax", 13, {x}, last)[0].type.dims, Dims{2});
  const auto r = run_node("ReduceMax", 18, {x, axes_input({-2})});
  EXPECT_EQ(r[0].type.dims, (Dims{1, 3}));
  EXPECT_THAT(values(r[0]), ElementsAre(4, 5, 6));
  EXPECT_THROW(run_node("ReduceMax", 18, {x, axes_input({2})}), InvalidNode);
  EXPECT_THROW(run_node("ReduceMax", 18, {x, axes_input({1, -1})}), InvalidNode);
}

TEST(Reduce, WithoutAxesAllOrNone) {
  const Expected x = floats({2, 2}, {1, -2, 3, -4});
  EXPECT_THAT(values(run_node("ReduceSum", 13, {x})[0]), ElementsAre(-2));
  EXPECT_THAT(values(run_node("ReduceSum", 13, {x, axes_input({})})[0]), ElementsAre(-2));
  const Attributes noop = {{"noop_with_empty_axes", I64{1}}};
  const auto same = run_node("ReduceSum", 13, {x}, noop);
  EXPECT_THAT(values(same[0]), ElementsAre(1, -2, 3, -4));
  EXPECT_THAT(bounds(same[0]), Each(0)) << "a sum of one term does not round";
  EXPECT_THAT(values(run_node("ReduceSumSquare", 18, {x}, noop)[0]), ElementsAre(1, 4, 9, 16))
      << "the square is taken all the same";
  const Expected scalar = floats({}, {7});
  EXPECT_THAT(values(run_node("ReduceMean", 18, {scalar})[0]), ElementsAre(7));
}

TEST(Reduce, EmptySets) {
  const Expected none = floats({2, 0}, {});
  const auto of = [&](const char* op) { return values(run_node(op, 20, {none, axes_input({1})})[0]); };
  EXPECT_THAT(of("ReduceSum"), ElementsAre(0, 0));
  EXPECT_THAT(of("ReduceSumSquare"), ElementsAre(0, 0));
  EXPECT_THAT(of("ReduceL1"), ElementsAre(0, 0));
  EXPECT_THAT(of("ReduceL2"), ElementsAre(0, 0));
  EXPECT_THAT(of("ReduceProd"), ElementsAre(1, 1));
  EXPECT_THAT(of("ReduceLogSum"), ElementsAre(-kInf, -kInf));
  EXPECT_THAT(of("ReduceLogSumExp"), ElementsAre(-kInf, -kInf));
  EXPECT_THAT(of("ReduceMax"), ElementsAre(-kInf, -kInf));
  EXPECT_THAT(of("ReduceMin"), ElementsAre(kInf, kInf));
  const auto mean = run_node("ReduceMean", 18, {none, axes_input({1})});
  EXPECT_EQ(mean.unspecified, 2u);
  EXPECT_TRUE(mean[0].open_at(0));
  const Expected no_ints = numbers(DType::kInt8, {0}, {});
  EXPECT_THAT(values(run_node("ReduceMax", 20, {no_ints})[0]), ElementsAre(-128));
  EXPECT_THAT(values(run_node("ReduceMin", 20, {no_ints})[0]), ElementsAre(127));
  const Expected no_bools = numbers(DType::kBool, {0}, {});
  EXPECT_THAT(values(run_node("ReduceMax", 20, {no_bools})[0]), ElementsAre(0));
  EXPECT_THAT(values(run_node("ReduceMin", 20, {no_bools})[0]), ElementsAre(1));
  // Nothing is reduced where the other dimension is empty.
  EXPECT_EQ(run_node("ReduceSum", 13, {none, axes_input({0})})[0].count(), 0u);
}

TEST(Reduce, IntegersOverflowAndTruncate) {
  const Expected big = exact(Tensor::of_ints(DType::kInt32, {2}, {2147483647, 1}));
  EXPECT_EQ(run_node("ReduceSum", 13, {big}).unspecified, 1u) << "wrapped or saturated";
  EXPECT_EQ(run_node("ReduceMean", 18, {big}).unspecified, 1u) << "the sum overflows";
  const Expected few = numbers(DType::kInt32, {3}, {-1, -2, -2});
  EXPECT_THAT(values(run_node("ReduceMean", 18, {few})[0]), ElementsAre(-1));
  EXPECT_THAT(values(run_node("ReduceL1", 18, {few})[0]), ElementsAre(5));
  EXPECT_THAT(values(run_node("ReduceL2", 18, {few})[0]), ElementsAre(3));
  EXPECT_THAT(bounds(run_node("ReduceL2", 18, {few})[0]), ElementsAre(0));
  const Expected zero = numbers(DType::kInt64, {1}, {0});
  EXPECT_EQ(run_node("ReduceLogSum", 18, {zero}).unspecified, 1u) << "-infinity is no integer";
  // log(exp(3)) may be 2.9999998.
  const auto r = run_node("ReduceLogSumExp", 18, {numbers(DType::kInt32, {1}, {3})});
  EXPECT_THAT(values(r[0]), ElementsAre(3));
  EXPECT_THAT(bounds(r[0]), ElementsAre(1));
  const Expected lowest = exact(Tensor::of_ints(DType::kInt64, {2}, {int_min(DType::kInt64), -1}));
  EXPECT_NO_THROW(run_node("ReduceL1", 18, {lowest}));
  EXPECT_NO_THROW(run_node("ReduceProd", 18, {lowest}));
  EXPECT_NO_THROW(run_node("ReduceMean", 18, {lowest}));
  EXPECT_NO_THROW(run_node("ReduceSumSquare", 18, {lowest}));
}

TEST(Reduce, UnsignedExtremesCompareAsUnsigned) {
  const Expected x = exact(Tensor::of_ints(DType::kUint64, {2}, {-1, 5}));  // 2^64 - 1
  EXPECT_EQ(run_node("ReduceMax", 20, {x})[0].ints().v[0], -1);
  EXPECT_EQ(run_node("ReduceMin", 20, {x})[0].ints().v[0], 5);
}

TEST(Reduce, ExtremesHaveTheBoundOfTheIntervalsEnds) {
  const auto r = run_node("ReduceMax", 20, {floats({3}, {1, 0.75, -5}, {0.125, 0.5, 1})});
  EXPECT_THAT(values(r[0]), ElementsAre(1));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0.25));  // 0.75 + 0.5 against 1
  // The far one cannot matter, the open one may.
  EXPECT_THAT(bounds(run_node("ReduceMax", 20, {floats({2}, {1, -5}, {0, 1})})[0]), ElementsAre(0));
  EXPECT_THAT(bounds(run_node("ReduceMax", 20, {floats({2}, {1, -5}, {0, kInf})})[0]), ElementsAre(kInf));
  const auto nan = run_node("ReduceMin", 20, {floats({2}, {kNan, 1})});
  EXPECT_TRUE(nan[0].open_at(0));
  EXPECT_EQ(nan.unspecified, 1u);
}

TEST(Reduce, BoolsAreSettledByOneSureElement) {
  EXPECT_THAT(bounds(run_node("ReduceMax", 20, {numbers(DType::kBool, {2}, {1, 0}, {0, 1})})[0]),
              ElementsAre(0));
  EXPECT_THAT(bounds(run_node("ReduceMin", 20, {numbers(DType::kBool, {2}, {1, 0}, {0, 1})})[0]),
              ElementsAre(kInf));
}

TEST(Reduce, OrdersThatOverflowAreOpen) {
  EXPECT_TRUE(run_node("ReduceSum", 13, {floats({3}, {3e38, 3e38, -3e38})})[0].open_at(0));
  EXPECT_FALSE(run_node("ReduceSum", 13, {floats({3}, {3e38, 3e38, 3e38})})[0].open_at(0))
      << "infinite for sure";
  EXPECT_TRUE(run_node("ReduceProd", 18, {floats({3}, {1e30, 1e30, 1e-30})})[0].open_at(0));
  EXPECT_FALSE(run_node("ReduceProd", 18, {floats({3}, {1e10, 1e10, 1e-10})})[0].open_at(0));
}

TEST(Reduce, LogSumExpNeitherOverflowsNorWidens) {
  const auto r = run_node("ReduceLogSumExp", 18, {floats({2}, {1000, 1000}, {1e-3, 1e-3})});
  EXPECT_NEAR(r[0].value_at(0), 1000 + std::log(2.0), 1e-9);
  EXPECT_GE(r[0].bound_at(0), 1e-3);
  EXPECT_LE(r[0].bound_at(0), 1.3e-3) << "not the sum of both";
  EXPECT_THAT(values(run_node("ReduceLogSumExp", 18, {floats({2}, {-kInf, -kInf})})[0]), ElementsAre(-kInf));
}

TEST(Reduce, RootOfWhatMayBeZero) {
  const auto r = run_node("ReduceL2", 18, {floats({1}, {1e-3}, {1e-2})});
  EXPECT_FALSE(r[0].open_at(0));
  EXPECT_GE(r[0].value_at(0) + r[0].bound_at(0), 1.1e-2);
}

}  // namespace
}  // namespace mob::testing
