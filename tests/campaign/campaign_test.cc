// Whole campaigns against fake runtimes: planted bugs become findings, honest ones none; and the journal is
// the same however many threads, interruptions and full disks there were.
#include "fuzzer/campaign/campaign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "corpus/triage.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/rng.h"
#include "fuzzer/graph/model_io.h"
#include "tests/fakes/fake_campaign.h"
#include "tests/fakes/scratch.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Enough for three epochs: snapshots count from the third on. Sanitizers take ten times as long.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kCases = 272;
#else
constexpr std::uint64_t kCases = 400;
#endif

// All of the journal that must not depend on threads, time and interruptions, row by row.
std::vector<std::string> contents(const fs::path& campaign) {
  std::vector<std::string> all;
  for (const std::string query : {"select key, value from meta where key <> 'jobs' order by key",
                                  "select epoch, snapshot from epochs order by epoch",
                                  "select first, cases, ending, reasons.reason from ledger join reasons on "
                                  "id = ledger.reason order by first",
                                  "select signature, name, symptom, cures, operators, bad, first_index, "
                                  "cases from bugs order by first_index",
                                  "select idx, signature from findings join bugs on id = bug order by idx",
                                  "select idx, pass_set, name, hex(packed) from seeds order by idx",
                                  "select kind, name, cases from reach order by kind, name"})
    for (const std::string& row : rows_of(campaign, query)) all.push_back(query.substr(0, 40) + ": " + row);
  return all;
}

void expect_equal_contents(const fs::path& a, const fs::path& b) {
  const auto one = contents(a), other = contents(b);
  EXPECT_GT(one.size(), 10u);
  EXPECT_EQ(one.size(), other.size());
  for (std::size_t i = 0; i < std::min(one.size(), other.size()); ++i) {
    ASSERT_EQ(one[i].substr(0, 500), other[i].substr(0, 500));
    ASSERT_TRUE(one[i] == other[i]) << one[i].substr(0, 200);
  }
}

void expect_whole(const fs::path& campaign, std::uint64_t cases) {
  Journal j(campaign, Journal::Mode::kRead);
  EXPECT_EQ(j.audit(), "");
  EXPECT_EQ(j.next_index(), cases);
  std::uint64_t in_ledger = 0, bugs = 0, in_groups = 0;
  for (const auto& [key, n] : j.ledger()) {
    in_ledger += n;
    bugs += key.first == "finding" && key.second.starts_with("bug ") ? n : 0;
  }
  EXPECT_EQ(in_ledger, cases);
  EXPECT_EQ(j.findings().size(), bugs);
  std::set<std::string> folders;
  for (const auto& g : j.groups()) {
    in_groups += g.cases;
    folders.insert(g.group.name);
    const fs::path folder = campaign / "findings" / g.group.name;
    for (const char* file : {"model.onnx", "finding.json", "README.md", "repro.py", "test_data_set_0"})
      EXPECT_TRUE(fs::exists(folder / file)) << g.group.name << "/" << file;
  }
  EXPECT_EQ(in_groups, bugs);
  for (const auto& entry : fs::directory_iterator(campaign / "findings"))
    EXPECT_TRUE(folders.contains(entry.path().filename())) << entry.path();
}

class CampaignTest : public ::testing::Test {
 protected:
  CampaignOptions options(const std::string& mode, const std::string& folder, std::uint64_t cases = kCases,
                          int jobs = 2) {
    return fake_campaign(mode, scratch_ / folder, cases, jobs);
  }
  ScratchFolder scratch_;
};

class HonestCampaign : public CampaignTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(HonestCampaign, FindsNothing) {
  EndedBy why = EndedBy::kSignal;
  const Status s = run_quietly(options(GetParam(), "out"), &why);
  EXPECT_EQ(why, EndedBy::kCases);
  EXPECT_EQ(s.cases, kCases);
  EXPECT_EQ(s.endings(Ending::kFinding), 0u);
  EXPECT_GT(s.endings(Ending::kAgree), kCases * 9 / 10);
  EXPECT_GT(s.reached("operator"), 50u);
  EXPECT_GT(s.reached("motif"), 20u);
  expect_whole(scratch_ / "out", kCases);
}

