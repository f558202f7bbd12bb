// Who is guilty of planted bugs, and honest twins that nobody is to be blamed for.
#include "fuzzer/triage/blame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <set>

#include "fuzzer/graph/model_io.h"
#include "tests/fakes/case_of.h"
#include "tests/triage/quick_judge.h"

namespace mob {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Result = AtVersion::Result;

System with_passes(const std::string& mode) {
  System s = fake_system(mode);
  for (const char* rule : {"ARule", "AnotherRule"}) s.optimizers.push_back({.name = rule, .rule = true});
  for (const char* pass : {"APass", "FakePass", "HiddenPass", "OtherPass", "ThirdPass"})
    s.optimizers.push_back({.name = pass});
  return s;
}

Case difference() {
  return case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x) => (float[2,3] y) <float[3] w = {0.5, -1.25, 2}> {
  a = Tanh (x)
  d = Sub (a, w)
  y = Mul (d, w)
})");
}

BlameOptions quick_blame(std::vector<System> versions = {}, bool bisect = false) {
  BlameOptions options;
  options.limits = quick().limits;
  options.versions = std::move(versions);
  options.bisect = bisect;
  return options;
}

Blame blame_of(const std::string& mode) {
  return blame(with_passes(mode), difference(), quick_blame());
}

// The cures of the lowest bad level; the fakes do the same at each.
std::vector<PassSet> cures_of(const Blame& b) {
  EXPECT_EQ(b.passes.size(), 3u);
  return b.passes.empty() ? std::vector<PassSet>() : b.passes.front().cures;
}

// --- passes --------------------------------------------------------------------------------------------

TEST(BlamePasses, OnePassAtEachLevel) {
  const Blame b = blame_of("swapped-operands");
  ASSERT_EQ(b.passes.size(), 3u);
  for (const PassBlame& p : b.passes) {
    EXPECT_THAT(p.cures, ElementsAre(PassSet{"FakePass"}));
    EXPECT_THAT(p.instead, IsEmpty());
    EXPECT_FALSE(p.repeated);
  }
  EXPECT_EQ(b.passes[0].bad.name(), "BASIC");
  EXPECT_EQ(b.passes[2].bad.name(), "ALL");
}

TEST(BlamePasses, AllThatCureAloneTheGuiltiestFirst) {
  System s = with_passes("swapped-with-help");
  EXPECT_THAT(cures_of(blame(s, difference(), quick_blame())),
              ElementsAre(PassSet{"FakePass"}, PassSet{"HelperPass"}));
  s.preparing = {"FakePass"};
  EXPECT_THAT(cures_of(blame(s, difference(), quick_blame())),
              ElementsAre(PassSet{"HelperPass"}, PassSet{"FakePass"}));
}

TEST(BlamePasses, APairWhereOneTakesTheOthersPlace) {
  EXPECT_THAT(cures_of(blame_of("swapped-by-two")), ElementsAre(PassSet{"FakePass", "OtherPass"}));
}

TEST(BlamePasses, ALargerSetOfWhichAllAreNeeded) {
  const auto cures = cures_of(blame_of("swapped-by-three"));
  ASSERT_EQ(cures.size(), 1u);
  EXPECT_THAT(cures[0], UnorderedElementsAre("FakePass", "OtherPass", "ThirdPass"));
}

TEST(BlamePasses, OneThatDoesNotTell) {
  EXPECT_THAT(cures_of(blame_of("swapped-by-hidden")), ElementsAre(PassSet{"HiddenPass"}));
  EXPECT_THAT(cures_of(blame_of("crash-at-load")), ElementsAre(PassSet{"HiddenPass"}));
}

TEST(BlamePasses, OneOfAModelThatHangs) {
  EXPECT_THAT(cures_of(blame_of("hang")), ElementsAre(PassSet{"FakePass"}));
}

TEST(BlamePasses, AnotherFindingIsNoCure) {
  const Blame b = blame_of("swapped-or-error");
  EXPECT_THAT(cures_of(b), ElementsAre(PassSet{"FakePass", "OtherPass"}));
  EXPECT_THAT(b.passes.front().instead, ElementsAre(std::pair("FakePass", "bug crash")));
}

TEST(BlamePasses, OneThatErrsEveryOtherTime) {
  const Blame b = blame_of("swapped-at-times");
  ASSERT_FALSE(b.passes.empty());
  EXPECT_THAT(b.passes.front().cures, ElementsAre(PassSet{"FakePass"}));
  EXPECT_TRUE(b.passes.front().repeated);
}

