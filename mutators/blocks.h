// Parts of a graph that a value can pass by.
#pragma once

#include "mutators/edit.h"

namespace mob::mutators {

// A node whose output may be replaced by one of its inputs.
struct Bypass {
  int node;
  int slot;         // the input that stays
  int branch = -1;  // the other input, which is taken for zero; -1: the node is the identity as it stands
};
// Additions of a value and of what a branch makes of it that nothing else reads, where all have the same
// type. Models with open sizes have none: what is of the same type here may be broadcast elsewhere.
std::vector<Bypass> residual_blocks(const Case& c, const Facts& f);
// Nodes that return their input: by their operator, attributes and constants, whatever the input holds.
std::vector<Bypass> identity_layers(const Case& c, const Facts& f);

// Lets whatever reads the outputs of these nodes read the inputs instead, and removes what nothing reads
// then. Those that would leave a graph input without reader are left out; returns the others. `wrong`: reads
// what it should not, for tests.
std::vector<Bypass> bypassed(Case& c, const std::vector<Bypass>& places, bool wrong);

}  // namespace mob::mutators
