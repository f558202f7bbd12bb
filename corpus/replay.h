// Regression cases judged again, and what that says against what was expected.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/regression.h"
#include "fuzzer/base/machine.h"

namespace mob {

// A case of a regression corpus as it stands on disk.
struct RegressionCase {
  std::filesystem::path folder;
  std::string name;  // of the folder
  std::string signature, symptom;
  std::vector<std::string> passes, operators;
  std::size_t nodes = 0;
  Regression regression;
  // A finding of a campaign, of which only the version is known in which it was found: it is to be gone.
  bool plain = false;
};

// Throws UserError naming the file where it is damaged.
RegressionCase read_case(const std::filesystem::path& folder);

// Those that a command line names (find_findings).
std::vector<RegressionCase> read_cases(const std::vector<std::string>& words);

// What each case does in `system`, in the order of the cases. Each lane of the executor has a judge for all
// its cases. Throws UserError where the system cannot be started or a case cannot be read.
std::vector<AtVersion> judge_cases(const std::vector<RegressionCase>& cases, const System& system,
                                   const WorkerLimits& limits, const Executor& executor);

enum class Change { kNewlyBroken, kNewlyFixed, kStillBad, kStillGood, kCannotTell };
std::string_view name(Change c);  // "newly broken", ...
inline constexpr Change kAllChanges[] = {Change::kNewlyBroken, Change::kNewlyFixed, Change::kStillBad,
                                         Change::kStillGood, Change::kCannotTell};

struct Replayed {
  Change change = Change::kCannotTell;
  AtVersion at;
  std::optional<AtVersion> baseline;  // what it was held against, in place of what is known of the case
  // Why it cannot be told, or what a bad one does, in a line.
  std::string words;
  bool fails = false;  // newly broken; of a plain finding without baseline also still bad
};

// Against what is known of the case. `version` is that of `at`, in plain numbers also for a library's path.
// What is known to be bad from a machine with another `isa` and is good here cannot be told to be fixed:
// layouts and kernels depend on it.
Replayed against_expectation(const RegressionCase& c, const AtVersion& at, const std::string& system,
                             const std::string& version, std::string_view isa = mob::isa());
// Against another version or build.
Replayed against_baseline(const AtVersion& at, const AtVersion& baseline);

// Cases by what they do, in one version of a table.
struct VersionRow {
  std::string version;
  std::size_t bad = 0, good = 0, cannot_tell = 0;
  std::size_t fixed = 0, broken = 0;  // against the nearest older version of the table that can tell
};
// `table[v][i]`: what case i does in version v, oldest version first.
std::vector<VersionRow> rows_of(const std::vector<std::vector<AtVersion>>& table);

}  // namespace mob
