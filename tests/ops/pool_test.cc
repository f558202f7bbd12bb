// Poolings: ties, windows on padding, the edges of ceil_mode.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::ElementsAre;
using Int64s = std::vector<std::int64_t>;

constexpr double kInf = kInfinity<double>;
const double kNan = std::numeric_limits<double>::quiet_NaN();

Expected line(const std::vector<double>& v, const std::vector<double>& e = {}) {
  return floats({1, 1, static_cast<std::int64_t>(v.size())}, v, e);
}
NodeRun pool(std::string op, const Expected& x, Attributes more, std::size_t outputs = 1, int opset = 22) {
  return run_node(std::move(op), opset, {x}, more, outputs);
}

TEST(MaxPool, DecidesIndicesOnlyWhereOneIsSurelyLargest) {
  const auto r = pool("MaxPool", line({1, 2, 2.1, 5}, {0, 0.2, 0, 0}), {{"kernel_shape", Int64s{2}}}, 2);
  EXPECT_THAT(values(r[0]), ElementsAre(2, static_cast<double>(2.1f), 5));
  EXPECT_NEAR(r[0].bound_at(0), 0.2, 1e-6);
  EXPECT_NEAR(r[0].bound_at(1), 0.1, 1e-6);
  EXPECT_EQ(r[0].bound_at(2), 0);
  EXPECT_EQ(r[1].value_at(0), 1);
  EXPECT_FALSE(r[1].open_at(0));
  EXPECT_TRUE(r[1].open_at(1));
  EXPECT_EQ(r.unspecified, 0u);
}

TEST(MaxPool, LeavesTheIndexOfEqualsAndNaNOpen) {
  const auto tie = pool("MaxPool", line({3, 3}), {{"kernel_shape", Int64s{2}}}, 2);
  EXPECT_FALSE(tie[0].open_at(0));
  EXPECT_TRUE(tie[1].open_at(0));
  EXPECT_EQ(tie.unspecified, 1u);
  EXPECT_TRUE(pool("MaxPool", line({3, kNan}), {{"kernel_shape", Int64s{2}}})[0].open_at(0));
  EXPECT_THAT(values(pool("MaxPool", line({-kInf, kInf}), {{"kernel_shape", Int64s{2}}})[0]),
              ElementsAre(kInf));
}

TEST(MaxPool, OnPaddingAloneIsOpen) {
  const auto r = pool("MaxPool", line({1, 2}), {{"kernel_shape", Int64s{1}}, {"pads", Int64s{1, 0}}});
  EXPECT_TRUE(r[0].open_at(0));
  EXPECT_EQ(r[0].value_at(1), 1);
}

TEST(MaxPool, OfBytesKeepsTheirBounds) {
  const auto x = numbers(DType::kInt8, {1, 1, 3}, {-5, 3, 1}, {0, 1, 0});
  const auto r = pool("MaxPool", x, {{"kernel_shape", Int64s{3}}});
  EXPECT_EQ(r[0].value_at(0), 3);
  EXPECT_EQ(r[0].bound_at(0), 1);
}

