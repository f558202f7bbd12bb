#include "fuzzer/triage/blame_passes.h"

#include <algorithm>
#include <map>
#include <set>

#include "fuzzer/base/text.h"
#include "fuzzer/probes/applied_rules.h"

namespace mob {
namespace {

// Pairs are tried of so many optimizers; of more, a set is narrowed down.
constexpr std::size_t kMostForPairs = 24;
constexpr std::size_t kRequest = 48;  // sets that one request asks for
// Where a session takes longer than this share of a second, or what goes wrong is that it never ends, not
// every optimizer is tried for its own sake.
constexpr double kDearSession = 0.25;
constexpr int kRepeats = 6;  // of a finding that shows only at times

// How dear a look at the finding is, and with that how many are had.
enum class Price { kCheap, kDear, kHang };

void add_new(PassSet& to, const std::string& pass) {
  if (std::find(to.begin(), to.end(), pass) == to.end()) to.push_back(pass);
}

PassSet each_once(const std::vector<std::string>& passes) {
  PassSet once;
  for (const std::string& p : passes) add_new(once, p);
  return once;
}

class Search {
 public:
  Search(Judge& judge, const Case& c, const Judged& judged, const Finding& finding, std::size_t at)
      : judge_(judge), c_(c), judged_(judged), finding_(finding) {
    found_.bad = judged.configurations[at];
    found_.symptom = finding.symptom;
    for (std::size_t i = 0; i < judged.outcomes.size(); ++i) {
      if (judged.configurations[i].level != found_.bad.level) continue;
      const Outcome& o = judged.outcomes[i];
      if (o.passes.size() > found_.fired.size()) found_.fired = o.passes;
      if (o.load_seconds + o.run_seconds > kDearSession) price_ = Price::kDear;
    }
    // Random results take many sessions in fresh processes for one look.
    if (judged.reference.random) price_ = Price::kDear;
    if (finding.symptom == Symptom::kHang) price_ = Price::kHang;
    repeats_ = finding.symptom == Symptom::kNondeterminism ? kRepeats : 1;
  }

  // `hints`: what cures at a lower level.
  PassBlame run(const std::vector<PassSet>& hints) {
    hints_ = hints;
    list_candidates();
    search();
    if (repeats_ == 1 && (lost_ || !holds_again())) {
      // It does not show each time: what was asked for once says nothing.
      repeats_ = kRepeats;
      lost_ = false;
      known_.clear();
      found_.cures.clear();
      found_.instead.clear();
      found_.none.clear();
      search();
    }
    found_.repeated = repeats_ > 1;
    if (!found_.cures.empty()) found_.lesser = known(found_.cures.front()).lesser;
    found_.fired = each_once(found_.fired);
    return std::move(found_);
  }

 private:
  static PassSet sorted(PassSet set) {
    std::sort(set.begin(), set.end());
    return set;
  }
  const Without& known(const PassSet& set) const { return known_.at(sorted(set)); }

  // What fired, what may have done so unseen, and the rest.
  void list_candidates() {
    const System& system = judge_.system();
    for (auto p = found_.fired.rbegin(); p != found_.fired.rend(); ++p) fired(*p);
    for (const Optimizer& o : system.optimizers) {
      if (o.level > found_.bad.level || !o.unreachable_in(system.version).empty()) continue;
      add_new(all_, o.name);
    }
    for (const std::string& p : changed_) add_new(all_, p);
  }
  // A pass was told to have changed the model. Of a bundle of rules, which did is not told.
  void fired(const std::string& pass) {
    if (rule_bundle(pass) == 0) {
      add_new(changed_, pass);
      return;
    }
    add_new(bundles_, pass);
    for (const Optimizer& o : judge_.system().optimizers)
      if (o.rule && o.level == rule_bundle(pass) && o.unreachable_in(judge_.system().version).empty())
        add_new(changed_, o.name);
  }

