// A regression corpus on the command line, with the newest ONNX Runtime: a bug that is there, and
// expectations of it that are right and wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/cli/run_mobster.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// SimplifiedLayerNormFusion takes a vector for epsilon and then uses a default.
const char* const kBug = R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[3,4] x) => (float[3,4] y)
<float two = {2}, float[4] epsilon = {0.5, 1, 2, 4}, float[4] scale = {1, 2, 3, 4}> {
  square = Pow (x, two)
  mean = ReduceMean <axes = [-1], keepdims = 1> (square)
  shifted = Add (mean, epsilon)
  root = Sqrt (shifted)
  normal = Div (x, root)
  y = Mul (normal, scale)
})";

constexpr const char* kVersion = "1.31.1";

class CorpusCommands : public CommandLine {
 protected:
  std::string path(const std::string& name) { return (folder_ / name).string(); }
  Ran good(const std::string& arguments, int code = 0) {
    const Ran r = run(arguments);
    EXPECT_EQ(r.code, code) << arguments << "\n" << r.out << r.err;
    return r;
  }
  // A corpus of one case that is bad in the newest version.
  void make_corpus() {
    const std::string model = file("bug.onnxtxt", kBug);
    good("reduce " + model + " --system onnxruntime@" + kVersion + " --out " + path("finding"), 1);
    good("corpus add " + path("corpus") + " " + path("finding") + " --versions " + kVersion);
    for (const auto& entry : fs::directory_iterator(folder_ / "corpus")) case_ = entry.path();
  }
  // Makes the case say this of the version.
  void expect_of_version(bool bad) {
    std::ifstream in(case_ / "finding.json");
    auto json = nlohmann::json::parse(in);
    auto& versions = json["regression"]["versions"]["onnxruntime"];
    versions["bad_versions"] = bad ? nlohmann::json{kVersion} : nlohmann::json::array();
    versions["good_versions"] = bad ? nlohmann::json::array() : nlohmann::json{kVersion};
    std::ofstream(case_ / "finding.json") << json;
  }
  const std::string system_ = std::string(" --system onnxruntime@") + kVersion;
  fs::path case_;
};

TEST_F(CorpusCommands, FromAModelToAGuard) {
  make_corpus();
  ASSERT_FALSE(case_.empty());
  // As it is known: nothing new.
  EXPECT_THAT(good("replay " + path("corpus") + system_).out, HasSubstr("1 still bad"));
  // Expected to be good: newly broken.
  expect_of_version(false);
  const Ran broken = good("replay " + path("corpus") + system_ + " --junit " + path("junit.xml") +
                              " --sarif " + path("replay.sarif"),
                          1);
  EXPECT_THAT(broken.out, HasSubstr("newly broken"));
  std::ifstream junit(path("junit.xml")), log(path("replay.sarif"));
  std::stringstream xml;
  xml << junit.rdbuf();
  EXPECT_THAT(xml.str(), HasSubstr("<failure"));
  EXPECT_EQ(nlohmann::json::parse(log)["runs"][0]["results"][0]["baselineState"], "new");
  // A library is held against what is known of the version that it says it is.
  const std::string library = std::string(MOBSTER_CACHE) + "/onnxruntime/" + kVersion + "/libonnxruntime.so";
  good("replay " + path("corpus") + " --system onnxruntime@" + library, 1);
  // Against itself nothing is worse.
  const Ran same = good("replay " + path("corpus") + system_ + " --baseline onnxruntime@" + kVersion);
  EXPECT_EQ(std::count(same.out.begin(), same.out.end(), '\n'), 1) << same.out;
  // What is seen becomes what is expected, also of a library at a path.
  EXPECT_THAT(good("corpus update " + path("corpus") + " --system onnxruntime@" + library).out,
              HasSubstr("1 with news of onnxruntime 1.31.1"));
  good("replay " + path("corpus") + system_);
  const auto row = nlohmann::json::parse(good("corpus table --json --versions 1.31.1 " + path("corpus")).out);
  EXPECT_EQ(row["bad"], 1);
  EXPECT_THAT(good("corpus table --markdown --versions 1.31.1 " + path("corpus")).out,
              HasSubstr("| 1.31.1 | 1 | 0 | 0 | 0 | 0 |"));
}

