#include "fuzzer/report/issue_text.h"

#include <fmt/args.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "fuzzer/base/text.h"
#include "fuzzer/report/packed.h"

namespace mob {
namespace {

namespace fs = std::filesystem;

// The headings that the tracker's form asks for, with what stands under each.
struct Tracker {
  std::string_view system, address;
  std::vector<std::pair<std::string_view, std::string_view>> form;
};
const std::vector<Tracker>& trackers() {
  // Forms as of 2026-11 in the projects' .github/ISSUE_TEMPLATE.
  static const std::vector<Tracker> all = {
      {"onnxruntime",
       "https://github.com/microsoft/onnxruntime/issues/new?template=08-general.yml",
       {{"Describe the issue", "{describe}"},
        {"To reproduce", "{reproduce}"},
        {"Urgency", "{urgency}"},
        {"Platform", "Linux"},
        {"OS Version", "{os}"},
        {"ONNX Runtime Installation", "Released Package"},
        {"ONNX Runtime Version or Commit ID", "{version}"},
        {"ONNX Runtime API", "Python"},
        {"Architecture", "{architecture}"},
        {"Execution Provider", "Default CPU"},
        {"Execution Provider Library Version", "_No response_"}}},
      {"openvino",
       "https://github.com/openvinotoolkit/openvino/issues/new?template=bug.yml",
       {{"OpenVINO Version", "{version}"},
        {"Operating System", "{os}"},
        {"Device used for inference", "CPU"},
        {"Framework", "ONNX"},
        {"Issue description", "{describe}"},
        {"Step by step reproduction", "{reproduce}"}}},
      {"onnxsim",
       "https://github.com/daquexian/onnx-simplifier/issues/new",
       {{"Describe the bug", "{describe}"}, {"Model", "{reproduce}"}, {"Version", "{version} on {os}"}}}};
  return all;
}
const std::vector<std::pair<std::string_view, std::string_view>> kPlainForm = {
    {"What happens", "{describe}"}, {"To reproduce", "{reproduce}"}, {"Version", "{version} on {os}"}};

const Tracker* tracker(const ReportFinding& f) {
  const auto& all = trackers();
  const auto at =
      std::find_if(all.begin(), all.end(), [&](const Tracker& t) { return t.system == f.system; });
  return at == all.end() ? nullptr : &*at;
}

std::string file_bytes(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string operating_system() {
  std::ifstream in("/etc/os-release");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("PRETTY_NAME=\"")) return line.substr(13, line.size() - 14);
  return "Linux";
}

#if defined(__aarch64__)
constexpr const char* kArchitecture = "ARM64";
#elif defined(__x86_64__)
constexpr const char* kArchitecture = "X64";
#else
constexpr const char* kArchitecture = "Other / Unknown";
#endif

// Longer than any run of backquotes within.
std::string fenced(const std::string& text, const std::string& language) {
  std::string fence = "```";
  while (text.find(fence) != std::string::npos) fence += '`';
  return fence + language + "\n" + text + (text.ends_with("\n") ? "" : "\n") + fence + "\n";
}

std::string symptom_words(const std::string& symptom) {
  if (symptom == "wrong-numbers") return "wrong results";
  if (symptom == "wrong-structure") return "outputs of the wrong type or shape";
  if (symptom == "crash") return "failure";
  return symptom;
}

std::string guilty(const ReportFinding& f) {
  return f.passes.empty() ? "graph optimization" : f.passes.front();
}

std::string unique_operators(const ReportFinding& f) {
  std::vector<std::string> some;
  for (const std::string& op : f.operators)
    if (op != "Constant" && std::find(some.begin(), some.end(), op) == some.end()) some.push_back(op);
  if (some.size() > 4) some.resize(4);
  return join(some, ", ");
}

std::string describe(const ReportFinding& f, const std::string& model_text) {
  std::string text = fmt::format(
      "With graph optimization at level {}, this valid model gives {}; without "
      "optimization (ORT_DISABLE_ALL) it does not.\n\n",
      join(f.levels, ", "), symptom_words(f.symptom));
  if (f.system != "onnxruntime")
    text = fmt::format("Optimized ({}), this valid model gives {}; not optimized it does not.\n\n",
                       join(f.levels, ", "), symptom_words(f.symptom));
  text += fenced(f.message, "") + "\n";
  if (!f.passes.empty())
    text += "Disabling any one of these optimizers cures it: " + join(f.passes, ", ") + ".\n";
  if (!f.guard.empty()) text += "The model " + f.guard + ".\n";
  if (!f.first_bad_value.empty())
    text += "Values go wrong first at `" + f.first_bad_value + "` (" + f.first_bad_node + ").\n";
  if (!f.culprit.empty()) text += fmt::format("At fault is the {}: {}.\n", f.culprit, f.culprit_why);
  if (!f.versions.empty()) text += "Versions tried: " + f.versions + ".\n";
  if (!model_text.empty()) text += "\nThe model in ONNX text form:\n\n" + fenced(model_text, "");
  return text;
}

std::string python_name(const std::string& text) {
  std::string out = "\"";
  for (const char ch : text) {
    if (ch == '"' || ch == '\\') out += '\\';
    out += static_cast<unsigned char>(ch) < 32 ? ' ' : ch;
  }
  return out + "\"";
}

constexpr const char* kScript = R"(# pip install onnx {package}
import base64
import onnx, onnx.numpy_helper
import onnxruntime as ort

model = base64.b64decode({model})
inputs = {{}}
for data in [{inputs}]:
    proto = onnx.TensorProto.FromString(base64.b64decode(data))
    inputs[proto.name] = onnx.numpy_helper.to_array(proto)

for level in ("ORT_DISABLE_ALL", {level}):
    options = ort.SessionOptions()
    options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, level)
{session}    print(level, *session.run(None, inputs), sep="\n")
)";

