// ONNX Runtime: one worker program serves every version; the library's path is its argument.
#include <algorithm>
#include <filesystem>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/runtime/system.h"

namespace mob::systems {
namespace {

namespace fs = std::filesystem;

const std::vector<Optimizer>& known_optimizers() {
#define RULE(name, level, operators) {#name, level, true, split(operators, ';'), "", ""},
#define PASS(name, level) {#name, level, false, {}, "", ""},
#define PASS_UNTIL(name, level, version) {#name, level, false, {}, "", version},
#define OUT_OF_REACH(name, level, why) {#name, level, false, {}, why, ""},
  static const std::vector<Optimizer> all = {
#include "fuzzer/runtime/onnxruntime_optimizers.def"
  };
#undef RULE
#undef PASS
#undef PASS_UNTIL
#undef OUT_OF_REACH
  return all;
}

constexpr std::string_view kPreparing[] = {
    "QDQS8ToU8Transformer", "QDQPropagationTransformer",      "EnsureUniqueDQForNodeUnit",
    "EliminateIdentity",    "CastFloat16Transformer",         "FuseFp16InitializerToFp32NodeTransformer",
    "ConstantSharing",      "CommonSubexpressionElimination", "ConstantFolding"};

System with_library(std::string version, const fs::path& library) {
  System s;
  s.name = "onnxruntime";
  s.version = std::move(version);
  s.optimizers = known_optimizers();
  s.preparing.assign(std::begin(kPreparing), std::end(kPreparing));
  s.can_disable = s.version.find('/') != std::string::npos || !version_less(s.version, "1.18.0");
  s.command = {program_folder() / "mobster-onnxruntime-worker", library};
  return s;
}

std::vector<System> installed() {
  std::vector<System> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(cache_folder() / "onnxruntime", none)) {
    const fs::path library = entry.path() / "libonnxruntime.so";
    if (fs::exists(library, none)) found.push_back(with_library(entry.path().filename(), library));
  }
  std::sort(found.begin(), found.end(),
            [](const System& a, const System& b) { return version_less(a.version, b.version); });
  return found;
}

System at(const std::string& version) {
  if (version.find('/') != std::string::npos) {
    if (!fs::is_regular_file(version)) throw UserError("system onnxruntime@" + version + ": no such library");
    return with_library(version, fs::absolute(version));
  }
  std::vector<std::string> versions;
  for (System& s : installed()) {
    if (s.version == version) return s;
    versions.push_back(s.version);
  }
  throw UserError("onnxruntime " + version + " is not installed (there is " +
                  (versions.empty() ? "none" : join(versions, ", ")) + "): run scripts/setup --onnxruntime " +
                  version);
}

}  // namespace

extern const SystemSpec onnxruntime;
const SystemSpec onnxruntime = {.name = "onnxruntime",
                                .what = "ONNX Runtime, CPU execution provider",
                                .installed = installed,
                                .at = at,
                                .optimizers = known_optimizers};

}  // namespace mob::systems
