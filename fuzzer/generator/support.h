// Which forms of which operators a system takes, for which element types.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "fuzzer/graph/dtype.h"

namespace mob {

// Types of an operator's first input (of its first output where it has none), by (operator, opset in which
// the form began).
struct Support {
  std::map<std::pair<std::string, int>, DTypeSet> types;

  DTypeSet of(const std::string& op, int since) const {
    const auto at = types.find({op, since});
    return at == types.end() ? DTypeSet() : at->second;
  }
  // Number of supported (operator, type, opset form) triples.
  std::size_t triples() const {
    std::size_t n = 0;
    for (const auto& [key, set] : types) n += set.list().size();
    return n;
  }
};

}  // namespace mob
