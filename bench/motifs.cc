// What the motifs do: how often each is built whole and broken, whether the models are valid, accepted
// without optimization, and whether the pass that a motif aims at takes it up. Rewrite rules are not logged:
// they took it up where disabling them changes the optimized model.
//
//   bench/motifs [--only MOTIF] [--draws N] [--seed S] [--system onnxruntime@V] [--judge] [--passes] [--keep
//   DIR]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <set>

#include "bench/workbench.h"

int main(int argc, char** argv) {
  using namespace mob;
  CLI::App app("Motifs: built, valid, accepted, taken up");
  int draws = 200;
  std::uint64_t seed = 1;
  std::string only, words = "onnxruntime", keep;
  bool judging = false, passes = false;
  app.add_option("--only", only, "this motif");
  app.add_option("--draws", draws, "whole, and as many broken");
  app.add_option("--seed", seed);
  app.add_option("--system", words);
  app.add_flag("--judge", judging, "judge every case and count findings by motif and message");
  app.add_flag("--passes", passes, "count the whole motifs that each pass changed");
  app.add_option("--keep", keep, "write what is refused, invalid or found there");
  CLI11_PARSE(app, argc, argv);

  Workbench bench(words, keep);
  fmt::print("{:<28} {:>6} {:>6} {:>8} {:>8} {:>7} {:>7}  {}\n", "motif", "whole", "broken", "invalid",
             "refused", "taken", "(near)", "aims at");
  for (const Motif* motif : all_motifs()) {
    if (!only.empty() && motif->name != only) continue;
    int built[2] = {0, 0}, taken[2] = {0, 0}, looked[2] = {0, 0}, invalid = 0, refused = 0;
    std::map<std::string, int> reasons, guards, findings, fired_in;
    std::vector<std::string> aims = split(motif->aims_at, ';');
    if (motif->aims_at.empty()) aims.clear();
    for (int i = 0; i < 2 * draws; ++i) {
      const int near = i % 2;
      Rng rng(seed, static_cast<std::uint64_t>(i));
      auto g = generate_motif(rng, bench.options,
                              {.motif = motif,
                               .broken_guards = near == 0 ? 0 : static_cast<int>(rng.range(1, 2)),
                               .planted = i % 4 >= 2});
      if (!g) continue;
      ++built[near];
      for (const std::string& name : g->broken_guards) ++guards[name];
      if (near) g->c.lineage.push_back("broken: " + join(g->broken_guards, ", "));
      const std::string id = fmt::format("{}-{}", motif->name, i);
      if (const std::string why = check_model(g->c.model); !why.empty()) {
        ++invalid;
        ++reasons["INVALID " + one_line(why, 120)];
        bench.save(id + "-invalid", g->c, why);
        continue;
      }
      std::vector<Configuration> configurations = {
          {.level = 0},
          {.level = 99, .reload = true, .report_passes = true, .keep_saved = true, .load_only = true}};
      const bool look = i < 80;
      if (look)
        for (const std::string& aim : aims)
          configurations.push_back(
              {.level = 99, .disabled = {aim}, .reload = true, .keep_saved = true, .load_only = true});
      const auto outcomes = bench.worker.run(g->c, configurations);
      if (!outcomes[0].ok()) {
        ++refused;
        ++reasons["refused: " + one_line(outcomes[0].message, 120)];
        bench.save(id + "-refused", g->c, outcomes[0].message);
        continue;
      }
      if (passes && near == 0)
        for (const std::string& p :
             std::set<std::string>(outcomes[1].passes.begin(), outcomes[1].passes.end()))
          ++fired_in[p];
      if (look) {
        ++looked[near];
        bool fired = false;
        for (std::size_t a = 0; a < aims.size(); ++a) {
          for (const std::string& p : outcomes[1].passes) fired = fired || p == aims[a];
          fired = fired || outcomes[1].saved_model != outcomes[2 + a].saved_model;
        }
        taken[near] += fired;
      }
      if (judging) bench.count_findings(id, g->c, findings);
    }
    const auto percent = [](int n, int of) { return of == 0 ? 0 : 100 * n / of; };
    fmt::print("{:<28} {:>5}% {:>5}% {:>8} {:>8} {:>6}% {:>6}%  {}\n", motif->name, percent(built[0], draws),
               percent(built[1], draws), invalid, refused, percent(taken[0], looked[0]),
               percent(taken[1], looked[1]), motif->aims_at);
    for (const Guard& g : motif->guards)
      if (!guards.contains(std::string(g.name))) fmt::print("    guard '{}' was never broken\n", g.name);
    for (const auto& [pass, n] : fired_in) fmt::print("    {:>4} {}\n", n, pass);
    for (const auto& [why, n] : reasons) fmt::print("    {} x {}\n", n, why);
    for (const auto& [what, n] : findings) fmt::print("    {} x {}\n", n, what);
  }
  return 0;
}
