// Who is guilty of a finding: which optimizers, since which version, optimizer or kernel, and where in the
// model.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "fuzzer/triage/blame_nodes.h"
#include "fuzzer/triage/blame_passes.h"
#include "fuzzer/triage/blame_versions.h"

namespace mob {

enum class Culprit {
  kUnknown,
  kOptimizer,  // it made a model that is wrong, or that there is no kernel for
  kKernel,     // wrong without optimization, too, or with an optimized model that is right
  kSaving,     // the session is right, the file that it saved is not
  kLoading,    // the file is right, the session that loads it is not
};
std::string_view name(Culprit c);  // "unknown", "optimizer", "kernel", "saving", "loading"

struct Blame {
  std::string system, version;
  std::optional<Finding> finding;   // with the class that the judge gives it
  std::vector<std::string> levels;  // at which it shows
  std::string nothing;              // why there is no finding: "agree", or what was skipped
  std::vector<PassBlame> passes;
  VersionBlame versions;
  Culprit culprit = Culprit::kUnknown;
  std::string culprit_why;
  std::vector<std::string> guards;  // "passes when the exponent of Pow is 2 (here 3)", the most telling first
  NodeBlame nodes;
  double seconds = 0;  // by the clock
};

struct BlameOptions {
  WorkerLimits limits;
  // Versions to be judged, oldest first; none: the table stays empty.
  std::vector<System> versions;
  bool bisect = false;
  bool guards = true;  // look for the nearest neighbours that pass
  Executor executor;
  // Where the case has a finding of class bug with this symptom, that one is meant; else the weightiest.
  std::optional<Symptom> symptom;
};

// All parts of it. Throws UserError where the system cannot be started.
Blame blame(const System& system, const Case& c, const BlameOptions& options);

// Optimizer, kernel, saving or loading; and why, in words. The model that was optimized and saved is
// evaluated by the reference. Asks the judge's second process once or twice.
std::pair<Culprit, std::string> culprit_of(Judge& judge, const Case& c, const Judged& judged,
                                           const std::vector<PassBlame>& passes);

// The optimized model as a session of this configuration saves it, as bytes; empty where it saves none. Asks
// the judge's second process once.
std::string saved_model(Judge& judge, const Case& c, Configuration of);

// system, version, symptom, class, levels, passes, versions and the rest: everything but the path.
nlohmann::ordered_json blame_json(const Blame& blame);

}  // namespace mob
