// Cases judged again: what changed, against what is known of them or against another version; and what CI
// systems get to read of it.
#include "corpus/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <pugixml.hpp>

#include "corpus/replay_reports.h"
#include "tests/fakes/fake_corpus.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Result = AtVersion::Result;

AtVersion at(const std::string& version, Result result, const std::string& why = "") {
  AtVersion a{.version = version, .result = result, .why = why};
  if (result == Result::kBad) {
    a.symptom = "crash";
    a.levels = {"BASIC"};
  }
  return a;
}

RegressionCase known(const std::vector<std::string>& bad, const std::vector<std::string>& good) {
  RegressionCase c{.folder = "corpus/a case", .name = "a case", .signature = "crash | x", .symptom = "crash"};
  c.regression.versions["fake"] = {.bad = bad, .good = good};
  return c;
}

// --- against what is known ---------------------------------------------------------------------------------

TEST(AgainstExpectation, SaysWhatChanged) {
  const RegressionCase c = known({"1.0.0"}, {"2.0.0"});
  const auto replayed = [&](const char* version, Result result) {
    return against_expectation(c, at(version, result), "fake", version);
  };
  EXPECT_EQ(replayed("1.0.0", Result::kBad).change, Change::kStillBad);
  EXPECT_EQ(replayed("1.0.0", Result::kGood).change, Change::kNewlyFixed);
  EXPECT_EQ(replayed("2.0.0", Result::kGood).change, Change::kStillGood);
  EXPECT_EQ(replayed("2.0.0", Result::kBad).change, Change::kNewlyBroken);
  EXPECT_EQ(replayed("3.0.0", Result::kBad).change, Change::kNewlyBroken);
  for (const Result r : {Result::kUnclear, Result::kNotRunnable, Result::kNotRun})
    EXPECT_EQ(replayed("2.0.0", r).change, Change::kCannotTell);
}
TEST(AgainstExpectation, OnlyWhatIsNewlyBrokenFails) {
  const RegressionCase c = known({"1.0.0"}, {"2.0.0"});
  EXPECT_TRUE(against_expectation(c, at("2.0.0", Result::kBad), "fake", "2.0.0").fails);
  EXPECT_FALSE(against_expectation(c, at("1.0.0", Result::kBad), "fake", "1.0.0").fails);
  EXPECT_FALSE(against_expectation(c, at("1.0.0", Result::kGood), "fake", "1.0.0").fails);
  EXPECT_FALSE(against_expectation(c, at("1.0.0", Result::kUnclear), "fake", "1.0.0").fails);
}
TEST(AgainstExpectation, AFindingOfACampaignIsToBeGone) {
  RegressionCase c = known({"1.0.0"}, {});
  c.plain = true;
  EXPECT_TRUE(against_expectation(c, at("1.0.0", Result::kBad), "fake", "1.0.0").fails);
  EXPECT_FALSE(against_expectation(c, at("1.0.0", Result::kGood), "fake", "1.0.0").fails);
}
TEST(AgainstExpectation, ALibraryIsHeldAgainstTheVersionThatItIs) {
  const RegressionCase c = known({"1.0.0"}, {"2.0.0"});
  EXPECT_EQ(against_expectation(c, at("/some/lib.so", Result::kBad), "fake", "2.0.0").change,
            Change::kNewlyBroken);
}

TEST(AgainstExpectation, WhatIsRightOnAnotherIsaIsNotToldToBeFixed) {
  RegressionCase c = known({"1.0.0"}, {"2.0.0"});
  const auto change = [&](const char* version, Result result, const char* isa) {
    return against_expectation(c, at(version, result), "fake", version, isa).change;
  };
  EXPECT_EQ(change("1.0.0", Result::kGood, "avx512"), Change::kNewlyFixed);  // not known where it was bad
  c.regression.isa = "avx2";
  EXPECT_EQ(change("1.0.0", Result::kGood, "avx2"), Change::kNewlyFixed);
  EXPECT_EQ(change("1.0.0", Result::kGood, "avx512"), Change::kCannotTell);
  EXPECT_EQ(change("1.0.0", Result::kBad, "avx512"), Change::kStillBad);
  EXPECT_EQ(change("2.0.0", Result::kBad, "avx512"), Change::kNewlyBroken);  // bad is bad
  EXPECT_THAT(against_expectation(c, at("1.0.0", Result::kGood), "fake", "1.0.0", "avx512").words,
              HasSubstr("on one with avx2"));
}

