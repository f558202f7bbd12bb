// All tensors of one type have another.
#include <fmt/format.h>

#include <set>

#include "fuzzer/triage/neighbours/neighbour_kind.h"
#include "mutators/edit.h"

namespace mob::neighbour_kinds {
namespace {

bool retype(Case& c, const std::vector<shrink::Leaf>& leaves, DType from, DType to) {
  bool any = false;
  for (const shrink::Leaf& leaf : leaves)
    if (leaf.content.dtype() == from &&
        shrink::change_leaf(c, leaf.v, [&](const Tensor& t) { return mutators::converted(t, to); }))
      any = true;
  for (Node& n : c.model.graph.nodes)
    for (Attribute& a : n.attributes)
      if (auto* i = std::get_if<std::int64_t>(&a.value);
          i != nullptr && mutators::names_type(a.name) && static_cast<DType>(*i) == from)
        *i = static_cast<std::int64_t>(to);
  return any;
}

void add_to(Neighbourhood& there) {
  static constexpr DType kOthers[] = {DType::kFloat, DType::kDouble, DType::kFloat16, DType::kInt64,
                                      DType::kInt32, DType::kUint8,  DType::kInt8};
  std::set<DType> present;
  for (const shrink::Leaf& leaf : there.leaves()) present.insert(leaf.content.dtype());
  for (DType from : present)
    for (DType to : kOthers)
      if (to != from && is_float(from) == is_float(to))
        there.add({GuardKind::kType, kNoValue, std::string(name(from))},
                  {std::string(name(from)), fmt::format("{} tensors", name(from)),
                   fmt::format("are {}", name(to)), ""},
                  [&](Case& c) { return retype(c, there.leaves(), from, to); });
}

}  // namespace

extern const NeighbourKind types;
const NeighbourKind types = {
    .name = "types", .what = "All tensors of one type have another.", .add_to = add_to};

}  // namespace mob::neighbour_kinds
