// Gemm: what alpha, beta and C do to values and bounds.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

constexpr double kInf = kInfinity<double>;
constexpr double kU = 0x1p-24;

TEST(Gemm, AddsABroadcastC) {
  const auto a = floats({2, 2}, {1, 2, 3, 4}), b = floats({2, 2}, {1, 0, 0, 1}), c = floats({2, 1}, {10, 20});
  const auto r =
      run_node("Gemm", 13, {a, b, c}, {{"alpha", 2.0f}, {"beta", 0.5f}, {"transA", std::int64_t{1}}});
  EXPECT_THAT(values(r[0]), ElementsAre(7, 11, 14, 18));
  for (double e : bounds(r[0])) EXPECT_LT(e, 10 * kU * 20);
}

TEST(Gemm, OfNothingIsC) {
  const auto r = run_node("Gemm", 13, {floats({1, 0}, {}), floats({0, 2}, {}), floats({2}, {3, 4})});
  EXPECT_THAT(values(r[0]), ElementsAre(3, 4));
  EXPECT_EQ(run_node("Gemm", 13, {floats({0, 2}, {}), floats({2, 3}, {1, 2, 3, 4, 5, 6})})[0].type.dims,
            (Dims{0, 3}));
}

// BLAS does not read C then; a kernel that multiplies makes NaN.
TEST(Gemm, LeavesZeroTimesInfinityOpen) {
  const auto one = floats({1, 1}, {1});
  const auto r = run_node("Gemm", 13, {one, one, floats({1}, {kInf})}, {{"beta", 0.0f}});
  EXPECT_TRUE(r[0].open_at(0));
  EXPECT_FALSE(run_node("Gemm", 13, {one, one, floats({1}, {5})}, {{"beta", 0.0f}})[0].open_at(0));
}

TEST(Gemm, OfIntegersWrapsAndNeedsWholeFactors) {
  const auto a = numbers(DType::kInt32, {1, 1}, {65536}), c = numbers(DType::kInt32, {}, {7});
  const auto r = run_node("Gemm", 11, {a, a, c}, {{"beta", 2.0f}});
  EXPECT_THAT(values(r[0]), ElementsAre(14));
  EXPECT_THROW(run_node("Gemm", 11, {a, a}, {{"alpha", 0.5f}}), Unsupported);
}

TEST(Gemm, TakesOnlyShapesThatFit) {
  const auto a = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_THROW(run_node("Gemm", 13, {a, a}), InvalidNode);
  EXPECT_THROW(run_node("Gemm", 13, {a, floats({3}, {1, 2, 3})}), InvalidNode);
  EXPECT_THROW(run_node("Gemm", 13, {a, a, floats({3, 1}, {1, 2, 3})}, {{"transB", std::int64_t{1}}}),
               InvalidNode);
}

TEST(Det, OfStackedMatrices) {
  const auto r =
      run_node("Det", 11, {floats({2, 2, 2}, {0, 1, 2, 3, 2, 0, 0, 3}, {0, 0, 0, 0, 0.1, 0, 0, 0})});
  EXPECT_THAT(values(r[0]), ElementsAre(-2, 6));
  EXPECT_GT(r[0].bound_at(0), 0);
  EXPECT_LT(r[0].bound_at(0), 1e-5);
  EXPECT_GE(r[0].bound_at(1), 0.3);
  EXPECT_LT(r[0].bound_at(1), 0.31);
  EXPECT_THAT(values(run_node("Det", 11, {floats({2, 2}, {1, 2, 2, 4})})[0]), ElementsAre(0)) << "singular";
  EXPECT_THAT(values(run_node("Det", 11, {floats({0, 0}, {})})[0]), ElementsAre(1));
  EXPECT_THROW(run_node("Det", 11, {floats({1, 2}, {1, 2})}), InvalidNode);
}

// Operands above Eigen's threshold and below give the same value and bound.
TEST(Gemm, BoundsAgreeBetweenTheFastAndTheSlowPath) {
  std::vector<double> v, e;
  for (int i = 0; i < 24 * 24; ++i) v.push_back(std::sin(i)), e.push_back(i % 3 * 1e-5);
  const auto a = floats({24, 24}, v, e), b = floats({24, 24}, v, e);
  const auto row = floats({1, 24}, {v.begin(), v.begin() + 24}, {e.begin(), e.begin() + 24});
  const auto fast = run_node("Gemm", 13, {a, b}), slow = run_node("Gemm", 13, {row, b});
  for (std::size_t i = 0; i < 24; ++i) {
    EXPECT_NEAR(fast[0].value_at(i), slow[0].value_at(i), 1e-12);
    EXPECT_NEAR(fast[0].bound_at(i), slow[0].bound_at(i), 1e-9 * slow[0].bound_at(i));
  }
}

}  // namespace
}  // namespace mob::testing
