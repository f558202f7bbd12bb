// Bad input never crashes the program: one line naming the file, the reason and what to do; exit code 2;
// nothing on standard output.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fuzzer/graph/model_io.h"
#include "tests/cli/run_mobster.h"

namespace mob {
namespace {

namespace fs = std::filesystem;

class BadInput : public CommandLine {};

const char* const kGood = R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2] x) => (float[2] y) { y = Relu (x) })";

TEST_F(BadInput, MissingFile) {
  refused("judge /no/such/model.onnx", {"/no/such/model.onnx", "no such file"});
}
TEST_F(BadInput, FolderWithoutModels) {
  refused("judge " + folder_.string(), {folder_.string(), "no model"});
}
TEST_F(BadInput, TruncatedModel) {
  const std::string bytes = serialize(parse_text(kGood));
  refused("judge " + file("cut.onnx", bytes.substr(0, bytes.size() / 2)), {"cut.onnx"});
}
TEST_F(BadInput, NoModelAtAll) {
  refused("judge " + file("text.onnx", "this is no model, it is a sentence"), {"text.onnx"});
  refused("judge " + file("empty.onnx", ""), {"empty.onnx"});
}
TEST_F(BadInput, CyclicModel) {
  Model m = parse_text(kGood);
  const ValueId a = m.graph.add_value("a"), b = m.graph.add_value("b");
  m.graph.nodes.push_back({.name = "p", .op_type = "Relu", .inputs = {a}, .outputs = {b}});
  m.graph.nodes.push_back({.name = "q", .op_type = "Relu", .inputs = {b}, .outputs = {a}});
  refused("judge " + file("cycle.onnx", serialize(m)), {"cycle.onnx", "cycle"});
}
TEST_F(BadInput, UndefinedValue) {
  Model m = parse_text(kGood);
  m.graph.nodes[0].inputs[0] = m.graph.add_value("nowhere");
  refused("judge " + file("undefined.onnx", serialize(m)), {"undefined.onnx", "nowhere"});
}
TEST_F(BadInput, InputTooLargeToDraw) {
  refused("judge " + file("big.onnxtxt", R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[30000,30000] x) => (float[30000,30000] y) { y = Relu (x) })"),
          {"big.onnxtxt", "3.6 GB"});
}
TEST_F(BadInput, TypeErrors) {
  // No runtime takes it: that is a verdict, not bad input.
  const Ran r = run("judge --json " + file("types.onnxtxt", R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2] x, int64[2] i) => (float[2] y) { y = Add (x, i) })"));
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(nlohmann::json::parse(r.out)["verdict"], "skip");
}
TEST_F(BadInput, UnknownSystemOrVersion) {
  const std::string model = file("good.onnxtxt", kGood);
  refused("judge " + model + " --system tensorrt", {"tensorrt", "onnxruntime"});
  refused("judge " + model + " --system onnxruntime@9.9.9", {"9.9.9", "scripts/setup"});
  refused("judge " + model + " --system onnxruntime@/no/lib.so", {"/no/lib.so"});
}
TEST_F(BadInput, ALibraryThatIsNone) {
  const std::string model = file("good.onnxtxt", kGood), library = file("lib.so", "not ELF");
  refused("judge " + model + " --system onnxruntime@" + library, {"lib.so"});
}
TEST_F(BadInput, Usage) {
  refused("judge", {"MODEL_OR_DIR"});
  refused("frobnicate", {"frobnicate"});
  refused("list nonsense", {"nonsense"});
  refused("judge --seed x " + file("good.onnxtxt", kGood), {"seed"});
}
TEST_F(BadInput, AnUnwritableCacheStillJudges) {
  // What was probed cannot be kept: that costs time, not the verdict.
  const std::string model = file("good.onnxtxt", kGood);
  const std::string library = std::string(MOBSTER_CACHE) + "/onnxruntime/1.31.1/libonnxruntime.so";
  const Ran r =
      run("judge --json --system onnxruntime@" + library + " " + model, "MOBSTER_CACHE=/dev/null/nowhere");
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(nlohmann::json::parse(r.out)["verdict"], "agree");
}
TEST_F(BadInput, BrokenTestData) {
  fs::create_directories(folder_ / "case" / "test_data_set_0");
  save_model(parse_text(kGood), folder_ / "case" / "model.onnx");
  file("case/test_data_set_0/input_0.pb", "garbage garbage");
  refused("judge " + (folder_ / "case").string(), {"input_0.pb"});
}

