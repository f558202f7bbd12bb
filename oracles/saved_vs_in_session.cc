// The optimized model, saved and loaded again, must do what the session that saved it does.
#include "fuzzer/base/text.h"
#include "oracles/compare.h"

namespace mob::oracles {
namespace {

// The in-session configuration of the same level and switches.
std::optional<std::size_t> in_session(const Evidence& e, std::size_t reloaded) {
  Configuration want = e.configurations[reloaded];
  for (std::size_t i = 0; i < e.configurations.size(); ++i)
    if (!e.configurations[i].reload && e.configurations[i].level == want.level &&
        e.configurations[i].disabled == want.disabled)
      return i;
  return std::nullopt;
}

Verdict check(const Evidence& e) {
  Finding f;
  f.oracle = "saved-vs-in-session";
  f.stage = "save";
  bool compared = false;
  const bool known = e.reference.available();
  for (std::size_t i = 0; i < e.configurations.size(); ++i) {
    if (!e.configurations[i].reload) continue;
    const auto s = in_session(e, i);
    // What fails in the session too is that oracle's affair.
    if (!s || !e.outcomes[*s].ok()) continue;
    compared = true;
    Symptom symptom = Symptom::kCrash;
    FindingClass cls = FindingClass::kBug;
    std::optional<Gap> gap;
    std::string message;
    if (!e.outcomes[i].ok()) {
      symptom = e.outcomes[i].kind == Outcome::Kind::kTimedOut ? Symptom::kHang : Symptom::kCrash;
      message = "saved and loaded again: " + e.outcomes[i].message;
      if (e.reference.invalid) continue;
    } else {
      if (e.outcomes[i].same_as >= 0 && e.outcomes[i].same_as == e.outcomes[*s].same_as) continue;
      const std::string difference = structure_difference(e.outputs(*s), e.outputs(i));
      if (!difference.empty()) {
        if (known && structure_difference(e.reference.outputs, e.c.model.graph, e.outputs(i)).empty())
          continue;
        symptom = Symptom::kWrongStructure;
        message = "saved and loaded again: " + difference;
      } else {
        if (!known || e.reference.random) continue;
        const Violations found = violations(e.reference.outputs, e.c.model.graph, e.outputs(i));
        if (!found.any() || violations(e.reference.outputs, e.c.model.graph, e.outputs(*s)).any()) continue;
        symptom = Symptom::kWrongNumbers;
        cls = classify_numbers(e, i, found);
        gap = found.worst;
        message = "saved and loaded again: output '" + gap->output + "' element " +
                  std::to_string(gap->element) + ": expected " + show_number(gap->expected) + " +- " +
                  show_number(gap->bound) + ", got " + show_number(gap->got) +
                  "; in the session that saved it, it is right";
      }
    }
    if (f.configurations.empty()) {
      f.symptom = symptom;
      f.cls = cls;
      f.gap = gap;
      f.message = message;
    } else if (symptom != f.symptom) {
      continue;
    }
    f.configurations.push_back(i);
  }
  if (!f.configurations.empty()) return Verdict::found(std::move(f));
  return compared ? Verdict::agree() : Verdict::skip("nothing was saved and loaded again");
}

}  // namespace

extern const Oracle saved_vs_in_session;
const Oracle saved_vs_in_session = {.name = "saved-vs-in-session",
                                    .shows =
                                        "the optimized model saved and loaded again against the session that "
                                        "saved it (crash, wrong-structure, wrong-numbers)",
                                    .check = check};

}  // namespace mob::oracles
