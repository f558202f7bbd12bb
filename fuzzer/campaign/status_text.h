// A campaign's status in words: for a terminal, for a log, for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "fuzzer/campaign/campaign.h"

namespace mob {

// Some lines that fit into `width` columns; redrawn in place by a terminal.
std::vector<std::string> status_lines(const Status& status, std::size_t width = 100);
// The same in one line, for where there is no terminal.
std::string status_line(const Status& status);
// Every distinct finding, the most frequent first.
std::vector<std::string> finding_lines(const Status& status);
// What ended how often, and why: rows that sum up to the number of cases.
std::vector<std::string> ledger_lines(const Status& status);
// Every optimizer of the campaign's system: how many cases it changed, in all and of 100,000; how many held a
// whole motif that aims at it, and a near miss; or why it never changes any. Empty where the system is
// unknown.
std::vector<std::string> optimizer_lines(const Status& status);
// The same in one line.
std::string optimizers_line(const Status& status);
nlohmann::ordered_json status_json(const Status& status);

// "1:02:03".
std::string show_time(double seconds);

}  // namespace mob
