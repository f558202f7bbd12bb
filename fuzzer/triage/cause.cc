#include "fuzzer/triage/cause.h"

#include <algorithm>
#include <limits>

#include "fuzzer/probes/applied_rules.h"

namespace mob {
namespace {

// The evidence of a plain run and of configurations [from, from + count), taken out of a larger set.
Judged weigh_some(Judge& judge, const Case& c, const Reference& reference, const std::vector<Outcome>& all,
                  const std::vector<Configuration>& all_configurations, std::size_t from, std::size_t count) {
  std::vector<Outcome> outcomes = {all[0]};
  std::vector<Configuration> configurations = {all_configurations[0]};
  for (std::size_t i = from; i < from + count; ++i) {
    outcomes.push_back(all[i]);
    if (outcomes.back().ok() && outcomes.back().same_as > 0) {
      outcomes.back().outputs = outputs_of(all, i);
      outcomes.back().same_as = -1;
    }
    configurations.push_back(all_configurations[i]);
  }
  return judge.weigh(c, reference, std::move(outcomes), configurations);
}

// When a pass, or the bundle of a rule, changed the model for the last time; later than all where it did not
// get so far as to tell.
std::size_t last_turn(const System& system, const std::vector<std::string>& fired, const std::string& pass) {
  const auto known = std::find_if(system.optimizers.begin(), system.optimizers.end(),
                                  [&](const Optimizer& o) { return o.name == pass; });
  const int bundle = known != system.optimizers.end() && known->rule ? known->level : 0;
  const auto at = std::find_if(fired.rbegin(), fired.rend(), [&](const std::string& told) {
    return bundle > 0 ? rule_bundle(told) == bundle : told == pass;
  });
  return at == fired.rend() ? fired.size() : static_cast<std::size_t>(fired.rend() - at) - 1;
}

// Whether two outcomes are alike in all that oracles look at.
bool alike(const Outcome& a, const std::vector<Output>& of_a, const Outcome& b,
           const std::vector<Output>& of_b) {
  if (a.kind != b.kind || a.stage != b.stage || a.message != b.message || !same_outputs(of_a, of_b) ||
      !same_outputs(a.second_run, b.second_run) || a.bindings.size() != b.bindings.size())
    return false;
  for (std::size_t i = 0; i < a.bindings.size(); ++i)
    if (!alike(a.bindings[i], a.bindings[i].outputs, b.bindings[i], b.bindings[i].outputs)) return false;
  return true;
}

}  // namespace

bool same_outputs(const std::vector<Output>& a, const std::vector<Output>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Output& x, const Output& y) {
    return x.name == y.name && x.is_tensor == y.is_tensor && (!x.is_tensor || x.tensor.identical(y.tensor));
  });
}

void add_without(const Configuration& bad, const std::vector<std::string>& disabled, bool report,
                 std::vector<Configuration>& to) {
  Configuration c = bad;
  c.report_passes = report;
  c.disabled.insert(c.disabled.end(), disabled.begin(), disabled.end());
  if (bad.reload) {
    to.push_back(c);
    to.back().reload = false;
  }
  to.push_back(std::move(c));
}

Trial try_without(Judge& judge, const Case& c, const Reference& reference, const Finding& finding,
                  const Configuration& bad, std::span<const std::vector<std::string>> sets, bool report) {
  const std::size_t each = bad.reload ? 2 : 1;
  std::vector<Configuration> configurations = {{.level = 0}};
  add_without(bad, {}, report, configurations);
  for (const auto& set : sets) add_without(bad, set, report, configurations);
  const std::vector<Outcome> all = judge.run_apart(c, configurations);
  const auto look = [&](std::size_t from) {
    const Outcome& last = all[from + each - 1];
    Without w;
    w.runs = last.ok();
    w.refused = last.kind == Outcome::Kind::kRejected && all[0].kind == last.kind;
    const Judged here = weigh_some(judge, c, reference, all, configurations, from, each);
    w.shows = shows(here, finding.symptom, finding.cls);
    if (const auto& found = here.verdict.finding; found && !w.shows)
      (found->cls <= finding.cls ? w.other : w.lesser) =
          std::string(name(found->cls)) + " " + std::string(name(found->symptom));
    return w;
  };
  const auto told = [&](std::size_t from, Without w) {
    w.fired.clear();
    for (std::size_t k = 0; k < each; ++k)
      if (all[from + k].passes.size() > w.fired.size()) w.fired = all[from + k].passes;
    return w;
  };
  // One look at random results takes dozens of sessions: a set that leaves the optimized model as it is needs
  // none.
  std::vector<std::string> saved;
  if (reference.random) {
    std::vector<Configuration> saving(configurations.begin() + 1, configurations.end());
    for (Configuration& s : saving) s.reload = s.keep_saved = s.load_only = true;
    for (const Outcome& o : judge.run_apart(c, saving)) saved.push_back(o.saved_model);
  }
  Trial trial;
  trial.control = told(1, look(1));
  for (std::size_t from = 1 + each; from < configurations.size(); from += each) {
    // Most optimizers have nothing to do with it, and asking all oracles takes longer than a session.
    bool same = true;
    for (std::size_t k = 0; same && k < each; ++k)
      same = reference.random
                 ? !saved[k].empty() && saved[k] == saved[from - 1 + k]
                 : alike(all[1 + k], outputs_of(all, 1 + k), all[from + k], outputs_of(all, from + k));
    trial.each.push_back(told(from, same ? trial.control : look(from)));
  }
  return trial;
}

