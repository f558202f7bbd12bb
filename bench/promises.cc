// What mutators that keep the meaning do on many parents: how often each applies; whether its promise holds
// by the reference, and on a system without optimization; whether a fault in its own arithmetic is caught.
//
//   bench/promises [--only MUTATOR] [--parents N] [--seed S] [--corpus DIR]... [--system onnxruntime@V]
//                  [--no-system] [--keep DIR]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>

#include "bench/workbench.h"
#include "corpus/models.h"
#include "mutators/mutator.h"
#include "mutators/old_initializers.h"
#include "oracles/compare.h"
#include "oracles/promises.h"
#include "tests/mutators/fusion_parents.h"
#include "tests/mutators/pruning_parents.h"
#include "tests/mutators/quantized_parents.h"

namespace {

using namespace mob;

struct Row {
  int tried = 0, applied = 0, invalid = 0, broken = 0, refused = 0, ran = 0, broken_on_system = 0, faults = 0;
  double compared = 0;
  std::map<std::string, int> reasons;

  void note(const std::string& why) { ++reasons[one_line(template_of(why), 160)]; }
};

struct Options {
  std::string only, system = "onnxruntime", keep;
  std::vector<std::string> corpus;
  int parents = 2000;
  std::uint64_t seed = 1;
  bool no_system = false;
};

// Outputs of the mutant and of each twin without optimization, held against each other.
class OnSystem {
 public:
  explicit OnSystem(Workbench& bench) : bench_(bench) {}

  // Whether what the system returned for a case is what the case's own reference says.
  static std::string whose(const Case& c, const Outcome& o, std::string_view name) {
    const auto errs = [&](const Arithmetic& arithmetic) {
      const Reference r = evaluate(c, {.arithmetic = arithmetic});
      return !r.available() || oracles::violations(r.outputs, c.model.graph, o.outputs).any();
    };
    if (!errs({})) return fmt::format("the {} is right", name);
    if (!errs({.saturating_u8s8 = true}))
      return fmt::format("the {} has saturated products, a known limit", name);
    return fmt::format("a kernel errs on the {}", name);
  }

  // What is broken, or empty; `refused` where the system does not run one of the two.
  std::string broken(const Case& parent, const Case& mutant, const Promise& promise, bool& refused) {
    const Reference m = evaluate(mutant);
    const auto of_mutant = bench_.worker.run(mutant, {{.level = 0}});
    if (refused = !of_mutant[0].ok(); refused) return of_mutant[0].message;
    for (const Twin& twin : oracles::twins_of(promise)) {
      const Case& c = twin.c ? *twin.c : parent;
      const Reference t = oracles::evaluate_twin(parent, twin);
      if (!t.available() || t.random) continue;
      const auto of_twin = bench_.worker.run(c, {{.level = 0}});
      if (refused = !of_twin[0].ok(); refused) return "twin: " + of_twin[0].message;
      const oracles::Apart a = oracles::apart(c, t, of_twin[0].outputs, mutant, m, of_mutant[0].outputs);
      if (!a.structure.empty()) return twin.name + ": " + a.structure;
      if (a.gap && !a.special)
        return fmt::format("{}: apart: {}, {}", twin.name, whose(mutant, of_mutant[0], "mutant"),
                           whose(c, of_twin[0], "twin"));
    }
    return "";
  }

