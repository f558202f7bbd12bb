// mobster replay FINDING...: do the findings of a campaign still show?
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "corpus/models.h"
#include "corpus/read_finding.h"
#include "fuzzer/base/text.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/probes/limits.h"
#include "fuzzer/triage/judge.h"

namespace mob::cli {
namespace {

namespace fs = std::filesystem;

struct Words {
  std::vector<std::string> findings;
  std::string system;
  bool json = false;
};

int replay(const Words& words) {
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

std::function<int()> set_up(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("FINDING", words->findings, "folders of findings, or of campaigns")->required();
  app.add_option("--system", words->system, "another system or version than the one it was found in");
  app.add_flag("--json", words->json, "one JSON object a line");
  return [words] { return replay(*words); };
}

}  // namespace

namespace commands {
extern const Command replay;
const Command replay = {.name = "replay", .set_up = set_up, .what = "Judges findings of a campaign again."};
}  // namespace commands

}  // namespace mob::cli
