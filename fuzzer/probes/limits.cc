#include "fuzzer/probes/limits.h"

#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "fuzzer/base/check.h"
#include "fuzzer/base/hash.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/graph/schema.h"
#include "fuzzer/probes/cache_key.h"
#include "fuzzer/runtime/worker.h"

namespace mob {
namespace {

namespace fs = std::filesystem;

Case identity(int opset, int ir) {
  Case c;
  c.model.ir_version = ir;
  c.model.opsets[""] = opset;
  c.model.graph.name = "probe";
  const ValueId x = c.model.graph.add_input("x", {DType::kFloat, {1}});
  const ValueId y = c.model.graph.add_node("Identity", {x});
  c.model.graph[y].type = declared({DType::kFloat, {1}});
  c.model.graph.add_output(y);
  c.inputs["x"] = Tensor::of(DType::kFloat, {1}, {1});
  return c;
}

// The largest value in [low, high] that is accepted, found from above; 0 where none is.
template <class F>
int newest(int low, int high, F accepted) {
  for (int v = high; v >= low; --v)
    if (accepted(v)) return v;
  return 0;
}

}  // namespace

std::string cache_key(const System& system) {
  std::string identity_of = version();
  for (const std::string& part : system.command) {
    std::error_code none;
    const auto size = fs::file_size(part, none);
    const auto time = fs::last_write_time(part, none).time_since_epoch().count();
    identity_of += "|" + part + "|" + std::to_string(none ? 0 : size) + "|" + std::to_string(none ? 0 : time);
  }
  return system.name + "-" + hex64(hash64(identity_of));
}

void write_cache(const fs::path& file, const std::string& text) {
  std::error_code none;
  fs::create_directories(file.parent_path(), none);
  const fs::path half = file.string() + "." + std::to_string(getpid());
  std::ofstream(half) << text << "\n";
  fs::rename(half, file, none);
}

System with_limits(System system) {
  const fs::path file = cache_folder() / "support" / (cache_key(system) + ".limits.json");
  if (std::ifstream in(file); in) {
    const auto json = nlohmann::json::parse(in, nullptr, false);
    if (json.is_object() && json.value("max_opset", 0) > 0) {
      system.max_opset = json.value("max_opset", 0);
      system.max_ir = json.value("max_ir", 0);
      return system;
    }
  }
  Worker worker(system);
  const auto accepts = [&](int opset, int ir) {
    return worker.run(identity(opset, ir), {{.level = 0}})[0].ok();
  };
  system.max_ir = newest(3, 14, [&](int ir) { return accepts(9, ir); });
  system.max_opset = newest(9, kNewestOpset + 4, [&](int opset) { return accepts(opset, system.max_ir); });
  if (system.max_opset == 0 || system.max_ir == 0)
    throw UserError(system.label() +
                    " does not run even an Identity: is it an ONNX Runtime with a CPU provider?");
  write_cache(
      file,
      nlohmann::json{{"system", system.label()}, {"max_opset", system.max_opset}, {"max_ir", system.max_ir}}
          .dump());
  return system;
}

}  // namespace mob
