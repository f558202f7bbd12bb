// Activations: kinks, jumps, NaN, and the function bodies that ONNX publishes for them.
#include <gmock/gmock.h>

#include "fuzzer/base/rng.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/reference/reference.h"
#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Le;

constexpr double kInf = kInfinity<double>;
const double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Relu, OnlySelects) {
  const auto r = run_node("Relu", 14, {floats({5}, {-1, 2, 0.1, -0.1, kInf}, {0.5, 0, 0.3, 0.3, 0})});
  EXPECT_THAT(values(r[0]), ElementsAre(0, 2, 0.1f, 0, kInf));
  EXPECT_EQ(r[0].bound_at(0), 0);  // surely below zero
  EXPECT_EQ(r[0].bound_at(1), 0);  // nothing is rounded
  EXPECT_NEAR(r[0].bound_at(2), 0.3, 1e-6);
  EXPECT_NEAR(r[0].bound_at(3), 0.2, 1e-6);
}

TEST(Relu, OfNaNIsUnspecified) {
  for (const char* op : {"Relu", "HardSigmoid", "Celu"}) {
    const auto r = run_node(op, 14, {floats({1}, {kNan})});
    EXPECT_TRUE(r[0].open_at(0)) << op;
    EXPECT_EQ(r.unspecified, 1u) << op;
  }
}

TEST(LeakyRelu, WithANegativeSlopeTurnsAtZero) {
  const auto r = run_node("LeakyRelu", 16, {floats({2}, {0.1, 3}, {0.2, 0})}, {{"alpha", -1.0f}});
  EXPECT_NEAR(r[0].bound_at(0), 0.2, 1e-6);  // between 0 and 0.3
  EXPECT_EQ(r[0].bound_at(1), 0);
}

TEST(ThresholdedRelu, JumpsAtAlpha) {
  const auto r = run_node("ThresholdedRelu", 10, {floats({4}, {1, 1.5, 1.01, kNan}, {0, 0, 0.1, 0})});
  EXPECT_THAT(values(r[0]), ElementsAre(0, 1.5, static_cast<double>(1.01f), 0));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0, Le(1.02), 0));
}

// 1.2 is no float16: a kernel that casts alpha compares with 1.2002 instead.
TEST(ThresholdedRelu, SeesAlphaInTheTensorsTypeOrInFloat) {
  const auto x = numbers(DType::kFloat16, {2}, {1.2, 1.3});
  const auto r = run_node("ThresholdedRelu", 22, {x}, {{"alpha", 1.2f}});
  EXPECT_GT(r[0].bound_at(0), 1);
  EXPECT_EQ(r[0].bound_at(1), 0);
}

TEST(HardSigmoid, IsExactWhereItSaturates) {
  const auto r = run_node("HardSigmoid", 6, {floats({4}, {-9, 9, 0, -kInf})});
  EXPECT_THAT(values(r[0]), ElementsAre(0, 1, 0.5, 0));
  EXPECT_THAT(bounds(r[0]), ElementsAre(0, 0, ::testing::Gt(0), 0));
}

TEST(Shrink, CoversBothSidesOfItsJumps) {
  const auto r =
      run_node("Shrink", 9, {floats({4}, {-2, 0.2, 0.5, 0.52}, {0, 0, 0, 0.1})}, {{"bias", 0.25f}});
  EXPECT_THAT(values(r[0]), ElementsAre(-1.75, 0, 0, ::testing::DoubleNear(0.27, 1e-6)));
  EXPECT_THAT(bounds(r[0]), ElementsAre(Le(1e-6), 0, 0, Le(0.28)));
}

TEST(Shrink, OfIntegersNeedsWholeNumbers) {
  const auto x = numbers(DType::kInt8, {3}, {-4, 1, 5});
  EXPECT_THAT(values(run_node("Shrink", 9, {x}, {{"lambd", 2.0f}, {"bias", 1.0f}})[0]),
              ElementsAre(-3, 0, 4));
  EXPECT_EQ(run_node("Shrink", 9, {x}, {{"lambd", 0.5f}, {"bias", 1.0f}}).unspecified, 0u);
  EXPECT_GT(run_node("Shrink", 9, {x}, {{"lambd", 1.5f}, {"bias", 0.5f}}).unspecified, 0u);
}

TEST(Celu, NeedsAPositiveAlpha) {
  EXPECT_EQ(run_node("Celu", 12, {floats({2}, {-1, 1})}, {{"alpha", 0.0f}}).unspecified, 2u);
}

