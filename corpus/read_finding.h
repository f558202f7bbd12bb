// Findings that were written down, found again.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace mob {

// What finding.json says of where a finding was seen.
struct FoundBefore {
  std::string symptom;          // as oracles name it
  std::string system, version;  // "onnxruntime", "1.31.1"
  std::string label() const { return system + "@" + version; }
};
// Throws UserError naming the file where it is missing or no finding of mobster.
FoundBefore read_finding(const std::filesystem::path& folder);

bool is_finding(const std::filesystem::path& folder);

// Folders of findings as they are; a folder of such folders, or of a campaign, stands for all of them. Throws
// UserError for a word that stands for none.
std::vector<std::filesystem::path> find_findings(const std::vector<std::string>& words);

}  // namespace mob
