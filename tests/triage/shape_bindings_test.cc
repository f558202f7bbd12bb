// Runtimes that are right at the first sizes of a model and wrong at others, their honest twins, and what is
// made of such a finding.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fuzzer/base/check.h"
#include "fuzzer/generator/bindings.h"
#include "fuzzer/generator/generator.h"
#include "fuzzer/generator/inputs.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/triage/describe.h"
#include "fuzzer/triage/essence.h"
#include "tests/triage/quick_judge.h"

namespace mob {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Run at N = 2, then at 5 and at 1.
Case dynamic_case() {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[N,3] x) => (float[?,?] y, float[?,?] z) <float[3] w = {0.5, -1.25, 2}> {
  a = Tanh (x)
  d = Sub (a, w)
  y = Mul (d, w)
  z = Abs (a)
})");
  const auto x = [](std::int64_t n) {
    std::vector<double> v(static_cast<std::size_t>(3 * n));
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = 0.25 + 0.125 * static_cast<double>(i);
    return Tensor::of(DType::kFloat, {n, 3}, v);
  };
  c.inputs["x"] = x(2);
  c.bindings = {{{"x", x(5)}}, {{"x", x(1)}}};
  return c;
}

struct Planted {
  const char* mode;
  Symptom symptom;
  FindingClass cls;
  const char* words;
};

class WrongAtABinding : public ::testing::TestWithParam<Planted> {};

TEST_P(WrongAtABinding, IsFound) {
  const Judged j = judge_with(GetParam().mode, dynamic_case());
  ASSERT_EQ(j.verdict.kind, Verdict::Kind::kFinding) << j.verdict.reason;
  const Finding& f = *j.verdict.finding;
  EXPECT_EQ(name(f.symptom), name(GetParam().symptom)) << f.message;
  EXPECT_EQ(name(f.cls), name(GetParam().cls));
  EXPECT_EQ(f.oracle, "shape-bindings");
  EXPECT_THAT(f.message, HasSubstr(GetParam().words));
  EXPECT_TRUE(j.also.empty());
  EXPECT_TRUE(j.confirmed);
}

INSTANTIATE_TEST_SUITE_P(
    Each, WrongAtABinding,
    ::testing::Values(
        Planted{"first-binding", Symptom::kWrongStructure, FindingClass::kBug,
                "at N = 5 after N = 2: output 'y' is float[2,3], expected float[5,3]; a session with these "
                "sizes fixed is right"},
        Planted{"scaled-binding", Symptom::kWrongNumbers, FindingClass::kBug, "at N = 5 after N = 2: output"},
        Planted{"spoiled-first", Symptom::kWrongNumbers, FindingClass::kBug,
                "at N = 2 after N = 1, for the second time: output"},
        Planted{"error-at-binding", Symptom::kCrash, FindingClass::kBug, "at N = 5 after N = 2: INVALID"},
        Planted{"crash-at-binding", Symptom::kCrash, FindingClass::kBug, "at N = 5 after N = 2: killed"},
        Planted{"hang-at-binding", Symptom::kHang, FindingClass::kBug, "at N = 5 after N = 2: no answer"},
        Planted{"kernel-at-binding", Symptom::kWrongNumbers, FindingClass::kKernel,
                "without optimization at N = 5 after N = 2: output"}),
    [](const auto& info) { return test_name(info.param.mode); });

TEST(ShapeBindings, AgreeWhereNothingIsWrong) {
  for (const char* mode : {"honest", "honest-noisy"}) {
    const Judged j = judge_with(mode, dynamic_case());
    EXPECT_EQ(j.verdict.kind, Verdict::Kind::kAgree) << mode << " " << j.verdict.reason;
    const auto at = std::find_if(j.by_oracle.begin(), j.by_oracle.end(),
                                 [](const auto& entry) { return entry.first == "shape-bindings"; });
    ASSERT_NE(at, j.by_oracle.end());
    EXPECT_EQ(at->second.kind, Verdict::Kind::kAgree) << at->second.reason;
    for (const Outcome& o : j.outcomes) EXPECT_EQ(o.bindings.size(), 3u);
  }
}

