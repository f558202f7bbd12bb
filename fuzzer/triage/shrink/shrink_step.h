// The contract of a shrink step: one file per step in this folder, one line in all.def.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fuzzer/graph/case.h"

namespace mob {

// The case at hand, and the tensors that its values hold.
struct Subject {
  const Case& c;
  // By name of the value: at the case's own inputs, and then at each further binding. What is no tensor or
  // could not be computed is missing.
  std::vector<std::map<std::string, Tensor>> values;

  const Tensor* value(ValueId v) const;  // at the case's own inputs; null where it is not known
  // The type under which a value could be a graph input: what depends on the binding is symbolic.
  TensorType type_of(ValueId v) const;
};

// Changes a case; false where there is nothing (left) to change: then the case is untouched if the step's
// edits go together, else thrown away. Values are named by their ids, which no edit changes; the subject is
// gone by the time an edit is called. The case need not be tidy afterwards, nor mean the same.
using Edit = std::function<bool(Case&)>;

struct ShrinkStep {
  std::string_view name;  // "drop-nodes"
  std::string_view what;  // one line
  // The edits go together: many are tried at once first (delta debugging by halves), then fewer.
  bool together = false;
  // It takes away nodes, inputs or outputs as they are, and varies nothing else.
  bool structure = false;
  // Each makes the case smaller or plainer by some measure of its own, so that no two steps undo each other.
  // In the order in which they are tried.
  std::vector<Edit> (*edits)(const Subject&);
};

// Every step in the order of all.def.
const std::vector<const ShrinkStep*>& all_shrink_steps();

}  // namespace mob