Cured cured_by(Judge& judge, const Case& c, const Reference& reference, const Finding& finding,
               const Configuration& bad, std::span<const std::string> passes) {
  std::vector<std::vector<std::string>> sets;
  for (const std::string& p : passes) sets.push_back({p});
  const Trial trial = try_without(judge, c, reference, finding, bad, sets, false);
  Cured cured;
  cured.shown = trial.control.shows;
  for (const Without& w : trial.each) cured.by.push_back(w.runs && !w.shows);
  return cured;
}

void sort_by_guilt(const System& system, const std::vector<std::string>& fired,
                   std::vector<std::vector<std::string>>& cures) {
  const auto innocence = [&](const std::string& pass) {
    const auto known = std::find(system.preparing.begin(), system.preparing.end(), pass);
    return known == system.preparing.end() ? -1 : known - system.preparing.begin();
  };
  // Those before the last one to work on the model only made it what that one takes up.
  const auto rank = [&](const std::vector<std::string>& set) {
    std::pair<std::ptrdiff_t, std::ptrdiff_t> worst = {-1, std::numeric_limits<std::ptrdiff_t>::min()};
    for (const std::string& pass : set)
      worst =
          std::max(worst, {innocence(pass), -static_cast<std::ptrdiff_t>(last_turn(system, fired, pass))});
    return worst;
  };
  std::stable_sort(cures.begin(), cures.end(),
                   [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
}

std::size_t lowest_bad(const Judged& judged) {
  const std::vector<std::size_t>& bad = judged.verdict.finding->configurations;
  MOB_CHECK(!bad.empty());
  return *std::min_element(bad.begin(), bad.end(), [&](std::size_t a, std::size_t b) {
    return judged.configurations[a].level < judged.configurations[b].level;
  });
}

Cause find_cause(Judge& judge, const Case& c, const Judged& judged) {
  const Finding& finding = *judged.verdict.finding;
  Cause cause;
  const std::size_t at = lowest_bad(judged);
  cause.bad = judged.configurations[at];
  const System& system = judge.system();
  if (!system.can_disable || cause.bad.level == 0) return cause;

  std::vector<std::string> candidates;
  const auto add = [&](const std::string& pass) {
    if (std::find(candidates.begin(), candidates.end(), pass) == candidates.end()) candidates.push_back(pass);
  };
  std::vector<std::string> fired;  // of the session that knows most
  bool rules = false;
  for (std::size_t i = 0; i < judged.outcomes.size(); ++i) {
    if (judged.configurations[i].level != cause.bad.level) continue;
    if (judged.outcomes[i].passes.size() > fired.size()) fired = judged.outcomes[i].passes;
    for (const std::string& p : judged.outcomes[i].passes) {
      // A bundle of rules cures what any of them does: the rules themselves are tried.
      if (rule_bundle(p) > 0)
        rules = true;
      else
        add(p);
    }
  }
  // A pass that fails in the middle of its work does not say that it fired, and a process that died said
  // nothing.
  const bool failed = !judged.outcomes[at].ok();
  if (candidates.empty() || failed) rules = true;
  // Each look at random results takes many sessions, in fresh processes: what fired must do.
  if (!judged.reference.random) {
    if (rules)
      for (const std::string& name : system.rules()) add(name);
    if (failed)
      for (const std::string& name : system.passes()) add(name);
  }
  const Cured cured = cured_by(judge, c, judged.reference, finding, cause.bad, candidates);
  std::vector<std::vector<std::string>> cures;
  for (std::size_t i = 0; cured.shown && i < candidates.size(); ++i)
    if (cured.by[i]) cures.push_back({candidates[i]});
  sort_by_guilt(system, fired, cures);
  for (const auto& cure : cures) cause.cures.push_back(cure[0]);
  return cause;
}

}  // namespace mob
