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

}  // namespace
}  // namespace mob
