#include "fuzzer/report/details.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/report/drawing.h"
#include "fuzzer/report/issue_text.h"
#include "fuzzer/report/packed.h"
#include "fuzzer/report/tensors.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::size_t kMostFiles = 96 << 10;  // bytes that go into a copied reproduction
constexpr std::size_t kMostText = 20000;      // letters of a model's text

// Both sides of the optimizer; the second one may be missing.
struct Sides {
  std::optional<Model> original, optimized;
};

std::optional<Model> read_model(const fs::path& file, Json& notes) {
  try {
    return infer_shapes(load_model(file));
  } catch (const UserError& e) {
    notes.push_back(one_line(e.what()));
    return std::nullopt;
  }
}

Sides read_sides(const ReportFinding& f, Json& notes) {
  Sides sides;
  sides.original = read_model(f.shown / "model.onnx", notes);
  std::error_code none;
  if (fs::exists(f.shown / "optimized.onnx", none))
    sides.optimized = read_model(f.shown / "optimized.onnx", notes);
  return sides;
}

void add_text(const ReportFinding& f, const Sides& sides, Json& out) {
  std::string text = sides.original ? to_text(*sides.original) : "";
  if (text.size() > kMostText)
    text = text.substr(0, kMostText) + "\n... (" + (f.shown / "model.onnx").string() + ")";
  const auto files = repro_files(f, kMostFiles);
  const std::string script = short_script(f, files);
  out["text"] = text;
  out["script"] = script;
  out["issue_title"] = issue_title(f);
  out["issue"] = issue_text(f, script, text.size() > kMostText ? "" : text);
  out["tracker"] = tracker_of(f);
  for (const auto& [path, bytes] : files)
    if (path != "repro.py") out["files"][path] = base64(bytes);
  if (files.empty())
    out["notes"].push_back("its files are too large to be copied as text: see " + f.shown.string());
}

void add_tensors(const ReportFinding& f, const Sides& sides, Json& out) try {
  std::vector<std::string> names;
  if (sides.original)
    for (ValueId v : sides.original->graph.outputs) names.push_back(sides.original->graph[v].name);
  out["tensors"] = compare_outputs(f.shown, names);
} catch (const UserError& e) {
  out["notes"].push_back(one_line(e.what()));
}

}  // namespace

std::vector<Json> details_of(const ReportData& data, const std::vector<std::size_t>& findings) {
  std::vector<Json> all;
  std::vector<Picture> pictures;
  std::vector<std::vector<std::size_t>> drawn_by;  // of each finding: its pictures
  for (const std::size_t i : findings) {
    const ReportFinding& f = data.findings[i];
    Json& out =
        all.emplace_back(Json{{"notes", Json::array()}, {"files", Json::object()}, {"tensors", nullptr}});
    const Sides sides = read_sides(f, out["notes"]);
    add_text(f, sides, out);
    add_tensors(f, sides, out);
    drawn_by.emplace_back();
    const Model* optimized = sides.optimized ? &*sides.optimized : nullptr;
    if (!sides.original) continue;
    drawn_by.back().push_back(pictures.size());
    pictures.push_back(picture_of(*sides.original, optimized, false, f.first_bad_value));
    if (optimized == nullptr) continue;
    drawn_by.back().push_back(pictures.size());
    pictures.push_back(picture_of(*optimized, &*sides.original, true, f.first_bad_value));
  }
  const std::vector<Json> drawn = draw(pictures);
  for (std::size_t k = 0; k < all.size(); ++k) {
    all[k]["graphs"] = Json::array();
    for (const std::size_t p : drawn_by[k])
      if (drawn[p].is_null())
        all[k]["notes"].push_back("no picture: Graphviz (dot) is missing or failed");
      else
        all[k]["graphs"].push_back(drawn[p]);
  }
  return all;
}

}  // namespace mob
