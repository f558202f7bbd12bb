// Losses: classes that are ignored, weights, and means of nothing.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::ElementsAre;
using I64 = std::int64_t;

NodeRun likelihood(const std::vector<I64>& labels, const Attributes& attributes, bool weighted) {
  std::vector<Expected> inputs = {floats({3, 2}, {-1, -2, -3, -4, -5, -6}), axes_input(labels)};
  if (weighted) inputs.push_back(floats({2}, {1, 3}));
  return run_node("NegativeLogLikelihoodLoss", 13, inputs, attributes);
}

TEST(NegativeLogLikelihoodLoss, ReducesByAppliedWeights) {
  const Attributes none = {{"reduction", std::string("none")}}, sum = {{"reduction", std::string("sum")}};
  EXPECT_THAT(values(likelihood({0, 1, 0}, none, true)[0]), ElementsAre(1, 12, 5));
  EXPECT_THAT(values(likelihood({0, 1, 0}, sum, true)[0]), ElementsAre(18));
  EXPECT_THAT(values(likelihood({0, 1, 0}, {}, true)[0]), ElementsAre(18.0 / 5));
  EXPECT_THAT(values(likelihood({0, -1, 0}, {{"ignore_index", I64{-1}}}, false)[0]), ElementsAre(3));
}

TEST(NegativeLogLikelihoodLoss, TheMeanOfNothingIsOpen) {
  EXPECT_EQ(likelihood({7, 7, 7}, {{"ignore_index", I64{7}}}, true).unspecified, 1u);
  EXPECT_THROW(likelihood({0, 2, 0}, {}, false), InvalidNode);
  EXPECT_THROW(likelihood({0, -1, 0}, {}, false), InvalidNode);
  EXPECT_THROW(likelihood({0, 0}, {}, false), InvalidNode);
}

TEST(SoftmaxCrossEntropyLoss, GivesTheLogarithmsToo) {
  const double log2 = std::log(2.0);
  const auto r =
      run_node("SoftmaxCrossEntropyLoss", 13, {floats({2, 2}, {1, 1, 3, 3}), axes_input({0, 1})}, {}, 2);
  EXPECT_NEAR(r[0].value_at(0), log2, 1e-12);
  EXPECT_NEAR(r[1].value_at(3), -log2, 1e-12);
  EXPECT_GT(r[0].bound_at(0), 1e-8);
  EXPECT_LT(r[0].bound_at(0), 1e-5);
}

TEST(SoftmaxCrossEntropyLoss, ASoftmaxNearOneLosesDigits) {
  // log(1 - 2e-9) by way of a float32 that holds 1.
  const auto r = run_node("SoftmaxCrossEntropyLoss", 13, {floats({1, 2}, {20, 0}), axes_input({0})});
  EXPECT_NEAR(r[0].value_at(0), 2e-9, 1e-10);
  EXPECT_GE(r[0].bound_at(0), 2e-9);
}

}  // namespace
}  // namespace mob::testing
