// Attention: masks, caches, heads.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using I64 = std::int64_t;

constexpr double kInf = kInfinity<double>;
const Expected none;  // an optional input that is left out

auto near(const std::vector<double>& v) {
  return ::testing::Pointwise(::testing::DoubleNear(1e-9), v);
}

// Queries of zeros weigh all keys that they see alike, so that Y is the mean of their values.
NodeRun mean_of_seen(std::int64_t queries, const std::vector<double>& v, std::vector<Expected> more,
                     const Attributes& attributes = {}, int opset = 24) {
  const auto keys = static_cast<std::int64_t>(v.size());
  std::vector<Expected> inputs = {floats({1, 1, queries, 1}, std::vector<double>(std::size_t(queries))),
                                  floats({1, 1, keys, 1}, std::vector<double>(v.size(), 1)),
                                  floats({1, 1, keys, 1}, v)};
  inputs.insert(inputs.end(), more.begin(), more.end());
  return run_node("Attention", opset, inputs, attributes);
}

TEST(Attention, SeesWhatTheMasksLeave) {
  EXPECT_NEAR(mean_of_seen(1, {1, 2, 6}, {})[0].value_at(0), 3, 1e-12);
  EXPECT_THAT(values(mean_of_seen(3, {1, 3, 8}, {}, {{"is_causal", I64{1}}})[0]), near({1, 2, 4}));
  const auto mask = numbers(DType::kBool, {2, 3}, {1, 0, 1, 0, 1, 0});
  EXPECT_THAT(values(mean_of_seen(2, {1, 3, 8}, {mask})[0]), near({4.5, 3}));
  EXPECT_THAT(values(mean_of_seen(2, {1, 3, 8}, {floats({2, 3}, {0, -kInf, 0, -kInf, 0, -kInf})})[0]),
              near({4.5, 3}));
}

TEST(Attention, AlignsTheCausalMaskWithTheLastKey) {
  const auto two = exact(Tensor::ints({2})), four = exact(Tensor::ints({4}));
  const Attributes causal = {{"is_causal", I64{1}}};
  EXPECT_THAT(values(mean_of_seen(2, {1, 3, 8, 9}, {none, none, none, two}, causal)[0]), near({1, 2}));
  EXPECT_THAT(values(mean_of_seen(1, {1, 2, 4, 5}, {none, none, none, four}, causal)[0]), near({3}));
  const auto past = floats({1, 1, 1, 1}, {5});
  EXPECT_THAT(values(mean_of_seen(2, {1, 3}, {none, past, past}, causal)[0]), near({3, 3}));
  EXPECT_THAT(values(mean_of_seen(3, {1, 3, 8}, {},
                                  {{"left_window_size", I64{0}}, {"right_window_size", I64{1}}}, 25)[0]),
              near({2, 5.5, 8}));
}

TEST(Attention, OfAQueryWithoutKeysIsZeroWhereItIsAgreedUpon) {
  const auto nothing = numbers(DType::kBool, {1, 2}, {0, 0});
  const auto r = mean_of_seen(1, {1, 2}, {nothing});
  EXPECT_EQ(r[0].value_at(0), 0);
  EXPECT_FALSE(r[0].open_at(0));
  const Expected x = numbers(DType::kDouble, {1, 1, 1, 1}, {1});
  EXPECT_TRUE(run_node("Attention", 23, {x, x, x, numbers(DType::kBool, {1, 1}, {0})})[0].open_at(0));
}

TEST(Attention, SharesHeadsOfKeysInGroups) {
  // Two heads of Q per head of K and V, side by side in the last dimension.
  const auto r =
      run_node("Attention", 23,
               {floats({1, 1, 4}, {0, 0, 0, 0}), floats({1, 1, 2}, {1, 1}), floats({1, 1, 4}, {1, 2, 3, 4})},
               {{"q_num_heads", I64{4}}, {"kv_num_heads", I64{2}}});
  EXPECT_THAT(values(r[0]), ElementsAre(1, 2, 1, 2, 3, 4, 3, 4));
  EXPECT_EQ(r[0].type.dims, (Dims{1, 1, 8}));
}

TEST(Attention, ShowsTheScoresInFourStages) {
  const auto scores = [](std::int64_t mode) {
    return run_node("Attention", 23,
                    {floats({1, 1, 1, 1}, {2}), floats({1, 1, 1, 1}, {3}), floats({1, 1, 1, 1}, {1}),
                     floats({1, 1}, {10})},
                    {{"scale", 0.5f}, {"softcap", 1.0f}, {"qk_matmul_output_mode", mode}}, 4)[3]
        .value_at(0);
  };
  EXPECT_NEAR(scores(0), 3, 1e-12);
  EXPECT_NEAR(scores(1), std::tanh(3), 1e-12);
  EXPECT_NEAR(scores(2), 10 + std::tanh(3), 1e-12);
  EXPECT_NEAR(scores(3), 1, 1e-12);
}

TEST(Attention, KeepsTheCacheInFront) {
  const auto past = floats({1, 1, 1, 1}, {5}), fresh = floats({1, 1, 2, 1}, {6, 7});
  const auto r = run_node("Attention", 23, {fresh, fresh, fresh, none, past, past}, {}, 3);
  EXPECT_THAT(values(r[1]), ElementsAre(5, 6, 7));
  EXPECT_THAT(bounds(r[2]), Each(0));
}

TEST(Attention, IsOpenWhereAMaskIsInDoubt) {
  const auto r = mean_of_seen(2, {1, 2}, {numbers(DType::kBool, {2, 2}, {1, 1, 1, 0}, {0, 0, 0, 1})});
  EXPECT_FALSE(r[0].open_at(0));
  EXPECT_TRUE(r[0].open_at(1));
}

TEST(Attention, RefusesWhatDoesNotFit) {
  EXPECT_THROW(mean_of_seen(1, {1, 2}, {floats({1, 3}, {0, 0, 0})}), InvalidNode);
  EXPECT_THROW(mean_of_seen(1, {1, 2}, {none, floats({1, 1, 1, 1}, {0})}), InvalidNode);
  EXPECT_THROW(mean_of_seen(1, {1, 2, 3}, {floats({1, 2}, {0, 0})}, {}, 23), InvalidNode);
  EXPECT_THROW(mean_of_seen(1, {1, 2}, {none, none, none, exact(Tensor::ints({3}))}), InvalidNode);
  EXPECT_THROW(mean_of_seen(1, {1, 2}, {floats({1, 1}, {0})}), Unsupported);
}

}  // namespace
}  // namespace mob::testing
