// The folder of a finding: complete or not there, and everything in it can be read again.
#include "corpus/finding_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "fuzzer/base/check.h"
#include "fuzzer/graph/model_io.h"
#include "tests/fakes/fake_system.h"
#include "tests/fakes/scratch.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

// The fake runtime swaps the operands of Sub; Where leaves nothing open.
Case difference() {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x, float[3] w) => (float[2,3] y, bool[2,3] big) {
  y = Sub (x, w)
  big = Greater (x, w)
})");
  c.inputs["x"] = Tensor::of(DType::kFloat, {2, 3}, {1, 2, 3, 4, 5, 6});
  c.inputs["w"] = Tensor::of(DType::kFloat, {3}, {0.5, 7, -2});
  c.lineage = {"motif difference"};
  return c;
}

class FindingFolder : public ::testing::Test {
 protected:
  FindingFolder() : judge_(fake_system("swapped-operands"), {.configurations = thorough_configurations()}) {
    judged_ = judge_.judge(c_);
    record_.name = finding_name(Symptom::kWrongNumbers, {}, {"Sub", "Greater"}, "wrong-numbers||Sub Greater");
    record_.c = &c_;
    record_.judged = &judged_;
    record_.cause.bad = judged_.configurations[judged_.verdict.finding->configurations.front()];
    record_.signature = "wrong-numbers||Sub Greater";
    record_.system = "fake";
    record_.version = "swapped-operands";
    record_.motif = "difference";
    record_.broken_guards = {"type"};
    record_.seed = 3;
    record_.index = 41;
  }
  fs::path goal() { return scratch_ / record_.name; }

  ScratchFolder scratch_;
  Case c_ = difference();
  Judge judge_;
  Judged judged_;
  FindingRecord record_;
};

TEST_F(FindingFolder, HoldsTheModelItsInputsAndTheRightAnswer) {
  write_finding(scratch_.path(), record_);
  EXPECT_EQ(serialize(load_model(goal() / "model.onnx")), serialize(c_.model));
  const fs::path data = goal() / "test_data_set_0";
  EXPECT_TRUE(load_tensor(data / "input_0.pb").identical(c_.inputs["x"]));
  EXPECT_TRUE(load_tensor(data / "input_1.pb").identical(c_.inputs["w"]));
  const Tensor y = load_tensor(data / "output_0.pb"), bound = load_tensor(data / "bound_0.pb");
  EXPECT_TRUE(y.identical(Tensor::of(DType::kFloat, {2, 3}, {0.5, -5, 5, 3.5, -2, 8})));
  EXPECT_EQ(bound.type(), (ArrayType{DType::kDouble, {2, 3}}));
  for (double b : bound.reals()) {
    EXPECT_GT(b, 0);
    EXPECT_LT(b, 1e-5);
  }
  EXPECT_TRUE(
      load_tensor(data / "output_1.pb").identical(Tensor::of_ints(DType::kBool, {2, 3}, {1, 0, 1, 1, 0, 1})));
  for (double b : load_tensor(data / "bound_1.pb").reals()) EXPECT_EQ(b, 0);
  EXPECT_FALSE(fs::exists(goal() / "original.onnx"));
}

// The fake runtime returns the difference with its sign turned, and saves no model; another one does.
TEST_F(FindingFolder, HoldsWhatTheSystemGave) {
  record_.optimized = serialize(c_.model);
  write_finding(scratch_.path(), record_);
  const fs::path data = goal() / "test_data_set_0";
  EXPECT_TRUE(load_tensor(data / "actual_0.pb")
                  .identical(Tensor::of(DType::kFloat, {2, 3}, {-0.5, 5, -5, -3.5, 2, -8})));
  EXPECT_EQ(load_tensor(data / "actual_1.pb").dtype(), DType::kBool);
  EXPECT_EQ(serialize(load_model(goal() / "optimized.onnx")), serialize(c_.model));
  EXPECT_THAT(bytes_of(goal() / "README.md"), HasSubstr("optimized.onnx"));
}

TEST_F(FindingFolder, SaysWhatIsKnown) {
  record_.cause.cures = {"FakePass"};
  write_finding(scratch_.path(), record_);
  const auto j = nlohmann::json::parse(bytes_of(goal() / "finding.json"));
  EXPECT_EQ(j["schema"], kFindingSchema);
  EXPECT_EQ(j["name"], record_.name);
  EXPECT_EQ(j["signature"], record_.signature);
  EXPECT_EQ(j["symptom"], "wrong-numbers");
  EXPECT_EQ(j["class"], "bug");
  EXPECT_EQ(j["confirmed"], true);
  EXPECT_EQ(j["passes"], nlohmann::json({"FakePass"}));
  EXPECT_EQ(j["operators"], nlohmann::json({"Sub", "Greater"}));
  EXPECT_EQ(j["system"], "fake");
  EXPECT_EQ(j["version"], "swapped-operands");
  EXPECT_EQ(j["motif"], "difference");
  EXPECT_EQ(j["broken_guards"], nlohmann::json({"type"}));
  EXPECT_EQ(j["lineage"], nlohmann::json({"motif difference"}));
  EXPECT_EQ(j["seed"], 3);
  EXPECT_EQ(j["index"], 41);
  EXPECT_GT(j["configuration"]["level"], 0);
  const std::string readme = bytes_of(goal() / "README.md");
  for (const char* words :
       {"wrong-numbers", "cures it: FakePass", "`difference`", "broken guards: type", "Sub"})
    EXPECT_THAT(readme, HasSubstr(words));
  EXPECT_THAT(bytes_of(goal() / "repro.py"), HasSubstr("REPRODUCED"));
}

