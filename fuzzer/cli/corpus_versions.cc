// mobster corpus table and update: a corpus against versions of a system.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "corpus/regression_corpus.h"
#include "fuzzer/campaign/executor.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/cli/corpus_commands.h"
#include "fuzzer/cli/versions.h"
#include "fuzzer/probes/library_version.h"
#include "fuzzer/probes/limits.h"

namespace mob::cli {
namespace {

struct Words {
  std::string corpus;
  std::string system = "onnxruntime";
  std::string versions = "all";
  int jobs = 0;
  bool json = false, markdown = false;
};

// --- table ---------------------------------------------------------------------------------------------

void print_json(const std::string& system, const std::vector<VersionRow>& rows) {
  for (const VersionRow& r : rows)
    fmt::print("{}\n", nlohmann::ordered_json{{"system", system},
                                              {"version", r.version},
                                              {"bad", r.bad},
                                              {"good", r.good},
                                              {"fixed", r.fixed},
                                              {"broken", r.broken},
                                              {"cannot_tell", r.cannot_tell}}
                           .dump());
}

void print_rows(const std::string& system, const std::vector<VersionRow>& rows, bool markdown) {
  const char* line = markdown ? "| {} | {} | {} | {} | {} | {} |\n" : "{:<18}{:>6}{:>7}{:>7}{:>8}{:>13}\n";
  fmt::print(fmt::runtime(line), system, "bad", "good", "fixed", "broken", "cannot tell");
  if (markdown) fmt::print("|---|---|---|---|---|---|\n");
  for (const VersionRow& r : rows)
    fmt::print(fmt::runtime(line), r.version, r.bad, r.good, r.fixed, r.broken, r.cannot_tell);
}

int table(const Words& words) {
  const std::vector<RegressionCase> cases = require_corpus(words.corpus);
  const std::vector<System> systems = asked_versions(words.system, words.versions);
  const Executor executor = tbb_executor(words.jobs);
  std::vector<std::vector<AtVersion>> versions;
  versions.reserve(systems.size());
  for (const System& s : systems) versions.push_back(judge_cases(cases, with_limits(s), {}, executor));
  const std::vector<VersionRow> rows = rows_of(versions);
  if (words.json)
    print_json(words.system, rows);
  else
    print_rows(words.system, rows, words.markdown);
  return kNothingFound;
}

// --- update --------------------------------------------------------------------------------------------

int update(const Words& words) {
  std::vector<RegressionCase> cases = require_corpus(words.corpus);
  const System system = with_limits(resolve_system(words.system));
  const std::string version = plain_version(system);
  const std::vector<AtVersion> at = judge_cases(cases, system, {}, tbb_executor(words.jobs));
  std::size_t changed = 0;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const Replayed r = against_expectation(cases[i], at[i], system.name, version);
    if (r.change == Change::kCannotTell ||
        !take_down(cases[i].regression, system.name, version, at[i].result))
      continue;
    write_regression(cases[i].folder, cases[i].regression);
    ++changed;
    fmt::print("{:<13} {}\n", name(r.change), cases[i].name);
  }
  fmt::print("{} cases, {} with news of {} {}\n", cases.size(), changed, system.name, version);
  return kNothingFound;
}

}  // namespace

std::function<int()> set_up_corpus_table(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("CORPUS", words->corpus, "folder of regression cases")->required();
  app.add_option("--versions", words->versions, "all installed ones, or 1.20.1,1.31.1")
      ->capture_default_str();
  app.add_option("--jobs", words->jobs, "cores to use (default: all)")->check(CLI::Range(1, 1024));
  app.add_flag("--json", words->json, "one JSON object a line");
  app.add_flag("--markdown", words->markdown, "a table in Markdown");
  app.footer("fixed and broken: against the nearest older version that can tell.");
  return [words] { return table(*words); };
}

std::function<int()> set_up_corpus_update(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("CORPUS", words->corpus, "folder of regression cases")->required();
  app.add_option("--system", words->system, "onnxruntime@VERSION, or onnxruntime@/path/to/libonnxruntime.so")
      ->required();
  app.add_option("--jobs", words->jobs, "cores to use (default: all)")->check(CLI::Range(1, 1024));
  return [words] { return update(*words); };
}

}  // namespace mob::cli
