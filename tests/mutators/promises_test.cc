// What every mutator that keeps the meaning owes: its mutant is valid ONNX, and keeps its promise; and the
// promise is worth something, since a fault in the mutator's own arithmetic breaks it.
#include <gtest/gtest.h>

#include <map>

#include "fuzzer/generator/generator.h"
#include "fuzzer/graph/model_io.h"
#include "mutators/mutator.h"
#include "oracles/promises.h"
#include "tests/mutators/fusion_parents.h"
#include "tests/mutators/pruning_parents.h"
#include "tests/mutators/quantized_parents.h"

namespace mob {
namespace {

constexpr int kParents = 300;
constexpr int kMutants = 150;
constexpr int kNetworks = 60;
constexpr std::size_t kEnough = 12;  // times that a mutator is tried, where it finds so many places

const std::vector<Case>& parents() {
  static const std::vector<Case> list = [] {
    GeneratorOptions options;
    options.policy.special = 0;
    std::vector<Case> cases;
    for (std::uint64_t i = 0; cases.size() < kParents; ++i) {
      Rng rng(31, i);
      auto g = i % 3 == 0 ? generate_graph(rng, options) : generate_motif(rng, options);
      if (g) cases.push_back(std::move(g->c));
    }
    // Empty dimensions, broadcasts, types and forms that generators do not draw.
    for (std::size_t i = 0; cases.size() < kParents + kMutants; i = (i + 1) % kParents) {
      Rng rng(34, cases.size() + i);
      if (auto mutant = mutated(cases[i], rng, 0.7)) cases.push_back(std::move(*mutant));
    }
    for (Case& c : fusion_parents(33)) cases.push_back(std::move(c));
    add_networks(cases, kNetworks);
    for (Case& c : quantized_parents(80)) cases.push_back(std::move(c));
    return cases;
  }();
  return list;
}

class KeptPromise : public testing::TestWithParam<const Mutator*> {};

TEST_P(KeptPromise, HoldsAndAFaultBreaksIt) {
  const Mutator& m = *GetParam();
  std::size_t applied = 0, caught = 0;
  for (std::size_t i = 0; i < parents().size() && applied < kEnough; ++i) {
    Rng rng(32, i);
    Choices choices(rng);
    Case c = parents()[i];
    const std::string before = serialize(c.model);
    const auto promise = m.apply(c, choices);
    if (!promise) continue;
    ASSERT_TRUE(settle(c)) << "parent " << i << ", " << choices.settings() << "\n" << to_text(c.model);
    if (serialize(c.model) == before) continue;  // `derive` takes that for no place
    ++applied;
    const std::string what = "parent " + std::to_string(i) + ", " + choices.settings();
    ASSERT_EQ(check_model(c.model), "") << what << "\n" << to_text(c.model);
    ASSERT_EQ(oracles::broken_promise(parents()[i], c, *promise), "")
        << what << "\n"
        << to_text(parents()[i].model) << "\nbecame\n"
        << to_text(c.model);

    Rng again(32, i);
    Choices bent(again);
    bent.plant_fault();
    Case faulty = parents()[i];
    if (const auto p = m.apply(faulty, bent))
      caught += !settle(faulty) || !oracles::broken_promise(parents()[i], faulty, *p).empty();
  }
  std::cout << m.name << ": applied " << applied << ", faults caught " << caught << "\n";
  EXPECT_GE(applied, 1U);
  EXPECT_GE(2 * caught, applied);
}

std::vector<const Mutator*> keeping() {
  std::vector<const Mutator*> list;
  for (const Mutator* m : all_mutators())
    if (m->family != MutatorFamily::kChange && m->family != MutatorFamily::kNest) list.push_back(m);
  return list;
}
INSTANTIATE_TEST_SUITE_P(Each, KeptPromise, testing::ValuesIn(keeping()), [](const auto& p) {
  std::string name(p.param->name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace mob
