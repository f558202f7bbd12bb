// Rewrites that round in other places, or run on parts: examples and refusals.
#include <gtest/gtest.h>

#include <limits>

#include "tests/mutators/examples.h"

namespace mob {
namespace {

using Words = std::vector<std::string>;

const Settings kAll = {{"places", "all"}};

bool becomes(const Case& c, std::string_view mutator, const Words& wanted) {
  return any(derivations(c, mutator, kAll), [&](const Case& m) { return steps(m) == wanted; });
}

TEST(Distribute, TakesProductsOverSumsApart) {
  EXPECT_TRUE(becomes(
      case_of("g (float[3] a, float[3] b, float[3] c) => (float[3] y) { s = Add(a, b)  y = Mul(s, c) }"),
      "distribute", {"Mul", "Mul", "Add"}));
  EXPECT_TRUE(
      becomes(case_of("g (float[2,3] a, float[2,3] b, float[3,4] w) => (float[2,4] y) { s = Sub(a, b)  y = "
                      "MatMul(s, w) }"),
              "distribute", {"MatMul", "MatMul", "Sub"}));
  EXPECT_TRUE(becomes(case_of("g (float[3] a, float[3] b, float[3] c) => (float[3] y) { p = Mul(a, c)  q = "
                              "Mul(c, b)  y = Add(p, q) }"),
                      "distribute", {"Add", "Mul"}));
}

TEST(Distribute, LeavesStretchedTermsOfMatricesAlone) {
  // Of a row and a matrix, the product with the row has fewer rows than the sum's.
  const Case c = case_of(
      "g (float[2,3] a, float[3] b, float[3,4] w) => (float[2,4] y) { s = Add(a, b)  y = MatMul(s, w) }");
  EXPECT_TRUE(derivations(c, "distribute", kAll).empty());
}

TEST(Reassociate, GroupsAnew) {
  EXPECT_TRUE(becomes(
      case_of("g (float[2,3] a, float[3,4] b, float[4,2] c) => (float[2,2] y) { p = MatMul(a, b)  y = "
              "MatMul(p, c) }"),
      "reassociate", {"MatMul", "MatMul"}));
  EXPECT_TRUE(
      becomes(case_of("g (float[2,3] a, float[3,4] w) => (float[2,4] y) <float s = {3}> { p = Mul(a, s)  y = "
                      "MatMul(p, w) }"),
              "reassociate", {"MatMul", "Mul"}));
  EXPECT_TRUE(becomes(case_of("g (float[3] x) => (float[3] y) <float k = {3}> { y = Div(x, k) }"),
                      "reassociate", {"Mul"}));
}

TEST(Reassociate, KeepsAwayFromOverflow) {
  Case c = case_of("g (float[1] a, float[1] b, float[1] c) => (float[1] y) { s = Add(a, b)  y = Add(s, c) }");
  EXPECT_FALSE(derivations(c, "reassociate", kAll).empty());
  const double most = std::numeric_limits<float>::max();
  c.inputs = {{"a", Tensor::of(DType::kFloat, {1}, {-most})},
              {"b", Tensor::of(DType::kFloat, {1}, {most})},
              {"c", Tensor::of(DType::kFloat, {1}, {most})}};
  EXPECT_TRUE(derivations(c, "reassociate", kAll).empty());  // b + c would be infinite
}

TEST(Reassociate, TakesNoReciprocalThatACallerCanChange) {
  EXPECT_TRUE(
      derivations(case_of("g (float[3] x, float k) => (float[3] y) { y = Div(x, k) }"), "reassociate", kAll)
          .empty());
}

TEST(SplitBatch, HandsThePartsOn) {
  const Case c =
      case_of("g (float[2,3] x, float[3,4] w) => (float[2,4] y) { r = Relu(x)  y = MatMul(r, w) }");
  EXPECT_TRUE(becomes(c, "split-batch", {"Split", "Relu", "Relu", "MatMul", "MatMul", "Concat"}));
}

TEST(SplitBatch, LeavesAloneWhatMixesRows) {
  for (const char* graph : {"g (float[2,3] x) => (float[2,3] y) { y = Softmax<axis = 0>(x) }",
                            "g (float[2,3] x) => (float[1,3] y) { y = ReduceMax<axes = [-2]>(x) }",
                            "g (float[2,3] x) => (float[3,2] y) { y = Transpose<perm = [1, 0]>(x) }",
                            "g (float[2,3] x, float[2,4] z) => (float[3,4] y) { y = Gemm<transA = 1>(x, z) }",
                            "g (float[1,3] x) => (float[1,3] y) { y = Relu(x) }",
                            "g (float[n,3] x) => (float[n,3] y) { y = Relu(x) }"})
    EXPECT_TRUE(derivations(case_of(graph), "split-batch", kAll).empty()) << graph;
}

}  // namespace
}  // namespace mob
