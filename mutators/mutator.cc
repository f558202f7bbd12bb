#include "mutators/mutator.h"

#include "fuzzer/reference/decidedness.h"
#include "mutators/edit.h"

namespace mob {

#define MUTATOR(name)        \
  namespace mutators {       \
  extern const Mutator name; \
  }
#include "mutators/all.def"
#undef MUTATOR

const std::vector<const Mutator*>& all_mutators() {
  static const std::vector<const Mutator*> list = {
#define MUTATOR(name) &mutators::name,
#include "mutators/all.def"
#undef MUTATOR
  };
  return list;
}

const Mutator* find_mutator(std::string_view name) {
  for (const Mutator* m : all_mutators())
    if (m->name == name) return m;
  return nullptr;
}

namespace {

std::vector<const Mutator*> of_kind(bool keeps_values) {
  std::vector<const Mutator*> list;
  for (const Mutator* m : all_mutators())
    if (m->keeps_values == keeps_values) list.push_back(m);
  return list;
}

constexpr int kMost = 4;           // mutations of one case
constexpr int kAttempts = 16;      // for each of them
constexpr double kKeepPoor = 0.1;  // a mutant of which little can be decided is kept with this chance
constexpr double kPoorShare = 0.3;

// Whether the answer says too little to be worth a run, where the parent's said more.
bool poor(const Case& c) {
  const mutators::Facts facts(c);
  if (facts.unspecified() > 0) return true;
  std::vector<Expected> outputs;
  for (ValueId v : c.model.graph.outputs)
    if (facts.known(v)) outputs.push_back(*facts.value(v));
  return decidedness(outputs).share() < 1 - kPoorShare;
}

// One mutation that settles, of an evenly drawn mutator.
bool mutate_once(Case& c, Rng& rng, bool parent_poor, const Support* support) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    static const std::vector<const Mutator*> mutators = of_kind(false);
    const Mutator& m = *rng.pick(mutators);
    Case draft = c;
    if (!m.apply(draft, rng) || !settle(draft, support)) continue;
    if (!parent_poor && poor(draft) && !rng.chance(kKeepPoor)) continue;
    draft.lineage.emplace_back(m.name);
    c = std::move(draft);
    return true;
  }
  return false;
}

}  // namespace

std::optional<Case> nested(const Case& c, Rng& rng) {
  static const std::vector<const Mutator*> mutators = of_kind(true);
  const Mutator& m = *rng.pick(mutators);
  Case draft = c;
  draft.witness.clear();
  if (!m.apply(draft, rng)) return std::nullopt;
  draft.lineage.emplace_back(m.name);
  return draft;
}

std::optional<Case> mutated(const Case& seed, Rng& rng, double more, const Support* support) try {
  if (!mutators::plain(seed)) return std::nullopt;
  Case c = seed;
  const bool parent_poor = poor(c);
  int done = 0;
  do {
    if (!mutate_once(c, rng, parent_poor, support)) break;
    ++done;
  } while (done < kMost && rng.chance(more));
  if (done == 0) return std::nullopt;
  return c;
} catch (const UserError&) {  // the seed has a cycle
  return std::nullopt;
}

}  // namespace mob
