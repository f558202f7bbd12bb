// Axes of size 1 go: the first of all tensors of the highest rank together, with what attributes say of axes;
// and those of single tensors.
#include <algorithm>

#include "fuzzer/triage/shrink/edits.h"

namespace mob::shrink::steps {
namespace {

Tensor reshaped(const Tensor& t, Dims dims) {
  return Tensor(ArrayType{t.dtype(), std::move(dims)}, std::string(t.raw()));
}

// The axes of an attribute without the first.
void forget_first_axis(Node& n, std::size_t rank) {
  for (Attribute& a : n.attributes) {
    if (auto* list = std::get_if<std::vector<std::int64_t>>(&a.value)) {
      if (a.name == "perm" && list->size() == rank) std::erase(*list, 0);
      if (a.name == "perm" || a.name == "axes")
        for (std::int64_t& axis : *list)
          if (axis > 0) --axis;
    } else if (auto* axis = std::get_if<std::int64_t>(&a.value);
               axis != nullptr && a.name == "axis" && *axis > 0) {
      --*axis;
    }
  }
}

std::vector<Edit> edits(const Subject& s) {
  std::vector<Edit> list;
  const std::vector<Leaf> leaves = shrink::leaves(s);
  std::size_t rank = 0;
  for (const Leaf& leaf : leaves) rank = std::max(rank, leaf.content.dims().size());
  // A list of sizes has one for each axis.
  const auto is_list = [](const Tensor& t, std::size_t rank) {
    return t.dtype() == DType::kInt64 && t.dims() == Dims{static_cast<std::int64_t>(rank)};
  };
  for (const bool lists : {false, true})
    if (rank > 1)
      list.emplace_back([leaves, rank, lists, is_list](Case& c) {
        bool any = false;
        for (const Leaf& leaf : leaves)
          any = change_leaf(c, leaf.v,
                            [&](const Tensor& t) -> std::optional<Tensor> {
                              if (lists && is_list(t, rank) && t.int_at(0) == 1) {
                                std::vector<std::int64_t> sizes = t.ints_vector();
                                sizes.erase(sizes.begin());
                                return Tensor::ints(sizes);
                              }
                              if (t.dims().size() != rank || t.dims()[0] != 1) return std::nullopt;
                              return reshaped(t, {t.dims().begin() + 1, t.dims().end()});
                            }) ||
                any;
        for (Node& n : c.model.graph.nodes) forget_first_axis(n, rank);
        return any;
      });
  for (const Leaf& leaf : leaves)
    for (std::size_t axis = 0; axis < leaf.content.dims().size(); ++axis) {
      if (leaf.content.dims()[axis] != 1) continue;
      list.emplace_back([v = leaf.v, axis](Case& c) {
        return change_leaf(c, v, [&](const Tensor& t) -> std::optional<Tensor> {
          if (axis >= t.dims().size() || t.dims()[axis] != 1) return std::nullopt;
          Dims dims = t.dims();
          dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
          return reshaped(t, std::move(dims));
        });
      });
    }
  return list;
}

}  // namespace

extern const ShrinkStep drop_ranks;
const ShrinkStep drop_ranks = {.name = "drop-ranks", .what = "Axes of size 1 go.", .edits = edits};

}  // namespace mob::shrink::steps
