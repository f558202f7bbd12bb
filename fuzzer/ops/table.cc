#include <unordered_map>

#include "fuzzer/ops/op_spec.h"

namespace mob {

#define OPS(name)           \
  namespace ops::family {   \
  extern const Family name; \
  }
#include "fuzzer/ops/all.def"
#undef OPS

const std::vector<const OpSpec*>& all_ops() {
  static const std::vector<const OpSpec*> ops = [] {
    std::vector<const OpSpec*> list;
#define OPS(name) \
  for (const OpSpec& op : ops::family::name) list.push_back(&op);
#include "fuzzer/ops/all.def"
#undef OPS
    return list;
  }();
  return ops;
}

const OpSpec* find_op(std::string_view name, std::string_view domain) {
  static const auto by_name = [] {
    std::unordered_multimap<std::string_view, const OpSpec*> map;
    for (const OpSpec* op : all_ops()) map.emplace(op->name, op);
    return map;
  }();
  const auto [first, last] = by_name.equal_range(name);
  for (auto it = first; it != last; ++it)
    if (it->second->domain == domain) return it->second;
  return nullptr;
}

}  // namespace mob
