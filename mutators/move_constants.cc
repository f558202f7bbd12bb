// Constants stand otherwise in the model: as initializers, Constant nodes, initializers that a caller may
// override, graph inputs, or calculated from others; each reader perhaps with one of its own.
#include <algorithm>

#include "mutators/rewrites.h"

namespace mob::mutators {
namespace {

enum class Stand : std::uint8_t { kInitializer, kNode, kOverridable, kInput, kIdentity, kOfShape };

// Whether all elements have the same bytes; of types whose elements take whole bytes.
bool uniform(const Tensor& t) {
  const auto width = static_cast<std::size_t>(bits(t.dtype()) / 8);
  if (t.count() == 0 || width == 0) return false;
  const std::string_view raw = t.raw();
  return raw.substr(width) == raw.substr(0, raw.size() - width);
}

// ConstantOfShape, where all elements are equal.
ValueId of_shape(Case& c, const Tensor& t, Choices& choices) {
  return one(c, "ConstantOfShape", {constant(c, t.dims(), choices)},
             {{.name = "value", .value = repeated(t, {1})}});
}

// A Constant node, in one of the short forms that opset 12 has for some types.
ValueId constant_node(Case& c, const Tensor& t, Choices& choices) {
  Attribute a{.name = "value", .value = t};
  const bool number = t.dtype() == DType::kFloat || t.dtype() == DType::kInt64;
  if (c.model.opset() >= 12 && number && t.dims().size() <= 1 && choices.rng().chance(0.5)) {
    const bool scalar = t.dims().empty();
    if (t.dtype() == DType::kInt64)
      a = scalar ? Attribute{.name = "value_int", .value = t.int_at(0)}
                 : Attribute{.name = "value_ints", .value = t.ints_vector()};
    else if (scalar)
      a = {.name = "value_float", .value = static_cast<float>(t.real_at(0))};
    else if (const std::vector<double> v = t.reals(); !v.empty())
      a = {.name = "value_floats", .value = std::vector<float>(v.begin(), v.end())};
  }
  return one(c, "Constant", {}, {a});
}

ValueId leaf(Case& c, const Tensor& t, Stand how, Choices& choices) {
  switch (how) {
    case Stand::kInitializer:
      return add_leaf(c, t, Constness::kInitializer);
    case Stand::kNode:
      return constant_node(c, t, choices);
    case Stand::kOverridable:
      return add_leaf(c, t, Constness::kOverridable);
    case Stand::kInput:
      return add_leaf(c, t, Constness::kInput);
    case Stand::kIdentity:
      return add_leaf(c, t, Constness::kComputed);
    case Stand::kOfShape:
      return of_shape(c, t, choices);
  }
  return kNoValue;
}

bool stands(const Case& c, const Tensor& t, Stand how) {
  if (how == Stand::kIdentity) return takes(c, "Identity", {t.dtype()});
  return how != Stand::kOfShape ||
         (c.model.opset() >= 9 && uniform(t) && kAnyDType.has(t.dtype()) && t.dtype() != DType::kBFloat16);
}

// Stands that the setting allows for a leaf, but the one that it has.
std::vector<Stand> stands(const Case& c, ValueId v, const Tensor& t, const std::string& to) {
  static const std::vector<std::pair<std::string_view, Stand>> words = {
      {"initializer", Stand::kInitializer}, {"node", Stand::kNode},
      {"overridable", Stand::kOverridable}, {"input", Stand::kInput},
      {"identity", Stand::kIdentity},       {"of-shape", Stand::kOfShape}};
  const Stand now = constness(c, v) == Constness::kInitializer ? Stand::kInitializer : Stand::kNode;
  std::vector<Stand> list;
  for (const auto& [word, how] : words)
    if ((to == "any" || to == word) && how != now && stands(c, t, how)) list.push_back(how);
  return list;
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::string to =
      choices.word("to", {"any", "initializer", "node", "overridable", "input", "identity", "of-shape"});
  const bool own = choices.word("readers", {"together", "apart"}) == "apart";
  // Graph inputs, overridable ones too, are the caller's.
  std::vector<ValueId> places;
  for (ValueId v : f.leaves()) {
    const auto& uses = f.uses(v);
    if (!c.model.graph.is_input(v) && content(c, v) && !stands(c, v, *content(c, v), to).empty() &&
        std::any_of(uses.begin(), uses.end(), [](const Use& u) { return u.node >= 0; }))
      places.push_back(v);
  }
  if (places.empty()) return std::nullopt;
  for (ValueId v : choices.places(with_room(c, std::move(places), 4))) {
    const Tensor t = *content(c, v);
    const Tensor stored = choices.faulty() ? bent_tensor(t) : t;
    const std::vector<Stand> list = stands(c, v, stored, to);
    ValueId fresh = kNoValue;
    for (const Use& u : f.uses(v)) {
      if (u.node < 0) continue;  // a graph output keeps its name
      if (fresh == kNoValue || own)
        fresh = leaf(c, stored, list.empty() ? Stand::kIdentity : choices.rng().pick(list), choices);
      set_use(c, u, fresh);
    }
  }
  return Promise{};
}

}  // namespace

extern const Mutator move_constants;
const Mutator move_constants{
    .name = "move-constants",
    .aims_at = "passes that take a value for constant, or overlook that it is (to, readers)",
    .family = MutatorFamily::kRewrite,
    .apply = kept<change>};

}  // namespace mob::mutators
