// Nodes that only make sense where they stand: those with nested graphs, and calls of model-local functions.
#pragma once

#include <memory>
#include <span>

#include "fuzzer/reference/reference.h"

namespace mob {

// As evaluate_node in reference.h: a node of a graph of the model (the top one, or one nested in it). Of the
// graph's values, by id, those must be known that the node or its nested graphs read. `max_elements` counts
// the elements of all nodes in all iterations.
NodeResult evaluate_in_place(const Model& model, const Graph& graph,
                             std::span<const std::shared_ptr<const Expected>> values, const Node& node,
                             std::int64_t max_elements = std::int64_t{1} << 28);

}  // namespace mob
