// A model in another opset: what is mended, and what is left alone.
#include <gmock/gmock.h>

#include "tests/mutators/examples.h"

namespace mob {
namespace {

using testing::ElementsAre;

// The mutants of one opset in another.
std::vector<Case> converted_to(const std::string& graph, int from, int to) {
  return derivations(case_of(graph, from), "convert-opset", {{"opset", std::to_string(to)}}, 3);
}

TEST(ConvertOpset, MovesAxesBetweenAttributeAndInput) {
  const auto up = converted_to(
      "g (float[2,3] x) => (float[2,1] y) { y = ReduceSum<axes = [-1], keepdims = 1>(x) }", 11, 13);
  ASSERT_FALSE(up.empty());
  EXPECT_EQ(the(up[0], "ReduceSum").inputs.size(), 2u);
  const auto down = converted_to(
      "g (float[2,3] x) => (float[2,1] y) <int64[1] a = {-1}> { y = ReduceSum<keepdims = 1>(x, a) }", 13, 9);
  ASSERT_FALSE(down.empty());
  EXPECT_THAT(the(down[0], "ReduceSum").ints_or("axes", {}), ElementsAre(1));
}

TEST(ConvertOpset, FlattensForAnOldSoftmax) {
  const std::string graph = "g (float[2,3,4] x) => (float[2,3,4] y) { y = Softmax<axis = 1>(x) }";
  const auto up = converted_to(graph, 12, 13);
  ASSERT_FALSE(up.empty());
  EXPECT_THAT(steps(up[0]), ElementsAre("Flatten", "Softmax", "Reshape"));
  EXPECT_TRUE(converted_to(graph, 13, 12).empty());  // along the middle axis: no old form does that
}

TEST(ConvertOpset, WritesDownWhatWasMeantWithoutWords) {
  // Up to opset 10, Clip without limits brought infinities to the largest numbers.
  const auto clip = converted_to("g (float[2] x) => (float[2] y) { y = Clip<max = 3.0>(x) }", 10, 11);
  ASSERT_FALSE(clip.empty());
  EXPECT_EQ(the(clip[0], "Clip").inputs.size(), 3u);
  const auto split =
      converted_to("g (float[5] x) => (float[3] y, float[2] z) { y, z = Split<num_outputs = 2>(x) }", 18, 12);
  ASSERT_FALSE(split.empty());
  EXPECT_THAT(the(split[0], "Split").ints_or("split", {}), ElementsAre(3, 2));
}

// Up to opset 9 it had the type of the data.
TEST(ConvertOpset, DropsAMaskThatNobodyReads) {
  const auto up = converted_to("g (float[3] x) => (float[3] y) { y, mask = Dropout(x) }", 8, 17);
  ASSERT_FALSE(up.empty());
  EXPECT_EQ(the(up[0], "Dropout").outputs.size(), 1u);
  EXPECT_TRUE(
      converted_to("g (float[3] x) => (float[3] y, float[3] mask) { y, mask = Dropout(x) }", 8, 17).empty());
}

TEST(ConvertOpset, LeavesAloneWhatMeansSomethingElse) {
  EXPECT_TRUE(converted_to("g (float[1,1,2,2] x) => (float[1,1,4,4] y) <float[4] s = {1, 1, 2, 2}> { y = "
                           "Resize(x, s) }",
                           10, 11)
                  .empty());
  EXPECT_TRUE(
      converted_to("g (float[3] x) => (float[1] y) <int64[1] i = {-1}> { y = Gather(x, i) }", 11, 9).empty());
  EXPECT_TRUE(
      converted_to("g (float[3] x, int64[1] k) => (float[k] v, int64[k] i) { v, i = TopK(x, k) }", 11, 9)
          .empty());
}

}  // namespace
}  // namespace mob