// --- against a baseline ------------------------------------------------------------------------------------

TEST(AgainstBaseline, OnlyWhatGotWorseFails) {
  const auto change = [](Result now, Result before) {
    return against_baseline(at("2", now), at("1", before)).change;
  };
  EXPECT_EQ(change(Result::kBad, Result::kGood), Change::kNewlyBroken);
  EXPECT_EQ(change(Result::kBad, Result::kBad), Change::kStillBad);
  EXPECT_EQ(change(Result::kGood, Result::kBad), Change::kNewlyFixed);
  EXPECT_EQ(change(Result::kGood, Result::kGood), Change::kStillGood);
  EXPECT_EQ(change(Result::kGood, Result::kUnclear), Change::kStillGood);
  EXPECT_EQ(change(Result::kUnclear, Result::kGood), Change::kCannotTell);
  const Replayed untold = against_baseline(at("2", Result::kBad), at("1", Result::kUnclear, "no reference"));
  EXPECT_EQ(untold.change, Change::kCannotTell);
  EXPECT_FALSE(untold.fails);
  EXPECT_THAT(untold.words, HasSubstr("no reference"));
  EXPECT_TRUE(against_baseline(at("2", Result::kBad), at("1", Result::kGood)).fails);
}

// --- on fakes ----------------------------------------------------------------------------------------------

class Replay : public ::testing::Test {
 protected:
  Replay() {
    AddOptions o;
    o.versions = {fake_version("1.0.0", "swapped-operands"), fake_version("2.0.0", "honest")};
    const fs::path corpus = scratch_ / "corpus";
    add_cases(corpus,
              {write_fake_finding(scratch_ / "findings", "one", kSub, "a bug"),
               write_fake_finding(scratch_ / "findings", "two", kLongSub, "another bug")},
              o);
    cases_ = read_corpus(corpus);
  }
  std::vector<Change> changes(const System& system) {
    std::vector<Change> changes;
    for (std::size_t i = 0; const AtVersion& a : judge_cases(cases_, system, {}, {}))
      changes.push_back(against_expectation(cases_[i++], a, "fake", system.version).change);
    return changes;
  }
  ScratchFolder scratch_;
  std::vector<RegressionCase> cases_;
};

TEST_F(Replay, TellsEachChange) {
  using enum Change;
  EXPECT_THAT(changes(fake_version("1.0.0", "swapped-operands")), ElementsAre(kStillBad, kStillBad));
  EXPECT_THAT(changes(fake_version("1.0.0", "honest")), ElementsAre(kNewlyFixed, kNewlyFixed));
  EXPECT_THAT(changes(fake_version("2.0.0", "honest")), ElementsAre(kStillGood, kStillGood));
  EXPECT_THAT(changes(fake_version("2.1.0", "swapped-operands")), ElementsAre(kNewlyBroken, kNewlyBroken));
  EXPECT_THAT(changes(fake_version("2.1.0", "refuses")), ElementsAre(kCannotTell, kCannotTell));
  // Only what reads another's result: one of the two.
  EXPECT_THAT(changes(fake_version("2.1.0", "swapped-behind-another")),
              testing::UnorderedElementsAre(kNewlyBroken, kStillGood));
}
TEST_F(Replay, ASystemThatCannotStartIsTrouble) {
  EXPECT_THROW(judge_cases(cases_, fake_version("2.0.0", "cannot-start"), {}, {}), UserError);
}

TEST(VersionRows, AreHeldAgainstTheNearestOlderOneThatTells) {
  using enum Result;
  const auto rows = rows_of({{at("1", kBad), at("1", kGood), at("1", kNotRunnable)},
                             {at("2", kUnclear), at("2", kBad), at("2", kBad)},
                             {at("3", kGood), at("3", kBad), at("3", kGood)}});
  ASSERT_EQ(rows.size(), 3U);
  const auto row = [&](std::size_t i) {
    return std::vector<std::size_t>{rows[i].bad, rows[i].good, rows[i].fixed, rows[i].broken,
                                    rows[i].cannot_tell};
  };
  EXPECT_EQ(rows[1].version, "2");
  EXPECT_THAT(row(0), ElementsAre(1, 1, 0, 0, 1));
  EXPECT_THAT(row(1), ElementsAre(2, 0, 0, 1, 1));
  EXPECT_THAT(row(2), ElementsAre(1, 2, 2, 0, 0));
}

