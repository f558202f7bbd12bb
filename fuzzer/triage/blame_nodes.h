// Where in a model numbers go wrong first.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fuzzer/triage/judge.h"

namespace mob {

// A value outside its bound. Names are those of the model before it was optimized.
struct BadTensor {
  std::string value, node, op;  // a node without a name goes by its first output
  std::optional<Gap> gap;       // the worst element
  std::string difference;       // of type or shape, in words, where that is wrong; then there is no gap
};

struct NodeBlame {
  std::optional<BadTensor> first;  // none where a value before it hides the finding
  // Values within, in topological order, that make the finding vanish at this configuration when they are
  // graph outputs, too: the pass that is guilty leaves such values alone.
  std::vector<std::string> hides;
  std::string why;      // why there is no `first`
  bool nested = false;  // the model has nested graphs, which are not looked into
};

// At `bad`, one of the finding's configurations, every value within the top graph is made a graph output:
// all together if the finding still shows then, else one at a time (of large models the last 200). Values
// that are outside their bound without optimization, too, do not count, unless the finding is a kernel's.
// Asks the judge's second process. Nothing for random results and where there is no reference.
NodeBlame blame_nodes(Judge& judge, const Case& c, const Finding& finding, const Configuration& bad);

}  // namespace mob
