#include "fuzzer/triage/examine.h"

#include "fuzzer/base/clock.h"
#include "fuzzer/base/text.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/triage/variant.h"

namespace mob {

bool lead_with(Judged& judged, Symptom symptom, FindingClass cls) {
  if (judged.verdict.kind != Verdict::Kind::kFinding) return false;
  Finding& first = *judged.verdict.finding;
  if (first.symptom == symptom && first.cls == cls) return true;
  for (Finding& other : judged.also)
    if (other.symptom == symptom && other.cls == cls) {
      std::swap(first, other);
      return true;
    }
  return false;
}

namespace {

std::string why_not_locked(const Case& c, const Reference& reference, const Lock& lock) {
  if (const std::string complaint = check_model(c.model); !complaint.empty())
    return "the model is not valid ONNX: " + one_line(complaint);
  if (lock.reference) return "the finding does not show a second time: it hangs on chance";
  return "the finding rests on the published outputs beside the model, as the reference has no answer (" +
         reference.unavailable + "); its variants have none";
}

}  // namespace

Examined examine(const std::vector<Judge*>& judges, const Case& c, const ExamineOptions& options) {
  Examined e;
  const double start = seconds_now();
  e.nodes_before = node_count(c.model.graph);
  Judge& judge = *judges.front();
  Judged judged = judge.judge_apart(c, thorough_configurations(), true);
  if (options.symptom) lead_with(judged, *options.symptom, FindingClass::kBug);
  if (judged.verdict.kind != Verdict::Kind::kFinding) {
    e.nothing = judged.verdict.kind == Verdict::Kind::kAgree ? "no finding: it agrees"
                                                             : "no finding: " + judged.verdict.reason;
    return e;
  }
  e.lock = lock_of(c, judged, find_cause(judge, c, judged));
  Trials trials(judges, options.executor, e.lock, options.limits);
  e.reduced = reduce(trials, c, options.reduce);
  if (!e.reduced.locked) {
    e.nothing = why_not_locked(c, judged.reference, e.lock);
    return e;
  }
  e.judged = judge.judge_apart(e.reduced.c, thorough_configurations(), true);
  if (!lead_with(e.judged, e.lock.symptom, e.lock.cls)) {
    e.nothing = "what it was reduced to does not show in a fresh process";
    return e;
  }
  e.judged.confirmed = true;
  e.cause = find_cause(judge, e.reduced.c, e.judged);
  e.signature = signature_of(trials, e.reduced.c, e.reduced.guards);
  e.seconds = seconds_now() - start;
  return e;
}

}  // namespace mob
