// Images read between their pixels: borders, mirrors, and places in doubt.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using I64 = std::int64_t;

Attributes grid_mode(const char* mode, const char* padding, I64 align_corners) {
  return {
      {"mode", std::string(mode)}, {"padding_mode", std::string(padding)}, {"align_corners", align_corners}};
}

// One row of pixels, read at the given places; opset 20 takes images of one axis.
NodeRun read_row(const std::vector<double>& row, const std::vector<double>& places, const Attributes& how,
                 const std::vector<double>& bounds = {}) {
  const auto n = static_cast<I64>(row.size()), out = static_cast<I64>(places.size());
  return run_node("GridSample", 20, {floats({1, 1, n}, row), floats({1, out, 1}, places, bounds)}, how);
}

TEST(GridSample, CornersAreCentersOrEdges) {
  EXPECT_THAT(values(read_row({1, 2, 3}, {-1, 0, 1}, grid_mode("linear", "zeros", 1))[0]),
              ElementsAre(1, 2, 3));
  EXPECT_THAT(values(read_row({1, 2, 3}, {-1, 0, 1}, grid_mode("linear", "zeros", 0))[0]),
              ElementsAre(0.5, 2, 1.5));
}

TEST(GridSample, PaddingOutside) {
  // Two pixels by edges: -2 and 2 lie at -1.5 and 2.5.
  const auto at = [](const char* mode, const char* padding) {
    return values(read_row({1, 5}, {-2, 2}, grid_mode(mode, padding, 0))[0]);
  };
  EXPECT_THAT(at("linear", "zeros"), ElementsAre(0, 0));
  EXPECT_THAT(at("linear", "border"), ElementsAre(1, 5));
  EXPECT_THAT(at("linear", "reflection"), ElementsAre(3, 3));
  // By centers they lie at -0.5 and 1.5.
  EXPECT_THAT(values(read_row({1, 5}, {-2, 2}, grid_mode("linear", "reflection", 1))[0]), ElementsAre(3, 3));
}

TEST(GridSample, NearestOfAHalfIsEven) {
  const NodeRun r = read_row({1, 2, 3}, {-0.5, 0.5}, grid_mode("nearest", "zeros", 1));
  EXPECT_THAT(values(r[0]), ElementsAre(1, 3));
  EXPECT_THAT(bounds(r[0]), Each(0));
  const NodeRun near = read_row({1, 2, 3}, {-0.5}, grid_mode("nearest", "zeros", 1), {1e-6});
  EXPECT_THAT(bounds(near[0]), ElementsAre(1));
}

TEST(GridSample, AnUncertainPlaceIsWorthTheSlope) {
  const NodeRun r = read_row({0, 8, 0}, {-0.75}, grid_mode("linear", "zeros", 1), {0.01});
  EXPECT_THAT(values(r[0]), ElementsAre(2));
  EXPECT_GE(r[0].bound_at(0), 0.08);
  EXPECT_LT(r[0].bound_at(0), 0.1);
}

TEST(GridSample, ACubicBorderIsInDisputeOutside) {
  const NodeRun r = read_row({0, 0, 0, 8}, {1.25, 0.5}, grid_mode("cubic", "border", 1));
  EXPECT_GT(r[0].bound_at(0), 0.5) << "the border's value, or what the pixels around the place give";
  EXPECT_LT(r[0].bound_at(1), 1e-3);
}

TEST(GridSample, NoPlaceAndNoMirror) {
  const NodeRun r = read_row({1, 2}, {std::nan(""), kInfinity<double>, 0}, grid_mode("linear", "zeros", 0));
  EXPECT_EQ(r.unspecified, 2u);
  EXPECT_TRUE(r[0].open_at(0));
  EXPECT_FALSE(r[0].open_at(2));
  EXPECT_EQ(read_row({1}, {2}, grid_mode("linear", "reflection", 1)).unspecified, 1u);
}

