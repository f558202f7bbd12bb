// Operands in another order, or an operator turned around with them.
#include <algorithm>
#include <array>
#include <map>

#include "mutators/rewrites.h"

namespace mob::mutators {
namespace {

constexpr std::array<std::string_view, 13> kCommutative = {
    "Add",       "Mul",        "And", "Or",  "Xor", "Equal", "BitwiseAnd",
    "BitwiseOr", "BitwiseXor", "Max", "Min", "Sum", "Mean"};
const std::map<std::string_view, std::string_view> kTurned = {{"Less", "Greater"},
                                                              {"Greater", "Less"},
                                                              {"LessOrEqual", "GreaterOrEqual"},
                                                              {"GreaterOrEqual", "LessOrEqual"}};

bool commutative(const Node& n) {
  return n.inputs.size() >= 2 &&
         std::find(kCommutative.begin(), kCommutative.end(), n.op_type) != kCommutative.end();
}

// a - b as a + -b: the same to the last bit, signs of zeros, infinities and wrapped integers included.
bool negatable(const Case& c, DType t) {
  return (is_float(t) || is_signed_int(t)) && takes(c, "Neg", {t});
}

bool fits(const Case& c, const Facts& f, const Node& n) {
  if (!n.domain.empty()) return false;
  if (commutative(n) || kTurned.contains(n.op_type) || n.op_type == "Where") return true;
  return n.op_type == "Sub" && negatable(c, f.type(n.inputs[0]).dtype);
}

// Any order but the one that is there.
void permute(std::vector<ValueId>& inputs, Rng& rng) {
  const Ints perm = rng.permutation(inputs.size());
  const bool same = std::is_sorted(perm.begin(), perm.end());
  const std::vector<ValueId> before = inputs;
  for (std::size_t i = 0; i < inputs.size(); ++i)
    inputs[i] = before[same ? inputs.size() - 1 - i : static_cast<std::size_t>(perm[i])];
}

void turn(Case& c, const Facts& f, int node, Choices& choices) {
  Graph& g = c.model.graph;
  const auto at = static_cast<std::size_t>(node);
  const std::string op = g.nodes[at].op_type;
  const ValueId last = bent_value(c, f, g.nodes[at].inputs.back(), choices);
  std::vector<ValueId> inputs = g.nodes[at].inputs;
  inputs.back() = last;
  if (op == "Where") {
    inputs = {one(c, "Not", {inputs[0]}), inputs[2], inputs[1]};
  } else if (op == "Sub") {
    inputs = {one(c, "Neg", {inputs[1]}), inputs[0]};
    if (choices.rng().chance(0.5)) std::swap(inputs[0], inputs[1]);
    g.nodes[at].op_type = "Add";
  } else if (const auto turned = kTurned.find(op); turned != kTurned.end()) {
    std::swap(inputs[0], inputs[1]);
    g.nodes[at].op_type = turned->second;
  } else {
    permute(inputs, choices.rng());
  }
  g.nodes[at].inputs = std::move(inputs);
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  std::vector<int> places;
  for (std::size_t n = 0; n < c.model.graph.nodes.size(); ++n)
    if (fits(c, f, c.model.graph.nodes[n])) places.push_back(static_cast<int>(n));
  if (places.empty()) return std::nullopt;
  for (int n : choices.places(with_room(c, std::move(places), 1))) turn(c, f, n, choices);
  return Promise{};
}

}  // namespace

extern const Mutator commute;
const Mutator commute{
    .name = "commute",
    .aims_at = "patterns that know one order of operands: a+b as b+a, a-b as -b+a, a<b as b>a, Where turned",
    .family = MutatorFamily::kRewrite,
    .apply = kept<change>};

}  // namespace mob::mutators
