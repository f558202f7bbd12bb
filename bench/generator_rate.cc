// What the generator does: models per second and core at 5, 10 and 20 nodes, and whether what it makes is
// valid, accepted, decided, and covers what the system supports.
//
//   bench/generator_rate [--models N] [--seed S] [--system onnxruntime@V] [--share
//   motif=..,mutant=..,random=..]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <set>
#include <thread>

#include "fuzzer/base/clock.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/case_source.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/probes/limits.h"
#include "fuzzer/probes/support.h"
#include "fuzzer/reference/decidedness.h"
#include "fuzzer/reference/reference.h"
#include "fuzzer/runtime/worker.h"

namespace {

using namespace mob;
using Triple = std::tuple<std::string, int, DType>;

// The (operator, opset form, type of the first input) of every node, by onnx's types of the values.
void note_triples(const Model& typed, const Support& support, std::set<Triple>& seen) {
  const Graph& g = typed.graph;
  for (const Node& n : g.nodes) {
    const Schema* form = schema(n.op_type, static_cast<int>(typed.opset()), n.domain);
    if (form == nullptr) continue;
    const bool has_input = !form->inputs.empty() && !n.inputs.empty() && n.inputs[0] != kNoValue;
    const DType t =
        has_input ? (g[n.inputs[0]].type ? g[n.inputs[0]].type->dtype : DType::kUndefined) : DType::kFloat;
    if (support.of(n.op_type, form->since).has(t)) seen.emplace(n.op_type, form->since, t);
  }
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Generated models: rate, validity, coverage");
  std::uint64_t models = 10000, seed = 1;
  std::string words = "onnxruntime";
  double motif = -1, mutant = -1, random = -1;
  app.add_option("--models", models);
  app.add_option("--seed", seed);
  app.add_option("--system", words);
  app.add_option("--motif", motif, "share of motifs");
  app.add_option("--mutant", mutant, "share of mutants");
  app.add_option("--random", random, "share of random graphs");
  CLI11_PARSE(app, argc, argv);
  const System system = with_limits(resolve_system(words));
  const Support support = probe_support(system);
  SourceOptions source;
  source.generator.support = &support;
  source.generator.max_opset = system.max_opset;
  if (motif >= 0) source.generator.policy.motif = motif;
  if (mutant >= 0) source.generator.policy.mutant = mutant;
  if (random >= 0) source.generator.policy.random = random;

  for (int nodes : {5, 10, 20}) {
    std::uint64_t made = 0, drawn = 0, total_nodes = 0;
    const double start = seconds_now();
    for (std::uint64_t i = 0; seconds_now() - start < 3; ++i) {
      Rng rng(seed, i);
      ++drawn;
      const auto g = generate_graph(rng, source.generator, {.nodes = nodes});
      if (!g || static_cast<int>(g->c.model.graph.nodes.size()) < nodes) continue;
      ++made;
      total_nodes += g->c.model.graph.nodes.size();
    }
    const double seconds = seconds_now() - start;
    fmt::print(
        "random graphs of {} nodes: {:.0f} models/s on one core, with inputs and expected values ({:.1f} "
        "nodes on "
        "average, {:.0f} % of the draws)\n",
        nodes, static_cast<double>(made) / seconds,
        static_cast<double>(total_nodes) / static_cast<double>(made),
        100.0 * static_cast<double>(made) / static_cast<double>(drawn));
  }

  const Snapshot nothing;
  Worker worker(system);
  std::set<Triple> seen;
  std::map<std::string, int> invalid, refused, sources;
  std::size_t elements = 0, open = 0, vague = 0, accepted = 0, undrawn = 0, special = 0;
  double drawing = 0;
  for (std::uint64_t i = 0; i < models; ++i) {
    const double start = seconds_now();
    const auto d = draw_case(seed, i, source, nothing);
    drawing += seconds_now() - start;
    if (!d) {
      ++undrawn;
      continue;
    }
    ++sources[d->source];
    if (const std::string why = check_model(d->c.model); !why.empty()) ++invalid[one_line(why, 140)];
    note_triples(infer_shapes(d->c.model), support, seen);
    const Reference r = evaluate(d->c);
    if (r.special) ++special;
    if (r.available() && !r.random) {
      const Decidedness decided = decidedness(r.outputs);
      elements += decided.elements;
      open += decided.open;
      vague += decided.vague;
    }
    const Outcome o = worker.run(d->c, {{.level = 0}})[0];
    if (o.ok())
      ++accepted;
    else
      ++refused[one_line(o.message, 110)];
  }
  fmt::print("{} models in all ({:.0f}/s): ", models, static_cast<double>(models) / drawing);
  for (const auto& [name, n] : sources) fmt::print("{} {}, ", n, name);
  fmt::print("{} could not be drawn\n", undrawn);
  int n_invalid = 0;
  for (const auto& [why, n] : invalid) n_invalid += n;
  fmt::print("invalid by onnx's full checker: {}\n", n_invalid);
  for (const auto& [why, n] : invalid) fmt::print("  {} x {}\n", n, why);
  fmt::print("accepted at DISABLE_ALL: {:.2f} %\n",
             100.0 * static_cast<double>(accepted) / static_cast<double>(models - undrawn));
  for (const auto& [why, n] : refused) fmt::print("  {} x {}\n", n, why);
  fmt::print("supported (operator, type, opset form) triples that occur: {} of {} ({:.1f} %)\n", seen.size(),
             support.triples(),
             100.0 * static_cast<double>(seen.size()) / static_cast<double>(support.triples()));
  fmt::print(
      "elements decided and not vague: {:.2f} % of {}; {} models with special values somewhere\n",
      elements == 0 ? 100.0 : 100.0 * (1 - static_cast<double>(open + vague) / static_cast<double>(elements)),
      elements, special);
  return 0;
}
