#include "fuzzer/triage/guards.h"

#include <algorithm>
#include <tuple>

#include "fuzzer/probes/applied_rules.h"
#include "fuzzer/triage/neighbours/neighbour_kind.h"

namespace mob {
namespace {

// Whether the guilty optimizer changes the neighbour, too.
bool fires(Trials& trials, const Case& c) {
  if (trials.lock().cure.empty()) return false;
  const System& system = trials.judge().system();
  const std::string& cure = trials.lock().cure.front();
  const auto known = std::find_if(system.optimizers.begin(), system.optimizers.end(),
                                  [&](const Optimizer& o) { return o.name == cure; });
  if (known == system.optimizers.end() || !known->rule) return trials.fires(c, cure);
  const int bundles[] = {known->level};
  const auto run = [&](const auto&... given) { return trials.judge().run_apart(given...); };
  const std::vector<std::string> applied = applied_rules(system, c, bundles, run);
  return std::find(applied.begin(), applied.end(), cure) != applied.end();
}

}  // namespace

std::string_view name(GuardKind k) {
  static constexpr std::string_view kNames[] = {"attribute", "value", "shape", "type",
                                                "constness", "edge",  "data"};
  return kNames[static_cast<std::size_t>(k)];
}

std::vector<Neighbour> neighbours(const Case& c, Judge& judge, const GuardPlace* only) {
  Neighbourhood there(c, judge, only);
  for (const NeighbourKind* kind : all_neighbour_kinds()) kind->add_to(there);
  return there.take();
}

std::vector<FoundGuard> find_guards(Trials& trials, const Case& c) {
  std::vector<Neighbour> all = neighbours(c, trials.judge());
  std::vector<Case> variants;
  variants.reserve(all.size());
  for (Neighbour& n : all) variants.push_back(std::move(n.c));
  const std::vector<Shown> shown = trials.run(variants);
  std::vector<FoundGuard> guards;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (shown[i] != Shown::kRight) continue;
    const auto same = std::find_if(guards.begin(), guards.end(),
                                   [&](const FoundGuard& g) { return g.place == all[i].place; });
    if (same != guards.end() && same->fires) continue;
    FoundGuard guard{all[i].place, all[i].key, all[i].change, "passes when " + all[i].words,
                     fires(trials, variants[i])};
    if (same == guards.end())
      guards.push_back(std::move(guard));
    else if (guard.fires)
      *same = std::move(guard);
  }
  // Among equals in an order that does not hang on where a node stands.
  const auto rank = [](const FoundGuard& g) {
    return std::tuple(!g.fires, g.place.kind, g.key.size(), g.key);
  };
  std::stable_sort(guards.begin(), guards.end(),
                   [&](const FoundGuard& a, const FoundGuard& b) { return rank(a) < rank(b); });
  return guards;
}

const FoundGuard* telling(const std::vector<FoundGuard>& guards) {
  for (const FoundGuard& g : guards)
    if (g.fires || g.place.kind < GuardKind::kConstness) return &g;
  return nullptr;
}

bool guard_holds(Trials& trials, const Case& c, const FoundGuard& guard) {
  std::vector<Neighbour> there = neighbours(c, trials.judge(), &guard.place);
  // The edit that cured before does so again, as a rule.
  std::stable_partition(there.begin(), there.end(),
                        [&](const Neighbour& n) { return n.change == guard.change; });
  return std::any_of(there.begin(), there.end(), [&](const Neighbour& n) {
    return trials.run({&n.c, 1}).front() == Shown::kRight;
  });
}

}  // namespace mob
