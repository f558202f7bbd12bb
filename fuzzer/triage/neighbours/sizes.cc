// All dimensions of one size have another.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "fuzzer/triage/neighbours/neighbour_kind.h"

namespace mob::neighbour_kinds {
namespace {

constexpr std::int64_t kMostElements = 4096;

void add_to(Neighbourhood& there) {
  std::set<std::int64_t> sizes;
  std::vector<ValueId> ids;
  for (const shrink::Leaf& leaf : there.leaves()) {
    if (leaf.content.dtype() == DType::kInt64) continue;  // sizes and indices, as a rule
    ids.push_back(leaf.v);
    sizes.insert(leaf.content.dims().begin(), leaf.content.dims().end());
  }
  for (std::int64_t from : sizes)
    for (std::int64_t to : {from + 1, std::int64_t{1}, std::int64_t{2}, std::int64_t{8}}) {
      if (to == from) continue;
      const auto resized = [&](const Tensor& t) -> std::optional<Tensor> {
        Dims dims = t.dims();
        std::replace(dims.begin(), dims.end(), from, to);
        if (dims == t.dims() || element_count(dims) > kMostElements) return std::nullopt;
        return refilled(t, dims);
      };
      there.add({GuardKind::kData, kNoValue, "size"},
                {"size", fmt::format("sizes of {}", from), fmt::format("are {}", to), ""}, [&](Case& c) {
                  return std::count_if(ids.begin(), ids.end(),
                                       [&](ValueId v) { return shrink::change_leaf(c, v, resized); }) > 0;
                });
    }
}

}  // namespace

extern const NeighbourKind sizes;
const NeighbourKind sizes = {
    .name = "sizes", .what = "All dimensions of one size have another.", .add_to = add_to};

}  // namespace mob::neighbour_kinds
