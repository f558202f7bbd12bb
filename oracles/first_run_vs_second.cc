// Two runs of one session on equal inputs must agree: where they do not, memory is read before it is written.
#include "fuzzer/base/text.h"
#include "oracles/compare.h"

namespace mob::oracles {
namespace {

Verdict check(const Evidence& e) {
  if (e.reference.random) return Verdict::skip("random results");
  Finding f;
  f.oracle = "first-run-vs-second";
  f.symptom = Symptom::kNondeterminism;
  f.stage = "run";
  bool harmless = false;
  for (std::size_t i = 0; i < e.outcomes.size(); ++i) {
    const Outcome& o = e.outcomes[i];
    if (!o.ok() || o.second_run.empty()) continue;
    const std::string difference = structure_difference(e.outputs(i), o.second_run);
    std::string message;
    if (!difference.empty()) {
      message = "the second run of one session: " + difference;
    } else if (e.reference.available()) {
      const Violations first = violations(e.reference.outputs, e.c.model.graph, e.outputs(i));
      const Violations second = violations(e.reference.outputs, e.c.model.graph, o.second_run);
      if (!first.any() && !second.any()) {
        harmless = true;
        continue;
      }
      const Gap& g = first.any() ? first.worst : second.worst;
      message =
          std::string(first.any() ? "the first" : "the second") + " run of one session is wrong, the other " +
          (first.any() && second.any() ? "differs" : "right") + ": output '" + g.output + "' element " +
          std::to_string(g.element) + ": expected " + show_number(g.expected) + ", got " + show_number(g.got);
    } else {
      message = "two runs of one session differ";
    }
    // The plain session does it too: a kernel's fault.
    f.cls = e.plain().second_run.empty() ? FindingClass::kBug : FindingClass::kKernel;
    if (f.configurations.empty()) f.message = message;
    f.configurations.push_back(i);
  }
  if (!f.configurations.empty()) return Verdict::found(std::move(f));
  return harmless ? Verdict::skip("two runs differ within the bound") : Verdict::agree();
}

}  // namespace

extern const Oracle first_run_vs_second;
const Oracle first_run_vs_second = {.name = "first-run-vs-second",
                                    .shows = "two runs of one session on equal inputs (nondeterminism)",
                                    .check = check};

}  // namespace mob::oracles
