// Which forms of which operators a system takes, for which element types.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "fuzzer/graph/dtype.h"

namespace mob {

struct Support {
  // Threads keep what they looked up here by this number, which no other Support ever has but a copy: once
  // one of them is used, their tables stay as they are.
  std::uint64_t id = ++made;
  inline static std::atomic<std::uint64_t> made = 0;

  // Types of an operator's first input (of its first output where it has none), by (operator, opset in which
  // the form began).
  std::map<std::pair<std::string, int>, DTypeSet> types;
  // Nodes that were refused whenever they were tried: opsets of the model (bit by bit), by `signature`. A
  // runtime without a kernel expands a function, whose body may only work at some opsets.
  std::map<std::uint64_t, std::uint64_t> refused;
  bool refuses(std::uint64_t signature, int opset) const {
    const auto at = refused.find(signature);
    return at != refused.end() && (at->second >> opset & 1) != 0;
  }

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

  std::set<std::uint64_t> taken;  // signatures that ran at some opset
  bool knows(std::uint64_t signature) const {
    return taken.contains(signature) || refused.contains(signature);
  }

  // An operator's form with the element types of all inputs and outputs (kUndefined where one is left out),
  // runs of equal ones as one.
  static std::uint64_t signature(std::string_view op, int since, std::span<const DType> inputs,
                                 std::span<const DType> outputs);
};

}  // namespace mob