INSTANTIATE_TEST_SUITE_P(Each, HonestCampaign, ::testing::Values("honest", "honest-noisy"),
                         [](const auto& info) {
                           return std::string(info.param).substr(info.param[6] ? 7 : 0);
                         });

struct Planted {
  const char* mode;
  const char* symptom;
  std::uint64_t cases;
  std::size_t groups;  // at most: an operator sequence each
};
void PrintTo(const Planted& p, std::ostream* out) {
  *out << p.mode;
}

class PlantedCampaign : public CampaignTest, public ::testing::WithParamInterface<Planted> {};

TEST_P(PlantedCampaign, FindsItAndWritesItDown) {
  const Planted& p = GetParam();
  const CampaignOptions o = options(p.mode, "out", p.cases);
  const Status s = run_quietly(o);
  expect_whole(o.out, p.cases);
  ASSERT_GE(s.groups.size(), 1u);
  EXPECT_LE(s.groups.size(), p.groups);
  std::uint64_t of_symptom = 0;
  for (const auto& g : s.groups) {
    const fs::path folder = o.out / "findings" / g.group.name;
    const auto j = nlohmann::json::parse(bytes_of(folder / "finding.json"));
    EXPECT_EQ(j["symptom"], name(g.group.symptom));
    EXPECT_EQ(j["class"], "bug");
    EXPECT_EQ(j["confirmed"], true);
    EXPECT_EQ(j["signature"], g.group.signature);
    EXPECT_EQ(j["seed"], o.seed);
    EXPECT_EQ(j["index"], g.group.first_index);
    of_symptom += j["symptom"] == p.symptom ? g.cases : 0;
    const Model model = load_model(folder / "model.onnx");
    for (std::size_t i = 0; i < model.graph.outputs.size(); ++i)
      EXPECT_NO_THROW(load_tensor(folder / "test_data_set_0" / ("output_" + std::to_string(i) + ".pb")));
  }
  // Operands that change places may fit no more: shapes and types break, too.
  EXPECT_GE(of_symptom * 2, s.bugs());
}

INSTANTIATE_TEST_SUITE_P(
    Each, PlantedCampaign,
    ::testing::Values(Planted{"swapped-operands", "wrong-numbers", kCases, 10},
                      // It hits whatever makes an output: a group for each such operator.
                      Planted{"scaled-binding", "wrong-numbers", 2 * kCases, 25},
                      Planted{"error-at-load", "crash", kCases, kCases / 3},
                      Planted{"crash-at-run", "crash", 32, 32}),
    [](const auto& info) { return test_name(info.param.mode); });

TEST_F(CampaignTest, TheNumberOfJobsDoesNotMatter) {
  for (int jobs : {1, 2, 4}) run_quietly(options("swapped-operands", std::to_string(jobs), kCases, jobs));
  expect_whole(scratch_ / "1", kCases);
  expect_equal_contents(scratch_ / "1", scratch_ / "2");
  expect_equal_contents(scratch_ / "1", scratch_ / "4");
}

TEST_F(CampaignTest, InOneGoAsInPieces) {
  run_quietly(options("swapped-operands", "whole"));
  CampaignOptions o = options("swapped-operands", "pieces", 130);
  EXPECT_EQ(run_quietly(o).cases, 130u);
  o.resume = true;
  for (std::uint64_t cases : {std::uint64_t{131}, std::uint64_t{263}, kCases}) {
    o.cases = cases;
    o.jobs = 3 - o.jobs;
    const Status s = run_quietly(o);
    EXPECT_EQ(s.cases, cases);
  }
  expect_whole(scratch_ / "pieces", kCases);
  expect_equal_contents(scratch_ / "whole", scratch_ / "pieces");
}

