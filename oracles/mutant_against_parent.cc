// What an optimization promised when it made this case of another one: facts of the model, and the values of
// the twins. By the references, and by what the system returns for both.
#include "oracles/compare.h"
#include "oracles/promises.h"

namespace mob::oracles {
namespace {

// The word of the study's pipeline for a kind of optimization.
std::string stage_of(const std::string& kind) {
  if (kind == "pruning") return "prune";
  if (kind == "quantization") return "quantize";
  if (kind == "clustering") return "cluster";
  if (kind == "conversion") return "convert";
  return "optimize";
}

Verdict broken(const Derivation& step, Symptom symptom, const std::string& what,
               std::optional<Gap> gap = {}) {
  const std::string message = step.mutator + (step.settings.empty() ? "" : " " + step.settings) + ": " + what;
  // Blame has three addresses; this one is ours.
  if (step.tool.empty()) return Verdict::skip("our own mutator broke its promise: " + message);
  Finding f;
  f.oracle = "mutant-against-parent";
  f.symptom = symptom;
  f.stage = stage_of(step.kind);
  f.kind = step.kind;
  f.configurations = {0};  // no optimization of the system's own is needed
  f.gap = std::move(gap);
  f.message = step.tool + ", " + message;
  return Verdict::found(std::move(f));
}

struct TwinReference {
  Twin twin;
  Reference reference;
};
std::vector<TwinReference> twin_references(const Derivation& step) {
  std::vector<TwinReference> list;
  for (const Twin& twin : twins_of(step.promise)) list.push_back({twin, evaluate_twin(*step.parent, twin)});
  return list;
}

// Of one step, by the model and the references. Agrees where there is nothing to say.
Verdict check_step(const Derivation& step, const Case& mutant, const Reference& m,
                   const std::vector<TwinReference>& twins) {
  const std::vector<BrokenFact> facts = broken_facts(*step.parent, mutant, step.promise);
  if (!facts.empty()) return broken(step, facts.front().symptom, facts.front().what);
  if (!m.available()) return Verdict::skip("no reference: " + m.unavailable);
  for (const auto& [twin, t] : twins) {
    if (!t.available()) return Verdict::skip("no reference of the " + twin.name + ": " + t.unavailable);
    if (t.random || m.random) continue;
    const Apart a = apart(twin.c ? *twin.c : *step.parent, t, mutant, m);
    if (!a.structure.empty()) return broken(step, Symptom::kWrongStructure, a.structure);
    if (a.gap && !a.special)
      return broken(step, Symptom::kWrongNumbers, "not the " + twin.name + ": " + describe(*a.gap), a.gap);
  }
  return Verdict::agree();
}

// The last step's twins on the system, optimized as the mutant is. Where the two are apart, one of them is
// not what its own reference says: the mutant (then its other oracles tell), or the twin.
Verdict check_on_system(const Evidence& e, const std::vector<TwinReference>& twins) {
  for (const auto& [twin, t] : twins) {
    const Case& c = twin.c ? *twin.c : *e.steps.back().parent;
    if (!t.available() || t.random || e.reference.random) continue;
    std::vector<Configuration> configurations;
    std::vector<std::size_t> indices;
    for (std::size_t i = 0; i < e.configurations.size(); ++i)
      if (!e.configurations[i].reload && e.outcomes[i].ok()) {
        configurations.push_back(e.configurations[i]);
        indices.push_back(i);
      }
    const std::vector<Outcome> outcomes = e.run(c, configurations);
    for (std::size_t k = 0; k < indices.size(); ++k) {
      if (!outcomes[k].ok()) continue;
      const Apart a = apart(c, t, outputs_of(outcomes, k), e.c, e.reference, e.outputs(indices[k]));
      if ((a.gap && !a.special) || !a.structure.empty())
        return Verdict::skip("apart from its " + twin.name + " on the system: one of the two is wrong");
    }
  }
  return Verdict::agree();
}

// A model that a tool made, and that the system does not run, though it runs the one before.
Verdict check_runs(const Evidence& e) {
  const Derivation& step = e.steps.back();
  if (e.plain().ok() || !e.run) return Verdict::agree();
  const std::vector<Outcome> before = e.run(*step.parent, {e.configurations[0]});
  if (!before[0].ok()) return Verdict::agree();
  return broken(step, Symptom::kCrash, "its model is refused, the one before is not: " + e.plain().message);
}

Verdict check(const Evidence& e) {
  if (e.steps.empty()) return Verdict::agree();
  Verdict verdict = check_runs(e);
  std::vector<TwinReference> twins;  // of the step that was checked last
  for (std::size_t i = 0; i < e.steps.size() && verdict.kind == Verdict::Kind::kAgree; ++i) {
    const bool last = i + 1 == e.steps.size();
    const Case& mutant = last ? e.c : *e.steps[i + 1].parent;
    twins = twin_references(e.steps[i]);
    verdict = check_step(e.steps[i], mutant, last ? e.reference : evaluate(mutant), twins);
  }
  if (verdict.kind != Verdict::Kind::kAgree || !e.run || !e.plain().ok()) return verdict;
  return check_on_system(e, twins);
}

}  // namespace

extern const Oracle mutant_against_parent;
const Oracle mutant_against_parent = {
    .name = "mutant-against-parent",
    .shows =
        "a model that a mutator or a tool optimized against what that promised of it (wrong-structure, "
        "wrong-numbers, no-gain, crash)",
    .check = check};

}  // namespace mob::oracles
