#include "corpus/import_models.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "corpus/finding_folder.h"
#include "corpus/models.h"
#include "corpus/triage.h"
#include "fuzzer/base/check.h"
#include "fuzzer/probes/limits.h"
#include "fuzzer/triage/describe.h"

namespace mob {
namespace {

namespace fs = std::filesystem;

// The finding that a model is in one version, written below `scratch` and reduced there; nothing where it is
// none that a fresh process confirms.
std::optional<fs::path> finding_of(const ModelToImport& model, const System& system, const fs::path& scratch,
                                   const AddOptions& o) {
  const Case c = load_case(model.folder, 0);
  if (judge_version(c, evaluate(c), system, o.limits).result != AtVersion::Result::kBad) return std::nullopt;
  Judge judge(system, {.configurations = thorough_configurations(), .limits = o.limits});
  const Judged judged = judge.judge(c);
  if (!judged.verdict.finding) return std::nullopt;
  const Cause cause = find_cause(judge, c, judged);
  const std::string name = model.folder.filename().string();
  write_finding(scratch, {.name = name,
                          .c = &c,
                          .judged = &judged,
                          .cause = cause,
                          .signature = model.folder.string(),  // until it is reduced
                          .system = system.name,
                          .version = system.version});
  triage_finding({&judge}, scratch / name, {});
  return scratch / name;
}

std::optional<fs::path> newest_finding(const ModelToImport& model, const fs::path& scratch,
                                       const AddOptions& o) {
  for (auto system = o.versions.rbegin(); system != o.versions.rend(); ++system)
    if (auto finding = finding_of(model, *system, scratch, o)) return finding;
  return std::nullopt;
}

class Scratch {
 public:
  Scratch() : path_(fs::temp_directory_path() / ("mobster-import-" + std::to_string(getpid()))) {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  ~Scratch() {
    std::error_code none;
    fs::remove_all(path_, none);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace

std::vector<ModelToImport> models_to_import(const std::vector<std::string>& words) {
  std::vector<ModelToImport> models;
  for (const fs::path& path : find_models(words)) {
    const fs::path clean = fs::absolute(path).lexically_normal();
    ModelToImport model{.folder = clean.filename().empty() ? clean.parent_path() : clean};
    if (std::ifstream in(model.folder / "case.json"); in) {
      const auto json = nlohmann::json::parse(in, nullptr, false);
      if (!json.is_object()) throw UserError((model.folder / "case.json").string() + ": is no JSON object");
      const auto text = [&](const char* key) {
        return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
      };
      model.reference = text("reference");
      model.note = text("title");
    }
    models.push_back(std::move(model));
  }
  return models;
}

std::vector<Added> import_models(const fs::path& corpus, const std::vector<ModelToImport>& models,
                                 const AddOptions& options) {
  AddOptions o = options;
  for (System& system : o.versions)
    if (system.max_opset == 0) system = with_limits(std::move(system));
  const Scratch scratch;
  std::vector<std::optional<fs::path>> findings(models.size());
  o.executor.run(models.size(), [&](std::size_t task, int) {
    const fs::path own = scratch.path() / std::to_string(task);  // two may have the same name
    fs::create_directories(own);
    findings[task] = newest_finding(models[task], own, o);
  });
  std::vector<Added> added;
  for (std::size_t i = 0; i < models.size(); ++i) {
    const std::string name = models[i].folder.filename().string();
    if (!findings[i]) {
      added.push_back({.finding = models[i].folder, .left_out = "bad in none of the versions at hand"});
      continue;
    }
    o.from = options.from.empty() ? name : options.from + "/" + name;
    o.reference = options.reference.empty() ? models[i].reference : options.reference;
    o.note = options.note.empty() ? models[i].note : options.note;
    added.push_back(add_cases(corpus, {*findings[i]}, o).front());
    added.back().finding = models[i].folder;
  }
  return added;
}

}  // namespace mob
