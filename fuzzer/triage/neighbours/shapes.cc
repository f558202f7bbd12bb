// A constant or an input has another shape.
#include <set>

#include "fuzzer/base/text.h"
#include "fuzzer/triage/neighbours/neighbour_kind.h"
#include "mutators/edit.h"

namespace mob::neighbour_kinds {
namespace {

constexpr std::int64_t kMostElements = 4096;

// Those of what the node reads beside it, whole or in one dimension.
void add_like_others(const Subject& s, const LeafUse& use, std::vector<Dims>& list) {
  const Dims& dims = use.leaf.content.dims();
  for (ValueId v : use.node.inputs) {
    const Tensor* other = v == use.leaf.v ? nullptr : s.value(v);
    if (other == nullptr || other->dims().empty()) continue;
    list.push_back(other->dims());
    list.push_back({other->dims().back()});
    if (other->dims().size() > 1) list.push_back({other->dims()[1]});
    for (std::size_t d = 0; d < dims.size() && dims.size() == other->dims().size(); ++d) {
      Dims one = dims;
      one[d] = other->dims()[d];
      list.push_back(one);
    }
  }
}

std::vector<Dims> others(const Subject& s, const LeafUse& use) {
  const Dims& dims = use.leaf.content.dims();
  std::vector<Dims> list;
  if (use.leaf.content.count() == 1) list = {Dims{}, Dims{1}, Dims{1, 1}};
  add_like_others(s, use, list);
  if (dims.empty()) return list;
  Dims more = dims;
  more.insert(more.begin(), 1);
  list.push_back(more);
  if (dims[0] == 1) list.emplace_back(dims.begin() + 1, dims.end());
  for (std::size_t d = 0; d < dims.size(); ++d)
    for (std::int64_t size : {std::int64_t{1}, dims[d] + 1}) {
      Dims one = dims;
      one[d] = size;
      list.push_back(one);
    }
  return list;
}

// That a parameter should be a scalar, or constant, is one thing; that it is too small is another.
const char* direction(const Dims& from, const Dims& to) {
  return element_count(from) < element_count(to) ? " larger" : "";
}

void add_to(Neighbourhood& there) {
  for (const LeafUse& use : there.leaf_uses()) {
    const shrink::Leaf& leaf = use.leaf;
    const Node& n = use.node;
    const std::size_t slot = use.slot;
    const Dims& dims = leaf.content.dims();
    const bool data = slot == 0 && mutators::constness(there.c(), leaf.v) == Constness::kInput;
    const GuardPlace place = place_at(data ? GuardKind::kData : GuardKind::kShape, n, "input", slot);
    if (!there.asked(place)) continue;
    std::set<Dims> seen = {dims};
    for (const Dims& other : others(there.subject(), use))
      if (seen.insert(other).second && element_count(other) <= kMostElements)
        there.add(place,
                  {there.input_key(n, slot) + direction(dims, other), there.input_of(n, slot),
                   "has shape " + show_dims(other), show_dims(dims)},
                  [&](Case& c) {
                    return shrink::change_leaf(c, leaf.v,
                                               [&](const Tensor& held) { return refilled(held, other); });
                  });
  }
}

}  // namespace

extern const NeighbourKind shapes;
const NeighbourKind shapes = {
    .name = "shapes", .what = "A constant or an input has another shape.", .add_to = add_to};

}  // namespace mob::neighbour_kinds
