// Element types become the plainest of their kind: float, int64, uint8; everywhere at once, as a node's types
// hang together.
#include <set>

#include "fuzzer/triage/shrink/edits.h"
#include "mutators/edit.h"

namespace mob::shrink::steps {
namespace {

DType plainer(DType t) {
  switch (t) {
    case DType::kDouble:
    case DType::kFloat16:
    case DType::kBFloat16:
      return DType::kFloat;
    case DType::kInt32:
    case DType::kUint32:
    case DType::kUint64:
      return DType::kInt64;
    case DType::kInt8:
    case DType::kInt16:
    case DType::kUint16:
      return DType::kUint8;
    default:
      return t;
  }
}

Tensor converted(const Tensor& t, DType to) {
  if (t.dtype() != DType::kInt8) return mutators::converted(t, to);
  // Quantized numbers keep their distance from each other and from their zero point.
  std::vector<std::int64_t> values = t.ints_vector();
  for (std::int64_t& v : values) v += 128;
  return Tensor::of_ints(to, t.dims(), values);
}

std::vector<Edit> edits(const Subject& s) {
  std::set<DType> types;
  std::vector<ValueId> ids;
  for (const Leaf& leaf : leaves(s)) {
    ids.push_back(leaf.v);
    types.insert(leaf.content.dtype());
  }
  const auto is_type = [](const Attribute& a) {
    return mutators::names_type(a.name) || a.name == "stash_type";
  };
  for (const Node& n : s.c.model.graph.nodes)
    for (const Attribute& a : n.attributes)
      if (const auto* i = std::get_if<std::int64_t>(&a.value); i != nullptr && is_type(a))
        types.insert(static_cast<DType>(*i));
  std::vector<Edit> list;
  for (DType from : types) {
    const DType to = plainer(from);
    if (to == from) continue;
    list.emplace_back([ids, from, to, is_type](Case& c) {
      bool any = false;
      for (ValueId v : ids)
        any = change_leaf(c, v,
                          [&](const Tensor& t) -> std::optional<Tensor> {
                            if (t.dtype() != from) return std::nullopt;
                            return converted(t, to);
                          }) ||
              any;
      for (Node& n : c.model.graph.nodes)
        for (Attribute& a : n.attributes)
          if (auto* i = std::get_if<std::int64_t>(&a.value);
              i != nullptr && is_type(a) && static_cast<DType>(*i) == from) {
            *i = static_cast<std::int64_t>(to);
            any = true;
          }
      return any;
    });
  }
  return list;
}

}  // namespace

extern const ShrinkStep plain_types;
const ShrinkStep plain_types = {
    .name = "plain-types", .what = "Element types become float, int64 or uint8.", .edits = edits};

}  // namespace mob::shrink::steps
