// An operator that the ONNX spec defines by a function gives way to the function's body.
#include <cmath>

#include "fuzzer/graph/model_io.h"
#include "mutators/pattern.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  Graph body;
};

// Whether a number is the same in every floating-point type.
bool plain_number(double x) {
  return !std::isfinite(x) || holds_exactly(DType::kBFloat16, x) || x == std::floor(x);
}

// Numbers in bodies are written as floats, and mean real numbers.
bool numbers_fit(const Node& n, DType t) {
  if (t == DType::kFloat || n.op_type != "Constant") return true;
  for (const Attribute& a : n.attributes) {
    if (const auto* x = std::get_if<float>(&a.value); x != nullptr && !plain_number(*x)) return false;
    if (const auto* tensor = std::get_if<Tensor>(&a.value); tensor != nullptr && is_float(tensor->dtype()))
      for (double x : tensor->reals())
        if (!plain_number(x)) return false;
  }
  return true;
}

// Whether the node means at the model's opset what it means at the body's.
bool same_form(const Node& n, const Model& model, int opset) {
  const Schema* here = form_of(model, n);
  const Schema* there = schema(n.op_type, opset);
  return n.domain.empty() && n.bodies().empty() && here != nullptr && there != nullptr &&
         here->since == there->since;
}

std::optional<Site> match(const Rewriting& r, const Node& n) {
  const Schema* form = form_of(r.parent().model, n);
  if (form == nullptr || !form->has_function || !r.fixed() || n.outputs.front() == kNoValue)
    return std::nullopt;
  std::vector<std::optional<ArrayType>> types;
  for (ValueId v : n.inputs) types.push_back(v == kNoValue ? std::nullopt : std::optional(r.type(v)));
  const auto body = function_body(r.parent().model, n, types);
  if (!body || body->graph.inputs.size() < n.inputs.size()) return std::nullopt;
  // What the body does not read (the type to cast to) might be an input of the graph.
  const std::vector<int> uses = body->graph.use_counts();
  for (ValueId v : body->graph.inputs)
    if (v != kNoValue && uses[static_cast<std::size_t>(v)] == 0) return std::nullopt;
  const auto opset = body->opsets.find("");
  const DType t = r.type(n.outputs.front()).dtype;
  for (const Node& inner : body->graph.nodes)
    if (opset == body->opsets.end() || !numbers_fit(inner, t) ||
        !same_form(inner, r.parent().model, static_cast<int>(opset->second)))
      return std::nullopt;
  return Site{n, body->graph};
}

std::vector<ValueId> write(Rewriting& r, const Site& site) {
  std::map<ValueId, ValueId> now = {{kNoValue, kNoValue}};
  for (std::size_t i = 0; i < site.old.inputs.size(); ++i) now[site.body.inputs[i]] = site.old.inputs[i];
  for (ValueId v : site.body.initializers) now[v] = r.leaf(*site.body[v].initializer);
  for (int i : site.body.topological_order()) {
    const Node& n = site.body.nodes[static_cast<std::size_t>(i)];
    std::vector<ValueId> inputs;
    for (ValueId v : n.inputs) inputs.push_back(now[v]);
    while (!inputs.empty() && inputs.back() == kNoValue) inputs.pop_back();
    const auto made = r.ops(n.op_type, std::move(inputs), n.outputs.size(), n.attributes);
    for (std::size_t o = 0; o < made.size(); ++o) now[n.outputs[o]] = made[o];
    now[kNoValue] = kNoValue;
  }
  std::vector<ValueId> made;
  for (ValueId v : site.body.outputs) made.push_back(now[v]);
  return made;
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write);
}

}  // namespace

extern const Mutator unfuse_function;
const Mutator unfuse_function{
    .name = "unfuse-function",
    .aims_at = "what the ONNX spec defines by a function: its body in place of the operator",
    .family = MutatorFamily::kUnfuse,
    .apply = kept<change>};

}  // namespace mob::mutators