TEST(BlamePasses, NoneThatCanBeDisabled) {
  System s = fake_system("crash-at-load");
  s.optimizers = {{.name = "APass"}};
  const Blame b = blame(s, difference(), quick_blame());
  EXPECT_THAT(cures_of(b), IsEmpty());
  EXPECT_THAT(b.passes.front().none, HasSubstr("not an optimizer that can be disabled"));
}

TEST(BlamePasses, NoneWhereTheVersionTakesNoNames) {
  System s = with_passes("swapped-operands");
  s.can_disable = false;
  const Blame b = blame(s, difference(), quick_blame());
  EXPECT_THAT(cures_of(b), IsEmpty());
  EXPECT_THAT(b.passes.front().none, HasSubstr("takes no names"));
  EXPECT_THAT(b.passes.front().none, HasSubstr("changed by FakePass"));
}

TEST(BlamePasses, OfSavedModelsOnlyWhereTheSessionIsRight) {
  const Blame b = blame_of("swapped-when-saved");
  ASSERT_EQ(b.passes.size(), 3u);
  EXPECT_EQ(b.passes.front().bad.name(), "BASIC reloaded");
  EXPECT_THAT(b.passes.front().cures, ElementsAre(PassSet{"FakePass"}));
}

// --- culprit -------------------------------------------------------------------------------------------

struct Guilt {
  const char* mode;
  Culprit culprit;
  const char* why;
};
class BlameCulprit : public ::testing::TestWithParam<Guilt> {};
TEST_P(BlameCulprit, IsTold) {
  const Blame b = blame_of(GetParam().mode);
  ASSERT_TRUE(b.finding);
  EXPECT_EQ(name(b.culprit), name(GetParam().culprit)) << b.culprit_why;
  EXPECT_THAT(b.culprit_why, HasSubstr(GetParam().why));
}
INSTANTIATE_TEST_SUITE_P(
    Of, BlameCulprit,
    ::testing::Values(
        Guilt{"swapped-operands+saves", Culprit::kOptimizer, "wrong by the reference: its output 'y' means"},
        Guilt{"swapped-operands", Culprit::kOptimizer, "without FakePass; no optimized model could be saved"},
        Guilt{"error-at-load+saves", Culprit::kOptimizer, "without HiddenPass"},
        // What is saved there is right: the fault comes behind it.
        Guilt{"crash-at-run+saves", Culprit::kKernel,
              "valid and right by the reference, and still crash comes of it"},
        Guilt{"dropped-axis+saves", Culprit::kKernel, "right by the reference"},
        Guilt{"wrong-numbers+saves", Culprit::kKernel, "right by the reference"},
        Guilt{"wrong-kernel", Culprit::kKernel, "without optimization"},
        Guilt{"refused-or-crash", Culprit::kKernel, "refused without optimization"},
        Guilt{"swapped-when-saved+saves", Culprit::kSaving, "wrong by the reference"},
        Guilt{"not-saved+saves", Culprit::kLoading, "the saved model is right"},
        Guilt{"not-saved", Culprit::kSaving, "no model was saved"}),
    [](const auto& info) {
      std::string words = test_name(info.param.mode);
      std::replace(words.begin(), words.end(), '+', '_');
      return words;
    });

// --- nodes ---------------------------------------------------------------------------------------------

TEST(BlameNodes, TheFirstTensorOutsideItsBound) {
  const Blame b = blame_of("swapped-operands");
  ASSERT_TRUE(b.nodes.first) << b.nodes.why;
  EXPECT_EQ(b.nodes.first->value, "d");
  EXPECT_EQ(b.nodes.first->op, "Sub");
  ASSERT_TRUE(b.nodes.first->gap);
  EXPECT_GT(b.nodes.first->gap->excess, 1000);
  EXPECT_THAT(b.nodes.hides, IsEmpty());
}

TEST(BlameNodes, NoneWhereExposingItHidesTheFinding) {
  const Blame b = blame_of("swapped-if-within");
  EXPECT_FALSE(b.nodes.first);
  EXPECT_THAT(b.nodes.hides, ElementsAre("d"));
  EXPECT_THAT(b.nodes.why, HasSubstr("hides"));
}

TEST(BlameNodes, AShape) {
  const Blame b = blame_of("dropped-axis");
  ASSERT_TRUE(b.nodes.first) << b.nodes.why;
  EXPECT_EQ(b.nodes.first->value, "a");  // this fake drops an axis of all that is an output
  EXPECT_THAT(b.nodes.first->difference, HasSubstr("expected float[2,3]"));
}

