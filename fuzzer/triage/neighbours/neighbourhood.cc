#include "fuzzer/triage/neighbours/neighbourhood.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "fuzzer/graph/schema.h"
#include "mutators/edit.h"

namespace mob {

Neighbourhood::Neighbourhood(const Case& c, Judge& judge, const GuardPlace* only)
    : facts_(inferred(c, judge)),
      subject_{facts_.c, facts_.values},
      leaves_(shrink::leaves(subject_)),
      tidy_(c),
      only_(only) {}

std::vector<LeafUse> Neighbourhood::leaf_uses() const {
  std::vector<LeafUse> list;
  const auto first_use = [&](const shrink::Leaf& leaf) {
    for (const Node& n : graph().nodes)
      for (std::size_t slot = 0; slot < n.inputs.size(); ++slot)
        if (n.inputs[slot] == leaf.v) return list.push_back({leaf, n, slot});
  };
  for (const shrink::Leaf& leaf : leaves_) first_use(leaf);
  return list;
}

void Neighbourhood::add(const GuardPlace& place, Words words, const std::function<bool(Case&)>& change) {
  if (!asked(place)) return;
  Case c = facts_.c;
  if (!change(c) || !tidy_(c)) return;
  std::string sentence = words.what + " " + words.change;
  if (!words.here.empty()) sentence += " (here " + words.here + ")";
  list_.push_back({std::move(c), place, std::move(words.key), std::move(words.change), std::move(sentence)});
}

std::string Neighbourhood::called(const Node& n) const {
  const auto same = std::count_if(graph().nodes.begin(), graph().nodes.end(), [&](const Node& m) {
    return m.op_type == n.op_type && m.domain == n.domain;
  });
  return same > 1 ? n.op_type + " (" + graph()[shrink::handle(n)].name + ")" : n.op_type;
}

std::string Neighbourhood::input_noun(const Node& n, std::size_t slot) const {
  // The field's words for inputs that ONNX's schemas call by a letter.
  static const std::map<std::pair<std::string_view, std::size_t>, std::string_view> nouns = {
      {{"Pow", 0}, "base"},
      {{"Pow", 1}, "exponent"},
      {{"Conv", 1}, "weight"},
      {{"Conv", 2}, "bias"},
      {{"ConvTranspose", 1}, "weight"},
      {{"ConvTranspose", 2}, "bias"},
      {{"Gemm", 2}, "bias"},
      {{"Div", 1}, "divisor"},
      {{"LayerNormalization", 1}, "scale"},
      {{"LayerNormalization", 2}, "bias"},
      {{"DequantizeLinear", 1}, "scale"},
      {{"DequantizeLinear", 2}, "zero point"},
      {{"QuantizeLinear", 1}, "scale"},
      {{"QuantizeLinear", 2}, "zero point"}};
  if (const auto at = nouns.find({n.op_type, slot}); at != nouns.end()) return std::string(at->second);
  const Schema* form = mutators::form_of(c().model, n);
  const Parameter* p = form != nullptr ? mutators::parameter(form->inputs, slot) : nullptr;
  if (p == nullptr) return fmt::format("input {}", slot);
  if (p->variadic) return fmt::format("input {} ({})", slot, p->name);
  return p->name.size() == 1 ? "input " + p->name : p->name;
}

std::string Neighbourhood::input_of(const Node& n, std::size_t slot) const {
  return fmt::format("the {} of {}", input_noun(n, slot), called(n));
}

std::string Neighbourhood::input_key(const Node& n, std::size_t slot) const {
  return n.op_type + " " + input_noun(n, slot);
}

GuardPlace place_at(GuardKind kind, const Node& n, const char* what, std::size_t slot) {
  return {kind, shrink::handle(n), fmt::format("{} {}", what, slot)};
}

Node& same_node(Case& c, const Node& n) {
  Graph& g = c.model.graph;
  return g.nodes[static_cast<std::size_t>(shrink::producer(g, shrink::handle(n)))];
}

Tensor refilled(const Tensor& t, const Dims& dims) {
  if (t.count() > 0) return mutators::repeated(t, dims);
  return Tensor::of(t.dtype(), dims, std::vector<double>(static_cast<std::size_t>(element_count(dims)), 1));
}

}  // namespace mob
