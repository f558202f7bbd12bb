// RoiAlign, MaxRoiPool: regions that end between pixels.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::ElementsAre;
using I64 = std::int64_t;

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

}  // namespace
}  // namespace mob::testing