TEST(BlameNodes, NoneWhereNothingComes) {
  const Blame b = blame_of("crash-at-run");
  EXPECT_FALSE(b.nodes.first);
  EXPECT_THAT(b.nodes.hides, IsEmpty());
  EXPECT_THAT(b.nodes.why, HasSubstr("no output comes"));
}

TEST(BlameNodes, AtTheBindingThatShowsIt) {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[N] x) => (float[?] y) {
  a = Abs (x)
  y = Neg (a)
})");
  c.inputs["x"] = Tensor::of(DType::kFloat, {2}, {1, 2});
  c.bindings = {{{"x", Tensor::of(DType::kFloat, {3}, {1, 2, 3})}}};
  const Blame b = blame(with_passes("scaled-binding"), c, quick_blame());
  ASSERT_TRUE(b.nodes.first) << b.nodes.why;
  EXPECT_EQ(b.nodes.first->value, "a");
  EXPECT_THAT(b.passes.front().cures, ElementsAre(PassSet{"FakePass"}));
}

// --- versions ------------------------------------------------------------------------------------------

// Releases 1.0, 1.1, ... of a fake runtime.
std::vector<System> releases(const std::vector<std::string>& modes) {
  std::vector<System> systems;
  for (const std::string& mode : modes) {
    systems.push_back(with_passes(mode));
    systems.back().version = "1." + std::to_string(systems.size() - 1);
  }
  return systems;
}

VersionBlame versions_of(const std::vector<std::string>& modes, bool bisect = false,
                         const std::string& own = "", const Executor& executor = {}) {
  return blame_versions(difference(), releases(modes), bisect, own, quick().limits, executor);
}

TEST(BlameVersions, AllOfThem) {
  const auto v = versions_of(
      {"refuses", "honest", "honest-noisy", "swapped-operands", "crash-at-load", "wrong-kernel", "honest"});
  EXPECT_EQ(v.words, "bad only in 1.3 to 1.4; does not run before 1.1; unclear: 1.5");
  EXPECT_EQ(v.table[3].symptom, "wrong-numbers");
  EXPECT_EQ(v.table[4].symptom, "crash");
  EXPECT_THAT(v.table[4].levels, ElementsAre("BASIC", "EXTENDED", "ALL"));
  EXPECT_THAT(v.table[5].why, HasSubstr("kernel wrong-numbers"));
  EXPECT_THAT(v.table[0].why, HasSubstr("no kernel"));
  EXPECT_THAT(v.versions(Result::kGood), ElementsAre("1.1", "1.2", "1.6"));
  EXPECT_THAT(v.versions(Result::kNotRun), IsEmpty());
}

TEST(BlameVersions, OneThatCannotStartIsUnclear) {
  const auto v = versions_of({"cannot-start", "swapped-operands"});
  EXPECT_EQ(v.table[0].result, Result::kUnclear);
  EXPECT_THAT(v.table[0].why, HasSubstr("another machine"));
}

// Who divides an integer by zero gets anything; but the same with and without optimization.
TEST(BlameVersions, GoodWhereNothingIsDecidedAndAllIsAsWithoutOptimization) {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (int32[2] x, int32[2] by) => (int32[2] y) { y = Div (x, by) })");
  c.inputs["x"] = Tensor::of_ints(DType::kInt32, {2}, {6, 7});
  c.inputs["by"] = Tensor::of_ints(DType::kInt32, {2}, {0, 0});
  const auto v = blame_versions(c, releases({"wrong-numbers", "honest"}), false, "", quick().limits, {});
  EXPECT_EQ(v.table[0].result, Result::kUnclear);
  EXPECT_EQ(v.table[1].result, Result::kGood) << v.table[1].why;
  EXPECT_THAT(v.table[1].why, HasSubstr("bit for bit"));
}

TEST(BlameVersions, BisectionRunsFew) {
  const std::vector<std::string> fixed = {"swapped-operands", "swapped-operands", "swapped-operands",
                                          "swapped-operands", "swapped-operands", "swapped-operands",
                                          "swapped-operands", "honest",           "honest"};
  const auto v = versions_of(fixed, true);
  EXPECT_THAT(v.words, HasSubstr("bad 1.0-1.6, good from 1.7 on; not run: 1.1, 1.2, 1.3"));
  EXPECT_EQ(v.versions(Result::kNotRun).size(), 4u);
  EXPECT_EQ(versions_of(fixed).words, "bad 1.0-1.6, good from 1.7 on");
}