TEST(MaxPool, CountsColumnsFirstOnRequest) {
  const auto x = floats({1, 2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const auto r = pool("MaxPool", x, {{"kernel_shape", Int64s{2, 2}}, {"storage_order", std::int64_t{1}}}, 2);
  EXPECT_THAT(values(r[1]), ElementsAre(3, 5, 9, 11));
}

TEST(MaxPool, OfAnEmptyImageHasWindowsOfPadsAlone) {
  const auto r = pool(
      "MaxPool", floats({1, 1, 0, 2}, {}),
      {{"kernel_shape", Int64s{2, 2}}, {"pads", Int64s{1, 0, 1, 0}}, {"storage_order", std::int64_t{1}}}, 2);
  EXPECT_TRUE(r[0].open_at(0));
  EXPECT_TRUE(r[1].open_at(0));
}

TEST(AveragePool, CountsPaddingButNothingBeyond) {
  const auto x = line({1, 2, 3, 4, 5, 6});
  const Attributes a = {{"kernel_shape", Int64s{4}},
                        {"strides", Int64s{3}},
                        {"pads", Int64s{1, 1}},
                        {"ceil_mode", std::int64_t{1}}};
  EXPECT_THAT(values(pool("AveragePool", x, a)[0]), ElementsAre(2, 4.5, 6));
  Attributes b = a;
  b.emplace_back("count_include_pad", std::int64_t{1});
  EXPECT_THAT(values(pool("AveragePool", x, b)[0]), ElementsAre(1.5, 4.5, 3));
}

TEST(AveragePool, HasNoWindowThatStartsInTheRightPadding) {
  const Attributes a = {{"kernel_shape", Int64s{2}},
                        {"strides", Int64s{3}},
                        {"pads", Int64s{0, 1}},
                        {"ceil_mode", std::int64_t{1}}};
  EXPECT_EQ(pool("AveragePool", line({1, 2, 3, 4}), a)[0].type.dims.back(), 2);
  EXPECT_EQ(pool("AveragePool", line({1, 2, 3}), a)[0].type.dims.back(), 1);
}

// Half the range of float16 twice: a sum in float16 overflows, one in float does not.
TEST(AveragePool, ThatMayOverflowOnItsWayIsOpen) {
  const auto x = numbers(DType::kFloat16, {1, 1, 2}, {60000, 60000});
  EXPECT_TRUE(run_node("GlobalAveragePool", 1, {x})[0].open_at(0));
  EXPECT_FALSE(
      run_node("GlobalAveragePool", 1, {numbers(DType::kFloat16, {1, 1, 2}, {30000, 30000})})[0].open_at(0));
}

TEST(GlobalPools, OfNothingAreUnspecified) {
  for (const char* op : {"GlobalAveragePool", "GlobalMaxPool"}) {
    const auto r = run_node(op, 1, {floats({1, 2, 0}, {})});
    EXPECT_TRUE(r[0].open_at(0)) << op;
    EXPECT_EQ(r.unspecified, 2u) << op;
  }
  EXPECT_THROW(run_node("GlobalAveragePool", 1, {floats({2, 3}, {1, 2, 3, 4, 5, 6})}), InvalidNode);
}

TEST(LpPool, IsTheNorm) {
  const auto r = pool("LpPool", line({3, -4, 0}, {0, 0, 0.01}), {{"kernel_shape", Int64s{2}}});
  EXPECT_NEAR(r[0].value_at(0), 5, 1e-12);
  EXPECT_NEAR(r[0].value_at(1), 4, 1e-12);
  EXPECT_LT(r[0].bound_at(1), 1e-4);  // 4 -> sqrt(16 + 0.01^2)
  EXPECT_THROW(run_node("GlobalLpPool", 2, {line({1, 2})}, {{"p", std::int64_t{0}}}), InvalidNode);
}

TEST(Pools, RefuseWhatDoesNotFit) {
  const auto x = line({1, 2, 3});
  EXPECT_THROW(pool("MaxPool", x, {}), InvalidNode);
  EXPECT_THROW(pool("MaxPool", x, {{"kernel_shape", Int64s{4}}}), InvalidNode);
  EXPECT_THROW(pool("AveragePool", x, {{"kernel_shape", Int64s{1, 1}}}), InvalidNode);
  const Attributes both_ways = {{"kernel_shape", Int64s{2}},
                                {"strides", Int64s{2}},
                                {"auto_pad", std::string("VALID")},
                                {"ceil_mode", std::int64_t{1}}};
  EXPECT_THROW(pool("MaxPool", x, both_ways), Unsupported);
}

TEST(MaxUnpool, PutsValuesBack) {
  const Attributes a = {{"kernel_shape", Int64s{2}}, {"strides", Int64s{2}}};
  const auto index = [](const std::vector<double>& v, const std::vector<double>& e = {}) {
    return numbers(DType::kInt64, {1, 1, 2}, v, e);
  };
  const auto x = line({5, 6});
  EXPECT_THAT(values(run_node("MaxUnpool", 11, {x, index({1, 2})}, a)[0]), ElementsAre(0, 5, 6, 0));
  const auto clash = run_node("MaxUnpool", 11, {x, index({1, 1})}, a);
  EXPECT_TRUE(clash[0].open_at(1));
  EXPECT_EQ(clash.unspecified, 1u);
  EXPECT_TRUE(run_node("MaxUnpool", 11, {x, index({1, 2}, {0, 1})}, a)[0].open_at(3));
  EXPECT_THROW(run_node("MaxUnpool", 11, {x, index({1, 4})}, a), InvalidNode);
  EXPECT_THROW(run_node("MaxUnpool", 11, {x, index({-1, 2})}, a), InvalidNode);
}

}  // namespace
}  // namespace mob::testing
