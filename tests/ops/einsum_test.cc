// Einsum: the forms of an equation, and what is none.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

NodeRun einsum(const std::string& equation, const std::vector<Expected>& x) {
  return run_node("Einsum", 12, x, {{"equation", equation}});
}
const Expected square = floats({2, 2}, {1, 2, 3, 4});

TEST(Einsum, ReadsImplicitAndExplicitOutputs) {
  EXPECT_THAT(values(einsum("ba", {square})[0]), ElementsAre(1, 3, 2, 4));  // sorted: ab
  EXPECT_THAT(values(einsum("aB", {square})[0]), ElementsAre(1, 3, 2, 4));  // capitals first
  EXPECT_THAT(values(einsum("ii", {square})[0]), ElementsAre(5));           // the trace
  EXPECT_THAT(values(einsum("ii->i", {square})[0]), ElementsAre(1, 4));     // the diagonal
  EXPECT_THAT(values(einsum(" i j -> j ", {square})[0]), ElementsAre(4, 6));
  EXPECT_THAT(values(einsum("ij,jk", {square, square})[0]), ElementsAre(7, 10, 15, 22));
  EXPECT_THAT(values(einsum("i,j,k->kji", {floats({1}, {2}), floats({2}, {3, 4}), floats({1}, {5})})[0]),
              ElementsAre(30, 40));
}

TEST(Einsum, BroadcastsTheEllipsis) {
  const auto x = floats({2, 1, 2}, {1, 2, 3, 4}), y = floats({1, 2, 2}, {1, 1, 2, 2});
  const auto r = einsum("...i,...i", {x, y});
  EXPECT_EQ(r[0].type.dims, (Dims{2, 2}));
  EXPECT_THAT(values(r[0]), ElementsAre(3, 6, 7, 14));
  EXPECT_THAT(values(einsum("i...->...i", {square})[0]), ElementsAre(1, 3, 2, 4));
}

TEST(Einsum, ThatOnlyMovesIsExact) {
  EXPECT_THAT(bounds(einsum("ij->ji", {square})[0]), Each(0));
  EXPECT_GT(einsum("ij->j", {square})[0].bound_at(0), 0);
}

TEST(Einsum, OfNothing) {
  EXPECT_THAT(values(einsum("ij->j", {floats({0, 2}, {})})[0]), ElementsAre(0, 0));
  EXPECT_EQ(einsum("ij->ji", {floats({0, 2}, {})})[0].type.dims, (Dims{2, 0}));
  EXPECT_THAT(values(einsum("->", {floats({}, {3})})[0]), ElementsAre(3));
}

TEST(Einsum, OfIntegersWrapsAndOpens) {
  const auto x = numbers(DType::kInt8, {2}, {100, 100});
  EXPECT_THAT(values(einsum("i->", {x})[0]), ElementsAre(-56));
  EXPECT_TRUE(einsum("i->", {numbers(DType::kInt8, {2}, {1, 2}, {0, 1})})[0].open_at(0));
}

TEST(Einsum, RefusesWhatIsNoEquation) {
  for (const char* equation :
       {"i", "ij,jk", "ij->k", "ij->ii", "i1", "ij.", "i..j", "......", "ij->i->j", ""})
    EXPECT_THROW(einsum(equation, {square}), InvalidNode) << equation;
  EXPECT_THROW(einsum("i,i", {floats({2}, {1, 2}), floats({3}, {1, 2, 3})}), InvalidNode);
  EXPECT_THROW(einsum("i,i", {floats({2}, {1, 2}), floats({1}, {1})}), Unsupported);
}

}  // namespace
}  // namespace mob::testing
