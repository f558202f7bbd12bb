// A corpus grows from findings and is judged again: by fakes that swap operands in some versions.
#include "corpus/regression_corpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "corpus/models.h"
#include "corpus/read_finding.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/machine.h"
#include "tests/fakes/fake_corpus.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class Corpus : public ::testing::Test {
 protected:
  fs::path corpus() { return scratch_ / "corpus"; }
  fs::path findings() { return scratch_ / "findings"; }
  fs::path finding(const std::string& name, const std::string& model, const std::string& signature) {
    return write_fake_finding(findings(), name, model, signature);
  }
  // Bad in 1.0.0, right in 2.0.0, not runnable in 3.0.0.
  AddOptions options() {
    AddOptions o;
    o.versions = {fake_version("1.0.0", "swapped-operands"), fake_version("2.0.0", "honest"),
                  fake_version("3.0.0", "refuses")};
    return o;
  }
  ScratchFolder scratch_;
};

TEST_F(Corpus, TakesAFindingInWithWhatEachVersionMakesOfIt) {
  AddOptions o = options();
  o.reference = "someone/something#1";
  o.note = "seen by chance";
  const Added a = add_cases(corpus(), {finding("one", kSub, "a bug")}, o).at(0);
  EXPECT_EQ(a.left_out, "");
  EXPECT_THAT(a.name, StartsWith("wrong-numbers-FakePass-Sub-"));
  const std::vector<RegressionCase> cases = read_corpus(corpus());
  ASSERT_EQ(cases.size(), 1U);
  EXPECT_EQ(cases[0].name, a.name);
  EXPECT_EQ(cases[0].signature, "a bug");
  EXPECT_EQ(cases[0].symptom, "wrong-numbers");
  const Regression& r = cases[0].regression;
  EXPECT_EQ(r.isa, isa());
  EXPECT_THAT(r.versions.at("fake").bad, ElementsAre("1.0.0"));
  EXPECT_THAT(r.versions.at("fake").good, ElementsAre("2.0.0"));
  EXPECT_EQ(r.provenance.from, "campaign");
  EXPECT_EQ(r.provenance.reference, "someone/something#1");
  EXPECT_EQ(r.provenance.seed, 3U);
  EXPECT_EQ(r.provenance.index, 41U);
  EXPECT_EQ(r.note, "seen by chance");
  // It is a finding's folder: whatever takes findings takes it.
  EXPECT_EQ(nlohmann::json::parse(bytes_of(cases[0].folder / "finding.json"))["name"], a.name);
  EXPECT_THAT(bytes_of(cases[0].folder / "README.md"), StartsWith("# " + a.name + "\n"));
  EXPECT_TRUE(fs::exists(cases[0].folder / "repro.py"));
  EXPECT_EQ(load_case(cases[0].folder, 0).witness.size(), 1U);
  EXPECT_EQ(find_findings({corpus().string()}).size(), 1U);
}

TEST_F(Corpus, TakesTheReducedFormAndWhereTheCampaignFoundIt) {
  const fs::path long_one = finding("long", kLongSub, "of the group");
  fs::copy(finding("short", kSub, "of the bug"), long_one / "reduced", fs::copy_options::recursive);
  auto json = nlohmann::json::parse(bytes_of(long_one / "reduced" / "finding.json"));
  json["index"] = 0;
  json["lineage"] = {"/home/somebody/models/norm/model.onnx", "motif a/b"};
  std::ofstream(long_one / "reduced" / "finding.json") << json;
  // Named either way, it is the same.
  EXPECT_EQ(add_cases(corpus(), {long_one / "reduced"}, options()).at(0).left_out, "");
  EXPECT_THAT(add_cases(corpus(), {long_one}, options()).at(0).left_out, HasSubstr("is there"));
  const std::vector<RegressionCase> cases = read_corpus(corpus());
  ASSERT_EQ(cases.size(), 1U);
  EXPECT_EQ(cases[0].signature, "of the bug");
  EXPECT_EQ(cases[0].nodes, 1U);
  EXPECT_EQ(cases[0].regression.provenance.index, 41U);
  const auto taken = nlohmann::json::parse(bytes_of(cases[0].folder / "finding.json"));
  EXPECT_EQ(taken["lineage"], nlohmann::json({"norm", "motif a/b"}));
}

