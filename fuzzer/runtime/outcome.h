// One way to use a system, and what came of using it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fuzzer/graph/tensor.h"

namespace mob {

// A way to use a system. Levels are ONNX Runtime's GraphOptimizationLevel.
struct Configuration {
  int level = 0;
  std::vector<std::string> disabled;  // passes and rewrite rules that must not run, as the log names them
  bool reload = false;                // save the optimized model, load that without optimization, run it
  int runs = 1;                       // in one session, with equal inputs
  bool report_passes = false;
  bool keep_saved = false;  // with reload: bring the saved model back
  bool load_only = false;
  // So many further runs, each timed, with memory handled as a user's session does (arenas); and the memory
  // that load and runs take at most. Outputs are those of the first run.
  int timed_runs = 0;
  bool operator==(const Configuration&) const = default;

  // "DISABLE_ALL", "BASIC", "EXTENDED", "ALL", with " reloaded" and " without A;B" where it applies.
  std::string name() const;
};
inline constexpr int kLevels[] = {0, 1, 2, 99};
std::string level_name(int level);

enum class Stage : std::uint8_t { kLoad, kRun, kSave, kReload, kRerun };
std::string_view name(Stage s);  // "load", "run", "save", "reload", "rerun"

struct Output {
  std::string name;
  Tensor tensor;
  bool is_tensor = true;  // false: a sequence, map or optional, of which nothing more is known
};

// What a system did with one configuration. Whatever it is, it is data.
struct Outcome {
  enum class Kind : std::uint8_t {
    kOutputs,
    kRejected,  // an error was returned
    kCrashed,   // the process died
    kTimedOut,  // the deadline passed and the process was killed
  };
  Kind kind = Kind::kRejected;
  Stage stage = Stage::kLoad;  // the last one reached
  std::string message;         // of the system, in one line
  std::vector<Output> outputs;
  int same_as = -1;                 // outputs are bit for bit those of this outcome, and not repeated here
  std::vector<Output> second_run;   // only where it differs
  std::vector<std::string> passes;  // that changed the graph, in order
  std::string saved_model;
  double load_seconds = 0;
  double run_seconds = 0;        // of the first run; with timed_runs, of the fastest
  std::int64_t peak_memory = 0;  // bytes by which the process grew at most; with timed_runs only, 0: unknown
  std::int64_t saved_bytes = 0;  // size of the saved model; with reload only
  // Of a case with further bindings: what the same session made of each, and last of the case's own inputs
  // once more. Shorter where the process did not live that long; empty where the first run failed.
  std::vector<Outcome> bindings;

  bool ok() const { return kind == Kind::kOutputs; }
  // Died or hung: more than an error that was returned.
  bool died() const { return kind == Kind::kCrashed || kind == Kind::kTimedOut; }
};
std::string_view name(Outcome::Kind k);  // "outputs", "rejected", "crashed", "timed-out"

// The outputs of outcome i, also where they are kept with an earlier one.
const std::vector<Output>& outputs_of(const std::vector<Outcome>& outcomes, std::size_t i);

}  // namespace mob