TEST(GridSample, Wrong) {
  const Expected x = floats({1, 1, 2, 2}, {1, 2, 3, 4});
  const Expected grid = floats({1, 1, 1, 2}, {0, 0});
  EXPECT_THAT(values(run_node("GridSample", 16, {x, grid})[0]), ElementsAre(2.5));
  EXPECT_THROW(run_node("GridSample", 16, {x, grid}, {{"mode", std::string("linear")}}), InvalidNode);
  EXPECT_THROW(run_node("GridSample", 20, {x, grid}, {{"mode", std::string("bilinear")}}), InvalidNode);
  EXPECT_THROW(run_node("GridSample", 20, {x, floats({1, 1, 1, 3}, {0, 0, 0})}), InvalidNode);
  EXPECT_THROW(run_node("GridSample", 20, {x, floats({2, 1, 1, 2}, {0, 0, 0, 0})}), InvalidNode);
}

TEST(AffineGrid, PositionsByEdgesOrCenters) {
  const Expected identity = floats({1, 2, 3}, {1, 0, 0, 0, 1, 0.5});
  const auto size = axes_input({1, 1, 2, 2});
  EXPECT_THAT(values(run_node("AffineGrid", 20, {identity, size})[0]),
              ElementsAre(-0.5, 0, 0.5, 0, -0.5, 1, 0.5, 1));
  EXPECT_THAT(values(run_node("AffineGrid", 20, {identity, size}, {{"align_corners", I64{1}}})[0]),
              ElementsAre(-1, -0.5, 1, -0.5, -1, 1.5, 1, 1.5));
}

TEST(AffineGrid, OnePositionBetweenTwoCornersIsOpen) {
  const Expected theta = floats({1, 2, 3}, {1, 0, 0, 0, 1, 0});
  const auto one = axes_input({1, 1, 1, 2});
  EXPECT_EQ(run_node("AffineGrid", 20, {theta, one}, {{"align_corners", I64{1}}}).unspecified, 4u);
  EXPECT_EQ(run_node("AffineGrid", 20, {theta, one}).unspecified, 0u);
  EXPECT_THROW(run_node("AffineGrid", 20, {theta, axes_input({2, 1, 1, 2})}), InvalidNode);
  EXPECT_THROW(run_node("AffineGrid", 20, {theta, axes_input({1, 1, 1, 1, 2})}), InvalidNode);
}

// A kernel of one element over [1, 1, 2, 2]; offsets down and right of each of the four places.
NodeRun deform(const std::vector<double>& down, const std::vector<double>& right, const Expected& mask = {},
               const std::vector<double>& bounds = {}) {
  std::vector<double> offsets = down;
  offsets.insert(offsets.end(), right.begin(), right.end());
  const Expected bias = floats({1}, {100});
  return run_node("DeformConv", 19,
                  {floats({1, 1, 2, 2}, {1, 2, 3, 4}), floats({1, 1, 1, 1}, {2}),
                   floats({1, 2, 2, 2}, offsets, bounds), bias, mask});
}

TEST(DeformConv, ReadsBetweenPixels) {
  EXPECT_THAT(values(deform({0, 0, 0, 0}, {0.5, 0, 0, 1})[0]), ElementsAre(103, 104, 106, 100));
  EXPECT_THAT(values(deform({0, 0.5, 0.5, 0}, {0, 0, 0, 0.5})[0]), ElementsAre(102, 106, 103, 104))
      << "beyond the last pixel the image fades to zero";
  const Expected mask = floats({1, 1, 2, 2}, {0.5, 0, 1, 1});
  EXPECT_THAT(values(deform({0, 0, 0, 0}, {0, 0, 0, 0}, mask)[0]), ElementsAre(101, 100, 106, 108));
}

TEST(DeformConv, AnUnknownOffsetReadsAnything) {
  const NodeRun r = deform({0, 0, 0, 0}, {0, 0, 0, 0}, {}, {5, 1e-3});
  EXPECT_TRUE(r[0].open_at(0));
  EXPECT_GE(r[0].bound_at(1), 4e-3);
  EXPECT_LT(r[0].bound_at(1), 0.02);
  EXPECT_THROW(run_node("DeformConv", 19,
                        {floats({1, 1, 2, 2}, {1, 2, 3, 4}), floats({1, 1, 1, 1}, {2}),
                         floats({1, 1, 2, 2}, {0, 0, 0, 0})}),
               InvalidNode);
}

}  // namespace
}  // namespace mob::testing
