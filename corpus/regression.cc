#include "corpus/regression.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "corpus/finding_folder.h"
#include "fuzzer/base/check.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Json read_json(const fs::path& file) {
  std::ifstream in(file);
  if (!in) throw UserError(file.parent_path().string() + ": no finding is here (there is no finding.json)");
  Json json = Json::parse(in, nullptr, false);
  if (!json.is_object()) throw UserError(file.string() + ": is no finding of mobster");
  return json;
}

Json to_json(const Regression& r) {
  const Provenance& p = r.provenance;
  return {{"versions", versions_json(r)},
          {"provenance",
           {{"from", p.from},
            {"reference", p.reference},
            {"seed", p.seed},
            {"index", p.index},
            {"version", p.version},
            {"mobster", p.mobster}}},
          {"isa", r.isa},
          {"added", r.added},
          {"note", r.note}};
}

Regression from_json(const Json& json) {
  Regression r;
  for (const auto& [system, known] : json.at("versions").items())
    r.versions[system] = {known.at("bad_versions").get<std::vector<std::string>>(),
                          known.at("good_versions").get<std::vector<std::string>>()};
  const Json& p = json.at("provenance");
  r.provenance = {p.value("from", ""),
                  p.value("reference", ""),
                  p.value("seed", std::uint64_t{0}),
                  p.value("index", std::uint64_t{0}),
                  p.value("version", ""),
                  p.value("mobster", "")};
  r.isa = json.value("isa", "");
  r.added = json.value("added", "");
  r.note = json.value("note", "");
  return r;
}

bool contains(const std::vector<std::string>& versions, const std::string& version) {
  return std::find(versions.begin(), versions.end(), version) != versions.end();
}

}  // namespace

nlohmann::ordered_json versions_json(const Regression& regression) {
  Json versions = Json::object();
  for (const auto& [system, known] : regression.versions)
    versions[system] = {{"bad_versions", known.bad}, {"good_versions", known.good}};
  return versions;
}

std::optional<Regression> read_regression(const fs::path& folder) {
  const fs::path file = folder / "finding.json";
  const Json json = read_json(file);
  if (!json.contains("regression")) return std::nullopt;
  try {
    return from_json(json["regression"]);
  } catch (const nlohmann::json::exception& e) {
    throw UserError(file.string() + ": its \"regression\" is damaged: " + e.what());
  }
}

void write_regression(const fs::path& folder, const Regression& regression) {
  Json json = read_json(folder / "finding.json");
  json["regression"] = to_json(regression);
  write_file_whole(folder / "finding.json", json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
}

bool expected_bad(const Regression& regression, const std::string& system, const std::string& version) {
  const auto found = regression.versions.find(system);
  if (found == regression.versions.end()) return false;
  const KnownVersions& known = found->second;
  if (contains(known.bad, version)) return true;
  if (contains(known.good, version)) return false;
  std::vector<std::pair<std::string, bool>> all;
  for (const std::string& v : known.good) all.emplace_back(v, false);
  for (const std::string& v : known.bad) all.emplace_back(v, true);
  if (all.empty()) return false;
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return version_less(a.first, b.first); });
  const auto newer =
      std::find_if(all.begin(), all.end(), [&](const auto& v) { return version_less(version, v.first); });
  return newer == all.begin() ? newer->second : std::prev(newer)->second;
}

bool take_down(Regression& regression, const std::string& system, const std::string& version,
               AtVersion::Result result) {
  if (result != AtVersion::Result::kBad && result != AtVersion::Result::kGood) return false;
  KnownVersions& known = regression.versions[system];
  const bool bad = result == AtVersion::Result::kBad;
  std::vector<std::string>& to = bad ? known.bad : known.good;
  if (contains(to, version)) return false;
  std::erase(bad ? known.good : known.bad, version);
  to.insert(std::upper_bound(to.begin(), to.end(), version, version_less), version);
  return true;
}

}  // namespace mob
