// Every element of every run against the value and bound of the reference.
#include <algorithm>

#include "fuzzer/base/text.h"
#include "oracles/compare.h"

namespace mob::oracles {
namespace {

// Published outputs that came with the model lie outside the bound, too.
bool published_disagree(const Evidence& e) {
  std::vector<Output> published;
  for (ValueId v : e.c.model.graph.outputs) {
    const auto at = e.c.witness.find(e.c.model.graph[v].name);
    if (at == e.c.witness.end()) return false;
    published.push_back({at->first, at->second, true});
  }
  return violations(e.reference.outputs, e.c.model.graph, published).any();
}

Verdict check(const Evidence& e) {
  if (!e.reference.available()) return Verdict::skip("no reference: " + e.reference.unavailable);
  const Graph& graph = e.c.model.graph;
  std::vector<Violations> found(e.outcomes.size());
  bool any = false, any_ok = false;
  for (std::size_t i = 0; i < e.outcomes.size(); ++i) {
    if (!e.outcomes[i].ok() || e.configurations[i].reload) continue;
    any_ok = true;
    found[i] = e.outcomes[i].same_as >= 0 ? found[static_cast<std::size_t>(e.outcomes[i].same_as)]
                                          : violations(e.reference.outputs, graph, e.outputs(i));
    any = any || found[i].any();
  }
  if (!any_ok) return Verdict::skip("no outputs to compare");
  // What runs with optimization only has nothing that an optimizer could have broken.
  if (!e.plain().ok()) return Verdict::skip("no witness: the plain run has no outputs");
  if (!any) {
    const Decidedness d = decidedness(e.reference.outputs);
    // To agree with a bound that says nothing is no agreement.
    if (d.elements > 0 && d.open + d.vague == d.elements && !e.reference.random)
      return Verdict::skip("every output element is open or vague (" + std::to_string(d.open) + " open, " +
                           std::to_string(d.vague) + " vague): the reference cannot tell");
    return Verdict::agree();
  }

  // Two sources against one: the reference is not believed.
  if (found[0].any() && !found[0].only_special && published_disagree(e))
    return Verdict::skip(
        "the reference is in doubt: the plain run and the published outputs both differ from it");

  Finding f;
  f.oracle = "optimized-vs-reference";
  f.symptom = Symptom::kWrongNumbers;
  f.stage = "optimize";
  // The weightiest class decides; the finding names the configurations of that class.
  std::vector<std::pair<FindingClass, std::size_t>> classes;
  for (std::size_t i = 1; i < e.outcomes.size(); ++i)
    if (found[i].any()) classes.emplace_back(classify_numbers(e, i, found[i]), i);
  if (classes.empty()) {  // only the plain run is wrong
    f.cls = found[0].only_special && (e.reference.special || e.reference.negative_zero)
                ? FindingClass::kSpecialValues
                : FindingClass::kKernel;
    f.stage = "run";
    f.configurations = {0};
    f.gap = found[0].worst;
    f.message = "without optimization: " + describe(found[0].worst);
    return Verdict::found(std::move(f));
  }
  f.cls = std::min_element(classes.begin(), classes.end())->first;
  for (const auto& [cls, i] : classes) {
    if (cls != f.cls) continue;
    f.configurations.push_back(i);
    if (!f.gap || found[i].worst.excess > f.gap->excess) f.gap = found[i].worst;
  }
  f.message = describe(*f.gap);
  return Verdict::found(std::move(f));
}

}  // namespace

extern const Oracle optimized_vs_reference;
const Oracle optimized_vs_reference = {
    .name = "optimized-vs-reference",
    .shows = "every element of every level against the reference's value and bound (wrong-numbers)",
    .check = check};

}  // namespace mob::oracles
