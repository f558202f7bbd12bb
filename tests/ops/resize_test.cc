// Resize: coordinates on the edge between two neighbours, what is in dispute, and integers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fuzzer/base/check.h"
#include "tests/ops/run_node.h"

namespace mob {
namespace {

using namespace mob::testing;
using ::testing::Each;
using ::testing::ElementsAre;

const Expected kLeftOut;

// One axis, by scale or by size.
NodeRun by_scale(const Expected& x, double scale, const Attributes& attributes, int opset = 19) {
  return run_node("Resize", opset, {x, kLeftOut, floats({1}, {scale})}, attributes);
}
NodeRun by_size(const Expected& x, std::int64_t size, const Attributes& attributes) {
  return run_node("Resize", 19, {x, kLeftOut, kLeftOut, axes_input({size})}, attributes);
}
Attributes with(const char* mode, const char* transform, const char* nearest = "round_prefer_floor") {
  return {{"mode", std::string(mode)},
          {"coordinate_transformation_mode", std::string(transform)},
          {"nearest_mode", std::string(nearest)}};
}

TEST(Resize, WholeQuotientsAreDecided) {
  // x / 3 is exact in float32 where it is whole, and far from a whole number elsewhere.
  const NodeRun r = by_scale(floats({2}, {1, 5}), 3, with("nearest", "asymmetric", "floor"));
  EXPECT_THAT(values(r[0]), ElementsAre(1, 1, 1, 5, 5, 5));
  EXPECT_THAT(bounds(r[0]), Each(0));
}

TEST(Resize, ATieThatFloat32CannotHoldCoversBothNeighbours) {
  // 3 elements to 5: the scale 5/3 is rounded, (2 + 0.5) / (5/3) - 0.5 is 1 only nearly.
  const NodeRun r = by_size(floats({3}, {1, 4, 9}), 5, with("nearest", "half_pixel", "floor"));
  EXPECT_EQ(r[0].bound_at(2), 3);  // 1 or 4
  EXPECT_EQ(r[0].bound_at(0), 0);
}

TEST(Resize, ATieThatFloat32HoldsIsDecided) {
  // Scale 1.5: (1 + 0.5) / 1.5 - 0.5 is 0.5.
  EXPECT_THAT(values(by_scale(floats({2}, {1, 5}), 1.5, with("nearest", "half_pixel"))[0]),
              ElementsAre(1, 1, 5));
  EXPECT_THAT(
      values(by_scale(floats({2}, {1, 5}), 1.5, with("nearest", "half_pixel", "round_prefer_ceil"))[0]),
      ElementsAre(1, 5, 5));
}

TEST(Resize, AnOutputSizeThatFloat32RoundsUpIsUndecided) {
  // 0.7 is a little less in float32: 10 of it are 6.9999999 or 7.
  EXPECT_THROW(by_scale(floats({10}, std::vector<double>(10, 1)), 0.7, with("nearest", "asymmetric")),
               Unsupported);
}

TEST(Resize, AlignCornersWithAFractionalWidthIsInDispute) {
  // 3 * 1.5 = 4.5: corners at 3 (the text) or at 3.5 (the published cases).
  const NodeRun r = by_scale(floats({3}, {0, 10, 20}), 1.5, with("linear", "align_corners"));
  EXPECT_NEAR(r[0].value_at(3), 20, 1e-5);
  EXPECT_NEAR(r[0].bound_at(3), 20 - 20 * 3 / 3.5, 1e-4);
  EXPECT_LT(by_size(floats({3}, {0, 10, 20}), 4, with("linear", "align_corners"))[0].bound_at(3), 1e-4);
}

TEST(Resize, WhereTheSizeStaysAFractionalScaleIsInDispute) {
  // Opset 10, [2] by 1.25: 1 / 1.25 = 0.8 is element 0, but the size is as before.
  const NodeRun r = run_node("Resize", 10, {floats({2}, {1, 4}), floats({1}, {1.25})});
  EXPECT_THAT(values(r[0]), ElementsAre(1, 1));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 3));
}

TEST(Resize, IntegersMayBeCutOffOrRounded) {
  const NodeRun r = by_scale(numbers(DType::kInt32, {2}, {0, 6}), 2, with("linear", "half_pixel"));
  EXPECT_THAT(values(r[0]), ElementsAre(0, 2, 4, 6));  // 1.5 and 4.5, to even
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 1, 0, 0));  // cut off: 1 and 4
}

TEST(Resize, CubicMayLeaveTheIntegerType) {
  const NodeRun r = by_scale(numbers(DType::kUint8, {4}, {0, 0, 255, 255}), 2, with("cubic", "half_pixel"));
  EXPECT_GT(r.unspecified, 0u);
  EXPECT_TRUE(r[0].open_at(2));
}

TEST(Resize, WeightsStayWithinFewRoundings) {
  const NodeRun r = by_size(floats({3}, {1, 2, 3}), 7, with("cubic", "half_pixel"));
  EXPECT_THAT(bounds(r[0]), Each(::testing::Lt(2e-5)));
  EXPECT_THAT(bounds(r[0]), Each(::testing::Gt(0)));
}

TEST(Resize, AnInfinityNextToAWeightOfZeroIsOpen) {
  const NodeRun r = by_scale(floats({2}, {1, kInfinity<double>}), 2, with("linear", "asymmetric"));
  EXPECT_TRUE(r[0].open_at(0));  // 1 * 1 + 0 * inf, or 1
}

TEST(Resize, OutsideTheRegionStandsTheExtrapolationValue) {
  Attributes a = with("linear", "tf_crop_and_resize");
  a.emplace_back("extrapolation_value", 7.f);
  const NodeRun r =
      run_node("Resize", 19, {floats({3}, {0, 1, 2}), floats({2}, {-0.5, 1}), kLeftOut, axes_input({4})}, a);
  EXPECT_THAT(values(r[0]), ElementsAre(7, 0, 1, 2));
  EXPECT_THAT(bounds(r[0]), Each(::testing::Lt(1e-5)));
}

TEST(Resize, EmptyAndWrong) {
  EXPECT_EQ(by_size(floats({0}, {}), 0, with("linear", "half_pixel"))[0].count(), 0u);
  EXPECT_THROW(by_size(floats({0}, {}), 2, with("linear", "half_pixel")), InvalidNode);
  EXPECT_THROW(by_scale(floats({2}, {1, 2}), -1, with("linear", "half_pixel")), InvalidNode);
  EXPECT_THROW(by_scale(floats({2}, {1, 2}), 2, with("linear", "half")), InvalidNode);
  EXPECT_THROW(run_node("Resize", 19, {floats({2}, {1, 2})}), InvalidNode);
  // A region that no mode asks for has its length all the same; exporters leave it empty.
  const auto with_region = [](Expected roi) {
    return run_node("Resize", 19, {floats({2}, {1, 2}), std::move(roi), floats({1}, {2})});
  };
  EXPECT_EQ(with_region(floats({2}, {0, 1}))[0].count(), 4u);
  EXPECT_EQ(with_region(floats({0}, {}))[0].count(), 4u);
  EXPECT_THROW(with_region(floats({1}, {0})), InvalidNode);
  EXPECT_THROW(run_node("Upsample", 10, {floats({2}, {1, 2}), floats({1}, {2})}), InvalidNode);
  EXPECT_THROW(run_node("Upsample", 9, {floats({2}, {1, 2}), floats({1}, {0.5})}), InvalidNode);
}

}  // namespace
}  // namespace mob