constexpr const char* kDirect =
    R"(    session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
)";
constexpr const char* kReloaded = R"(    options.optimized_model_filepath = "optimized.onnx"
    ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    # What it saved is loaded without optimization.
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession("optimized.onnx", options, providers=["CPUExecutionProvider"])
)";

}  // namespace

std::map<std::string, std::string> repro_files(const ReportFinding& finding, std::size_t limit) {
  std::map<std::string, std::string> files;
  std::size_t bytes = 0;
  std::error_code none;
  for (auto at = fs::recursive_directory_iterator(finding.shown, none);
       at != fs::recursive_directory_iterator(); at.increment(none)) {
    if (none) break;
    const std::string path = fs::relative(at->path(), finding.shown, none);
    const std::string name = at->path().filename();
    const bool wanted = path == "model.onnx" || path == "repro.py" || path == "finding.json" ||
                        (path.starts_with("test_data_set_") && !name.starts_with("actual_"));
    if (!wanted || !at->is_regular_file(none)) continue;
    bytes += at->file_size(none);
    if (bytes > limit) return {};
    files[path] = file_bytes(at->path());
  }
  return files;
}

std::string short_script(const ReportFinding& f, const std::map<std::string, std::string>& files) {
  const auto model = files.find("model.onnx");
  if (model == files.end() || f.system != "onnxruntime") return "";
  // It takes several runs in one session: that is repro.py's business.
  if (files.lower_bound("test_data_set_1") != files.end()) return "";
  std::string inputs;
  for (std::size_t i = 0; files.contains(fmt::format("test_data_set_0/input_{}.pb", i)); ++i)
    inputs +=
        (i == 0 ? "" : ", ") + python_name(base64(files.at(fmt::format("test_data_set_0/input_{}.pb", i))));
  const std::string level = f.configuration.substr(0, f.configuration.find(' '));
  const std::string package =
      f.version.find('/') == std::string::npos ? "onnxruntime==" + f.version : "onnxruntime";
  return fmt::format(
      fmt::runtime(kScript), fmt::arg("package", package),
      fmt::arg("model", python_name(base64(model->second))), fmt::arg("inputs", inputs),
      fmt::arg("level", python_name(level == "DISABLE_ALL" ? "ORT_DISABLE_ALL" : "ORT_ENABLE_" + level)),
      fmt::arg("session", f.configuration.ends_with(" reloaded") ? kReloaded : kDirect));
}

std::string issue_title(const ReportFinding& f) {
  return fmt::format("{}: {} on {}", guilty(f), symptom_words(f.symptom), unique_operators(f));
}

std::string issue_text(const ReportFinding& f, const std::string& script, const std::string& model_text) {
  const Tracker* t = tracker(f);
  const std::string reproduce =
      script.empty() ? "The attached folder holds model.onnx, its inputs and repro.py: `python repro.py`.\n"
                     : fenced(script, "python");
  const std::string version = f.version.find('/') == std::string::npos ? f.version : "a build of our own";
  const std::string urgency =
      "None, it was found by a fuzzer." + (f.versions.empty() ? "" : " Versions: " + f.versions + ".");
  std::string text;
  for (const auto& [heading, body] : t != nullptr ? t->form : kPlainForm)
    text += fmt::format("### {}\n\n{}\n\n", heading,
                        fmt::format(fmt::runtime(body), fmt::arg("describe", describe(f, model_text)),
                                    fmt::arg("reproduce", reproduce), fmt::arg("urgency", urgency),
                                    fmt::arg("version", version),
                                    fmt::arg("os", operating_system() + (f.isa.empty() ? "" : ", " + f.isa)),
                                    fmt::arg("architecture", kArchitecture)));
  return text;
}

std::string tracker_of(const ReportFinding& finding) {
  const Tracker* t = tracker(finding);
  return t == nullptr ? "" : std::string(t->address);
}

}  // namespace mob
