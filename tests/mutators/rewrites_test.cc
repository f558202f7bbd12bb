// What rewriting mutators make of small models, and where they keep their hands off.
#include <gmock/gmock.h>

#include "fuzzer/reference/reference.h"
#include "tests/mutators/examples.h"

namespace mob {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using Words = std::vector<std::string>;
using Ints = std::vector<std::int64_t>;

TEST(WrapInTransposes, PutsAPairOnAnEdge) {
  const Case c = case_of("g (float[2,3] x) => (float[2,3] y) { h = Relu(x)  y = Neg(h) }");
  const auto list = derivations(c, "wrap-in-transposes", {{"form", "pair"}, {"places", "all"}});
  ASSERT_FALSE(list.empty());
  for (const Case& m : list)
    EXPECT_THAT(steps(m), ElementsAre("Transpose", "Transpose", "Relu", "Transpose", "Transpose", "Neg",
                                      "Transpose", "Transpose"));
}

TEST(WrapInTransposes, MovesTheAxesOfAReduction) {
  const Case c =
      case_of("g (float[2,3,4] x) => (float[2,3,1] y) { y = ReduceMax<axes = [2], keepdims = 1>(x) }");
  const auto list = derivations(c, "wrap-in-transposes", {{"form", "around"}, {"places", "all"}});
  ASSERT_FALSE(list.empty());
  for (const Case& m : list) {
    EXPECT_THAT(operators(m), ElementsAre("Transpose", "ReduceMax", "Transpose"));
    const Ints perm = m.model.graph.nodes[0].ints_or("perm", {});
    const auto at = the(m, "ReduceMax").ints_or("axes", {}).at(0);
    EXPECT_EQ(perm[static_cast<std::size_t>(at)], 2);
  }
}

TEST(WrapInTransposes, LiftsAnOperandOfLowerRank) {
  const Case c = case_of("g (float[2,3] x, float[3] b) => (float[2,3] y) { y = Add(x, b) }");
  const auto list = derivations(c, "wrap-in-transposes", {{"form", "around"}, {"places", "all"}});
  ASSERT_FALSE(list.empty());
  for (const Case& m : list)
    EXPECT_THAT(steps(m),
                testing::UnorderedElementsAre("Transpose", "Unsqueeze", "Transpose", "Add", "Transpose"));
}

TEST(WrapInTransposes, LeavesVectorsAndOldSoftmaxAlone) {
  const Case vector = case_of("g (float[3] x) => (float[3] y) { y = Relu(x) }");
  EXPECT_TRUE(derivations(vector, "wrap-in-transposes", {}).empty());
  // Up to opset 12 it flattens from its axis on.
  const Case old = case_of("g (float[2,3,4] x) => (float[2,3,4] y) { y = Softmax(x) }", 12);
  EXPECT_TRUE(derivations(old, "wrap-in-transposes", {{"form", "around"}}).empty());
}

TEST(WrapInReshapes, GoesToAnotherFactorisationAndBack) {
  const Case c = case_of("g (float[2,6] x) => (float[2,6] y) { y = Relu(x) }");
  const auto list = derivations(c, "wrap-in-reshapes", {{"form", "around"}, {"places", "all"}});
  EXPECT_TRUE(any(list, [](const Case& m) { return steps(m) == Words{"Reshape", "Relu", "Reshape"}; }));
}

TEST(WrapInReshapes, OfOpenSizesKnowsOnlyTheRank) {
  const Case c = case_of("g (float[n,6] x) => (float[n,6] y) { y = Relu(x) }");
  for (const char* form : {"pair", "around"})
    for (const Case& m : derivations(c, "wrap-in-reshapes", {{"form", form}, {"places", "all"}}))
      EXPECT_THAT(steps(m), AnyOf(ElementsAre("Unsqueeze", "Relu", "Squeeze"),
                                  testing::IsSupersetOf(Words{"Unsqueeze", "Squeeze"}),
                                  testing::IsSupersetOf(Words{"Shape", "Reshape"})));
}

TEST(InsertIdentity, KeepsMinusZero) {
  Case c = case_of("g (float[2] x) => (float[2] y) { r = Identity(x)  y = Reciprocal(r) }");
  c.inputs["x"] = Tensor::of(DType::kFloat, {2}, {-0.0, 0.0});
  for (const char* kind :
       {"add-zero", "sub-zero", "mul-one", "div-one", "neg-neg", "cast-wider", "max-self"}) {
    const auto list = derivations(c, "insert-identity", {{"kind", kind}, {"places", "all"}});
    ASSERT_FALSE(list.empty()) << kind;
    for (const Case& m : list) EXPECT_LT(evaluate(m).outputs[0].value_at(0), 0) << to_text(m.model);
  }
}

TEST(InsertIdentity, OfOpenSizesBakesNoneIn) {
  const Case c = case_of("g (float[n,6] x) => (float[n,6] y) { y = Relu(x) }");
  EXPECT_TRUE(derivations(c, "insert-identity", {{"kind", "gather"}}).empty());
  for (const char* kind : {"reshape", "expand", "slice", "tile", "pad"})
    for (Case m : derivations(c, "insert-identity", {{"kind", kind}, {"places", "all"}})) {
      m.inputs["x"] = Tensor::of(DType::kFloat, {1, 6}, {1, 2, 3, 4, 5, 6});
      EXPECT_EQ(evaluate(m).outputs.at(0).type.dims, (Dims{1, 6})) << to_text(m.model);
    }
}

TEST(InsertIdentity, FollowsTheOpset) {
  const std::string graph = "g (float[2,3] x) => (float[2,3] y) { y = Relu(x) }";
  const auto inputs = [&](int opset, const char* kind, const char* op) {
    const auto list = derivations(case_of(graph, opset), "insert-identity", {{"kind", kind}});
    return list.empty() ? 0 : the(list.front(), op).inputs.size();
  };
  EXPECT_EQ(inputs(9, "slice", "Slice"), 1u);
  EXPECT_EQ(inputs(10, "slice", "Slice"), 4u);
  EXPECT_EQ(inputs(10, "pad", "Pad"), 1u);
  EXPECT_EQ(inputs(11, "pad", "Pad"), 2u);
  EXPECT_EQ(inputs(12, "reduce-nothing", "ReduceSum"), 0u);  // came with opset 13
}

TEST(Commute, TurnsOperatorsAround) {
  const auto becomes = [](const char* graph, const Words& wanted) {
    return any(derivations(case_of(graph), "commute", {}), [&](const Case& m) { return steps(m) == wanted; });
  };
  EXPECT_TRUE(becomes("g (float[3] a, float[3] b) => (float[3] y) { y = Sub(a, b) }", {"Neg", "Add"}));
  EXPECT_TRUE(becomes("g (float[3] a, float[3] b) => (bool[3] y) { y = Less(a, b) }", {"Greater"}));
  EXPECT_TRUE(becomes("g (bool[3] c, float[3] a, float[3] b) => (float[3] y) { y = Where(c, a, b) }",
                      {"Not", "Where"}));
  // There is no Neg of unsigned numbers.
  EXPECT_FALSE(becomes("g (uint8[3] a, uint8[3] b) => (uint8[3] y) { y = Sub(a, b) }", {"Neg", "Add"}));
}

TEST(MoveConstants, LeavesGraphInputsToTheCaller) {
  const Case c =
      case_of("g (float[2] x, float[2] w) => (float[2] y) <float[2] w = {1, 2}> { y = Mul(x, w) }");
  EXPECT_TRUE(derivations(c, "move-constants", {}).empty());
}

TEST(MoveConstants, GivesAnInputToEveryBinding) {
  Case c = case_of("g (float[n] x) => (float[n] y) <float w = {2}> { y = Mul(x, w) }");
  c.bindings = {{{"x", Tensor::of(DType::kFloat, {1}, {5})}}};
  const auto list = derivations(c, "move-constants", {{"to", "input"}});
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].model.graph.inputs.size(), 2u);
  EXPECT_EQ(list[0].bindings[0].size(), 2u);
  EXPECT_EQ(evaluate(list[0]).bindings.at(0).outputs.at(0).value_at(0), 10);
}