// --- for CI systems ----------------------------------------------------------------------------------------

class Reports : public ::testing::Test {
 protected:
  Reports() {
    cases_ = {known({}, {"1.0.0"}), known({"1.0.0"}, {}), known({"1.0.0"}, {}), known({}, {"1.0.0"}),
              known({}, {"1.0.0"})};
    const AtVersion seen[] = {
        at("1.0.0", Result::kBad, "a <b> & \"c\" \x01\x1b[31m \xff \xEF\xBF\xBF ]]> end"),
        at("1.0.0", Result::kGood), at("1.0.0", Result::kBad, "as ever"),
        at("1.0.0", Result::kUnclear, "nobody\nknows"), at("1.0.0", Result::kGood)};
    for (std::size_t i = 0; i < cases_.size(); ++i)
      replayed_.push_back(against_expectation(cases_[i], seen[i], "fake", "1.0.0"));
  }
  const ReplayOf of_{.system = "fake@1.0.0"};
  std::vector<RegressionCase> cases_;  // newly broken, newly fixed, still bad, cannot tell, still good
  std::vector<Replayed> replayed_;
};

TEST_F(Reports, JUnitIsWellFormedAndCountsItself) {
  const std::string xml = junit_xml(of_, cases_, replayed_);
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(xml.c_str())) << xml;
  for (const unsigned char c : xml) EXPECT_TRUE(c >= 0x20 || c == '\n') << static_cast<int>(c);
  EXPECT_EQ(xml.find('\xff'), std::string::npos);
  EXPECT_EQ(xml.find("&#"), std::string::npos) << xml;  // a control character is none as a reference, either
  const auto suite = document.child("testsuites").child("testsuite");
  EXPECT_EQ(suite.attribute("tests").as_int(), 5);
  EXPECT_EQ(suite.attribute("failures").as_int(), 1);
  EXPECT_EQ(suite.attribute("skipped").as_int(), 1);
  std::vector<std::string> outcomes;
  for (const auto test : suite.children("testcase")) {
    EXPECT_STREQ(test.attribute("name").value(), "a case");
    outcomes.emplace_back(test.first_child().name());
  }
  EXPECT_THAT(outcomes, ElementsAre("failure", "system-out", "system-out", "skipped", "system-out"));
  EXPECT_THAT(suite.first_child().child("failure").attribute("message").value(), HasSubstr("a <b> & \"c\""));
}

// The members that the schema of SARIF 2.1.0 requires, and the values that it allows.
TEST_F(Reports, SarifHoldsWhatItsSchemaRequires) {
  const auto log = nlohmann::json::parse(sarif(of_, cases_, replayed_).dump());
  EXPECT_EQ(log["version"], "2.1.0");
  ASSERT_EQ(log["runs"].size(), 1U);
  const auto& run = log["runs"][0];
  const auto& driver = run["tool"]["driver"];
  EXPECT_EQ(driver["name"], "mobster");
  for (const auto& rule : driver["rules"]) EXPECT_TRUE(rule["id"].is_string());
  for (const auto& invocation : run["invocations"]) EXPECT_EQ(invocation["executionSuccessful"], true);
  ASSERT_EQ(run["results"].size(), 4U);  // what is still good is none
  for (const auto& result : run["results"]) {
    EXPECT_TRUE(result["message"]["text"].is_string());
    EXPECT_EQ(driver["rules"][result["ruleIndex"].get<std::size_t>()]["id"], result["ruleId"]);
    EXPECT_THAT(result["kind"], testing::AnyOf("fail", "open", "pass"));
    // "If kind is absent or fail ..., level is one of these; else it is none" (3.27.10).
    EXPECT_EQ(result["kind"] == "fail", result["level"] != "none");
    EXPECT_EQ(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
              "corpus/a%20case/model.onnx");
  }
  EXPECT_EQ(run["results"][0]["level"], "error");
  EXPECT_EQ(run["results"][0]["baselineState"], "new");
  EXPECT_FALSE(run["results"][0].contains("suppressions"));
  EXPECT_EQ(run["results"][1]["baselineState"], "absent");
  EXPECT_EQ(run["results"][2]["level"], "note");
  EXPECT_EQ(run["results"][2]["suppressions"][0]["kind"], "external");
  EXPECT_EQ(run["results"][3]["kind"], "open");
}

}  // namespace
}  // namespace mob
