#include "fuzzer/campaign/lane.h"

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <set>
#include <utility>

#include "fuzzer/base/clock.h"
#include "fuzzer/base/hash.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/slips.h"
#include "fuzzer/probes/applied_rules.h"
#include "fuzzer/reference/decidedness.h"
#include "fuzzer/triage/describe.h"
#include "fuzzer/triage/essence.h"
#include "fuzzer/triage/examine.h"

namespace mob {
namespace {

constexpr std::size_t kMostQuestions = 16;  // of known groups that one case is asked
// Larger cases are no good seeds: their mutants would be slow and their findings hard to read.
constexpr std::size_t kSeedNodes = 24;

std::string words_of(const Finding& f) {
  return std::string(name(f.cls)) + " " + std::string(name(f.symptom));
}

// How a constant stands in the model tells bugs apart in nothing.
std::vector<std::string> without_constants(std::vector<std::string> operators) {
  std::erase(operators, "Constant");
  return operators;
}

// Whether a case is one of a group: does it show at `bad`, and does it vanish where `cure` (if there is one)
// is disabled? Groups of which the same is asked have one answer.
struct Question {
  const Group* group;  // the oldest of them
  Configuration bad;
  std::vector<std::string> cure;
};

// What is to be asked of a finding, by the groups whose operators the case has.
std::vector<Question> questions_of(const Case& c, Symptom symptom, const Snapshot& snapshot) {
  std::vector<std::string> ops = without_constants(operators_of(c.model.graph));
  std::sort(ops.begin(), ops.end());
  std::vector<Question> questions;
  for (const Group& g : snapshot.groups) {
    if (g.symptom != symptom || g.operators.size() > ops.size()) continue;
    std::vector<std::string> needed = g.operators;
    std::erase(needed, "Any");
    std::sort(needed.begin(), needed.end());
    if (!std::includes(ops.begin(), ops.end(), needed.begin(), needed.end())) continue;
    Question q{.group = &g, .bad = g.bad, .cure = g.cures};
    q.cure.resize(std::min<std::size_t>(q.cure.size(), 1));
    const auto asked = [&](const Question& p) { return p.bad == q.bad && p.cure == q.cure; };
    if (std::none_of(questions.begin(), questions.end(), asked)) questions.push_back(std::move(q));
  }
  return questions;
}

std::uint64_t pass_set_of(const Judged& judged) {
  std::set<std::string> passes;
  for (const Outcome& o : judged.outcomes) passes.insert(o.passes.begin(), o.passes.end());
  std::uint64_t h = passes.size();
  for (const std::string& p : passes) h = hash64(p, h);
  return h;
}

}  // namespace

std::int64_t resident_memory(int process) {
  std::ifstream in("/proc/" + std::to_string(process) + "/statm");
  std::int64_t size = 0, resident = 0;
  in >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

struct Lane::Running {
  std::uint64_t index;
  std::unique_ptr<Drawn> drawn;
  bool against_parents = false;
};

Lane::Lane(const System& system, const SourceOptions& source, std::uint64_t seed, const WorkerLimits& limits,
           bool measure, std::set<std::uint64_t> left_out)
    : source_(source),
      seed_(seed),
      left_out_(std::move(left_out)),
      judge_(system, {.configurations = level_configurations({0, 99}),
                      .limits = limits,
                      .confirm = false,
                      .measure = measure}) {}

void Lane::count_reach(const Running& running, const Judged& judged, CaseResult& result, Tally& tally) {
  const Drawn& drawn = *running.drawn;
  std::set<std::string> ops, passes;
  for (std::string& op : operators_of(drawn.c.model.graph)) ops.insert(std::move(op));
  for (const Outcome& o : judged.outcomes) passes.insert(o.passes.begin(), o.passes.end());
  for (const std::string& op : ops) ++tally.reach[{"operator", op}];
  for (const std::string& p : passes) ++tally.reach[{"pass", p}];
  ++tally.reach[{"source", drawn.source}];
  for (const Derivation& step : drawn.steps) ++tally.reach[{"mutator", step.mutator}];
  if (!drawn.motif.empty()) {
    ++tally.reach[{"motif", drawn.motif}];
    for (const std::string& g : drawn.broken_guards) ++tally.reach[{"guard", drawn.motif + "/" + g}];
    if (const Motif* motif = find_motif(drawn.motif); motif != nullptr && !motif->aims_at.empty())
      for (std::string& aim : split(motif->aims_at, ';'))
        ++tally.reach[{drawn.broken_guards.empty() ? "whole" : "near miss", std::move(aim)}];
  }
  if (running.against_parents)
    for (const auto& [oracle, verdict] : judged.by_oracle)
      if (oracle == "mutant-against-parent")
        ++tally.reach[{"promise",
                       verdict.kind == Verdict::Kind::kAgree ? "kept" : template_of(verdict.reason)}];
  const auto count = [&](const char* what, int n) {
    if (n > 0) tally.reach[{"binding", what}] += static_cast<std::uint64_t>(n);
  };
  count("run", drawn.bindings.kept);
  count("invalid", drawn.bindings.invalid);
  count("undecided", drawn.bindings.undecided);
  count("against what is declared", drawn.bindings.unfit);
  std::vector<int> bundles;
  for (const std::string& p : passes) {
    if (const int level = rule_bundle(p); level == 0)
      result.applied[p] = 1;
    else
      bundles.push_back(level);
  }
  const bool sound =
      std::all_of(judged.outcomes.begin(), judged.outcomes.end(), [](const Outcome& o) { return o.ok(); });
  const Policy& policy = source_.generator.policy;
  const std::uint64_t every =
      running.index < policy.rules_often_below ? policy.rules_every_at_first : policy.rules_every;
  if (bundles.empty() || !sound || running.index % every != 0) return;
  const auto run = [&](const auto&... given) { return judge_.run_apart(given...); };
  for (const std::string& rule : applied_rules(judge_.system(), drawn.c, bundles, run)) {
    tally.reach[{"rule", rule}] += every;
    result.applied[rule] = every;
  }
}

BatchResult Lane::run(std::uint64_t first, std::uint64_t count, const Snapshot& snapshot) {
  BatchResult batch;
  batch.first = first;
  batch.cases.resize(count);
  std::deque<Running> under_way;
  const auto finish_oldest = [&] {
    Running running = std::move(under_way.front());
    under_way.pop_front();
    finish(running, snapshot, batch.cases[running.index - first], batch.tally);
  };
  for (std::uint64_t index = first; index < first + count; ++index) {
    if (left_out_.contains(index)) {
      batch.cases[index - first].entry = {Ending::kSkipped, "mobster itself failed on it"};
      continue;
    }
    current_place() = {seed_, index, ""};
    at_work_on(index);
    auto drawn = draw_case(seed_, index, source_, snapshot);
    if (!drawn) {
      batch.cases[index - first].entry = {Ending::kSkipped, "nothing could be drawn"};
      continue;
    }
    if (!judge_.can_start()) finish_oldest();
    under_way.push_back({index, std::make_unique<Drawn>(std::move(*drawn))});
    Drawn& d = *under_way.back().drawn;
    const bool against_parents = !d.steps.empty() && index % source_.generator.policy.parents_every == 0;
    under_way.back().against_parents = against_parents;
    judge_.start(d.c, d.thorough ? thorough_configurations() : std::vector<Configuration>(),
                 against_parents ? std::span<const Derivation>(d.steps) : std::span<const Derivation>());
  }
  while (!under_way.empty()) finish_oldest();
  const double cpu = judge_.cpu_seconds();
  batch.tally.system_seconds = cpu - cpu_seconds_;
  cpu_seconds_ = cpu;
  std::int64_t memory = 0;
  for (int process : judge_.worker_processes()) memory += resident_memory(process);
  worker_memory_ = memory;
  return batch;
}

void Lane::finish(Running& running, const Snapshot& snapshot, CaseResult& result, Tally& tally) {
  Drawn& drawn = *running.drawn;
  current_place() = {seed_, running.index, ""};
  at_work_on(running.index);
  Judged judged = judge_.finish();
  result.source = drawn.source;
  count_reach(running, judged, result, tally);
  tally.sessions += judged.outcomes.size();
  if (judged.reference.available() && !judged.reference.random) {
    const Decidedness d = decidedness(judged.reference.outputs);
    tally.elements += d.elements;
    tally.open += d.open;
    tally.vague += d.vague;
  }
  const Outcome& plain = judged.outcomes.front();
  result.pass_set = pass_set_of(judged);
  if (plain.ok() && !judged.reference.random && !snapshot.seen.contains(result.pass_set) &&
      drawn.c.model.graph.nodes.size() <= kSeedNodes) {
    auto seed = std::make_shared<Case>(drawn.c);
    seed->bindings.clear();  // mutants draw their own
    result.interesting = std::move(seed);
  }
  switch (judged.verdict.kind) {
    case Verdict::Kind::kAgree:
      result.entry = {Ending::kAgree, ""};
      return;
    case Verdict::Kind::kSkip:
      if (!plain.ok() && !plain.died())
        result.entry = {Ending::kRejected, template_of(plain.message)};
      else
        result.entry = {Ending::kSkipped, template_of(judged.verdict.reason)};
      return;
    case Verdict::Kind::kFinding:
      break;
  }
  const Finding& finding = *judged.verdict.finding;
  if (finding.cls != FindingClass::kBug) {
    result.entry = {Ending::kFinding, words_of(finding)};
    return;
  }
  const double start = seconds_now();
  triage(drawn, running.index, std::move(judged), snapshot, result);
  tally.triage_seconds += seconds_now() - start;
}

const Group* Lane::known_group(const Case& c, const Judged& judged, const Snapshot& snapshot) {
  const Finding& finding = *judged.verdict.finding;
  std::vector<Question> questions = questions_of(c, finding.symptom, snapshot);
  if (questions.empty()) return nullptr;
  // Random results would take many sessions to tell.
  if (judged.reference.random) return questions.front().group;
  // Disabling what did not change the model cures nothing; of a session that failed it is not known.
  std::set<std::string> fired;
  bool failed = false;
  for (std::size_t i = 1; i < judged.outcomes.size(); ++i) {
    fired.insert(judged.outcomes[i].passes.begin(), judged.outcomes[i].passes.end());
    failed = failed || !judged.outcomes[i].ok();
  }
  const std::vector<std::string> passes = judge_.system().passes();
  if (!failed)
    std::erase_if(questions, [&](const Question& q) {
      return !q.cure.empty() && !fired.contains(q.cure[0]) &&
             std::find(passes.begin(), passes.end(), q.cure[0]) != passes.end();
    });
  questions.resize(std::min(questions.size(), kMostQuestions));
  while (!questions.empty()) {
    // Those at one configuration go in the same request.
    const Configuration bad = questions.front().bad;
    const auto others = std::stable_partition(questions.begin(), questions.end(),
                                              [&](const Question& q) { return q.bad == bad; });
    const std::vector<Question> these(questions.begin(), others);
    questions.erase(questions.begin(), others);
    std::vector<std::string> cures;
    for (const Question& q : these)
      if (!q.cure.empty()) cures.push_back(q.cure[0]);
    const Cured cured = cured_by(judge_, c, judged.reference, finding, bad, cures);
    if (!cured.shown) continue;
    auto by = cured.by.begin();
    for (const Question& q : these)
      if (q.cure.empty() || *by++) return q.group;
  }
  return nullptr;
}

void Lane::triage(Drawn& drawn, std::uint64_t index, Judged judged, const Snapshot& snapshot,
                  CaseResult& result) {
  const Symptom symptom = judged.verdict.finding->symptom;
  if (judged.verdict.finding->binding == 0) drawn.c.bindings.clear();  // it shows without
  // Asked first: one session tells.
  if (judge_.errs_without_optimization(drawn.c, judged)) {
    judged.verdict.finding->cls = FindingClass::kKernel;
    result.entry = {Ending::kFinding, words_of(*judged.verdict.finding)};
    return;
  }
  if (const Group* g = known_group(drawn.c, judged, snapshot)) {
    result.entry = {Ending::kFinding, words_of(*judged.verdict.finding)};
    result.signature = g->signature;
    return;
  }
  const bool of_parents = judged.verdict.finding->oracle == "mutant-against-parent";
  // Where the case shows it before the last steps of optimization, these are none of its business.
  for (std::size_t i = 0; i < drawn.steps.size(); ++i) {
    const std::span<const Derivation> earlier(drawn.steps.data(), of_parents ? i : 0);
    Judged before =
        judge_.judge_apart(*drawn.steps[i].parent, judged.configurations, false, nullptr, earlier);
    if (!lead_with(before, symptom, FindingClass::kBug)) continue;
    drawn.c = Case(*drawn.steps[i].parent);
    drawn.steps.resize(i);
    return triage(drawn, index, std::move(before), snapshot, result);
  }
  // Where the case shows it before a part of it was nested, the nesting is none of its business.
  if (const auto flat = std::exchange(drawn.flat, nullptr)) {
    Judged without = judge_.judge_apart(*flat, judged.configurations);
    if (lead_with(without, symptom, FindingClass::kBug)) {
      drawn.c = *flat;
      return triage(drawn, index, std::move(without), snapshot, result);
    }
  }
  auto news = std::make_unique<NewFinding>();
  news->original = std::make_shared<const Case>(std::move(drawn.c));
  const auto again = [&](const Case& c, bool fresh) {
    std::span<const Derivation> steps;  // nobody promised anything of a part of the case
    if (of_parents && &c == news->original.get()) steps = drawn.steps;
    Judged judged_again = judge_.judge_apart(c, thorough_configurations(), fresh, nullptr, steps);
    judged_again.confirmed = lead_with(judged_again, symptom, FindingClass::kBug);
    return judged_again;
  };
  const Entry not_confirmed = {
      Ending::kSkipped, "not confirmed in a fresh process: " + template_of(judged.verdict.finding->message)};
  // What counts, a fresh process shows: it is asked of what is written down, when that is known.
  Judged full = again(*news->original, false);
  if (!full.confirmed) {
    result.entry = not_confirmed;
    return;
  }
  Cause cause = find_cause(judge_, *news->original, full);
  Essence cut = full.reference.random || of_parents
                    ? Essence{*news->original, operators_of(news->original->model.graph), 0}
                    : essence(judge_, *news->original, *full.verdict.finding, cause);
  news->c = news->original;
  Group& g = news->group;
  g.operators = without_constants(cut.operators);
  if (cut.c.model.graph.nodes.size() < news->original->model.graph.nodes.size()) {
    Judged small = again(cut.c, true);
    if (small.confirmed) {
      news->c = std::make_shared<const Case>(std::move(cut.c));
      cause = find_cause(judge_, *news->c, small);
      full = std::move(small);
    } else {
      g.operators = without_constants(operators_of(news->original->model.graph));
    }
  }
  if (news->c == news->original) {
    full = again(*news->c, true);
    if (!full.confirmed) {
      result.entry = not_confirmed;
      return;
    }
    news->original = nullptr;
  }
  g.symptom = symptom;
  g.cures = cause.cures;
  g.bad = cause.bad;
  g.bad.report_passes = false;
  g.first_index = index;
  g.signature = signature_of(symptom, g.cures, g.operators);
  g.name = finding_name(symptom, g.cures, g.operators, g.signature);
  // The oracle that speaks of the parents names the optimization that is at fault, and no other.
  if (!of_parents) full.verdict.finding->kind = kinds_in_words(drawn.steps);
  news->judged = std::move(full);
  news->optimized = saved_model(judge_, *news->c, cause.bad);
  news->cause = std::move(cause);
  news->motif = drawn.motif;
  news->broken_guards = drawn.broken_guards;
  news->steps = std::move(drawn.steps);
  result.entry = {Ending::kFinding, words_of(*news->judged.verdict.finding)};
  result.signature = g.signature;
  result.news = std::move(news);
}

}  // namespace mob
