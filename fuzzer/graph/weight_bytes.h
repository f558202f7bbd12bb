// How much room a model's constants take.
#pragma once

#include "fuzzer/graph/graph.h"

namespace mob {

// Bytes of a tensor's elements, packed as in raw data; 0 for strings.
std::int64_t packed_bytes(const Tensor& t);
// Bytes of all initializers and Constant nodes of a graph, without its nested ones.
std::int64_t weight_bytes(const Graph& g);

}  // namespace mob
