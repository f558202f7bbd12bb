// The journal: what is committed is there, what is not is not, and who opens the wrong thing is told so.
#include "fuzzer/campaign/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "fuzzer/base/check.h"
#include "fuzzer/graph/model_io.h"
#include "tests/fakes/scratch.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using Mode = Journal::Mode;

const Entry kAgreed{Ending::kAgree, ""};
const Entry kVague{Ending::kSkipped, "all elements are vague"};
const Entry kBug{Ending::kFinding, "bug wrong-numbers"};

Case relu(const std::vector<double>& x) {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[3] x) => (float[3] y) { y = Relu (x) })");
  c.inputs["x"] = Tensor::of(DType::kFloat, {3}, x);
  return c;
}

Group group(const std::string& op, std::uint64_t first_index) {
  Group g;
  g.symptom = Symptom::kWrongNumbers;
  g.cures = {"CastFusion", "ConstantFolding"};
  g.operators = {op, "Add"};
  g.signature = signature_of(g.symptom, g.cures, g.operators);
  g.name = "wrong-numbers-" + op;
  g.bad = {.level = 2, .reload = true, .runs = 2};
  g.first_index = first_index;
  return g;
}

void append(Journal& j, const std::vector<Entry>& entries) {
  std::uint64_t index = j.next_index();
  j.begin();
  for (const Entry& e : entries) j.append(index++, e);
  j.commit();
}

class JournalTest : public ::testing::Test {
 protected:
  Journal create() { return Journal(folder(), Mode::kCreate); }
  Journal resume() { return Journal(folder(), Mode::kResume); }
  Journal read() { return Journal(folder(), Mode::kRead); }
  fs::path folder() { return scratch_ / "campaign"; }
  std::string refusal(Mode mode) {
    return complaint<UserError>([&] { Journal(folder(), mode); });
  }

  ScratchFolder scratch_;
};

TEST_F(JournalTest, ANewOneIsEmpty) {
  Journal j = create();
  EXPECT_EQ(j.next_index(), 0u);
  EXPECT_TRUE(j.ledger().empty());
  EXPECT_TRUE(j.groups().empty());
  EXPECT_TRUE(j.progress().empty());
  EXPECT_EQ(j.audit(), "");
  EXPECT_TRUE(fs::is_directory(folder() / "findings"));
}

TEST_F(JournalTest, ASnapshotCountsWhatEarlierEpochsApplied) {
  Journal j = create();
  j.begin();
  j.add_applied(0, {{"APass", 2}});
  j.add_applied(0, {{"APass", 1}, {"ARule", 4}});
  j.add_applied(1, {{"APass", 10}});
  j.commit();
  EXPECT_THAT(j.snapshot(epoch_first(0)).applied, IsEmpty());
  EXPECT_THAT(j.snapshot(epoch_first(1)).applied, ElementsAre(Pair("APass", 3), Pair("ARule", 4)));
  const Snapshot all = j.snapshot(epoch_first(2));
  EXPECT_THAT(all.applied, ElementsAre(Pair("APass", 13), Pair("ARule", 4)));
  EXPECT_EQ(all.cases, epoch_first(2));
  EXPECT_NE(all.hash(), j.snapshot(epoch_first(1)).hash());
}

TEST_F(JournalTest, RunsOfEqualEndingsAreOneRow) {
  Journal j = create();
  append(j, {kAgreed, kAgreed, kAgreed, kVague, kAgreed, kAgreed});
  append(j, {kAgreed, kAgreed});  // goes on where the last transaction ended
  EXPECT_THAT(rows_of(folder(),
                      "select l.first, l.cases, r.ending from ledger l join reasons r on r.id = l.reason "
                      "order by l.first"),
              ElementsAre("0|3|agree", "3|1|skipped", "4|4|agree"));
  EXPECT_EQ(j.next_index(), 8u);
  EXPECT_EQ(j.ledger().at({"agree", ""}), 7u);
  EXPECT_EQ(j.ledger().at({"skipped", "all elements are vague"}), 1u);
  EXPECT_EQ(j.audit(), "");
}

TEST_F(JournalTest, ARunGoesOnAfterReopening) {
  {
    Journal j = create();
    append(j, {kAgreed, kAgreed});
  }
  Journal j = resume();
  append(j, {kAgreed, kVague});
  EXPECT_THAT(rows_of(folder(), "select first, cases from ledger order by first"), ElementsAre("0|3", "3|1"));
}

TEST_F(JournalTest, EqualReasonsOfDifferentEndingsAreKeptApart) {
  Journal j = create();
  append(j, {{Ending::kSkipped, "x"}, {Ending::kRejected, "x"}, {Ending::kRejected, "it's \"x\""}});
  EXPECT_EQ(j.ledger().size(), 3u);
  EXPECT_EQ(j.ledger().at({"rejected", "it's \"x\""}), 1u);
}

