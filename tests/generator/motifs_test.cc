// What every motif owes: whole or broken it is valid ONNX by the library's own checker, the reference knows
// its answer, each of its guards can be broken, and it is a function of the seed.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "fuzzer/generator/generator.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/reference/reference.h"

namespace mob {
namespace {

GeneratorOptions plain_options() {
  GeneratorOptions options;
  options.policy.special = 0;
  return options;
}

TEST(Motifs, AreValidWholeAndBroken) {
  EXPECT_GE(all_motifs().size(), 20u);
  const GeneratorOptions options = plain_options();
  for (const Motif* motif : all_motifs()) {
    int built = 0, draws = 0;
    for (std::uint64_t i = 0; i < 16; ++i) {
      Rng rng(11, i);
      ++draws;
      const auto g = generate_motif(
          rng, options, {.motif = motif, .broken_guards = static_cast<int>(i % 3), .planted = i % 2 == 1});
      if (!g) continue;
      ++built;
      EXPECT_EQ(g->motif, motif->name);
      EXPECT_EQ(g->broken_guards.empty(), i % 3 == 0) << motif->name;
      const std::string why = check_model(g->c.model);
      EXPECT_EQ(why, "") << motif->name << " draw " << i << "\n" << to_text(g->c.model);
      const Reference r = evaluate(g->c);
      EXPECT_TRUE(r.available()) << motif->name << " draw " << i << ": " << r.unavailable;
    }
    EXPECT_GE(2 * built, draws) << motif->name << " is seldom built";
  }
}

TEST(Motifs, EveryGuardCanBeBroken) {
  const GeneratorOptions options = plain_options();
  for (const Motif* motif : all_motifs()) {
    std::set<std::string> wanted;
    for (const Guard& g : motif->guards) EXPECT_TRUE(wanted.emplace(g.name).second) << g.name << " twice";
    for (std::uint64_t i = 0; i < 800 && !wanted.empty(); ++i) {
      Rng rng(12, i);
      if (const auto g = generate_motif(
              rng, options, {.motif = motif, .broken_guards = 1 + static_cast<int>(i % 2), .planted = false}))
        for (const std::string& name : g->broken_guards) wanted.erase(name);
    }
    for (const std::string& name : wanted)
      ADD_FAILURE() << motif->name << ": guard " << name << " is never broken";
  }
}

TEST(Motifs, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const Motif* motif : all_motifs()) {
    EXPECT_TRUE(names.insert(motif->name).second) << motif->name;
    EXPECT_EQ(find_motif(motif->name), motif);
  }
  EXPECT_EQ(find_motif("no-such-motif"), nullptr);
}

TEST(Generator, IsAFunctionOfSeedAndIndex) {
  const GeneratorOptions options = plain_options();
  for (std::uint64_t i = 0; i < 100; ++i) {
    Rng a(5, i), b(5, i);
    const auto x = i % 2 == 0 ? generate_graph(a, options) : generate_motif(a, options);
    const auto y = i % 2 == 0 ? generate_graph(b, options) : generate_motif(b, options);
    ASSERT_EQ(x.has_value(), y.has_value());
    if (!x) continue;
    EXPECT_EQ(serialize(x->c.model), serialize(y->c.model));
    for (const auto& [name, tensor] : x->c.inputs) EXPECT_TRUE(tensor.identical(y->c.inputs.at(name)));
  }
}

// What is kept of one support table is not taken for what another says that comes to lie in its place.
TEST(Generator, KeepsApartSupportTables) {
  GeneratorOptions options = plain_options();
  options.max_opset = 17;
  std::optional<Support> support;
  for (const auto& [op, since] : {std::pair{"Relu", 14}, std::pair{"Neg", 13}}) {
    support.emplace().types[{op, since}] = DType::kFloat;
    options.support = &*support;
    int made = 0;
    for (std::uint64_t i = 0; i < 20; ++i) {
      Rng rng(4, i);
      const auto g = generate_graph(rng, options, {.opset = 17});
      if (!g) continue;
      ++made;
      for (const Node& n : g->c.model.graph.nodes) {
        const bool leaf = n.op_type == "Constant" || n.op_type == "Identity";
        EXPECT_TRUE(leaf || n.op_type == op) << n.op_type << " instead of " << op;
      }
    }
    EXPECT_GT(made, 0) << op;
  }
}

// What the builder knows of a case while it grows is what the reference says of it when it is done.
TEST(Builder, KnowsTheValuesOfWhatItBuilds) {
  Rng rng(3, 0);
  const Policy policy;
  Builder b(rng, policy, {.opset = 17});
  const ValueId x = b.leaf(Tensor::of(DType::kFloat, {3}, {1, -2, 3}), Constness::kInput);
  const ValueId w = b.leaf(Tensor::of(DType::kFloat, {3}, {10, 20, 30}), Constness::kConstantNode);
  const ValueId y = b.node("Add", {b.node("Relu", {x}), w});
  EXPECT_EQ(b.type(y).dims, Dims{3});
  EXPECT_EQ(b.value(y).value_at(1), 20);
  EXPECT_EQ(b.value(y).value_at(2), 33);
  // Nothing that breaks the spec gets in: the graph is as it was.
  const std::size_t nodes = b.graph().nodes.size();
  const ValueId two = b.leaf(Tensor::of(DType::kFloat, {2}, {1, 2}), Constness::kInitializer);
  EXPECT_THROW(b.node("Add", {y, two}), CannotDraft);
  EXPECT_THROW(b.node("Clip", {y}, {{.name = "no_such_attribute", .value = std::int64_t{1}}}), CannotDraft);
  EXPECT_EQ(b.graph().nodes.size(), nodes);
}

// A motif given as a model stands whole in the planted case, wherever its inputs come from.
TEST(Generator, PlantsAGivenModel) {
  Case motif;
  motif.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x) => (float[2,3] y) <float two = {2}> {
  s = Sigmoid (x)
  m = Mul (s, two)
  y = Mul (m, x)
})");
  motif.inputs["x"] = Tensor::of(DType::kFloat, {2, 3}, {1, 2, 3, 4, 5, 6});
  int planted = 0;
  for (std::uint64_t i = 0; i < 30; ++i) {
    Rng rng(9, i);
    const auto g = plant(rng, plain_options(), motif);
    if (!g) continue;
    ++planted;
    EXPECT_EQ(check_model(g->c.model), "");
    const Graph& graph = g->c.model.graph;
    const std::vector<int> producers = graph.producers();
    EXPECT_TRUE(std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& n) {
      if (n.op_type != "Mul" || n.inputs.size() != 2) return false;
      const int p = producers[static_cast<std::size_t>(n.inputs[0])];
      return p >= 0 && graph.nodes[static_cast<std::size_t>(p)].op_type == "Sigmoid";
    }));
  }
  EXPECT_GT(planted, 20);
}

}  // namespace
}  // namespace mob
