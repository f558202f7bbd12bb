// A case: a model together with the inputs on which it is judged.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fuzzer/graph/graph.h"

namespace mob {

using Inputs = std::map<std::string, Tensor>;  // by name of a graph input

struct Case {
  Model model;
  Inputs inputs;                          // overridable initializers may be left out
  std::map<std::string, Tensor> witness;  // expected outputs that came with the model, by name; may be empty
  std::vector<std::string> lineage;       // where it comes from: a file, a sampler, the mutators applied
  // Further sets of inputs, run one after another in the session that ran `inputs`: as a rule at other sizes
  // of the symbolic dimensions (graph/binding.h).
  std::vector<Inputs> bindings = {};
};

// Drops graph inputs, initializers and Constant nodes that no node reads and that are no graph outputs.
void drop_unread_leaves(Case& c);

}  // namespace mob
