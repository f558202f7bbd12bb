#include "corpus/models.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "corpus/finding_folder.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/hash.h"
#include "fuzzer/generator/inputs.h"
#include "fuzzer/graph/model_io.h"

namespace mob {
namespace {

namespace fs = std::filesystem;

bool is_model_file(const fs::path& p) {
  return p.extension() == ".onnx" || p.extension() == ".onnxtxt";
}

void search(const fs::path& folder, std::vector<fs::path>& found) {
  if (fs::exists(folder / "model.onnx")) {
    found.push_back(folder);
    return;
  }
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  for (const fs::path& p : entries) {
    if (is_half(p)) continue;
    if (fs::is_directory(p))
      search(p, found);
    else if (is_model_file(p))
      found.push_back(p);
  }
}

Model read_model(const fs::path& file) {
  if (file.extension() != ".onnxtxt") return load_model(file);
  std::ifstream in(file);
  if (!in) throw UserError(file.string() + ": cannot be read");
  std::stringstream text;
  text << in.rdbuf();
  try {
    return parse_text(text.str());
  } catch (const UserError& e) {
    throw UserError(file.string() + ": " + e.what());
  }
}

}  // namespace

std::vector<fs::path> find_models(const std::vector<std::string>& words) {
  std::vector<fs::path> found;
  for (const std::string& word : words) {
    std::error_code error;
    const auto status = fs::status(word, error);
    if (!fs::exists(status)) throw UserError(word + ": no such file or folder");
    if (!fs::is_directory(status)) {
      found.emplace_back(word);
      continue;
    }
    const std::size_t before = found.size();
    try {
      search(word, found);
    } catch (const fs::filesystem_error& e) {
      throw UserError(word + ": " + e.code().message());
    }
    if (found.size() == before)
      throw UserError(word + ": no model in this folder (looked for model.onnx, *.onnx, *.onnxtxt)");
  }
  return found;
}

Case load_case(const fs::path& path, std::uint64_t seed) {
  Case c;
  const bool folder = fs::is_directory(path);
  const fs::path file = folder ? path / "model.onnx" : path;
  c.model = read_model(file);
  c.lineage = {file.string()};
  const Graph& graph = c.model.graph;
  // Test data beside a single file count only if the file is called model.onnx.
  const auto data_set = [&](std::size_t i) {
    return file.parent_path() / ("test_data_set_" + std::to_string(i));
  };
  const fs::path data = data_set(0);
  const bool has_data = file.filename() == "model.onnx" && fs::is_directory(data);
  std::vector<ValueId> wanted;  // inputs come in the order of those without a default, as ONNX's runners do
  for (ValueId v : graph.inputs)
    if (!graph[v].initializer) wanted.push_back(v);
  if (has_data && fs::exists(data / ("input_" + std::to_string(wanted.size()) + ".pb")))
    wanted = graph.inputs;
  if (has_data) {
    const auto load_inputs = [&](const fs::path& set) {
      Inputs inputs;
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        const fs::path input = set / ("input_" + std::to_string(i) + ".pb");
        if (!fs::exists(input)) {
          if (graph[wanted[i]].initializer) continue;
          throw UserError(input.string() + ": missing, the model has an input '" + graph[wanted[i]].name +
                          "'");
        }
        Tensor given = load_tensor(input);
        // A file that says what the default says anyway: the input stays left out.
        const auto& initializer = graph[wanted[i]].initializer;
        if (initializer && initializer->identical(given)) continue;
        inputs[graph[wanted[i]].name] = std::move(given);
      }
      return inputs;
    };
    c.inputs = load_inputs(data);
    for (std::size_t i = 1; fs::is_directory(data_set(i)); ++i)
      c.bindings.push_back(load_inputs(data_set(i)));
    for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
      const fs::path output = data / ("output_" + std::to_string(i) + ".pb");
      if (!fs::exists(output)) continue;
      try {
        c.witness[graph[graph.outputs[i]].name] = load_tensor(output);
      } catch (const UserError&) {  // a sequence or optional: no witness for it
      }
    }
    return c;
  }
  Rng rng(seed, 0);
  try {
    c.inputs = draw_inputs(c.model, rng);
  } catch (const UserError& e) {
    throw UserError(file.string() + ": " + e.what());
  }
  return c;
}

}  // namespace mob
