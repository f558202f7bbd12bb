// Comparing what a system returned with what the reference expects.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fuzzer/reference/decidedness.h"
#include "oracles/oracle.h"

namespace mob::oracles {

// A difference of type, shape, or number of outputs, in words; empty where there is none.
std::string structure_difference(const std::vector<Expected>& expected, const Graph& graph,
                                 const std::vector<Output>& got);
std::string structure_difference(const std::vector<Output>& expected, const std::vector<Output>& got);

// Out of memory is a limit that we set, not a fault.
bool out_of_memory(const Outcome& o);

// "output 'y' element 3: expected 1 +- 1e-07, got 2 (1 of 6 elements outside)"
std::string describe(const Gap& g);

// Elements outside their bound.
struct Violations {
  Gap worst;
  std::size_t outside = 0;
  bool only_special = true;  // each of them expected or returned as infinity or NaN
  bool any() const { return outside > 0; }
};
// Outputs whose structure differs are left out. Open elements hold anything.
Violations violations(const std::vector<Expected>& expected, const Graph& graph,
                      const std::vector<Output>& got);

// Of a case with random operators: whether some element's values with optimization still lie on one side of
// all those without, in every repeat so far. Once that is not so, more repeats will not change it.
bool random_results_apart(const Evidence& evidence);

// Why wrong numbers are not (or are) the optimizer's doing. Looks only at values and meaning.
FindingClass classify_numbers(const Evidence& evidence, std::size_t configuration, const Violations& found);

}  // namespace mob::oracles
