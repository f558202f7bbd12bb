// Bindings: the sizes that a set of inputs gives to the symbolic dimensions of a model's graph inputs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "fuzzer/graph/case.h"

namespace mob {

// Size by symbol; a dimension without a name goes by its place ("x[0]").
using Sizes = std::map<std::string, std::int64_t>;

// The sizes that `inputs` give. Empty where they do not fit the declared types (type, rank, a known size, one
// symbol with two sizes), or one that is needed is missing.
std::optional<Sizes> sizes_of(const Graph& graph, const Inputs& inputs);

// Whether a value of type `is` may stand where `declared` is. Symbols that are not in `sizes` are added.
bool fits(const TensorType& declared, const ArrayType& is, Sizes& sizes);

// "d3 = 5, x[0] = 1 after d3 = 2, x[0] = 4": the sizes that differ; "" where none does.
std::string show_sizes(const Sizes& now, const Sizes& before);

// The model with the symbolic dimensions of its graph inputs fixed to the sizes of `inputs`, which must fit;
// other values keep only what follows from that.
Model made_static(const Model& model, const Inputs& inputs);

}  // namespace mob
