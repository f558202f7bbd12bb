#include "fuzzer/triage/cause.h"

#include <algorithm>

#include "fuzzer/probes/applied_rules.h"

namespace mob {
namespace {

// The evidence of a plain run and of configurations [from, from + count), taken out of a larger set.
Judged weigh_some(Judge& judge, const Case& c, const Reference& reference, const Judged& all,
                  std::size_t from, std::size_t count) {
  std::vector<Outcome> outcomes = {all.outcomes[0]};
  std::vector<Configuration> configurations = {all.configurations[0]};
  for (std::size_t i = from; i < from + count; ++i) {
    outcomes.push_back(all.outcomes[i]);
    if (outcomes.back().ok() && outcomes.back().same_as > 0) {
      outcomes.back().outputs = outputs_of(all.outcomes, i);
      outcomes.back().same_as = -1;
    }
    configurations.push_back(all.configurations[i]);
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

}  // namespace

Cured cured_by(Judge& judge, const Case& c, const Reference& reference, const Finding& finding,
               const Configuration& bad, std::span<const std::string> passes) {
  // What a saved model does is held against the session that saved it: both are needed.
  const std::size_t each = bad.reload ? 2 : 1;
  std::vector<Configuration> configurations = {{.level = 0}};
  const auto add = [&](const std::string& disabled) {
    for (std::size_t k = 0; k < each; ++k) {
      Configuration c = bad;
      c.report_passes = false;
      if (k + 1 < each) c.reload = false;
      if (!disabled.empty()) c.disabled.push_back(disabled);
      configurations.push_back(std::move(c));
    }
  };
  add("");
  for (const std::string& p : passes) add(p);
  const Judged all = judge.judge_apart(c, configurations, false, &reference);
  Cured cured;
  cured.shown = shows(weigh_some(judge, c, reference, all, 1, each), finding.symptom, finding.cls);
  for (std::size_t i = 1 + each; i < configurations.size(); i += each)
    cured.by.push_back(all.outcomes[i + each - 1].ok() &&
                       !shows(weigh_some(judge, c, reference, all, i, each), finding.symptom, finding.cls));
  return cured;
}

Cause find_cause(Judge& judge, const Case& c, const Judged& judged) {
  const Finding& finding = *judged.verdict.finding;
  Cause cause;
  MOB_CHECK(!finding.configurations.empty());
  std::size_t at = finding.configurations.front();
  for (std::size_t i : finding.configurations)
    if (judged.configurations[i].level < judged.configurations[at].level) at = i;
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
  for (std::size_t i = 0; cured.shown && i < candidates.size(); ++i)
    if (cured.by[i]) cause.cures.push_back(candidates[i]);
  const auto innocence = [&](const std::string& pass) {
    const auto known = std::find(system.preparing.begin(), system.preparing.end(), pass);
    return known == system.preparing.end() ? -1 : known - system.preparing.begin();
  };
  // Those before the last one to work on the model only made it what that one takes up.
  const auto turn = [&](const std::string& pass) { return last_turn(system, fired, pass); };
  std::stable_sort(cause.cures.begin(), cause.cures.end(), [&](const std::string& a, const std::string& b) {
    return std::pair(innocence(a), turn(b)) < std::pair(innocence(b), turn(a));
  });
  return cause;
}

}  // namespace mob
