// Findings on disk, triaged: reduced forms beside them, the bugs that they are, and what is known of those.
#include "corpus/triage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "corpus/finding_folder.h"
#include "fuzzer/base/check.h"
#include "fuzzer/triage/variant.h"
#include "tests/fakes/case_of.h"
#include "tests/fakes/fake_system.h"
#include "tests/fakes/scratch.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

System planted() {
  System s = fake_system("swapped-operands");
  s.optimizers.push_back({.name = "FakePass"});
  return s;
}

class TriageOnDisk : public ::testing::Test {
 protected:
  TriageOnDisk() : judge_(planted(), {.configurations = thorough_configurations()}) {}

  fs::path write(const std::string& name, const Case& c) {
    const Judged judged = judge_.judge(c);
    EXPECT_EQ(judged.verdict.kind, Verdict::Kind::kFinding);
    write_finding(scratch_.path(), {.name = name,
                                    .c = &c,
                                    .judged = &judged,
                                    .cause = find_cause(judge_, c, judged),
                                    .signature = "of the group",
                                    .system = "fake",
                                    .version = "swapped-operands"});
    return scratch_ / name;
  }

  ScratchFolder scratch_;
  Judge judge_;
  const Case one_ = case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x, float[3] w) => (float[3,2] y) { a = Tanh (x) d = Sub (a, w) y = Transpose (d) })");
  const Case other_ = case_of(R"(<ir_version: 8, opset_import: ["" : 15]>
h (float[4] p, float[4] q) => (float[4] r) { s = Sub (p, q) r = Sigmoid (s) })");
};

TEST_F(TriageOnDisk, TwoFindingsOfOneBugAreOne) {
  const fs::path one = write("one", one_), other = write("other", other_);
  EXPECT_FALSE(is_triaged(one));
  EXPECT_FALSE(read_triage(one));
  const Triaged t = *triage_finding({&judge_}, one, {});
  EXPECT_TRUE(t.reduced) << t.why_not;
  EXPECT_EQ(t.operators, std::vector<std::string>{"Sub"});
  EXPECT_TRUE(is_triaged(one));
  EXPECT_TRUE(fs::exists(one / "reduced" / "repro.py"));
  triage_finding({&judge_}, other, {});
  const std::vector<Bug> bugs = bugs_of({one, other}, {});
  ASSERT_EQ(bugs.size(), 1U);
  EXPECT_EQ(bugs[0].findings.size(), 2U);
  EXPECT_FALSE(bugs[0].known);
  EXPECT_THAT(bugs[0].signature, HasSubstr("wrong-numbers | fake | FakePass | Sub:float"));
}

TEST_F(TriageOnDisk, WhatCannotBeReducedSaysWhy) {
  const fs::path one = write("one", one_);
  Judge honest(fake_system("honest"), {.configurations = thorough_configurations()});
  const Triaged t = *triage_finding({&honest}, one, {});
  EXPECT_FALSE(t.reduced);
  EXPECT_THAT(t.why_not, HasSubstr("it agrees"));
  EXPECT_TRUE(is_triaged(one));
  EXPECT_EQ(bugs_of({one}, {}).size(), 1U);
}

TEST_F(TriageOnDisk, NothingIsWrittenWhereItIsStopped) {
  const fs::path one = write("one", one_);
  const std::atomic<bool> stop = true;
  EXPECT_FALSE(triage_finding({&judge_}, one, {.limits = {.stop = &stop}}));
  EXPECT_FALSE(is_triaged(one));
}

TEST_F(TriageOnDisk, ADamagedFileIsNamed) {
  const fs::path one = write("one", one_);
  triage_finding({&judge_}, one, {});
  std::ofstream(one / "reduced" / "finding.json") << "{";
  EXPECT_THAT(complaint<UserError>([&] { read_triage(one); }), HasSubstr("finding.json"));
}

TEST(KnownBugs, TheLastLineThatMatchesCounts) {
  const ScratchFolder scratch;
  const fs::path file = scratch / "known_bugs.jsonl";
  EXPECT_TRUE(load_known_bugs(file).empty());
  add_known_bug(file, {"crash | onnxruntime | SkipLayerNormFusion | *", "known",
                       "microsoft/onnxruntime#27455", "", "2026-01-02"});
  add_known_bug(file,
                {"*LayerNormalization[axis]*", "dismissed", "", "the axis is documented", "2026-01-03"});
  const auto known = load_known_bugs(file);
  ASSERT_EQ(known.size(), 2U);
  EXPECT_EQ(find_known(known, "crash | onnxruntime | SkipLayerNormFusion | Add:float | -")->state, "known");
  EXPECT_EQ(
      find_known(known, "crash | onnxruntime | SkipLayerNormFusion | Add LayerNormalization[axis]:float | -")
          ->because,
      "the axis is documented");
  EXPECT_FALSE(find_known(known, "crash | onnxruntime | GeluFusion | Erf | -"));
}

TEST(KnownBugs, ALineThatIsNoneIsNamed) {
  const ScratchFolder scratch;
  std::ofstream(scratch / "known.jsonl") << "\n{\"signature\": \"*\"}\n";
  EXPECT_THAT(complaint<UserError>([&] { load_known_bugs(scratch / "known.jsonl"); }),
              HasSubstr("known.jsonl:2"));
}

TEST(KnownBugs, PatternsHoldStars) {
  EXPECT_TRUE(matches("a*c", "abbbc"));
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("a[b]*", "a[b] c"));
  EXPECT_FALSE(matches("a*c", "abbb"));
  EXPECT_FALSE(matches("", "a"));
}

}  // namespace
}  // namespace mob
