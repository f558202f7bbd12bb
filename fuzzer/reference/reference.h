// The interpreter that turns a case into what every correct runtime must return.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "fuzzer/graph/promise.h"
#include "fuzzer/ops/op_spec.h"

namespace mob {

struct Reference {
  // One entry per graph output, in order. Empty when `unavailable` says why there is no answer.
  std::vector<Expected> outputs;
  std::string unavailable;
  bool invalid = false;         // unavailable because the model breaks the ONNX spec for these inputs
  bool special = false;         // an infinity, NaN or overflow occurred in an input or on the way
  bool negative_zero = false;   // a -0.0 stood in an input or initializer
  bool random = false;          // an operator drew random numbers
  std::size_t unspecified = 0;  // elements that the ONNX spec leaves open, at their source
  std::string unspecified_reason;
  bool available() const { return unavailable.empty(); }

  // With `keep_values`: every value of the top graph by its name.
  std::map<std::string, Expected> values;

  // The same at each further binding of the case, in order.
  std::vector<Reference> bindings;
};

struct ReferenceOptions {
  Arithmetic arithmetic;
  bool keep_values = false;
  // Planted error, to prove that oracles see it: each element of output 0 of this node of the top graph is
  // multiplied by 1 + or 1 - plant_relative, as a wrong kernel would.
  int plant_node = -1;
  double plant_relative = 0;
  // The model was written by an optimizer. Nodes that cannot be evaluated do not matter to outputs that do
  // not need them: an output that does has an undefined type. Fused operators may stand in models of any
  // opset.
  bool optimized = false;
  // Values of the top graph that a mutant knows less exactly (graph/promise.h).
  std::span<const Slack> slack = {};
  // Evaluation of very large models stops here: elements of all node outputs together, each of which takes 16
  // bytes (32 for double).
  std::int64_t max_elements = std::int64_t{1} << 28;
};

// Never throws for what a model says; what cannot be evaluated ends up in `unavailable`.
Reference evaluate(const Case& c, const ReferenceOptions& options = {});

// One node with known inputs: what `evaluate` does at each step. Throws Unsupported (also where an output has
// more than `max_elements`) or InvalidNode.
struct NodeResult {
  std::vector<Expected> outputs;
  bool random = false;          // it drew random numbers
  std::size_t unspecified = 0;  // elements that the ONNX spec leaves open here
};
NodeResult evaluate_node(const OpSpec& spec, const Node& node, int opset,
                         std::span<const Expected* const> inputs, const Arithmetic& arithmetic = {},
                         std::int64_t max_elements = std::int64_t{1} << 28);

}  // namespace mob
