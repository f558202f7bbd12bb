// Whether a mutant keeps what it owes its parent (graph/promise.h).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fuzzer/reference/reference.h"
#include "oracles/oracle.h"

namespace mob::oracles {

// Something that was promised of the model and is not so.
struct BrokenFact {
  Symptom symptom = Symptom::kWrongStructure;  // no gain, where it is no smaller
  std::string what;
};
// What of the promise the mutant's model breaks: its interface and the claims. Nothing is run.
std::vector<BrokenFact> broken_facts(const Case& parent, const Case& mutant, const Promise& promise);

// The twins that a promise names; the parent where it names none.
std::vector<Twin> twins_of(const Promise& promise);

// What the mutant should give by the twin: the twin's outputs, widened by its slack. `parent` where the twin
// is the parent itself.
Reference evaluate_twin(const Case& parent, const Twin& twin, const ReferenceOptions& options = {});

// Two references of outputs that have the same names.
struct Apart {
  std::optional<Gap> gap;    // the worst element whose two intervals do not meet; "got" is the mutant's
  std::string structure;     // an output that is gone or has another type, in words
  std::size_t compared = 0;  // elements that both sides know
  std::size_t elements = 0;
  bool special = false;  // infinities or NaN are on one side only, and nothing else
};
// By name, outputs of the twin that are the mutant's, too. Bounds of both count, slack is in the twin's.
Apart apart(const Case& twin, const Reference& twin_reference, const Case& mutant,
            const Reference& mutant_reference);

// All of the above by references alone: what of its promise the mutant breaks, in one line; empty where it
// keeps everything. `compared`, if given, gains the share of elements that could be compared.
std::string broken_promise(const Case& parent, const Case& mutant, const Promise& promise,
                           double* compared = nullptr);

// The same of outputs that a system returned for both: each within its own reference's bound, the two are no
// farther from each other than the bounds and the references' distance allow.
Apart apart(const Case& twin, const Reference& twin_reference, const std::vector<Output>& twin_outputs,
            const Case& mutant, const Reference& mutant_reference, const std::vector<Output>& mutant_outputs);

}  // namespace mob::oracles
