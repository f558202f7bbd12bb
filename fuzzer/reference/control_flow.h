// If, Loop and Scan: which of their graphs runs, how often, and on what.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "fuzzer/graph/graph.h"
#include "fuzzer/ops/expected.h"

namespace mob {

using ExpectedPtr = std::shared_ptr<const Expected>;

// Evaluates a nested graph on its inputs and returns its outputs.
using RunBody = std::function<std::vector<ExpectedPtr>(const Graph& body, std::vector<ExpectedPtr> inputs)>;

// Whether the operator is one of them.
bool is_control_flow(const Node& node);

// The outputs of such a node in the form of opset 9 and later; `inputs` are null where they are left out.
// Each call of `run` is one branch or iteration. Throws InvalidNode where the node breaks the ONNX spec, and
// Unsupported where how it goes on hangs on an undecided element, or takes more iterations than we wait for.
std::vector<ExpectedPtr> run_control_flow(const Node& node, std::span<const ExpectedPtr> inputs,
                                          const RunBody& run);

}  // namespace mob
