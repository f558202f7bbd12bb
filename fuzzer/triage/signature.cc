#include "fuzzer/triage/signature.h"

#include <algorithm>

#include "fuzzer/base/text.h"
#include "fuzzer/triage/variant.h"

namespace mob {
namespace {

// Whether a plain elementwise operator on one of its inputs does as well as the node.
bool may_be_any(Trials& trials, const Case& c, const Tidy& tidy, const Node& n,
                const std::map<std::string, Tensor>& values) {
  const Graph& g = c.model.graph;
  if (n.outputs.size() != 1 || n.outputs[0] == kNoValue) return false;
  const auto made = values.find(g[n.outputs[0]].name);
  if (made == values.end()) return false;
  for (ValueId v : n.inputs) {
    const auto read = v == kNoValue ? values.end() : values.find(g[v].name);
    if (read == values.end() || read->second.type() != made->second.type()) continue;
    Case other = c;
    Graph& changed = other.model.graph;
    const auto at = std::find_if(changed.nodes.begin(), changed.nodes.end(),
                                 [&](const Node& m) { return m.outputs == n.outputs; });
    *at = {
        .name = n.name, .op_type = n.op_type == "Neg" ? "Abs" : "Neg", .inputs = {v}, .outputs = n.outputs};
    if (tidy(other) && trials.run({&other, 1}).front() == Shown::kSame) return true;
  }
  return false;
}

std::vector<std::string> operators_with_types(const Graph& g, const std::map<std::string, Tensor>& values) {
  std::vector<std::string> list;
  for (int i : g.topological_order()) {
    const Node& n = g.nodes[static_cast<std::size_t>(i)];
    if (n.op_type == "Constant" && n.domain.empty()) continue;
    std::string word = (n.domain.empty() ? "" : n.domain + ".") + n.op_type;
    std::vector<std::string> attributes;
    for (const Attribute& a : n.attributes) attributes.push_back(a.name);
    std::sort(attributes.begin(), attributes.end());
    if (!attributes.empty()) word += "[" + join(attributes, ",") + "]";
    const auto known =
        n.outputs.empty() || n.outputs[0] == kNoValue ? values.end() : values.find(g[n.outputs[0]].name);
    if (known != values.end()) word += ":" + std::string(name(known->second.dtype()));
    list.push_back(std::move(word));
    for (const Graph* body : n.bodies())
      for (std::string& inner : operators_with_types(*body, {})) list.push_back(std::move(inner));
  }
  return list;
}

}  // namespace

std::string family_of(std::string_view optimizer) {
  for (const std::string_view ending : {"_CPUExecutionProvider", "L1", "L2"})
    if (optimizer.ends_with(ending)) optimizer.remove_suffix(ending.size());
  return std::string(optimizer);
}

std::string Signature::text() const {
  const auto or_none = [](const std::string& words) { return words.empty() ? std::string("-") : words; };
  return join({std::string(name(symptom)), system, or_none(join(passes, "+")), or_none(join(operators, " ")),
               or_none(guard)},
              " | ");
}

Signature signature_of(Trials& trials, const Case& reduced, const std::vector<FoundGuard>& guards) {
  Signature s{.symptom = trials.lock().symptom, .system = trials.judge().system().name};
  for (const std::string& pass : trials.lock().cure) s.passes.push_back(family_of(pass));
  std::sort(s.passes.begin(), s.passes.end());
  const auto values = values_of(reduced, trials.judge());
  Graph general = reduced.model.graph;
  const Tidy tidy(reduced);
  for (Node& n : general.nodes)
    if (may_be_any(trials, reduced, tidy, n, values.front()))
      n = {.op_type = "Any", .inputs = n.inputs, .outputs = n.outputs};
  s.operators = operators_with_types(general, values.front());
  if (const FoundGuard* guard = telling(guards)) s.guard = guard->key;
  return s;
}

}  // namespace mob
