#include "oracles/oracle.h"

namespace mob {

#define ORACLE(name)        \
  namespace oracles {       \
  extern const Oracle name; \
  }
#include "oracles/all.def"
#undef ORACLE

const std::vector<const Oracle*>& all_oracles() {
  static const std::vector<const Oracle*> list = {
#define ORACLE(name) &oracles::name,
#include "oracles/all.def"
#undef ORACLE
  };
  return list;
}

std::string_view name(Symptom s) {
  static constexpr std::string_view kNames[] = {"crash",         "hang",    "wrong-structure",
                                                "wrong-numbers", "no-gain", "nondeterminism"};
  return kNames[static_cast<std::size_t>(s)];
}

std::string_view name(FindingClass c) {
  static constexpr std::string_view kNames[] = {"bug", "kernel", "precision", "known-limit",
                                                "special-values"};
  return kNames[static_cast<std::size_t>(c)];
}

}  // namespace mob