// Both ends are good: it is the version of the finding that tells.
TEST(BlameVersions, BisectionFindsBothEndsOfABugThatCameAndWent) {
  const std::vector<std::string> modes = {"honest", "honest", "honest",           "swapped-operands",
                                          "honest", "honest", "swapped-operands", "honest"};
  EXPECT_EQ(versions_of(modes).words, "good 1.0-1.2, bad 1.3, good 1.4-1.5, bad 1.6, good from 1.7 on");
  EXPECT_THAT(versions_of(modes, true, "1.3").words, HasSubstr("bad only in 1.3"));
}

TEST(BlameVersions, InLanes) {
  std::atomic<int> tasks = 0;
  Executor two;
  two.lanes = 2;
  two.run = [&](std::size_t count, const auto& work) {
    for (std::size_t i = count; i-- > 0; ++tasks) work(i, static_cast<int>(i % 2));  // in whatever order
  };
  EXPECT_EQ(versions_of({"swapped-operands", "honest"}, false, "", two).words, "bad 1.0, good from 1.1 on");
  EXPECT_EQ(tasks, 2);
}

std::string words_of(const std::string& results) {
  std::vector<AtVersion> table;
  for (char r : results) {
    AtVersion at;
    at.version = "1." + std::to_string(table.size());
    at.result = r == 'b'   ? Result::kBad
                : r == 'g' ? Result::kGood
                : r == 'x' ? Result::kNotRunnable
                : r == '?' ? Result::kUnclear
                           : Result::kNotRun;
    table.push_back(at);
  }
  return in_words(table);
}

TEST(BlameVersions, InWords) {
  EXPECT_EQ(words_of("bbb"), "bad in all that tell, 1.0-1.2");
  EXPECT_EQ(words_of("xxbb"), "bad in all that tell, 1.2-1.3; does not run before 1.2");
  EXPECT_EQ(words_of("ggb"), "good 1.0-1.1, bad from 1.2 on");
  EXPECT_EQ(words_of("gbg"), "bad only in 1.1");
  EXPECT_EQ(words_of("bgb"), "bad 1.0, good 1.1, bad from 1.2 on");
  EXPECT_EQ(words_of("b?bg.g"), "bad 1.0-1.2, good from 1.3 on; unclear: 1.1; not run: 1.4");
  EXPECT_EQ(words_of("bxg"), "bad 1.0, good from 1.2 on; does not run in 1.1");
  EXPECT_EQ(words_of("xx"), "neither bad nor good in any version at hand; does not run in 1.0, 1.1");
}

// --- all of it -----------------------------------------------------------------------------------------

TEST(Blame, HonestRuntimesAreToBlameForNothing) {
  for (const char* mode : {"honest", "honest-noisy"}) {
    const Blame b = blame(with_passes(mode), difference(), quick_blame(releases({"honest"})));
    EXPECT_FALSE(b.finding);
    EXPECT_EQ(b.nothing, "agree");
    EXPECT_THAT(b.versions.table, IsEmpty());
    const auto json = blame_json(b);
    EXPECT_TRUE(json["symptom"].is_null());
    EXPECT_TRUE(json["culprit"].is_null());
    EXPECT_EQ(json["passes"], nlohmann::ordered_json::object());
  }
}

TEST(Blame, AsJson) {
  const auto json = blame_json(blame(with_passes("swapped-by-two"), difference(),
                                     quick_blame(releases({"swapped-by-two", "honest"}))));
  EXPECT_EQ(json["system"], "fake");
  EXPECT_EQ(json["symptom"], "wrong-numbers");
  EXPECT_EQ(json["class"], "bug");
  EXPECT_EQ(json["passes"].dump(),
            R"({"BASIC":[["FakePass","OtherPass"]],"EXTENDED":[["FakePass","OtherPass"]],)"
            R"("ALL":[["FakePass","OtherPass"]]})");
  EXPECT_EQ(json["bad_versions"].dump(), R"(["1.0"])");
  EXPECT_EQ(json["good_versions"].dump(), R"(["1.1"])");
  EXPECT_EQ(json["not_run"].dump(), "[]");
  EXPECT_EQ(json["unclear"].dump(), "{}");
  EXPECT_EQ(json["culprit"], "optimizer");
  EXPECT_EQ(json["guards"].dump(), "[]");
  EXPECT_EQ(json["first_bad_tensor"]["value"], "d");
  EXPECT_EQ(json["first_bad_tensor"]["operator"], "Sub");
  EXPECT_GT(json["seconds"], 0);
}

}  // namespace
}  // namespace mob