// A campaign that cannot begin leaves nothing behind.
TEST_F(BadInput, FuzzUsage) {
  const std::string out = (folder_ / "out").string(), to = " --out " + out + " ";
  refused("fuzz" + to, {"--for", "--cases"});
  refused("fuzz --cases 0" + to, {"--for", "--cases"});
  for (const char* words : {"soon", "0", "-5s", "5x", "5 s", "1h30m", "nan", "inf", "s"})
    refused("fuzz --for='" + std::string(words) + "'" + to, {"--for", words, "90s"});
  for (const char* words : {"-1", "many", "1.5"})
    refused("fuzz --cases=" + std::string(words) + to, {"--cases", words});
  for (const char* words :
       {"motif", "motif=", "motif=x", "motif=-1", "motif=nan", "motif=inf", "motif=1x", "=1", "luck=1"})
    refused("fuzz --cases 5 --share " + std::string(words) + to, {"--share", words, "motif=N"});
  refused("fuzz --cases 5 --share motif=0,mutant=0,random=0" + to, {"--share", "0"});
  for (const char* words :
       {"Relu", "pass:NoSuchPass", "operator:NoSuchOperator", "motif:no-such-motif", "thing:Relu"})
    refused("fuzz --cases 5 --focus " + std::string(words) + to, {"--focus", words});
  for (const char* words : {"0", "lots", "-1G", "5Q", "1e30", "inf"})
    refused("fuzz --cases 5 --disk-budget=" + std::string(words) + to, {"--disk-budget", words, "500M"});
  for (const char* words : {"0", "-1", "x"})
    refused("fuzz --cases 5 --jobs=" + std::string(words) + to, {"--jobs"});
  for (const char* words : {"0", "-1", "x"})
    refused("fuzz --cases 5 --deadline=" + std::string(words) + to, {"--deadline"});
  refused("fuzz --cases 5 --system onnxruntime@9.9.9" + to, {"9.9.9"});
  refused("fuzz --cases 5 --corpus /no/such/folder" + to, {"/no/such/folder"});
  refused("fuzz --cases 5 --motifs " + file("broken.onnxtxt", "no model") + to, {"broken.onnxtxt"});
  EXPECT_FALSE(fs::exists(out));
}
TEST_F(BadInput, FuzzResumesNothing) {
  const std::string out = (folder_ / "out").string();
  refused("fuzz --cases 5 --resume --out " + out, {out, "no campaign is here"});
  EXPECT_FALSE(fs::exists(out));
}
TEST_F(BadInput, FuzzIntoAFile) {
  refused("fuzz --cases 5 --out " + file("out", "a file"), {"out"});
}
TEST_F(BadInput, StatusOfNoCampaign) {
  refused("status", {"DIR"});
  refused("status /no/such/folder", {"/no/such/folder", "no campaign is here"});
  refused("status " + folder_.string(), {folder_.string(), "no campaign is here"});
  file("journal.sqlite", "this is no database, it is a sentence, long enough to be looked at by SQLite; " +
                             std::string(1000, '?'));
  refused("status " + folder_.string(), {"journal.sqlite"});
}
// Data sets behind the first are further bindings: read, and run in the same session.
TEST_F(BadInput, DataSetsBehindTheFirst) {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[N] x) => (float[?] y) { y = Relu (x) })");
  c.inputs["x"] = Tensor::of(DType::kFloat, {2}, {-1, 2});
  c.bindings = {{{"x", Tensor::of(DType::kFloat, {3}, {-1, 2, -3})}}};
  save_case(c, folder_);
  const Ran r = run("judge --json " + folder_.string());
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(nlohmann::json::parse(r.out)["verdict"], "agree");
  fs::remove(folder_ / "test_data_set_1" / "input_0.pb");
  refused("judge " + folder_.string(), {"test_data_set_1", "input_0.pb", "missing"});
}
TEST_F(BadInput, ReplayOfNoFinding) {
  refused("replay", {"PATH"});
  refused("replay /no/such/folder", {"/no/such/folder", "no finding is here"});
  refused("replay " + folder_.string(), {folder_.string(), "no finding is here"});
  for (const char* words :
       {"", "{", "[]", "{}", R"({"symptom": 5, "system": "onnxruntime", "version": "1.31.1"})"}) {
    file("finding.json", words);
    refused("replay " + folder_.string(), {"finding.json", "no finding of mobster"});
  }
  file("finding.json", R"({"symptom": "crash", "system": "onnxruntime", "version": "9.9.9"})");
  refused("replay " + folder_.string(), {"9.9.9"});
  file("finding.json", R"({"symptom": "crash", "system": "onnxruntime", "version": "1.31.1"})");
  refused("replay " + folder_.string(), {folder_.string()});  // there is no model
}