TEST(KeepApart, LeavesNothingToFoldOrFuse) {
  const Case c =
      case_of("g (float[2] x) => (float[2] y) <float[2] w = {1, 2}> { p = Mul(x, w)  y = Relu(p) }");
  const auto list = derivations(c, "keep-apart", {{"what", "all"}});
  ASSERT_EQ(list.size(), 1u);
  const Graph& g = list[0].model.graph;
  EXPECT_THAT(operators(list[0]), ElementsAre("Mul", "Relu"));
  EXPECT_EQ(g.inputs.size(), 2u);
  EXPECT_TRUE(g.initializers.empty());
  ASSERT_EQ(g.outputs.size(), 2u);
  EXPECT_EQ(g[g.outputs[0]].name, "y");
  EXPECT_EQ(g[g.outputs[1]].name, "p");
}

TEST(CopyNodes, CopiesForEachReaderAndMerges) {
  const Case c = case_of("g (float[2] x) => (float[2] y) { r = Relu(x)  n = Neg(r)  y = Add(r, n) }");
  const auto copies = derivations(c, "copy-nodes", {{"form", "each"}, {"places", "all"}});
  ASSERT_FALSE(copies.empty());
  EXPECT_EQ(steps(copies[0]).size(), 4u);
  const auto merged = derivations(copies[0], "copy-nodes", {{"form", "merge"}, {"places", "all"}});
  ASSERT_FALSE(merged.empty());
  EXPECT_EQ(steps(merged[0]).size(), 3u);
}

