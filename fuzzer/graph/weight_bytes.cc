#include "fuzzer/graph/weight_bytes.h"

namespace mob {

std::int64_t packed_bytes(const Tensor& t) {
  return (t.count() * bits(t.dtype()) + 7) / 8;
}

std::int64_t weight_bytes(const Graph& g) {
  std::int64_t bytes = 0;
  for (ValueId v : g.initializers) bytes += packed_bytes(*g[v].initializer);
  for (const Node& n : g.nodes)
    for (const Attribute& a : n.attributes)
      if (const auto* t = std::get_if<Tensor>(&a.value); t != nullptr && n.op_type == "Constant")
        bytes += packed_bytes(*t);
  return bytes;
}

}  // namespace mob
