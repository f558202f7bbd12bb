// Random results are judged by their distribution: many sessions with and without optimization.
#include <gtest/gtest.h>

#include "fuzzer/base/rng.h"
#include "fuzzer/graph/model_io.h"
#include "oracles/compare.h"

namespace mob {
namespace {

const Oracle& oracle_named(std::string_view wanted) {
  for (const Oracle* o : all_oracles())
    if (o->name == wanted) return *o;
  std::abort();
}

Case uniform_case() {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g () => (float[4] y) { y = RandomUniform <shape = [4]> () })");
  return c;
}

// 16 sessions of two configurations; each draws its outputs with the given function.
template <class Plain, class Optimized>
Verdict judge(Plain plain, Optimized optimized) {
  const Case c = uniform_case();
  const Reference reference = evaluate(c);
  EXPECT_TRUE(reference.random);
  const std::vector<Configuration> configurations = {{.level = 0}, {.level = 99}};
  const auto outcome = [](Tensor t) {
    Outcome o;
    o.kind = Outcome::Kind::kOutputs;
    o.outputs.push_back({"y", std::move(t), true});
    return o;
  };
  std::vector<std::vector<Outcome>> repeats;
  for (int i = 0; i < 16; ++i) repeats.push_back({outcome(plain()), outcome(optimized())});
  const std::vector<Outcome> outcomes = repeats[0];
  const Evidence e{c, reference, configurations, outcomes, {}, {}, repeats};
  return oracle_named("plain-vs-optimized").check(e);
}

TEST(RandomResults, EqualDistributionsAreSilent) {
  Rng rng(1, 0);
  const auto draw = [&] {
    return Tensor::of(DType::kFloat, {4}, {rng.unit(), rng.unit(), rng.unit(), rng.unit()});
  };
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(judge(draw, draw).kind, Verdict::Kind::kAgree);
}

TEST(RandomResults, ADrawThatTheOptimizerFroze) {
  Rng rng(2, 0);
  const auto draw = [&] {
    return Tensor::of(DType::kFloat, {4}, {rng.unit(), rng.unit(), rng.unit(), rng.unit()});
  };
  const auto frozen = [] { return Tensor::of(DType::kFloat, {4}, {0, 0, 2, 0.5}); };
  const Verdict v = judge(draw, frozen);
  ASSERT_EQ(v.kind, Verdict::Kind::kFinding);
  EXPECT_EQ(v.finding->symptom, Symptom::kWrongNumbers);
  EXPECT_EQ(v.finding->cls, FindingClass::kBug);
}

TEST(RandomResults, OneRunIsNoEvidence) {
  const Case c = uniform_case();
  const Reference reference = evaluate(c);
  Outcome o;
  o.kind = Outcome::Kind::kOutputs;
  const std::vector<Outcome> outcomes = {o, o};
  const std::vector<Configuration> configurations = {{.level = 0}, {.level = 99}};
  const Evidence e{c, reference, configurations, outcomes, {}, {}, {}};
  EXPECT_EQ(oracle_named("plain-vs-optimized").check(e).kind, Verdict::Kind::kSkip);
}

}  // namespace
}  // namespace mob
