// Conv and ConvTranspose: padding, empty shapes, special values.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using Int64s = std::vector<std::int64_t>;

constexpr double kInf = kInfinity<double>;

Expected line(const std::vector<double>& v, const std::vector<double>& e = {}) {
  return floats({1, 1, static_cast<std::int64_t>(v.size())}, v, e);
}

TEST(Conv, SameUpperAndLowerPutTheOddPadOnTheirSide) {
  const auto x = line({1, 10, 100}), w = line({1, 2});
  EXPECT_THAT(values(run_node("Conv", 11, {x, w}, {{"auto_pad", std::string("SAME_UPPER")}})[0]),
              ElementsAre(21, 210, 100));
  EXPECT_THAT(values(run_node("Conv", 11, {x, w}, {{"auto_pad", std::string("SAME_LOWER")}})[0]),
              ElementsAre(2, 21, 210));
}

TEST(Conv, PaddingAddsNothingToTheBound) {
  const auto r = run_node("Conv", 11, {line({1, 1}, {0.5, 0}), line({1, 1, 1})}, {{"pads", Int64s{2, 2}}});
  EXPECT_THAT(values(r[0]), ElementsAre(1, 2, 2, 1));
  EXPECT_NEAR(r[0].bound_at(0), 0.5, 1e-6);
  EXPECT_NEAR(r[0].bound_at(3), 0, 1e-6);
}

TEST(Conv, AnInfiniteWeightOnPaddingIsOpen) {
  const auto r = run_node("Conv", 11, {line({1, 2}), line({1, kInf})}, {{"pads", Int64s{0, 1}}});
  EXPECT_EQ(r[0].value_at(0), kInf);
  EXPECT_FALSE(r[0].open_at(0));
  EXPECT_TRUE(r[0].open_at(1));
}

TEST(Conv, OfAnEmptyBatchOrNoChannels) {
  EXPECT_EQ(run_node("Conv", 11, {floats({0, 1, 4}, {}), line({1, 2})})[0].type.dims, (Dims{0, 1, 3}));
  const auto r = run_node("Conv", 11, {floats({1, 0, 3}, {}), floats({2, 0, 2}, {}), floats({2}, {5, 6})});
  EXPECT_THAT(values(r[0]), ElementsAre(5, 5, 6, 6));
}

TEST(Conv, GroupsSeeTheirOwnChannelsOnly) {
  const auto x = floats({1, 2, 1, 2}, {1, 2, 10, 20}), w = floats({4, 1, 1, 1}, {1, 2, 3, 4});
  EXPECT_THAT(values(run_node("Conv", 11, {x, w}, {{"group", std::int64_t{2}}})[0]),
              ElementsAre(1, 2, 2, 4, 30, 60, 40, 80));
}

TEST(Conv, RefusesWhatDoesNotFit) {
  const auto x = line({1, 2, 3}), w = line({1, 2});
  EXPECT_THROW(run_node("Conv", 11, {x, w}, {{"pads", Int64s{-1, 0}}}), InvalidNode);
  EXPECT_THROW(run_node("Conv", 11, {x, w}, {{"strides", Int64s{0}}}), InvalidNode);
  EXPECT_THROW(run_node("Conv", 11, {x, w}, {{"kernel_shape", Int64s{3}}}), InvalidNode);
  EXPECT_THROW(run_node("Conv", 11, {x, w}, {{"group", std::int64_t{2}}}), InvalidNode);
  EXPECT_THROW(run_node("Conv", 11, {x, w}, {{"dilations", Int64s{5}}}), InvalidNode);
  EXPECT_THROW(run_node("Conv", 11, {x, w}, {{"auto_pad", std::string("SAME")}}), InvalidNode);
  EXPECT_THROW(run_node("Conv", 11, {x, w, floats({2}, {1, 2})}), InvalidNode);
  EXPECT_THROW(run_node("Conv", 11, {x, w}, {{"pads", Int64s{std::int64_t{1} << 62, 0}}}), InvalidNode);
}

TEST(ConvTranspose, OutputShapeAndPaddingSelectFromTheSameSums) {
  const auto x = line({1, 10, 100}), w = line({1, 2, 3});
  const auto run = [&](Attributes a) {
    a.emplace_back("strides", Int64s{2});
    return values(run_node("ConvTranspose", 11, {x, w}, a)[0]);
  };
  EXPECT_THAT(run({}), ElementsAre(1, 2, 13, 20, 130, 200, 300));
  EXPECT_THAT(run({{"output_padding", Int64s{1}}}), ElementsAre(1, 2, 13, 20, 130, 200, 300, 0));
  EXPECT_THAT(run({{"output_shape", Int64s{6}}}), ElementsAre(2, 13, 20, 130, 200, 300));
  EXPECT_THAT(run({{"output_shape", Int64s{8}}}), ElementsAre(1, 2, 13, 20, 130, 200, 300, 0));
  EXPECT_THAT(run({{"auto_pad", std::string("SAME_UPPER")}}), ElementsAre(1, 2, 13, 20, 130, 200));
  EXPECT_THROW(run({{"output_padding", Int64s{2}}}), InvalidNode);
  EXPECT_THROW(run({{"pads", Int64s{4, 4}}}), InvalidNode);
}

}  // namespace
}  // namespace mob::testing
