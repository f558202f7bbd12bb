// Findings that were written down, found again.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "oracles/oracle.h"

namespace mob {

// What finding.json says of where a finding was seen.
struct FoundBefore {
  std::string symptom;          // as oracles name it
  std::string system, version;  // "onnxruntime", "1.31.1"
  std::string label() const { return system + "@" + version; }
  std::optional<Symptom> kind() const;  // nothing for a word that we do not know
};
// Throws UserError naming the file where it is missing or no finding of mobster.
FoundBefore read_finding(const std::filesystem::path& folder);

bool is_finding(const std::filesystem::path& folder);

// Folders of findings as they are; a folder of such folders, or of a campaign, or one with a regression
// corpus in `regressions`, stands for all of them. Throws UserError for a word that stands for none.
std::vector<std::filesystem::path> find_findings(const std::vector<std::string>& words);

}  // namespace mob