TEST_F(CorpusCommands, AreListedMinimizedAndHandedAround) {
  make_corpus();
  ASSERT_FALSE(case_.empty());
  EXPECT_THAT(good("corpus add " + path("corpus") + " " + path("finding") + " --versions 1.31.1").out,
              HasSubstr("1 left out"));
  good("corpus add --all " + path("corpus") + " " + path("finding") + " --versions 1.31.1");
  const std::string listed = good("corpus list --json " + path("corpus")).out;
  EXPECT_EQ(std::count(listed.begin(), listed.end(), '\n'), 2);
  const auto first = nlohmann::json::parse(listed.substr(0, listed.find('\n')));
  EXPECT_EQ(first["versions"]["onnxruntime"]["bad_versions"], nlohmann::json{kVersion});
  EXPECT_THAT(good("corpus minimize " + path("corpus")).out, HasSubstr("--yes"));
  EXPECT_THAT(good("corpus list " + path("corpus")).out, HasSubstr("2 cases"));
  good("corpus minimize --yes " + path("corpus"));
  EXPECT_THAT(good("corpus list " + path("corpus")).out, HasSubstr("1 cases"));
  good("corpus export " + path("corpus") + " " + path("corpus.tar.gz"));
  EXPECT_THAT(good("corpus import " + path("other") + " " + path("corpus.tar.gz")).out, HasSubstr("1 added"));
  good("replay " + path("other") + system_);
  // A campaign begins with its models.
  good("fuzz --quiet --cases 20 --share motif=0,mutant=1,random=0 --jobs 1 --triage-share 0 --corpus " +
           path("corpus") + " --out " + path("campaign"),
       1);
}

TEST_F(CorpusCommands, TakeInPlainModels) {
  fs::create_directories(folder_ / "models" / "norm");
  const std::string model = file("norm.onnxtxt", kBug);
  good("reduce " + model + system_ + " --out " + path("finding"), 1);
  for (const char* part : {"model.onnx", "test_data_set_0"})
    fs::copy(folder_ / "finding" / part, folder_ / "models" / "norm" / part, fs::copy_options::recursive);
  file("models/norm/case.json", R"({"reference": "someone/something#1", "title": "a vector"})");
  good("corpus import " + path("corpus") + " " + path("models") + " --from models --versions 1.31.1");
  const auto row = nlohmann::json::parse(good("corpus list --json " + path("corpus")).out);
  EXPECT_EQ(row["from"], "models/norm");
  EXPECT_EQ(row["reference"], "someone/something#1");
  EXPECT_EQ(row["note"], "a vector");
}

TEST_F(CorpusCommands, BadInput) {
  refused("corpus", {"subcommand"});
  refused("corpus add " + path("corpus"), {"FINDING"});
  refused("corpus add " + path("corpus") + " /no/such/finding", {"/no/such/finding", "no finding is here"});
  refused("corpus list /no/such/folder", {"/no/such/folder", "no regression case is here"});
  refused("corpus minimize " + folder_.string(), {"no regression case is here"});
  refused("corpus table " + folder_.string(), {"no regression case is here"});
  refused("corpus update " + folder_.string(), {"--system"});
  refused("corpus export " + folder_.string() + " " + path("x.tar.gz"), {"no regression case is here"});
  refused("corpus import " + path("corpus") + " /no/such/file", {"/no/such/file", "no such file"});
  refused("corpus import " + path("corpus") + " " + file("text.tar.gz", "a sentence"), {"text.tar.gz"});
  refused("corpus import " + path("corpus") + " " + folder_.string(), {"no model"});
  EXPECT_FALSE(fs::exists(folder_ / "corpus"));
  file("finding.json",
       R"({"symptom": "crash", "system": "onnxruntime", "version": "1.31.1", "regression": 5})");
  refused("replay " + folder_.string(), {"finding.json", "\"regression\" is damaged"});
  file("finding.json",
       R"({"symptom": "crash", "system": "onnxruntime", "version": "1.31.1",
           "regression": {"versions": {}, "provenance": {}}})");
  refused("replay " + folder_.string() + " --baseline onnxruntime@9.9.9", {"9.9.9"});
  refused("replay " + folder_.string() + " --system onnxruntime@/no/lib.so", {"/no/lib.so"});
  refused("replay " + folder_.string(), {folder_.string()});  // there is no model
}

}  // namespace
}  // namespace mob
