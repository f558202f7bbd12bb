// Which rewrite rules changed a model. The log of ONNX Runtime names only the bundle that holds them.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "fuzzer/graph/case.h"
#include "fuzzer/runtime/outcome.h"
#include "fuzzer/runtime/system.h"

namespace mob {

// Outcomes of a case, one per configuration.
using RunCase = std::function<std::vector<Outcome>(const Case&, const std::vector<Configuration>&)>;

// Rules, by their names, whose disabling changes the optimized model that is saved: then the rule changed the
// model. (A rule whose work another pass does when it is gone is not seen.) Only rules for operators of the
// model and its nested graphs are tried; each costs a session. `bundles` are the levels (1, 2) at
// which the log told of a bundle that changed the model. Empty where the system cannot disable rules, and
// where the model cannot be optimized or saved.
std::vector<std::string> applied_rules(const System& system, const Case& c, std::span<const int> bundles,
                                       const RunCase& run);

// The level of the bundle of rules that has this name in the log ("Level1_RuleBasedTransformer"), or 0.
int rule_bundle(std::string_view pass);

}  // namespace mob
