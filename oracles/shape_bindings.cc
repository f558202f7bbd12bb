// One session at several bindings of its symbolic dimensions. What an optimizer folds, caches or plans by the
// sizes that it saw first, or infers wrongly of a symbolic dimension, shows at other sizes.
#include "oracles/compare.h"

namespace mob::oracles {
namespace {

struct Fault {
  Symptom symptom;
  std::string words;
  Violations found;
};

std::optional<Fault> fault_of(const Evidence& e, const Outcome& o, const std::vector<Output>& got) {
  if (!o.ok())
    return Fault{o.kind == Outcome::Kind::kTimedOut ? Symptom::kHang : Symptom::kCrash, o.message, {}};
  const Graph& graph = e.c.model.graph;
  if (std::string d = structure_difference(e.reference.outputs, graph, got); !d.empty())
    return Fault{Symptom::kWrongStructure, std::move(d), {}};
  const Violations found = violations(e.reference.outputs, graph, got);
  if (!found.any()) return std::nullopt;
  return Fault{Symptom::kWrongNumbers, describe(found.worst), found};
}

std::optional<Fault> fault_of(const Evidence& e, std::size_t i) {
  return fault_of(e, e.outcomes[i], e.outputs(i));
}

// Its session had ended before.
bool was_run(const Outcome& o) {
  return o.ok() || o.stage != Stage::kLoad;
}

// Whether the dynamic session alone is wrong.
std::string words_of_static_session(const Evidence& at, std::size_t i) {
  if (!at.static_session) return "";
  const Outcome fixed = at.static_session(i);
  return std::string("; a session with these sizes fixed ") +
         (fault_of(at, fixed, fixed.outputs) ? "is wrong, too" : "is right");
}

Verdict check(const Evidence& e) {
  if (e.bindings.empty()) return Verdict::skip("one binding only");
  if (!e.plain().ok()) return Verdict::skip("no outputs without optimization");
  if (!e.reference.available()) return Verdict::skip("no reference: " + e.reference.unavailable);
  if (e.reference.random) return Verdict::skip("random results");
  std::vector<bool> wrong_before;  // at the case's own binding: an affair of other oracles
  for (std::size_t i = 0; i < e.outcomes.size(); ++i) wrong_before.push_back(fault_of(e, i).has_value());

  std::optional<Finding> f;
  std::string skipped;
  bool compared = false;
  for (std::size_t b = 0; b < e.bindings.size(); ++b) {
    const Evidence& at = e.bindings[b];
    const Outcome& plain = at.plain();
    if (!at.reference.available()) {
      skipped = "no reference at " + at.sizes + ": " + at.reference.unavailable;
      continue;
    }
    if (!was_run(plain)) continue;
    const auto plain_fault = fault_of(at, 0);
    if (!plain.ok() && !plain.died())
      skipped = "rejected without optimization at " + at.sizes + ": " + plain.message;
    for (std::size_t i = 0; i < at.outcomes.size(); ++i) {
      const Outcome& o = at.outcomes[i];
      if (wrong_before[i] || !was_run(o)) continue;
      compared = true;
      const auto fault = fault_of(at, i);
      // Refused without optimization: nothing was right that could be broken, unless a process dies of it.
      if (!fault || (!plain.ok() && !o.died())) continue;
      if (out_of_memory(o)) {
        skipped = "out of memory at " + at.sizes;
        continue;
      }
      if (!o.ok() && at.reference.unspecified > 0) {
        skipped = "the ONNX spec leaves it open: " + at.reference.unspecified_reason;
        continue;
      }
      FindingClass cls = FindingClass::kBug;
      if (fault->found.any())
        cls = i > 0                       ? classify_numbers(at, i, fault->found)
              : fault->found.only_special ? FindingClass::kSpecialValues
                                          : FindingClass::kKernel;
      else if (plain_fault)
        cls = FindingClass::kKernel;
      const auto weight = std::pair(cls, fault->symptom);
      if (f && (weight > std::pair(f->cls, f->symptom) ||
                (weight == std::pair(f->cls, f->symptom) && f->binding != b + 1)))
        continue;
      if (!f || weight < std::pair(f->cls, f->symptom)) {
        f.emplace();
        f->oracle = "shape-bindings";
        f->symptom = fault->symptom;
        f->cls = cls;
        f->binding = b + 1;
        f->stage = o.ok() && i > 0 ? "optimize" : "run";
        f->message = (i > 0 ? "at " : "without optimization at ") + at.sizes + ": " + fault->words;
      }
      f->configurations.push_back(i);
      if (fault->found.any() && (!f->gap || fault->found.worst.excess > f->gap->excess))
        f->gap = fault->found.worst;
    }
  }
  if (f) {
    if (f->cls != FindingClass::kKernel)
      f->message += words_of_static_session(e.bindings[f->binding - 1], f->configurations.front());
    return Verdict::found(std::move(*f));
  }
  if (!skipped.empty()) return Verdict::skip(skipped);
  return compared ? Verdict::agree() : Verdict::skip("wrong at the first binding already");
}

}  // namespace

extern const Oracle shape_bindings;
const Oracle shape_bindings = {
    .name = "shape-bindings",
    .shows =
        "one session at several sizes of its symbolic dimensions against the reference, DISABLE_ALL and "
        "a session of fixed sizes (crash, hang, wrong-structure, wrong-numbers)",
    .check = check};

}  // namespace mob::oracles
