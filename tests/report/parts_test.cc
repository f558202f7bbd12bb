// The parts of a report: values compared, models drawn, issues in the upstream's form, bytes packed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "fuzzer/base/text.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/report/drawing.h"
#include "fuzzer/report/issue_text.h"
#include "fuzzer/report/packed.h"
#include "fuzzer/report/tensors.h"

namespace mob {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

const double kInf = INFINITY, kNan = NAN;

Tensor floats(const std::vector<double>& values) {
  return Tensor::of(DType::kDouble, {static_cast<std::int64_t>(values.size())}, values);
}

TEST(Tensors, ShowsHowFarEachElementIsOff) {
  // Equal; within; outside a hundredfold; open; no bound, but off; NaN where it belongs.
  const auto out = compare_output("y", floats({1, 1, 1, 1, 1, kNan}), floats({0, 0.1, 0.1, kInf, 0, 0}),
                                  floats({1, 1.01, 11, 5, 2, kNan}));
  EXPECT_EQ(out["outside"], 2);
  EXPECT_EQ(out["open"], 1);
  EXPECT_EQ(out["cells"], nlohmann::json({-99, -1.0, 2.0, nullptr, 99, -99}));
  EXPECT_EQ(out["worst"][0]["at"], "[4]");
  EXPECT_EQ(out["worst"][0]["excess"], "inf");
  EXPECT_EQ(out["worst"][1]["at"], "[2]");
  EXPECT_EQ(out["worst"][1]["actual"], "11");
}

TEST(Tensors, SaysWhereTypesOrShapesDiffer) {
  const auto out = compare_output("y", floats({1, 2}), floats({0, 0}), floats({1}));
  EXPECT_EQ(out["difference"], "expected double[2], got double[1]");
  EXPECT_FALSE(out.contains("cells"));
}

TEST(Tensors, ALargeOneShowsTheWorstOfNeighbours) {
  std::vector<double> right(100 * 1000, 1), actual = right;
  actual[99 * 1000 + 999] = 1001;
  const auto as = [](const std::vector<double>& v) { return Tensor::of(DType::kDouble, {100, 1000}, v); };
  const auto out = compare_output("y", as(right), as(std::vector<double>(right.size(), 1)), as(actual));
  EXPECT_EQ(out["rows"], 64);
  EXPECT_EQ(out["columns"], 64);
  EXPECT_EQ(out["cells"].back(), 3.0);
  EXPECT_EQ(out["cells"].front(), -99);
  EXPECT_EQ(out["worst"][0]["at"], "[99,999]");
}

TEST(Tensors, EmptyAndScalarOnes) {
  EXPECT_EQ(compare_output("y", floats({}), floats({}), floats({}))["elements"], 0);
  const Tensor one = Tensor::scalar(DType::kFloat, 1), two = Tensor::scalar(DType::kFloat, 2);
  EXPECT_EQ(compare_output("y", one, one, two)["cells"], nlohmann::json({0.0}));
}

const Model before() {
  return infer_shapes(parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x) => (float[2,3] y) <float b = {-1.0}> { a = Relu (x) n = Neg (a) y = Clip (n, b) })"));
}
const Model after() {
  return parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x) => (float[2,3] y) <float b = {-1.0}> { n = Neg (x) y = Clip (n, b) })");
}

std::vector<std::string> marks(const Picture& p) {
  std::vector<std::string> out;
  for (const Box& b : p.boxes)
    if (b.mark != Mark::kPort) out.push_back(b.lines[0] + " " + std::string(name(b.mark)));
  return out;
}

TEST(Pictures, MarkWhatTheOptimizerChanged) {
  const Model original = before(), optimized = after();
  EXPECT_THAT(marks(picture_of(original, &optimized, false, "")),
              ElementsAre("Relu gone", "Neg changed", "Clip kept"));
  EXPECT_THAT(marks(picture_of(optimized, &original, true, "")), ElementsAre("Neg changed", "Clip kept"));
  EXPECT_THAT(marks(picture_of(original, nullptr, false, "")),
              ElementsAre("Relu kept", "Neg kept", "Clip kept"));
}

TEST(Pictures, ShowTypesConstantsAndTheFirstBadValue) {
  const Picture p = picture_of(before(), nullptr, false, "n");
  EXPECT_EQ(p.boxes[2].lines, (std::vector<std::string>{"Clip", "input 1: -1"}));
  ASSERT_EQ(p.arrows.size(), 4U);
  for (const Arrow& a : p.arrows) {
    EXPECT_EQ(a.label, "float[2,3]");
    EXPECT_EQ(a.bad, a.value == "n");
  }
}

TEST(Pictures, ABigGraphIsCutToTheDifference) {
  std::string text = R"(<ir_version: 8, opset_import: ["" : 17]> g (float[2] v0) => (float[2] v400) { )";
  for (int i = 0; i < 400; ++i) text += "v" + std::to_string(i + 1) + " = Relu (v" + std::to_string(i) + ") ";
  const Model original = parse_text(text + "}");
  Model optimized = original;
  optimized.graph.nodes[200].op_type = "Abs";
  const Picture p = picture_of(original, &optimized, false, "");
  EXPECT_EQ(p.boxes.size(), 5U);
  EXPECT_EQ(p.cut, "5 of 400 nodes: those near the difference");
}

