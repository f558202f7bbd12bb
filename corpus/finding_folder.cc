#include "corpus/finding_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "fuzzer/base/hash.h"
#include "fuzzer/base/machine.h"
#include "fuzzer/base/text.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/triage/describe.h"
#include "repro_py.h"

namespace mob {
namespace {

namespace fs = std::filesystem;

constexpr const char* kParentFile = "parent.onnx";

void sync_path(const fs::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  const int failed = fsync(fd);
  const int why = errno;
  close(fd);
  // Some file systems do not sync folders; a full disk is another matter.
  if (failed != 0 && (why == ENOSPC || why == EIO || why == EDQUOT))
    throw UserError(path.string() + ": " + std::strerror(why));
}

void write_text(const fs::path& file, std::string_view text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw UserError(file.string() + ": cannot be written: " + std::strerror(errno));
}

// The bound of each element around the stored, rounded value; infinite where it is open.
Tensor bounds_of(const Expected& x, const Tensor& stored) {
  std::vector<double> bounds(x.count());
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    bounds[i] = x.open_at(i) ? kInfinity<double> : x.bound_at(i);
    if (x.holds_reals())
      if (const double off = std::fabs(stored.real_at(static_cast<std::int64_t>(i)) - x.value_at(i)); off > 0)
        bounds[i] += off;
  }
  return Tensor::of(DType::kDouble, x.type.dims, bounds);
}

// What the system returned where the finding shows first, and in which data set's run.
struct Actual {
  const std::vector<Output>* outputs = nullptr;  // null: it returned nothing
  std::size_t set = 0;
};
Actual actual_of(const FindingRecord& r) {
  const Judged& j = *r.judged;
  const std::size_t at = lowest_bad(j), binding = j.verdict.finding->binding;
  if (binding == 0) return {&outputs_of(j.outcomes, at), 0};
  // Runs at other sizes belong to the session that ran the first.
  const auto& runs = j.outcomes[at].bindings;
  if (binding > runs.size()) return {};
  return {&runs[binding - 1].outputs, binding > r.c->bindings.size() ? 0 : binding};
}

void save_actual(const FindingRecord& r, const fs::path& folder) {
  const Actual actual = actual_of(r);
  if (actual.outputs == nullptr) return;
  const fs::path data = folder / fmt::format("test_data_set_{}", actual.set);
  for (std::size_t o = 0; o < actual.outputs->size(); ++o)
    if (const Output& output = (*actual.outputs)[o]; output.is_tensor)
      save_tensor(output.tensor, output.name, data / fmt::format("actual_{}.pb", o));
}

nlohmann::ordered_json to_json(const Derivation& step) {
  return {{"file", kParentFile}, {"mutator", step.mutator},
          {"kind", step.kind},   {"settings", step.settings},
          {"tool", step.tool},   {"promise", promise_in_words(step.promise)}};
}

nlohmann::ordered_json to_json(const FindingRecord& r) {
  const Finding& f = *r.judged->verdict.finding;
  nlohmann::ordered_json out;
  out["schema"] = kFindingSchema;
  out["name"] = r.name;
  out["signature"] = r.signature;
  const nlohmann::ordered_json found = finding_json(f, *r.judged);
  for (const auto& [key, value] : found.items())
    if (key != "passes") out[key] = value;
  out["passes"] = r.cause.cures;
  out["fired"] = found.at("passes");
  out["configuration"] = {{"name", r.cause.bad.name()},
                          {"level", r.cause.bad.level},
                          {"reload", r.cause.bad.reload},
                          {"runs", r.cause.bad.runs}};
  out["reduced"] = r.reduced;
  const FoundGuard* guard = telling(r.guards);
  out["guard"] = guard != nullptr ? guard->words : "";
  for (auto& list = out["guards"] = nlohmann::ordered_json::array(); const FoundGuard& g : r.guards)
    list.push_back({{"words", g.words}, {"kind", name(g.place.kind)}, {"fires", g.fires}});
  if (r.blame != nullptr) {
    const nlohmann::ordered_json blame = blame_json(*r.blame);
    out["minimal_sets"] = blame.at("passes");
    for (const char* key : {"bad_versions", "good_versions", "not_runnable", "unclear", "versions_in_words",
                            "culprit", "culprit_why", "first_bad_tensor"})
      out[key] = blame.at(key);
  }
  out["random"] = r.judged->reference.random;
  out["system"] = r.system;
  out["version"] = r.version;
  out["isa"] = isa();
  out["mobster"] = version();
  out["confirmed"] = true;
  out["operators"] = operators_of(r.c->model.graph);
  out["nodes"] = r.c->model.graph.nodes.size();
  out["opset"] = r.c->model.opset();
  out["motif"] = r.motif.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(r.motif);
  out["broken_guards"] = r.broken_guards;
  out["lineage"] = r.c->lineage;
  out["parent"] = r.step != nullptr ? to_json(*r.step) : nlohmann::ordered_json(nullptr);
  out["seed"] = r.seed;
  out["index"] = r.index;
  out["also"] = nlohmann::ordered_json::array();
  for (const Finding& other : r.judged->also) out["also"].push_back(finding_json(other, *r.judged));
  return out;
}

// What a maintainer should know who compares the two models.
std::string about_parent(const Derivation& step, bool cut) {
  std::string text =
      fmt::format("\n`{}` is `{}` before {} ({}{}{}); it does not show the finding. Promised of it:\n\n",
                  kParentFile, cut ? "original.onnx" : "model.onnx",
                  step.tool.empty() ? step.mutator : step.tool + ", " + step.mutator, step.kind,
                  step.settings.empty() ? "" : ": ", step.settings);
  for (const std::string& words : promise_in_words(step.promise)) text += "- " + words + "\n";
  return text;
}

std::string readme(const FindingRecord& r) {
  const Finding& f = *r.judged->verdict.finding;
  std::string text = fmt::format(
      "# {}\n\n{} {}: **{}** at {}, class {}.\n\n    {}\n\n", r.name, r.system, r.version, name(f.symptom),
      join(level_names(f, r.judged->configurations), ", "), name(f.cls), f.message);
  text += r.cause.cures.empty() ? "No single pass or rewrite rule cures it when it is disabled.\n"
                                : "Disabling any one of these cures it: " + join(r.cause.cures, ", ") + ".\n";
  if (r.blame != nullptr && !r.blame->versions.words.empty())
    text += fmt::format("Of the versions tried: {}.\n", r.blame->versions.words);
  if (r.blame != nullptr && r.blame->culprit != Culprit::kUnknown)
    text += fmt::format("Culprit: {} ({}).\n", name(r.blame->culprit), r.blame->culprit_why);
  if (const FoundGuard* guard = telling(r.guards)) text += "It " + guard->words + ".\n";
  if (!r.motif.empty())
    text +=
        fmt::format("Generated from motif `{}`{}.\n", r.motif,
                    r.broken_guards.empty() ? ", whole" : ", broken guards: " + join(r.broken_guards, ", "));
  text += fmt::format("\nOperators: {}\n\n", join(operators_of(r.c->model.graph), " "));
  text +=
      "- `python repro.py` prints REPRODUCED where the installed onnxruntime has the bug (needs onnxruntime, "
      "onnx, numpy).\n"
      "- `mobster replay .` judges it with any installed version (`--system onnxruntime@VERSION`).\n"
      "- `test_data_set_0/output_*.pb` is the right answer, `bound_*.pb` how far a correct kernel may be "
      "from it "
      "(infinite: open).\n";
  if (!r.c->bindings.empty())
    text +=
        "- It takes one session that runs `test_data_set_0`, then the other data sets in their order, then "
        "`test_data_set_0` again: other sizes of its symbolic dimensions.\n";
  if (!r.optimized.empty())
    text += "- `optimized.onnx` is the model as it is saved at " + r.cause.bad.name() + ".\n";
  if (r.original != nullptr) text += "- `original.onnx` is the model before it was cut down.\n";
  if (r.step != nullptr) text += about_parent(*r.step, r.original != nullptr);
  text += "\n```\n" + to_text(r.c->model) + "\n```\n";
  return text;
}

}  // namespace

