// A campaign's folder with many findings, none of them real: for figures of what reads such folders (report,
// bugs, compare). Cases, evidence and folders are true ones, of the fake runtime's planted bugs; journal and
// folders are written by the campaign's own code. Passes, signatures, versions and names are made up, some of
// them hostile: markup, quotes, line breaks, 500 characters.
//
//   bench_synthetic_campaign DIR [--findings 10000] [--seed 1]
//
// Each file of a finding is synced, as in a campaign: a folder on a RAM disk is quicker.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "corpus/finding_folder.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/clock.h"
#include "fuzzer/campaign/executor.h"
#include "fuzzer/campaign/journal.h"
#include "fuzzer/generator/generator.h"
#include "fuzzer/ops/op_spec.h"
#include "fuzzer/triage/describe.h"
#include "fuzzer/triage/known_bugs.h"
#include "fuzzer/triage/signature.h"

using namespace mob;

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kCasesPerFinding = 100;
constexpr std::uint64_t kBatch = 5000;  // findings to a transaction
constexpr const char* kVersions[] = {"1.19.2", "1.20.1", "1.23.2", "1.24.4", "1.26.0", "1.28.0", "1.31.1"};

const std::vector<std::string>& hostile_words() {
  static const std::vector<std::string> words = {"</script><img src=x onerror=alert(1)>",
                                                 R"("double" 'single' `back` \n ${x} {{y}})",
                                                 "a\nline\tbreak\r\nand more",
                                                 "<svg/onload=alert(2)>&amp;&#39;<!-- ]]>",
                                                 "javascript:alert(3)//%0a\"onclick=alert(4) x=\"",
                                                 "\xE2\x80\xAEright to left \xF0\x9F\x98\x80 \xEF\xBB\xBF",
                                                 std::string(500, 'W'),
                                                 "label=\"x\"]; } digraph { a -> b"};
  return words;
}

// A case with its evidence, from which findings are made that differ in what is said of them.
struct Pattern {
  Case c, original;
  Judged judged;
  std::string motif;
  std::vector<std::string> broken_guards;
};

// Gives all values and nodes of the case's top graph these words as names.
void rename(Case& c, const std::string& words) {
  Graph& g = c.model.graph;
  Inputs inputs;
  for (std::size_t v = 0; v < g.values.size(); ++v) {
    const std::string before = std::exchange(g.values[v].name, words + std::to_string(v));
    if (const auto given = c.inputs.find(before); given != c.inputs.end())
      inputs.emplace(g.values[v].name, given->second);
  }
  c.inputs = std::move(inputs);
  for (std::size_t n = 0; n < g.nodes.size(); ++n) g.nodes[n].name = fmt::format("node {} {}", n, words);
  g.name = words;
  c.lineage = {words};
}

bool is_flat(const Graph& g) {
  return std::all_of(g.nodes.begin(), g.nodes.end(), [](const Node& n) { return n.bodies().empty(); });
}

System planted(const std::string& mode) {
  System s{.name = "fake", .version = mode};
  s.command = {(program_folder() / "mobster-fake-worker").string(), mode};
  s.max_opset = 26;
  s.max_ir = 13;
  s.optimizers.push_back({.name = "FakePass"});
  return s;
}

// Some patterns of each planted bug: small ones, one of more nodes than are drawn, every third hostile.
std::vector<Pattern> draw_patterns(std::uint64_t seed) {
  std::vector<Pattern> patterns;
  std::uint64_t index = 0;
  for (const char* mode : {"swapped-operands+saves", "last-axis+saves", "wrong-numbers", "dropped-axis",
                           "wrong-type", "error-at-load", "crash-at-run", "first-run-garbage"}) {
    Judge judge(planted(mode), {.configurations = thorough_configurations()});
    for (int found = 0, tries = 0; found < 8 && tries < 300; ++tries) {
      Rng rng(seed, ++index);
      const bool motif = found % 2 == 1;
      const auto drawn =
          motif ? generate_motif(rng, {}) : generate_graph(rng, {}, {.nodes = found == 0 ? 160 : 3 + found});
      if (!drawn || !is_flat(drawn->c.model.graph)) continue;
      Pattern p{.c = drawn->c, .motif = drawn->motif, .broken_guards = drawn->broken_guards};
      p.c.bindings.clear();
      if (found % 3 == 2) rename(p.c, rng.pick(hostile_words()));
      p.judged = judge.judge(p.c);
      if (!p.judged.verdict.finding || p.judged.verdict.finding->cls != FindingClass::kBug) continue;
      p.original = p.c;
      patterns.push_back(std::move(p));
      ++found;
    }
  }
  return patterns;
}

// What is made up of one finding.
struct MadeUp {
  const Pattern* pattern = nullptr;
  Judged judged;
  std::vector<std::string> passes, operators;
  std::string guard, signature;  // of the bug; several findings share them
  std::string group;             // signature of the group: of this finding alone
  std::string name;
  Blame blame;
  Cause cause;
  std::uint64_t first_index = 0, cases = 1;
};