TEST_F(JournalTest, WhatIsNotCommittedIsNotThereAfterReopening) {
  {
    Journal j = create();
    append(j, {kAgreed, kAgreed});
    j.begin();
    j.append(2, kBug);
    j.add_group(group("Sub", 2));
    j.add_finding({2, group("Sub", 2).signature});
    j.add_seed(2, 77, "motif case 2", relu({1, 2, 3}));
    j.add_epoch(1, 5);
    j.add_progress({.seconds = 1, .cases = 3});
    Tally t;
    t.elements = 9;
    t.reach[{"operator", "Relu"}] = 1;
    j.add_tally(t);
  }
  Journal j = resume();
  EXPECT_EQ(j.next_index(), 2u);
  EXPECT_EQ(j.ledger().size(), 1u);
  EXPECT_TRUE(j.groups().empty());
  EXPECT_TRUE(j.findings().empty());
  EXPECT_TRUE(j.snapshot(1000).pool.empty());
  EXPECT_TRUE(j.progress().empty());
  EXPECT_EQ(j.epoch_hash(1), 0u);
  EXPECT_EQ(j.tally().elements, 0u);
  EXPECT_TRUE(j.tally().reach.empty());
}

TEST_F(JournalTest, RollbackForgetsAndTheSameIndicesCanBeWrittenAgain) {
  Journal j = create();
  append(j, {kAgreed, kAgreed});
  j.begin();
  j.append(2, kVague);
  j.append(3, kAgreed);
  j.rollback();
  EXPECT_EQ(j.next_index(), 2u);
  append(j, {kAgreed, kVague});
  EXPECT_THAT(rows_of(folder(), "select first, cases from ledger order by first"), ElementsAre("0|3", "3|1"));
  EXPECT_EQ(j.ledger().at({"skipped", "all elements are vague"}), 1u);
}

TEST_F(JournalTest, GroupsAndTheirFindingsComeBack) {
  {
    Journal j = create();
    append(j, {kAgreed, kBug, kBug, kBug});
    j.begin();
    j.add_group(group("Sub", 1));
    j.add_group(group("Div", 2));
    j.add_finding({1, group("Sub", 1).signature});
    j.add_finding({2, group("Div", 2).signature});
    j.add_finding({3, group("Sub", 1).signature});
    j.commit();
  }
  Journal j = read();
  const auto groups = j.groups();
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].cases, 2u);
  EXPECT_EQ(groups[1].cases, 1u);
  const Group sub = group("Sub", 1), &got = groups[0].group;
  EXPECT_EQ(got.signature, sub.signature);
  EXPECT_EQ(got.name, sub.name);
  EXPECT_EQ(got.symptom, sub.symptom);
  EXPECT_EQ(got.cures, sub.cures);
  EXPECT_EQ(got.operators, sub.operators);
  EXPECT_EQ(got.bad, sub.bad);
  EXPECT_EQ(got.first_index, 1u);
  EXPECT_THAT(j.findings(), ElementsAre(1u, 2u, 3u));
}

TEST_F(JournalTest, ASnapshotEndsBeforeItsIndex) {
  Journal j = create();
  append(j, {kBug, kAgreed, kBug});
  j.begin();
  j.add_group(group("Sub", 0));
  j.add_group(group("Div", 2));
  j.add_seed(1, 11, "graph case 1", relu({1, 2, 3}));
  j.add_seed(2, 12, "motif case 2", relu({4, 5, 6}));
  j.commit();
  const Snapshot two = j.snapshot(2), all = j.snapshot(3);
  ASSERT_EQ(two.groups.size(), 1u);
  EXPECT_EQ(two.groups[0].first_index, 0u);
  ASSERT_EQ(two.pool.size(), 1u);
  EXPECT_EQ(two.pool[0].name, "graph case 1");
  EXPECT_THAT(two.seen, ElementsAre(11u));
  EXPECT_EQ(all.groups.size(), 2u);
  EXPECT_THAT(all.seen, ElementsAre(11u, 12u));
  EXPECT_EQ(pack(*all.pool[1].c), pack(relu({4, 5, 6})));
  EXPECT_NE(two.hash(), all.hash());
  EXPECT_EQ(j.snapshot(2).hash(), two.hash());
  EXPECT_EQ(j.snapshot(0).hash(), Snapshot().hash());
}

