#include "fuzzer/graph/schema.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "onnx/defs/schema.h"

namespace mob {
namespace {

// Element types among "tensor(float)", "tensor(int64)"; sequences, maps and optionals are none.
DTypeSet types_of(const onnx::DataTypeSet& words) {
  DTypeSet types;
  for (const std::string* word : words) {
    if (word->rfind("tensor(", 0) != 0 || word->back() != ')') continue;
    const DType t = dtype_named(std::string_view(*word).substr(7, word->size() - 8));
    if (t != DType::kUndefined) types = types | DTypeSet(t);
  }
  return types;
}

std::vector<Parameter> parameters_of(const std::vector<onnx::OpSchema::FormalParameter>& from) {
  std::vector<Parameter> out;
  for (const auto& p : from)
    out.push_back({.name = p.GetName(),
                   .type = p.GetTypeStr(),
                   .types = types_of(p.GetTypes()),
                   .optional = p.GetOption() == onnx::OpSchema::Optional,
                   .variadic = p.GetOption() == onnx::OpSchema::Variadic,
                   .homogeneous = p.GetIsHomogeneous()});
  return out;
}

Schema light(const onnx::OpSchema& from) {
  Schema s;
  s.name = from.Name();
  s.domain = from.domain();
  s.since = from.SinceVersion();
  s.deprecated = from.Deprecated();
  s.has_function = from.HasFunction() || from.HasContextDependentFunction();
  s.inputs = parameters_of(from.inputs());
  s.outputs = parameters_of(from.outputs());
  for (const auto& [name, a] : from.attributes()) s.attributes.push_back({name, a.required});
  std::sort(s.attributes.begin(), s.attributes.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  s.min_inputs = from.min_input();
  s.min_outputs = from.min_output();
  return s;
}

// Forms of one operator, oldest first.
using Forms = std::vector<Schema>;
struct Table {
  std::map<std::string, std::unordered_map<std::string_view, Forms>, std::less<>> domains;
  std::map<std::string, int> names;  // owns the words that the maps' keys look at

  Table() {
    for (const onnx::OpSchema& s : onnx::OpSchemaRegistry::get_all_schemas_with_history()) {
      const std::string_view name = names.emplace(s.Name(), 0).first->first;
      domains[s.domain()][name].push_back(light(s));
    }
    for (auto& [domain, operators] : domains)
      for (auto& [name, list] : operators)
        std::sort(list.begin(), list.end(),
                  [](const Schema& a, const Schema& b) { return a.since < b.since; });
  }
};

const Forms* forms_of(std::string_view op_type, std::string_view domain) {
  static const Table table;
  const auto in = table.domains.find(domain == "ai.onnx" ? std::string_view() : domain);
  if (in == table.domains.end()) return nullptr;
  const auto at = in->second.find(op_type);
  return at == in->second.end() ? nullptr : &at->second;
}

}  // namespace

DTypeSet Schema::types(std::string_view word) const {
  for (const auto* list : {&inputs, &outputs})
    for (const Parameter& p : *list)
      if (p.type == word || p.name == word) return p.types;
  return {};
}

bool Schema::takes(std::span<const DType> given) const {
  std::size_t n = given.size();
  while (n > 0 && given[n - 1] == DType::kUndefined) --n;
  if (n < static_cast<std::size_t>(min_inputs)) return false;
  std::vector<std::pair<std::string_view, DType>> bound;
  for (std::size_t i = 0; i < n; ++i) {
    const bool tail = i >= inputs.size();
    if (tail && (inputs.empty() || !inputs.back().variadic)) return false;
    const Parameter& p = tail ? inputs.back() : inputs[i];
    if (given[i] == DType::kUndefined) {
      if (!p.optional) return false;
      continue;
    }
    if (!p.types.has(given[i])) return false;
    if (p.variadic && !p.homogeneous) continue;
    const auto at =
        std::find_if(bound.begin(), bound.end(), [&](const auto& entry) { return entry.first == p.type; });
    if (at == bound.end())
      bound.emplace_back(p.type, given[i]);
    else if (at->second != given[i])
      return false;
  }
  return true;
}

bool Schema::has_attribute(std::string_view attribute) const {
  return std::any_of(attributes.begin(), attributes.end(),
                     [&](const auto& a) { return a.name == attribute; });
}

const Schema* schema(std::string_view op_type, int opset, std::string_view domain) {
  const Forms* list = forms_of(op_type, domain);
  if (list == nullptr) return nullptr;
  const auto after =
      std::upper_bound(list->begin(), list->end(), opset, [](int n, const Schema& s) { return n < s.since; });
  return after == list->begin() ? nullptr : &*std::prev(after);
}

std::vector<int> forms(std::string_view op_type, int from, int to, std::string_view domain) {
  std::vector<int> out;
  if (const Schema* first = schema(op_type, from, domain); first != nullptr && from <= to)
    out.push_back(first->since);
  if (const Forms* list = forms_of(op_type, domain))
    for (const Schema& s : *list)
      if (s.since > from && s.since <= to) out.push_back(s.since);
  return out;
}

}  // namespace mob
