// The contract of a mutator: one file per mutator in this folder, one line in all.def.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "fuzzer/base/rng.h"
#include "fuzzer/generator/support.h"
#include "fuzzer/graph/case.h"
#include "fuzzer/graph/promise.h"
#include "mutators/choices.h"

namespace mob {

// The kinds of model optimization that a mutator may be, beside changing the meaning.
enum class MutatorFamily : std::uint8_t {
  kChange,    // changes the meaning (Promise::Kind::kRecompute); all others keep what their promise says
  kNest,      // moves a part of a case into a nested graph or a function
  kRewrite,   // another form of the same
  kFuse,      // some nodes become one
  kUnfuse,    // one node becomes some
  kPrune,     // weights become zero or go
  kQuantize,  // values are stored more coarsely
  kCluster,   // weights share a few values
};
// "change", "nesting", "rewriting", "fusion" (of kFuse and kUnfuse), "pruning", "quantization", "clustering".
std::string_view name(MutatorFamily f);

struct Mutator {
  std::string_view name;     // "change-axis"
  std::string_view aims_at;  // one line: what of an optimizer it provokes, or what it makes of a model
  MutatorFamily family = MutatorFamily::kChange;
  // Changes the case; its lineage is kept by the caller. Nothing: there is no place for it, and the case,
  // which may be half changed, is to be thrown away. A mutant of kChange may be invalid: `settle` tells.
  // Others are valid once settled; what kNest makes is beyond `settle`, and needs none. Throws UserError for
  // settings that the user got wrong.
  std::optional<Promise> (*apply)(Case&, Choices&);
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

// Some mutations, drawn among all those of family kChange (`more` is the chance of another one after each,
// up to 4), then settle. Empty where nothing valid came of it. Lineage gains the names.
std::optional<Case> mutated(const Case& seed, Rng& rng, double more, const Support* support = nullptr);

// One mutation of family kNest. Empty where there is no place for it. Lineage gains its name.
std::optional<Case> nested(const Case& c, Rng& rng);

// One mutation of a family that keeps the meaning (not kNest), settled. Empty, with the case untouched, where
// there is no place for it, or where `support` says that the system refuses what came of it. Lineage gains
// its name and settings.
std::optional<Derivation> derive(Case& c, const Mutator& mutator, Choices& choices,
                                 const Support* support = nullptr);

// A parent optimized in some steps: perhaps pruned, clustered, quantized, in this order, and fused, unfused
// or rewritten before and after each. At least one step.
struct Derived {
  Case c;
  std::vector<Derivation> steps;
};
// Empty where no mutator that was drawn has a place. `more` is the chance of a further fusion or rewriting
// each time.
std::optional<Derived> derived(const Case& parent, Rng& rng, double more, const Support* support = nullptr);

// Two cases as one model: the nodes of the second stand beside those of the first, and some of its inputs
// are read from values of the first that have the same type. Settled. Empty where that cannot be.
std::optional<Case> spliced(const Case& a, const Case& b, Rng& rng, const Support* support = nullptr);

}  // namespace mob