std::string finding_name(Symptom symptom, const std::vector<std::string>& cures,
                         const std::vector<std::string>& operators, const std::string& signature) {
  std::string name(mob::name(symptom));
  name += "-" + (cures.empty() ? std::string("unknown") : cures.front());
  for (std::size_t i = 0; i < operators.size() && i < 4; ++i) name += "-" + operators[i];
  for (char& ch : name)
    if (!std::isalnum(static_cast<unsigned char>(ch)) && ch != '-' && ch != '_') ch = '_';
  return name.substr(0, 110) + "-" + hex64(hash64(signature)).substr(0, 6);
}

void write_file_whole(const fs::path& file, std::string_view text) {
  const fs::path half = file.parent_path() / (".half-" + file.filename().string());
  write_text(half, text);
  sync_path(half);
  std::error_code error;
  fs::rename(half, file, error);
  if (error) throw UserError(file.string() + ": cannot be written: " + error.message());
}

void publish_folder(const fs::path& half, const fs::path& goal) {
  for (const auto& entry : fs::recursive_directory_iterator(half)) sync_path(entry.path());
  sync_path(half);
  fs::rename(half, goal);
  sync_path(goal.parent_path());
}

bool is_half(const fs::path& folder) {
  return folder.filename().string().starts_with(".half-");
}

