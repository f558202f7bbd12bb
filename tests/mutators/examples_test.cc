// Mutators and settle on small models given as text.
#include <gmock/gmock.h>

#include "fuzzer/reference/reference.h"
#include "mutators/sizes.h"
#include "tests/mutators/examples.h"

namespace mob {
namespace {

using testing::ElementsAre;

const std::string kSubtract = "g (float[2,3] x, float[2,3] y) => (float[2,3] z) { z = Sub(x, y) }";

TEST(SwapOperands, SubtractsTheOtherWay) {
  const Case c = case_of(kSubtract);
  const auto list = mutants(c, "swap-operands");
  ASSERT_FALSE(list.empty());
  for (const Case& m : list) {
    const Node& n = m.model.graph.nodes[0];
    EXPECT_EQ(m.model.graph[n.inputs[0]].name, "y");
    EXPECT_EQ(m.model.graph[n.inputs[1]].name, "x");
  }
}

TEST(UseSameTensorTwice, DropsTheInputThatNothingReads) {
  const auto list = mutants(case_of(kSubtract), "use-same-tensor-twice");
  ASSERT_FALSE(list.empty());
  for (const Case& m : list) {
    EXPECT_EQ(m.model.graph.inputs.size(), 1u);
    EXPECT_EQ(m.inputs.size(), 1u);
    EXPECT_EQ(evaluate(m).outputs[0].value_at(0), 0);
  }
}

TEST(ChangeShape, ReachesEmptySquareAndOne) {
  const auto list = mutants(case_of(kSubtract), "change-shape", 200);
  const auto dims = [](const Case& m) { return m.inputs.at("x").dims(); };
  EXPECT_TRUE(any(list, [&](const Case& m) { return dims(m) == Dims{0, 3}; }));
  EXPECT_TRUE(any(list, [&](const Case& m) { return dims(m) == Dims{2, 1}; }));
  EXPECT_TRUE(any(list, [&](const Case& m) { return dims(m)[0] == dims(m)[1]; }));
}

TEST(ChangeType, MovesAllThatHangsTogether) {
  const auto list = mutants(case_of(kSubtract), "change-type", 100);
  EXPECT_TRUE(any(list, [&](const Case& m) {
    return m.inputs.at("x").dtype() == DType::kDouble && m.inputs.at("y").dtype() == DType::kDouble &&
           m.model.graph[m.model.graph.outputs[0]].type->dtype == DType::kDouble;
  }));
  EXPECT_TRUE(any(list, [&](const Case& m) {
    return operators(m) == std::vector<std::string>{"Cast", "Cast", "Sub", "Cast"};
  }));
}

TEST(ChangeOpset, TurnsAnAttributeIntoAnInputAndBack) {
  const Case old =
      case_of("g (float[2,3] x) => (float[2,1] y) { y = ReduceSum<axes = [1], keepdims = 1>(x) }", 11);
  const auto newer = mutants(old, "change-opset", 100);
  const auto has_input = [](const Case& m) {
    const Node& n = m.model.graph.nodes.back();
    return m.model.opset() >= 13 && !n.has("axes") && n.inputs.size() == 2;
  };
  EXPECT_TRUE(any(newer, has_input));
  const auto at = std::find_if(newer.begin(), newer.end(), has_input);
  ASSERT_NE(at, newer.end());
  EXPECT_TRUE(any(mutants(*at, "change-opset", 100), [](const Case& m) {
    const Node& n = m.model.graph.nodes.back();
    return m.model.opset() < 13 && n.has("axes") && n.inputs.size() == 1;
  }));
}

TEST(ChangeAxis, CountsFromTheOtherEndToo) {
  const Case c = case_of("g (float[2,3,4] x) => (float[2,3,4] y) { y = Softmax<axis = 2>(x) }");
  const auto list = mutants(c, "change-axis", 100);
  const auto with = [&](std::int64_t axis) {
    return any(list, [&](const Case& m) { return m.model.graph.nodes[0].int_or("axis", 99) == axis; });
  };
  for (std::int64_t axis : {-3, -2, -1, 0, 1}) EXPECT_TRUE(with(axis)) << axis;
}

TEST(ChangeConstness, ReachesEveryKind) {
  const Case c = case_of("g (float[2] x) => (float[2] y) <float[2] w = {1, 2}> { y = Mul(x, w) }");
  const auto list = mutants(c, "change-constness", 100);
  const auto second = [](const Case& m) {
    for (const Node& n : m.model.graph.nodes)
      if (n.op_type == "Mul") return n.inputs[1];
    return kNoValue;
  };
  EXPECT_TRUE(any(list, [&](const Case& m) {
    return m.model.graph.is_input(second(m)) && !m.model.graph[second(m)].initializer;
  }));
  EXPECT_TRUE(any(list, [&](const Case& m) {
    return m.model.graph.is_input(second(m)) && m.model.graph[second(m)].initializer;
  }));
  EXPECT_TRUE(any(list, [&](const Case& m) {
    return operators(m) == std::vector<std::string>{"Constant", "Mul"};
  }));
  EXPECT_TRUE(any(list, [&](const Case& m) {
    return operators(m) == std::vector<std::string>{"Identity", "Mul"};
  }));
}

TEST(Rewire, ReachesSlotsThatMeanAnotherThing) {
  // The output of Relu as the largest value of Clip.
  const Case c =
      case_of("g (float x, float b) => (float y) <float low = {0}> { r = Relu(x)  y = Clip(r, low, b) }");
  EXPECT_TRUE(any(mutants(c, "rewire", 200), [](const Case& m) {
    const Graph& g = m.model.graph;
    for (const Node& n : g.nodes)
      if (n.op_type == "Clip" && g[n.inputs[2]].name == "r") return true;
    return false;
  }));
}

TEST(Enlarged, MakesOneSizeAsLargeAsTheLargestValueAllows) {
  const Case c = case_of("g (float[6,4] x, float[4,3] w) => (float[6,3] y) { y = MatMul(x, w) }");
  bool rows = false, columns = false;
  for (std::uint64_t i = 0; i < 20; ++i) {
    Rng rng(5, i);
    const auto large = mutators::enlarged(c, rng);
    ASSERT_TRUE(large);
    EXPECT_EQ(check_model(large->model), "");
    const Dims &x = large->inputs.at("x").dims(), &w = large->inputs.at("w").dims();
    const std::int64_t largest = std::max({element_count(x), element_count(w), x[0] * w[1]});
    EXPECT_GE(largest, 1 << 18);
    EXPECT_LE(largest, 1 << 19);
    EXPECT_EQ(w[0], x[1]);
    rows = rows || x[0] > 6;
    columns = columns || x[1] > 4;
  }
  EXPECT_TRUE(rows && columns);
}

TEST(SymbolicDims, OutputsKeepTheirRankOnly) {
  const Case c = case_of(kSubtract);
  const auto list = mutants(c, "symbolic-dims");
  ASSERT_FALSE(list.empty());
  for (const Case& m : list) {
    const Graph& g = m.model.graph;
    ASSERT_EQ(g[g.outputs[0]].type->shape->size(), 2u);
    for (const Dim& d : *g[g.outputs[0]].type->shape) EXPECT_LT(d.value, 0);
    EXPECT_EQ(check_model(m.model), "");
  }
}

TEST(DropOptionalInput, TakesTheBiasOfAGemm) {
  const Case c =
      case_of("g (float[2,3] x, float[3,4] w, float[4] b) => (float[2,4] y) { y = Gemm(x, w, b) }");
  const auto list = mutants(c, "drop-optional-input");
  ASSERT_FALSE(list.empty());
  EXPECT_EQ(list[0].model.graph.nodes[0].inputs.size(), 2u);
  EXPECT_FALSE(mutants(list[0], "add-optional-input").empty());
}

TEST(AddOptionalOutput, AsksForTheIndicesOfAPool) {
  const Case c = case_of("g (float[1,1,4] x) => (float[1,1,3] y) { y = MaxPool<kernel_shape = [2]>(x) }");
  EXPECT_TRUE(any(mutants(c, "add-optional-output"),
                  [](const Case& m) { return m.model.graph.outputs.size() == 2; }));
}

TEST(Settle, PutsNodesInOrderAndSetsTypes) {
  Case c = case_of("g (float[2,3] x) => (float[2,3] z) { y = Relu(x)  z = Neg(y) }");
  std::swap(c.model.graph.nodes[0], c.model.graph.nodes[1]);
  c.inputs["x"] = Tensor::of(DType::kDouble, {4}, {1, 2, 3, 4});
  ASSERT_TRUE(settle(c));
  EXPECT_THAT(operators(c), ElementsAre("Relu", "Neg"));
  EXPECT_EQ(show(*c.model.graph[c.model.graph.outputs[0]].type), "double[4]");
  EXPECT_EQ(check_model(c.model), "");
}

TEST(Settle, RefusesWhatIsNotValid) {
  const auto refused = [](const std::string& graph, int opset = 17) {
    Case c = case_of(graph, opset);
    return !settle(c);
  };
  // Shapes, an attribute of another form, a type, a cycle.
  EXPECT_TRUE(refused("g (float[2] x, float[3] y) => (float[2] z) { z = Add(x, y) }"));
  EXPECT_TRUE(refused("g (float[2,3] x) => (float[2] z) { z = ReduceSum<axes = [1]>(x) }", 13));
  EXPECT_TRUE(refused("g (bool[2] x) => (bool[2] z) { z = Relu(x) }"));
  EXPECT_FALSE(refused("g (float[2] x) => (float[2] z) { z = Relu(x) }"));
}

TEST(Settle, ConsultsTheSupportTable) {
  Case c = case_of(kSubtract);
  Support support;
  EXPECT_FALSE(settle(c, &support));
  support.types[{"Sub", 14}] = DType::kFloat;
  EXPECT_TRUE(settle(c, &support));
  const DType f = DType::kFloat;
  support.refused[Support::signature("Sub", 14, std::vector{f, f}, std::vector{f})] = std::uint64_t{1} << 17;
  EXPECT_FALSE(settle(c, &support));
}

// Cases that we do not work on are left alone.
TEST(Mutators, LeaveOddCasesAlone) {
  const std::vector<Case> odd = {
      case_of("g (string[2] x) => (string[2] y) { y = Identity(x) }"),
      case_of("g (float[2] x) => (float[2] y) { y = NoSuchOperator(x) }"),
      case_of("g (bool b, float[2] x) => (float[2] y) { y = If(b) <then_branch = t () => (float[2] a) { a = "
              "Neg(x) }, "
              "else_branch = e () => (float[2] a) { a = Abs(x) }> }"),
      Case{},
  };
  for (const Case& c : odd) {
    for (const Mutator* m : all_mutators())
      for (std::uint64_t i = 0; i < 5; ++i) {
        Rng rng(1, i);
        Choices choices(rng);
        Case copy = c;
        EXPECT_FALSE(m->apply(copy, choices)) << m->name;
      }
    Rng rng(1, 9);
    EXPECT_FALSE(mutated(c, rng, 0.5));
    EXPECT_FALSE(spliced(c, case_of(kSubtract), rng));
    Case copy = c;
    EXPECT_FALSE(settle(copy));
  }
}

}  // namespace
}  // namespace mob