TEST_F(BadInput, BlameOfNothing) {
  refused("blame", {"FINDING_OR_MODEL"});
  refused("blame /no/such/folder", {"/no/such/folder", "no such file"});
  refused("blame " + folder_.string(), {folder_.string(), "no model"});
  const std::string model = file("good.onnxtxt", kGood);
  refused("blame " + model + " --versions 9.9.9", {"9.9.9"});
  refused("blame " + model + " --versions 1.31.1,", {"not installed"});
  refused("blame " + model + " --jobs=-1", {"--jobs"});
  file("finding.json", "{}");
  refused("blame " + folder_.string(), {"finding.json", "no finding of mobster"});
  file("finding.json", R"({"symptom": "crash", "system": "onnxruntime", "version": "9.9.9"})");
  refused("blame " + folder_.string(), {"9.9.9"});
}
TEST_F(BadInput, NobodyIsToBlameForAModelThatIsRight) {
  const Ran r = run("blame --json " + file("good.onnxtxt", kGood));
  EXPECT_EQ(r.code, 0) << r.err;
  const auto row = nlohmann::json::parse(r.out);
  for (const char* key :
       {"path", "system", "version", "symptom", "class", "passes", "bad_versions", "good_versions", "not_run",
        "unclear", "culprit", "culprit_why", "guards", "first_bad_tensor", "seconds"})
    EXPECT_TRUE(row.contains(key)) << key;
  EXPECT_TRUE(row["symptom"].is_null());
  EXPECT_EQ(row["reason"], "agree");
}

TEST_F(BadInput, OneJsonObjectALineAndNothingElse) {
  const Ran r = run("judge --json " + file("a.onnxtxt", kGood) + " " + file("b.onnxtxt", kGood));
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(std::count(r.out.begin(), r.out.end(), '\n'), 2);
  std::istringstream lines(r.out);
  for (std::string line; std::getline(lines, line);) {
    const auto row = nlohmann::json::parse(line);
    for (const char* key : {"path", "verdict", "reason", "symptom", "class", "stage", "kind", "system",
                            "version", "levels", "passes", "operators", "nodes", "excess", "message"})
      EXPECT_TRUE(row.contains(key)) << key;
    EXPECT_EQ(row["verdict"], "agree");
  }
}

