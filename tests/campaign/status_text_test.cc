// A campaign in words: nothing is left out, and nothing is wider than asked for.
#include "fuzzer/campaign/status_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "fuzzer/runtime/system.h"
#include "tests/fakes/fake_campaign.h"
#include "tests/fakes/scratch.h"

namespace mob {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Status made_up() {
  Status s;
  s.system = "fake@1";
  s.seed = 3;
  s.seconds = 3723;
  s.cases = 1234567;
  s.ledger[{"agree", ""}] = 1234000;
  s.ledger[{"skipped", "all elements are vague " + std::string(300, 'x')}] = 500;
  s.ledger[{"rejected", "no kernel"}] = 60;
  s.ledger[{"finding", "bug wrong-numbers"}] = 5;
  s.ledger[{"finding", "kernel wrong-numbers"}] = 2;
  s.tally.elements = 200;
  s.tally.open = 3;
  s.tally.vague = 7;
  for (std::uint64_t n : {1, 4}) {
    Group g;
    g.symptom = n == 1 ? Symptom::kCrash : Symptom::kWrongNumbers;
    g.name = "group-" + std::to_string(n);
    g.operators = {"Sub"};
    s.groups.push_back({g, n});
  }
  return s;
}

TEST(StatusText, LedgerLinesSumUpToTheCases) {
  ScratchFolder scratch;
  const Status real = run_quietly(fake_campaign("swapped-operands", scratch / "out", 100));
  for (const Status& s : {made_up(), real, Status()}) {
    const auto lines = ledger_lines(s);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i + 1 < lines.size(); ++i) sum += std::stoull(lines[i]);
    EXPECT_EQ(std::stoull(lines.back()), sum);
    EXPECT_EQ(s.cases, sum);
  }
  EXPECT_THAT(ledger_lines(made_up()).back(), HasSubstr("95.00 % of 200 expected elements"));
}

TEST(StatusText, LinesFitAndSayWhatHappened) {
  for (const std::string& line : status_lines(made_up(), 60)) EXPECT_LE(line.size(), 60u) << line;
  std::string all;
  for (const std::string& line : status_lines(made_up(), 200)) all += line + "\n";
  for (const char* words :
       {"fake@1", "seed 3", "1:02:03", "1,234,567", "agree 1,234,000", "skipped 500", "rejected 60",
        "findings 7 (of class bug 5)", "2 bugs: 1 crash, 1 wrong-numbers", "group-4", "20.0 %"})
    EXPECT_THAT(all, HasSubstr(words));
  const std::string line = status_line(made_up());
  EXPECT_EQ(line.find('\n'), std::string::npos);
  for (const char* words : {"1234567 cases", "findings 7 (bug 5)", "2 distinct", "last group-4"})
    EXPECT_THAT(line, HasSubstr(words));
}

TEST(StatusText, TheMostFrequentFindingComesFirst) {
  const auto lines = finding_lines(made_up());
  ASSERT_EQ(lines.size(), 3u);  // under a heading
  EXPECT_THAT(lines[1], HasSubstr("findings/group-4"));
  EXPECT_THAT(lines[2], HasSubstr("findings/group-1"));
  EXPECT_TRUE(finding_lines(Status()).empty());
}

TEST(StatusText, EveryOptimizerIsCountedOrExplained) {
  Status s = made_up();
  EXPECT_TRUE(optimizer_lines(s).empty()) << "the fake system has no optimizer";
  EXPECT_EQ(optimizers_line(s), "");
  s.system = "onnxruntime@1.31.1";
  s.cases = 200000;
  s.tally.reach[{"pass", "ReshapeFusion"}] = 50;
  s.tally.reach[{"whole", "ReshapeFusion"}] = 70;
  s.tally.reach[{"near miss", "ReshapeFusion"}] = 90;
  s.tally.reach[{"rule", "EliminateSlice"}] = 8;
  std::map<std::string, std::string> line_of;
  for (const std::string& line : optimizer_lines(s)) line_of[line.substr(0, line.find(' '))] = line;
  for (const SystemSpec* spec : all_systems())
    for (const Optimizer& o : spec->optimizers()) {
      ASSERT_TRUE(line_of.contains(o.name)) << o.name;
      if (o.out_of_reach.empty()) continue;
      EXPECT_THAT(line_of[o.name], HasSubstr("never: " + o.out_of_reach));
    }
  std::istringstream words(line_of["ReshapeFusion"]);
  const std::vector<std::string> cells{std::istream_iterator<std::string>(words), {}};
  EXPECT_THAT(cells, ElementsAre("ReshapeFusion", "BASIC", "50", "25", "70", "90"));
  EXPECT_THAT(line_of["EliminateSlice"], HasSubstr("EliminateSlice *"));
  EXPECT_THAT(optimizers_line(s), HasSubstr("2 of "));
  EXPECT_THAT(optimizers_line(s), HasSubstr(" EliminateIdentity"));
}

TEST(StatusText, JsonHasTheSameKeysForAnEmptyCampaign) {
  const auto full = status_json(made_up()), empty = status_json(Status());
  for (const auto& [key, value] : full.items()) {
    EXPECT_TRUE(empty.contains(key)) << key;
    EXPECT_EQ(empty[key].type(), value.type()) << key;
  }
  EXPECT_EQ(full["ledger"].size(), 5u);
  EXPECT_EQ(full["findings"].size(), 2u);
  EXPECT_EQ(full["bugs"], 5);
}

TEST(StatusText, Times) {
  EXPECT_EQ(show_time(0), "0:00:00");
  EXPECT_EQ(show_time(59.9), "0:00:59");
  EXPECT_EQ(show_time(36061), "10:01:01");
}

}  // namespace
}  // namespace mob
