#include "fuzzer/cli/bug_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "corpus/triage.h"
#include "fuzzer/base/text.h"
#include "fuzzer/cli/command.h"

namespace mob::cli {

namespace fs = std::filesystem;

fs::path known_bugs_file(const std::vector<std::string>& folders, const std::string& given) {
  return given.empty() ? fs::path(folders.front()) / "known_bugs.jsonl" : fs::path(given);
}

int print_bugs(const std::vector<fs::path>& findings, const fs::path& known, bool json) {
  const std::vector<Bug> bugs = bugs_of(findings, load_known_bugs(known));
  const auto triaged = static_cast<std::size_t>(std::count_if(findings.begin(), findings.end(), is_triaged));
  const auto state = [](const Bug& b) { return b.known ? b.known->state : std::string(); };
  if (json) {
    for (const Bug& b : bugs) {
      nlohmann::ordered_json out = {{"signature", b.signature},      {"symptom", b.best().symptom},
                                    {"passes", b.best().passes},     {"guard", b.best().guard},
                                    {"versions", b.best().versions}, {"culprit", b.best().culprit},
                                    {"nodes", b.best().nodes},       {"operators", b.best().operators},
                                    {"reduced", b.best().reduced},   {"state", state(b)}};
      if (b.known) out["reference"] = b.known->reference;
      if (b.known) out["because"] = b.known->because;
      for (auto& list = out["findings"] = nlohmann::ordered_json::array(); const Triaged& t : b.findings)
        list.push_back(t.finding.string());
      fmt::print("{}\n", out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    }
    return bugs.empty() ? kNothingFound : kFindings;
  }
  for (const Bug& b : bugs) {
    const Triaged& t = b.best();
    fmt::print("{:>4}  {}{}  {}  {}\n", b.findings.size(), state(b).empty() ? "" : "[" + state(b) + "] ",
               t.symptom,
               t.reduced ? (t.passes.empty() ? "no single optimizer cures it" : t.passes.front())
                         : "not reduced: " + t.why_not,
               join(t.operators, " "));
    if (!t.guard.empty()) fmt::print("      {}\n", t.guard);
    if (!t.versions.empty())
      fmt::print("      {}{}\n", t.versions, t.culprit == "optimizer" ? "" : "; culprit: " + t.culprit);
    if (b.known && !(b.known->reference + b.known->because).empty())
      fmt::print("      {}{}{}\n", b.known->reference,
                 b.known->reference.empty() || b.known->because.empty() ? "" : ": ", b.known->because);
    fmt::print("      {}\n", (t.reduced ? t.finding / "reduced" : t.finding).string());
  }
  const auto counted = [&](const char* word) {
    return std::count_if(bugs.begin(), bugs.end(), [&](const Bug& b) { return state(b) == word; });
  };
  fmt::print("{} bugs of {} findings", bugs.size(), triaged);
  if (const auto n = counted("dismissed"); n > 0) fmt::print(", {} of them dismissed", n);
  if (const auto n = counted("known") + counted("reported") + counted("fixed"); n > 0)
    fmt::print(", {} known", n);
  if (findings.size() > triaged)
    fmt::print("; {} findings are not triaged: mobster triage", findings.size() - triaged);
  fmt::print("\n");
  return bugs.empty() ? kNothingFound : kFindings;
}

}  // namespace mob::cli
