// mobster corpus add CORPUS FINDING...: findings become regression cases.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "corpus/read_finding.h"
#include "corpus/regression_corpus.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/executor.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/cli/corpus_commands.h"
#include "fuzzer/cli/versions.h"

namespace mob::cli {
namespace {

namespace fs = std::filesystem;

struct Words {
  std::string corpus;
  std::vector<std::string> findings;
  std::string versions = "all";
  int jobs = 0;
  bool json = false;
  AddOptions options;
};

// The one system of all the findings, "onnxruntime".
std::string system_of(const std::vector<fs::path>& findings) {
  std::string system;
  for (const fs::path& f : findings) {
    const std::string its = read_finding(f).system;
    if (!system.empty() && its != system)
      throw UserError(fmt::format("{}: is of {}, others are of {}: add them apart", f.string(), its, system));
    system = its;
  }
  return system;
}

void print(const Added& a, bool json) {
  if (json) {
    const nlohmann::ordered_json out = {{"finding", a.finding.string()},
                                        {"name", a.name},
                                        {"added", a.left_out.empty()},
                                        {"reason", a.left_out},
                                        {"versions", versions_json(a.regression)}};
    fmt::print("{}\n", out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    return;
  }
  if (!a.left_out.empty()) {
    fmt::print("left out  {}\n          {}\n", a.finding.string(), a.left_out);
    return;
  }
  fmt::print("added     {}\n", a.name);
  for (const auto& [system, known] : a.regression.versions)
    fmt::print("          {}: bad {}{}\n", system, join(known.bad, " "),
               known.good.empty() ? "" : "; good " + join(known.good, " "));
}

int add(const Words& words) {
  const std::vector<fs::path> findings = find_findings(words.findings);
  AddOptions options = words.options;
  options.versions = asked_versions(system_of(findings), words.versions);
  options.executor = tbb_executor(words.jobs);
  std::size_t left_out = 0;
  for (const Added& a : add_cases(words.corpus, findings, options)) {
    print(a, words.json);
    left_out += a.left_out.empty() ? 0 : 1;
  }
  if (!words.json) fmt::print("{} added, {} left out\n", findings.size() - left_out, left_out);
  return kNothingFound;
}

}  // namespace

std::function<int()> set_up_corpus_add(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("CORPUS", words->corpus, "folder of regression cases, made where it is not there")
      ->required();
  app.add_option("FINDING", words->findings,
                 "folders of findings, or of campaigns; of a triaged one its reduced form is taken")
      ->required();
  app.add_option("--versions", words->versions, "to judge them in: all installed ones, or 1.20.1,1.31.1")
      ->capture_default_str();
  app.add_option("--reference", words->options.reference,
                 "where upstream knows of it: microsoft/onnxruntime#27455");
  app.add_option("--note", words->options.note, "a remark to be kept with it");
  app.add_option("--from", words->options.from, "where it comes from, in place of 'campaign'");
  app.add_flag("--all", words->options.all, "also where a case of the same signature is there");
  app.add_option("--jobs", words->jobs, "cores to use (default: all)")->check(CLI::Range(1, 1024));
  app.add_flag("--json", words->json, "one JSON object a line");
  return [words] { return add(*words); };
}

}  // namespace mob::cli