 private:
  Workbench& bench_;
};

void try_parent(const Mutator& m, const Case& parent, std::uint64_t seed, std::size_t i, Workbench& bench,
                bool with_system, Row& row) {
  const std::string id = fmt::format("{}-{}", m.name, i);
  Rng rng(seed, i);
  Choices choices(rng);
  Case c = parent;
  ++row.tried;
  const auto promise = m.apply(c, choices);
  if (!promise) return;
  const bool valid = settle(c);
  if (valid && serialize(c.model) == serialize(parent.model)) return;  // `derive` takes that for no place
  ++row.applied;
  c.lineage.push_back(std::string(m.name) + " " + choices.settings());
  const auto fail = [&](int& count, const std::string& what, const std::string& why) {
    ++count;
    row.note(what + " " + why);
    bench.save(id + "-" + what, c, why);
    bench.save(id + "-" + what + "-parent", parent, "");
  };
  std::string why = valid ? check_model(c.model) : "is not valid once settled";
  if (!why.empty()) return fail(row.invalid, "invalid", why);
  double compared = 0;
  why = oracles::broken_promise(parent, c, *promise, &compared);
  row.compared += compared;
  if (!why.empty()) return fail(row.broken, "broken", why);

  Rng again(seed, i);
  Choices bent(again);
  bent.plant_fault();
  Case faulty = parent;
  if (const auto p = m.apply(faulty, bent))
    row.faults += !settle(faulty) || !oracles::broken_promise(parent, faulty, *p).empty();
  if (!with_system) return;
  bool refused = false;
  why = OnSystem(bench).broken(parent, c, *promise, refused);
  if (refused)
    fail(row.refused, "refused", why);
  else if (++row.ran; !why.empty())
    fail(row.broken_on_system, "system", why);
}

std::vector<Case> parents_of(const Options& o, Workbench& bench) {
  std::vector<Case> cases;
  for (const std::string& folder : o.corpus)
    for (const auto& path : find_models({folder})) try {
        cases.push_back(load_case(path, o.seed));
        unlist_initializers(cases.back());
      } catch (const UserError& e) {
        fmt::print("left out: {}\n", e.what());
      }
  if (!o.corpus.empty()) return cases;
  // About a third are what some mutators need and generators draw rarely: networks to prune, quantized
  // models, operators alone and spelled out.
  add_networks(cases, o.parents / 10);
  for (Case& c : quantized_parents(static_cast<std::size_t>(o.parents / 10))) cases.push_back(std::move(c));
  for (Case& c : fusion_parents(o.seed, static_cast<std::uint64_t>(o.parents / 1000 + 1)))
    cases.push_back(std::move(c));
  for (std::uint64_t i = 0; cases.size() < static_cast<std::size_t>(o.parents); ++i) {
    Rng rng(o.seed, i);
    auto g = i % 3 == 0 ? generate_graph(rng, bench.options) : generate_motif(rng, bench.options);
    if (g) cases.push_back(std::move(g->c));
  }
  return cases;
}

void print(std::string_view name, const Row& r) {
  const auto percent = [](double n, int of) { return of == 0 ? 0.0 : 100.0 * n / of; };
  fmt::print("{:<28} {:>7} {:>7} {:>7} {:>7.0f}% {:>7.0f}% {:>7} {:>7} {:>7}\n", name, r.applied, r.invalid,
             r.broken, percent(r.compared, r.applied - r.invalid),
             percent(r.faults, r.applied - r.invalid - r.broken), r.refused, r.ran, r.broken_on_system);
  for (const auto& [why, n] : r.reasons) fmt::print("    {} x {}\n", n, why);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) try {
  CLI::App app("Mutators that keep the meaning, and their promises");
  Options o;
  app.add_option("--only", o.only, "this mutator");
  app.add_option("--parents", o.parents)->capture_default_str();
  app.add_option("--seed", o.seed);
  app.add_option("--corpus", o.corpus, "folders of models instead of generated ones");
  app.add_option("--system", o.system)->capture_default_str();
  app.add_flag("--no-system", o.no_system, "by the reference alone");
  app.add_option("--keep", o.keep, "write what is invalid, broken or refused there, with its parent");
  CLI11_PARSE(app, argc, argv);

  Workbench bench(o.system, o.keep);
  std::vector<Case> parents = parents_of(o, bench);
  std::erase_if(parents, [&](const Case& c) {
    return !evaluate(c).available() || (!o.no_system && !bench.worker.run(c, {{.level = 0}})[0].ok());
  });
  fmt::print("{} parents\n{:<28} {:>7} {:>7} {:>7} {:>8} {:>8} {:>7} {:>7} {:>7}\n", parents.size(),
             "mutator", "applied", "invalid", "broken", "compared", "faults", "refused", "ran", "broken");
  for (const Mutator* m : all_mutators()) {
    if (m->family == MutatorFamily::kChange || m->family == MutatorFamily::kNest) continue;
    if (!o.only.empty() && m->name != o.only) continue;
    Row row;
    for (std::size_t i = 0; i < parents.size(); ++i)
      try_parent(*m, parents[i], o.seed, i, bench, !o.no_system, row);
    print(m->name, row);
  }
  return 0;
} catch (const mob::UserError& e) {
  fmt::print(stderr, "bench_promises: {}\n", e.what());
  return 2;
}