TEST_F(FindingFolder, KeepsTheOriginalWhereItWasCut) {
  Case original = difference();
  original.model.graph.name = "before";
  record_.original = &original;
  write_finding(scratch_.path(), record_);
  EXPECT_EQ(serialize(load_model(goal() / "original.onnx")), serialize(original.model));
}

// The parent, what a pruner made of it, and what that promised.
struct Pruned {
  explicit Pruned(const std::string& tool, const std::string& weights) {
    const auto of = [](const std::string& w) {
      Case c;
      c.model = parse_text(
          "<ir_version: 8, opset_import: [\"\" : 17]> g (float[2,3] x) => (float[2,3] y) <float[3] w = {" +
          w + "}> { y = Sub (x, w) }");
      c.inputs["x"] = Tensor::of(DType::kFloat, {2, 3}, {1, 2, 3, 4, 5, 6});
      return c;
    };
    c = of(weights);
    step = {
        .mutator = "prune-magnitude",
        .kind = "pruning",
        .settings = "sparsity=0.3",
        .tool = tool,
        .parent = std::make_shared<const Case>(of("0.5, 7, -2")),
        .promise = {.kind = Promise::Kind::kSameValues,
                    .twins = {{.name = "masked parent", .c = std::make_shared<const Case>(of("0, 7, -2"))}},
                    .claims = {Sparsity{{"w"}, 0.3}}}};
  }
  Case c;
  Derivation step;
};

TEST_F(FindingFolder, KeepsTheParentAndWhatWasPromised) {
  const Pruned pruned("someone's pruner", "0, 70, -2");
  judged_ = Judge(fake_system("honest"), {.configurations = level_configurations({0, 99})})
                .judge(pruned.c, {&pruned.step, 1});
  ASSERT_TRUE(judged_.verdict.finding) << judged_.verdict.reason;
  EXPECT_EQ(judged_.verdict.finding->oracle, "mutant-against-parent");
  record_.c = &pruned.c;
  record_.step = &pruned.step;
  write_finding(scratch_.path(), record_);
  EXPECT_EQ(serialize(load_model(goal() / "parent.onnx")), serialize(pruned.step.parent->model));
  const auto j = nlohmann::json::parse(bytes_of(goal() / "finding.json"));
  EXPECT_EQ(j["symptom"], "wrong-numbers");
  EXPECT_EQ(j["stage"], "prune");
  EXPECT_EQ(j["kind"], "pruning");
  EXPECT_EQ(j["parent"]["file"], "parent.onnx");
  EXPECT_EQ(j["parent"]["mutator"], "prune-magnitude");
  EXPECT_EQ(j["parent"]["settings"], "sparsity=0.3");
  EXPECT_EQ(j["parent"]["tool"], "someone's pruner");
  const std::string readme = bytes_of(goal() / "README.md");
  for (const char* words : {"parent.onnx", "someone's pruner", "The outputs are those of the masked parent.",
                            "At least 0.3 of the elements of w are zero."})
    EXPECT_THAT(readme, HasSubstr(words));
}

// The runtime is at fault, the pruner is not.
TEST_F(FindingFolder, SaysWhatTheModelHasBeenThrough) {
  const Pruned pruned("", "0, 7, -2");
  judged_ = judge_.judge(pruned.c, {&pruned.step, 1});
  ASSERT_TRUE(judged_.verdict.finding) << judged_.verdict.reason;
  EXPECT_EQ(judged_.verdict.finding->kind, "pruning, graph-optimization");
  record_.c = &pruned.c;
  write_finding(scratch_.path(), record_);
  EXPECT_EQ(nlohmann::json::parse(bytes_of(goal() / "finding.json"))["parent"], nullptr);
  EXPECT_FALSE(fs::exists(goal() / "parent.onnx"));
}