  // Asks for those sets that are not known yet. False where the finding does not show with nothing disabled:
  // then nothing is known.
  bool ask(const std::vector<PassSet>& sets) {
    std::vector<PassSet> news;
    for (const PassSet& set : sets)
      if (!known_.contains(sorted(set))) news.push_back(set);
    for (std::size_t from = 0; from < news.size() && !lost_; from += kRequest) {
      const std::vector<PassSet> some(
          news.begin() + static_cast<std::ptrdiff_t>(from),
          news.begin() + static_cast<std::ptrdiff_t>(std::min(news.size(), from + kRequest)));
      ask_together(some);
    }
    return !lost_;
  }
  void ask_together(const std::vector<PassSet>& sets) {
    std::vector<Without> merged(sets.size());
    int shown = 0;
    for (int i = 0; i < repeats_; ++i) {
      // Each time in another order: what came before in the process may matter.
      std::vector<PassSet> turned = sets;
      const std::size_t by = static_cast<std::size_t>(i) % sets.size();
      std::rotate(turned.begin(), turned.begin() + static_cast<std::ptrdiff_t>(by), turned.end());
      const Trial trial = try_without(judge_, c_, judged_.reference, finding_, found_.bad, turned, true);
      found_.sessions += static_cast<int>(sets.size()) + 1;
      shown += trial.control.shows;
      for (std::size_t k = 0; k < sets.size(); ++k) {
        const Without& now = trial.each[(k + sets.size() - by) % sets.size()];
        Without& w = merged[k];
        if (i == 0) {
          w = now;
          continue;
        }
        w.runs = w.runs && now.runs;
        w.refused = w.refused && now.refused;
        w.shows = w.shows || now.shows;
        if (w.other.empty()) w.other = now.other;
        if (w.lesser.empty()) w.lesser = now.lesser;
      }
    }
    if (shown == 0) lost_ = true;
    for (std::size_t k = 0; k < sets.size(); ++k) known_[sorted(sets[k])] = std::move(merged[k]);
  }

  static std::vector<PassSet> singles(const PassSet& passes) {
    std::vector<PassSet> sets;
    for (const std::string& p : passes) sets.push_back({p});
    return sets;
  }

  // Asks for single optimizers, and for those that fire in another's place; returns those that cure.
  std::vector<PassSet> single_cures(PassSet tried) {
    for (std::size_t from = 0; from < tried.size();) {
      const PassSet news(tried.begin() + static_cast<std::ptrdiff_t>(from), tried.end());
      if (!ask(singles(news))) return {};
      from = tried.size();
      for (const std::string& p : news)
        for (const std::string& told : known({p}).fired) fired(told);
      for (const std::string& p : changed_) add_new(tried, p);
    }
    std::vector<PassSet> cures;
    for (const std::string& p : tried)
      if (known({p}).cures()) cures.push_back({p});
    return cures;
  }

  // Those told to have changed the model; of the rules in a bundle, those whose disabling changes what is
  // saved.
  PassSet for_pairs() {
    std::vector<int> levels;
    for (const std::string& bundle : bundles_) levels.push_back(rule_bundle(bundle));
    const PassSet rules = applied_rules(judge_.system(), c_, levels,
                                        [&](const auto&... asked) { return judge_.run_apart(asked...); });
    PassSet some = rules.empty() ? changed_ : rules;
    for (const std::string& p : changed_)
      if (const auto& o = judge_.system().optimizers; std::none_of(
              o.begin(), o.end(), [&](const Optimizer& known) { return known.rule && known.name == p; }))
        add_new(some, p);
    return some;
  }
  std::vector<PassSet> pair_cures(const PassSet& passes) {
    std::vector<PassSet> pairs, cures;
    for (std::size_t i = 0; i < passes.size(); ++i)
      for (std::size_t k = i + 1; k < passes.size(); ++k) pairs.push_back({passes[i], passes[k]});
    if (!ask(pairs)) return {};
    for (const PassSet& pair : pairs)
      if (known(pair).cures()) cures.push_back(pair);
    return cures;
  }

  // Delta debugging: of a set that cures, one that cures no more when any of it is left out.
  PassSet narrowed(PassSet set) {
    for (std::size_t parts = 2; set.size() > 1 && !lost_;) {
      std::vector<PassSet> some, rest;
      for (std::size_t i = 0; i < parts; ++i) {
        PassSet in, out;
        for (std::size_t k = 0; k < set.size(); ++k)
          (k * parts / set.size() == i ? in : out).push_back(set[k]);
        some.push_back(std::move(in));
        rest.push_back(std::move(out));
      }
      const auto cured = [&](const std::vector<PassSet>& sets) {
        ask(sets);
        return std::find_if(sets.begin(), sets.end(),
                            [&](const PassSet& s) { return known_.contains(sorted(s)) && known(s).cures(); });
      };
      if (const auto at = cured(some); at != some.end()) {
        set = PassSet(*at);
        parts = 2;
      } else if (const auto left = cured(rest); left != rest.end()) {
        set = PassSet(*left);
        parts = std::max<std::size_t>(2, parts - 1);
      } else if (parts >= set.size()) {
        break;
      } else {
        parts = std::min(set.size(), 2 * parts);
      }
    }
    return set;
  }

