// Two campaigns compared: every finding is counted once, and what one found alone is asked of the other's
// system.
#include "fuzzer/campaign/compare.h"
#include "fuzzer/base/markdown.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "corpus/read_finding.h"
#include "corpus/triage.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/compare_text.h"
#include "tests/fakes/fake_campaign.h"
#include "tests/fakes/scratch.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

System system_of(const std::string& mode) {
  System s = fake_system(mode);
  s.optimizers.push_back({.name = "FakePass"});
  return s;
}

class CompareTest : public ::testing::Test {
 protected:
  fs::path campaign(const std::string& folder, const std::string& mode, std::uint64_t seed) {
    CampaignOptions o = fake_campaign(mode, scratch_ / folder, 150);
    o.system = system_of(mode);
    o.seed = seed;
    run_quietly(o);
    return o.out;
  }
  // Reduces at most so many of its findings.
  static void triage(const fs::path& campaign, const std::string& mode, std::size_t most) {
    Judge judge(system_of(mode), {.configurations = thorough_configurations()});
    const std::vector<fs::path> findings = find_findings({campaign.string()});
    for (std::size_t i = 0; i < std::min(most, findings.size()); ++i)
      triage_finding({&judge}, findings[i], {});
  }
  // What each campaign has of all bugs is what it has in all.
  static void expect_sums(const Comparison& c) {
    for (std::size_t side = 0; side < 2; ++side) {
      std::size_t findings = 0;
      std::uint64_t cases = 0;
      for (const ComparedBug& bug : c.bugs) {
        findings += bug.of[side].findings;
        cases += bug.of[side].cases;
      }
      EXPECT_EQ(findings, c.campaigns[side].findings);
      if (c.campaigns[side].status) {
        EXPECT_EQ(cases, c.campaigns[side].status->bugs());
        EXPECT_EQ(findings, c.campaigns[side].status->groups.size());
      }
    }
  }
  ScratchFolder scratch_;
};

TEST_F(CompareTest, SeedsOfOneSystemHaveItsBugInCommon) {
  const fs::path one = campaign("one", "swapped-operands", 3),
                 other = campaign("other", "swapped-operands", 4);
  triage(one, "swapped-operands", 100);
  triage(other, "swapped-operands", 100);
  const Comparison c = compare_campaigns(one, other);
  expect_sums(c);
  ASSERT_FALSE(c.bugs.empty());
  EXPECT_FALSE(c.bugs.front().only_in());
  EXPECT_TRUE(c.bugs.front().reduced);
  EXPECT_THAT(c.bugs.front().signature, HasSubstr("| fake | FakePass | "));
  const auto json = comparison_json(c);
  EXPECT_EQ(json["differs"][0], "seed");
  EXPECT_EQ(json["A"]["seed"], "3");
  EXPECT_EQ(json["sums"]["bugs"], c.bugs.size());
}

TEST_F(CompareTest, WhatIsNotReducedIsToldByItsGroup) {
  const fs::path one = campaign("one", "swapped-operands", 3),
                 other = campaign("other", "swapped-operands", 3);
  Comparison c = compare_campaigns(one, other);
  expect_sums(c);
  for (const ComparedBug& bug : c.bugs) EXPECT_FALSE(bug.reduced || bug.only_in()) << bug.signature;
  // A finding that only one of them reduced is the same bug still.
  triage(one, "swapped-operands", 1);
  c = compare_campaigns(one, other);
  expect_sums(c);
  for (const ComparedBug& bug : c.bugs) EXPECT_FALSE(bug.only_in()) << bug.signature;
  EXPECT_EQ(std::count_if(c.bugs.begin(), c.bugs.end(), [](const auto& b) { return b.reduced; }), 1);
}

TEST_F(CompareTest, NotThereAndNotFoundAreToldApart) {
  const fs::path bad = campaign("bad", "swapped-operands", 3), good = campaign("good", "honest", 3);
  Comparison c = compare_campaigns(good, bad);
  expect_sums(c);
  ASSERT_FALSE(c.bugs.empty());
  for (const ComparedBug& bug : c.bugs) EXPECT_EQ(bug.only_in(), 1U);
  EXPECT_EQ(elsewhere_in_words(c, c.bugs[0]), "");  // nobody asked
  judge_elsewhere(c, {system_of("honest"), system_of("swapped-operands")}, {});
  for (const ComparedBug& bug : c.bugs)
    EXPECT_THAT(elsewhere_in_words(c, bug), HasSubstr("does not show in fake@honest"));
  judge_elsewhere(c, {system_of("swapped-operands"), system_of("swapped-operands")}, {});
  for (const ComparedBug& bug : c.bugs) EXPECT_THAT(elsewhere_in_words(c, bug), HasSubstr("too: not found"));
  EXPECT_THAT(comparison_lines(c).back(), HasSubstr("show in fake@honest too, 0 do not"));
}

TEST(CompareWords, VersionsAreOrderedWhereTheyCanBe) {
  Comparison c;
  c.campaigns[0].system = "onnxruntime@1.9.0";
  c.campaigns[1].system = "onnxruntime@1.31.1";
  ComparedBug bug;
  bug.of[0].findings = 1;
  bug.elsewhere = AtVersion{.result = AtVersion::Result::kGood};
  EXPECT_THAT(elsewhere_in_words(c, bug), HasSubstr(": fixed by 1.31.1"));
  std::swap(bug.of[0], bug.of[1]);
  EXPECT_THAT(elsewhere_in_words(c, bug), HasSubstr(": broken after 1.9.0"));
  c.campaigns[0].system = "onnxruntime@/mine/lib.so";
  EXPECT_EQ(elsewhere_in_words(c, bug), "does not show in onnxruntime@/mine/lib.so");
}

TEST_F(CompareTest, FoldersOfFindingsDoWithoutAJournal) {
  const fs::path one = campaign("one", "swapped-operands", 3);
  const Comparison c = compare_campaigns(one / "findings", one);
  EXPECT_FALSE(c.campaigns[0].status);
  EXPECT_EQ(c.campaigns[0].system, "fake@swapped-operands");
  expect_sums(c);
  for (const ComparedBug& bug : c.bugs) EXPECT_FALSE(bug.only_in());
}

TEST_F(CompareTest, WhatIsDamagedIsNamed) {
  const fs::path one = campaign("one", "swapped-operands", 3);
  const fs::path finding = find_findings({one.string()}).front();
  std::ofstream(finding / "finding.json") << "{";
  EXPECT_THAT(complaint<UserError>([&] { compare_campaigns(one, one); }), HasSubstr(finding.string()));
  EXPECT_THAT(complaint<UserError>([&] { compare_campaigns(one / "nowhere", one); }), HasSubstr("neither"));
}

TEST(CompareWords, MarkdownShowsHostileNamesAsTheyAre) {
  EXPECT_EQ(markdown_escaped("</script><img src=x>"), "\\</script\\>\\<img src=x\\>");
  EXPECT_EQ(markdown_escaped("a|b\n`c` [d](e)"), "a\\|b \\`c\\` \\[d\\]\\(e\\)");
  Comparison c;
  c.bugs.push_back({.symptom = "crash", .passes = {"<b>|"}});
  c.bugs[0].of[0].findings = 1;
  EXPECT_THAT(comparison_markdown(c), HasSubstr("\\<b\\>\\|"));
  EXPECT_THAT(comparison_markdown(c), Not(HasSubstr("<b>")));
}

}  // namespace
}  // namespace mob
