// What a report shows of a campaign's folder, and that nothing in it is lost or believed.
#include "fuzzer/report/report_data.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/report/details.h"
#include "fuzzer/report/html.h"
#include "fuzzer/report/markdown.h"
#include "fuzzer/report/terminal.h"
#include "tests/fakes/planted_campaign.h"
#include "tests/fakes/scratch.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

class Report : public ::testing::Test {
 protected:
  Report() : planted_(folder()) {}
  fs::path folder() { return scratch_ / "campaign"; }
  ReportData read() { return read_report({folder()}, folder() / "known_bugs.jsonl"); }

  ScratchFolder scratch_;
  PlantedCampaign planted_;
};

std::vector<std::string> lines_of(const std::string& text) {
  return split(text, '\n');
}

TEST_F(Report, GathersFindingsToBugs) {
  const ReportData data = read();
  ASSERT_EQ(data.findings.size(), 3U);
  EXPECT_EQ(data.triaged(), 2U);
  ASSERT_EQ(data.bugs.size(), 2U);
  EXPECT_EQ(data.bugs[0].findings.size(), 2U);
  EXPECT_EQ(data.bugs[0].known->state, "dismissed");
  const ReportFinding& f = data.findings[data.bugs[0].findings[0]];
  EXPECT_EQ(f.shown.filename(), "reduced");
  EXPECT_EQ(f.operators, std::vector<std::string>{"Sub"});
  EXPECT_EQ(f.culprit, "optimizer");
  EXPECT_THAT(f.at_version,
              ::testing::ElementsAre(::testing::Pair("1.9", "good"), ::testing::Pair("1.10", "bad")));
  EXPECT_FALSE(f.motif.empty());  // of the finding, not of its reduced form
  const ReportFinding& open = data.findings[data.bugs[1].findings[0]];
  EXPECT_EQ(open.name, kHostileFolder);
  EXPECT_FALSE(open.triaged);
}

TEST_F(Report, EveryCaseStandsInTheLedger) {
  const ReportData data = read();
  EXPECT_EQ(data.ledger_sum(), data.status->cases);
  EXPECT_EQ(data.ledger_sum(), 7U);
}

TEST_F(Report, ADamagedFindingIsToldAndNotFatal) {
  write_file_whole(folder() / "findings" / "wrong-numbers-again" / "reduced" / "finding.json", "{");
  write_file_whole(folder() / "findings" / kHostileFolder / "finding.json", "{\"name\": 3}");
  const ReportData data = read();
  EXPECT_EQ(data.findings.size(), 1U);
  ASSERT_EQ(data.broken.size(), 2U);
  EXPECT_THAT(sums_line(data), HasSubstr("2 cannot be read"));
}

TEST_F(Report, TakesFindingsWithoutAJournal) {
  const ReportData data = read_report({folder() / "findings"}, folder() / "none");
  EXPECT_EQ(data.findings.size(), 3U);
  EXPECT_FALSE(data.status);
  EXPECT_FALSE(data.bugs[0].known);
  EXPECT_EQ(read_report({folder() / "findings" / "wrong-numbers-again"}, {}).findings.size(), 1U);
  EXPECT_THROW(read_report({scratch_.path() / "nowhere"}, {}), UserError);
}

// What is being written at the moment has another name.
TEST_F(Report, LeavesOutWhatIsHalfWritten) {
  fs::copy(folder() / "findings" / "wrong-numbers-again", folder() / "findings" / ".half-x",
           fs::copy_options::recursive);
  EXPECT_EQ(read().findings.size(), 3U);
}

TEST_F(Report, ThePageHoldsNoMarkupOfItsData) {
  const std::string page = html_report(read(), {});
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, Not(HasSubstr("alert")));
  EXPECT_THAT(page, Not(HasSubstr("http://www.w3.org/1999")));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST_F(Report, TheBudgetGoesToTheBestOfEachBug) {
  const ReportData data = read();
  std::size_t shown = 0;
  const std::string page = html_report(data, {.details_budget = 1}, &shown);
  EXPECT_EQ(shown, 1U);
  EXPECT_THAT(page, HasSubstr("id=\"detail-" + std::to_string(data.bugs[0].findings[0]) + "\""));
  html_report(data, {}, &shown);
  EXPECT_EQ(shown, 3U);
}

TEST_F(Report, DetailsShowBothSidesAndTheActualValues) {
  const ReportData data = read();
  const auto details = details_of(data, {data.bugs[0].findings[0]});
  ASSERT_EQ(details.size(), 1U);
  EXPECT_EQ(details[0]["tensors"]["outputs"][0]["elements"], 6);
  EXPECT_EQ(details[0]["tensors"]["outputs"][0]["outside"], 6);
  EXPECT_TRUE(details[0]["files"].contains("model.onnx"));
  EXPECT_FALSE(details[0]["files"].contains("test_data_set_0/actual_0.pb"));
  EXPECT_EQ(details[0]["graphs"].size() + details[0]["notes"].size(), 2U);  // pictures, or why there are none
}

TEST_F(Report, MarkdownKeepsItsTables) {
  const std::string text = markdown_report(read());
  EXPECT_THAT(text, HasSubstr("1 bugs of 2 triaged findings, 1 dismissed; 1 findings not triaged"));
  EXPECT_THAT(text, HasSubstr("| **7** | sum of 7 cases | |"));
  EXPECT_THAT(text, HasSubstr("\\<img"));
  for (const std::string& line : lines_of(text)) {
    if (line.starts_with("| ")) {
      EXPECT_TRUE(line.ends_with("|")) << line;
    }
  }
}

TEST_F(Report, MarkdownOfOneFindingIsAnIssue) {
  const std::string text = markdown_report(read_report({folder() / "findings" / "wrong-numbers-again"}, {}));
  for (const char* words : {"FakePass", "To reproduce", "wrong results on Sub", "good 1.9, bad from 1.10 on"})
    EXPECT_THAT(text, HasSubstr(words));
}

TEST_F(Report, TheTerminalIsNoWiderThanAsked) {
  const std::string text = terminal_report(read());
  EXPECT_THAT(text, HasSubstr("dismissed: upstream#1"));
  for (const std::string& line : lines_of(text)) EXPECT_LE(line.size(), 100U) << line;
}

}  // namespace
}  // namespace mob