TEST_F(BadInput, ReduceNeverOverwrites) {
  const std::string model = file("good.onnxtxt", kGood);
  fs::create_directories(folder_ / "good.reduced");
  refused("reduce " + model, {"good.reduced", "is there already"});
  refused("reduce " + model + " --out " + folder_.string(), {"is there already"});
  refused("reduce " + model + " --out " + (folder_ / "new").string() + " --steps shrink-everything",
          {"shrink-everything", "list steps"});
}
TEST_F(BadInput, ReportOfNothing) {
  refused("report", {"DIR"});
  refused("report /no/such/folder", {"/no/such/folder", "no finding is here"});
  refused("report " + folder_.string(), {folder_.string(), "no finding is here"});
  refused("report --format pdf " + folder_.string(), {"pdf", "html"});
  file("journal.sqlite", std::string(1000, '?'));
  refused("report " + folder_.string(), {"journal.sqlite"});
  EXPECT_FALSE(fs::exists(folder_ / "report.html"));
}
TEST_F(BadInput, DismissWantsAReasonAndATriagedFinding) {
  refused("dismiss " + folder_.string() + " --because '  '", {"--because"});
  refused("dismiss " + folder_.string() + " --because x", {folder_.string(), "no finding"});
  refused("bugs " + folder_.string(), {folder_.string(), "no finding"});
  refused("triage /no/such/folder", {"/no/such/folder"});
}
TEST_F(BadInput, CompareWantsTwoCampaigns) {
  refused("compare", {"DIR1"});
  refused("compare " + folder_.string(), {"DIR2"});
  refused("compare " + folder_.string() + " /no/such/folder", {folder_.string(), "neither", "findings"});
  file("finding.json", R"({"symptom": "crash", "system": "onnxruntime", "version": "9.9.9"})");
  refused("compare " + folder_.string() + " " + folder_.string(), {"finding.json", "no finding of mobster"});
  file("finding.json", R"({"symptom": "crash", "system": "onnxruntime", "version": "9.9.9", "signature": "s",
                           "passes": [], "operators": [], "nodes": 1})");
  refused("compare --judge " + folder_.string() + " " + folder_.string(), {"9.9.9"});
  file("journal.sqlite", std::string(1000, '?'));
  refused("compare " + folder_.string() + " " + folder_.string(), {"journal.sqlite"});
}

// A gate that cannot begin leaves nothing behind.
TEST_F(BadInput, GateUsage) {
  const std::string out = (folder_ / "out").string(), to = " --out " + out + " ";
  refused("gate --for soon" + to, {"--for", "soon", "90s"});
  refused("gate --system onnxruntime@9.9.9" + to, {"9.9.9"});
  refused("gate --baseline onnxruntime@/no/lib.so" + to, {"/no/lib.so"});
  refused("gate --corpus /no/such/folder" + to, {"/no/such/folder", "corpus add"});
  refused("gate --known /no/such/file" + to, {"/no/such/file"});
  refused("gate --known " + file("known.jsonl", "{}") + to, {"known.jsonl:1"});
  refused("gate --jobs=0" + to, {"--jobs"});
  refused("gate --out " + folder_.string(), {folder_.string(), "not an empty folder"});
  refused("gate --out " + file("a_file", "text"), {"a_file"});
  EXPECT_FALSE(fs::exists(out));
}
TEST_F(BadInput, AGateLeavesWhatACIRunShows) {
  const std::string out = (folder_ / "out").string();
  // What a version has in common with itself is never new.
  const Ran r = run("gate --cases 32 --system onnxruntime@1.31.1 --baseline onnxruntime@1.31.1 --out " + out);
  EXPECT_EQ(r.code, 0) << r.err;
  EXPECT_NE(r.out.find("nothing new"), std::string::npos) << r.out;
  for (const char* name :
       {"summary.md", "report.html", "junit.xml", "results.sarif", "campaign/journal.sqlite"})
    EXPECT_TRUE(fs::exists(fs::path(out) / name)) << name;
  EXPECT_FALSE(fs::exists(fs::path(out) / "new"));
}

}  // namespace
}  // namespace mob
