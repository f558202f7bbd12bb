// The model works without optimization; with it, load or run fails, the process dies, or no answer comes.
#include "oracles/compare.h"

namespace mob::oracles {
namespace {

// An error of the runtime at the creation of an optimized session is the optimizer's; later ones show by
// stage.
std::string stage_of(const Outcome& o) {
  switch (o.stage) {
    case Stage::kLoad:
      return "optimize";
    case Stage::kSave:
    case Stage::kReload:
      return "save";
    default:
      return "run";
  }
}

Verdict check(const Evidence& e) {
  const Outcome& plain = e.plain();
  Finding f;
  f.oracle = "crash-and-hang";
  if (plain.died()) {
    f.symptom = plain.kind == Outcome::Kind::kTimedOut ? Symptom::kHang : Symptom::kCrash;
    f.cls = FindingClass::kKernel;
    f.stage = plain.stage == Stage::kLoad ? "load" : "run";
    f.message = "without optimization: " + plain.message;
    for (std::size_t i = 0; i < e.outcomes.size(); ++i)
      if (e.outcomes[i].died()) f.configurations.push_back(i);
    if (out_of_memory(plain)) return Verdict::skip("out of memory");
    return Verdict::found(std::move(f));
  }
  if (!plain.ok()) {
    // Refused without optimization: nothing was right that could be broken, but a process that dies is a
    // fault all the same. Of a kernel: the optimizer at most took away what kept the model from it.
    for (std::size_t i = 1; i < e.outcomes.size(); ++i)
      if (e.outcomes[i].died()) f.configurations.push_back(i);
    if (f.configurations.empty()) return Verdict::skip("rejected without optimization: " + plain.message);
  } else {
    bool memory = false;
    for (std::size_t i = 1; i < e.outcomes.size(); ++i) {
      if (e.outcomes[i].ok() || e.configurations[i].reload) continue;
      if (out_of_memory(e.outcomes[i]))
        memory = true;
      else
        f.configurations.push_back(i);
    }
    // An optional output that cannot be evaluated has no right answer: what one level returns by luck,
    // another may refuse.
    if (f.configurations.empty()) return memory ? Verdict::skip("out of memory") : Verdict::agree();
    if (e.reference.invalid)
      return Verdict::skip("the model is invalid for these inputs: " + e.reference.unavailable);
    if (e.reference.unspecified > 0)
      return Verdict::skip("the ONNX spec leaves it open: " + e.reference.unspecified_reason);
  }
  const Outcome& first = e.outcomes[f.configurations.front()];
  f.symptom = Symptom::kCrash;
  for (std::size_t i : f.configurations)
    if (e.outcomes[i].kind == Outcome::Kind::kTimedOut) f.symptom = Symptom::kHang;
  f.cls = plain.ok() ? FindingClass::kBug : FindingClass::kKernel;
  f.stage = stage_of(first);
  f.message = first.message;
  return Verdict::found(std::move(f));
}

}  // namespace

extern const Oracle crash_and_hang;
const Oracle crash_and_hang = {
    .name = "crash-and-hang",
    .shows = "an error, a death or no answer with optimization where there is none without (crash, hang)",
    .check = check};

}  // namespace mob::oracles
