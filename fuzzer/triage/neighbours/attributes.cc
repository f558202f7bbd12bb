// One attribute is another, its default, or one that ONNX has a default for.
#include <fmt/format.h>

#include <map>
#include <set>

#include "fuzzer/base/text.h"
#include "fuzzer/graph/dtype.h"
#include "fuzzer/graph/schema.h"
#include "fuzzer/triage/neighbours/neighbour_kind.h"
#include "mutators/edit.h"

namespace mob::neighbour_kinds {
namespace {

std::string show_type(std::int64_t number) {
  return number > 0 && number < kDTypeCount ? std::string(name(static_cast<DType>(number)))
                                            : std::to_string(number);
}

std::string show(const std::string& attribute, const AttributeValue& v) {
  if (const auto* i = std::get_if<std::int64_t>(&v))
    return mutators::names_type(attribute) ? show_type(*i) : std::to_string(*i);
  if (const auto* f = std::get_if<float>(&v)) return show_number(*f);
  if (const auto* s = std::get_if<std::string>(&v)) return *s;
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&v)) return show_dims(*list);
  if (const auto* list = std::get_if<std::vector<float>>(&v)) {
    std::vector<std::string> words;
    for (float f : *list) words.push_back(show_number(f));
    return "[" + join(words, ",") + "]";
  }
  return "another";
}

using Values = std::vector<AttributeValue>;
using Ints = std::vector<std::int64_t>;

const Ints kTypes = [] {
  Ints types;
  for (DType t : {DType::kFloat, DType::kDouble, DType::kFloat16, DType::kInt64, DType::kInt32, DType::kInt8,
                  DType::kUint8, DType::kBool})
    types.push_back(static_cast<std::int64_t>(t));
  return types;
}();

Values other_permutations(const Ints& perm) {
  Ints identity(perm.size());
  for (std::size_t k = 0; k < perm.size(); ++k) identity[k] = static_cast<std::int64_t>(k);
  Ints last = identity;
  if (last.size() > 1) std::swap(last[last.size() - 1], last[last.size() - 2]);
  return {Ints(perm.rbegin(), perm.rend()), identity, last};
}

Values other_lists(const Ints& list) {
  Values others = {Ints(list.rbegin(), list.rend())};
  for (std::int64_t x : {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1}}) {
    others.emplace_back(Ints(list.size(), x));
    for (std::size_t k = 0; k < list.size() && list.size() > 1; ++k) {
      Ints one = list;
      one[k] = x;
      others.emplace_back(std::move(one));
    }
  }
  return others;
}

Values other_words(const std::string& attribute) {
  static const std::map<std::string_view, std::vector<const char*>> words = {
      {"mode", {"nearest", "linear", "cubic", "constant", "reflect", "edge"}},
      {"auto_pad", {"NOTSET", "VALID", "SAME_UPPER"}},
      {"approximate", {"none", "tanh"}},
      {"direction", {"forward", "reverse", "bidirectional"}},
      {"coordinate_transformation_mode", {"asymmetric", "half_pixel", "align_corners", "pytorch_half_pixel"}},
      {"nearest_mode", {"floor", "ceil", "round_prefer_floor", "round_prefer_ceil"}},
      {"keep_aspect_ratio_policy", {"stretch", "not_larger", "not_smaller"}}};
  Values others;
  if (const auto at = words.find(attribute); at != words.end())
    for (const char* w : at->second) others.emplace_back(std::string(w));
  return others;
}

Values others(const Attribute& a) {
  if (const auto* i = std::get_if<std::int64_t>(&a.value)) {
    Values list;
    for (std::int64_t v : mutators::names_type(a.name) ? kTypes : Ints{-1, 0, 1, 2, *i - 1, *i + 1})
      list.emplace_back(v);
    return list;
  }
  if (const auto* f = std::get_if<float>(&a.value)) return {1.0F, 0.0F, -*f, 1e-5F};
  if (const auto* list = std::get_if<Ints>(&a.value))
    return a.name == "perm" ? other_permutations(*list) : other_lists(*list);
  return std::holds_alternative<std::string>(a.value) ? other_words(a.name) : Values();
}

void add(Neighbourhood& there, const Node& n, const std::string& name, const std::string& now,
         const std::string& here, const std::function<void(Node&)>& change) {
  there.add({GuardKind::kAttribute, shrink::handle(n), name},
            {n.op_type + " " + name, name + " of " + there.called(n), "is " + now, here}, [&](Case& c) {
              change(same_node(c, n));
              return true;
            });
}

// Flags, and axes where there is one.
void add_absent(Neighbourhood& there, const Node& n) {
  static const std::set<std::string_view> flags = {
      "keepdims", "allowzero", "ceil_mode",       "transA",
      "transB",   "axis",      "exclude_outside", "noop_with_empty_axes"};
  const Schema* form = mutators::form_of(there.c().model, n);
  if (form == nullptr) return;
  for (const AttributeSchema& a : form->attributes)
    if (!n.has(a.name) && flags.contains(a.name))
      for (std::int64_t v : {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}})
        add(there, n, a.name, std::to_string(v), "default", [&](Node& m) { m.set(a.name, v); });
}

void add_to(Neighbourhood& there) {
  for (const Node& n : there.graph().nodes) {
    if (n.op_type == "Constant" && n.inputs.empty()) continue;
    for (const Attribute& a : n.attributes) {
      const std::string here = show(a.name, a.value);
      add(there, n, a.name, "its default", here, [&](Node& m) { m.remove(a.name); });
      for (const AttributeValue& other : others(a))
        if (const std::string now = show(a.name, other); now != here)
          add(there, n, a.name, now, here, [&](Node& m) { m.set(a.name, other); });
    }
    add_absent(there, n);
  }
}

}  // namespace

extern const NeighbourKind attributes;
const NeighbourKind attributes = {
    .name = "attributes", .what = "An attribute has another value, or its default.", .add_to = add_to};

}  // namespace mob::neighbour_kinds
