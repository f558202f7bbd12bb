// Systems under test: what can be installed, asked for by name, and started as a worker process.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzzer/graph/graph.h"

namespace mob {

// A part of a system's optimizer, by the name that disables it and that its log gives it.
struct Optimizer {
  std::string name;
  int level = 1;                       // the lowest Configuration::level that runs it
  bool rule = false;                   // a rewrite rule: not told when it changed the graph
  std::vector<std::string> operators;  // those that a rule is registered for
  std::string out_of_reach;            // why it never fires as the workers use the system; else empty
  std::string gone_since;              // the first version without it; else empty
  // Why it never fires in a version; empty where it may, and for its version where that is a library's path.
  std::string unreachable_in(const std::string& version) const;
};

// One version of one system, ready to be started.
struct System {
  std::string name;                  // "onnxruntime"
  std::string version;               // "1.31.1", or the path of a library given by the user
  std::vector<std::string> command;  // the worker's program and arguments
  // The newest that it accepts; 0 where it was not probed yet.
  int max_opset = 0;
  int max_ir = 0;
  std::vector<Optimizer> optimizers;  // what can be disabled by name, in any version
  // Of these, those that often prepare the ground for what breaks the model, the most innocent last.
  std::vector<std::string> preparing;
  // Whether passes can be disabled by name at all (ONNX Runtime: from 1.18 on).
  bool can_disable = true;
  std::string label() const { return name + "@" + version; }
  // Names of the optimizers in reach: rewrite rules, and all others.
  std::vector<std::string> rules() const;
  std::vector<std::string> passes() const;
};

// A kind of system. One file each, one line in all.def.
struct SystemSpec {
  std::string_view name;
  std::string_view what;                          // one line for `mobster list systems`
  std::vector<System> (*installed)();             // oldest version first
  System (*at)(const std::string& version);       // throws UserError: not installed, and how to install it
  const std::vector<Optimizer>& (*optimizers)();  // of all its versions, installed or not
};
const std::vector<const SystemSpec*>& all_systems();

// "onnxruntime", "onnxruntime@1.20.1", "onnxruntime@/path/to/libonnxruntime.so": the newest installed version
// where none is named. Throws UserError naming what there is.
System resolve_system(std::string_view words);

// Folder of everything that scripts/setup installed ($MOBSTER_CACHE, or .cache/mobster in the home folder).
std::filesystem::path cache_folder();
// Folder of the running program: workers lie beside it.
std::filesystem::path program_folder();

// Whether version a is older than b, number by number ("1.9.0" < "1.20.1").
bool version_less(const std::string& a, const std::string& b);

// The model as `system` accepts it: opset and IR version lowered where every node means the same there (its
// operator has one form at both opsets). Unchanged where that cannot be: the system will say so.
Model stamped(const Model& model, const System& system);
// The same, or nothing where the model is accepted as it is: then it need not be copied.
std::optional<Model> restamped(const Model& model, const System& system);

}  // namespace mob
