// What convert-opset cannot do, for users who ask for an opset by number.
#pragma once

#include <string>

#include "mutators/edit.h"

namespace mob::mutators {

// "node 'up' (Upsample of opset 9)", or by its first output where it has no name.
std::string node_in_words(const Case& c, const Node& n);

// Why convert-opset leaves the case, whose facts these are, alone when it is to be in this opset: the first
// node that has no form there which means the same, and the opset nearest to it that all nodes have such a
// form in. Empty where every node has one.
std::string why_not_in_opset(const Case& c, const Facts& f, int opset);

}  // namespace mob::mutators
