// Runtimes that are wrong in one way each, and honest twins: every oracle on a planted bug that it must find,
// and where it must stay silent.
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "fuzzer/generator/sampler.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/triage/judge.h"
#include "tests/fakes/case_of.h"
#include "tests/triage/quick_judge.h"

namespace mob {
namespace {

// y = relu(x - w) scaled: an operator whose operands matter, several axes, no value near zero.
Case small_case() {
  return case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x) => (float[2,3] y) <float[3] w = {0.5, -1.25, 2}> {
  d = Sub (x, w)
  y = Mul (d, w)
})");
}

struct Planted {
  const char* mode;
  Symptom symptom;
  FindingClass cls;
  const char* oracle;
};

class PlantedBug : public ::testing::TestWithParam<Planted> {};

TEST_P(PlantedBug, IsFound) {
  const Case c = small_case();
  const Judged j = judge_with(GetParam().mode, c);
  ASSERT_EQ(j.verdict.kind, Verdict::Kind::kFinding) << j.verdict.reason;
  EXPECT_EQ(name(j.verdict.finding->symptom), name(GetParam().symptom));
  EXPECT_EQ(name(j.verdict.finding->cls), name(GetParam().cls));
  EXPECT_EQ(j.verdict.finding->oracle, GetParam().oracle);
  EXPECT_TRUE(j.confirmed);
}

INSTANTIATE_TEST_SUITE_P(
    Each, PlantedBug,
    ::testing::Values(
        Planted{"dropped-axis", Symptom::kWrongStructure, FindingClass::kBug, "structure"},
        Planted{"wrong-type", Symptom::kWrongStructure, FindingClass::kBug, "structure"},
        Planted{"missing-output", Symptom::kWrongStructure, FindingClass::kBug, "structure"},
        Planted{"lost-output", Symptom::kWrongStructure, FindingClass::kBug, "structure"},
        Planted{"refused-or-crash", Symptom::kCrash, FindingClass::kKernel, "crash-and-hang"},
        Planted{"wrong-shape-within", Symptom::kCrash, FindingClass::kKernel, "crash-and-hang"},
        Planted{"swapped-operands", Symptom::kWrongNumbers, FindingClass::kBug, "optimized-vs-reference"},
        Planted{"wrong-numbers", Symptom::kWrongNumbers, FindingClass::kBug, "optimized-vs-reference"},
        Planted{"wrong-kernel", Symptom::kWrongNumbers, FindingClass::kKernel, "optimized-vs-reference"},
        Planted{"crash-at-load", Symptom::kCrash, FindingClass::kBug, "crash-and-hang"},
        Planted{"crash-at-run", Symptom::kCrash, FindingClass::kBug, "crash-and-hang"},
        Planted{"error-at-load", Symptom::kCrash, FindingClass::kBug, "crash-and-hang"},
        Planted{"exit", Symptom::kCrash, FindingClass::kBug, "crash-and-hang"},
        Planted{"hang", Symptom::kHang, FindingClass::kBug, "crash-and-hang"},
        Planted{"sleep", Symptom::kHang, FindingClass::kBug, "crash-and-hang"},
        Planted{"first-run-garbage", Symptom::kWrongNumbers, FindingClass::kBug, "optimized-vs-reference"},
        Planted{"wrong-when-saved", Symptom::kWrongNumbers, FindingClass::kBug, "saved-vs-in-session"},
        Planted{"not-saved", Symptom::kCrash, FindingClass::kBug, "saved-vs-in-session"},
        Planted{"lost-not-saved", Symptom::kWrongStructure, FindingClass::kBug, "structure"},
        Planted{"needs-poison", Symptom::kWrongNumbers, FindingClass::kBug, "optimized-vs-reference"}),
    [](const auto& info) { return test_name(info.param.mode); });

TEST(PlantedBugs, FirstRunGarbageIsNondeterminismToo) {
  const Case c = small_case();
  const Judged j = judge_with("first-run-garbage", c);
  bool seen = false;
  for (const Finding& f : j.also) seen = seen || f.symptom == Symptom::kNondeterminism;
  EXPECT_TRUE(seen);
}

// An optimizer cannot have broken what does not run without it, nor can it be called right.
TEST(PlantedBugs, WhatRunsOnlyOptimizedIsNotDecided) {
  const Case c = small_case();
  const Judged j = judge_with("refuses-plain", c);
  EXPECT_EQ(j.verdict.kind, Verdict::Kind::kSkip);
  EXPECT_EQ(j.verdict.reason, "rejected without optimization: FAIL: no kernel for FusedNonsense");
}

// A model from outside may hold any bytes as a name; they pass between the processes as they are.
TEST(PlantedBugs, NamesNeedNotBeUtf8) {
  Case c = small_case();
  Graph& g = c.model.graph;
  const std::string was = g[g.inputs[0]].name, odd = "\xff\xfe";
  g[g.inputs[0]].name = odd;
  auto given = c.inputs.extract(was);
  given.key() = odd;
  c.inputs.insert(std::move(given));
  EXPECT_EQ(judge_with("honest", c).verdict.kind, Verdict::Kind::kAgree);
  EXPECT_EQ(judge_with("crash-at-run", c).verdict.finding->symptom, Symptom::kCrash);
}

