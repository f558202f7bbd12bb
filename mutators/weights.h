// Weights: constant initializers, and pruning by masks.
#pragma once

#include "mutators/edit.h"

namespace mob::mutators {

// Initializers of a floating-point type with at least two elements, neither graph inputs nor outputs, that
// are read as weights only: as filters, matrices, tables, terms and factors. In the order of the model.
std::vector<ValueId> float_weights(const Case& c, const Facts& f);

// Sets these weights to zero where the masks (one each, of its elements) are true, and promises so: equal to
// the parent with its weights masked by a Mul, zero in the masked places and nowhere else touched, and
// `sparsity` of each tensor (of all together, where `global`).
Promise masked(Case& c, const std::vector<ValueId>& weights, const std::vector<std::vector<bool>>& masks,
               Choices& choices, double sparsity, bool global);

}  // namespace mob::mutators