TEST_F(CampaignTest, NothingIsLeftToDo) {
  CampaignOptions o = options("honest", "out", 32);
  run_quietly(o);
  o.resume = true;
  const Status s = run_quietly(o);
  EXPECT_EQ(s.cases, 32u);
  EXPECT_EQ(s.session_cases, 0u);
}

TEST_F(CampaignTest, AStopEndsOnAPrefix) {
  std::atomic<bool> stop = false;
  CampaignOptions o = options("swapped-operands", "stopped", 1000000);
  o.stop = &stop;
  std::thread asking([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(400));
    stop = true;
  });
  EndedBy why = EndedBy::kCases;
  const Status s = run_quietly(o, &why);
  asking.join();
  EXPECT_EQ(why, EndedBy::kSignal);
  ASSERT_GT(s.cases, 0u);
  expect_whole(scratch_ / "stopped", s.cases);
  run_quietly(options("swapped-operands", "prefix", s.cases));
  expect_equal_contents(scratch_ / "stopped", scratch_ / "prefix");
}

TEST_F(CampaignTest, ATimeLimitEndsOnAPrefix) {
  CampaignOptions o = options("honest", "timed", 0);
  o.seconds = 0.3;
  EndedBy why = EndedBy::kCases;
  const Status s = run_quietly(o, &why);
  EXPECT_EQ(why, EndedBy::kTime);
  EXPECT_GE(s.seconds, 0.3);
  expect_whole(scratch_ / "timed", s.cases);
}

TEST_F(CampaignTest, IsResumedAsItWasBegunOrNotAtAll) {
  CampaignOptions begun = options("honest", "out", 32);
  run_quietly(begun);
  begun.resume = true;
  const auto refused = [&](const CampaignOptions& o) {
    const std::string words = complaint<UserError>([&] { run_quietly(o); });
    EXPECT_THAT(words, HasSubstr((scratch_ / "out").string()));
    return words;
  };
  CampaignOptions o = begun;
  o.seed = 4;
  EXPECT_THAT(refused(o), HasSubstr("another seed ('3', not '4')"));
  o = begun;
  o.source.generator.policy.motif = 0;
  EXPECT_THAT(refused(o), HasSubstr("another policy"));
  o = begun;
  o.source.focus = parse_focus("operator:Softmax");
  EXPECT_THAT(refused(o), HasSubstr("focus"));
  o = begun;
  o.system = fake_system("swapped-operands");
  EXPECT_THAT(refused(o), HasSubstr("another system"));
  o = begun;
  o.resume = false;
  EXPECT_THAT(refused(o), HasSubstr("--resume"));
  expect_whole(scratch_ / "out", 32);
}

TEST_F(CampaignTest, AJournalThatWasChangedFromOutsideIsNotGoneOnWith) {
  CampaignOptions o = options("swapped-operands", "out", 300);
  run_quietly(o);
  edit(o.out, "delete from seeds where idx < 128");
  o.resume = true;
  o.cases = 316;
  EXPECT_THAT(complaint<UserError>([&] { run_quietly(o); }), HasSubstr("changed from outside"));
}

TEST_F(CampaignTest, TheDiskBudgetEndsIt) {
  CampaignOptions o = options("honest", "out", 1000000);
  o.disk_budget = 1;
  EndedBy why = EndedBy::kCases;
  const Status s = run_quietly(o, &why);
  EXPECT_EQ(why, EndedBy::kDiskBudget);
  expect_whole(o.out, s.cases);
  o.resume = true;
  o.disk_budget = 1 << 30;
  o.cases = s.cases + 20;
  EXPECT_EQ(run_quietly(o).cases, o.cases);
}

TEST_F(CampaignTest, AWorkerThatCannotStartEndsItInOneLine) {
  for (int jobs : {1, 4})
    EXPECT_THAT(
        complaint<UserError>([&] { run_quietly(options("cannot-start", std::to_string(jobs), 1000, jobs)); }),
        HasSubstr("the library is of another machine"));
}

