// A node reads another value in one of its slots, whichever fits.
#include "mutators/edit.h"

namespace mob::mutators {
namespace {

bool change(Case& c, const Facts& f, Rng& rng) {
  Graph& g = c.model.graph;
  std::vector<ValueId> values = f.computed();
  values.insert(values.end(), f.leaves().begin(), f.leaves().end());
  std::erase_if(values, [&](ValueId v) { return !f.known(v); });
  struct Place {
    Use use;
    ValueId to;
  };
  std::vector<Place> exact, loose;  // of the same type and shape; of the same element type
  for (std::size_t i = 0; i < g.nodes.size(); ++i)
    for (std::size_t s = 0; s < g.nodes[i].inputs.size(); ++s) {
      const ValueId old = g.nodes[i].inputs[s];
      if (old == kNoValue || !f.known(old)) continue;
      for (ValueId v : values) {
        if (v == old || f.type(v).dtype != f.type(old).dtype) continue;
        const bool same = f.type(v).dims == f.type(old).dims;
        (same ? exact : loose).push_back({{static_cast<int>(i), static_cast<int>(s)}, v});
      }
    }
  for (int attempt = 0; attempt < 8; ++attempt) {
    const auto p = !exact.empty() && rng.chance(0.7) ? maybe_pick(exact, rng) : maybe_pick(loose, rng);
    if (!p) return false;
    if (const int producer = f.producer(p->to); producer >= 0 && f.depends(producer, p->use.node)) continue;
    const ValueId old =
        g.nodes[static_cast<std::size_t>(p->use.node)].inputs[static_cast<std::size_t>(p->use.slot)];
    set_use(c, p->use, p->to);
    orphaned(c, old, rng);
    return true;
  }
  return false;
}

}  // namespace

extern const Mutator rewire;
const Mutator rewire{.name = "rewire",
                     .aims_at = "rewrites that follow an edge without asking into which slot it goes",
                     .apply = recompute<change>};

}  // namespace mob::mutators
