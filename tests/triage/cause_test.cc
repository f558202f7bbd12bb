// The cheap cause of planted bugs, and what is left of their models.
#include "fuzzer/triage/cause.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fuzzer/generator/inputs.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/triage/describe.h"
#include "fuzzer/triage/essence.h"
#include "tests/fakes/case_of.h"
#include "tests/fakes/fake_system.h"

namespace mob {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

System with_passes(const std::string& mode) {
  System s = fake_system(mode);
  s.can_disable = true;
  for (const char* rule : {"ARule", "AnotherRule"}) s.optimizers.push_back({.name = rule, .rule = true});
  for (const char* pass : {"APass", "HiddenPass", "FakePass"}) s.optimizers.push_back({.name = pass});
  return s;
}

// More than any of the planted bugs needs.
Case large_case() {
  return case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x) => (float[3,2] y, float[2,3] z) <float[3] w = {0.5, -1.25, 2}> {
  a = Tanh (x)
  d = Sub (a, w)
  m = Mul (d, w)
  z = Abs (a)
  y = Transpose (m)
})");
}

std::vector<std::string> cures_of(const System& system, const Case& c) {
  Judge judge(system, {});
  const Judged j = judge.judge(c);
  EXPECT_EQ(j.verdict.kind, Verdict::Kind::kFinding) << j.verdict.reason;
  return find_cause(judge, c, j).cures;
}

TEST(Cause, IsThePassThatFired) {
  EXPECT_THAT(cures_of(with_passes("swapped-operands"), large_case()), ElementsAre("FakePass"));
}

TEST(Cause, NamesTheGuiltyBeforeItsHelper) {
  System s = with_passes("swapped-with-help");
  // The last one to change the model.
  EXPECT_THAT(cures_of(s, large_case()), ElementsAre("FakePass", "HelperPass"));
  s.preparing = {"FakePass"};
  EXPECT_THAT(cures_of(s, large_case()), ElementsAre("HelperPass", "FakePass"));
}

TEST(Cause, IsFoundThoughThePassFailedBeforeItCouldTell) {
  EXPECT_THAT(cures_of(with_passes("error-at-load"), large_case()), ElementsAre("HiddenPass"));
}

TEST(Cause, IsFoundThoughTheProcessDied) {
  EXPECT_THAT(cures_of(with_passes("crash-at-load"), large_case()), ElementsAre("HiddenPass"));
}

TEST(Cause, IsNoneWhereNoPassCures) {
  EXPECT_THAT(cures_of(with_passes("wrong-when-saved"), large_case()), IsEmpty());
  System without = with_passes("error-at-load");
  without.optimizers.clear();
  EXPECT_THAT(cures_of(without, large_case()), IsEmpty());
}

TEST(Cause, IsNotSoughtWhereNothingCanBeDisabled) {
  System fixed = with_passes("swapped-operands");
  fixed.can_disable = false;
  EXPECT_THAT(cures_of(fixed, large_case()), IsEmpty());
}

Essence essence_of(const System& system, const Case& c) {
  Judge judge(system, {});
  const Judged j = judge.judge(c);
  EXPECT_EQ(j.verdict.kind, Verdict::Kind::kFinding) << j.verdict.reason;
  return essence(judge, c, *j.verdict.finding, find_cause(judge, c, j));
}

TEST(EssenceOf, OneOperator) {
  const Essence e = essence_of(with_passes("swapped-operands"), large_case());
  EXPECT_THAT(operators_of(e.c.model.graph), ElementsAre("Sub"));
  EXPECT_THAT(e.operators, ElementsAre("Sub"));
}

TEST(EssenceOf, AnOperatorBehindAnyOther) {
  const Essence e = essence_of(with_passes("swapped-behind-another"), large_case());
  EXPECT_THAT(operators_of(e.c.model.graph), ElementsAre("Tanh", "Sub"));
  EXPECT_THAT(e.operators, ElementsAre("Any", "Sub"));
}

// What a branch gives has another rank then: the declared types go with it.
TEST(EssenceOf, AValueReadInBranchesStaysValid) {
  const Essence e =
      essence_of(with_passes("swapped-if-within"), case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[3] x, float[3] w, bool c) => (float[1,3] y) <int64[2] s = {1, 3}> {
  v = Sub (x, w)
  y = If (c) <then_branch = t () => (float[1,3] a) { a = Expand (v, s) },
              else_branch = f () => (float[1,3] b) { b = Expand (v, s) }>
})"));
  EXPECT_THAT(operators_of(e.c.model.graph), ElementsAre("Sub", "If", "Identity", "Identity"));
  EXPECT_EQ(check_model(e.c.model), "");
}

TEST(EssenceOf, ACaseThatIsAllEssence) {
  const Case c = case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x, float[3] w) => (float[2,3] y) { y = Sub (x, w) })");
  const Essence e = essence_of(with_passes("swapped-operands"), c);
  EXPECT_EQ(to_text(e.c.model), to_text(c.model));
}

}  // namespace
}  // namespace mob
