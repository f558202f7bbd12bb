// mobster triage DIR...: the findings of a campaign, each reduced, and the bugs that they are.
#include <fmt/format.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "corpus/read_finding.h"
#include "corpus/triage.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/executor.h"
#include "fuzzer/cli/bug_table.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/probes/limits.h"

namespace mob::cli {
namespace {

namespace fs = std::filesystem;

struct Words {
  std::vector<std::string> findings;
  std::string known;
  int jobs = 0;
  TrialLimits limits;
  bool json = false;
};

int triage(const Words& words) {
  const std::vector<fs::path> findings = find_findings(words.findings);
  std::map<std::string, System> systems;
  std::vector<fs::path> open;
  for (const fs::path& f : findings) {
    if (is_triaged(f)) continue;
    open.push_back(f);
    if (const std::string label = read_finding(f).label(); !systems.contains(label))
      systems.emplace(label, with_limits(resolve_system(label)));
  }
  const Executor executor = tbb_executor(words.jobs);
  // For each lane a judge for each system.
  std::vector<std::map<std::string, std::unique_ptr<Judge>>> judges(static_cast<std::size_t>(executor.lanes));
  std::mutex printing;
  executor.run(open.size(), [&](std::size_t task, int lane) {
    const std::string label = read_finding(open[task]).label();
    std::unique_ptr<Judge>& judge = judges[static_cast<std::size_t>(lane)][label];
    if (!judge)
      judge = std::make_unique<Judge>(systems.at(label),
                                      JudgeOptions{.configurations = thorough_configurations()});
    const Triaged t = *triage_finding({judge.get()}, open[task], {.limits = words.limits});
    std::lock_guard lock(printing);
    if (!words.json)
      fmt::print(stderr, "{}  {}\n", open[task].filename().string(),
                 t.reduced ? fmt::format("{} nodes", t.nodes) : t.why_not);
  });
  return print_bugs(findings, known_bugs_file(words.findings, words.known), words.json);
}

std::function<int()> set_up(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("DIR", words->findings,
                 "folders of campaigns, or of findings; what is triaged already is left")
      ->required();
  app.add_option("--known", words->known, "file of known bugs (default: known_bugs.jsonl in the first DIR)");
  app.add_option("--jobs", words->jobs, "cores to use (default: all)")->check(CLI::Range(1, 1024));
  app.add_option("--checks", words->limits.checks, "variants run at most for each finding")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", words->limits.seconds, "time that one finding may take")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_flag("--json", words->json, "the bugs as JSON, one a line");
  return [words] { return triage(*words); };
}

}  // namespace

namespace commands {
extern const Command triage;
const Command triage = {.name = "triage",
                        .set_up = set_up,
                        .what = "Reduces the findings of a campaign and tells the bugs that they are."};
}  // namespace commands

}  // namespace mob::cli