TEST(Pictures, EveryBoxGetsAPlaceWhereThereIsGraphviz) {
  const Picture p = picture_of(before(), nullptr, false, "n");
  const auto drawn = draw({p, p});
  ASSERT_EQ(drawn.size(), 2U);
  if (drawn[0].is_null()) GTEST_SKIP() << "no Graphviz here";
  EXPECT_EQ(drawn[0], drawn[1]);
  ASSERT_EQ(drawn[0]["boxes"].size(), p.boxes.size());
  for (const auto& box : drawn[0]["boxes"]) {
    EXPECT_GE(box["x"].get<double>() - box["w"].get<double>() / 2, -0.5);
    EXPECT_LE(box["y"].get<double>() + box["h"].get<double>() / 2, drawn[0]["h"].get<double>() + 0.5);
  }
  ASSERT_EQ(drawn[0]["arrows"].size(), p.arrows.size());
  EXPECT_THAT(drawn[0]["arrows"][0]["path"].get<std::string>(), ::testing::StartsWith("M"));
}

ReportFinding finding(const std::string& system) {
  ReportFinding f;
  f.system = system;
  f.version = "1.31.1";
  f.symptom = "wrong-numbers";
  f.configuration = "BASIC reloaded";
  f.levels = {"BASIC", "ALL"};
  f.passes = {"FuseReluClip"};
  f.operators = {"Relu", "Constant", "Clip"};
  f.message = "expected 1, ``` got 2";
  f.guard = "passes when max of Clip is its default";
  f.versions = "bad in all";
  return f;
}

TEST(IssueText, HasTheHeadingsOfTheTrackersForm) {
  const std::string text = issue_text(finding("onnxruntime"), "print({})", "g (x) { }");
  std::size_t at = 0;
  for (const char* heading :
       {"### Describe the issue", "### To reproduce", "### Urgency", "### Platform", "### OS Version",
        "### ONNX Runtime Installation", "### ONNX Runtime Version or Commit ID\n\n1.31.1",
        "### ONNX Runtime API", "### Architecture", "### Execution Provider\n"}) {
    EXPECT_NE(text.find(heading, at), std::string::npos) << heading;
    at = std::min(text.size(), text.find(heading, at));
  }
  EXPECT_THAT(text, HasSubstr("````\nexpected 1, ``` got 2\n````"));
  EXPECT_THAT(text, HasSubstr("```python\nprint({})\n```"));
  EXPECT_EQ(issue_title(finding("onnxruntime")), "FuseReluClip: wrong results on Relu, Clip");
  EXPECT_THAT(tracker_of(finding("onnxruntime")), HasSubstr("microsoft/onnxruntime"));
}

TEST(IssueText, OtherTrackersHaveTheirOwn) {
  EXPECT_THAT(issue_text(finding("openvino"), "", ""), HasSubstr("### Step by step reproduction"));
  const std::string plain = issue_text(finding("a-tool-of-mine"), "", "");
  EXPECT_THAT(plain, HasSubstr("### What happens"));
  EXPECT_THAT(plain, Not(HasSubstr("ORT_DISABLE_ALL")));
  EXPECT_EQ(tracker_of(finding("a-tool-of-mine")), "");
}

TEST(IssueText, TheScriptHoldsTheModelAndTheLevel) {
  const std::string script =
      short_script(finding("onnxruntime"), {{"model.onnx", "abc"}, {"test_data_set_0/input_0.pb", "x"}});
  EXPECT_THAT(script, HasSubstr("base64.b64decode(\"YWJj\")"));
  EXPECT_THAT(script, HasSubstr("(\"ORT_DISABLE_ALL\", \"ORT_ENABLE_BASIC\")"));
  EXPECT_THAT(script, HasSubstr("[\"eA==\"]"));
  EXPECT_THAT(script, HasSubstr("InferenceSession(\"optimized.onnx\""));  // "BASIC reloaded"
  EXPECT_EQ(short_script(finding("onnxruntime"), {{"model.onnx", ""}, {"test_data_set_1/input_0.pb", ""}}),
            "");
  EXPECT_EQ(short_script(finding("onnxruntime"), {}), "");
}

TEST(Packed, Base64AsOfRfc4648) {
  const std::pair<const char*, const char*> examples[] = {
      {"", ""},        {"f", "Zg=="},        {"fo", "Zm8="},
      {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"}};
  for (const auto& [bytes, text] : examples) EXPECT_EQ(base64(bytes), text);
}

TEST(Packed, DeflatedComesBack) {
  const std::string text(100000, 'x'), packed = deflated(text);
  EXPECT_LT(packed.size(), 1000U);
  std::string back(text.size(), '\0');
  uLongf size = back.size();
  ASSERT_EQ(uncompress(reinterpret_cast<Bytef*>(back.data()), &size,
                       reinterpret_cast<const Bytef*>(packed.data()), packed.size()),
            Z_OK);
  EXPECT_EQ(back, text);
}

}  // namespace
}  // namespace mob
