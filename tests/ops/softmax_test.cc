// Softmax, LogSoftmax, CumSum.
#include <gmock/gmock.h>

#include "fuzzer/base/rng.h"
#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using I64 = std::int64_t;

constexpr double kInf = kInfinity<double>;
const double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Softmax, BoundsHoldOnTheCornersOfTheIntervals) {
  Rng rng(1, 0);
  for (int round = 0; round < 200; ++round) {
    std::vector<double> v(6), e(6);
    const double wide = std::pow(10.0, rng.uniform(-6, 1));
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = rng.uniform(-9, 9), e[i] = rng.unit() * wide;
    std::vector<double> corner = v;
    for (std::size_t i = 0; i < v.size(); ++i) corner[i] += rng.chance(0.5) ? e[i] : -e[i];
    for (const char* op : {"Softmax", "LogSoftmax"}) {
      // As doubles, so that nearly all of the bound is that of the inputs.
      const auto want = run_node(op, 13, {numbers(DType::kDouble, {6}, v, e)});
      const auto at_corner = run_node(op, 13, {numbers(DType::kDouble, {6}, corner)});
      for (std::size_t i = 0; i < v.size(); ++i)
        EXPECT_LE(std::fabs(want[0].value_at(i) - at_corner[0].value_at(i)),
                  want[0].bound_at(i) * (1 + 1e-9));
    }
  }
}

TEST(Softmax, BoundsAreThoseOfTheWorstCorner) {
  const auto r = run_node("Softmax", 13, {numbers(DType::kDouble, {2}, {0, 0}, {0.1, 0.1})});
  EXPECT_NEAR(r[0].bound_at(0), 1 / (1 + std::exp(-0.2)) - 0.5, 1e-9);
  const auto one = run_node("Softmax", 13, {floats({1}, {5}, {1})});
  EXPECT_NEAR(one[0].value_at(0), 1, 0);
  EXPECT_LT(one[0].bound_at(0), 1e-5) << "one element alone is always 1";
}

// An element that may be most of the sum: the others are not lost beside it (e^25 beside e^-19).
TEST(Softmax, TheOthersCountBesideAnElementThatMayBeLarge) {
  const auto r = run_node("Softmax", 13, {numbers(DType::kDouble, {3}, {20, 0, 0}, {25, 1, 1})});
  const double least = std::exp(-5) / (std::exp(-5) + 2 * std::exp(1));
  EXPECT_NEAR(r[0].bound_at(0), r[0].value_at(0) - least, 1e-6);
}

TEST(Softmax, HugeBoundsStayWithinZeroAndOne) {
  const auto r = run_node("Softmax", 13, {floats({3}, {0, 1, 2}, {1e4, 1, 1e4})});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_LE(r[0].bound_at(i), 1.1);
  const auto apart = run_node("Softmax", 13, {floats({2}, {0, 2000}, {900, 0})});
  EXPECT_LT(apart[0].bound_at(1), 1e-4);
}

TEST(Softmax, Infinities) {
  EXPECT_THAT(values(run_node("Softmax", 13, {floats({2}, {-kInf, 0})})[0]), ElementsAre(0, 1));
  EXPECT_THAT(values(run_node("LogSoftmax", 13, {floats({2}, {-kInf, 0})})[0]), ElementsAre(-kInf, 0));
  const auto gone = run_node("Softmax", 13, {floats({2}, {-kInf, -kInf})});
  EXPECT_TRUE(std::isnan(gone[0].value_at(0)));
  EXPECT_FALSE(gone[0].open_at(0));
  const auto nan = run_node("Softmax", 13, {floats({2}, {kNan, 1})});
  EXPECT_TRUE(std::isnan(nan[0].value_at(1)));
}

TEST(Softmax, OldFormsNormalizeOverAllTrailingAxes) {
  const Expected x = floats({1, 2, 2}, {0, 0, 0, 0});
  EXPECT_THAT(values(run_node("Softmax", 12, {x})[0]), Each(0.25));
  EXPECT_THAT(values(run_node("Softmax", 13, {x})[0]), Each(0.5));
  EXPECT_EQ(run_node("Softmax", 13, {floats({2, 0}, {})})[0].count(), 0u);
  EXPECT_THROW(run_node("Softmax", 13, {floats({}, {1})}), InvalidNode);
}

TEST(CumSum, ExclusiveAndReverse) {
  const Expected x = floats({3}, {1, 2, 3}), axis = axes_input({0});
  const auto both = run_node("CumSum", 14, {x, axis}, {{"exclusive", I64{1}}, {"reverse", I64{1}}});
  EXPECT_THAT(values(both[0]), ElementsAre(5, 3, 0));
  EXPECT_EQ(both[0].bound_at(2), 0);
  EXPECT_EQ(both[0].bound_at(1), 0) << "a copy of the last element";
  EXPECT_THROW(run_node("CumSum", 14, {x, axes_input({1})}), InvalidNode);
}

TEST(CumSum, AnOpenElementSpoilsWhatFollows) {
  const auto r = run_node("CumSum", 14, {floats({3}, {1, 2, 3}, {0, kInf, 0}), axes_input({0})});
  EXPECT_FALSE(r[0].open_at(0));
  EXPECT_TRUE(r[0].open_at(1) && r[0].open_at(2));
  const auto ints =
      run_node("CumSum", 14, {numbers(DType::kInt32, {3}, {1, 2, 3}, {0, 1, 0}), axes_input({0})});
  EXPECT_THAT(bounds(ints[0]), ElementsAre(0, kInf, kInf));
}

TEST(CumProd, StartsFromOne) {
  const Expected x = floats({3}, {2, 3, 4}), axis = axes_input({0});
  const auto both = run_node("CumProd", 26, {x, axis}, {{"exclusive", I64{1}}, {"reverse", I64{1}}});
  EXPECT_THAT(values(both[0]), ElementsAre(12, 4, 1));
  EXPECT_EQ(both[0].bound_at(2), 0);
  const auto wraps = run_node("CumProd", 26, {numbers(DType::kInt32, {3}, {65536, 65536, 1}), axis});
  EXPECT_THAT(values(wraps[0]), ElementsAre(65536, 0, 0));
}

}  // namespace
}  // namespace mob::testing
