// Pow and Mod.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsNan;
using ::testing::Le;

constexpr double kInf = kInfinity<double>;

TEST(Pow, TheSignOfTheBaseMattersToOddPowersOnly) {
  const auto squares = run_node("Pow", 13, {floats({3}, {-3, 0.1, 0}, {0, 0.2, 0}), floats({}, {2})});
  EXPECT_NEAR(squares[0].value_at(0), 9, 1e-9);
  EXPECT_NEAR(squares[0].bound_at(1), 0.08, 1e-3);  // between 0 and 0.09
  EXPECT_EQ(squares[0].bound_at(2), 0);
  const auto roots = run_node("Pow", 13, {floats({3}, {-3, 0.1, 0}, {0, 0.2, 0}), floats({}, {0.5})});
  EXPECT_THAT(roots[0].value_at(0), IsNan());
  EXPECT_THAT(bounds(roots[0]), ElementsAre(0, kInf, 0));
}

TEST(Pow, ToTheZeroIsOneWhateverTheBase) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto r = run_node("Pow", 13, {floats({3}, {nan, 0, 5}, {0, 0, kInf}), floats({}, {0})});
  EXPECT_THAT(values(r[0]), Each(1));
  EXPECT_THAT(bounds(r[0]), Each(0));
}

TEST(Pow, ADoubtfulExponentMovesLargeBasesMost) {
  const auto r = run_node("Pow", 13, {floats({2}, {2, 100}), floats({2}, {1, 1}, {0.01, 0.01})});
  EXPECT_NEAR(r[0].bound_at(0), 2 * (std::pow(2, 0.01) - 1), 1e-5);
  EXPECT_NEAR(r[0].bound_at(1), 100 * (std::pow(100, 0.01) - 1), 1e-2);
  EXPECT_TRUE(run_node("Pow", 13, {floats({1}, {-2}), floats({1}, {2}, {0.01})})[0].open_at(0));
}

TEST(Pow, OfIntegersIsExactOrOpen) {
  const auto x = numbers(DType::kInt32, {5}, {3, -2, 10, 2, 1}),
             y = numbers(DType::kInt64, {5}, {4, 3, 12, -1, -5});
  const auto r = run_node("Pow", 13, {x, y});
  EXPECT_EQ(r[0].type.dtype, DType::kInt32);
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0, kInf, kInf, 0));
  EXPECT_EQ(r[0].value_at(0), 81);
  EXPECT_EQ(r[0].value_at(1), -8);
  EXPECT_EQ(r.unspecified, 2u);
}

TEST(Pow, OfIntegersToAFractionIsTruncated) {
  const auto r = run_node("Pow", 13, {numbers(DType::kInt64, {3}, {10, 4, -4}), floats({}, {0.5})});
  EXPECT_EQ(r[0].value_at(0), 3);
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 1, kInf));  // the root of 4 may come out just below 2
}

TEST(Mod, HasTheSignOfTheDivisorAndWithFmodOfTheDividend) {
  const auto x = numbers(DType::kInt32, {4}, {-7, 7, -7, 7}), y = numbers(DType::kInt32, {4}, {3, -3, -3, 0});
  const auto python = run_node("Mod", 10, {x, y});
  EXPECT_THAT(values(python[0]), ElementsAre(2, -2, -1, 0));
  EXPECT_THAT(bounds(python[0]), ElementsAre(0, 0, 0, kInf));
  EXPECT_EQ(python.unspecified, 1u);
  const auto c = run_node("Mod", 10, {x, y}, {{"fmod", std::int64_t{1}}});
  EXPECT_THAT(values(c[0]), ElementsAre(-1, 1, -1, 0));
}

TEST(Mod, OfTheLowestIntegerByMinusOneIsZero) {
  const auto lowest = exact(Tensor::of_ints(DType::kInt64, {1}, {std::numeric_limits<std::int64_t>::min()}));
  EXPECT_THAT(values(run_node("Mod", 10, {lowest, numbers(DType::kInt64, {1}, {-1})})[0]), ElementsAre(0));
}

TEST(Mod, OfFloatsJumpsWhereTheQuotientIsWhole) {
  const Attributes fmod = {{"fmod", std::int64_t{1}}};
  const auto r =
      run_node("Mod", 13, {floats({4}, {7, 7, 6.01, 1}, {0, 0.5, 0.1, 0}), floats({4}, {3, 3, 3, 0})}, fmod);
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, ::testing::DoubleEq(0.5), Le(3), 0));
  EXPECT_NEAR(r[0].value_at(2), 0.01, 1e-6);
  EXPECT_GT(r[0].bound_at(2), 2.9);
  EXPECT_THAT(r[0].value_at(3), IsNan());
  EXPECT_THROW(run_node("Mod", 13, {floats({1}, {1}), floats({1}, {1})}), InvalidNode);
}

}  // namespace
}  // namespace mob::testing
