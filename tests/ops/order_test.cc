// ArgMax, ArgMin, Hardmax, TopK: decisions, sharp on exact values and covered where bounds overlap.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using I64 = std::int64_t;

constexpr double kInf = kInfinity<double>;
const double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(ArgMax, OfEqualsTheFirstOrTheLast) {
  const Expected x = floats({4}, {1, 3, 3, 2});
  EXPECT_THAT(values(run_node("ArgMax", 13, {x})[0]), ElementsAre(1));
  const auto last = run_node("ArgMax", 13, {x}, {{"select_last_index", I64{1}}});
  EXPECT_THAT(values(last[0]), ElementsAre(2));
  EXPECT_THAT(bounds(last[0]), ElementsAre(0));
  EXPECT_THAT(values(run_node("ArgMin", 13, {floats({3}, {2, -1, -1})})[0]), ElementsAre(1));
}

TEST(ArgMax, IsUndecidedWhereBoundsOverlap) {
  const auto near = run_node("ArgMax", 13, {floats({4}, {1, 0, 0, 1.05}, {0.1, 0, 0, 0})});
  EXPECT_THAT(values(near[0]), ElementsAre(3));
  EXPECT_THAT(bounds(near[0]), ElementsAre(3));  // it may be the first
  const auto apart = run_node("ArgMax", 13, {floats({4}, {1, 0, 0, 1.2}, {0.1, 0.5, 0, 0})});
  EXPECT_THAT(bounds(apart[0]), ElementsAre(0));
  // An end that just meets an exact value wins only where equals would.
  EXPECT_THAT(bounds(run_node("ArgMax", 13, {floats({2}, {1, 0.5}, {0, 0.5})})[0]), ElementsAre(0));
  EXPECT_THAT(bounds(run_node("ArgMax", 13, {floats({2}, {0.5, 1}, {0.5, 0})})[0]), ElementsAre(1));
}

TEST(ArgMax, OfNaNIsOpen) {
  const auto r = run_node("ArgMax", 13, {floats({2}, {kNan, 1})});
  EXPECT_TRUE(r[0].open_at(0));
  EXPECT_EQ(r.unspecified, 1u);
  EXPECT_THROW(run_node("ArgMax", 13, {floats({0, 2}, {})}), InvalidNode);
}

TEST(ArgMax, LargeUnsignedNumbersAreExact) {
  const Expected x = exact(Tensor::of_ints(DType::kUint64, {3}, {-2, -1, 7}));
  EXPECT_THAT(values(run_node("ArgMax", 13, {x})[0]), ElementsAre(1));
  EXPECT_THAT(values(run_node("ArgMin", 13, {x})[0]), ElementsAre(2));
}

TEST(Hardmax, MarksOneOfTheLastAxisOrOfAllFromTheAxisOn) {
  const Expected x = floats({1, 2, 2}, {1, 2, 4, 3});
  EXPECT_THAT(values(run_node("Hardmax", 13, {x})[0]), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(values(run_node("Hardmax", 11, {x})[0]), ElementsAre(0, 0, 1, 0));
}

TEST(Hardmax, InDoubtItMayBeEither) {
  const auto r = run_node("Hardmax", 13, {floats({3}, {1, 1.01, 0}, {0.1, 0, 0})});
  EXPECT_THAT(values(r[0]), ElementsAre(0, 1, 0));
  EXPECT_THAT(bounds(r[0]), ElementsAre(1, 1, 0));
}

NodeRun top_k(const Expected& x, std::vector<I64> k, Attributes attributes = {}) {
  return run_node("TopK", 11, {x, axes_input(k)}, attributes, 2);
}

TEST(TopK, OfEqualsTheFirst) {
  const auto r = top_k(floats({5}, {2, 5, 2, 5, 1}), {3});
  EXPECT_THAT(values(r[0]), ElementsAre(5, 5, 2));
  EXPECT_THAT(values(r[1]), ElementsAre(1, 3, 0));
  EXPECT_THAT(bounds(r[1]), Each(0));
  const auto least = top_k(floats({4}, {2, 1, 1, 3}), {2}, {{"largest", I64{0}}});
  EXPECT_THAT(values(least[1]), ElementsAre(1, 2));
}

TEST(TopK, AttributeKBeforeOpset10) {
  const auto r = run_node("TopK", 9, {floats({2, 2}, {1, 2, 4, 3})}, {{"k", I64{1}}, {"axis", I64{0}}}, 2);
  EXPECT_THAT(values(r[0]), ElementsAre(4, 3));
}

TEST(TopK, OverlappingBoundsLeaveTheOrderInDoubt) {
  const auto r = top_k(floats({4}, {1, 1.0625, 9, 0}, {0.125, 0, 0, 0}), {3});
  EXPECT_THAT(values(r[0]), ElementsAre(9, 1.0625, 1));
  EXPECT_THAT(values(r[1]), ElementsAre(2, 1, 0));
  EXPECT_THAT(bounds(r[1]), ElementsAre(0, 1, 1));
  // 1 +- 1/8 and 1 + 1/16: the second largest is at least 1 + 1/16, the third largest at most.
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0.0625, 0.125));
}

TEST(TopK, AnOpenElementMayStandAnywhere) {
  const auto r = top_k(floats({3}, {1, 2, 3}, {kInf, 0, 0}), {2});
  EXPECT_TRUE(r[0].open_at(0));
  EXPECT_FALSE(r[0].open_at(1)) << "the second largest lies between 2 and 3";
  EXPECT_THAT(bounds(r[1]), ElementsAre(2, 1));
}

TEST(TopK, UnsortedResultsMayStandInAnyOrder) {
  const auto r = top_k(floats({4}, {1, 4, 3, 2}), {2}, {{"sorted", I64{0}}});
  EXPECT_EQ(r.unspecified, 2u);
  EXPECT_THAT(bounds(r[0]), ElementsAre(1, 1));
  EXPECT_THAT(bounds(r[1]), ElementsAre(1, 1));
  EXPECT_EQ(top_k(floats({4}, {1, 4, 3, 2}), {1}, {{"sorted", I64{0}}}).unspecified, 0u);
}

TEST(TopK, LimitsOfK) {
  EXPECT_EQ(top_k(floats({3}, {1, 2, 3}), {0})[0].count(), 0u);
  EXPECT_THROW(top_k(floats({3}, {1, 2, 3}), {4}), InvalidNode);
  EXPECT_THROW(top_k(floats({3}, {1, 2, 3}), {-1}), InvalidNode);
  EXPECT_THROW(top_k(floats({}, {1}), {1}), InvalidNode);
  EXPECT_EQ(top_k(floats({0, 3}, {}), {2})[0].type.dims, (Dims{0, 2}));
  EXPECT_EQ(top_k(floats({3}, {1, kNan, 3}), {2}).unspecified, 2u);
}

}  // namespace
}  // namespace mob::testing
