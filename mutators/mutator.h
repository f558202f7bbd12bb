// The contract of a mutator: one file per mutator in this folder, one line in all.def.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "fuzzer/base/rng.h"
#include "fuzzer/generator/support.h"
#include "fuzzer/graph/case.h"
#include "fuzzer/graph/promise.h"

namespace mob {

struct Mutator {
  std::string_view name;     // "change-axis"
  std::string_view aims_at;  // one line: what of an optimizer it provokes
  // The outputs that were there keep their values (Promise::Kind::kSameValues). Such a mutator may leave a
  // case that others do not work on (nested graphs, functions): see `nested`.
  bool keeps_values = false;
  // Changes the case at one place; its lineage is kept by the caller. Nothing: there is no place for it, and
  // the case is untouched. With Promise::Kind::kRecompute the case may be invalid after it: `settle` tells.
  std::optional<Promise> (*apply)(Case&, Rng&);
};

// Every mutator in the order of all.def.
const std::vector<const Mutator*>& all_mutators();
// The mutator of a name, or null.
const Mutator* find_mutator(std::string_view name);

// After a mutation of kind kRecompute: whether the case is still valid ONNX and can be evaluated. Every node
// is checked against its schema (types, attributes, form at the model's opset) and evaluated; types of values
// and graph outputs are set to what they are now, nodes are put in topological order, inputs that nothing
// reads are dropped. With `support`, also false where the system is known to refuse a node. On false the case
// is broken: throw it away.
bool settle(Case& c, const Support* support = nullptr);

// Some mutations, drawn among all those of kind kRecompute (`more` is the chance of another one after each,
// up to 4), then settle. Empty where nothing valid came of it. Lineage gains the names.
std::optional<Case> mutated(const Case& seed, Rng& rng, double more, const Support* support = nullptr);

// One mutation that keeps the values, drawn among all of that kind. Empty where there is no place for it.
// Lineage gains its name.
std::optional<Case> nested(const Case& c, Rng& rng);

// Two cases as one model: the nodes of the second stand beside those of the first, and some of its inputs
// are read from values of the first that have the same type. Settled. Empty where that cannot be.
std::optional<Case> spliced(const Case& a, const Case& b, Rng& rng, const Support* support = nullptr);

}  // namespace mob
