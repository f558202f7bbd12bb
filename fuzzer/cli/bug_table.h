// Bugs as the command line shows them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mob::cli {

// `given`, or known_bugs.jsonl in the first of the folders.
std::filesystem::path known_bugs_file(const std::vector<std::string>& folders, const std::string& given);

// Prints the bugs that the triaged of these findings are, and how many are not triaged. Returns the exit
// code.
int print_bugs(const std::vector<std::filesystem::path>& findings, const std::filesystem::path& known,
               bool json);

}  // namespace mob::cli