// What is wrong at the first sizes already is found by others.
TEST(ShapeBindings, LeaveToOthersWhatIsTheirs) {
  const Judged j = judge_with("wrong-numbers", dynamic_case());
  ASSERT_EQ(j.verdict.kind, Verdict::Kind::kFinding);
  EXPECT_EQ(j.verdict.finding->oracle, "optimized-vs-reference");
  EXPECT_EQ(j.verdict.finding->binding, 0u);
}

TEST(ShapeBindings, ADeathAtOneTakesNothingFromTheFirstRun) {
  const Case c = dynamic_case();
  Worker worker(fake_system("crash-at-binding"));
  const auto outcomes = worker.run(c, {{.level = 0}, {.level = 1}, {.level = 0}});
  ASSERT_EQ(outcomes.size(), 3u);
  for (const Outcome& o : outcomes) EXPECT_TRUE(o.ok());
  ASSERT_EQ(outcomes[1].bindings.size(), 1u);
  EXPECT_EQ(outcomes[1].bindings[0].kind, Outcome::Kind::kCrashed);
  EXPECT_EQ(outcomes[1].bindings[0].stage, Stage::kRun);
  EXPECT_EQ(outcomes[2].bindings.size(), 3u);
}

TEST(ShapeBindings, TheFirstInputsComeAgain) {
  const Case c = dynamic_case();
  const auto outcomes = Worker(fake_system("honest")).run(c, {{.level = 0}});
  ASSERT_EQ(outcomes[0].bindings.size(), 3u);
  EXPECT_EQ(outcomes[0].bindings[0].outputs[0].tensor.dims(), (Dims{5, 3}));
  EXPECT_EQ(outcomes[0].bindings[1].outputs[0].tensor.dims(), (Dims{1, 3}));
  EXPECT_TRUE(outcomes[0].bindings[2].outputs[0].tensor.identical(outcomes[0].outputs[0].tensor));
}

// Triage keeps what the finding needs: one binding, and symbolic dimensions where the cut goes through.
TEST(ShapeBindings, SurviveTriage) {
  System system = fake_system("scaled-binding");
  system.can_disable = true;
  Judge judge(system, quick());
  const Case c = dynamic_case();
  const Judged j = judge.judge(c);
  ASSERT_TRUE(j.verdict.finding) << j.verdict.reason;
  const Cause cause = find_cause(judge, c, j);
  EXPECT_THAT(cause.cures, ElementsAre("FakePass"));
  const Essence e = essence(judge, c, *j.verdict.finding, cause);
  EXPECT_EQ(e.c.model.graph.nodes.size(), 1u);
  EXPECT_EQ(e.c.bindings.size(), 1u);
  EXPECT_THAT(to_text(e.c.model), HasSubstr("float[N,3]"));
}

TEST(ShapeBindings, HonestTwinsAreSilentOnRandomCases) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const int wanted = 50;
#else
  const int wanted = 1000;
#endif
  GeneratorOptions options;
  options.policy.symbolic = 1;
  Judge judge(fake_system("honest-noisy"), quick(level_configurations({0, 99})));
  int judged = 0;
  for (std::uint64_t i = 0; judged < wanted; ++i) {
    Rng rng(13, i);
    auto g = generate_graph(rng, options);
    if (!g || draw_bindings(g->c, rng, 2).kept == 0) continue;
    const Judged j = judge.judge(g->c);
    ASSERT_NE(j.verdict.kind, Verdict::Kind::kFinding) << "case " << i << ": " << j.verdict.finding->message;
    ++judged;
  }
}

