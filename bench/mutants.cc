// What the mutators do: how often each applies, settles, gives a valid model, one that runs without
// optimization, and what is found on it. Seeds are generated, or the models of a folder.
//
//   bench/mutants [--only MUTATOR] [--seeds N] [--seed S] [--corpus DIR] [--system onnxruntime@V] [--judge]
//                 [--keep DIR]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>

#include "bench/workbench.h"
#include "corpus/models.h"
#include "fuzzer/base/clock.h"
#include "mutators/mutator.h"

namespace {

struct Row {
  int tried = 0, applied = 0, settled = 0, invalid = 0, refused = 0;
  double settling = 0;
  std::map<std::string, int> reasons, findings;
};

}  // namespace

int main(int argc, char** argv) {
  using namespace mob;
  CLI::App app("Mutators: applied, settled, valid, accepted, found");
  int seeds = 400;
  std::uint64_t seed = 1;
  std::string only, words = "onnxruntime", keep, corpus;
  bool judging = false;
  app.add_option("--only", only, "this mutator; 'mutated' and 'spliced' for those");
  app.add_option("--seeds", seeds);
  app.add_option("--seed", seed);
  app.add_option("--corpus", corpus, "a folder of models instead of generated ones");
  app.add_option("--system", words);
  app.add_flag("--judge", judging, "judge every mutant that settles and count findings");
  app.add_option("--keep", keep, "write what is refused, invalid or found there");
  CLI11_PARSE(app, argc, argv);

  Workbench bench(words, keep);
  std::vector<Case> cases;
  if (!corpus.empty()) {
    for (const auto& path : find_models({corpus})) cases.push_back(load_case(path, seed));
  } else {
    for (std::uint64_t i = 0; cases.size() < static_cast<std::size_t>(seeds); ++i) {
      Rng rng(seed, i);
      auto g = i % 2 == 0 ? generate_graph(rng, bench.options) : generate_motif(rng, bench.options);
      if (g) cases.push_back(std::move(g->c));
    }
  }
  // A seed that the system refuses by itself tells nothing.
  std::erase_if(cases, [&](const Case& c) {
    return !evaluate(c).available() || !bench.worker.run(c, {{.level = 0}})[0].ok();
  });
  const int rounds = corpus.empty() ? 1 : std::max(1, seeds / std::max(1, static_cast<int>(cases.size())));
  fmt::print("{} seeds, {} mutants of each per mutator\n", cases.size(), rounds);
  fmt::print("{:<24} {:>8} {:>8} {:>8} {:>8} {:>9}\n", "mutator", "applied", "settled", "invalid", "refused",
             "settle");

  const auto look = [&](Row& row, const std::string& id, const Case& c) {
    if (const std::string why = check_model(c.model); !why.empty()) {
      ++row.invalid;
      ++row.reasons["INVALID " + one_line(why, 160)];
      bench.save(id + "-invalid", c, why);
      return;
    }
    if (const Reference r = evaluate(c); !r.available()) ++row.reasons["NO REFERENCE " + r.unavailable];
    const auto outcomes = bench.worker.run(c, {{.level = 0}});
    if (!outcomes[0].ok()) {
      ++row.refused;
      ++row.reasons["refused: " + one_line(outcomes[0].message, 160)];
      bench.save(id + "-refused", c, outcomes[0].message);
      return;
    }
    if (judging) bench.count_findings(id, c, row.findings);
  };
  const auto print = [&](std::string_view what, const Row& row) {
    const auto percent = [](int n, int of) { return of == 0 ? 0.0 : 100.0 * n / of; };
    fmt::print("{:<24} {:>7.0f}% {:>7.0f}% {:>8} {:>7.1f}% {:>6.0f} us\n", what,
               percent(row.applied, row.tried), percent(row.settled, row.applied), row.invalid,
               percent(row.refused, row.settled), row.applied == 0 ? 0 : 1e6 * row.settling / row.applied);
    for (const auto& [why, n] : row.reasons) fmt::print("    {} x {}\n", n, why);
    for (const auto& [what_found, n] : row.findings) fmt::print("    {} x {}\n", n, what_found);
    std::fflush(stdout);
  };
  for (const Mutator* m : all_mutators()) {
    if (m->family != MutatorFamily::kChange && m->family != MutatorFamily::kNest)
      continue;  // see bench/promises.cc
    if (!only.empty() && m->name != only) continue;
    Row row;
    for (int round = 0; round < rounds; ++round)
      for (std::size_t i = 0; i < cases.size(); ++i) {
        Rng rng(seed + static_cast<std::uint64_t>(round), i);
        Case c = cases[i];
        ++row.tried;
        if (Choices choices(rng); !m->apply(c, choices)) continue;
        ++row.applied;
        const double start = seconds_now();
        const bool good = m->family == MutatorFamily::kNest || settle(c, &bench.support);
        row.settling += seconds_now() - start;
        if (!good) continue;
        ++row.settled;
        c.lineage.emplace_back(m->name);
        look(row, fmt::format("{}-{}-{}", m->name, round, i), c);
      }
    print(m->name, row);
  }
  for (const std::string_view what : {"mutated", "spliced"}) {
    if (!only.empty() && only != what) continue;
    Row row;
    for (int round = 0; round < rounds; ++round)
      for (std::size_t i = 0; i < cases.size(); ++i) {
        Rng rng(seed + static_cast<std::uint64_t>(round), i);
        ++row.tried;
        ++row.applied;
        const double start = seconds_now();
        const std::optional<Case> c =
            what == "mutated" ? mutated(cases[i], rng, Policy{}.more_mutations, &bench.support)
                              : spliced(cases[i], cases[rng.below(cases.size())], rng, &bench.support);
        row.settling += seconds_now() - start;
        if (!c) continue;
        ++row.settled;
        look(row, fmt::format("{}-{}-{}", what, round, i), *c);
      }
    print(what, row);
  }
  return 0;
}
