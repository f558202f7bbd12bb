#include "fuzzer/triage/judge.h"

#include <algorithm>

#include "fuzzer/graph/binding.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/triage/describe.h"
#include "oracles/compare.h"

namespace mob {
namespace {

constexpr int kOtherPoison = 0x3C;
constexpr int kTimedRuns = 5;

// Weight of a finding, the least for the heaviest: class first; what shows in the session that optimizes
// before what shows only when the saved model is loaded (an output that is lost, before the reader that
// misses it); then the symptom in the order of their names.
auto weight(const Finding& f, const std::vector<Configuration>& configurations) {
  const bool only_saved = std::all_of(f.configurations.begin(), f.configurations.end(),
                                      [&](std::size_t i) { return configurations[i].reload; });
  return std::tuple(f.cls, only_saved, f.symptom);
}

// Of the case's run number b behind its first: at a further binding, or at its own inputs again.
std::string sizes_in_words(const Case& c, std::size_t b) {
  const auto sizes = [&](const Inputs& inputs) { return sizes_of(c.model.graph, inputs).value_or(Sizes()); };
  const bool back = b == c.bindings.size();
  std::string words =
      show_sizes(sizes(back ? c.inputs : c.bindings[b]), sizes(back ? c.bindings[b - 1] : c.inputs));
  if (words.empty()) words = "other inputs of the same sizes";
  return back ? words + ", for the second time" : words;
}

}  // namespace

std::vector<Configuration> thorough_configurations() {
  std::vector<Configuration> list;
  for (int level : kLevels) list.push_back({.level = level, .runs = 2, .report_passes = level > 0});
  for (int level : kLevels)
    if (level > 0) list.push_back({.level = level, .reload = true});
  return list;
}

std::vector<Configuration> level_configurations(const std::vector<int>& levels) {
  std::vector<Configuration> list = {{.level = 0}};
  for (int level : levels)
    if (level != 0) list.push_back({.level = level, .report_passes = true});
  return list;
}

Judge::Judge(System system, JudgeOptions options)
    : options_(std::move(options)), worker_(std::make_unique<Worker>(std::move(system), options_.limits)) {
  if (options_.configurations.empty()) options_.configurations = thorough_configurations();
}
Judge::~Judge() = default;

void Judge::start(const Case& c, std::vector<Configuration> configurations,
                  std::span<const Derivation> steps) {
  if (configurations.empty()) configurations = options_.configurations;
  worker_->submit(c, configurations);
  under_way_.push_back({&c, evaluate(c), std::move(configurations), steps});
}

std::vector<int> Judge::worker_processes() const {
  std::vector<int> list;
  for (const auto* w : {worker_.get(), second_.get(), clean_.get()})
    if (w != nullptr && w->process() > 0) list.push_back(w->process());
  return list;
}

double Judge::cpu_seconds() const {
  return worker_->cpu_seconds() + (second_ ? second_->cpu_seconds() : 0) +
         (clean_ ? clean_->cpu_seconds() : 0);
}

Worker& Judge::second_worker(bool fresh) {
  if (!second_) {
    WorkerLimits limits = options_.limits;
    if (limits.poison != 0) limits.poison = kOtherPoison;
    second_ = std::make_unique<Worker>(worker_->system(), limits);
  } else if (fresh) {
    second_->restart();
  }
  return *second_;
}

namespace {

bool all_ok(const Outcome& o) {
  return o.ok() && std::all_of(o.bindings.begin(), o.bindings.end(), [](const Outcome& b) { return b.ok(); });
}

// Operators outside of ONNX's domains that the model did not hold before.
bool holds_own_operators(const Graph& optimized, const Graph& before) {
  const auto holds = [](const Graph& g, const Node& n) {
    return std::any_of(g.nodes.begin(), g.nodes.end(),
                       [&](const Node& m) { return m.op_type == n.op_type && m.domain == n.domain; });
  };
  return std::any_of(optimized.nodes.begin(), optimized.nodes.end(), [&](const Node& n) {
    return !n.domain.empty() && !n.domain.starts_with("ai.onnx") && !holds(before, n);
  });
}

// Whether some output is not what this model says that it is.
bool errs(const Reference& model, const Graph& graph, const std::vector<Output>& got) {
  if (model.outputs.size() != got.size()) return false;
  for (std::size_t o = 0; o < got.size(); ++o) {
    if (model.outputs[o].type.dtype == DType::kUndefined || !got[o].is_tensor ||
        got[o].tensor.type() != model.outputs[o].type)
      continue;
    Graph one;
    one.add_output(one.add_value(graph[graph.outputs[o]].name));
    if (oracles::violations({model.outputs[o]}, one, {got[o]}).any()) return true;
  }
  return false;
}

}  // namespace

bool shows(const Judged& judged, Symptom symptom, FindingClass cls) {
  return std::any_of(judged.by_oracle.begin(), judged.by_oracle.end(), [&](const auto& entry) {
    const Verdict& v = entry.second;
    return v.kind == Verdict::Kind::kFinding && v.finding->symptom == symptom && v.finding->cls == cls;
  });
}

Cost Judge::cost_of(const Case& c, Configuration configuration) {
  if (!clean_) {
    WorkerLimits limits = options_.limits;
    limits.poison = 0;
    clean_ = std::make_unique<Worker>(worker_->system(), limits);
  }
  configuration.timed_runs = kTimedRuns;
  configuration.report_passes = false;
  configuration.runs = 1;
  const Outcome o = clean_->run(c, {configuration})[0];
  return {.seconds = o.run_seconds, .peak_memory = o.peak_memory, .known = o.ok()};
}

Judged Judge::judge_apart(const Case& c, const std::vector<Configuration>& configurations, bool fresh,
                          const Reference* reference, std::span<const Derivation> steps) {
  std::vector<Outcome> outcomes = second_worker(fresh).run(c, configurations);
  return weigh(c, reference != nullptr ? *reference : evaluate(c), std::move(outcomes), configurations,
               steps);
}

Judged Judge::finish() {
  std::vector<Outcome> outcomes = worker_->next();
  Running running = std::move(under_way_.front());
  under_way_.pop_front();
  const Case& c = *running.c;
  Judged judged =
      weigh(c, std::move(running.reference), std::move(outcomes), running.configurations, running.steps);
  if (judged.verdict.kind != Verdict::Kind::kFinding || !options_.confirm) return judged;

  // A finding counts when a fresh process shows it again.
  const Judged second = judge_apart(c, running.configurations, true, &judged.reference, running.steps);
  const Finding& first = *judged.verdict.finding;
  judged.confirmed = shows(second, first.symptom, first.cls);
  if (!judged.confirmed && first.symptom != Symptom::kNondeterminism) {
    // Wrong in one process and right in another: where the worker had other cases before, memory that was
    // never written may hold anything.
    judged.verdict = Verdict::skip("not confirmed in a fresh process: " + std::string(first.oracle) + ": " +
                                   first.message);
    judged.also.clear();
  } else if (first.cls == FindingClass::kBug && errs_without_optimization(c, judged)) {
    judged.verdict.finding->cls = FindingClass::kKernel;
  }
  return judged;
}

bool Judge::errs_without_optimization(const Case& c, const Judged& judged) {
  const std::vector<std::size_t>& bad = judged.verdict.finding->configurations;
  if (!bad.empty() &&
      std::all_of(bad.begin(), bad.end(), [&](std::size_t i) { return judged.configurations[i].reload; }) &&
      !all_ok(second_worker(false).run(c, {{.level = 0, .reload = true}})[0]))
    return true;
  const Reference known = evaluate(c, {.arithmetic = {}, .keep_values = true});
  if (!known.available()) return false;
  Case exposed;
  exposed.model = c.model;
  exposed.inputs = c.inputs;
  exposed.bindings = c.bindings;
  Graph& g = exposed.model.graph;
  for (const Node& n : g.nodes)
    for (ValueId v : n.outputs) {
      if (v == kNoValue || g.is_output(v)) continue;
      const auto at = known.values.find(g[v].name);
      if (at == known.values.end() || at->second.elements) continue;
      // Without dimensions: what is declared must not help the kernel.
      g[v].type = declared(at->second.type);
      g[v].type->shape.reset();
      g.outputs.push_back(v);
    }
  const std::vector<Outcome> plain = second_worker(false).run(exposed, {{.level = 0}});
  if (!plain[0].ok()) return false;
  const auto differs = [](const Outcome& o, const Reference& reference) {
    return std::any_of(o.outputs.begin(), o.outputs.end(), [&](const Output& got) {
      const auto at = reference.values.find(got.name);
      return at != reference.values.end() && got.is_tensor && got.tensor.type() != at->second.type;
    });
  };
  bool found = differs(plain[0], known);
  for (std::size_t b = 0; b < std::min(known.bindings.size(), plain[0].bindings.size()); ++b)
    found = found || differs(plain[0].bindings[b], known.bindings[b]);
  return found;
}

void Judge::repeat(Evidence& evidence, bool fresh) {
  evidence.repeats.clear();
  const std::vector<Configuration> configurations(evidence.configurations.begin(),
                                                  evidence.configurations.end());
  for (int i = 0; i < options_.random_repeats; ++i) {
    Worker& worker = second_worker(false);
    if (fresh) worker.reload();
    evidence.repeats.push_back(worker.run(evidence.c, configurations));
    if (i > 0 && !oracles::random_results_apart(evidence)) return;
  }
}

Evidence Judge::evidence_of(const Case& c, const Reference& reference,
                            const std::vector<Configuration>& configurations,
                            const std::vector<Outcome>& outcomes) {
  Evidence evidence{.c = c,
                    .reference = reference,
                    .configurations = configurations,
                    .outcomes = outcomes,
                    .relaxed = {},
                    .optimized_reference = {},
                    .repeats = {}};
  using Relaxed = std::deque<std::pair<Arithmetic, Reference>>;
  evidence.relaxed = [&c, relaxed =
                              std::make_shared<Relaxed>()](const Arithmetic& arithmetic) -> const Reference& {
    for (const auto& [known, result] : *relaxed)
      if (known == arithmetic) return result;
    ReferenceOptions options;
    options.arithmetic = arithmetic;
    return relaxed->emplace_back(arithmetic, evaluate(c, options)).second;
  };
  using Optimized = std::deque<std::pair<std::size_t, std::optional<Reference>>>;
  evidence.optimized_reference = [this, &c, &configurations, &outcomes,
                                  optimized =
                                      std::make_shared<Optimized>()](std::size_t i) -> const Reference* {
    const auto given = [](const std::optional<Reference>& r) { return r ? &*r : nullptr; };
    for (const auto& [known, result] : *optimized)
      if (known == i) return given(result);
    Configuration saving = configurations[i];
    saving.reload = true;
    saving.keep_saved = true;
    saving.load_only = true;
    const std::vector<Outcome> saved = second_worker(false).run(c, {saving});
    std::optional<Reference> result;
    if (!saved[0].saved_model.empty()) try {
        Case optimized_case;
        optimized_case.model = parse_model(saved[0].saved_model, "the optimized model");
        optimized_case.inputs = c.inputs;
        ReferenceOptions options;
        options.optimized = true;
        Reference r = evaluate(optimized_case, options);
        // A kernel that errs is nobody's fault but its own where the model asked for it. Where the optimizer
        // put an operator of the runtime's own in place of others that work, it is the optimizer's doing.
        const bool own = holds_own_operators(optimized_case.model.graph, c.model.graph);
        if (r.available() && !(own && errs(r, c.model.graph, outputs_of(outcomes, i)))) result = std::move(r);
      } catch (const UserError&) {  // not readable: no evidence
      }
    return given(optimized->emplace_back(i, std::move(result)).second);
  };
  return evidence;
}

Judged Judge::weigh(const Case& c, Reference reference, std::vector<Outcome> outcomes,
                    const std::vector<Configuration>& configurations, std::span<const Derivation> steps) {
  Judged judged;
  judged.configurations = configurations;
  judged.reference = std::move(reference);
  judged.outcomes = std::move(outcomes);

  Evidence evidence = evidence_of(c, judged.reference, judged.configurations, judged.outcomes);
  evidence.steps = steps;
  evidence.run = [this](const Case& other, const std::vector<Configuration>& how) {
    return second_worker(false).run(other, how);
  };
  if (options_.measure)
    evidence.measure = [this](const Case& other, const Configuration& how) { return cost_of(other, how); };
  // What is known at each further binding, and at the case's own inputs once more.
  std::deque<Case> cases;
  std::deque<std::vector<Outcome>> outcomes_there;
  for (std::size_t b = 0; !c.bindings.empty() && b <= c.bindings.size(); ++b) {
    const bool back = b == c.bindings.size();
    if (!back && b >= judged.reference.bindings.size()) break;
    const Inputs& inputs = back ? c.inputs : c.bindings[b];
    cases.push_back({.model = c.model, .inputs = inputs});
    for (auto& there = outcomes_there.emplace_back(); const Outcome& o : judged.outcomes)
      there.push_back(b < o.bindings.size() ? o.bindings[b] : Outcome());
    Evidence at = evidence_of(cases.back(), back ? judged.reference : judged.reference.bindings[b],
                              judged.configurations, outcomes_there.back());
    at.sizes = sizes_in_words(c, b);
    at.static_session = [this, &c = cases.back(), &judged](std::size_t i) {
      const Case fixed{.model = made_static(c.model, c.inputs), .inputs = c.inputs};
      return second_worker(false).run(fixed, {judged.configurations[i]})[0];
    };
    evidence.bindings.push_back(std::move(at));
  }
  const bool random = judged.reference.random && !judged.outcomes.empty() && judged.outcomes[0].ok();
  // Sessions of one process may share a seed: such repeats only tell whether there is anything to look into.
  if (random) repeat(evidence, false);

  std::vector<Finding> findings;
  std::string skipped;
  for (const Oracle* oracle : all_oracles()) {
    Verdict v = oracle->check(evidence);
    if (random && v.kind == Verdict::Kind::kFinding && oracle->name == "plain-vs-optimized") {
      repeat(evidence, true);
      v = oracle->check(evidence);
    }
    if (v.kind == Verdict::Kind::kFinding) {
      // Oracles that look at the steps tell of one of them; the others do not know that there are any.
      if (!steps.empty() && v.finding->kind == Finding().kind) v.finding->kind = kinds_in_words(steps);
      findings.push_back(*v.finding);
    }
    if (v.kind == Verdict::Kind::kSkip && skipped.empty()) skipped = v.reason;
    judged.by_oracle.emplace_back(oracle->name, std::move(v));
  }
  std::stable_sort(findings.begin(), findings.end(), [&](const Finding& a, const Finding& b) {
    return weight(a, configurations) < weight(b, configurations);
  });
  if (!findings.empty()) {
    judged.verdict = Verdict::found(std::move(findings.front()));
    judged.also.assign(std::make_move_iterator(findings.begin() + 1),
                       std::make_move_iterator(findings.end()));
    return judged;
  }
  // Skipped where the case as a whole has no verdict: no plain outputs, or no truth about the numbers.
  for (const auto& [oracle, v] : judged.by_oracle)
    if (oracle == "optimized-vs-reference" && v.kind == Verdict::Kind::kSkip)
      judged.verdict = Verdict::skip(skipped.empty() ? v.reason : skipped);
  return judged;
}

}  // namespace mob
