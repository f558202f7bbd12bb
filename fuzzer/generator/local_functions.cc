// Model-local functions, with attributes that their callers give.
#include <algorithm>

#include "fuzzer/generator/grow.h"

namespace mob {
namespace {

// Attributes that a caller may give another value without much ado.
constexpr std::string_view kFree[] = {"alpha", "beta", "epsilon", "gamma",   "bias",
                                      "lambd", "axis", "perm",    "keepdims"};

// Another value of the same kind; one that does not do is found out by the call.
AttributeValue varied(const AttributeValue& value, Rng& rng) {
  if (const auto* f = std::get_if<float>(&value)) return *f * (rng.chance(0.5) ? 0.5f : 2.0f);
  if (const auto* i = std::get_if<std::int64_t>(&value)) return *i == 0 ? std::int64_t{1} : *i - 1;
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) {
    std::vector<std::int64_t> other = *list;
    std::reverse(other.begin(), other.end());
    return other;
  }
  return value;
}

// The function's nodes, some of whose attributes refer to the caller's.
GraphPtr with_references(Graph body, std::vector<Attribute>& given, Rng& rng) {
  for (Node& n : body.nodes)
    for (Attribute& a : n.attributes) {
      if (std::find(std::begin(kFree), std::end(kFree), a.name) == std::end(kFree) || !a.reference.empty() ||
          !rng.chance(0.7))
        continue;
      const std::string name = "given" + std::to_string(given.size()) + "_" + a.name;
      given.push_back({.name = name, .value = a.value});
      a.reference = name;
    }
  return std::make_shared<const Graph>(std::move(body));
}

// Calls an earlier function, where it was not drawn around this very graph.
void call_earlier(Builder& b) try {
  if (b.functions().empty()) return;
  const Builder::LocalFunction f = b.rng().pick(b.functions());
  std::vector<ValueId> inputs;
  for (const ArrayType& t : f.inputs) inputs.push_back(of_type(b, t));
  b.nodes(f.name, inputs, f.attributes, f.outputs, Builder::kLocalDomain);
} catch (const CannotDraft&) {  // what was added by then stays
}

}  // namespace

bool draw_function(Builder& b) try {
  Rng& rng = b.rng();
  std::vector<ValueId> inputs = b.readable();
  // ONNX Runtime has functions of common types only.
  std::erase_if(inputs, [&](ValueId v) { return !kAnyDType.has(b.type(v).dtype) || b.type(v).count() == 0; });
  rng.shuffle(inputs);
  if (inputs.size() > 3) inputs.resize(1 + rng.below(3));
  if (inputs.empty()) inputs = {b.leaf(b.draw({DType::kFloat, {2, 3}}), Role::kData)};

  Builder body(b, "function", true);
  Builder::LocalFunction f;
  for (ValueId v : inputs) {
    body.input(b.shared_value(v));
    f.inputs.push_back(b.type(v));
  }
  grow_body(body);
  if (rng.chance(0.4)) call_earlier(body);
  const std::vector<ValueId> results = draw_results(body, 1 + rng.below(2));
  if (results.empty()) return false;
  f.outputs = results.size();
  f.name = b.fresh_function();
  const GraphPtr graph = with_references(*body.close(results), f.attributes, rng);
  b.add_function(graph, f);

  const auto call = [&](const std::vector<ValueId>& given, std::vector<Attribute> attributes) {
    return b.nodes(f.name, given, std::move(attributes), f.outputs, Builder::kLocalDomain);
  };
  const std::vector<ValueId> made = call(inputs, f.attributes);
  if (rng.chance(0.3)) return true;
  std::vector<Attribute> other = f.attributes;
  for (Attribute& a : other) a.value = varied(a.value, rng);
  std::vector<ValueId> others = inputs;
  if (f.attributes.empty() || rng.chance(0.5))
    for (ValueId& v : others)
      if (rng.chance(0.6)) v = of_type(b, b.type(v));
  try {
    call(others, std::move(other));
  } catch (const CannotDraft&) {  // one call is enough
    call(others, f.attributes);
  }
  return true;
} catch (const CannotDraft&) {
  return false;
}

}  // namespace mob
