// Graph outputs that the finding can do without, and with them the nodes that only they need.
#include "fuzzer/triage/shrink/edits.h"

namespace mob::shrink::steps {
namespace {

std::vector<Edit> edits(const Subject& s) {
  std::vector<Edit> list;
  const auto& outputs = s.c.model.graph.outputs;
  // An operator's first output is the plainest one to look at: it is kept longest.
  for (auto v = outputs.rbegin(); outputs.size() > 1 && v != outputs.rend(); ++v)
    list.emplace_back([v = *v](Case& c) { return std::erase(c.model.graph.outputs, v) > 0; });
  return list;
}

}  // namespace

extern const ShrinkStep drop_outputs;
const ShrinkStep drop_outputs = {.name = "drop-outputs",
                                 .what = "Leaves out graph outputs.",
                                 .together = true,
                                 .structure = true,
                                 .edits = edits};

}  // namespace mob::shrink::steps
