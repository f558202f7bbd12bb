// The face of the program: one file per subcommand here, one line in all.def.
#pragma once

#include <CLI/CLI.hpp>
#include <string_view>
#include <vector>

namespace mob::cli {

inline constexpr int kNothingFound = 0;
inline constexpr int kFindings = 1;
inline constexpr int kBadInput = 2;

struct Command {
  std::string_view name;
  // Adds the subcommand's options to `app`; what it returns is run after parsing and gives the exit code.
  std::function<int()> (*set_up)(CLI::App& app);
  std::string_view what;  // one line of help
};
const std::vector<const Command*>& all_commands();

}  // namespace mob::cli