TEST(PRelu, BroadcastsOneWayOnly) {
  const auto x = floats({2, 2}, {-1, 2, -3, 4});
  EXPECT_THAT(values(run_node("PRelu", 16, {x, floats({1}, {0.5})})[0]), ElementsAre(-0.5, 2, -1.5, 4));
  EXPECT_THROW(run_node("PRelu", 16, {x, floats({2, 2, 2}, {1, 1, 1, 1, 1, 1, 1, 1})}), InvalidNode);
  const auto kink = run_node("PRelu", 16, {floats({1}, {0.1}, {0.2}), floats({1}, {0.5})});
  EXPECT_GE(kink[0].bound_at(0), 0.2);
}

TEST(Softplus, IsOpenWhereThePlainFormulaOverflows) {
  const auto r = run_node("Softplus", 1, {floats({3}, {50, 100, -100})});
  EXPECT_THAT(bounds(r[0]), ElementsAre(Le(1e-4), kInf, Le(1e-6)));
}

TEST(Activations, FallAtTheirTurningPoints) {
  // Around the minimum the value hardly moves, but the ends of the interval rise.
  const std::pair<const char*, double> minima[] = {
      {"HardSwish", -1.5}, {"Gelu", -0.7517916}, {"Mish", -1.1924312}, {"Swish", -1.2784645}};
  for (const auto& [op, at] : minima) {
    const auto r = run_node(op, 24, {floats({1}, {at + 0.1}, {0.2})});
    const auto low = run_node(op, 24, {floats({1}, {at})});
    EXPECT_GE(r[0].value_at(0) - r[0].bound_at(0), low[0].value_at(0) - 0.05) << op;
    EXPECT_LE(r[0].value_at(0) - r[0].bound_at(0), low[0].value_at(0)) << op;
  }
}

TEST(Activations, RefuseWrongAttributes) {
  EXPECT_THROW(run_node("Gelu", 20, {floats({1}, {1})}, {{"approximate", std::string("cubic")}}),
               InvalidNode);
  EXPECT_THROW(run_node("Elu", 6, {floats({1}, {1})}, {{"alpha", std::string("1")}}), UserError);
}

// A runtime may put the published function body in the place of the operator.
struct Form {
  std::string op;
  Attributes attributes = {};
};
TEST(FunctionBodies, LieWithinTheBoundOfTheOperator) {
  const Form forms[] = {{"Relu"},
                        {"LeakyRelu", {{"alpha", -0.3f}}},
                        {"Elu", {{"alpha", 0.7f}}},
                        {"Selu"},
                        {"Celu", {{"alpha", 1.7f}}},
                        {"HardSigmoid"},
                        {"HardSwish"},
                        {"Softplus"},
                        {"Softsign"},
                        {"ThresholdedRelu", {{"alpha", 0.5f}}},
                        {"Shrink", {{"bias", 0.3f}}},
                        {"Mish"},
                        {"Swish", {{"alpha", 1.3f}}},
                        {"Gelu"},
                        {"Gelu", {{"approximate", std::string("tanh")}}}};
  Rng rng(11, 0);
  for (const Form& form : forms)
    for (const DType t : {DType::kFloat, DType::kDouble, DType::kFloat16}) {
      if (form.op == "Celu" && t != DType::kFloat) continue;
      std::vector<double> x(300);
      for (double& v : x) v = rng.uniform(-6, 6);
      const Tensor given = Tensor::of(t, {300}, x);
      const auto direct = run_node(form.op, kNewestOpset, {exact(given)}, form.attributes);

      Node node;
      node.op_type = form.op;
      for (const auto& [name, value] : form.attributes) node.set(name, value);
      node.inputs = {0};
      node.outputs = {1};
      Case c;
      c.model.opsets[""] = kNewestOpset;
      const auto body = function_body(c.model, node, {given.type()});
      ASSERT_TRUE(body) << form.op;
      c.model.graph = body->graph;
      c.model.opsets = body->opsets;
      c.inputs[body->graph[body->graph.inputs[0]].name] = given;
      const Reference inlined = evaluate(c);
      ASSERT_TRUE(inlined.available()) << inlined.unavailable;
      for (std::size_t i = 0; i < x.size(); ++i)
        EXPECT_LE(std::fabs(direct[0].value_at(i) - inlined.outputs[0].value_at(i)),
                  direct[0].bound_at(i) + inlined.outputs[0].bound_at(i))
            << form.op << " " << name(t) << " at " << given.real_at(static_cast<std::int64_t>(i));
    }
}

}  // namespace
}  // namespace mob::testing
