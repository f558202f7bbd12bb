// RotaryEmbedding: positions, pairs of channels.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::ElementsAre;
using I64 = std::int64_t;

TEST(RotaryEmbedding, TurnsPairsByTheRowOfThePosition) {
  const auto x = floats({1, 1, 1, 4}, {1, 2, 3, 4});
  const auto cos = floats({2, 2}, {1, 1, 0, 0}), sin = floats({2, 2}, {0, 0, 1, 1});
  const auto position = numbers(DType::kInt64, {1, 1}, {1});
  EXPECT_THAT(values(run_node("RotaryEmbedding", 23, {x, cos, sin, position})[0]), ElementsAre(-3, -4, 1, 2));
  EXPECT_THAT(values(run_node("RotaryEmbedding", 23, {x, cos, sin, position}, {{"interleaved", I64{1}}})[0]),
              ElementsAre(-2, 1, -4, 3));
}

TEST(RotaryEmbedding, LeavesTheRestOfAHeadAlone) {
  const auto x = floats({1, 1, 6}, {1, 2, 3, 4, 5, 6}), one = floats({1, 1, 1}, {1});
  const auto r = run_node("RotaryEmbedding", 23, {x, one, one},
                          {{"num_heads", I64{2}}, {"rotary_embedding_dim", I64{2}}});
  EXPECT_THAT(values(r[0]), ElementsAre(-1, 3, 3, -1, 9, 6));
  EXPECT_EQ(r[0].bound_at(2), 0);
  EXPECT_GT(r[0].bound_at(1), 0);
}

TEST(RotaryEmbedding, RefusesWhatDoesNotFit) {
  const auto x = floats({1, 1, 1, 2}, {1, 2}), cache = floats({1, 1}, {1});
  const auto at = [](double p) { return numbers(DType::kInt64, {1, 1}, {p}); };
  EXPECT_THROW(run_node("RotaryEmbedding", 23, {x, cache, cache, at(1)}), InvalidNode);
  EXPECT_THROW(run_node("RotaryEmbedding", 23, {x, cache, cache}), InvalidNode);
  EXPECT_THROW(run_node("RotaryEmbedding", 23,
                        {floats({1, 1, 2}, {1, 2}), floats({1, 1, 1}, {1}), floats({1, 1, 1}, {1})}),
               InvalidNode);
}

}  // namespace
}  // namespace mob::testing