// --- As a process of its own, to be treated badly.

std::vector<std::string> program(const fs::path& out, std::uint64_t cases) {
  return {std::string(MOBSTER_BINARY) + "/mobster-fake-campaign", out.string(), "swapped-operands",
          std::to_string(cases), "2"};
}

// Starts it; kills it after that long, unless it has ended. The exit code, or -1 where it was killed.
int run_for(const std::vector<std::string>& words, std::chrono::milliseconds patience) {
  std::vector<char*> argv;
  for (const std::string& w : words) argv.push_back(const_cast<char*>(w.c_str()));
  argv.push_back(nullptr);
  pid_t child = 0;
  if (posix_spawn(&child, argv[0], nullptr, nullptr, argv.data(), environ) != 0) return 127;
  const auto end = std::chrono::steady_clock::now() + patience;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() >= end) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      return WIFSIGNALED(status) ? -1 : WEXITSTATUS(status);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

TEST_F(CampaignTest, KilledTenTimesItEndsAsIfUndisturbed) {
  const std::uint64_t cases = 2 * kCases;
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(run_for(program(scratch_ / "undisturbed", cases), std::chrono::minutes(10)), 0);
  // The kills come early enough, however fast the machine is, for the first few to find it at work.
  const auto most =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin) / 3;
  Rng rng(static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count()), 0);
  int kills = 0, resumed = 0;
  std::string moments;
  for (int round = 0; round < 10; ++round) {
    resumed += fs::exists(scratch_ / "killed" / "journal.sqlite");
    const auto moment = std::chrono::milliseconds(rng.range(5, std::max<std::int64_t>(6, most.count())));
    moments += std::to_string(moment.count()) + " ";
    const int code = run_for(program(scratch_ / "killed", cases), moment);
    ASSERT_TRUE(code == -1 || code == 0) << code << " after kills at " << moments;
    kills += code == -1;
  }
  SCOPED_TRACE("killed after ms: " + moments);
  EXPECT_GT(kills, 2);
  EXPECT_GT(resumed, 2);
  ASSERT_EQ(run_for(program(scratch_ / "killed", cases), std::chrono::minutes(10)), 0);
  expect_whole(scratch_ / "killed", cases);
  expect_equal_contents(scratch_ / "undisturbed", scratch_ / "killed");
}

// On a file system of its own that is soon full; then with room again.
TEST_F(CampaignTest, AFullDiskEndsItInOneLineAndLosesNothing) {
  const fs::path small = scratch_ / "small", kept = scratch_ / "kept", said = scratch_ / "said";
  fs::create_directories(small);
  const std::string unshare = geteuid() == 0 ? "unshare --mount " : "unshare --mount --map-root-user ";
  if (std::system((unshare + "mount -t tmpfs mobster " + small.string() + " 2>/dev/null").c_str()) != 0)
    GTEST_SKIP() << "no file system may be mounted here";
  std::string run;
  for (const std::string& word : program(small / "out", 100000)) run += " " + word;
  const int status = std::system((unshare + "sh -c 'mount -t tmpfs -o size=700k mobster " + small.string() +
                                  " && { " + run + " 2>" + said.string() + "; code=$?; cp -r " +
                                  (small / "out").string() + " " + kept.string() + " && exit $code; }'")
                                     .c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 2);
  const std::string words = bytes_of(said);
  EXPECT_EQ(std::count(words.begin(), words.end(), '\n'), 1) << words;
  EXPECT_TRUE(words.find("full") != std::string::npos || words.find("No space left") != std::string::npos)
      << words;

  const std::uint64_t done = Journal(kept, Journal::Mode::kRead).next_index();
  EXPECT_GT(done, 0u);
  EXPECT_EQ(Journal(kept, Journal::Mode::kRead).audit(), "");
  // Beyond all that was begun when it ended.
  const std::uint64_t cases = done + 2 * kCases;
  CampaignOptions o = options("swapped-operands", "kept", cases);
  o.resume = true;
  run_quietly(o);
  expect_whole(kept, cases);
  run_quietly(options("swapped-operands", "undisturbed", cases));
  expect_equal_contents(scratch_ / "undisturbed", kept);
}

