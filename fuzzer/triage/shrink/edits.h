// What shrink steps share: edits of values and nodes.
#pragma once

#include <optional>

#include "fuzzer/triage/shrink/shrink_step.h"

namespace mob::shrink {

// Index of the node that makes v, or -1.
int producer(const Graph& g, ValueId v);
// How many nodes (their bodies included) and graph outputs read v.
int uses(const Graph& g, ValueId v);
// What names a node while others come and go: its first output that is there.
ValueId handle(const Node& n);

// Nothing makes v any more: it becomes a graph input that holds what is known of it, also at the bindings
// (false where nothing is), or an initializer.
bool becomes_input(Case& c, ValueId v, const std::vector<Tensor>& per_binding, const TensorType& type);
void becomes_initializer(Case& c, ValueId v, const Tensor& value);
// What is known of v, one tensor per binding; empty where one is missing.
std::vector<Tensor> known(const Subject& s, ValueId v);

// A graph input, an initializer or the output of a Constant node, that is read.
struct Leaf {
  ValueId v;
  Tensor content;
};
std::vector<Leaf> leaves(const Subject& s);
// Changes what a leaf holds; `f` is applied to its content at each binding. False where it is no leaf (any
// more), or `f` says nothing.
bool change_leaf(Case& c, ValueId v, const std::function<std::optional<Tensor>(const Tensor&)>& f);

}  // namespace mob::shrink
