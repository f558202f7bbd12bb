// mobster dismiss FINDING --because "...": its bug is marked from now on, and never dropped.
#include <fmt/format.h>

#include "corpus/read_finding.h"
#include "corpus/triage.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/date.h"
#include "fuzzer/cli/bug_table.h"
#include "fuzzer/cli/command.h"

namespace mob::cli {
namespace {

namespace fs = std::filesystem;

struct Words {
  std::string finding, because, known, reference;
  std::string state = "dismissed";
};

int dismiss(const Words& words) {
  fs::path finding = fs::path(words.finding).lexically_normal();
  if (finding.filename().empty()) finding = finding.parent_path();
  if (finding.filename() == "reduced") finding = finding.parent_path();
  read_finding(finding);
  const auto triaged = read_triage(finding);
  if (!triaged || !triaged->reduced)
    throw UserError(finding.string() + ": has no signature before it is triaged: run `mobster triage " +
                    finding.string() + "`" + (triaged ? ", which said: " + triaged->why_not : ""));
  // DIR/findings/NAME belongs to the campaign in DIR.
  const fs::path parent = fs::absolute(finding).parent_path();
  const fs::path campaign = parent.filename() == "findings" ? parent.parent_path() : parent;
  const fs::path file = known_bugs_file({campaign.string()}, words.known);
  add_known_bug(file, {triaged->signature, words.state, words.reference, words.because, today()});
  fmt::print("{}: {}\n  {}\n", file.string(), words.state, triaged->signature);
  return kNothingFound;
}

std::function<int()> set_up(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("FINDING", words->finding, "folder of a finding that is triaged")->required();
  app.add_option("--because", words->because, "the reason, which every report shows")->required();
  app.add_option("--state", words->state, "dismissed, known, reported or fixed")
      ->capture_default_str()
      ->check(CLI::IsMember({"dismissed", "known", "reported", "fixed"}));
  app.add_option("--reference", words->reference, "where upstream knows of it: microsoft/onnxruntime#27455");
  app.add_option("--known", words->known,
                 "file of known bugs (default: known_bugs.jsonl in the campaign's folder)");
  return [words] {
    if (words->because.find_first_not_of(" \t") == std::string::npos)
      throw UserError("--because: say why, those who read the report will ask");
    return dismiss(*words);
  };
}

}  // namespace

namespace commands {
extern const Command dismiss;
const Command dismiss = {.name = "dismiss",
                         .set_up = set_up,
                         .what = "Marks the bug of a finding as dismissed or known, with the reason."};
}  // namespace commands

}  // namespace mob::cli
