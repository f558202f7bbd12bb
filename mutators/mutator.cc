#include "mutators/mutator.h"

#include <algorithm>

#include "fuzzer/graph/model_io.h"
#include "fuzzer/reference/decidedness.h"
#include "mutators/edit.h"
#include "mutators/old_initializers.h"

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

std::string_view name(MutatorFamily f) {
  switch (f) {
    case MutatorFamily::kChange:
      return "change";
    case MutatorFamily::kNest:
      return "nesting";
    case MutatorFamily::kRewrite:
      return "rewriting";
    case MutatorFamily::kFuse:
    case MutatorFamily::kUnfuse:
      return "fusion";
    case MutatorFamily::kPrune:
      return "pruning";
    case MutatorFamily::kQuantize:
      return "quantization";
    case MutatorFamily::kCluster:
      return "clustering";
  }
  return "";
}

namespace {

std::vector<const Mutator*> of_families(std::initializer_list<MutatorFamily> families) {
  std::vector<const Mutator*> list;
  for (const Mutator* m : all_mutators())
    if (std::find(families.begin(), families.end(), m->family) != families.end()) list.push_back(m);
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
  const mutators::Facts facts(c);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    static const std::vector<const Mutator*> mutators = of_families({MutatorFamily::kChange});
    const Mutator& m = *rng.pick(mutators);
    Case draft = c;
    Choices choices(rng);
    choices.set_facts(&facts);
    if (!m.apply(draft, choices) || !settle(draft, support)) continue;
    if (!parent_poor && poor(draft) && !rng.chance(kKeepPoor)) continue;
    draft.lineage.emplace_back(m.name);
    c = std::move(draft);
    return true;
  }
  return false;
}

}  // namespace

std::optional<Case> nested(const Case& c, Rng& rng) {
  static const std::vector<const Mutator*> mutators = of_families({MutatorFamily::kNest});
  const Mutator& m = *rng.pick(mutators);
  Case draft = c;
  draft.witness.clear();
  Choices choices(rng);
  if (!m.apply(draft, choices)) return std::nullopt;
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

std::optional<Derivation> derive(Case& c, const Mutator& mutator, Choices& choices, const Support* support) {
  Case draft = c;
  std::optional<Promise> promise = mutator.apply(draft, choices);
  if (!promise || !settle(draft, support)) return std::nullopt;
  // Zeros pruned, an order that was drawn again: nothing that could be told from a tool that does nothing.
  if (serialize(draft.model) == serialize(c.model)) return std::nullopt;
  const std::string settings = choices.settings();
  draft.lineage.push_back(std::string(mutator.name) + (settings.empty() ? "" : " " + settings));
  Derivation step{.mutator = std::string(mutator.name),
                  .kind = std::string(name(mutator.family)),
                  .settings = settings,
                  .parent = std::make_shared<const Case>(std::move(c)),
                  .promise = std::move(*promise)};
  c = std::move(draft);
  return step;
}

std::optional<Derived> derived(const Case& parent, Rng& rng, double more, const Support* support) {
  Derived d{.c = parent, .steps = {}};
  unlist_initializers(d.c);
  std::optional<mutators::Facts> facts = mutators::facts_of(d.c);  // of d.c as it stands
  const auto attempt = [&](std::initializer_list<MutatorFamily> families) {
    const std::vector<const Mutator*> mutators = of_families(families);
    for (int n = 0; n < kAttempts && !mutators.empty(); ++n) {
      Choices choices(rng);
      if (facts) choices.set_facts(&*facts);
      if (auto step = derive(d.c, *rng.pick(mutators), choices, support)) {
        d.steps.push_back(std::move(*step));
        facts.reset();
        if (auto now = mutators::facts_of(d.c)) facts.emplace(std::move(*now));
        return;
      }
    }
  };
  const auto reshape = [&] {
    for (int n = 0; n < kMost && rng.chance(more); ++n)
      attempt({MutatorFamily::kFuse, MutatorFamily::kUnfuse, MutatorFamily::kRewrite});
  };
  reshape();
  for (const MutatorFamily f : {MutatorFamily::kPrune, MutatorFamily::kCluster, MutatorFamily::kQuantize}) {
    if (!rng.chance(0.5)) continue;
    attempt({f});
    reshape();
  }
  if (d.steps.empty()) return std::nullopt;
  return d;
}

}  // namespace mob
