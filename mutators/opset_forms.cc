#include "mutators/opset_forms.h"

namespace mob::mutators {
namespace {

// Attributes that became inputs under the same name, with the type and rank that they have there.
struct Moved {
  std::string_view attribute;
  DType type;  // kUndefined: that of the node's first input
  bool scalar;
};
constexpr Moved kMoved[] = {
    {"axes", DType::kInt64, false},   {"split", DType::kInt64, false},  {"pads", DType::kInt64, false},
    {"starts", DType::kInt64, false}, {"ends", DType::kInt64, false},   {"repeats", DType::kInt64, false},
    {"min", DType::kUndefined, true}, {"max", DType::kUndefined, true}, {"ratio", DType::kFloat, true},
    {"k", DType::kInt64, false},      {"scales", DType::kFloat, false},
};
// Pad's value changed its name on the way.
constexpr std::string_view kPadValue[] = {"value", "constant_value"};

std::optional<Tensor> as_tensor(const AttributeValue& value, const Moved& m, DType first) {
  const DType t = m.type == DType::kUndefined ? first : m.type;
  if (const auto* list = std::get_if<std::vector<std::int64_t>>(&value)) return Tensor::ints(*list);
  if (const auto* list = std::get_if<std::vector<float>>(&value))
    return Tensor::of(t, {static_cast<std::int64_t>(list->size())},
                      std::vector<double>(list->begin(), list->end()));
  if (const auto* x = std::get_if<float>(&value))
    return is_float(t) ? std::optional(Tensor::scalar(t, *x)) : std::nullopt;
  if (const auto* x = std::get_if<std::int64_t>(&value))
    return m.scalar ? Tensor::of_ints(t, {}, {*x}) : Tensor::ints({*x});
  return std::nullopt;
}

std::optional<AttributeValue> as_attribute(const Tensor& t, bool one_int) {
  if (is_float(t.dtype())) {
    if (t.dims().empty()) return AttributeValue(static_cast<float>(t.real_at(0)));
    const std::vector<double> v = t.reals();
    return AttributeValue(std::vector<float>(v.begin(), v.end()));
  }
  if (one_int && t.count() == 1) return AttributeValue(t.int_at(0));
  if (t.dims().size() != 1) return std::nullopt;
  return AttributeValue(t.ints_vector());
}

}  // namespace

bool to_form(Case& c, std::size_t index, const Schema& from, const Schema& to, const Facts& f,
             const std::function<Constness()>& constness) {
  Graph& g = c.model.graph;
  const auto put = [&](std::string_view parameter_name, Tensor t) {
    const int slot = slot_of(to, parameter_name);
    if (slot < 0) return false;
    const ValueId leaf = add_leaf(c, std::move(t), constness());
    Node& n = g.nodes[index];  // adding a leaf may have moved it
    if (n.inputs.size() <= static_cast<std::size_t>(slot))
      n.inputs.resize(static_cast<std::size_t>(slot) + 1, kNoValue);
    n.inputs[static_cast<std::size_t>(slot)] = leaf;
    return true;
  };
  const Node before = g.nodes[index];
  const DType first =
      !before.inputs.empty() && f.known(before.inputs[0]) ? f.type(before.inputs[0]).dtype : DType::kFloat;
  // Inputs that are none any more become attributes.
  for (std::size_t slot = before.inputs.size(); slot-- > 0;) {
    if (before.inputs[slot] == kNoValue || slot >= from.inputs.size() || from.inputs[slot].variadic) continue;
    if (parameter(to.inputs, slot) != nullptr) continue;
    const std::string& name = from.inputs[slot].name;
    const std::string_view word = name == kPadValue[1] ? kPadValue[0] : std::string_view(name);
    if (!to.has_attribute(word)) return false;
    const std::optional<Tensor> t = content(c, before.inputs[slot]);
    if (!t) return false;
    const auto value = as_attribute(*t, word == "k");
    if (!value) return false;
    g.nodes[index].set(word, *value);
    g.nodes[index].inputs.resize(slot);
  }
  for (const Attribute& a : before.attributes) {
    if (to.has_attribute(a.name)) continue;
    g.nodes[index].remove(a.name);
    const std::string_view word = a.name == kPadValue[0] ? kPadValue[1] : std::string_view(a.name);
    if (slot_of(to, word) < 0) continue;  // dropped: what is then meant is another thing
    Moved m{word, DType::kUndefined, true};
    for (const Moved& row : kMoved)
      if (row.attribute == a.name) m = row;
    std::optional<Tensor> t = as_tensor(a.value, m, first);
    if (!t || !put(word, std::move(*t))) return false;
  }
  Node& n = g.nodes[index];
  if (n.op_type == "Split" && to.has_attribute("num_outputs") && n.inputs.size() < 2 && !n.has("split"))
    n.set("num_outputs", static_cast<std::int64_t>(n.outputs.size()));
  return true;
}

}  // namespace mob::mutators
