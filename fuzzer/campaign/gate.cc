#include "fuzzer/campaign/gate.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "corpus/read_finding.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/executor.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using Result = AtVersion::Result;
using Tell = std::function<void(const std::string&)>;

std::vector<Replayed> replay_corpus(const GateOptions& o, const Executor& executor) {
  std::vector<Replayed> replayed;
  if (o.corpus.empty()) return replayed;
  const System& system = o.campaign.system;
  const auto at = judge_cases(o.corpus, system, {}, executor);
  const auto before =
      o.baseline ? judge_cases(o.corpus, *o.baseline, {}, executor) : std::vector<AtVersion>();
  for (std::size_t i = 0; i < at.size(); ++i)
    replayed.push_back(o.baseline ? against_baseline(at[i], before[i])
                                  : against_expectation(o.corpus[i], at[i], system.name, o.version));
  return replayed;
}

std::vector<GateFinding> read_found(const fs::path& campaign) {
  std::vector<GateFinding> findings;
  std::error_code none;
  if (fs::is_empty(campaign / "findings", none) || none) return findings;
  for (const fs::path& folder : find_findings({campaign.string()}))
    findings.push_back({.found = read_case(folder)});
  return findings;
}

// Those of `findings` that are new so far.
std::vector<GateFinding*> open_ones(std::vector<GateFinding>& findings) {
  std::vector<GateFinding*> open;
  for (GateFinding& f : findings)
    if (f.novelty == Novelty::kNew) open.push_back(&f);
  return open;
}

// The case by which a finding is judged: its reduced form, where there is one.
RegressionCase case_of(const GateFinding& f) {
  const bool reduced = f.triaged && f.triaged->reduced;
  return reduced ? read_case(f.found.folder / "reduced") : f.found;
}

std::vector<AtVersion> judge_open(const std::vector<GateFinding*>& open, const System& system,
                                  const Executor& executor) {
  std::vector<RegressionCase> cases;
  cases.reserve(open.size());
  for (const GateFinding* f : open) cases.push_back(case_of(*f));
  return judge_cases(cases, system, {}, executor);
}

void ask_baseline(const GateOptions& o, std::vector<GateFinding>& findings, const Executor& executor) {
  if (!o.baseline) return;
  const auto open = open_ones(findings);
  const auto at = judge_open(open, *o.baseline, executor);
  for (std::size_t i = 0; i < open.size(); ++i) {
    open[i]->baseline = at[i];
    if (at[i].result != Result::kBad || at[i].symptom != open[i]->found.symptom) continue;
    open[i]->novelty = Novelty::kInBaseline;
    open[i]->why = o.baseline->label() + " shows it, too";
  }
}

void triage_open(const GateOptions& o, std::vector<GateFinding>& findings, const Executor& executor,
                 const Tell& tell) {
  const auto open = open_ones(findings);
  if (open.empty()) return;
  tell(fmt::format("reducing {} findings", open.size()));
  std::vector<std::unique_ptr<Judge>> judges(static_cast<std::size_t>(executor.lanes));
  executor.run(open.size(), [&](std::size_t task, int lane) {
    std::unique_ptr<Judge>& judge = judges[static_cast<std::size_t>(lane)];
    if (!judge)
      judge = std::make_unique<Judge>(o.campaign.system,
                                      JudgeOptions{.configurations = thorough_configurations()});
    const fs::path& folder = open[task]->found.folder;
    open[task]->triaged = is_triaged(folder) ? read_triage(folder)
                                             : triage_finding({judge.get()}, folder, {.limits = o.limits});
  });
}

// What cannot be reduced is no news unless it shows once more.
void confirm_unreduced(const GateOptions& o, std::vector<GateFinding>& findings, const Executor& executor) {
  std::vector<GateFinding*> open = open_ones(findings);
  std::erase_if(open, [](const GateFinding* f) { return f->triaged && f->triaged->reduced; });
  const auto at = judge_open(open, o.campaign.system, executor);
  for (std::size_t i = 0; i < open.size(); ++i) {
    open[i]->why = "not reduced: " + (open[i]->triaged ? open[i]->triaged->why_not : std::string("stopped"));
    if (at[i].result == Result::kBad) continue;
    open[i]->novelty = Novelty::kNotAgain;
    if (!at[i].why.empty()) open[i]->why += "; judged again: " + one_line(at[i].why, 200);
  }
}

// Looks a reduced finding up in the corpus and among the known bugs.
void look_up(const GateOptions& o, const std::vector<Replayed>& replayed, GateFinding& f) {
  const auto known = find_known(o.known, f.signature());
  if (known && known->state != "fixed") {
    f.novelty = Novelty::kKnown;
    f.why = known->state + (known->reference.empty() ? "" : " " + known->reference) +
            (known->because.empty() ? "" : ": " + known->because);
    return;
  }
  f.why = f.triaged->guard;
  if (known) f.why += fmt::format("{}called fixed: {}", f.why.empty() ? "" : "; ", known->reference);
  for (std::size_t i = 0; i < o.corpus.size(); ++i) {
    if (o.corpus[i].signature != f.signature()) continue;
    if (replayed[i].at.result == Result::kBad) {
      f.novelty = Novelty::kInCorpus;
      f.why = o.corpus[i].name;
      return;
    }
    f.why += fmt::format("{}the corpus' {} has its signature and is good here", f.why.empty() ? "" : "; ",
                         o.corpus[i].name);
  }
}

}  // namespace

std::string_view name(Novelty n) {
  static constexpr std::string_view kNames[] = {"new", "in the corpus", "known", "in the baseline",
                                                "not shown again"};
  return kNames[static_cast<std::size_t>(n)];
}

const std::string& GateFinding::signature() const {
  return triaged && triaged->reduced ? triaged->signature : found.signature;
}

std::vector<const GateFinding*> GateResult::news() const {
  const auto nodes = [](const GateFinding* f) { return f->triaged ? f->triaged->nodes : f->found.nodes; };
  std::map<std::string, const GateFinding*> best;
  for (const GateFinding& f : findings) {
    if (f.novelty != Novelty::kNew) continue;
    const GateFinding*& of = best[f.signature()];
    if (of == nullptr || nodes(&f) < nodes(of)) of = &f;
  }
  std::vector<const GateFinding*> list;
  list.reserve(best.size());
  for (const auto& [signature, f] : best) list.push_back(f);
  return list;
}

bool GateResult::fails() const {
  return !news().empty() ||
         std::any_of(corpus.begin(), corpus.end(), [](const Replayed& r) { return r.fails; });
}

GateResult gate(const GateOptions& o, const Tell& tell) {
  const Executor executor = tbb_executor(o.campaign.jobs);
  GateResult g;
  tell(fmt::format("replaying {} cases of the corpus on {}{}", o.corpus.size(), o.campaign.system.label(),
                   o.baseline ? " and " + o.baseline->label() : ""));
  g.corpus = replay_corpus(o, executor);
  tell("fuzzing");
  run_campaign(o.campaign, [&](const Status& s) { g.status = s; });
  g.findings = read_found(o.campaign.out);
  tell(fmt::format("{} cases, {} findings told apart", g.status.cases, g.findings.size()));
  ask_baseline(o, g.findings, executor);
  triage_open(o, g.findings, executor, tell);
  confirm_unreduced(o, g.findings, executor);
  for (GateFinding& f : g.findings)
    if (f.novelty == Novelty::kNew && f.triaged && f.triaged->reduced) look_up(o, g.corpus, f);
  // A case may hide a bug that the baseline has behind another symptom; what it was reduced to does not.
  ask_baseline(o, g.findings, executor);
  return g;
}

}  // namespace mob
