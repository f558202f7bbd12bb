// Cast: rounds for good; covers both sides of a step; open where ONNX leaves it so.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsNan;

constexpr double kInf = kInfinity<double>;
const double kNan = std::numeric_limits<double>::quiet_NaN();

NodeRun cast(const Expected& x, DType to, Attributes attributes = {}) {
  attributes.emplace_back("to", static_cast<std::int64_t>(to));
  return run_node("Cast", 24, {x}, attributes);
}

TEST(Cast, RoundsForGood) {
  const auto r = cast(floats({3}, {0.1, 1e6, -1}), DType::kFloat16);
  EXPECT_THAT(values(r[0]), ElementsAre(0.0999755859375, kInf, -1));
  EXPECT_THAT(bounds(r[0]), Each(0));
}

TEST(Cast, CoversBothNeighboursOfARoundedValue) {
  const auto r = cast(floats({2}, {1 + 0x1p-11, 1}, {1e-6, 1e-6}), DType::kFloat16);
  EXPECT_THAT(bounds(r[0]), ElementsAre(0x1p-10, 0));
}

TEST(Cast, FromDoubleMayRoundTwice) {
  // Just above the middle between two float16, and at the middle after the way through float.
  const auto r = cast(numbers(DType::kDouble, {1}, {1 + 0x1p-11 + 0x1p-40}), DType::kFloat16);
  EXPECT_EQ(r[0].value_at(0), 1 + 0x1p-10);
  EXPECT_EQ(r[0].bound_at(0), 0x1p-10);
}

TEST(Cast, ToIntegersTruncates) {
  const auto r = cast(floats({5}, {2.9, -2.9, 2.95, 300, kNan}, {0, 0, 0.1, 0, 0}), DType::kInt8);
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0, 1, kInf, kInf));
  EXPECT_EQ(r[0].value_at(0), 2);
  EXPECT_EQ(r[0].value_at(1), -2);
  EXPECT_EQ(r.unspecified, 2u);
}

TEST(Cast, ToTheWidestIntegers) {
  const auto x = floats({4}, {0x1p63, -0x1p63, 0x1p64, -0.5});
  EXPECT_THAT(bounds(cast(x, DType::kInt64)[0]), ElementsAre(kInf, 0, kInf, 0));
  const auto r = cast(x, DType::kUint64);
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, kInf, kInf, 0));
  EXPECT_EQ(r[0].value_at(0), 0x1p63);
}

TEST(Cast, BetweenIntegersDiscardsTheHigherBits) {
  const auto x = numbers(DType::kInt16, {4}, {200, -1, 127, 5}, {0, 0, 1, 2});
  const auto r = cast(x, DType::kInt8);
  EXPECT_THAT(values(r[0]), ElementsAre(-56, -1, 127, 5));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0, kInf, 2));  // 128 would wrap
  EXPECT_THAT(values(cast(x, DType::kUint4)[0]), ElementsAre(8, 15, 15, 5));
  EXPECT_THAT(values(cast(exact(Tensor::of_ints(DType::kUint64, {1}, {-1})), DType::kFloat)[0]),
              ElementsAre(0x1p64));
}

TEST(Cast, ToBoolAsksForZero) {
  const auto r = cast(floats({4}, {-0.0, kNan, 0.5, 0.5}, {0, 0, 0.25, 0.5}), DType::kBool);
  EXPECT_THAT(values(r[0]), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0, 0, kInf));
}

TEST(Cast, ADoubtfulBoolIsZeroOrOne) {
  const auto x = numbers(DType::kBool, {2}, {1, 0}, {kInf, 0});
  EXPECT_THAT(bounds(cast(x, DType::kFloat)[0]), ElementsAre(1, 0));
  EXPECT_THAT(bounds(cast(x, DType::kInt32)[0]), ElementsAre(1, 0));
}

TEST(Cast, ToFloat8SaturatesUnlessToldNotTo) {
  const auto x = floats({3}, {1000, -kInf, 0.3});
  const auto yes = cast(x, DType::kFloat8E4M3FN);
  EXPECT_THAT(values(yes[0]), ElementsAre(448, -448, 0.3125));
  const auto no = cast(x, DType::kFloat8E4M3FN, {{"saturate", std::int64_t{0}}});
  EXPECT_THAT(values(no[0]), ElementsAre(IsNan(), IsNan(), 0.3125));
  EXPECT_THAT(values(cast(x, DType::kFloat8E5M2, {{"saturate", std::int64_t{0}}})[0]),
              ElementsAre(1024, -kInf, 0.3125));
}

TEST(Cast, ToPowersOfTwoByRoundMode) {
  const auto x = floats({3}, {3, 4, 5});
  const auto by = [&](std::string mode) {
    return values(cast(x, DType::kFloat8E8M0, {{"round_mode", mode}})[0]);
  };
  EXPECT_THAT(by("up"), ElementsAre(4, 4, 8));
  EXPECT_THAT(by("down"), ElementsAre(2, 4, 4));
  EXPECT_THAT(by("nearest"), ElementsAre(4, 4, 4));
  EXPECT_EQ(cast(floats({1}, {-1}), DType::kFloat8E8M0).unspecified, 1u);
  EXPECT_THROW(by("sideways"), InvalidNode);
}

TEST(Cast, FractionsToFourBitsMayBeRoundedOrTruncated) {
  EXPECT_THAT(bounds(cast(floats({2}, {2.5, 3}), DType::kInt4)[0]), ElementsAre(1, 0));
  EXPECT_TRUE(cast(floats({1}, {1.75}), DType::kInt2)[0].open_at(0)) << "2 is no int2";
}

TEST(Cast, OfStrings) {
  const auto x = exact(Tensor({5}, {std::string("1e-1"), "+InF", "nan", "-7", "seven"}));
  const auto r = cast(x, DType::kFloat);
  EXPECT_THAT(values(r[0]), ElementsAre(0.1f, kInf, IsNan(), -7, ::testing::_));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0, 0, 0, kInf));
  EXPECT_EQ(r.unspecified, 1u);
  EXPECT_THAT(std::get<Strings>(cast(floats({2}, {0.5, -2.25}), DType::kString)[0].data),
              ElementsAre("0.5", "-2.25"));
  EXPECT_THROW(cast(floats({1}, {1e30}), DType::kString), Unsupported);
}

TEST(Cast, KnowsNoSuchType) {
  EXPECT_THROW(cast(floats({1}, {1}), static_cast<DType>(99)), InvalidNode);
  EXPECT_THROW(run_node("Cast", 13, {floats({1}, {1})}), InvalidNode);
  EXPECT_THROW(cast(floats({1}, {1}), DType::kComplex64), Unsupported);
}

TEST(CastLike, TakesTheTypeOfItsSecondInput) {
  const auto r = run_node("CastLike", 15, {floats({2}, {1.5, -1}), numbers(DType::kInt32, {0}, {})});
  EXPECT_EQ(r[0].type, (ArrayType{DType::kInt32, {2}}));
  EXPECT_THAT(values(r[0]), ElementsAre(1, -1));
}

}  // namespace
}  // namespace mob::testing
