// Planted bugs end as the few nodes that they need; what else shrinks, and what must not.
#include "fuzzer/triage/reduce.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fuzzer/graph/model_io.h"
#include "fuzzer/triage/describe.h"
#include "fuzzer/triage/examine.h"
#include "fuzzer/triage/variant.h"
#include "tests/fakes/case_of.h"
#include "tests/triage/quick_judge.h"

namespace mob {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

System planted(const std::string& mode) {
  System s = fake_system(mode);
  for (const char* pass : {"APass", "HiddenPass", "FakePass"}) s.optimizers.push_back({.name = pass});
  return s;
}

Examined examined(const std::string& mode, const Case& c, ExamineOptions options = {}) {
  Judge judge(planted(mode), quick());
  options.limits.seconds = 0;
  Examined e = examine({&judge}, c, options);
  EXPECT_EQ(e.nothing, "");
  EXPECT_EQ(check_model(e.reduced.c.model), "");
  EXPECT_LE(node_count(e.reduced.c.model.graph), e.nodes_before);
  return e;
}

std::vector<std::string> operators(const Examined& e) {
  return operators_of(e.reduced.c.model.graph);
}

Case large_case() {
  return case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x, double[4] unread) => (float[3,2] y, float[2,3] z, double[4] w) <float[3] v = {0.5, -1.25, 2}> {
  a = Tanh (x)
  d = Sub (a, v)
  m = Mul (d, v)
  z = Abs (a)
  w = Neg (unread)
  y = Transpose (m)
})");
}

TEST(Reduce, LeavesTheNodeThatThePassTakesUp) {
  const Examined e = examined("swapped-operands", large_case());
  EXPECT_THAT(operators(e), ElementsAre("Sub"));
  EXPECT_THAT(e.reduced.c.model.graph.outputs, SizeIs(1));
  EXPECT_EQ(e.lock.cure, std::vector<std::string>{"FakePass"});
  EXPECT_TRUE(e.reduced.complete);
  // Small, plain, with short names, of an opset that many versions read.
  for (const auto& [name, tensor] : e.reduced.c.inputs) EXPECT_LE(tensor.count(), 1) << name;
  EXPECT_EQ(e.reduced.c.model.opset(), 14);
  EXPECT_NE(e.reduced.c.model.graph.find("y"), kNoValue);
}

TEST(Reduce, KeepsWhatTheGuiltyNodeReadsWhereThatMatters) {
  const Examined e = examined("swapped-behind-another", large_case());
  EXPECT_THAT(operators(e), ElementsAre(AnyOf("Tanh", "Neg"), "Sub"));
}

TEST(Reduce, FindsFewNodesAmongHundredsInFewSteps) {
  std::string text =
      "<ir_version: 8, opset_import: [\"\" : 17]>\ng (float[4] x) => (float[4] v299) {\n  v0 = Abs (x)\n";
  for (int i = 1; i < 300; ++i)
    text +=
        "  v" + std::to_string(i) + (i == 211 ? " = Sub (v" : " = Add (v") + std::to_string(i - 1) + ", x)\n";
  const Examined e = examined("swapped-operands", case_of(text + "}"));
  EXPECT_THAT(operators(e), ElementsAre("Sub"));
  EXPECT_LT(e.reduced.checks, 150);
}

TEST(Reduce, GoesByTheMessageWithoutNamesAndNumbers) {
  const Case c = case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x, float[3] v) => (float[2,3] y) { a = Tanh (x) b = Sub (a, v) m = Mul (v, a) y = Add (b, m) })");
  const Examined e = examined("edge", c);
  EXPECT_THAT(operators(e), ElementsAre("Tanh", AnyOf("Add", "Mul")));
  EXPECT_THAT(e.lock.message, HasSubstr("has # inputs, # are wanted"));
}

TEST(Reduce, FlattensControlFlowAndFunctions) {
  const Case c = case_of(R"(<ir_version: 10, opset_import: ["" : 17, "local" : 1]>
g (float[3] x, float[3] w) => (float[3] y) <bool yes = {1}> {
  f = local.less (x, w)
  y = If (yes) <
    then_branch = then () => (float[3] t) { t = Mul (f, w) },
    else_branch = otherwise () => (float[3] e) { e = Neg (f) }>
}
<domain: "local", opset_import: ["" : 17]>
less (a, b) => (c) { d = Tanh (a) c = Sub (d, b) })");
  EXPECT_THAT(operators(examined("wrong-numbers", c)),
              AnyOf(ElementsAre("Tanh"), ElementsAre("Sub"), ElementsAre("Mul"), ElementsAre("Neg")));
}

