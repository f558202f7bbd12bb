// Values for the inputs of a given model.
#pragma once

#include <map>
#include <string>

#include "fuzzer/base/rng.h"
#include "fuzzer/graph/graph.h"
#include "fuzzer/ops/op_spec.h"

namespace mob {

// A tensor of random values: floats within `range`, integers small (0 to 3 where unsigned or where they may
// serve as indices), bools even. Strings are short words.
Tensor draw_tensor(const ArrayType& type, Rng& rng, const ValueRange& range = {});

// Values for every graph input that has no initializer. Symbolic dimensions are bound to small sizes, one for
// each symbol. Throws UserError for inputs that are no tensors, have no known type or are larger than 2 GB.
std::map<std::string, Tensor> draw_inputs(const Model& model, Rng& rng);

}  // namespace mob