std::vector<std::string> optimizer_names() {
  std::vector<std::string> names;
  for (const Optimizer& o : all_systems().front()->optimizers())
    if (o.out_of_reach.empty()) names.push_back(o.name);
  names.push_back("Pass</script><b>");
  return names;
}

VersionBlame made_up_versions(Rng& rng) {
  VersionBlame versions;
  const std::size_t from = rng.below(std::size(kVersions));
  const bool gone = rng.chance(0.3);
  for (std::size_t v = 0; v < std::size(kVersions); ++v) {
    const bool bad = gone ? v <= from : v >= from;
    versions.table.push_back(
        {kVersions[v], bad ? AtVersion::Result::kBad : AtVersion::Result::kGood, "", {}, ""});
  }
  versions.words = in_words(versions.table);
  return versions;
}

// Finding `i` of `count`: about four of them to a bug, a few bugs with very many.
MadeUp make_up(std::uint64_t i, std::uint64_t count, std::uint64_t seed,
               const std::vector<Pattern>& patterns) {
  static const std::vector<std::string> optimizers = optimizer_names();
  Rng own(seed, 1'000'000 + i);
  const auto bug = static_cast<std::uint64_t>(own.unit() * own.unit() * static_cast<double>(count) / 2);
  Rng rng(seed, 2'000'000'000 + bug);  // of the bug
  MadeUp m{.pattern = &patterns[bug % patterns.size()]};
  m.judged = m.pattern->judged;
  Finding& finding = *m.judged.verdict.finding;
  m.passes = {rng.pick(optimizers)};
  if (rng.chance(0.2)) m.passes.push_back(rng.pick(optimizers));
  m.operators = operators_of(m.pattern->c.model.graph);
  m.guard = fmt::format("{} {}", m.operators.front(), rng.chance(0.05) ? rng.pick(hostile_words()) : "axis");
  m.signature =
      Signature{.symptom = finding.symptom,
                .system = "onnxruntime",
                .passes = m.passes,
                .operators = {m.operators.begin(),
                              m.operators.begin() +
                                  static_cast<std::ptrdiff_t>(std::min<std::size_t>(m.operators.size(), 6))},
                .guard = fmt::format("{} #{}", m.guard, bug)}
          .text();
  if (rng.chance(0.1)) finding.message += " not UTF-8: \xFF\xFE " + rng.pick(hostile_words());
  m.group = fmt::format("{}|{}|finding {}", name(finding.symptom), m.passes.front(), i);
  m.name = finding_name(finding.symptom, m.passes, m.operators, m.group);
  if (i % 100 == 7) m.name = fmt::format("<img src=x onerror=alert({})> \"'& {}", i, m.name.substr(0, 60));
  m.cause = {.bad = m.judged.configurations[lowest_bad(m.judged)], .cures = m.passes};
  m.blame.system = "onnxruntime";
  m.blame.version = "1.31.1";
  m.blame.finding = finding;
  m.blame.levels = level_names(finding, m.judged.configurations);
  m.blame.passes = {{.bad = m.cause.bad, .symptom = finding.symptom, .cures = {m.passes}}};
  m.blame.versions = made_up_versions(rng);
  m.blame.culprit = rng.chance(0.9) ? Culprit::kOptimizer : Culprit::kSaving;
  m.blame.culprit_why = "the reference calls the optimized model wrong";
  m.first_index = i * kCasesPerFinding + own.below(kCasesPerFinding / 2);
  return m;
}

void write_folders(const fs::path& findings, const MadeUp& m, std::uint64_t i, std::uint64_t seed) {
  FindingRecord record{.name = m.name,
                       .c = &m.pattern->c,
                       .original = &m.pattern->original,
                       .judged = &m.judged,
                       .cause = m.cause,
                       .signature = m.group,
                       .system = "onnxruntime",
                       .version = "1.31.1",
                       .motif = m.pattern->motif,
                       .broken_guards = m.pattern->broken_guards,
                       .seed = seed,
                       .index = m.first_index};
  write_finding(findings, record);
  if (i % 20 == 3) return;  // not triaged yet
  if (i % 20 == 11) {
    write_file_whole(findings / m.name / "not_reduced.json", "{\"why\": \"it does not show again\"}\n");
    return;
  }
  FoundGuard guard{.place = {.kind = GuardKind::kAttribute, .node = 0, .what = m.guard},
                   .key = m.guard,
                   .change = "is 2",
                   .words = fmt::format("passes when {} is 2 (here 3)", m.guard),
                   .fires = true};
  record.name = "reduced";
  record.original = nullptr;
  record.signature = m.signature;
  record.guards = {guard};
  record.blame = &m.blame;
  record.reduced = true;
  write_finding(findings / m.name, record);
}

// Endings of the cases between findings, in proportions like those of real campaigns.
Entry other_ending(Rng& rng) {
  const double x = rng.unit();
  if (x < 0.93) return {Ending::kAgree, ""};
  if (x < 0.95)
    return {Ending::kSkipped, "every output element is open or vague: " + rng.pick(hostile_words())};
  if (x < 0.97)
    return {Ending::kRejected, fmt::format("NOT_IMPLEMENTED: no kernel for '...' ({})", rng.below(60))};
  return {Ending::kFinding, rng.chance(0.5) ? "kernel wrong-numbers" : "precision wrong-numbers"};
}

Tally made_up_tally(Rng& rng, std::uint64_t cases) {
  Tally t{.elements = cases * 90, .open = cases, .vague = cases * 2, .sessions = cases * 2};
  t.system_seconds = static_cast<double>(cases) / 160;
  t.triage_seconds = t.system_seconds / 10;
  const auto reach = [&](const char* kind, const std::string& name) {
    t.reach[{kind, name}] = rng.below(cases / 50 + 1) + 1;
  };
  for (const OpSpec* op : all_ops()) reach("operator", std::string(op->name));
  for (const Motif* motif : all_motifs()) reach("motif", std::string(motif->name));
  for (const Optimizer& o : all_systems().front()->optimizers())
    if (o.out_of_reach.empty()) reach(o.rule ? "rule" : "pass", o.name);
  for (const char* source : {"motif", "mutant", "graph"}) reach("source", source);
  return t;
}

// Findings [first, end) and the cases that they lie among, in one transaction.
void write_batch(Journal& journal, const std::vector<MadeUp>& made, std::uint64_t first, Rng& rng) {
  journal.begin();
  std::uint64_t next = first * kCasesPerFinding;
  for (const MadeUp& m : made) {
    const Finding& f = *m.judged.verdict.finding;
    journal.add_group({.signature = m.group,
                       .name = m.name,
                       .symptom = f.symptom,
                       .cures = m.passes,
                       .operators = m.operators,
                       .bad = m.cause.bad,
                       .first_index = m.first_index});
    const std::uint64_t end = (m.first_index / kCasesPerFinding + 1) * kCasesPerFinding;
    for (; next < end; ++next) {
      const bool again = next > m.first_index && next < m.first_index + m.cases;
      if (next != m.first_index && !again) {
        journal.append(next, other_ending(rng));
        continue;
      }
      journal.append(next, {Ending::kFinding, fmt::format("bug {}", name(f.symptom))});
      journal.add_finding({next, m.group});
    }
  }
  const Tally tally = made_up_tally(rng, made.size() * kCasesPerFinding);
  journal.add_tally(tally);
  std::map<std::string, std::uint64_t> applied;
  for (const auto& [key, cases] : tally.reach)
    if (key.first == "pass" || key.first == "rule") applied[key.second] = cases;
  journal.add_applied(epoch_of(next), applied);
  journal.commit();
}

void add_progress(Journal& journal, std::uint64_t findings) {
  journal.begin();
  for (int p = 1; p <= 360; ++p) {
    const std::uint64_t groups = findings * static_cast<std::uint64_t>(p) / 360;
    journal.add_progress({.seconds = p * 10.0,
                          .cases = groups * kCasesPerFinding,
                          .findings = groups * 2,
                          .groups = groups,
                          .memory = 80'000'000 + p * 1000,
                          .worker_memory = 300'000'000});
  }
  journal.commit();
}

int write_campaign(const fs::path& out, std::uint64_t count, std::uint64_t seed) {
  const double start = seconds_now();
  const std::vector<Pattern> patterns = draw_patterns(seed);
  MOB_CHECK(!patterns.empty());
  Journal journal(out, Journal::Mode::kCreate,
                  {{"version", version()},
                   {"system", "onnxruntime@1.31.1"},
                   {"seed", std::to_string(seed)},
                   {"source", "synthetic"},
                   {"jobs", "2"}});
  const Executor executor = tbb_executor(0);
  Rng rng(seed, 0);
  for (std::uint64_t first = 0; first < count; first += kBatch) {
    std::vector<MadeUp> made(std::min(kBatch, count - first));
    executor.run(made.size(), [&](std::size_t task, int) {
      const std::uint64_t i = first + task;
      made[task] = make_up(i, count, seed, patterns);
      write_folders(out / "findings", made[task], i, seed);
    });
    for (MadeUp& m : made) m.cases = 1 + static_cast<std::uint64_t>(std::min(40.0, 1 / (rng.unit() + 0.02)));
    write_batch(journal, made, first, rng);
    if (first > 0) continue;
    add_known_bug(out / "known_bugs.jsonl", {made[0].signature, "dismissed", "", "documented", "2026-01-02"});
    add_known_bug(out / "known_bugs.jsonl",
                  {made[1].signature, "known", "microsoft/onnxruntime#1", hostile_words()[0], "2026-01-03"});
  }
  add_progress(journal, count);
  fmt::print("{}: {} findings of {} patterns, {:.1f} MB, in {:.1f} s\n", out.string(), count, patterns.size(),
             static_cast<double>(folder_size(out)) / 1e6, seconds_now() - start);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::string out;
  std::uint64_t count = 10'000, seed = 1;
  CLI::App app("writes a synthetic campaign");
  app.add_option("DIR", out, "folder to be made")->required();
  app.add_option("--findings", count)->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--seed", seed)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return write_campaign(out, count, seed);
  } catch (const UserError& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 2;
  }
}
