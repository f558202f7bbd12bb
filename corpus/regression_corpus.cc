#include "corpus/regression_corpus.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <tuple>

#include "corpus/finding_folder.h"
#include "corpus/read_finding.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/date.h"
#include "fuzzer/base/machine.h"
#include "fuzzer/probes/limits.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Json finding_json(const fs::path& folder) {
  std::ifstream in(folder / "finding.json");
  return Json::parse(in, nullptr, false);
}

// A campaign knows seed and index of the finding, not of its reduced form.
Provenance provenance_of(const fs::path& finding, const AddOptions& o) {
  const Json json = finding_json(finding);
  return {.from = o.from.empty() ? "campaign" : o.from,
          .reference = o.reference,
          .seed = json.value("seed", std::uint64_t{0}),
          .index = json.value("index", std::uint64_t{0}),
          .version = json.value("version", ""),
          .mobster = json.value("mobster", "")};
}

// A finding on its way into the corpus.
struct Candidate {
  fs::path finding;     // with what the campaign knows
  RegressionCase form;  // what is taken of it
  std::string name;
};

Candidate candidate_of(fs::path finding) {
  finding = fs::absolute(finding).lexically_normal();
  if (finding.filename().empty()) finding = finding.parent_path();
  if (finding.filename() == "reduced" && is_finding(finding.parent_path())) finding = finding.parent_path();
  const fs::path reduced = finding / "reduced";
  Candidate c{.finding = finding, .form = read_case(is_finding(reduced) ? reduced : finding)};
  const auto symptom = read_finding(c.form.folder).kind();
  if (!symptom)
    throw UserError((finding / "finding.json").string() + ": no symptom is called '" + c.form.symptom + "'");
  c.name = finding_name(*symptom, c.form.passes, c.form.operators, c.form.signature);
  return c;
}

// Where models were on somebody's machine is nobody's business.
void forget_paths(Json& lineage) {
  for (Json& step : lineage) {
    const fs::path path = step.is_string() ? step.get<std::string>() : std::string();
    if (path.is_absolute())
      step = (path.filename() == "model.onnx" ? path.parent_path() : path).filename().string();
  }
}

// The text of README.md under another name; the model as it was generated stays behind.
std::string retitled(const fs::path& readme, const std::string& name) {
  std::ifstream in(readme);
  std::string text = "# " + name + "\n", line;
  std::getline(in, line);
  while (std::getline(in, line))
    if (!line.starts_with("- `original.onnx`")) text += line + "\n";
  return text;
}

void write_case(const fs::path& corpus, const Candidate& c, const Regression& regression) {
  const fs::path goal = corpus / c.name, half = corpus / (".half-" + c.name);
  std::error_code error;
  try {
    fs::remove_all(half);
    fs::create_directories(half);
    for (const auto& entry : fs::directory_iterator(c.form.folder)) {
      const std::string file = entry.path().filename().string();
      if (file == "model.onnx" || file == "repro.py" || file.starts_with("test_data_set_"))
        fs::copy(entry.path(), half / file, fs::copy_options::recursive);
    }
    Json json = finding_json(c.form.folder);
    json["name"] = c.name;
    if (json.contains("lineage")) forget_paths(json["lineage"]);
    write_file_whole(half / "finding.json", json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
    write_regression(half, regression);
    write_file_whole(half / "README.md", retitled(c.form.folder / "README.md", c.name));
    publish_folder(half, goal);
  } catch (const fs::filesystem_error& e) {
    fs::remove_all(half, error);
    throw UserError(goal.string() + ": cannot be written: " + e.code().message());
  } catch (...) {
    fs::remove_all(half, error);
    throw;
  }
}

// Those to be judged; what is left out is said in `added`, which has one for each finding.
std::map<std::size_t, Candidate> candidates_of(const fs::path& corpus, const std::vector<fs::path>& findings,
                                               bool all, std::vector<Added>& added) {
  std::map<std::string, std::string> there;  // signature -> name
  std::set<std::string> names;
  for (const RegressionCase& c : read_corpus(corpus)) {
    there.emplace(c.signature, c.name);
    names.insert(c.name);
  }
  std::map<std::size_t, Candidate> candidates;
  for (const fs::path& finding : findings) {
    Candidate c = candidate_of(finding);
    added.push_back({.finding = finding, .name = c.name});
    const auto same = there.find(c.form.signature);
    if (same != there.end() && !all) {
      added.back().name = same->second;
      added.back().left_out = "a case of its signature is there: " + same->second;
      continue;
    }
    const std::string name = c.name;
    for (int n = 2; names.contains(c.name); ++n) c.name = name + "-" + std::to_string(n);
    names.insert(added.back().name = c.name);
    there.emplace(c.form.signature, c.name);
    candidates.emplace(added.size() - 1, std::move(c));
  }
  return candidates;
}

}  // namespace

