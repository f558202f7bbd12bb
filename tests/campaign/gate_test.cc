// A gate: it fails on a planted bug that nobody knows, and on nothing else.
#include "fuzzer/campaign/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "corpus/read_finding.h"
#include "corpus/regression_corpus.h"
#include "tests/fakes/fake_campaign.h"
#include "tests/fakes/fake_corpus.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

System system_of(const std::string& version, const std::string& mode) {
  System s = fake_version(version, mode);
  s.optimizers.push_back({.name = "FakePass"});
  return s;
}

class GateTest : public ::testing::Test {
 protected:
  GateOptions options(const std::string& folder, const std::string& mode) {
    GateOptions o;
    o.campaign = fake_campaign(mode, scratch_ / folder, 100);
    o.campaign.system = system_of("2.0.0", mode);
    o.version = "2.0.0";
    return o;
  }
  static GateResult run(const GateOptions& o) {
    return gate(o, [](const std::string&) {});
  }
  // All that a campaign found, taken into a corpus.
  std::vector<RegressionCase> corpus_of(const fs::path& campaign, const std::vector<System>& versions) {
    add_cases(scratch_ / "corpus", find_findings({campaign.string()}), {.versions = versions});
    return read_corpus(scratch_ / "corpus");
  }
  static void expect_all(const GateResult& g, Novelty novelty) {
    EXPECT_FALSE(g.findings.empty());
    for (const GateFinding& f : g.findings) EXPECT_EQ(name(f.novelty), name(novelty)) << f.why;
  }
  ScratchFolder scratch_;
};

TEST_F(GateTest, AnHonestSystemPasses) {
  const GateOptions o = options("out", "honest");
  const GateResult g = run(o);
  EXPECT_FALSE(g.fails());
  EXPECT_TRUE(g.findings.empty());
  EXPECT_EQ(gate_lines(o, g).back(), "nothing new");
}

TEST_F(GateTest, ABugThatNobodyKnowsFails) {
  const GateOptions o = options("out", "swapped-operands");
  const GateResult g = run(o);
  EXPECT_TRUE(g.fails());
  expect_all(g, Novelty::kNew);
  ASSERT_FALSE(g.news().empty());
  EXPECT_LE(g.news().size(), g.findings.size());
  for (const GateFinding* f : g.news()) EXPECT_THAT(f->signature(), HasSubstr("| fake | FakePass | "));
  EXPECT_THAT(gate_lines(o, g).back(), HasSubstr("new bugs"));
  EXPECT_THAT(gate_markdown(o, g), HasSubstr("new/" + g.news()[0]->found.name.substr(0, 5)));
  const auto [cases, replayed] = as_replayed(o, g);
  ASSERT_EQ(cases.size(), g.news().size());
  for (const Replayed& r : replayed) EXPECT_TRUE(r.fails);
}

TEST_F(GateTest, WhatTheCorpusHoldsPasses) {
  GateOptions o = options("out", "swapped-operands");
  run(o);
  o.corpus = corpus_of(o.campaign.out, {o.campaign.system});
  ASSERT_FALSE(o.corpus.empty());
  o.campaign.out = scratch_ / "again";
  const GateResult g = run(o);
  EXPECT_FALSE(g.fails()) << gate_markdown(o, g);
  expect_all(g, Novelty::kInCorpus);
  for (const Replayed& r : g.corpus) EXPECT_EQ(r.change, Change::kStillBad);
  EXPECT_EQ(as_replayed(o, g).first.size(), o.corpus.size());
}

TEST_F(GateTest, ACaseThatWasGoodBeforeFails) {
  GateOptions o = options("out", "swapped-operands");
  run(o);
  o.corpus = corpus_of(o.campaign.out, {o.campaign.system});
  for (RegressionCase& c : o.corpus) c.regression.versions["fake"] = {.good = {"1.0.0"}};
  o.campaign.out = scratch_ / "again";
  const GateResult g = run(o);
  EXPECT_TRUE(g.fails());
  for (const Replayed& r : g.corpus) EXPECT_EQ(r.change, Change::kNewlyBroken);
  EXPECT_THAT(gate_markdown(o, g), HasSubstr("### Newly broken"));
  // An honest build is right on all of them.
  o.campaign = options("honest", "honest").campaign;
  EXPECT_FALSE(run(o).fails());
}

TEST_F(GateTest, AKnownBugPassesUntilItIsCalledFixed) {
  GateOptions o = options("out", "swapped-operands");
  o.known = {{"* | fake | FakePass | *", "reported", "tracker#7", "", "2026-01-02"}};
  const GateResult known = run(o);
  EXPECT_FALSE(known.fails());
  expect_all(known, Novelty::kKnown);
  EXPECT_EQ(known.findings[0].why, "reported tracker#7");
  o.known[0].state = "fixed";
  o.campaign.out = scratch_ / "again";
  const GateResult back = run(o);
  EXPECT_TRUE(back.fails());
  EXPECT_THAT(back.news().at(0)->why, HasSubstr("called fixed: tracker#7"));
}

TEST_F(GateTest, WhatTheBaselineShowsIsNotNew) {
  GateOptions o = options("out", "swapped-operands");
  o.baseline = system_of("1.0.0", "swapped-operands");
  const GateResult same = run(o);
  EXPECT_FALSE(same.fails());
  expect_all(same, Novelty::kInBaseline);
  for (const GateFinding& f : same.findings) EXPECT_FALSE(f.triaged);  // not worth the time
  o.baseline = system_of("1.0.0", "honest");
  o.campaign.out = scratch_ / "again";
  EXPECT_TRUE(run(o).fails());
}

TEST_F(GateTest, AFolderInUseIsRefused) {
  const GateOptions o = options("out", "honest");
  run(o);
  EXPECT_THAT(complaint<UserError>([&] { run(o); }), HasSubstr("a campaign is here already"));
}

}  // namespace
}  // namespace mob