TEST_F(JournalTest, TalliesAddUp) {
  Journal j = create();
  Tally t;
  t.elements = 100;
  t.open = 3;
  t.vague = 4;
  t.sessions = 2;
  t.system_seconds = 0.25;
  t.reach[{"operator", "Relu"}] = 5;
  for (int i = 0; i < 3; ++i) {
    j.begin();
    j.add_tally(t);
    j.commit();
  }
  const Tally sum = j.tally();
  EXPECT_EQ(sum.elements, 300u);
  EXPECT_EQ(sum.open, 9u);
  EXPECT_EQ(sum.vague, 12u);
  EXPECT_EQ(sum.sessions, 6u);
  EXPECT_DOUBLE_EQ(sum.system_seconds, 0.75);
  EXPECT_EQ(sum.reach.at({"operator", "Relu"}), 15u);
}

TEST_F(JournalTest, AuditNamesAGap) {
  {
    append(*std::make_unique<Journal>(folder(), Mode::kCreate), {kAgreed, kVague, kAgreed, kAgreed, kVague});
  }
  edit(folder(), "update ledger set cases = 1 where first = 2");
  EXPECT_THAT(read().audit(), HasSubstr("case 3 is not accounted for"));
}

TEST_F(JournalTest, AuditNamesADouble) {
  {
    append(*std::make_unique<Journal>(folder(), Mode::kCreate), {kAgreed, kVague, kAgreed, kAgreed, kVague});
  }
  edit(folder(), "update ledger set cases = 3 where first = 2");
  EXPECT_THAT(read().audit(), HasSubstr("case 4 is accounted for twice"));
}

TEST_F(JournalTest, AuditNamesAMissingStart) {
  { append(*std::make_unique<Journal>(folder(), Mode::kCreate), {kAgreed, kVague}); }
  edit(folder(), "delete from ledger where first = 0");
  EXPECT_THAT(read().audit(), HasSubstr("case 0 is not accounted for"));
}

// Somebody looks while the campaign runs: all that he sees is of one moment.
TEST_F(JournalTest, AReaderSeesOneMomentOfARunningCampaign) {
  Journal writer = create();
  append(writer, {kAgreed, kVague});
  writer.begin();
  writer.append(2, kAgreed);
  Journal reader = read();  // a transaction is open
  EXPECT_EQ(reader.next_index(), 2u);
  writer.commit();
  append(writer, {kVague, kVague});
  std::uint64_t sum = 0;
  for (const auto& [key, cases] : reader.ledger()) sum += cases;
  EXPECT_EQ(sum, reader.next_index());
  EXPECT_EQ(reader.audit(), "");
  EXPECT_EQ(read().next_index(), 5u);
  EXPECT_EQ(writer.next_index(), 5u);
}

TEST_F(JournalTest, AReaderCannotWrite) {
  { create(); }
  Journal reader = read();
  complaint<UserError>([&] { reader.set_meta("seed", "2"); });
}

TEST_F(JournalTest, ASecondWriterIsRefused) {
  Journal first = create();
  EXPECT_THAT(refusal(Mode::kResume), HasSubstr("another campaign is running here"));
  EXPECT_THAT(refusal(Mode::kCreate), HasSubstr("a campaign is here already"));
}

TEST_F(JournalTest, NothingToResumeOrRead) {
  for (Mode mode : {Mode::kResume, Mode::kRead}) {
    const std::string words = refusal(mode);
    EXPECT_THAT(words, HasSubstr(folder().string()));
    EXPECT_THAT(words, HasSubstr("no campaign is here"));
  }
  EXPECT_FALSE(fs::exists(folder()));
}

TEST_F(JournalTest, NotADatabase) {
  fs::create_directories(folder());
  std::ofstream(folder() / "journal.sqlite") << std::string(5000, '?');
  for (Mode mode : {Mode::kResume, Mode::kRead}) EXPECT_THAT(refusal(mode), HasSubstr("journal.sqlite"));
}

TEST_F(JournalTest, AnotherDatabase) {
  fs::create_directories(folder());
  edit(folder(), "create table songs(title text)");
  EXPECT_THAT(refusal(Mode::kRead), HasSubstr("journal.sqlite"));
}

TEST_F(JournalTest, ANewerSchema) {
  { create(); }
  edit(folder(), "update meta set value = '999' where key = 'schema'");
  for (Mode mode : {Mode::kResume, Mode::kRead}) {
    const std::string words = refusal(mode);
    EXPECT_THAT(words, HasSubstr("schema '999'"));
    EXPECT_THAT(words, HasSubstr("journal.sqlite"));
  }
}

TEST_F(JournalTest, AFileInTheFoldersPlace) {
  std::ofstream(folder()) << "a file";
  EXPECT_THAT(refusal(Mode::kCreate), HasSubstr(folder().string()));
}

