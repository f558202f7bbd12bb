// Comparisons and connectives: sharp on exact values, open where bounds overlap; Where; bits.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

constexpr double kInf = kInfinity<double>;
const double kNan = std::numeric_limits<double>::quiet_NaN();

Expected bools(const std::vector<double>& v, const std::vector<double>& e = {}) {
  return numbers(DType::kBool, {static_cast<std::int64_t>(v.size())}, v, e);
}

TEST(Less, IsDecidedWhereTheBoundsLieApart) {
  const auto r = run_node("Less", 13,
                          {floats({5}, {1, 1, 1, 2, kNan}, {0, 0.1, 0.1, 0, 0}),
                           floats({5}, {1, 2, 1.05, 1, 1}, {0, 0.1, 0, 0, kInf})});
  EXPECT_THAT(values(r[0]), ElementsAre(0, 1, 1, 0, 0));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0, kInf, 0, 0));
}

TEST(LessOrEqual, OfEqualsHolds) {
  EXPECT_THAT(values(run_node("LessOrEqual", 16, {floats({1}, {1}), floats({1}, {1})})[0]), ElementsAre(1));
  EXPECT_THAT(values(run_node("GreaterOrEqual", 16, {floats({1}, {kNan}), floats({1}, {kNan})})[0]),
              ElementsAre(0));
}

TEST(Equal, OfRoundedValuesIsNeverSurelyTrue) {
  const auto r = run_node("Equal", 13, {floats({3}, {1, 1, kInf}, {0, 1e-7, 0}), floats({3}, {1, 1, kInf})});
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, kInf, 0));
  EXPECT_THAT(values(r[0]), Each(1));
}

TEST(Equal, ComparesStringsAndLargeIntegers) {
  const auto text = [](std::vector<std::string> s) { return exact(Tensor({2}, std::move(s))); };
  EXPECT_THAT(values(run_node("Equal", 19, {text({"a", "b"}), text({"a", "c"})})[0]), ElementsAre(1, 0));
  const auto high = exact(Tensor::of_ints(DType::kUint64, {1}, {-1})),
             low = numbers(DType::kUint64, {1}, {1});
  EXPECT_THAT(values(run_node("Greater", 13, {high, low})[0]), ElementsAre(1));
  EXPECT_THROW(run_node("Equal", 13, {floats({1}, {1}), low}), InvalidNode);
}

TEST(And, IsDecidedByOneFalse) {
  const auto a = bools({0, 1, 1}), b = bools({1, 1, 0}, {kInf, kInf, 0});
  EXPECT_THAT(bounds(run_node("And", 7, {a, b})[0]), ElementsAre(0, kInf, 0));
  EXPECT_THAT(bounds(run_node("Or", 7, {a, b})[0]), ElementsAre(kInf, 0, 0));
  EXPECT_THAT(bounds(run_node("Xor", 7, {a, b})[0]), ElementsAre(kInf, kInf, 0));
  EXPECT_THAT(bounds(run_node("Not", 1, {b})[0]), ElementsAre(kInf, kInf, 0));
}

TEST(IsInf, IsOpenWhereTheValueIs) {
  const auto x = floats({4}, {kInf, -kInf, 1, 1}, {0, 0, 0.5, kInf});
  const auto r = run_node("IsInf", 10, {x}, {{"detect_negative", std::int64_t{0}}});
  EXPECT_THAT(values(r[0]), ElementsAre(1, 0, 0, 0));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0, 0, kInf));
  EXPECT_THAT(values(run_node("IsNaN", 13, {floats({2}, {kNan, kInf})})[0]), ElementsAre(1, 0));
}

TEST(Where, CoversBothBranchesOfAnOpenCondition) {
  const auto r =
      run_node("Where", 16, {bools({1, 0, 1}, {0, 0, kInf}), floats({3}, {1, 2, 3}), floats({1}, {5})});
  EXPECT_THAT(values(r[0]), ElementsAre(1, 5, 3));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0, 2));
  const auto ints =
      run_node("Where", 16,
               {bools({1}, {kInf}), numbers(DType::kInt8, {1}, {-100}), numbers(DType::kInt8, {1}, {100})});
  EXPECT_THAT(bounds(ints[0]), ElementsAre(200));
}

TEST(Where, OfStrings) {
  const auto text = [](std::string s) { return exact(Tensor({1}, std::vector<std::string>{std::move(s)})); };
  const auto r = run_node("Where", 9, {bools({0, 1}), text("x"), text("y")});
  EXPECT_THAT(std::get<Strings>(r[0].data), ElementsAre("y", "x"));
  EXPECT_THROW(run_node("Where", 9, {bools({0}, {1}), text("x"), text("y")}), Unsupported);
}

TEST(BitShift, BeyondTheWidthIsUnspecified) {
  const auto x = numbers(DType::kUint8, {3}, {255, 3, 1}), by = numbers(DType::kUint8, {3}, {1, 7, 8});
  const auto left = run_node("BitShift", 11, {x, by}, {{"direction", std::string("LEFT")}});
  EXPECT_THAT(values(left[0]), ElementsAre(254, 128, 0));
  EXPECT_THAT(bounds(left[0]), ElementsAre(0, 0, kInf));
  EXPECT_EQ(left.unspecified, 1u);
  EXPECT_THROW(run_node("BitShift", 11, {x, by}), InvalidNode);
}

TEST(Bitwise, NotOfUnsignedStaysInRange) {
  EXPECT_THAT(values(run_node("BitwiseNot", 18, {numbers(DType::kUint8, {2}, {0, 5})})[0]),
              ElementsAre(255, 250));
  EXPECT_THAT(values(run_node("BitwiseNot", 18, {numbers(DType::kInt8, {2}, {0, 5})})[0]),
              ElementsAre(-1, -6));
  const auto r =
      run_node("BitwiseXor", 18, {numbers(DType::kInt16, {1}, {5}, {1}), numbers(DType::kInt16, {1}, {3})});
  EXPECT_TRUE(r[0].open_at(0));
}

TEST(Logic, KeepsEmptyShapes) {
  EXPECT_EQ(run_node("Less", 13, {floats({0, 3}, {}), floats({3}, {1, 2, 3})})[0].type,
            (ArrayType{DType::kBool, {0, 3}}));
  EXPECT_EQ(run_node("Where", 16, {bools({}), floats({1}, {1}), floats({1}, {1})})[0].type.dims, (Dims{0}));
}

}  // namespace
}  // namespace mob::testing
