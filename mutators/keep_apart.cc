// The twin that is hard to optimize: constants become graph inputs, so that nothing is folded, and every
// value that a node makes becomes a graph output, so that nothing is fused away. The kernels stay the same.
#include <algorithm>

#include "mutators/rewrites.h"

namespace mob::mutators {
namespace {

// Whether constants were moved.
bool move_constants_out(Case& c, const Facts& f, Choices& choices) {
  bool any = false;
  for (ValueId v : f.leaves()) {
    if (c.model.graph.is_input(v) || !content(c, v)) continue;
    std::vector<Use> uses = f.uses(v);
    std::erase_if(uses, [](const Use& u) { return u.node < 0; });
    if (uses.empty()) continue;
    const Tensor t = *content(c, v);
    const ValueId fresh = add_leaf(c, choices.faulty() ? bent_tensor(t) : t, Constness::kInput);
    for (const Use& u : uses) set_use(c, u, fresh);
    any = true;
  }
  return any;
}

bool expose_all(Case& c, const Facts& f, Choices& choices) {
  bool any = false;
  for (ValueId v : f.computed()) {
    any = any || !c.model.graph.is_output(v);
    expose(c, v);
  }
  if (any) maybe_misread(c, f, choices);
  return any;
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::string what = choices.word("what", {"all", "constants", "intermediates"});
  const bool outputs = what != "constants" && expose_all(c, f, choices);
  const bool inputs = what != "intermediates" && move_constants_out(c, f, choices);
  return inputs || outputs ? std::optional(Promise{}) : std::nullopt;
}

}  // namespace

extern const Mutator keep_apart;
const Mutator keep_apart{
    .name = "keep-apart",
    .aims_at = "the same kernels without the passes: constants as inputs, intermediates as outputs (what)",
    .family = MutatorFamily::kRewrite,
    .apply = kept<change>};

}  // namespace mob::mutators
