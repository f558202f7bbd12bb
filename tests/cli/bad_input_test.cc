// Bad input never crashes the program: one line naming the file, the reason and what to do; exit code 2;
// nothing on standard output.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "fuzzer/graph/model_io.h"

namespace mob {
namespace {

namespace fs = std::filesystem;

struct Ran {
  int code = -1;
  std::string out, err;
};

Ran run(const std::string& arguments, const std::string& environment = "") {
  const fs::path err = fs::temp_directory_path() / ("mobster-test-err-" + std::to_string(getpid()));
  Ran r;
  FILE* pipe = popen(
      (environment + " " + MOBSTER_BINARY + "/mobster " + arguments + " 2>" + err.string()).c_str(), "r");
  char buffer[4096];
  while (const std::size_t n = fread(buffer, 1, sizeof buffer, pipe)) r.out.append(buffer, n);
  const int status = pclose(pipe);
  r.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
  std::ifstream in(err);
  r.err.assign(std::istreambuf_iterator<char>(in), {});
  fs::remove(err);
  return r;
}

class BadInput : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("mobster-bad-" + std::to_string(getpid()));
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string file(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return (folder_ / name).string();
  }
  // One line, exit code 2, and these words in it.
  void refused(const std::string& arguments, const std::vector<std::string>& words) {
    const Ran r = run(arguments);
    EXPECT_EQ(r.code, 2) << arguments << "\n" << r.err;
    EXPECT_EQ(r.out, "") << arguments;
    EXPECT_EQ(std::count(r.err.begin(), r.err.end(), '\n'), 1) << r.err;
    EXPECT_TRUE(r.err.starts_with("mobster: ")) << r.err;
    for (const auto& w : words)
      EXPECT_NE(r.err.find(w), std::string::npos) << "no '" << w << "' in: " << r.err;
  }

  fs::path folder_;
};

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

}  // namespace
}  // namespace mob
