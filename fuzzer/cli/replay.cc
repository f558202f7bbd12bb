// mobster replay PATH...: do the findings of a campaign still show? Do the cases of a regression corpus do
// what is expected of them?
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "corpus/finding_folder.h"
#include "corpus/models.h"
#include "corpus/read_finding.h"
#include "corpus/replay.h"
#include "corpus/replay_reports.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/executor.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/probes/library_version.h"
#include "fuzzer/probes/limits.h"
#include "fuzzer/triage/judge.h"

namespace mob::cli {
namespace {

namespace fs = std::filesystem;

struct Words {
  std::vector<std::string> findings;
  std::string system, baseline, junit, sarif;
  int jobs = 0;
  bool json = false;
};

// --- findings of campaigns -----------------------------------------------------------------------------

int replay_findings(const Words& words) {
  std::map<std::string, std::unique_ptr<Judge>> judges;
  std::size_t bad = 0, gone = 0;
  for (const fs::path& folder : find_findings(words.findings)) {
    const FoundBefore finding = read_finding(folder);
    const std::string system = words.system.empty() ? finding.label() : words.system;
    std::unique_ptr<Judge>& judge = judges[system];
    if (!judge) judge = std::make_unique<Judge>(with_limits(resolve_system(system)), JudgeOptions{});
    const Case c = load_case(folder, 0);
    const Judged j = judge->judge(c);
    bool same = false;
    for (const auto& [oracle, verdict] : j.by_oracle)
      same = same || (j.verdict.finding && verdict.finding && verdict.finding->cls == FindingClass::kBug &&
                      name(verdict.finding->symptom) == finding.symptom);
    const std::string what = same ? "still bad"
                             : j.verdict.finding
                                 ? "another finding: " + std::string(name(j.verdict.finding->cls)) + " " +
                                       std::string(name(j.verdict.finding->symptom))
                             : j.verdict.kind == Verdict::Kind::kSkip ? "cannot tell: " + j.verdict.reason
                                                                      : "gone";
    (same ? bad : gone)++;
    const std::string message = j.verdict.finding ? j.verdict.finding->message : "";
    if (words.json)
      fmt::print("{}\n", nlohmann::ordered_json{{"path", folder.string()},
                                                {"system", judge->system().name},
                                                {"version", judge->system().version},
                                                {"symptom", finding.symptom},
                                                {"still_bad", same},
                                                {"result", what},
                                                {"message", message}}
                             .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    else
      fmt::print("{:<12} {}  {}{}\n",
                 same                                     ? "still bad"
                 : j.verdict.finding                      ? "other"
                 : j.verdict.kind == Verdict::Kind::kSkip ? "cannot tell"
                                                          : "gone",
                 folder.filename().string(), judge->system().label(),
                 message.empty() ? (what == "gone" ? "" : "\n             " + what)
                                 : "\n             " +
                                       one_line(same ? message : fmt::format("{}: {}", what, message), 200));
    std::fflush(stdout);
  }
  if (!words.json && bad + gone > 1) fmt::print("{} findings: {} still bad, {} not\n", bad + gone, bad, gone);
  return bad > 0 ? kFindings : kNothingFound;
}

// --- regression cases ----------------------------------------------------------------------------------

void print_json(const RegressionCase& c, const Replayed& r, const ReplayOf& of) {
  nlohmann::ordered_json out = {{"path", c.folder.string()},   {"name", c.name},
                                {"signature", c.signature},    {"system", of.system},
                                {"change", name(r.change)},    {"fails", r.fails},
                                {"result", name(r.at.result)}, {"symptom", r.at.symptom},
                                {"levels", r.at.levels},       {"message", r.words}};
  if (r.baseline) out["baseline"] = {{"system", of.baseline}, {"result", name(r.baseline->result)}};
  fmt::print("{}\n", out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

// Against a baseline only what got worse; else all but what is good as ever.
bool is_told(const Replayed& r) {
  return r.baseline ? r.change == Change::kNewlyBroken : r.change != Change::kStillGood;
}

void print_words(const std::vector<RegressionCase>& cases, const std::vector<Replayed>& replayed,
                 const ReplayOf& of) {
  std::map<Change, std::size_t> counts;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Replayed& r = replayed[i];
    ++counts[r.change];
    if (!is_told(r)) continue;
    fmt::print("{:<13} {}\n", name(r.change), cases[i].name);
    if (!r.words.empty()) fmt::print("              {}\n", one_line(r.words, 200));
  }
  std::vector<std::string> sums;
  for (const Change c : kAllChanges) sums.push_back(fmt::format("{} {}", counts[c], name(c)));
  fmt::print("{} cases, {}{}: {}\n", cases.size(), of.system,
             of.baseline.empty() ? "" : " against " + of.baseline, join(sums, ", "));
}

std::vector<Replayed> replay_in(const Words& words, const std::vector<RegressionCase>& cases,
                                const System& system) {
  const Executor executor = tbb_executor(words.jobs);
  std::vector<Replayed> replayed;
  if (words.baseline.empty()) {
    const std::string version = plain_version(system);
    const std::vector<AtVersion> at = judge_cases(cases, system, {}, executor);
    for (std::size_t i = 0; i < cases.size(); ++i)
      replayed.push_back(against_expectation(cases[i], at[i], system.name, version));
    return replayed;
  }
  const System baseline = with_limits(resolve_system(words.baseline));
  const std::vector<AtVersion> at = judge_cases(cases, system, {}, executor),
                               before = judge_cases(cases, baseline, {}, executor);
  for (std::size_t i = 0; i < cases.size(); ++i) replayed.push_back(against_baseline(at[i], before[i]));
  return replayed;
}

int replay_cases(const Words& words, const std::vector<RegressionCase>& cases) {
  const System system = with_limits(resolve_system(words.system.empty() ? "onnxruntime" : words.system));
  const std::vector<Replayed> replayed = replay_in(words, cases, system);
  const ReplayOf of{.system = system.label(), .baseline = words.baseline};
  if (!words.junit.empty()) write_file_whole(words.junit, junit_xml(of, cases, replayed));
  if (!words.sarif.empty()) write_file_whole(words.sarif, sarif(of, cases, replayed).dump(1) + "\n");
  if (words.json)
    for (std::size_t i = 0; i < cases.size(); ++i) print_json(cases[i], replayed[i], of);
  else
    print_words(cases, replayed, of);
  const bool fails = std::any_of(replayed.begin(), replayed.end(), [](const Replayed& r) { return r.fails; });
  return fails ? kFindings : kNothingFound;
}

int replay(const Words& words) {
  const std::vector<RegressionCase> cases = read_cases(words.findings);
  const bool plain = std::all_of(cases.begin(), cases.end(), [](const RegressionCase& c) { return c.plain; });
  const bool reports = !(words.baseline + words.junit + words.sarif).empty();
  return plain && !reports ? replay_findings(words) : replay_cases(words, cases);
}

std::function<int()> set_up(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("PATH", words->findings,
                 "folders of findings, or of campaigns; cases of a regression corpus, or the corpus")
      ->required();
  app.add_option("--system", words->system,
                 "onnxruntime[@VERSION], or onnxruntime@/path/to/libonnxruntime.so (default: where a finding "
                 "was seen; of a corpus the newest installed version)");
  app.add_option("--baseline", words->baseline,
                 "another version or build: tells only what is worse than there, whatever is expected");
  app.add_option("--junit", words->junit, "also write JUnit XML to this file");
  app.add_option("--sarif", words->sarif, "also write SARIF 2.1.0 to this file");
  app.add_option("--jobs", words->jobs, "cores to use for a corpus (default: all)")
      ->check(CLI::Range(1, 1024));
  app.add_flag("--json", words->json, "one JSON object a line");
  app.footer(
      "Exit codes, of a corpus: 1 when something is newly broken (with --baseline: worse than there), else "
      "0; "
      "newly fixed, still bad and cannot tell are 0. Of findings of campaigns: 1 when one is still bad. "
      "2 on trouble.");
  return [words] { return replay(*words); };
}

}  // namespace

namespace commands {
extern const Command replay;
const Command replay = {.name = "replay",
                        .set_up = set_up,
                        .what = "Judges findings of a campaign, or a regression corpus, again."};
}  // namespace commands

}  // namespace mob::cli
