// What every mutator owes: whatever settles is valid ONNX by the library's own checker and can be evaluated.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "fuzzer/generator/generator.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/reference/reference.h"
#include "mutators/edit.h"
#include "mutators/mutator.h"

namespace mob {
namespace {

constexpr int kSeeds = 200;
constexpr int kLeast = 8;  // times that each mutator must give a valid model, of kSeeds

GeneratorOptions calm() {
  GeneratorOptions options;
  options.policy.special = 0;
  return options;
}

const std::vector<Case>& seeds() {
  static const std::vector<Case> list = [] {
    std::vector<Case> cases;
    for (std::uint64_t i = 0; cases.size() < kSeeds; ++i) {
      Rng rng(11, i);
      auto g = i % 2 == 0 ? generate_graph(rng, calm()) : generate_motif(rng, calm());
      if (g) cases.push_back(std::move(g->c));
    }
    return cases;
  }();
  return list;
}

// onnx 1.23 infers as if steps of Slice that a Loop makes were ones.
bool steps_from_loop(const Case& c) {
  const Graph& g = c.model.graph;
  const std::vector<int> producers = g.producers();
  return std::any_of(g.nodes.begin(), g.nodes.end(), [&](const Node& n) {
    if (n.op_type != "Slice" || n.inputs.size() < 5) return false;
    const int p = producers[static_cast<std::size_t>(n.inputs[4])];
    return p >= 0 && g.nodes[static_cast<std::size_t>(p)].op_type == "Loop";
  });
}

void expect_good(const Case& c, const std::string& what) {
  if (!steps_from_loop(c)) {
    EXPECT_EQ(check_model(c.model), "") << what << "\n" << to_text(c.model);
  }
  const Reference r = evaluate(c);
  EXPECT_TRUE(r.available()) << what << ": " << r.unavailable << "\n" << to_text(c.model);
  const Graph& g = c.model.graph;
  std::set<std::string> names;
  for (const Node& n : g.nodes)
    EXPECT_TRUE(n.name.empty() || names.insert(n.name).second) << what << ": " << n.name;
  ASSERT_EQ(r.outputs.size(), g.outputs.size());
  for (std::size_t o = 0; o < r.outputs.size(); ++o) {
    const Value& v = g[g.outputs[o]];
    ASSERT_TRUE(v.type && v.type->shape) << what;
    EXPECT_EQ(v.type->dtype, r.outputs[o].type.dtype) << what;
    EXPECT_EQ(v.type->shape->size(), r.outputs[o].type.rank()) << what;
  }
}

// The outputs that were there, with values and bounds.
void expect_same_values(const Case& before, const Case& after, const std::string& what) {
  const Reference a = evaluate(before), b = evaluate(after);
  ASSERT_TRUE(a.available()) << what << ": " << a.unavailable;
  ASSERT_TRUE(b.available()) << what << ": " << b.unavailable << "\n" << to_text(after.model);
  const Graph &g = before.model.graph, &h = after.model.graph;
  for (std::size_t o = 0; o < g.outputs.size(); ++o) {
    const ValueId v = h.find(g[g.outputs[o]].name);
    const auto at = std::find(h.outputs.begin(), h.outputs.end(), v) - h.outputs.begin();
    ASSERT_LT(at, static_cast<std::ptrdiff_t>(h.outputs.size())) << what << ": an output is gone";
    const Expected &x = a.outputs[o], &y = b.outputs[static_cast<std::size_t>(at)];
    ASSERT_EQ(x.type, y.type) << what;
    for (std::size_t i = 0; i < x.count() && !a.random; ++i) {
      const bool same =
          x.value_at(i) == y.value_at(i) || (std::isnan(x.value_at(i)) && std::isnan(y.value_at(i)));
      ASSERT_TRUE(same && x.bound_at(i) == y.bound_at(i)) << what << "\n" << to_text(after.model);
    }
  }
}

TEST(Mutators, GiveValidModels) {
  std::map<std::string_view, int> applied, settled;
  for (const Mutator* m : all_mutators()) {
    if (m->family != MutatorFamily::kChange && m->family != MutatorFamily::kNest)
      continue;  // see promises_test.cc
    for (std::size_t i = 0; i < seeds().size(); ++i) {
      Rng rng(3, i);
      Choices choices(rng);
      Case c = seeds()[i];
      const auto promise = m->apply(c, choices);
      if (!promise) continue;
      EXPECT_EQ(promise->kind == Promise::Kind::kSameValues, m->family == MutatorFamily::kNest) << m->name;
      ++applied[m->name];
      if (m->family == MutatorFamily::kNest)
        expect_same_values(seeds()[i], c, std::string(m->name) + " on seed " + std::to_string(i));
      else if (!settle(c))
        continue;
      ++settled[m->name];
      expect_good(c, std::string(m->name) + " on seed " + std::to_string(i));
      if (HasFailure()) return;
    }
  }
  for (const Mutator* m : all_mutators()) {
    if (m->family != MutatorFamily::kChange && m->family != MutatorFamily::kNest) continue;
    std::cout << m->name << ": applied " << applied[m->name] << ", settled " << settled[m->name] << "\n";
    EXPECT_GE(settled[m->name], kLeast) << m->name << " of " << applied[m->name] << " applied";
  }
}

TEST(Mutators, ManyInARow) {
  int got = 0;
  for (std::size_t i = 0; i < seeds().size(); ++i) {
    Rng rng(4, i);
    const std::optional<Case> c = mutated(seeds()[i], rng, 0.7);
    if (!c) continue;
    ++got;
    EXPECT_GT(c->lineage.size(), seeds()[i].lineage.size());
    expect_good(*c, "mutated seed " + std::to_string(i));
    if (HasFailure()) return;
  }
  EXPECT_GE(got, kSeeds * 9 / 10);
}

TEST(Mutators, AreAFunctionOfSeedAndIndex) {
  for (std::size_t i = 0; i < 60; ++i) {
    Rng a(5, i), b(5, i);
    const auto x = mutated(seeds()[i], a, 0.7), y = mutated(seeds()[i], b, 0.7);
    ASSERT_EQ(x.has_value(), y.has_value());
    if (!x) continue;
    EXPECT_EQ(serialize(x->model), serialize(y->model));
    for (const auto& [name, tensor] : x->inputs) EXPECT_TRUE(tensor.identical(y->inputs.at(name)));
  }
}

TEST(Splice, GivesValidModels) {
  int got = 0;
  for (std::size_t i = 0; i + 1 < seeds().size(); ++i) {
    Rng rng(6, i);
    const std::optional<Case> c = spliced(seeds()[i], seeds()[i + 1], rng);
    if (!c) continue;
    ++got;
    expect_good(*c, "spliced seed " + std::to_string(i));
    if (HasFailure()) return;
  }
  std::cout << got << " of " << seeds().size() - 1 << " pairs joined\n";
  EXPECT_GE(got, kSeeds / 8);
}

TEST(Settle, KeepsASettledCaseAsItIs) {
  // Some cases of the generator hold what a mutant may not (an integer division by zero); mutators have no
  // eye for drawn bodies and sequences at all.
  int refused = 0;
  for (const Case& seed : seeds()) {
    if (!mutators::plain(seed)) continue;
    Case c = seed;
    if (!settle(c)) {
      ++refused;
      continue;
    }
    const std::string once = serialize(c.model);
    ASSERT_TRUE(settle(c));
    EXPECT_EQ(serialize(c.model), once);
  }
  EXPECT_LE(refused, kSeeds / 20);
}

}  // namespace
}  // namespace mob
