// Links of chains that move or convert elements, and what two of them are together.
#pragma once

#include "mutators/permutation.h"

namespace mob::mutators {

// Whether every value of one type has its equal in another.
bool widens(DType from, DType to);

// A Cast that says nothing but the type.
bool simple_cast(const Rewriting& r, const Node& n);

// Slice with everything known: for each axis of x where it begins, how it steps and how many it takes.
struct Cut {
  std::vector<std::int64_t> start, step, count;
};
std::optional<Cut> cut_of(const Rewriting& r, const Node& n);
// First `a`, then `b` of what it gives.
Cut both(const Cut& a, const Cut& b);
// Slices the axes listed.
ValueId write_cut(Rewriting& r, ValueId x, const Cut& cut, const std::vector<std::size_t>& axes);
// Axes that the cut changes, given the sizes of x.
std::vector<std::size_t> changed_axes(const Cut& cut, const Dims& x);

}  // namespace mob::mutators