TEST_F(JournalTest, AnUnwritableFolder) {
  fs::permissions(scratch_.path(), fs::perms::all);
  { create(); }
  fs::create_directories(scratch_ / "empty");
  const auto no_writing =
      fs::perms::owner_read | fs::perms::owner_exec | fs::perms::others_read | fs::perms::others_exec;
  for (const fs::path& p : {folder(), scratch_ / "empty"}) fs::permissions(p, no_writing);
  fs::permissions(folder() / "lock", fs::perms::owner_read);
  // Root may write everywhere, so it becomes somebody else.
  const bool root = geteuid() == 0;
  ASSERT_EQ(seteuid(root ? 65534 : geteuid()), 0);
  const std::string resumed = refusal(Mode::kResume);
  const std::string created = complaint<UserError>([&] { Journal(scratch_ / "empty", Mode::kCreate); });
  ASSERT_EQ(seteuid(root ? 0 : geteuid()), 0);
  EXPECT_THAT(resumed, HasSubstr(folder().string()));
  EXPECT_THAT(created, HasSubstr((scratch_ / "empty").string()));
  for (const fs::path& p : {folder(), scratch_ / "empty"}) fs::permissions(p, fs::perms::owner_all);
}

TEST_F(JournalTest, AFolderOfAnyName) {
  for (const std::string name : {"a b c", "it's", "key=value", "ünï"}) {
    const fs::path where = scratch_ / name;
    { append(*std::make_unique<Journal>(where, Mode::kCreate), {kAgreed}); }
    EXPECT_EQ(Journal(where, Mode::kRead).next_index(), 1u) << name;
    EXPECT_TRUE(fs::exists(where / "journal.sqlite")) << name;
  }
}

// Killed between making the file and writing its tables: that campaign can be gone on with.
TEST_F(JournalTest, AFileThatWasHardlyBegunIsResumed) {
  fs::create_directories(folder());
  std::ofstream(folder() / "journal.sqlite");
  Journal j = resume();
  EXPECT_EQ(j.next_index(), 0u);
  append(j, {kAgreed});
}

// As on a full disk: the file may not grow. What was committed stays, and the journal goes on afterwards.
TEST_F(JournalTest, AFileThatCannotGrow) {
  Journal j = create();
  append(j, {kAgreed, kVague});
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit old = limit;
  limit.rlim_cur = 256 << 10;
  setrlimit(RLIMIT_FSIZE, &limit);
  std::string words;
  try {
    for (int round = 0; round < 100; ++round) {
      j.begin();
      std::uint64_t index = j.next_index();
      for (int i = 0; i < 100; ++i, ++index)
        j.append(index, {Ending::kSkipped, std::to_string(index) + std::string(100, '.')});
      j.commit();
    }
  } catch (const UserError& e) {
    words = e.what();
  }
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_THAT(words, HasSubstr("journal.sqlite"));
  EXPECT_EQ(words.find('\n'), std::string::npos);
  j.rollback();
  const std::uint64_t kept = j.next_index();
  EXPECT_EQ(kept % 100, 2u);  // whole transactions
  EXPECT_EQ(j.audit(), "");
  append(j, {kBug});
  EXPECT_EQ(read().next_index(), kept + 1);
  EXPECT_EQ(read().audit(), "");
}

TEST(Pack, RoundTrip) {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float16[2,0,3] empty, int64 scalar, bool[2] b, float[N] s) => (float[N] y) <float[1] w = {0.5}> {
  y = Mul (s, w) })");
  c.inputs["empty"] = Tensor::of(DType::kFloat16, {2, 0, 3}, {});
  c.inputs["scalar"] = Tensor::of_ints(DType::kInt64, {}, {-5});
  c.inputs["b"] = Tensor::of_ints(DType::kBool, {2}, {1, 0});
  c.inputs["s"] = Tensor::of(DType::kFloat, {4}, {1, -0.0, std::nan(""), 1e-42});
  const std::string bytes = pack(c);
  const Case back = unpack(bytes);
  EXPECT_EQ(serialize(back.model), serialize(c.model));
  ASSERT_EQ(back.inputs.size(), c.inputs.size());
  for (const auto& [name, tensor] : c.inputs) EXPECT_TRUE(back.inputs.at(name).identical(tensor)) << name;
  EXPECT_EQ(pack(back), bytes);
}

TEST(Pack, DamagedBytesAreToldSo) {
  const std::string bytes = pack(relu({1, 2, 3}));
  for (std::size_t n = 0; n < bytes.size(); n += 3) {
    // Cut between two inputs it is a smaller case; anywhere else it is damaged.
    try {
      EXPECT_TRUE(unpack(std::string_view(bytes).substr(0, n)).inputs.empty()) << n;
    } catch (const UserError&) {
    }
  }
  complaint<UserError>([] { unpack("nonsense"); });
  complaint<UserError>([&] { unpack(std::string_view(bytes).substr(0, bytes.size() - 1)); });
}

}  // namespace
}  // namespace mob
