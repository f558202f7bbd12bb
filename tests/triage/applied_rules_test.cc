// Rewrite rules that changed a model, on the newest ONNX Runtime.
#include "fuzzer/probes/applied_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fuzzer/graph/model_io.h"
#include "fuzzer/runtime/worker.h"
#include "tests/fakes/case_of.h"

namespace mob {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int kBoth[] = {1, 2};

std::vector<std::string> rules_of(const std::string& text) {
  const Case c = case_of(R"(<ir_version: 8, opset_import: ["" : 17]> )" + text);
  Worker worker(resolve_system("onnxruntime"), {});
  return applied_rules(worker.system(), c, kBoth, [&](const auto&... given) { return worker.run(given...); });
}

TEST(AppliedRules, AreThoseThatChangeTheModel) {
  EXPECT_THAT(rules_of(R"(g (float[2,3] x) => (float[2,3] y) <float[1] one = {1}> {
  a = Div (one, x)
  y = Mul (x, a)
})"),
              ElementsAre("DivMulFusion"));
  EXPECT_THAT(rules_of(R"(g (float[2,3] x) => (float[2,3] y) <float zero = {0}> {
  a = Relu (x)
  i = Identity (a)
  s = Add (i, zero)
  y = Neg (s)
})"),
              ElementsAre("EliminateIdentity", "NoopElimination"));
}

// The rules' operators are there, what they look for is not.
TEST(AppliedRules, AreNoneWhereAGuardIsBroken) {
  EXPECT_THAT(rules_of(R"(g (float[2,3] x) => (float[2,3] y) <float[1] two = {2}> {
  a = Div (two, x)
  s = Add (a, two)
  y = Mul (x, s)
})"),
              IsEmpty());
}

TEST(AppliedRules, AreNoneWhereNothingCanBeDisabled) {
  Case c;
  c.model = parse_text(
      R"(<ir_version: 8, opset_import: ["" : 17]> g (float[1] x) => (float[1] y) { y = Identity (x) })");
  const RunCase unused = [](const Case&, const std::vector<Configuration>&) -> std::vector<Outcome> {
    ADD_FAILURE() << "was asked for";
    return {};
  };
  EXPECT_THAT(applied_rules({.can_disable = false}, c, kBoth, unused), IsEmpty());
}

TEST(AppliedRules, KnowsTheBundlesInTheLog) {
  EXPECT_EQ(rule_bundle("Level1_RuleBasedTransformer"), 1);
  EXPECT_EQ(rule_bundle("Level2_RuleBasedTransformer"), 2);
  EXPECT_EQ(rule_bundle("ReshapeFusion"), 0);
}

}  // namespace
}  // namespace mob
