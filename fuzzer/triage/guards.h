// The precondition that an optimizer forgot, seen from outside: the nearest neighbours of a case on which it
// does right. A neighbour differs in one attribute, constant, shape, type, constness or edge.
#pragma once

#include <string>
#include <vector>

#include "fuzzer/triage/lock.h"

namespace mob {

// In the order in which they tell most.
enum class GuardKind : std::uint8_t {
  kAttribute,
  kValue,  // of a constant, or of a parameter of one element
  kShape,  // of a parameter
  kType,
  kConstness,
  kEdge,  // an operand swapped, an intermediate value exposed, a tensor not shared
  kData,  // the shape of what the graph is given, sizes
};
std::string_view name(GuardKind k);  // "attribute", "value", "shape", ...

// Where two neighbours differ. It means the same in every variant of a case, whatever else is taken away.
struct GuardPlace {
  GuardKind kind = GuardKind::kAttribute;
  ValueId node = kNoValue;  // the first output of the node; kNoValue: of the whole model
  std::string what;         // an attribute's name, "input 1", "output 0", "operands", a type, a size
  bool operator==(const GuardPlace&) const = default;
};

struct Neighbour {
  Case c;
  GuardPlace place;
  std::string key;     // the place without ids, for signatures: "Pow exponent"
  std::string change;  // what stands there now: "is 2"
  std::string words;   // "the exponent of Pow is 2 (here 3)"
};

// Every neighbour that is tried, valid or not. `only`: those that differ there.
std::vector<Neighbour> neighbours(const Case& c, Judge& judge, const GuardPlace* only = nullptr);

struct FoundGuard {
  GuardPlace place;
  std::string key, change;
  std::string words;   // "passes when the exponent of Pow is 2 (here 3)"
  bool fires = false;  // the guilty optimizer changes the neighbour, too, and does right
};

// The neighbours on which every configuration agrees with the reference, the most telling first: those that
// the guilty optimizer still takes up, then by kind. At most one for each place. Empty where no single edit
// cures.
std::vector<FoundGuard> find_guards(Trials& trials, const Case& c);

// The first that says something of the bug; null where there is none. That a pattern is not taken up any more
// when it is cut apart, or when a constant is none, tells nothing.
const FoundGuard* telling(const std::vector<FoundGuard>& guards);

// Whether some neighbour of `c`, which may be another variant now, that differs at the guard's place passes.
bool guard_holds(Trials& trials, const Case& c, const FoundGuard& guard);

}  // namespace mob