TEST_F(Corpus, LeavesOutASignatureThatIsThereUnlessAllAreWanted) {
  const fs::path one = finding("one", kSub, "a bug"), same = finding("same", kLongSub, "a bug");
  AddOptions o = options();
  const std::vector<Added> added = add_cases(corpus(), {one, same}, o);
  EXPECT_EQ(added[0].left_out, "");
  EXPECT_THAT(added[1].left_out, HasSubstr(added[0].name));
  o.all = true;
  EXPECT_EQ(add_cases(corpus(), {same}, o).at(0).left_out, "");
  EXPECT_EQ(add_cases(corpus(), {one}, o).at(0).name, added[0].name + "-2");
  EXPECT_EQ(read_corpus(corpus()).size(), 3U);
}

TEST_F(Corpus, LeavesOutWhatNoVersionShows) {
  AddOptions o;
  o.versions = {fake_version("2.0.0", "honest")};
  EXPECT_THAT(add_cases(corpus(), {finding("one", kSub, "a bug")}, o).at(0).left_out,
              HasSubstr("bad in none"));
  EXPECT_THAT(read_corpus(corpus()), IsEmpty());
}

TEST_F(Corpus, WhereItCannotBeWrittenNothingIsLeft) {
  std::ofstream(scratch_ / "file") << "no folder";
  const fs::path one = finding("one", kSub, "a bug");
  EXPECT_THAT(complaint<UserError>([&] { add_cases(scratch_ / "file", {one}, options()); }),
              HasSubstr("cannot be written"));
  EXPECT_EQ(bytes_of(scratch_ / "file"), "no folder");
  fs::remove(one / "model.onnx");
  EXPECT_THROW(add_cases(corpus(), {one}, options()), UserError);
  EXPECT_FALSE(fs::exists(corpus()) && !fs::is_empty(corpus()));
}

TEST_F(Corpus, AHalfWrittenCaseIsNoneAndIsReplaced) {
  const fs::path one = finding("one", kSub, "a bug");
  const std::string name = add_cases(corpus(), {one}, options()).at(0).name;
  fs::rename(corpus() / name, corpus() / (".half-" + name));
  EXPECT_THAT(read_corpus(corpus()), IsEmpty());
  EXPECT_THROW(find_findings({corpus().string()}), UserError);
  EXPECT_THROW(find_models({corpus().string()}), UserError);
  EXPECT_EQ(add_cases(corpus(), {one}, options()).at(0).left_out, "");
  EXPECT_FALSE(fs::exists(corpus() / (".half-" + name)));
}

TEST_F(Corpus, RefusesAFindingAmongItsCases) {
  add_cases(corpus(), {finding("one", kSub, "a bug")}, options());
  fs::copy(findings() / "one", corpus() / "one", fs::copy_options::recursive);
  EXPECT_THAT(complaint<UserError>([&] { read_corpus(corpus()); }), HasSubstr("corpus add"));
}

TEST_F(Corpus, OfEachSignatureTheSmallestStays) {
  AddOptions o = options();
  o.all = true;
  add_cases(corpus(),
            {finding("long", kLongSub, "a bug"), finding("short", kSub, "a bug"),
             finding("other", kSub, "another bug")},
            o);
  const std::vector<Surplus> surplus = surplus_of(read_corpus(corpus()));
  ASSERT_EQ(surplus.size(), 1U);
  EXPECT_EQ(surplus[0].c.nodes, 2U);
  EXPECT_THAT(surplus[0].kept, HasSubstr("-Sub-"));
  remove_case(surplus[0].c);
  EXPECT_EQ(read_corpus(corpus()).size(), 2U);
  EXPECT_THAT(surplus_of(read_corpus(corpus())), IsEmpty());
}

// --- campaigns ---------------------------------------------------------------------------------------------

// A campaign takes each case once as a seed: neither what was reduced of it nor its data count as models.
TEST_F(Corpus, IsAFolderOfModels) {
  add_cases(corpus(), {finding("one", kSub, "a bug"), finding("two", kLongSub, "another bug")}, options());
  const std::string name = read_corpus(corpus())[0].name;
  fs::copy(findings() / "one", corpus() / name / "reduced", fs::copy_options::recursive);
  const std::vector<fs::path> models = find_models({corpus().string()});
  ASSERT_EQ(models.size(), 2U);
  EXPECT_EQ(models[0].filename(), name);
  EXPECT_FALSE(load_case(models[0], 0).inputs.empty());
}

}  // namespace
}  // namespace mob
