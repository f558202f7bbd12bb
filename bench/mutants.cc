// What the mutators do: how often each applies, settles, gives a valid model, one that runs without
// optimization, and what is found on it. Seeds are generated, or the models of a folder.
//
//   bench/mutants [--only MUTATOR] [--seeds N] [--seed S] [--corpus DIR] [--system onnxruntime@V] [--judge]
//                 [--keep DIR]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <filesystem>
#include <map>

#include "fuzzer/base/text.h"
#include "fuzzer/generator/generator.h"
#include "fuzzer/generator/inputs.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/probes/limits.h"
#include "fuzzer/probes/support.h"
#include "fuzzer/triage/judge.h"
#include "mutators/mutator.h"

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A folder in ONNX test-data layout.
mob::Case load(const std::filesystem::path& folder, std::uint64_t seed) {
  mob::Case c;
  c.model = mob::load_model(folder / "model.onnx");
  mob::Rng rng(seed, 0);
  c.inputs = mob::draw_inputs(c.model, rng);
  for (std::size_t i = 0; i < c.model.graph.inputs.size(); ++i)
    if (const auto file = folder / "test_data_set_0" / fmt::format("input_{}.pb", i);
        std::filesystem::exists(file))
      c.inputs[c.model.graph[c.model.graph.inputs[i]].name] = mob::load_tensor(file);
  c.lineage = {folder.filename()};
  return c;
}

// Messages alike but for their numbers are one.
std::string without_numbers(const std::string& text) {
  std::string out;
  for (char ch : text)
    if (ch < '0' || ch > '9')
      out += ch;
    else if (out.empty() || out.back() != '#')
      out += '#';
  return out;
}

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

  const System system = with_limits(resolve_system(words));
  const Support support = probe_support(system);
  GeneratorOptions options;
  options.support = &support;
  options.max_opset = system.max_opset;
  options.policy.special = 0;
  Worker worker(system);
  JudgeOptions judge_options;
  judge_options.configurations = level_configurations({0, 1, 2, 99});
  Judge judge(system, judge_options);
  if (!keep.empty()) std::filesystem::create_directories(keep);
  const auto save = [&](const std::string& name, const Case& c, const std::string& why) {
    if (keep.empty()) return;
    const std::filesystem::path folder = std::filesystem::path(keep) / name;
    std::filesystem::create_directories(folder / "test_data_set_0");
    std::FILE* f = std::fopen((folder / "model.onnxtxt").c_str(), "w");
    if (f == nullptr) return;
    fmt::print(f, "// {}\n// {}\n{}\n", why, join(c.lineage, ", "), to_text(c.model));
    std::fclose(f);
    save_model(c.model, folder / "model.onnx");
    int i = 0;
    for (ValueId v : c.model.graph.inputs)
      if (const auto at = c.inputs.find(c.model.graph[v].name); at != c.inputs.end())
        save_tensor(at->second, at->first, folder / "test_data_set_0" / fmt::format("input_{}.pb", i++));
  };

  std::vector<Case> cases;
  if (!corpus.empty()) {
    for (const auto& folder : std::filesystem::directory_iterator(corpus))
      if (std::filesystem::exists(folder.path() / "model.onnx")) cases.push_back(load(folder.path(), seed));
  } else {
    for (std::uint64_t i = 0; cases.size() < static_cast<std::size_t>(seeds); ++i) {
      Rng rng(seed, i);
      auto g = i % 2 == 0 ? generate_graph(rng, options) : generate_motif(rng, options);
      if (g) cases.push_back(std::move(g->c));
    }
  }
  // A seed that the system refuses by itself tells nothing.
  std::erase_if(cases, [&](const Case& c) {
    return !evaluate(c).available() || !worker.run(c, {{.level = 0}})[0].ok();
  });
  const int rounds = corpus.empty() ? 1 : std::max(1, seeds / std::max(1, static_cast<int>(cases.size())));
  fmt::print("{} seeds, {} mutants of each per mutator\n", cases.size(), rounds);
  fmt::print("{:<24} {:>8} {:>8} {:>8} {:>8} {:>9}\n", "mutator", "applied", "settled", "invalid", "refused",
             "settle");

  const auto look = [&](Row& row, const std::string& id, const Case& c) {
    if (const std::string why = check_model(c.model); !why.empty()) {
      ++row.invalid;
      ++row.reasons["INVALID " + one_line(why, 160)];
      save(id + "-invalid", c, why);
      return;
    }
    if (const Reference r = evaluate(c); !r.available()) ++row.reasons["NO REFERENCE " + r.unavailable];
    const auto outcomes = worker.run(c, {{.level = 0}});
    if (!outcomes[0].ok()) {
      ++row.refused;
      ++row.reasons["refused: " + one_line(outcomes[0].message, 160)];
      save(id + "-refused", c, outcomes[0].message);
      return;
    }
    if (!judging) return;
    const Judged j = judge.judge(c);
    if (j.verdict.finding) {
      const std::string what =
          fmt::format("{} {}: {}", name(j.verdict.finding->cls), name(j.verdict.finding->symptom),
                      without_numbers(one_line(j.verdict.finding->message, 140)));
      if (row.findings[what]++ < 3) save(id + "-" + std::string(name(j.verdict.finding->cls)), c, what);
    } else if (j.verdict.kind == Verdict::Kind::kSkip) {
      ++row.findings["skipped: " + without_numbers(one_line(j.verdict.reason, 100))];
    }
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
    if (!only.empty() && m->name != only) continue;
    Row row;
    for (int round = 0; round < rounds; ++round)
      for (std::size_t i = 0; i < cases.size(); ++i) {
        Rng rng(seed + static_cast<std::uint64_t>(round), i);
        Case c = cases[i];
        ++row.tried;
        if (!m->apply(c, rng)) continue;
        ++row.applied;
        const auto start = std::chrono::steady_clock::now();
        const bool good = settle(c, &support);
        row.settling += seconds_since(start);
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
        const auto start = std::chrono::steady_clock::now();
        const std::optional<Case> c = what == "mutated"
                                          ? mutated(cases[i], rng, Policy{}.more_mutations, &support)
                                          : spliced(cases[i], cases[rng.below(cases.size())], rng, &support);
        row.settling += seconds_since(start);
        if (!c) continue;
        ++row.settled;
        look(row, fmt::format("{}-{}-{}", what, round, i), *c);
      }
    print(what, row);
  }
  return 0;
}