// --- Figures.

Status with_groups(const std::vector<std::uint64_t>& cases, double seconds) {
  Status s;
  s.seconds = seconds;
  for (std::uint64_t n : cases) s.groups.push_back({Group(), n});
  return s;
}

TEST(ChanceOfNew, IsTheShareOfGroupsSeenOnce) {
  EXPECT_DOUBLE_EQ(chance_of_new(with_groups({1, 1, 3}, 60)), 2.0 / 5);
  EXPECT_DOUBLE_EQ(chance_of_new(with_groups({2, 2}, 60)), 0);
  EXPECT_DOUBLE_EQ(chance_of_new(with_groups({1}, 60)), 1);
  EXPECT_DOUBLE_EQ(chance_of_new(with_groups({}, 60)), 1);  // nothing to judge by
}

TEST(ChanceOfNew, WithinAnHourGrowsWithTheRate) {
  EXPECT_DOUBLE_EQ(chance_of_new_in_an_hour(with_groups({}, 60)), 1);
  EXPECT_DOUBLE_EQ(chance_of_new_in_an_hour(with_groups({2, 2}, 60)), 0);
  EXPECT_NEAR(chance_of_new_in_an_hour(with_groups({1, 1, 3}, 3600)), 1 - std::pow(0.6, 5), 1e-12);
  EXPECT_NEAR(chance_of_new_in_an_hour(with_groups({1, 1, 3}, 1800)), 1 - std::pow(0.6, 10), 1e-12);
}

TEST(MemorySlope, IsThatOfTheSecondHalf) {
  std::vector<ProgressPoint> points;
  for (int i = 0; i < 20; ++i) {
    ProgressPoint p;
    p.seconds = 360.0 * i;
    p.memory = i < 10 ? 1000000 * (i % 3) : 5000 + 100 * i;  // restless at first, then 100 a tenth of an hour
    p.worker_memory = i < 10 ? 7 : 900 + 50 * i;
    points.push_back(p);
  }
  EXPECT_NEAR(memory_slope(points), 1500, 1e-6);
  for (auto& p : points) p.memory = p.worker_memory = 12345;
  EXPECT_NEAR(memory_slope(points), 0, 1e-6);
}

TEST(MemorySlope, IsNoneWhereThereAreFewPoints) {
  EXPECT_EQ(memory_slope({}), 0);
  EXPECT_EQ(
      memory_slope({{.seconds = 1, .memory = 1}, {.seconds = 2, .memory = 9}, {.seconds = 3, .memory = 99}}),
      0);
  EXPECT_EQ(memory_slope(std::vector<ProgressPoint>(8, {.seconds = 5, .memory = 3})),
            0);  // all at one moment
}

TEST(Campaign, FindingsAreTriagedMeanwhileAndTheResultIsTheSame) {
  const ScratchFolder scratch;
  constexpr std::uint64_t kLonger = 3 * kCases;  // some seconds, in which triage can get to its work
  CampaignOptions with = fake_campaign("swapped-operands", scratch / "with", kLonger);
  with.triage_share = 0.9;
  run_quietly(with);
  run_quietly(fake_campaign("swapped-operands", scratch / "without", kLonger));
  expect_equal_contents(scratch / "with", scratch / "without");
  std::size_t triaged = 0;
  for (const auto& entry : fs::directory_iterator(scratch / "with" / "findings"))
    triaged += is_triaged(entry.path());
  EXPECT_GT(triaged, 0U);
  for (const auto& entry : fs::directory_iterator(scratch / "without" / "findings"))
    EXPECT_FALSE(is_triaged(entry.path()));
}

}  // namespace
}  // namespace mob
