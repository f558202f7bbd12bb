#include "corpus/triage.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "corpus/finding_folder.h"
#include "corpus/models.h"
#include "corpus/read_finding.h"
#include "fuzzer/base/check.h"
#include "fuzzer/triage/describe.h"

namespace mob {
namespace {

namespace fs = std::filesystem;

constexpr const char* kReduced = "reduced";
constexpr const char* kNotReduced = "not_reduced.json";

nlohmann::json read_json(const fs::path& file) {
  std::ifstream in(file);
  auto json = nlohmann::json::parse(in, nullptr, false);
  if (!json.is_object()) throw UserError(file.string() + ": is damaged; remove it to have it made anew");
  return json;
}

}  // namespace

bool is_triaged(const fs::path& finding) {
  std::error_code none;
  return fs::exists(finding / kReduced / "finding.json", none) || fs::exists(finding / kNotReduced, none);
}

std::optional<Triaged> read_triage(const fs::path& finding) try {
  Triaged t;
  t.finding = finding;
  if (fs::exists(finding / kReduced / "finding.json")) {
    const auto json = read_json(finding / kReduced / "finding.json");
    t.reduced = true;
    t.signature = json.at("signature");
    t.symptom = json.at("symptom");
    t.passes = json.at("passes").get<std::vector<std::string>>();
    t.operators = json.at("operators").get<std::vector<std::string>>();
    t.nodes = json.at("nodes");
    t.system = json.at("system");
    t.version = json.at("version");
    t.guard = json.at("guard");
    t.versions = json.value("versions_in_words", "");
    // null where the blame found nothing any more.
    if (json.contains("culprit") && json["culprit"].is_string()) t.culprit = json["culprit"];
    return t;
  }
  if (!fs::exists(finding / kNotReduced)) return std::nullopt;
  t.why_not = read_json(finding / kNotReduced).at("why");
  const auto json = read_json(finding / "finding.json");
  t.signature = json.at("signature");
  t.symptom = json.at("symptom");
  t.system = json.at("system");
  t.version = json.at("version");
  t.operators = json.at("operators").get<std::vector<std::string>>();
  t.nodes = json.at("nodes");
  return t;
} catch (const nlohmann::json::exception&) {
  throw UserError((finding / "finding.json").string() + ": is no finding of mobster");
}

std::optional<Triaged> triage_finding(const std::vector<Judge*>& judges, const fs::path& finding,
                                      const ExamineOptions& options) {
  const FoundBefore before = read_finding(finding);
  const Case c = load_case(finding, 0);
  ExamineOptions o = options;
  o.symptom = before.kind();
  Examined e = examine(judges, c, o);
  if (options.limits.stopped()) return std::nullopt;
  const System& system = judges.front()->system();
  std::optional<Blame> blamed;
  if (e.nothing.empty()) {
    BlameOptions blaming{.versions = versions_at_hand(system), .guards = false, .symptom = e.lock.symptom};
    blaming.executor = options.executor;
    blamed = blame(system, e.reduced.c, blaming);
    if (options.limits.stopped()) return std::nullopt;
  }
  if (e.nothing.empty()) {
    // How the case came about before it was reduced.
    Finding& finding_now = *e.judged.verdict.finding;
    finding_now.kind = read_json(finding / "finding.json").value("kind", finding_now.kind);
    write_finding(finding, {.name = kReduced,
                            .c = &e.reduced.c,
                            .judged = &e.judged,
                            .cause = e.cause,
                            .optimized = saved_model(*judges.front(), e.reduced.c, e.cause.bad),
                            .signature = e.signature.text(),
                            .guards = e.reduced.guards,
                            .blame = &*blamed,
                            .reduced = e.reduced.complete,
                            .system = system.name,
                            .version = system.version});
  } else {
    write_file_whole(finding / kNotReduced, nlohmann::json{{"why", e.nothing}}.dump(1) + "\n");
  }
  return read_triage(finding);
}

std::vector<Bug> bugs_of(const std::vector<fs::path>& findings, const std::vector<KnownBug>& known) {
  std::map<std::string, Bug> by_signature;
  for (const fs::path& finding : findings) {
    std::optional<Triaged> t = read_triage(finding);
    if (!t) continue;
    Bug& bug = by_signature[t->reduced ? t->signature : finding.string()];
    bug.signature = t->signature;
    bug.findings.push_back(std::move(*t));
  }
  std::vector<Bug> bugs;
  for (auto& [signature, bug] : by_signature) {
    std::stable_sort(bug.findings.begin(), bug.findings.end(),
                     [](const Triaged& a, const Triaged& b) { return a.nodes < b.nodes; });
    bug.known = find_known(known, bug.signature);
    bugs.push_back(std::move(bug));
  }
  std::stable_sort(bugs.begin(), bugs.end(),
                   [](const Bug& a, const Bug& b) { return a.findings.size() > b.findings.size(); });
  return bugs;
}

}  // namespace mob
