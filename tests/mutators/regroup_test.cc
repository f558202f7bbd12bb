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

TEST(MoveScale, GoesWhereverAProductTakesIt) {
  const Case behind = case_of(
      "g (float[2,3] q, float[4,3] k) => (float[2,4] y) <float s = {0.3}> "
      "{ t = Transpose<perm = [1, 0]>(k)  p = MatMul(q, t)  y = Mul(p, s) }");
  EXPECT_TRUE(becomes(behind, "move-scale", {"Transpose", "MatMul", "Div"}));
  EXPECT_TRUE(becomes(behind, "move-scale", {"Transpose", "Mul", "MatMul"}));
  EXPECT_TRUE(becomes(behind, "move-scale", {"Transpose", "Div", "MatMul"}));
  EXPECT_TRUE(becomes(behind, "move-scale", {"Mul", "Transpose", "MatMul"}));
  const Case inside = case_of(
      "g (float[2,3] q, float[4,3] k) => (float[2,4] y) <float s = {3}> "
      "{ d = Div(k, s)  t = Transpose<perm = [1, 0]>(d)  y = MatMul(q, t) }");
  EXPECT_TRUE(becomes(inside, "move-scale", {"Transpose", "MatMul", "Mul"}));
  EXPECT_TRUE(becomes(inside, "move-scale", {"Transpose", "Div", "MatMul"}));
}

TEST(MoveScale, GoesIntoConstants) {
  // Of a query that is projected, into the weight and the bias.
  const Case c = case_of(
      "g (float[2,3] x, float[3,4] k) => (float[2,4] y) <float[3,3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}, "
      "float[3] b = {1, 0, -1}, float s = {0.5}> "
      "{ m = MatMul(x, w)  q = Add(m, b)  p = MatMul(q, k)  y = Mul(p, s) }");
  const auto all = derivations(c, "move-scale", kAll);
  EXPECT_TRUE(any(all, [](const Case& m) { return steps(m) == Words{"MatMul", "Add", "MatMul"}; }));
}

TEST(MoveScale, TakesNoFactorFromOutsideAndNoVector) {
  for (const char* graph :
       {"g (float[2,3] a, float[3,4] b, float s) => (float[2,4] y) { p = MatMul(a, b)  y = Mul(p, s) }",
        "g (float[2,3] a, float[3,4] b) => (float[2,4] y) <float[4] s = {1, 2, 3, 4}> "
        "{ p = MatMul(a, b)  y = Mul(p, s) }",
        "g (float[2,3] a, float[2,3] b) => (float[2,3] y) <float s = {2}> { p = Add(a, b)  y = Mul(p, s) }"})
    EXPECT_TRUE(derivations(case_of(graph), "move-scale", kAll).empty()) << graph;
}

// Two rows of three scores under a mask of bools.
Case masked(const std::string& body, const std::vector<std::int64_t>& mask) {
  Case c = case_of(
      "g (float[2,3] x, bool[2,3] m) => (float[2,3] y) <float low = {-1e4}, float zero = {0}, "
      "float one = {1}> { " +
      body + "  y = Softmax<axis = -1>(a) }");
  c.inputs["m"] = Tensor::of_ints(DType::kBool, {2, 3}, mask);
  return c;
}

TEST(MoveMask, SumsBecomeChoicesAndBack) {
  const std::vector<std::int64_t> mask = {1, 0, 1, 0, 0, 1};
  const Case added = masked("z = Where(m, zero, low)  a = Add(x, z)", mask);
  EXPECT_TRUE(becomes(added, "move-mask", {"Where", "Softmax"}));
  const Case chosen = masked("a = Where(m, x, low)", mask);
  EXPECT_TRUE(becomes(chosen, "move-mask", {"Where", "Add", "Softmax"}));
  EXPECT_TRUE(becomes(chosen, "move-mask", {"Cast", "Sub", "Mul", "Add", "Softmax"}));
  EXPECT_TRUE(becomes(masked("a = Where(m, low, x)", mask), "move-mask", {"Not", "Where", "Add", "Softmax"}));
  const Case product = masked("f = Cast<to = 1>(m)  d = Sub(one, f)  n = Mul(low, d)  a = Add(n, x)", mask);
  EXPECT_TRUE(becomes(product, "move-mask", {"Where", "Softmax"}));
}

TEST(MoveMask, ReadsConstantNumbers) {
  const Case c = case_of(
      "g (float[2,3] x) => (float[2,3] y) <float[3] m = {0, -1e9, 0}> { a = Add(x, m)  y = Softmax(a) }");
  EXPECT_TRUE(becomes(c, "move-mask", {"Where", "Softmax"}));
  EXPECT_TRUE(becomes(c, "move-mask", {"Add", "Softmax"}));
}

TEST(MoveMask, StaysWhereMaskedScoresHaveWeight) {
  const std::vector<std::int64_t> none_in_a_row = {1, 0, 1, 0, 0, 0};
  EXPECT_TRUE(derivations(masked("a = Where(m, x, low)", none_in_a_row), "move-mask", kAll).empty());
  const Case mild = case_of(
      "g (float[2,3] x) => (float[2,3] y) <float[3] m = {0, -9, 0}> { a = Add(x, m)  y = Softmax(a) }");
  EXPECT_TRUE(derivations(mild, "move-mask", kAll).empty());
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