TEST(PlantedBugs, ADeathCostsOneOutcomeAndNoMore) {
  const Case c = small_case();
  Worker worker(fake_system("crash-at-run"));
  const auto outcomes = worker.run(c, thorough_configurations());
  ASSERT_EQ(outcomes.size(), 7u);
  EXPECT_TRUE(outcomes[0].ok());
  for (std::size_t i = 1; i < outcomes.size(); ++i) {
    EXPECT_EQ(outcomes[i].kind, Outcome::Kind::kCrashed);
    EXPECT_EQ(outcomes[i].stage, Stage::kRun);
  }
  EXPECT_TRUE(worker.run(c, {{.level = 0}})[0].ok());  // and the next case is none the worse
}

TEST(PlantedBugs, TwoInFlightSurviveTheFirstOnesDeath) {
  const Case c = small_case();
  Worker worker(fake_system("crash-at-run"));
  worker.submit(c, {{.level = 0}, {.level = 1}});
  worker.submit(c, {{.level = 0}});
  EXPECT_FALSE(worker.can_submit());
  const auto first = worker.next(), second = worker.next();
  EXPECT_TRUE(first[0].ok());
  EXPECT_TRUE(first[1].died());
  EXPECT_TRUE(second[0].ok());
}

// A worker is of the process group of the one that it is a copy of.
pid_t nursery_of(const Worker& worker) {
  return getpgid(worker.process());
}

TEST(PlantedBugs, AFreshWorkerIsACopyOfOneThatHasLoaded) {
  const Case c = small_case();
  Worker worker(fake_system("honest"));
  ASSERT_TRUE(worker.run(c, {{.level = 0}})[0].ok());
  const pid_t process = worker.process(), nursery = nursery_of(worker);
  EXPECT_NE(process, nursery);
  worker.restart();
  ASSERT_TRUE(worker.run(c, {{.level = 0}})[0].ok());
  EXPECT_NE(worker.process(), process);
  EXPECT_EQ(nursery_of(worker), nursery);
  EXPECT_EQ(kill(process, 0), -1);  // waited for
  worker.reload();
  ASSERT_TRUE(worker.run(c, {{.level = 0}})[0].ok());
  EXPECT_NE(nursery_of(worker), nursery);
  EXPECT_EQ(kill(nursery, 0), -1);
  EXPECT_EQ(worker.starts(), 3);
}

TEST(PlantedBugs, WhatCopiesAreMadeOfMayBeKilled) {
  const Case c = small_case();
  Worker worker(fake_system("crash-at-run"));
  ASSERT_TRUE(worker.run(c, {{.level = 0}})[0].ok());
  kill(nursery_of(worker), SIGKILL);
  const auto outcomes = worker.run(c, {{.level = 1}, {.level = 0}});
  EXPECT_EQ(outcomes[0].kind, Outcome::Kind::kCrashed);
  EXPECT_TRUE(outcomes[1].ok());
}

TEST(PlantedBugs, AWorkerWithThreadsIsStartedAnewEachTime) {
  const Case c = small_case();
  Worker worker(fake_system("threads"));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(worker.run(c, {{.level = 0}})[0].ok());
    EXPECT_EQ(nursery_of(worker), worker.process());
    worker.restart();
  }
}

TEST(PlantedBugs, AWorkerThatCannotStartIsBadSetUp) {
  Worker worker(fake_system("cannot-start"));
  const Case c = small_case();
  try {
    worker.run(c, {{.level = 0}});
    FAIL();
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("the library is of another machine"), std::string::npos) << e.what();
  }
}

// Where the plain run and the outputs that came with the model agree against the reference, it is not
// believed.
TEST(Witness, TwoSourcesOutvoteTheReference) {
  Case c = small_case();
  const auto outcomes = Worker(fake_system("wrong-kernel")).run(c, {{.level = 0}});
  for (const Output& o : outcomes[0].outputs) c.witness[o.name] = o.tensor;
  const Judged j = judge_with("wrong-kernel", c);
  EXPECT_EQ(j.verdict.kind, Verdict::Kind::kSkip);
  EXPECT_NE(j.verdict.reason.find("reference is in doubt"), std::string::npos) << j.verdict.reason;
}

// Honest runtimes: exact, and one that uses the freedom that the bound gives.
TEST(HonestTwins, AreSilentOnRandomCases) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  const int wanted = 500;
#else
  const int wanted = 10000;
#endif
  for (const char* mode : {"honest", "honest-noisy"}) {
    JudgeOptions options;
    options.configurations = level_configurations({0, 1, 2, 99});
    Judge judge(fake_system(mode), options);
    int judged = 0, skipped = 0;
    for (std::uint64_t i = 0; judged < wanted; ++i) {
      ASSERT_LT(i, 100u * static_cast<unsigned>(wanted));
      Rng rng(11, i);
      SampleOptions what;
      what.nodes = static_cast<int>(rng.range(1, 3));
      what.random = false;
      const auto c = sample(rng, what);
      if (!c) continue;
      const Judged j = judge.judge(*c);
      ASSERT_NE(j.verdict.kind, Verdict::Kind::kFinding)
          << mode << " case " << i << ": " << j.verdict.finding->message;
      ++judged;
      skipped += j.verdict.kind == Verdict::Kind::kSkip;
    }
    EXPECT_LT(skipped, wanted / 10) << mode;
  }
}

}  // namespace
}  // namespace mob
