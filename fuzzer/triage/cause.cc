#include "fuzzer/triage/cause.h"

#include <algorithm>

namespace mob {
namespace {

// The evidence of a plain run and one configuration, taken out of a larger set.
Judged weigh_pair(Judge& judge, const Case& c, const Reference& reference,
                  const std::vector<Configuration>& configurations, const std::vector<Outcome>& outcomes,
                  std::size_t i) {
  std::vector<Outcome> pair = {outcomes[0], outcomes[i]};
  if (pair[1].ok() && pair[1].same_as >= 0) {
    if (pair[1].same_as != 0) {
      pair[1].outputs = outputs_of(outcomes, i);
      pair[1].same_as = -1;
    }
  }
  return judge.weigh(c, reference, std::move(pair), {configurations[0], configurations[i]});
}

}  // namespace

Cured cured_by(Judge& judge, const Case& c, const Reference& reference, const Finding& finding,
               const Configuration& bad, std::span<const std::string> passes) {
  std::vector<Configuration> configurations = {{.level = 0}, bad};
  configurations[1].report_passes = false;
  for (const std::string& p : passes) {
    configurations.push_back(configurations[1]);
    configurations.back().disabled.push_back(p);
  }
  const Judged all = judge.judge_apart(c, configurations, false, &reference);
  Cured cured;
  cured.shown =
      shows(weigh_pair(judge, c, reference, configurations, all.outcomes, 1), finding.symptom, finding.cls);
  for (std::size_t i = 2; i < configurations.size(); ++i)
    cured.by.push_back(all.outcomes[i].ok() &&
                       !shows(weigh_pair(judge, c, reference, configurations, all.outcomes, i),
                              finding.symptom, finding.cls));
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
  bool rules = false;
  for (std::size_t i = 0; i < judged.outcomes.size(); ++i) {
    if (judged.configurations[i].level != cause.bad.level) continue;
    for (const std::string& p : judged.outcomes[i].passes) {
      // A bundle of rules cures what any of them does: the rules themselves are tried.
      if (p.ends_with("_RuleBasedTransformer"))
        rules = true;
      else if (std::find(candidates.begin(), candidates.end(), p) == candidates.end())
        candidates.push_back(p);
    }
  }
  // A process that died told nothing.
  if (candidates.empty()) rules = true;
  // Each look at random results takes many sessions, in fresh processes: the passes must do.
  if (rules && !judged.reference.random)
    candidates.insert(candidates.end(), system.rules.begin(), system.rules.end());
  const Cured cured = cured_by(judge, c, judged.reference, finding, cause.bad, candidates);
  if (!cured.shown) return cause;
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (cured.by[i]) cause.cures.push_back(candidates[i]);
  return cause;
}

}  // namespace mob
