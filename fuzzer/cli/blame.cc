// mobster blame FINDING_OR_MODEL...: who is guilty of a finding.
#include "fuzzer/triage/blame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "corpus/models.h"
#include "corpus/read_finding.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/executor.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/cli/versions.h"
#include "fuzzer/probes/limits.h"

namespace mob::cli {
namespace {

namespace fs = std::filesystem;

struct Words {
  std::vector<std::string> paths;
  std::string system;
  std::string versions = "all";
  std::uint64_t seed = 0;
  double deadline = WorkerLimits{}.cpu_seconds;
  int jobs = 0;
  bool json = false;
};

// Folders of findings and of campaigns, or models.
std::vector<fs::path> find_paths(const std::vector<std::string>& words) {
  std::vector<fs::path> found;
  for (const std::string& word : words) {
    const bool findings = is_finding(word) || fs::is_directory(fs::path(word) / "findings");
    for (fs::path& p : findings ? find_findings({word}) : find_models({word})) found.push_back(std::move(p));
  }
  return found;
}

// Those of the same system that --versions asks for, oldest first, and the one at hand among them.
std::vector<System> versions_of(const System& own, const std::string& asked) {
  if (asked == "none") return {};
  return with_own(asked_versions(own.name, asked == "bisect" ? "all" : asked), own);
}

// --- for people --------------------------------------------------------------------------------------

std::string first_bad_words(const BadTensor& bad) {
  const std::string place =
      fmt::format("'{}' of {}{}", bad.value, bad.op, bad.node == bad.value ? "" : " '" + bad.node + "'");
  if (!bad.gap) return place + ": " + bad.difference;
  return fmt::format("{}: element {} is {}, expected {} ({}; {} of {} outside)", place, bad.gap->element,
                     show_number(bad.gap->got), show_number(bad.gap->expected),
                     std::isfinite(bad.gap->excess) ? fmt::format("{:.3g}x the bound", bad.gap->excess)
                                                    : std::string("bound 0"),
                     bad.gap->outside, bad.gap->elements);
}

void print_passes(const Blame& b) {
  if (b.passes.empty()) return;
  fmt::print("  optimizers\n");
  for (const PassBlame& p : b.passes) {
    std::vector<std::string> sets;
    for (const PassSet& set : p.cures) sets.push_back(join(set, " + "));
    fmt::print("    {:<18} {}{}\n", p.bad.name(),
               sets.empty() ? p.none : "cured without " + join(sets, ", or without "),
               p.repeated ? " (shows only at times; tried again and again)" : "");
    if (!p.lesser.empty()) fmt::print("    {:<18} what is left then: {}\n", "", p.lesser);
    for (const auto& [pass, other] : p.instead)
      fmt::print("    {:<18} without {} there is another finding: {}\n", "", pass, other);
  }
}

// Neighbours that do the same share a line.
void print_versions(const VersionBlame& v) {
  if (v.table.empty()) return;
  fmt::print("  {:<20} {}\n", "versions", v.words);
  std::vector<AtVersion> run;
  for (const AtVersion& at : v.table)
    if (at.result != AtVersion::Result::kNotRun) run.push_back(at);
  for (std::size_t i = 0; i < run.size();) {
    std::size_t last = i;
    while (last + 1 < run.size() && run[last + 1].result == run[i].result &&
           run[last + 1].symptom == run[i].symptom && run[last + 1].levels == run[i].levels)
      ++last;
    const AtVersion& at = run[i];
    fmt::print("    {:<18} {}{}\n", i == last ? at.version : at.version + "-" + run[last].version,
               name(at.result),
               at.result == AtVersion::Result::kBad    ? ": " + at.symptom + " at " + join(at.levels, ", ")
               : at.result == AtVersion::Result::kGood ? ""
                                                       : ": " + one_line(at.why, 120));
    i = last + 1;
  }
}

void print(const std::string& path, const Blame& b) {
  fmt::print("{}\n  {} {}   ", path, b.system, b.version);
  if (!b.finding) {
    fmt::print("no finding: {}\n\n", b.nothing);
    return;
  }
  fmt::print("{} ({}) at {}\n    {}\n", name(b.finding->symptom), name(b.finding->cls), join(b.levels, ", "),
             b.finding->message);
  fmt::print("  {:<20} {}: {}\n", "culprit", name(b.culprit), one_line(b.culprit_why, 300));
  print_passes(b);
  if (b.nodes.first)
    fmt::print("  {:<20} {}\n", "first bad tensor", first_bad_words(*b.nodes.first));
  else
    fmt::print("  {:<20} none: {}\n", "first bad tensor", one_line(b.nodes.why, 120));
  if (!b.nodes.hides.empty()) fmt::print("  {:<20} exposing {} hides it\n", "", join(b.nodes.hides, ", or "));
  if (b.nodes.nested) fmt::print("  {:<20} (nested graphs were not looked into)\n", "");
  for (std::size_t i = 0; i < b.guards.size(); ++i)
    fmt::print("  {:<20} {}\n", i == 0 ? "guard" : "", b.guards[i]);
  print_versions(b.versions);
  fmt::print("  {:.1f} s\n\n", b.seconds);
}

int blame_paths(const Words& words) {
  const std::vector<fs::path> paths = find_paths(words.paths);
  BlameOptions options;
  options.limits.cpu_seconds = words.deadline;
  options.limits.wall_seconds = 6 * words.deadline;
  options.bisect = words.versions == "bisect";
  options.executor = tbb_executor(words.jobs);
  std::size_t found = 0;
  for (const fs::path& path : paths) {
    current_place() = {words.seed, 0, path.string()};
    std::string label = words.system.empty() ? "onnxruntime" : words.system;
    options.symptom.reset();
    if (is_finding(path)) {
      const FoundBefore before = read_finding(path);
      options.symptom = before.kind();
      if (words.system.empty()) label = before.label();
    }
    const System system = with_limits(resolve_system(label));
    options.versions = versions_of(system, words.versions);
    const Blame b = blame(system, load_case(path, words.seed), options);
    found += b.finding.has_value();
    if (words.json) {
      nlohmann::ordered_json out = {{"path", path.string()}};
      out.update(blame_json(b));
      fmt::print("{}\n", out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    } else {
      print(path.string(), b);
    }
    std::fflush(stdout);
  }
  return found > 0 ? kFindings : kNothingFound;
}

std::function<int()> set_up(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option(
         "FINDING_OR_MODEL", words->paths,
         "folders of findings or of a campaign, .onnx or .onnxtxt files, folders in ONNX test-data layout")
      ->required();
  app.add_option("--system", words->system,
                 "onnxruntime[@VERSION]: where a finding was seen, else the newest version");
  app.add_option("--versions", words->versions,
                 "all installed ones, which for a small model takes a second; 'bisect': fewer, for models "
                 "that take long; 'none'; or a list: "
                 "1.20.1,1.31.1")
      ->capture_default_str();
  app.add_option("--seed", words->seed, "of the inputs drawn for models that bring none")
      ->capture_default_str();
  app.add_option("--deadline", words->deadline,
                 "CPU seconds that loading or running one configuration may take")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--jobs", words->jobs, "versions at a time (0: one per processor)")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--json", words->json, "one JSON object a line on standard output, nothing else there");
  return [words] { return blame_paths(*words); };
}

}  // namespace

namespace commands {
extern const Command blame;
const Command blame = {
    .name = "blame",
    .set_up = set_up,
    .what = "Says who is guilty of a finding: which optimizers, since which version, where."};
}  // namespace commands

}  // namespace mob::cli
