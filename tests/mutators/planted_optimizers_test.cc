// A planted pruner, quantizer, clusterer, fuser and converter, each wrong in one way per symptom of the study
// of model-optimization bugs: the oracles find all of them, and leave the honest ones alone.
#include <gtest/gtest.h>

#include "fuzzer/generator/generator.h"
#include "fuzzer/graph/model_io.h"
#include "mutators/mutator.h"
#include "oracles/oracle.h"
#include "tests/mutators/parent_count.h"

namespace mob {
namespace {

// A system without a fault of its own: it returns what the reference says and refuses what is not valid ONNX.
// A run costs it a millisecond for each node.
class IdealSystem {
 public:
  static std::vector<Outcome> run(const Case& c, const std::vector<Configuration>& configurations) {
    Outcome o;
    const Reference r =
        check_model(c.model).empty() ? evaluate(c) : Reference{.unavailable = "not valid ONNX"};
    o.kind = r.available() ? Outcome::Kind::kOutputs : Outcome::Kind::kRejected;
    o.message = r.unavailable;
    o.run_seconds = cost(c, {}).seconds;
    const Graph& g = c.model.graph;
    for (std::size_t i = 0; i < r.outputs.size(); ++i)
      o.outputs.push_back({g[g.outputs[i]].name, rounded(r.outputs[i])});
    return std::vector<Outcome>(configurations.size(), o);
  }
  static Cost cost(const Case& c, const Configuration&) {
    return {
        .seconds = 1e-3 * static_cast<double>(c.model.graph.nodes.size()), .peak_memory = 0, .known = true};
  }
};

// What the two oracles of optimized models say of a mutant that a tool made.
std::vector<Finding> findings(const Case& mutant, const Derivation& step) {
  const Reference reference = evaluate(mutant);
  const std::vector<Configuration> configurations = {{.level = 0}, {.level = 99}};
  const std::vector<Outcome> outcomes = IdealSystem::run(mutant, configurations);
  const Evidence e{.c = mutant,
                   .reference = reference,
                   .configurations = configurations,
                   .outcomes = outcomes,
                   .relaxed = [&](const Arithmetic&) -> const Reference& { return reference; },
                   .optimized_reference = [](std::size_t) -> const Reference* { return nullptr; },
                   .repeats = {},
                   .steps = {&step, 1},
                   .run = IdealSystem::run,
                   .measure = IdealSystem::cost};
  std::vector<Finding> list;
  for (const Oracle* oracle : all_oracles())
    if (oracle->name == "mutant-against-parent" || oracle->name == "no-gain")
      if (Verdict v = oracle->check(e); v.finding) list.push_back(std::move(*v.finding));
  return list;
}

// An optimizer that is given a model: a mutator of ours, told to be someone else's.
struct Tool {
  std::string_view mutator;
  std::string_view kind, stage;
};
std::ostream& operator<<(std::ostream& out, const Tool& t) {
  return out << t.mutator;
}

std::optional<Derivation> run_tool(const Tool& tool, Case& c, std::uint64_t i) {
  Rng rng(41, i);
  Choices choices(rng, {{"places", "all"}});
  auto step = derive(c, *find_mutator(tool.mutator), choices);
  if (step) step->tool = "planted " + std::string(tool.kind);
  return step;
}

// --- Faults. Each returns false where the mutant gives it no room.

// A node that no runtime knows.
bool crash(Case& c, const Derivation&) {
  c.model.graph.nodes.front().op_type = "NoSuchOperator";
  return true;
}
// The tool says that it is done, and has done nothing.
bool not_applied(Case& c, const Derivation& step) {
  c = *step.parent;
  return true;
}
bool output_lost(Case& c, const Derivation&) {
  c.model.graph.outputs.pop_back();
  return true;
}
bool metadata_changed(Case& c, const Derivation&) {
  c.model.residue += "\x72\x06\x0a\x01k\x12\x01v";  // ModelProto.metadata_props: k = v
  return true;
}
// Some number that the tool wrote: a weight, a scale, a codebook, an attribute.
bool wrong_number(Case& c, const Derivation& step) {
  Graph& g = c.model.graph;
  const Graph& before = step.parent->model.graph;
  for (ValueId v : g.initializers) {
    const Tensor& t = *g[v].initializer;
    const ValueId old = before.find(g[v].name);
    if (!is_float(t.dtype()) || t.count() == 0 ||
        (old != kNoValue && before[old].initializer && before[old].initializer->identical(t)))
      continue;
    std::vector<double> x(static_cast<std::size_t>(t.count()));
    for (std::size_t i = 0; i < x.size(); ++i)
      x[i] = 3 * t.real_at(static_cast<std::int64_t>(i));  // zeros stay
    const Tensor wrong = Tensor::of(t.dtype(), t.dims(), x);
    if (wrong.identical(t)) continue;
    g[v].initializer = std::make_shared<const Tensor>(wrong);
    return true;
  }
  for (Node& n : g.nodes)
    for (Attribute& a : n.attributes)
      if (auto* f = std::get_if<float>(&a.value)) {
        *f = 3 * *f + 1;
        return true;
      }
  // Nothing of its own: then what its last node makes is doubled.
  for (Node& n : g.nodes) {
    if (n.outputs.size() != 1 || !g.is_output(n.outputs[0]) || !g[n.outputs[0]].type ||
        !is_float(g[n.outputs[0]].type->dtype))
      continue;
    const ValueId y = n.outputs[0], inner = g.add_value();
    n.outputs[0] = inner;
    g.nodes.push_back({.op_type = "Add", .inputs = {inner, inner}, .outputs = {y}});
    return true;
  }
  return false;
}
// Right, in many more nodes.
bool slow(Case& c, const Derivation& step) {
  Graph& g = c.model.graph;
  const ValueId y = g.outputs.front();
  const int p = g.producers()[static_cast<std::size_t>(y)];
  if (p < 0 || g.use_counts()[static_cast<std::size_t>(y)] != 1) return false;
  Node& last = g.nodes[static_cast<std::size_t>(p)];
  ValueId at = g.add_value();
  std::replace(last.outputs.begin(), last.outputs.end(), y, at);
  for (std::size_t i = 0; i < 3 * step.parent->model.graph.nodes.size() + 3; ++i) {
    const ValueId next = g.add_value();
    g.nodes.push_back({.op_type = "Identity", .inputs = {at}, .outputs = {next}});
    at = next;
  }
  g.nodes.push_back({.op_type = "Identity", .inputs = {at}, .outputs = {y}});
  return true;
}

struct Fault {
  std::string_view name;
  Symptom symptom;
  bool (*plant)(Case&, const Derivation&);
};
constexpr Fault kFaults[] = {{"crash", Symptom::kCrash, crash},
                             {"not-applied", Symptom::kWrongStructure, not_applied},
                             {"output-lost", Symptom::kWrongStructure, output_lost},
                             {"metadata-changed", Symptom::kWrongStructure, metadata_changed},
                             {"wrong-number", Symptom::kWrongNumbers, wrong_number},
                             {"slow", Symptom::kNoGain, slow}};

const std::vector<Case>& parents() {
  static const std::vector<Case> list = [] {
    GeneratorOptions options;
    options.policy.special = 0;
    const std::uint64_t count = parent_count(1000);
    std::vector<Case> cases;
    for (std::uint64_t i = 0; cases.size() < count; ++i) {
      Rng rng(42, i);
      auto g = i % 3 == 0 ? generate_graph(rng, options) : generate_motif(rng, options);
      if (g) cases.push_back(std::move(g->c));
    }
    return cases;
  }();
  return list;
}

// Whether two cases give the same numbers to the last bit: no output depends on what they differ in.
bool same_answers(const Case& a, const Case& b) {
  const Reference x = evaluate(a), y = evaluate(b);
  return x.available() && y.available() &&
         std::equal(x.outputs.begin(), x.outputs.end(), y.outputs.begin(), y.outputs.end(),
                    [](const Expected& p, const Expected& q) { return rounded(p).identical(rounded(q)); });
}

class PlantedOptimizer : public testing::TestWithParam<Tool> {};

TEST_P(PlantedOptimizer, IsCaughtAtEveryFault) {
  const Tool& tool = GetParam();
  for (const Fault& fault : kFaults) {
    int planted = 0, caught = 0;
    for (std::size_t i = 0; i < parents().size() && planted < 20; ++i) {
      Case c = parents()[i];
      const auto step = run_tool(tool, c, i);
      const Case honest = c;
      if (!step || evaluate(c).random || !fault.plant(c, *step)) continue;
      if (fault.symptom == Symptom::kWrongNumbers && same_answers(honest, c)) continue;
      ++planted;
      for (const Finding& f : findings(c, *step)) {
        if (f.symptom != fault.symptom) continue;
        ++caught;
        EXPECT_EQ(f.kind, tool.kind);
        if (f.oracle == "mutant-against-parent") {
          EXPECT_EQ(f.stage, tool.stage);
        }
        break;
      }
    }
    std::cout << tool.mutator << " " << fault.name << ": " << caught << " of " << planted << "\n";
    EXPECT_GT(planted, 0) << fault.name;
    // A wrong number may stay within the bounds of the arithmetic, or make a zero that no sum is sure of.
    EXPECT_GE(10 * caught, (fault.symptom == Symptom::kWrongNumbers ? 9 : 10) * planted) << fault.name;
  }
}

TEST_P(PlantedOptimizer, IsLeftAloneWhereItIsHonest) {
  int silent = 0;
  for (std::size_t i = 0; i < parents().size(); ++i) {
    Case c = parents()[i];
    const auto step = run_tool(GetParam(), c, i);
    if (!step) continue;
    for (const Finding& f : findings(c, *step))
      // More nodes cost the ideal system more: that is no lie.
      EXPECT_EQ(f.symptom, Symptom::kNoGain) << f.message << "\n" << to_text(c.model);
    ++silent;
    if (HasFailure()) return;
  }
  std::cout << GetParam().mutator << ": " << silent << " honest cases\n";
  EXPECT_GE(silent, 5);
}

INSTANTIATE_TEST_SUITE_P(Each, PlantedOptimizer,
                         testing::Values(Tool{"prune-magnitude", "pruning", "prune"},
                                         Tool{"quantize-static", "quantization", "quantize"},
                                         Tool{"cluster-weights", "clustering", "cluster"},
                                         Tool{"fuse-batch-norm", "fusion", "optimize"},
                                         Tool{"convert-opset", "rewriting", "optimize"}),
                         [](const auto& p) {
                           std::string name(p.param.mutator);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace mob
