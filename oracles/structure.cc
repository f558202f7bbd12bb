// Number, names, element types and shapes of the outputs: optimized against reference and plain.
#include "oracles/compare.h"

namespace mob::oracles {
namespace {

Verdict check(const Evidence& e) {
  if (!e.plain().ok()) return Verdict::skip("no outputs without optimization");
  const bool known = e.reference.available();
  const std::string plain_wrong =
      known ? structure_difference(e.reference.outputs, e.c.model.graph, e.outputs(0)) : std::string();
  Finding f;
  f.oracle = "structure";
  f.symptom = Symptom::kWrongStructure;
  f.stage = "optimize";
  for (std::size_t i = 1; i < e.outcomes.size(); ++i) {
    if (!e.outcomes[i].ok() || e.outcomes[i].same_as == 0) continue;
    const std::string difference = structure_difference(e.outputs(0), e.outputs(i));
    if (difference.empty()) continue;
    // Right where the plain run is wrong: no fault of the optimizer.
    if (known && structure_difference(e.reference.outputs, e.c.model.graph, e.outputs(i)).empty()) continue;
    if (f.configurations.empty()) f.message = difference;
    f.configurations.push_back(i);
  }
  if (!f.configurations.empty()) {
    // Without a reference the plain run is a lonely witness, but of shapes it is a certain one: they do not
    // depend on rounding.
    f.cls = plain_wrong.empty() ? FindingClass::kBug : FindingClass::kKernel;
    return Verdict::found(std::move(f));
  }
  if (!plain_wrong.empty()) {
    f.cls = FindingClass::kKernel;
    f.stage = "run";
    f.message = "without optimization: " + plain_wrong;
    f.configurations = {0};
    return Verdict::found(std::move(f));
  }
  return known ? Verdict::agree() : Verdict::skip("no reference: " + e.reference.unavailable);
}

}  // namespace

extern const Oracle structure;
const Oracle structure = {
    .name = "structure",
    .shows =
        "outputs' number, names, types and shapes: optimized against reference and plain (wrong-structure)",
    .check = check};

}  // namespace mob::oracles
