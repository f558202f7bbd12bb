// A plan of values to be quantized: nodes, twins and claims follow from it.
#pragma once

#include <vector>

#include "mutators/quantization.h"

namespace mob::mutators {

// A value that some readers get from its grid.
struct Placed {
  ValueId value = kNoValue;
  std::vector<Use> uses;
  Quantization to;
  bool in_place = false;  // a constant, stored as what it is quantized to: DequantizeLinear alone
};
// Lets the uses read `to` instead of `v`. A graph output keeps its name.
void read_instead(Case& c, ValueId v, const std::vector<Use>& uses, ValueId to);
// Whether the reference has an answer for the mutant and for each twin. It has none where a shape hangs on an
// element that is not known well enough, as by NonZero.
bool all_answer(const Case& parent, const Case& mutant, const Promise& promise);
// Writes all of the plan and promises: the parent within the grids; the parent with its values rounded by
// elementary operators; types of what is stored. Empty where the plan is, and where not all answer.
// Setting: bare_zeros.
std::optional<Promise> quantized(Case& c, const Facts& f, const std::vector<Placed>& plan, Choices& choices);

}  // namespace mob::mutators
