// Every call of a model-local function gives way to the function's body.
#include <algorithm>
#include <map>
#include <set>

#include "fuzzer/graph/model_io.h"
#include "mutators/edit.h"

namespace mob::mutators {
namespace {

constexpr int kMostCalls = 200;  // functions call each other

// The first call of a function that the model holds: an operator without a schema.
int first_call(const Model& model) {
  const auto& nodes = model.graph.nodes;
  const auto at = std::find_if(nodes.begin(), nodes.end(), [&](const Node& n) {
    return !n.domain.empty() && find_op(n.op_type, n.domain) == nullptr && form_of(model, n) == nullptr;
  });
  return at == nodes.end() ? -1 : static_cast<int>(at - nodes.begin());
}

// Puts the body in the place of the call: the values that it makes take over the call's outputs.
bool put_in(Case& c, const Node& call, const FunctionBody& body, const Choices& choices) {
  Graph& g = c.model.graph;
  for (const auto& [domain, version] : body.opsets) {
    if (c.model.opset(domain) == 0) c.model.opsets[domain] = version;
    if (c.model.opset(domain) != version) return false;
  }
  std::map<ValueId, ValueId> now = {{kNoValue, kNoValue}};
  for (std::size_t i = 0; i < body.graph.inputs.size(); ++i)
    now[body.graph.inputs[i]] = i < call.inputs.size() ? call.inputs[i] : kNoValue;
  for (ValueId v : body.graph.initializers) now[v] = g.add_initializer("", *body.graph[v].initializer);
  for (int i : body.graph.topological_order()) {
    const Node& n = body.graph.nodes[static_cast<std::size_t>(i)];
    if (!n.bodies().empty()) return false;
    std::vector<ValueId> inputs;
    for (ValueId v : n.inputs) inputs.push_back(now[v]);
    const auto made = append(c, n.op_type, std::move(inputs), n.attributes, n.outputs.size(), n.domain);
    for (std::size_t o = 0; o < made.size(); ++o)
      if (n.outputs[o] == kNoValue)
        g.nodes.back().outputs[o] = kNoValue;
      else
        now[n.outputs[o]] = made[o];
  }
  const auto count = static_cast<std::int64_t>(body.graph.outputs.size());
  for (std::int64_t o = 0; o < count; ++o) {
    const ValueId old = call.outputs[static_cast<std::size_t>(o)];
    const ValueId made = now[body.graph.outputs[static_cast<std::size_t>(choices.bent_index(o, count))]];
    if (old == kNoValue) continue;
    if (choices.faulty() && count == 1)
      append(c, "Add", {made, made});
    else
      append(c, "Identity", {made});
    g.nodes.back().outputs = {old};
  }
  return true;
}

std::optional<Promise> inlined(Case& c, Choices& choices) try {
  Case draft = c;
  Promise promise{.kind = Promise::Kind::kSameValues};
  std::set<std::pair<std::string, std::string>> names;
  for (int calls = 0; calls < kMostCalls; ++calls) {
    const int at = first_call(draft.model);
    if (at < 0) break;
    auto& nodes = draft.model.graph.nodes;
    const Node call = nodes[static_cast<std::size_t>(at)];
    const auto body = function_body(draft.model, call, {});
    if (!body || body->graph.outputs.size() != call.outputs.size()) return std::nullopt;
    nodes.erase(nodes.begin() + at);
    if (!put_in(draft, call, *body, choices)) return std::nullopt;
    if (names.emplace(call.op_type, call.domain).second)
      promise.claims.emplace_back(
          NodeCount{.op = call.op_type, .domain = call.domain, .least = 0, .most = 0});
  }
  if (names.empty() || first_call(draft.model) >= 0 || !facts_of(draft)) return std::nullopt;
  c = std::move(draft);
  return promise;
} catch (const UserError&) {  // a broken function
  return std::nullopt;
}

}  // namespace

extern const Mutator inline_function;
const Mutator inline_function{.name = "inline-function",
                              .aims_at = "model-local functions: all of them in their callers' places",
                              .family = MutatorFamily::kUnfuse,
                              .apply = inlined};

}  // namespace mob::mutators
