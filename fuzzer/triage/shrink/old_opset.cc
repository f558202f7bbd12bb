// The oldest opset at which every node has the form that it has: more versions of a runtime can read it.
#include <algorithm>

#include "fuzzer/graph/schema.h"
#include "fuzzer/triage/shrink/edits.h"

namespace mob::shrink::steps {
namespace {

constexpr int kOldest = 13;  // what is older does not run in more versions that are of interest

// 0 where that cannot be told.
int oldest(const Graph& g, int opset) {
  int since = kOldest;
  for (const Node& n : g.nodes) {
    if (!n.domain.empty()) continue;
    const Schema* form = schema(n.op_type, opset);
    if (form == nullptr) return 0;
    since = std::max(since, form->since);
    for (const Graph* body : n.bodies()) {
      const int within = oldest(*body, opset);
      if (within == 0) return 0;
      since = std::max(since, within);
    }
  }
  return since;
}

std::vector<Edit> edits(const Subject& s) {
  const auto opset = static_cast<int>(s.c.model.opset());
  const int since = opset > kOldest ? oldest(s.c.model.graph, opset) : 0;
  if (since == 0 || since >= opset) return {};
  return {[since](Case& c) {
    c.model.opsets[""] = since;
    return true;
  }};
}

}  // namespace

extern const ShrinkStep old_opset;
const ShrinkStep old_opset = {
    .name = "old-opset", .what = "The oldest opset at which the nodes mean the same.", .edits = edits};

}  // namespace mob::shrink::steps
