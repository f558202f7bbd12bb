#include "fuzzer/report/report_data.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "corpus/read_finding.h"
#include "corpus/triage.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = std::vector<std::string>;

Json read_json(const fs::path& file) {
  std::ifstream in(file);
  Json json = Json::parse(in, nullptr, false);
  if (!json.is_object()) throw UserError(file.string() + ": is damaged");
  return json;
}

std::string text(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
}

Words words(const Json& json, const char* key) {
  return json.value(key, Words());
}

void read_versions(const Json& json, ReportFinding& f) {
  for (const std::string& v : words(json, "bad_versions")) f.at_version.emplace_back(v, "bad");
  for (const std::string& v : words(json, "good_versions")) f.at_version.emplace_back(v, "good");
  for (const auto& [key, result] : {std::pair("not_runnable", "not-runnable"), {"unclear", "unclear"}})
    if (const auto at = json.find(key); at != json.end() && at->is_object())
      for (const auto& [version, why] : at->items()) f.at_version.emplace_back(version, result);
  std::sort(f.at_version.begin(), f.at_version.end(),
            [](const auto& a, const auto& b) { return version_less(a.first, b.first); });
  f.versions = text(json, "versions_in_words");
}

void read_blame(const Json& json, ReportFinding& f) {
  read_versions(json, f);
  f.guard = text(json, "guard");
  f.culprit = text(json, "culprit");
  f.culprit_why = text(json, "culprit_why");
  f.minimal_sets = json.value("minimal_sets", decltype(f.minimal_sets)());
  if (const auto at = json.find("first_bad_tensor"); at != json.end() && at->is_object()) {
    f.first_bad_value = text(*at, "value");
    f.first_bad_node = text(*at, "operator") + " " + text(*at, "node");
  }
}

void read_origin(const Json& json, ReportFinding& f) {
  f.motif = text(json, "motif");
  f.broken_guards = words(json, "broken_guards");
  f.seed = json.value("seed", std::uint64_t{0});
  f.index = json.value("index", std::uint64_t{0});
}

void read_shown(const Json& json, ReportFinding& f) {
  f.signature = json.at("signature");
  f.symptom = json.at("symptom");
  f.cls = json.at("class");
  f.stage = text(json, "stage");
  f.kind = text(json, "kind");
  f.oracle = text(json, "oracle");
  f.message = one_line(text(json, "message"), 600);
  f.levels = words(json, "levels");
  f.passes = words(json, "passes");
  f.operators = words(json, "operators");
  f.configuration = text(json.value("configuration", Json::object()), "name");
  if (const auto at = json.find("excess"); at != json.end() && at->is_number()) f.excess = at->get<double>();
  f.nodes = json.value("nodes", std::size_t{0});
  f.opset = json.value("opset", std::int64_t{0});
  f.system = text(json, "system");
  f.version = text(json, "version");
  f.isa = text(json, "isa");
  read_blame(json, f);
}

// Whatever is wrong with its files becomes one line.
ReportFinding read_one(const fs::path& folder) try {
  ReportFinding f;
  f.folder = f.shown = folder;
  f.name = fs::absolute(folder).lexically_normal().filename();
  if (f.name.empty()) f.name = fs::absolute(folder).lexically_normal().parent_path().filename();
  const Json found = read_json(folder / "finding.json");
  if (const auto t = read_triage(folder)) {
    f.triaged = true;
    f.reduced = t->reduced;
    f.why_not = t->why_not;
  }
  if (f.reduced) f.shown /= "reduced";
  read_shown(f.reduced ? read_json(f.shown / "finding.json") : found, f);
  read_origin(found, f);
  return f;
} catch (const Json::exception&) {
  throw UserError((folder / "finding.json").string() + ": is no finding of mobster");
}

// Bugs of what is triaged; what is not stands for itself, behind them.
void gather_bugs(const std::vector<KnownBug>& known, ReportData& data) {
  std::vector<fs::path> triaged;
  std::map<fs::path, std::size_t> at;
  for (std::size_t i = 0; i < data.findings.size(); ++i) {
    at[data.findings[i].folder] = i;
    if (data.findings[i].triaged) triaged.push_back(data.findings[i].folder);
  }
  for (const Bug& bug : bugs_of(triaged, known)) {
    ReportBug b{bug.signature, {}, bug.known};
    for (const Triaged& t : bug.findings) b.findings.push_back(at.at(t.finding));
    data.bugs.push_back(std::move(b));
  }
  for (std::size_t i = 0; i < data.findings.size(); ++i)
    if (const std::string& signature = data.findings[i].signature; !data.findings[i].triaged)
      data.bugs.push_back({signature, {i}, find_known(known, signature)});
  for (std::size_t b = 0; b < data.bugs.size(); ++b)
    for (std::size_t i : data.bugs[b].findings) data.findings[i].bug = b;
}

void read_campaign(const std::string& folder, ReportData& data) {
  Journal journal(folder, Journal::Mode::kRead);
  data.status = read_status(journal);
  std::map<std::string, std::uint64_t> cases;
  for (const auto& row : data.status->groups) cases[row.group.name] = row.cases;
  for (ReportFinding& f : data.findings)
    if (const auto at = cases.find(f.name); at != cases.end()) f.cases = at->second;
}

// A running campaign renames complete folders into place: what it is still writing begins with a dot.
std::vector<fs::path> findings_in(const std::string& word) {
  std::error_code none;
  const bool campaign = fs::exists(fs::path(word) / "journal.sqlite", none);
  std::vector<fs::path> found;
  try {
    found = find_findings({word});
  } catch (const UserError&) {
    if (!campaign) throw;
  }
  std::erase_if(found, [](const fs::path& p) { return p.filename().string().starts_with(".half-"); });
  return found;
}

}  // namespace

std::size_t ReportData::triaged() const {
  return static_cast<std::size_t>(
      std::count_if(findings.begin(), findings.end(), [](const auto& f) { return f.triaged; }));
}

std::uint64_t ReportData::ledger_sum() const {
  std::uint64_t sum = 0;
  if (status)
    for (const auto& [key, cases] : status->ledger) sum += cases;
  return sum;
}

std::size_t ReportData::bugs_in_state(const std::string& state) const {
  return static_cast<std::size_t>(std::count_if(
      bugs.begin(), bugs.end(), [&](const ReportBug& b) { return b.known && b.known->state == state; }));
}

ReportData read_report(const std::vector<std::string>& folders, const fs::path& known) {
  ReportData data;
  data.title = join(folders, ", ");
  for (const std::string& word : folders)
    for (const fs::path& folder : findings_in(word)) try {
        data.findings.push_back(read_one(folder));
      } catch (const UserError& e) {
        data.broken.push_back(one_line(e.what()));
      }
  gather_bugs(load_known_bugs(known), data);
  // Figures of several campaigns would have no meaning side by side.
  if (folders.size() == 1 && fs::exists(fs::path(folders.front()) / "journal.sqlite"))
    read_campaign(folders.front(), data);
  return data;
}

std::string known_words(const ReportBug& bug) {
  if (!bug.known) return "";
  std::string words = bug.known->state;
  for (const std::string& part : {bug.known->reference, bug.known->because})
    if (!part.empty()) words += ": " + part;
  return words;
}

}  // namespace mob
