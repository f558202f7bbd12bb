// mobster compare DIR1 DIR2: what two campaigns found in common and apart.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "fuzzer/base/check.h"
#include "fuzzer/campaign/compare_text.h"
#include "fuzzer/campaign/executor.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/probes/limits.h"

namespace mob::cli {
namespace {

struct Words {
  std::string one, other;
  bool judge = false, markdown = false, json = false;
  int jobs = 0;
};

int compare(const Words& words) {
  Comparison c = compare_campaigns(words.one, words.other);
  if (words.judge) {
    std::array<System, 2> systems;
    for (std::size_t i = 0; i < 2; ++i) {
      const ComparedCampaign& campaign = c.campaigns[i];
      if (campaign.system.empty())
        throw UserError(campaign.folder.string() + ": --judge: its findings are of more than one system");
      systems[i] = with_limits(resolve_system(campaign.system));
    }
    judge_elsewhere(c, systems, tbb_executor(words.jobs));
  }
  if (words.json)
    fmt::print("{}\n",
               comparison_json(c).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  else if (words.markdown)
    fmt::print("{}", comparison_markdown(c));
  else
    for (const std::string& line : comparison_lines(c)) fmt::print("{}\n", line);
  return kNothingFound;
}

std::function<int()> set_up(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("DIR1", words->one, "folder of a campaign, running or ended, or of findings")->required();
  app.add_option("DIR2", words->other, "another one")->required();
  app.add_flag("--judge", words->judge,
               "of what one found alone, whether the other's system shows it: not there, or not found");
  app.add_option("--jobs", words->jobs, "cores that --judge uses (default: all)")->check(CLI::Range(1, 1024));
  auto* markdown = app.add_flag("--markdown", words->markdown, "as a page in Markdown");
  app.add_flag("--json", words->json, "everything as one JSON object")->excludes(markdown);
  return [words] { return compare(*words); };
}

}  // namespace

namespace commands {
extern const Command compare;
const Command compare = {
    .name = "compare", .set_up = set_up, .what = "Tells what two campaigns found in common and apart."};
}  // namespace commands

}  // namespace mob::cli
