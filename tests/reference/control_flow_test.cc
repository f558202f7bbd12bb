// If, Loop and Scan, and what nested graphs read from around them.
#include <gmock/gmock.h>

#include "fuzzer/graph/model_io.h"
#include "fuzzer/reference/reference.h"

namespace mob {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Reference run(std::string_view graph, std::map<std::string, Tensor> inputs, bool keep_values = false) {
  Case c;
  c.model = parse_text("<ir_version: 10, opset_import: [\"\" : 21]> " + std::string(graph));
  c.inputs = std::move(inputs);
  return evaluate(c, {.arithmetic = {}, .keep_values = keep_values});
}

std::vector<double> values(const Expected& x) {
  std::vector<double> v;
  for (std::size_t i = 0; i < x.count(); ++i) v.push_back(x.value_at(i));
  return v;
}

Tensor bool_tensor(bool v) {
  return Tensor::of_ints(DType::kBool, {}, {v});
}

constexpr std::string_view kBranches = R"(
g (bool c, float[2] x) => (float[2] y) {
  z = Neg(x)
  y = If (c) <
    then_branch = t () => (float[2] a) { a = Add(x, z) },
    else_branch = e () => (float[2] b) { b = Sub(x, z) }>
})";

TEST(ControlFlow, IfRunsOneBranchWhichReadsWhatIsAroundIt) {
  const Tensor x = Tensor::of(DType::kFloat, {2}, {1, 2});
  const Reference yes = run(kBranches, {{"c", bool_tensor(true)}, {"x", x}});
  const Reference no = run(kBranches, {{"c", bool_tensor(false)}, {"x", x}});
  EXPECT_THAT(values(yes.outputs.at(0)), ElementsAre(0, 0));
  EXPECT_THAT(values(no.outputs.at(0)), ElementsAre(2, 4));
}

TEST(ControlFlow, WhatANestedGraphReadsIsNeeded) {
  const Model m = parse_text("<ir_version: 10, opset_import: [\"\" : 21]> " + std::string(kBranches));
  const Graph& g = m.graph;
  EXPECT_EQ(g.use_counts()[static_cast<std::size_t>(g.find("z"))], 1);
  EXPECT_THAT(g.captures(g.nodes[1]), ElementsAre(g.find("x"), g.find("z")));
}

TEST(ControlFlow, AnUndecidedConditionHasNoAnswer) {
  const Reference r = run(R"(
g (float[1] x) => (float[1] y) {
  third = Constant <value = float[1] {0.33333334}> ()
  s = Mul(x, third)
  one = Constant <value = float[1] {1}> ()
  c = Less(s, one)
  y = If (c) <then_branch = t () => (float[1] a) { a = Neg(x) },
              else_branch = e () => (float[1] b) { b = Abs(x) }>
})",
                          {{"x", Tensor::of(DType::kFloat, {1}, {3})}});
  EXPECT_THAT(r.unavailable, HasSubstr("undecided"));
}

// 1, 2, 4: carried; the number of the iteration and what it began with: stacked.
TEST(ControlFlow, LoopCarriesAndStacks) {
  const Reference r =
      run(R"(
g (int64 n, float x) => (float y, int64[k] i, float[k] s) {
  y, i, s = Loop (n, , x) <body = b (int64 it, bool go, float v) => (bool on, float w, int64 j, float old) {
    on = Identity(go)  w = Add(v, v)  j = Identity(it)  old = Identity(v) }>
})",
          {{"n", Tensor::of_ints(DType::kInt64, {}, {3})}, {"x", Tensor::scalar(DType::kFloat, 1)}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_THAT(values(r.outputs.at(0)), ElementsAre(8));
  EXPECT_THAT(values(r.outputs.at(1)), ElementsAre(0, 1, 2));
  EXPECT_THAT(values(r.outputs.at(2)), ElementsAre(1, 2, 4));
}

TEST(ControlFlow, LoopEndsWhenItsConditionDoes) {
  const Reference r = run(R"(
g (float x) => (float y) {
  yes = Constant <value = bool {1}> ()
  y = Loop ( , yes, x) <body = b (int64 it, bool go, float v) => (bool on, float w) {
    ten = Constant <value = float {10}> ()  w = Add(v, v)  on = Less(w, ten) }>
})",
                          {{"x", Tensor::scalar(DType::kFloat, 1)}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_THAT(values(r.outputs.at(0)), ElementsAre(16));
}

TEST(ControlFlow, NoIterationStacksNothingOfTheDeclaredShape) {
  constexpr std::string_view graph = R"(
g (int64 n, float[2] x) => (float[k,2] s) {
  s = Loop (n, ) <body = b (int64 it, bool go) => (bool on, float[2] o) {
    on = Identity(go)  o = Neg(x) }>
})";
  const Reference r = run(
      graph, {{"n", Tensor::of_ints(DType::kInt64, {}, {0})}, {"x", Tensor::of(DType::kFloat, {2}, {1, 2})}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_EQ(r.outputs.at(0).type, (ArrayType{DType::kFloat, {0, 2}}));
}

// Columns from the last to the first; running sums, put into rows from the last to the first.
TEST(ControlFlow, ScanTakesAxesAndDirections) {
  const Reference r = run(R"(
g (float[2] s, float[2,3] x) => (float[2] t, float[3,2] y) {
  t, y = Scan (s, x) <num_scan_inputs = 1, scan_input_axes = [1], scan_input_directions = [1],
                      scan_output_directions = [1],
                      body = b (float[2] a, float[2] c) => (float[2] d, float[2] e) {
    d = Add(a, c)  e = Identity(d) }>
})",
                          {{"s", Tensor::of(DType::kFloat, {2}, {0, 0})},
                           {"x", Tensor::of(DType::kFloat, {2, 3}, {1, 2, 3, 10, 20, 30})}});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_THAT(values(r.outputs.at(0)), ElementsAre(6, 60));
  EXPECT_THAT(values(r.outputs.at(1)), ElementsAre(6, 60, 5, 50, 3, 30));
}

TEST(ControlFlow, ALoopWithoutEndIsGivenUp) {
  const Reference r = run(R"(
g (float x) => (float y) {
  y = Loop ( , , x) <body = b (int64 it, bool go, float v) => (bool on, float w) {
    on = Identity(go)  w = Neg(v) }>
})",
                          {{"x", Tensor::scalar(DType::kFloat, 1)}});
  EXPECT_THAT(r.unavailable, HasSubstr("too many iterations"));
}

TEST(OptimizedModel, WhatCannotBeEvaluatedLeavesOtherOutputsAlone) {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 16, "com.microsoft" : 1]>
g (float[1,4] x, float[4] w) => (float[1,4] a, float[1,4] b) {
  a = com.microsoft.NobodyKnows(x)
  b = LayerNormalization(x, w)
})");
  c.inputs = {{"x", Tensor::of(DType::kFloat, {1, 4}, {1, 2, 3, 4})},
              {"w", Tensor::of(DType::kFloat, {4}, {1, 1, 1, 1})}};
  EXPECT_FALSE(evaluate(c).available());
  const Reference r = evaluate(c, {.arithmetic = {}, .optimized = true});
  ASSERT_TRUE(r.available()) << r.unavailable;
  EXPECT_EQ(r.outputs.at(0).type.dtype, DType::kUndefined);
  EXPECT_EQ(r.outputs.at(1).type, (ArrayType{DType::kFloat, {1, 4}}));
}

}  // namespace
}  // namespace mob
