// Most findings that need other sizes of the symbolic dimensions need one set of them: alone if that does, or
// behind the case's own.
#include "fuzzer/triage/shrink/shrink_step.h"

namespace mob::shrink::steps {
namespace {

std::vector<Edit> edits(const Subject& s) {
  std::vector<Edit> list;
  if (s.c.bindings.empty()) return list;
  list.emplace_back([](Case& c) {
    c.bindings.clear();
    return true;
  });
  for (std::size_t b = 0; b < s.c.bindings.size(); ++b)
    list.emplace_back([b](Case& c) {
      if (b >= c.bindings.size()) return false;
      c.inputs = c.bindings[b];
      c.bindings.clear();
      return true;
    });
  for (std::size_t b = 0; s.c.bindings.size() > 1 && b < s.c.bindings.size(); ++b)
    list.emplace_back([b](Case& c) {
      if (b >= c.bindings.size() || c.bindings.size() < 2) return false;
      c.bindings = {c.bindings[b]};
      return true;
    });
  return list;
}

}  // namespace

extern const ShrinkStep one_binding;
const ShrinkStep one_binding = {.name = "one-binding",
                                .what = "Leaves out sets of inputs of other sizes.",
                                .structure = true,
                                .edits = edits};

}  // namespace mob::shrink::steps
