#include "mutators/old_initializers.h"

namespace mob {
namespace {

constexpr std::int64_t kFirstFree = 4;
constexpr std::int64_t kRaised = 8;

}  // namespace

void unlist_initializers(Case& c) {
  if (c.model.ir_version >= kFirstFree) return;
  Graph& g = c.model.graph;
  std::erase_if(g.inputs, [&](ValueId v) { return g[v].initializer && !c.inputs.contains(g[v].name); });
  c.model.ir_version = kRaised;
}

}  // namespace mob
