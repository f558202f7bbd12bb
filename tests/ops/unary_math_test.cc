// Unary mathematics: steps on either side of a bound, turning points, poles, special values.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Le;

constexpr double kInf = kInfinity<double>;
const double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kU = 0x1p-24;

TEST(Floor, CoversBothSidesOfAStep) {
  const auto r = run_node("Floor", 13, {floats({4}, {1.5, 2.01, 2, -0.5}, {0.1, 0.1, 0, 0})});
  EXPECT_THAT(values(r[0]), ElementsAre(1, 2, 2, -1));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 1, 0, 0));
}

TEST(Round, TakesHalvesToEven) {
  const auto r = run_node("Round", 11, {floats({5}, {0.5, 1.5, 2.5, -2.5, 2.5}, {0, 0, 0, 0, 0.01})});
  EXPECT_THAT(values(r[0]), ElementsAre(0, 2, 2, -2, 2));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0, 0, 0, 1));
}

TEST(Sign, IsInDoubtAroundZeroAndOpenForNaN) {
  const auto r = run_node("Sign", 13, {floats({5}, {-3, 0, 0.125, 0.125, kNan}, {0, 0, 0.25, 0.125, 0})});
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0, 2, 1, kInf));
  EXPECT_EQ(r.unspecified, 1u);
  const auto ints = run_node("Sign", 13, {numbers(DType::kInt32, {3}, {-7, 1, 1}, {0, 1, kInf})});
  EXPECT_THAT(values(ints[0]), ElementsAre(-1, 1, 1));
  EXPECT_THAT(bounds(ints[0]), ElementsAre(0, 1, kInf));
}

TEST(Abs, TurnsAtZero) {
  const auto r = run_node("Abs", 13, {floats({3}, {-2, 0.1, -0.1}, {0.5, 0.4, 0})});
  EXPECT_THAT(bounds(r[0]), ElementsAre(::testing::DoubleEq(0.5), ::testing::DoubleNear(0.4, 1e-9), 0));
}

TEST(Abs, OfTheLowestIntegerWraps) {
  const Expected x = exact(Tensor::of_ints(DType::kInt8, {2}, {-128, -127}));
  EXPECT_THAT(values(run_node("Abs", 13, {x})[0]), ElementsAre(-128, 127));
  EXPECT_THAT(values(run_node("Neg", 13, {x})[0]), ElementsAre(-128, 127));
  const Expected lowest =
      exact(Tensor::of_ints(DType::kInt64, {}, {std::numeric_limits<std::int64_t>::min()}));
  EXPECT_THAT(values(run_node("Neg", 13, {lowest})[0]), ElementsAre(-0x1p63));
}

TEST(Roots, AreOpenWhereTheIntervalLeavesTheDomain) {
  const auto r = run_node("Sqrt", 13, {floats({4}, {4, -1, 1e-8, kInf}, {0, 0, 1e-6, 0})});
  EXPECT_LE(r[0].bound_at(0), 8 * kU);
  EXPECT_TRUE(std::isnan(r[0].value_at(1)));
  EXPECT_EQ(r[0].bound_at(1), 0);  // NaN for sure
  EXPECT_TRUE(r[0].open_at(2));
  EXPECT_EQ(r[0].value_at(3), kInf);
  const auto log = run_node("Log", 13, {floats({2}, {0, 1e-8}, {0, 1e-6})});
  EXPECT_EQ(log[0].value_at(0), -kInf);
  EXPECT_THAT(bounds(log[0]), ElementsAre(0, kInf));
}

TEST(Reciprocal, OfZeroIsInfiniteAndOfADoubtfulZeroOpen) {
  const auto r = run_node("Reciprocal", 13, {floats({2}, {0, 0.5}, {0, 0.5})});
  EXPECT_THAT(values(r[0]), ElementsAre(kInf, 2));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, kInf));
}

TEST(Waves, StayWithinTheirRange) {
  const auto r = run_node("Sin", 7, {floats({3}, {1.5707963, 0, 7}, {0.1, 0.1, 1e9})});
  EXPECT_THAT(bounds(r[0]), ElementsAre(Le(0.0051), Le(0.1051), Le(2.1)));
  EXPECT_TRUE(std::isnan(run_node("Cos", 7, {floats({1}, {kInf})})[0].value_at(0)));
}

TEST(Atanh, IsOpenWhereTheIntervalHoldsTheWholeDomain) {
  const auto r = run_node("Atanh", 13, {floats({3}, {2, 2, 3}, {4, 1.5, 1})});
  EXPECT_TRUE(r[0].open_at(0));
  EXPECT_TRUE(r[0].open_at(1));
  EXPECT_FALSE(r[0].open_at(2)) << "NaN whatever it is";
}

TEST(Tan, IsOpenAcrossAPole) {
  const auto r = run_node("Tan", 7, {floats({3}, {1.5, 1.5, 3.1}, {0.01, 0.1, 0.1})});
  EXPECT_FALSE(r[0].open_at(0));
  EXPECT_TRUE(r[0].open_at(1));
  EXPECT_FALSE(r[0].open_at(2));
}

TEST(Cosh, TurnsAtZero) {
  const auto r = run_node("Cosh", 9, {floats({1}, {0.1}, {0.2})});
  EXPECT_NEAR(r[0].bound_at(0), std::cosh(0.3) - std::cosh(0.1), 1e-5);
}

TEST(Acosh, IsFiniteAtTheEndOfItsDomain) {
  const auto r = run_node("Acosh", 9, {floats({2}, {1, 2})});
  EXPECT_THAT(bounds(r[0]), ElementsAre(Le(1e-3), Le(32 * kU)));
}

TEST(UnaryMath, ErrorsAreAFewUlps) {
  for (const char* op : {"Exp", "Log", "Sqrt", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh",
                         "Tanh", "Asinh", "Atanh", "Erf"})
    for (const DType t : {DType::kFloat16, DType::kFloat, DType::kDouble}) {
      const auto r = run_node(op, 13, {numbers(t, {2}, {0.25, 0.75})});
      EXPECT_THAT(bounds(r[0]), Each(Le(24 * float_format(t).unit_roundoff))) << op << " " << name(t);
    }
}

TEST(UnaryMath, KeepsEmptyShapes) {
  for (const char* op : {"Exp", "Abs", "Sign", "Tan", "Acosh", "Erf"})
    EXPECT_EQ(run_node(op, 13, {floats({2, 0}, {})})[0].type.dims, (Dims{2, 0})) << op;
}

TEST(UnaryMath, RefusesTypesOutsideTheSchema) {
  EXPECT_THROW(run_node("Exp", 13, {numbers(DType::kInt32, {1}, {1})}), InvalidNode);
  EXPECT_THROW(run_node("Abs", 13, {exact(Tensor({1}, {std::string("x")}))}), InvalidNode);
  EXPECT_THROW(run_node("Sign", 13, {numbers(DType::kBool, {1}, {1})}), InvalidNode);
}

}  // namespace
}  // namespace mob::testing