// Right at the first sizes, wrong at others: inputs and right answers of both are written down.
TEST_F(FindingFolder, HoldsTheBindingsThatAreNeeded) {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[N] x, float[N] w) => (float[?] y) { y = Sub (x, w) })");
  c.inputs["x"] = Tensor::of(DType::kFloat, {2}, {1, 2});
  c.inputs["w"] = Tensor::of(DType::kFloat, {2}, {0.5, 7});
  c.bindings = {
      {{"x", Tensor::of(DType::kFloat, {3}, {1, 2, 3})}, {"w", Tensor::of(DType::kFloat, {3}, {4, 4, 4})}}};
  judged_ = Judge(fake_system("scaled-binding"), {.configurations = level_configurations({0, 99})}).judge(c);
  ASSERT_TRUE(judged_.verdict.finding) << judged_.verdict.reason;
  record_.c = &c;
  write_finding(scratch_.path(), record_);
  const fs::path data = goal() / "test_data_set_1";
  EXPECT_TRUE(load_tensor(data / "input_1.pb").identical(c.bindings[0]["w"]));
  EXPECT_TRUE(load_tensor(data / "output_0.pb").identical(Tensor::of(DType::kFloat, {3}, {-3, -2, -1})));
  EXPECT_EQ(load_tensor(data / "bound_0.pb").type(), (ArrayType{DType::kDouble, {3}}));
  EXPECT_TRUE(load_tensor(goal() / "test_data_set_0/output_0.pb").dims() == Dims{2});
  const auto j = nlohmann::json::parse(bytes_of(goal() / "finding.json"));
  EXPECT_EQ(j["oracle"], "shape-bindings");
  EXPECT_EQ(j["binding"], 1);
  EXPECT_THAT(bytes_of(goal() / "README.md"), HasSubstr("at N = 3 after N = 2"));
}

TEST_F(FindingFolder, OpenElementsHaveAnInfiniteBound) {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (int32[3] x, int32[3] by, float[3] f, float[3] w) => (int32[3] q, float[3] y) {
  q = Div (x, by)
  y = Sub (f, w)
})");
  c.inputs["x"] = Tensor::of_ints(DType::kInt32, {3}, {6, 7, 8});
  c.inputs["by"] = Tensor::of_ints(DType::kInt32, {3}, {3, 0, 2});  // who divides by zero gets anything
  c.inputs["f"] = Tensor::of(DType::kFloat, {3}, {1, 2, 3});
  c.inputs["w"] = Tensor::of(DType::kFloat, {3}, {4, 4, 4});
  judged_ = Judge(fake_system("wrong-numbers"), {.configurations = level_configurations({0, 99})}).judge(c);
  ASSERT_TRUE(judged_.verdict.finding) << judged_.verdict.reason;
  record_.c = &c;
  write_finding(scratch_.path(), record_);
  const auto bounds = load_tensor(goal() / "test_data_set_0" / "bound_0.pb").reals();
  EXPECT_EQ(bounds[0], 0);
  EXPECT_TRUE(std::isinf(bounds[1]));
  EXPECT_EQ(bounds[2], 0);
}

TEST_F(FindingFolder, AHalfWrittenOneIsReplaced) {
  const fs::path half = scratch_ / (".half-" + record_.name);
  fs::create_directories(half / "test_data_set_0");
  std::ofstream(half / "test_data_set_0" / "input_9.pb") << "of a killed campaign";
  write_finding(scratch_.path(), record_);
  EXPECT_FALSE(fs::exists(half));
  EXPECT_TRUE(fs::exists(goal() / "finding.json"));
  EXPECT_FALSE(fs::exists(goal() / "test_data_set_0" / "input_9.pb"));
}

TEST_F(FindingFolder, ACompleteOneIsKept) {
  write_finding(scratch_.path(), record_);
  const std::string before = bytes_of(goal() / "finding.json");
  record_.index = 42;
  write_finding(scratch_.path(), record_);
  EXPECT_EQ(bytes_of(goal() / "finding.json"), before);
}

TEST_F(FindingFolder, WhereItCannotBeWrittenNothingIsLeft) {
  std::ofstream(scratch_ / "file") << "no folder";
  const std::string words = complaint<UserError>([&] { write_finding(scratch_ / "file", record_); });
  EXPECT_THAT(words, HasSubstr(record_.name));
  EXPECT_EQ(folder_size(scratch_.path()), 9u);
}

TEST(FindingName, IsSafe) {
  const std::vector<std::string> cures = {"../../etc/passwd"},
                                 operators = {"com.microsoft.Gelu", "a b\n$(rm)", ""};
  const std::string name = finding_name(Symptom::kCrash, cures, operators, "s");
  EXPECT_EQ(name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos)
      << name;
  EXPECT_TRUE(name.starts_with("crash-"));
}

TEST(FindingName, IsShortAndStillTellsSignaturesApart) {
  const std::vector<std::string> cures = {std::string(500, 'x')}, operators(40, "Transpose");
  const std::string a = finding_name(Symptom::kWrongNumbers, cures, operators, "a"),
                    b = finding_name(Symptom::kWrongNumbers, cures, operators, "b");
  EXPECT_LT(a.size(), 200u);  // ".half-" goes before it; file systems take 255
  EXPECT_NE(a, b);
  EXPECT_EQ(a, finding_name(Symptom::kWrongNumbers, cures, operators, "a"));
}

TEST(FolderSize, CountsAllBelow) {
  ScratchFolder scratch;
  fs::create_directories(scratch / "a" / "b");
  std::ofstream(scratch / "a" / "one") << std::string(100, '.');
  std::ofstream(scratch / "a" / "b" / "two") << std::string(23, '.');
  EXPECT_EQ(folder_size(scratch.path()), 123u);
  EXPECT_EQ(folder_size(scratch / "nowhere"), 0u);
}

}  // namespace
}  // namespace mob