TEST(Reduce, TakesOneIterationOfALoop) {
  const Case c = case_of(R"(<ir_version: 10, opset_import: ["" : 17]>
g (float[3] x, float[3] w) => (float[3] last, float[n,3] all) <int64 trips = {2}, bool go_on = {1}> {
  last, all = Loop (trips, go_on, x) <body = body (int64 i, bool c, float[3] s) => (bool more, float[3] next, float[3] out) {
    more = Identity (c)
    next = Sub (s, w)
    out = Neg (next)
  }>
})");
  EXPECT_THAT(operators(examined("wrong-numbers", c)),
              AnyOf(ElementsAre("Sub"), ElementsAre("Neg"), ElementsAre("Identity")));
}

TEST(Reduce, KeepsOnlyTheBindingThatMatters) {
  Case c = case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[n] x) => (float[n] y) { a = Abs (x) y = Neg (a) })");
  c.inputs["x"] = Tensor::of(DType::kFloat, {2}, {1, 2});
  c.bindings = {{{"x", Tensor::of(DType::kFloat, {2}, {3, 4})}},
                {{"x", Tensor::of(DType::kFloat, {3}, {5, 6, 7})}}};
  const Examined e = examined("scaled-binding", c);
  EXPECT_THAT(e.reduced.c.bindings, SizeIs(1));
  EXPECT_THAT(operators(e), SizeIs(1));
}

TEST(Reduce, LeavesTheCaseAloneWhereNothingIsWrong) {
  Judge judge(planted("honest"), quick());
  EXPECT_THAT(examine({&judge}, large_case(), {}).nothing, HasSubstr("it agrees"));
}

TEST(Reduce, TheAnswerDoesNotDependOnTheLanes) {
  const Case c = large_case();
  std::vector<std::string> results;
  for (int lanes : {1, 3}) {
    std::vector<std::unique_ptr<Judge>> judges;
    std::vector<Judge*> list;
    for (int i = 0; i < lanes; ++i) {
      judges.push_back(std::make_unique<Judge>(planted("swapped-behind-another"), quick()));
      list.push_back(judges.back().get());
    }
    ExamineOptions options;
    options.executor.lanes = lanes;
    options.limits = {.checks = 61, .seconds = 0};
    options.executor.run = [lanes](std::size_t count, const auto& work) {
      for (std::size_t i = 0; i < count; ++i) work(i, static_cast<int>(i) % lanes);
    };
    results.push_back(to_text(examine(list, c, options).reduced.c.model));
  }
  EXPECT_EQ(results[0], results[1]);
}

TEST(Guards, TellTheEditThatCures) {
  const Case c = case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[3,4] x) => (float[3,4] y) { a = Tanh (x) s = Softmax <axis = 0> (a) y = Abs (s) })");
  const Examined e = examined("last-axis", c);
  ASSERT_NE(telling(e.reduced.guards), nullptr);
  EXPECT_EQ(telling(e.reduced.guards)->words, "passes when axis of Softmax is its default (here 0)");
  EXPECT_TRUE(telling(e.reduced.guards)->fires);
  EXPECT_EQ(e.signature.text(), "wrong-numbers | fake | FakePass | Softmax[axis]:float | Softmax axis");
}

TEST(Signature, IsOneForOneBugInManyCases) {
  const Case other = case_of(R"(<ir_version: 8, opset_import: ["" : 15]>
h (float[5,2] p, float[2] q) => (float[5,2] r) { s = Relu (p) t = Sub (s, q) u = Sigmoid (t) r = Mul (u, q) })");
  EXPECT_EQ(examined("swapped-behind-another", large_case()).signature.text(),
            examined("swapped-behind-another", other).signature.text());
  EXPECT_NE(examined("swapped-operands", large_case()).signature.text(),
            examined("swapped-behind-another", other).signature.text());
}

TEST(Signature, RegistrationsOfOneOptimizerAreOneFamily) {
  EXPECT_EQ(family_of("LayerNormFusionL2"), "LayerNormFusion");
  EXPECT_EQ(family_of("TransposeOptimizer_CPUExecutionProvider"), "TransposeOptimizer");
  EXPECT_EQ(family_of("ConstantFolding"), "ConstantFolding");
}

TEST(MessageTemplate, ForgetsNamesNumbersAndQuotes) {
  const Case c = case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2] x) => (float[2] out_7) { [n0] out_7 = Abs (x) })");
  EXPECT_EQ(message_template("Node (n0_transpose) Op (Abs) at 'x': 12 of out_7/y is not 3", c.model),
            "Node (...) Op (Abs) at '...': # of ... is not #");
}

}  // namespace
}  // namespace mob