std::uint64_t folder_size(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code none;
  for (auto at = fs::recursive_directory_iterator(folder, none); at != fs::recursive_directory_iterator();
       at.increment(none)) {
    if (none) break;
    if (at->is_regular_file(none)) bytes += at->file_size(none);
  }
  return bytes;
}

void write_finding(const fs::path& folder, const FindingRecord& r) {
  const fs::path goal = folder / r.name, half = folder / (".half-" + r.name);
  std::error_code error;
  if (fs::exists(goal / "finding.json", error)) return;
  fs::remove_all(half, error);
  try {
    save_case(*r.c, half);
    if (r.original != nullptr) save_model(r.original->model, half / "original.onnx");
    if (r.step != nullptr) save_model(r.step->parent->model, half / kParentFile);
    const Graph& g = r.c->model.graph;
    const auto save_outputs = [&](const Reference& reference, std::size_t set) {
      const fs::path data = half / fmt::format("test_data_set_{}", set);
      for (std::size_t o = 0; o < reference.outputs.size(); ++o) {
        const Expected& x = reference.outputs[o];
        const Tensor stored = rounded(x);
        save_tensor(stored, g[g.outputs[o]].name, data / fmt::format("output_{}.pb", o));
        if (x.type.dtype != DType::kString)
          save_tensor(bounds_of(x, stored), g[g.outputs[o]].name, data / fmt::format("bound_{}.pb", o));
      }
    };
    const Reference& reference = r.judged->reference;
    save_outputs(reference, 0);
    for (std::size_t b = 0; b < std::min(r.c->bindings.size(), reference.bindings.size()); ++b)
      save_outputs(reference.bindings[b], b + 1);
    save_actual(r, half);
    if (!r.optimized.empty()) write_text(half / "optimized.onnx", r.optimized);
    write_text(half / "README.md", readme(r));
    write_text(half / "repro.py", kReproPy);
    write_text(half / "finding.json",
               to_json(r).dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
    publish_folder(half, goal);
  } catch (const fs::filesystem_error& e) {
    fs::remove_all(half, error);
    throw UserError(goal.string() + ": cannot be written: " + e.code().message());
  } catch (...) {
    fs::remove_all(half, error);
    throw;
  }
}

}  // namespace mob
