#include "fuzzer/triage/reduce.h"

#include <algorithm>

#include "fuzzer/graph/prune.h"
#include "fuzzer/triage/variant.h"

namespace mob {
namespace {

constexpr int kMostRounds = 12;

class Reducer {
 public:
  Reducer(Trials& trials, const Case& c, const ReduceOptions& options)
      : trials_(trials), options_(options), tidy_(c), best_(c) {
    best_.witness.clear();
  }

  Reduced run() {
    Reduced result;
    if (!trials_.first_locked({&best_, 1})) {
      result.c = std::move(best_);
      result.checks = trials_.checks();
      return result;
    }
    result.locked = true;
    bool done = go_through([](const ShrinkStep& s) { return s.structure; }, result);
    // What is left to vary may bring out another bug of the same optimizer in the place of this one: an
    // exponent that it does not look at, where it was an axis. So the edit that cures must go on to do so.
    // Of random results, chance shows less the fewer elements there are.
    const bool random = evaluate(best_).random;
    if (random) options_.guard = false;
    if (options_.guard) {
      const std::vector<FoundGuard> guards = find_guards(trials_, best_);
      if (const FoundGuard* guard = telling(guards)) guard_ = *guard;
    }
    if (!random) done = go_through([](const ShrinkStep&) { return true; }, result) && done;
    if (options_.guard) result.guards = find_guards(trials_, best_);
    result.complete = done && !trials_.exhausted();
    compact();
    result.c = std::move(best_);
    result.checks = trials_.checks();
    return result;
  }

 private:
  bool wanted(const ShrinkStep& step) const {
    return options_.steps.empty() ||
           std::find(options_.steps.begin(), options_.steps.end(), step.name) != options_.steps.end();
  }

  // Again and again, as one step makes room for another. False where a limit was reached.
  template <class Chosen>
  bool go_through(Chosen chosen, Reduced& result) {
    bool changed = true;
    for (int round = 0; changed && round < kMostRounds && !trials_.exhausted(); ++round) {
      changed = false;
      for (const ShrinkStep* step : all_shrink_steps())
        if (chosen(*step) && wanted(*step) && take(*step)) {
          changed = true;
          if (std::find(result.steps.begin(), result.steps.end(), step->name) == result.steps.end())
            result.steps.emplace_back(step->name);
          if (options_.progress) options_.progress(*step, best_);
        }
    }
    return !changed;
  }

  // The first variant that shows the finding, and has its guard.
  std::optional<std::size_t> first(std::span<const Case> variants) {
    for (std::size_t from = 0; from < variants.size();) {
      const auto found = trials_.first_locked(variants.subspan(from));
      if (!found) return std::nullopt;
      if (!guard_ || guard_holds(trials_, variants[from + *found], *guard_)) return from + *found;
      from += *found + 1;
    }
    return std::nullopt;
  }

  // Delta debugging over the step's edits: all at once, then halves, quarters and so on, down to one by one.
  bool take(const ShrinkStep& step) {
    const Inferred now = inferred(best_, trials_.judge());
    const std::vector<Edit> edits = step.edits(now.subject());
    if (edits.empty()) return false;
    bool any = false;
    std::vector<bool> taken(edits.size(), false);
    for (std::size_t size = step.together ? edits.size() : 1; size > 0; size /= 2)
      any = pass(edits, size, taken) || any;
    return any;
  }

  // One pass over the edits, `size` of them at a time.
  bool pass(const std::vector<Edit>& edits, std::size_t size, std::vector<bool>& taken) {
    bool any = false;
    for (std::size_t from = 0; from < edits.size() && !trials_.exhausted();) {
      // As many variants of the case at hand as can run at once.
      std::vector<Case> variants;
      std::vector<std::size_t> starts;
      for (; from < edits.size() && variants.size() < static_cast<std::size_t>(trials_.lanes());
           from += size) {
        Case variant = best_;
        bool edited = false;
        for (std::size_t i = from; i < std::min(from + size, edits.size()); ++i)
          edited = (!taken[i] && edits[i](variant)) || edited;
        if (!edited || !tidy_(variant)) continue;
        variants.push_back(std::move(variant));
        starts.push_back(from);
      }
      const auto found = first(variants);
      if (!found) continue;
      best_ = std::move(variants[*found]);
      any = true;
      from = starts[*found];
      for (std::size_t i = from; i < std::min(from + size, edits.size()); ++i) taken[i] = true;
      from += size;
    }
    return any;
  }

  // Values that nothing names any more leave the table; they were kept so that edits find theirs.
  void compact() {
    Graph& g = best_.model.graph;
    sort_nodes(g);
    g = pruned(std::move(g));
  }

  Trials& trials_;
  ReduceOptions options_;
  const Tidy tidy_;
  Case best_;
  std::optional<FoundGuard> guard_;
};

}  // namespace

Reduced reduce(Trials& trials, const Case& c, const ReduceOptions& options) {
  return Reducer(trials, c, options).run();
}

}  // namespace mob
