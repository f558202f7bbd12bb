// RoiAlign, MaxRoiPool, NonMaxSuppression: regions that end between pixels, boxes on a threshold.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using I64 = std::int64_t;

const Expected kLeftOut;

Expected scalar(double v) {
  return floats({}, {v});
}
Expected count(I64 n) {
  return exact(Tensor::of_ints(DType::kInt64, {}, {n}));
}

// The image [[0, 1, 2], [3, 4, 5], [6, 7, 8]].
NodeRun align(const std::vector<double>& roi, const Attributes& attributes, int opset = 16,
              const std::vector<double>& bounds = {}) {
  const Expected x = floats({1, 1, 3, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8});
  return run_node("RoiAlign", opset, {x, floats({1, 4}, roi, bounds), axes_input({0})}, attributes);
}

TEST(RoiAlign, ByHalfPixelsOrNot) {
  EXPECT_THAT(values(align({1, 1, 2, 2}, {})[0]), ElementsAre(4)) << "its center is that of a pixel";
  EXPECT_THAT(values(align({1, 1, 2, 2}, {}, 10)[0]), ElementsAre(6)) << "the old form does not shift";
  // Of less than a pixel the old form takes a whole one.
  EXPECT_THAT(
      values(align({1, 1, 1, 1}, {{"coordinate_transformation_mode", std::string("output_half_pixel")}})[0]),
      ElementsAre(6));
}

TEST(RoiAlign, MoreThanAPixelOutsideIsZero) {
  EXPECT_THAT(values(align({-3, -3, -1, -1}, {{"sampling_ratio", I64{1}}})[0]), ElementsAre(0));
  const NodeRun near = align({-0.5, 2, 0.5, 3}, {{"sampling_ratio", I64{1}}}, 16, {1e-3, 0, 1e-3, 0});
  EXPECT_THAT(values(near[0]), ElementsAre(6));
  EXPECT_LT(near[0].bound_at(0), 0.05);
  const NodeRun at = align({-1, 2, 0, 3}, {{"sampling_ratio", I64{1}}}, 16, {1e-3, 0, 1e-3, 0});
  EXPECT_GE(at[0].bound_at(0), 6) << "zero, if it is a little farther";
}

TEST(RoiAlign, HowManySamplesMayBeInDoubt) {
  // ceil(2 +- something) is 2 or 3.
  EXPECT_TRUE(align({0, 0, 2, 2}, {}, 16, {0, 0, 1e-6, 0})[0].open_at(0));
  EXPECT_FALSE(align({0, 0, 2, 2}, {{"sampling_ratio", I64{2}}}, 16, {0, 0, 1e-6, 0})[0].open_at(0));
  EXPECT_EQ(align({2, 0, 1, 2}, {}).unspecified, 1u) << "a region that ends before it begins";
}

TEST(RoiAlign, TheLargestIsToldInTwoWays) {
  // Samples at the center of four pixels: 6 by the text, a quarter of 8 by published cases.
  const NodeRun r = align({1, 1, 2, 2}, {{"mode", std::string("max")}}, 10);
  EXPECT_NEAR(r[0].value_at(0), 6, 1e-6);
  EXPECT_NEAR(r[0].bound_at(0), 4, 1e-4);
}

TEST(MaxRoiPool, WholePixels) {
  const Expected x = floats({1, 1, 3, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8});
  const auto pool = [&](const std::vector<double>& roi, std::vector<I64> shape) {
    return run_node("MaxRoiPool", 9, {x, floats({1, 5}, roi)}, {{"pooled_shape", std::move(shape)}});
  };
  // Bins of 1.5 pixels overlap.
  EXPECT_THAT(values(pool({0, 0, 0, 2, 2}, {2, 2})[0]), ElementsAre(4, 5, 7, 8));
  EXPECT_THAT(values(pool({0, 5, 5, 6, 6}, {1, 1})[0]), ElementsAre(0)) << "outside";
  EXPECT_EQ(pool({0, 0.5, 0, 2, 2}, {1, 1}).unspecified, 1u) << "half a pixel";
  EXPECT_THROW(pool({1, 0, 0, 2, 2}, {1, 1}), InvalidNode);
  EXPECT_THROW(pool({0, 0, 0, 2, 2}, {1}), InvalidNode);
}

// Three boxes of one class, of which the first two overlap by a third.
NodeRun suppress(double iou, const std::vector<double>& scores = {0.9, 0.8, 0.7}, Expected least = kLeftOut,
                 I64 most = 3, const std::vector<double>& score_bounds = {}) {
  const Expected boxes = floats({1, 3, 4}, {0, 0, 2, 2, 2, 3, 0, 1, 8, 8, 9, 9});
  return run_node(
      "NonMaxSuppression", 11,
      {boxes, floats({1, 1, 3}, scores, score_bounds), count(most), scalar(iou), std::move(least)});
}

TEST(NonMaxSuppression, BoxesByAnyTwoCorners) {
  EXPECT_THAT(values(suppress(0.25)[0]), ElementsAre(0, 0, 0, 0, 0, 2));
  EXPECT_EQ(suppress(0.5)[0].type.dims, (Dims{3, 3}));
  EXPECT_THAT(values(suppress(0.5, {0.1, 0.2, 0.3}, scalar(0.15), 1)[0]), ElementsAre(0, 0, 2));
  EXPECT_THAT(values(suppress(0.5, {0.1, 0.2, 0.3}, kLeftOut, 0)[0]), IsEmpty());
}

TEST(NonMaxSuppression, AThresholdThatIsMetKeepsTheBox) {
  const Expected boxes = floats({1, 2, 4}, {0, 0, 2, 2, 0, 0, 1, 2});
  const auto chosen =
      run_node("NonMaxSuppression", 11, {boxes, floats({1, 1, 2}, {0.9, 0.8}), count(2), scalar(0.5)});
  EXPECT_EQ(chosen[0].type.dims, (Dims{2, 3}));
}

TEST(NonMaxSuppression, DecisionsInDoubt) {
  EXPECT_THROW(suppress(0.3, {0.9, 0.8, 0.8}, kLeftOut, 3, {0, 0, 0.1}), Unsupported);
  EXPECT_THROW(suppress(0.3, {0.9, 0.8, 0.7}, scalar(static_cast<double>(0.8f))), Unsupported)
      << "kept or not";
  EXPECT_THAT(values(suppress(0.3, {0.9, 0.9, 0.7})[0]), ElementsAre(0, 0, 0, 0, 0, 2))
      << "the first of equals";
  EXPECT_THROW(suppress(1.5), InvalidNode);
}

}  // namespace
}  // namespace mob::testing