TEST(CopyNodes, LeavesRandomNumbersAlone) {
  const Case c =
      case_of("g () => (float[2] y) { r = RandomNormal<shape = [2]>()  n = Neg(r)  y = Add(r, n) }");
  EXPECT_TRUE(derivations(c, "copy-nodes", {{"form", "each"}}).empty());
}

TEST(ShuffleNames, KeepsTheInterface) {
  const Case c =
      case_of("g (float[2] x) => (float[2] y, float[2] z) { r = Relu(x)  y = Neg(r)  z = Abs(r) }");
  const auto list = derivations(c, "shuffle-names", {});
  EXPECT_TRUE(any(list, [](const Case& m) { return m.model.graph.find("r") == kNoValue; }));
  EXPECT_TRUE(any(list, [](const Case& m) { return operators(m) == Words{"Relu", "Abs", "Neg"}; }));
  for (const Case& m : list)
    for (const char* name : {"x", "y", "z"}) EXPECT_NE(m.model.graph.find(name), kNoValue);
}

TEST(Symbolize, OpensSizesAndClosesThem) {
  const Case c = case_of("g (float[2,3] x, float[2,3] b) => (float[2,3] y) { y = Add(x, b) }");
  const auto open =
      derivations(c, "symbolize", {{"sizes", "symbols"}, {"values", "keep"}, {"places", "all"}});
  ASSERT_EQ(open.size(), 1u);
  const Graph& g = open[0].model.graph;
  for (std::size_t d : {0u, 1u})
    EXPECT_EQ((*g[g.inputs[0]].type->shape)[d].symbol, (*g[g.inputs[1]].type->shape)[d].symbol);
  const auto closed = derivations(open[0], "symbolize", {{"sizes", "static"}, {"values", "keep"}});
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(show(*closed[0].model.graph[closed[0].model.graph.inputs[0]].type), "float[2,3]");
}

}  // namespace
}  // namespace mob