// On the real thing: dimensions that are computed, broadcast and reshaped by symbols, at all levels.
TEST(ShapeBindings, OnnxRuntimeAgrees) {
  std::optional<System> system;
  try {
    system = resolve_system("onnxruntime");
  } catch (const UserError&) {
    GTEST_SKIP() << "no ONNX Runtime is installed";
  }
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[B,S,8] x, float[S] bias) => (float[?,?,?] y, int64[?] shape)
  <int64[1] minus = {-1}, int64[1] four = {4}, int64 zero = {0}, int64[1] axis = {0}, int64[1] last = {2}> {
  s = Shape (x)
  b = Gather (s, zero)
  b1 = Unsqueeze (b, axis)
  shape = Concat <axis = 0> (b1, minus, four)
  r = Reshape (x, shape)
  t = Transpose <perm = [0, 2, 1]> (r)
  u = Unsqueeze (bias, axis)
  v = Unsqueeze (u, last)
  w = Mul (x, v)
  m = ReduceMean <axes = [1], keepdims = 1> (w)
  n = Slice (m, axis, four, last)
  o = Transpose <perm = [0, 2, 1]> (n)
  y = Add (t, o)
})");
  Rng rng(3, 0);
  c.inputs = draw_inputs(c.model, rng);
  ASSERT_EQ(draw_bindings(c, rng, 4).kept, 4);
  Judge judge(*system, {});
  const Judged j = judge.judge(c);
  EXPECT_EQ(j.verdict.kind, Verdict::Kind::kAgree)
      << (j.verdict.finding ? j.verdict.finding->message : j.verdict.reason);
  EXPECT_EQ(j.by_oracle.back().second.kind, Verdict::Kind::kAgree) << j.by_oracle.back().second.reason;
  for (const Outcome& o : j.outcomes) {
    ASSERT_EQ(o.bindings.size(), 5u) << o.message;
    for (const Outcome& b : o.bindings) EXPECT_TRUE(b.ok()) << b.message;
  }
}

// A real one (microsoft/onnxruntime issue 32603): the fused operator takes no scale that widens its input,
// which it does at D = 1 only.
TEST(ShapeBindings, OnnxRuntimeFusesALayerNormalizationThatBroadcasts) {
  std::optional<System> system;
  try {
    system = resolve_system("onnxruntime@1.31.1");
  } catch (const UserError&) {
    GTEST_SKIP() << "this version of ONNX Runtime is not installed";
  }
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,D] x) => (float[?,?] y)
  <float[4] scale = {1.5, -2, 3, 0.5}, float[4] bias = {1, 2, 3, 4}, float two = {2}, float eps = {1e-5}> {
  mean = ReduceMean <axes = [-1], keepdims = 1> (x)
  centred = Sub (x, mean)
  square = Pow (centred, two)
  variance = ReduceMean <axes = [-1], keepdims = 1> (square)
  more = Add (variance, eps)
  deviation = Sqrt (more)
  normal = Div (centred, deviation)
  scaled = Mul (normal, scale)
  y = Add (scaled, bias)
})");
  c.inputs["x"] = Tensor::of(DType::kFloat, {2, 4}, {1, 2, 4, 8, -1, 3, 5, 0.5});
  c.bindings = {{{"x", Tensor::of(DType::kFloat, {2, 1}, {1, 2})}}};
  Judge judge(*system, {});
  const Judged j = judge.judge(c);
  ASSERT_TRUE(j.verdict.finding) << j.verdict.reason;
  EXPECT_EQ(j.verdict.finding->oracle, "shape-bindings");
  EXPECT_EQ(name(j.verdict.finding->symptom), "crash");
  EXPECT_EQ(name(j.verdict.finding->cls), "bug");
  EXPECT_THAT(j.verdict.finding->message, HasSubstr("at D = 1 after D = 4: INVALID_ARGUMENT"));
  EXPECT_TRUE(j.confirmed);
  const Cause cause = find_cause(judge, c, j);
  EXPECT_THAT(cause.cures, ElementsAre("LayerNormFusionL1"));
  // A session that sees these sizes only fails, too: the first binding has no part in it.
  const Essence e = essence(judge, c, *j.verdict.finding, cause);
  EXPECT_TRUE(e.c.bindings.empty());
  EXPECT_EQ(e.c.inputs.at("x").dims(), (Dims{2, 1}));
}

}  // namespace
}  // namespace mob
