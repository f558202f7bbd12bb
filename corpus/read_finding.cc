#include "corpus/read_finding.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "corpus/finding_folder.h"
#include "fuzzer/base/check.h"

namespace mob {

namespace fs = std::filesystem;

std::optional<Symptom> FoundBefore::kind() const {
  for (int i = 0; i <= static_cast<int>(Symptom::kNondeterminism); ++i)
    if (name(static_cast<Symptom>(i)) == symptom) return static_cast<Symptom>(i);
  return std::nullopt;
}

FoundBefore read_finding(const fs::path& folder) {
  std::ifstream in(folder / "finding.json");
  if (!in) throw UserError(folder.string() + ": no finding is here (there is no finding.json)");
  const auto json = nlohmann::json::parse(in, nullptr, false);
  FoundBefore found;
  const std::pair<const char*, std::string*> fields[] = {
      {"symptom", &found.symptom}, {"system", &found.system}, {"version", &found.version}};
  for (const auto& [key, to] : fields) {
    if (!json.is_object() || !json.contains(key) || !json[key].is_string())
      throw UserError((folder / "finding.json").string() + ": is no finding of mobster");
    *to = json[key].get<std::string>();
  }
  return found;
}

bool is_finding(const fs::path& folder) {
  std::error_code none;
  return fs::exists(folder / "finding.json", none);
}

std::vector<fs::path> find_findings(const std::vector<std::string>& words) {
  std::vector<fs::path> found;
  for (const std::string& word : words) {
    if (is_finding(word)) {
      found.emplace_back(word);
      continue;
    }
    std::vector<fs::path> inner;
    for (const fs::path& folder :
         {fs::path(word), fs::path(word) / "findings", fs::path(word) / "regressions"}) {
      std::error_code none;
      for (const auto& entry : fs::directory_iterator(folder, none))
        if (is_finding(entry.path()) && !is_half(entry.path())) inner.push_back(entry.path());
    }
    if (inner.empty()) throw UserError(word + ": no finding is here (there is no finding.json)");
    std::sort(inner.begin(), inner.end());
    found.insert(found.end(), inner.begin(), inner.end());
  }
  return found;
}

}  // namespace mob