std::vector<RegressionCase> read_corpus(const fs::path& corpus) {
  std::vector<RegressionCase> cases;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(corpus, none)) {
    if (!is_finding(entry.path()) || is_half(entry.path())) continue;
    cases.push_back(read_case(entry.path()));
    if (cases.back().plain)
      throw UserError(entry.path().string() +
                      ": is a finding, but no regression case: take it in with `mobster corpus add`");
  }
  std::sort(cases.begin(), cases.end(),
            [](const RegressionCase& a, const RegressionCase& b) { return a.name < b.name; });
  return cases;
}

std::vector<RegressionCase> require_corpus(const fs::path& corpus) {
  std::vector<RegressionCase> cases = read_corpus(corpus);
  if (cases.empty())
    throw UserError(corpus.string() + ": no regression case is here (see `mobster corpus add`)");
  return cases;
}

std::vector<Added> add_cases(const fs::path& corpus, const std::vector<fs::path>& findings,
                             const AddOptions& o) {
  std::vector<Added> added;
  const std::map<std::size_t, Candidate> candidates = candidates_of(corpus, findings, o.all, added);
  std::vector<RegressionCase> forms;
  for (const auto& [i, c] : candidates) {
    Regression& r = added[i].regression;
    r = c.form.plain ? Regression{.provenance = provenance_of(c.finding, o),
                                  .isa = std::string(isa()),
                                  .added = today()}
                     : c.form.regression;
    if (!o.note.empty()) r.note = o.note;
    forms.push_back(c.form);
  }
  for (const System& system : o.versions) {
    if (forms.empty()) break;
    const System version = system.max_opset > 0 ? system : with_limits(system);
    const std::vector<AtVersion> at = judge_cases(forms, version, o.limits, o.executor);
    std::size_t form = 0;
    for (const auto& [i, c] : candidates)
      take_down(added[i].regression, system.name, system.version, at[form++].result);
  }
  for (const auto& [i, c] : candidates) {
    const auto& versions = added[i].regression.versions;
    const bool bad =
        std::any_of(versions.begin(), versions.end(), [](const auto& v) { return !v.second.bad.empty(); });
    if (bad)
      write_case(corpus, c, added[i].regression);
    else
      added[i].left_out = "bad in none of the versions at hand";
  }
  return added;
}

std::vector<Surplus> surplus_of(const std::vector<RegressionCase>& cases) {
  std::map<std::string, std::vector<const RegressionCase*>> by_signature;
  for (const RegressionCase& c : cases) by_signature[c.signature].push_back(&c);
  std::vector<Surplus> surplus;
  for (auto& [signature, same] : by_signature) {
    const auto size = [](const RegressionCase* c) {
      return std::tuple(c->nodes, folder_size(c->folder), c->name);
    };
    std::sort(same.begin(), same.end(),
              [&](const RegressionCase* a, const RegressionCase* b) { return size(a) < size(b); });
    for (std::size_t i = 1; i < same.size(); ++i) surplus.push_back({*same[i], same[0]->name});
  }
  return surplus;
}

void remove_case(const RegressionCase& c) {
  // Out of sight at once: a case is there whole or not at all.
  const fs::path half = c.folder.parent_path() / (".half-" + c.name);
  std::error_code error;
  fs::rename(c.folder, half, error);
  if (!error) fs::remove_all(half, error);
  if (error) throw UserError(c.folder.string() + ": cannot be removed: " + error.message());
}

}  // namespace mob
