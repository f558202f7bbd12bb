// Sizes of dimensions, all over a case.
#pragma once

#include <vector>

#include "mutators/edit.h"

namespace mob::mutators {

struct Resizing {
  bool parameters = false;   // elements of constant shapes, too
  std::int64_t largest = 0;  // elements of a leaf
};
// Every dimension `from` of these leaves becomes `to`. False where no leaf has it, or where one becomes too
// large; the case may be half changed then.
bool resize(Case& c, const std::vector<ValueId>& leaves, std::int64_t from, std::int64_t to,
            const Resizing& how, Rng& rng);

// A case like this one whose inputs are so large that what a run costs can be measured: one size of an input
// is made larger wherever it stands. For oracles that measure (oracles/no_gain.cc). Settled; empty where
// nothing valid came of it.
std::optional<Case> enlarged(const Case& c, Rng& rng, const Support* support = nullptr);

}  // namespace mob::mutators
