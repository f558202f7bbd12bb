// mobster status DIR: a campaign seen from outside, running or not.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "fuzzer/base/text.h"
#include "fuzzer/campaign/status_text.h"
#include "fuzzer/cli/command.h"

namespace mob::cli {
namespace {

std::function<int()> set_up(CLI::App& app) {
  auto folder = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  auto reach = std::make_shared<bool>(false);
  app.add_option("DIR", *folder, "folder of the campaign (--out of fuzz)")->required();
  app.add_flag("--reach", *reach, "also how many cases reached each operator, motif and broken guard");
  app.add_flag("--json", *json, "everything as one JSON object");
  return [=] {
    Journal journal(*folder, Journal::Mode::kRead);
    const Status s = read_status(journal);
    if (*json) {
      fmt::print("{}\n",
                 status_json(s).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
      return kNothingFound;
    }
    for (const std::string& line : status_lines(s, 200)) fmt::print("{}\n", line);
    fmt::print("  memory    slope {} per hour, over {} points\n", show_bytes(memory_slope(s.progress)),
               s.progress.size());
    if (const std::string line = optimizers_line(s); !line.empty()) fmt::print("  reached   {}\n", line);
    for (const std::string& line : ledger_lines(s)) fmt::print("{}\n", line);
    for (const std::string& line : finding_lines(s)) fmt::print("{}\n", line);
    for (const std::string& line : optimizer_lines(s)) fmt::print("{}\n", line);
    if (*reach)
      for (const auto& [key, cases] : s.tally.reach)
        fmt::print("{:<10} {:<60} {:>9}\n", key.first, key.second, cases);
    return kNothingFound;
  };
}

}  // namespace

namespace commands {
extern const Command status;
const Command status = {.name = "status", .set_up = set_up, .what = "Shows a campaign, running or ended."};
}  // namespace commands

}  // namespace mob::cli