  void search() {
    const System& system = judge_.system();
    if (found_.bad.level == 0) {
      found_.none = "it shows without optimization";
    } else if (!system.can_disable) {
      found_.none = system.label() + " takes no names of optimizers to disable; the model was changed by " +
                    (found_.fired.empty() ? "none that tells" : join(each_once(found_.fired), ", "));
    } else {
      search_sets();
      for (const auto& [set, w] : known_)
        if (set.size() == 1 && !w.shows && !w.other.empty()) found_.instead.emplace_back(set[0], w.other);
      sort_by_guilt(system, found_.fired, found_.cures);
      if (lost_) {
        found_.cures.clear();
        found_.none = "it did not show again with nothing disabled";
      }
    }
  }
  void search_sets() {
    auto& cures = found_.cures;
    if (price_ == Price::kHang) {
      // Each that does not cure takes until the deadline.
      for (const PassSet& hint : hints_)
        if (ask({hint}) && known(hint).cures()) cures.push_back(hint);
      if (!cures.empty() || lost_) return;
    } else {
      // Each that cures is wanted; but what fired comes first, and where looking is dear it must do.
      cures = single_cures(price_ == Price::kCheap ? all_ : changed_);
      if (cures.empty() && !lost_) cures = single_cures(all_);
      if (!cures.empty() || lost_) return;
    }
    PassSet everything = all_;
    for (const std::string& p : changed_) add_new(everything, p);
    if (!cures_all(everything)) {
      // Rules of a bundle that we do not know by name.
      for (const std::string& p : bundles_) add_new(everything, p);
      if (bundles_.empty() || !cures_all(everything)) {
        if (!lost_)
          found_.none =
              known(everything).other.empty()
                  ? "not an optimizer that can be disabled: it shows with all of them disabled"
                  : "with all optimizers disabled there is another finding: " + known(everything).other;
        return;
      }
    }
    if (price_ == Price::kCheap)
      if (const PassSet some = for_pairs(); some.size() <= kMostForPairs) cures = pair_cures(some);
    if (cures.empty() && !lost_) cures = {narrowed(everything)};
  }
  // What cured does so once more.
  bool holds_again() {
    // Of random results one look is many already.
    if (found_.cures.empty() || judged_.reference.random) return true;
    for (const PassSet& cure : found_.cures) known_.erase(sorted(cure));
    return ask(found_.cures) && std::all_of(found_.cures.begin(), found_.cures.end(),
                                            [&](const PassSet& cure) { return known(cure).cures(); });
  }
  bool cures_all(const PassSet& everything) { return ask({everything}) && known(everything).cures(); }

  Judge& judge_;
  const Case& c_;
  const Judged& judged_;
  const Finding& finding_;
  PassBlame found_;
  Price price_ = Price::kCheap;
  int repeats_ = 1;
  bool lost_ = false;
  std::vector<PassSet> hints_;
  PassSet all_;      // every optimizer that a level runs, those that changed the model first
  PassSet changed_;  // those told to have changed it, with whatever disabled; and all rules of such bundles
  PassSet bundles_;
  std::map<PassSet, Without> known_;
};

}  // namespace

Finding as_told(const Judged& judged, const Finding& finding) {
  for (const auto& [oracle, verdict] : judged.by_oracle)
    if (oracle == finding.oracle && verdict.finding && verdict.finding->symptom == finding.symptom)
      return *verdict.finding;
  return finding;
}

std::vector<PassBlame> blame_passes(Judge& judge, const Case& c, const Judged& judged) {
  const Finding first = as_told(judged, *judged.verdict.finding);
  // Other findings of the class count for levels at which the first does not show.
  std::vector<Finding> findings = {first};
  for (const Finding& f : judged.also)
    if (f.cls == first.cls) findings.push_back(f);
  // A saved model is news only where the session that saved it is right.
  const auto& all = judged.configurations;
  const bool saved = std::all_of(first.configurations.begin(), first.configurations.end(),
                                 [&](std::size_t i) { return all[i].reload; });
  std::map<int, std::pair<const Finding*, std::size_t>> where;  // by level
  for (const Finding& f : findings)
    for (std::size_t i : f.configurations)
      if (all[i].level > 0 && all[i].reload == saved) where.try_emplace(all[i].level, &f, i);
  std::vector<PassBlame> blames;
  blames.reserve(where.size());
  for (const auto& [level, found] : where)
    blames.push_back(Search(judge, c, judged, *found.first, found.second)
                         .run(blames.empty() ? std::vector<PassSet>() : blames.back().cures));
  return blames;
}

}  // namespace mob
