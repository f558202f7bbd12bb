// mobster bugs DIR...: the bugs that the triaged findings of a campaign are.
#include "corpus/read_finding.h"
#include "fuzzer/cli/bug_table.h"
#include "fuzzer/cli/command.h"

namespace mob::cli {
namespace {

std::function<int()> set_up(CLI::App& app) {
  struct Words {
    std::vector<std::string> findings;
    std::string known;
    bool json = false;
  };
  auto words = std::make_shared<Words>();
  app.add_option("DIR", words->findings, "folders of campaigns, or of findings")->required();
  app.add_option("--known", words->known, "file of known bugs (default: known_bugs.jsonl in the first DIR)");
  app.add_flag("--json", words->json, "one JSON object a line");
  return [words] {
    return print_bugs(find_findings(words->findings), known_bugs_file(words->findings, words->known),
                      words->json);
  };
}

}  // namespace

namespace commands {
extern const Command bugs;
const Command bugs = {
    .name = "bugs", .set_up = set_up, .what = "Lists the bugs that the triaged findings of campaigns are."};
}  // namespace commands

}  // namespace mob::cli
