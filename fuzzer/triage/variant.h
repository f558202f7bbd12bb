// Variants of a case: left in order after an edit, and what their values hold.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "fuzzer/triage/judge.h"
#include "fuzzer/triage/shrink/shrink_step.h"

namespace mob {

// Leaves cases of one origin in order after edits.
class Tidy {
 public:
  explicit Tidy(const Case& origin);
  // Takes away nodes, initializers and inputs that nothing needs, puts nodes in topological order, sets the
  // types of inputs and outputs, and drops the witness. False where the case is not valid, and must be thrown
  // away. Ids of values stay.
  bool operator()(Case& c) const;

 private:
  bool plain_;  // all of it is known to us (mutator.h: settle)
};

// Every tensor of a case by the name of its value, at its own inputs and then at each further binding: by the
// reference, else (without bindings) by a run without optimization. What is no tensor, or is not known, is
// missing.
std::vector<std::map<std::string, Tensor>> values_of(const Case& c, Judge& judge);

// Puts the nodes into an order in which every input comes first. Throws UserError for a cycle.
void sort_nodes(Graph& g);

// Drops nodes whose outputs nothing needs, leaves that nothing reads and what was given of lost outputs;
// nodes are put in order. Ids of values stay. Throws UserError for a cycle.
void prune(Case& c);

// Whether a dimension of some graph input is not fixed.
bool has_open_inputs(const Graph& g);

// A case with the types that shape inference gives its values, and what they hold.
struct Inferred {
  Case c;
  std::vector<std::map<std::string, Tensor>> values;
  Subject subject() const { return {c, values}; }
};
Inferred inferred(const Case& c, Judge& judge);

// Nodes of a graph and of those nested in it.
std::size_t node_count(const Graph& g);

}  // namespace mob
