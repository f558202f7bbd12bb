// A finding in the words of reports: what the command line prints, and what stands in finding.json.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "fuzzer/triage/judge.h"

namespace mob {

// Operators of the top graph in topological order, "domain.Operator" outside the standard domain.
std::vector<std::string> operators_of(const Graph& graph);

// Names of the levels at which the finding shows, each once.
std::vector<std::string> level_names(const Finding& f, const std::vector<Configuration>& configurations);

// Passes that changed the graph at these levels, in the order of their first firing.
std::vector<std::string> fired_passes(const Finding& f, const Judged& j);

// Kinds of the optimizations that a case has been through, each once, and of the one that is judged, last:
// "pruning, quantization, graph-optimization".
std::string kinds_in_words(std::span<const Derivation> steps);

// What a promise says, one sentence each: "The outputs are those of the masked parent.", "At least 0.5 of the
// elements of w are zero."
std::vector<std::string> promise_in_words(const Promise& promise);

// symptom, class, stage, kind, oracle, binding (where one shows it), levels, passes, excess, message.
nlohmann::ordered_json finding_json(const Finding& f, const Judged& j);

}  // namespace mob
