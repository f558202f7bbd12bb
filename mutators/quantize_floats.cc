// Nodes that calculate in float16 or bfloat16, with Casts where they meet the
// others.
#include <algorithm>
#include <array>
#include <map>

#include "mutators/quantization_plan.h"

namespace mob::mutators {
namespace {

Attribute to_type(DType t) {
  return {.name = "to", .value = static_cast<std::int64_t>(t)};
}

ValueId cast(Case& c, ValueId v, DType t) {
  return append(c, "Cast", {v}, {to_type(t)}).front();
}

// Lets nodes read and write narrow versions of values; the values themselves
// stay float.
class Narrower {
 public:
  Narrower(Case& c, const Facts& f, DType to, const Choices& choices)
      : c_(c), f_(f), to_(to), choices_(choices) {}

  // Nodes have to come in topological order. Whether the operator takes the
  // type.
  bool add(int index) {
    const Node n = c_.model.graph.nodes[static_cast<std::size_t>(index)];
    const std::vector<bool> slots = narrow_slots(n, index);
    if (std::none_of(slots.begin(), slots.end(), [](bool b) { return b; })) return false;
    const std::optional<NodeResult> result = attempt(n, slots);
    if (!result) return false;
    for (std::size_t o = 0; o < n.outputs.size(); ++o) {
      const DType t = result->outputs[o].type.dtype;
      if (n.outputs[o] != kNoValue && t != f_.type(n.outputs[o]).dtype && t != to_) return false;
    }
    for (std::size_t i = 0; i < slots.size(); ++i)
      if (slots[i]) set_use(c_, {index, static_cast<int>(i)}, version(n.inputs[i]));
    for (std::size_t o = 0; o < n.outputs.size(); ++o)
      if (const ValueId v = n.outputs[o];
          v != kNoValue && f_.type(v).dtype != result->outputs[o].type.dtype) {
        const ValueId made = c_.model.graph.add_value({}, TensorType{.dtype = to_, .shape = {}});
        c_.model.graph.nodes[static_cast<std::size_t>(index)].outputs[o] = made;
        narrow_[v] = made;
        made_.push_back(v);
      }
    return true;
  }

  // Casts back what nodes of the other kind and graph outputs read.
  void finish() {
    const std::vector<int> uses = c_.model.graph.use_counts();
    for (ValueId v : made_) {
      if (uses[static_cast<std::size_t>(v)] == 0) continue;
      cast(c_, narrow_[v], DType::kFloat);
      c_.model.graph.nodes.back().outputs = {v};
    }
  }

  std::vector<ValueId> values() const {
    std::vector<ValueId> list;
    for (const auto& [v, narrow] : narrow_) list.push_back(v);
    return list;
  }

 private:
  // Inputs that the operator takes in the type.
  std::vector<bool> narrow_slots(const Node& n, int index) const {
    const Schema* form = form_of(c_.model, n);
    std::vector<bool> slots(n.inputs.size(), false);
    static constexpr std::array<std::string_view, 3> kMeansFloat = {"QuantizeLinear", "DequantizeLinear",
                                                                    "DynamicQuantizeLinear"};
    if (std::any_of(n.attributes.begin(), n.attributes.end(),
                    [](const Attribute& a) { return names_type(a.name); }) ||
        std::find(kMeansFloat.begin(), kMeansFloat.end(), n.op_type) != kMeansFloat.end())
      return slots;
    for (std::size_t i = 0; i < slots.size(); ++i) {
      const Parameter* p = parameter(form->inputs, i);
      slots[i] = n.inputs[i] != kNoValue && f_.type(n.inputs[i]).dtype == DType::kFloat && p != nullptr &&
                 p->types.has(to_) && takes_any(c_, {index, static_cast<int>(i)});
    }
    return slots;
  }

  std::optional<NodeResult> attempt(const Node& n, const std::vector<bool>& slots) {
    std::vector<const Expected*> inputs;
    for (std::size_t i = 0; i < slots.size(); ++i)
      inputs.push_back(slots[i] ? &known(n.inputs[i]) : f_.value(n.inputs[i]));
    return try_node(c_.model, n, inputs);
  }

  const Expected& known(ValueId v) {
    auto at = known_.find(v);
    if (at == known_.end()) at = known_.emplace(v, exact(converted(rounded(*f_.value(v)), to_))).first;
    return at->second;
  }

  ValueId version(ValueId v) {
    const auto at = narrow_.find(v);
    if (at != narrow_.end()) return at->second;
    const std::optional<Tensor> t = float_constant(c_, f_, v);
    return narrow_[v] =
               t ? constant(v, *t) : cast(c_, choices_.faulty() ? cast(c_, v, DType::kBool) : v, to_);
  }

  ValueId constant(ValueId v, const Tensor& t) {
    std::vector<double> values = t.reals();
    for (double& x : values) x = choices_.bent(x);
    Graph& g = c_.model.graph;
    return g.add_initializer(g.fresh_name(g[v].name + "_narrow"), Tensor::of(to_, t.dims(), values));
  }

  Case& c_;
  const Facts& f_;
  DType to_;
  const Choices& choices_;
  std::map<ValueId, ValueId> narrow_;
  std::vector<ValueId> made_;  // by nodes, in the type
  std::map<ValueId, Expected> known_;
};

// Graph inputs and outputs of float32 become of the type; what is between them
// reads and writes Casts.
void narrow_interface(Case& c, DType to) {
  Graph& g = c.model.graph;
  const auto is_float32 = [&](ValueId v) { return g[v].type && g[v].type->dtype == DType::kFloat; };
  for (ValueId v : std::vector<ValueId>(g.outputs)) {
    if (!is_float32(v) || g.is_input(v)) continue;
    const int at = static_cast<int>(std::find(g.outputs.begin(), g.outputs.end(), v) - g.outputs.begin());
    const ValueId narrow = cast(c, v, to);
    read_instead(c, v, {{-1, at}}, narrow);
    g[narrow].type->dtype = to;
  }
  for (ValueId v : std::vector<ValueId>(g.inputs)) {
    if (!is_float32(v) || g[v].initializer || g.is_output(v)) continue;
    const ValueId wide = cast(c, v, DType::kFloat);
    g.redirect_uses(v, wide, static_cast<int>(g.nodes.size()) - 1);
    g[v].type->dtype = to;
    const auto narrow = [&](Inputs& inputs) {
      if (const auto at = inputs.find(g[v].name); at != inputs.end()) at->second = converted(at->second, to);
    };
    narrow(c.inputs);
    for (Inputs& inputs : c.bindings) narrow(inputs);
  }
}

// A value of the type that becomes float32 and back is itself.
void skip_round_trips(Case& c, DType to) {
  Graph& g = c.model.graph;
  const auto casts_to = [](const Node& n, DType t) {
    return n.op_type == "Cast" && n.domain.empty() && n.int_or("to", 0) == static_cast<std::int64_t>(t);
  };
  const std::vector<int> producers = g.producers();
  std::vector<ValueId> skipped;
  for (const Node& n : g.nodes) {
    const int p = casts_to(n, to) ? producers[static_cast<std::size_t>(n.inputs[0])] : -1;
    if (p < 0 || g.is_output(n.outputs[0]) || !casts_to(g.nodes[static_cast<std::size_t>(p)], DType::kFloat))
      continue;
    const ValueId source = g.nodes[static_cast<std::size_t>(p)].inputs[0];
    if (!g[source].type || g[source].type->dtype != to) continue;
    g.redirect_uses(n.outputs[0], source);
    skipped.push_back(n.outputs[0]);
  }
  for (ValueId v : skipped) remove_dead(c, v);
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::int64_t opset = c.model.opset();
  const DType to = opset >= 13 ? choices.type("to", {DType::kFloat16, DType::kBFloat16})
                               : choices.type("to", {DType::kFloat16});
  const std::vector<int> nodes = choices.places(f.order());
  const bool keep_io = choices.yes("keep_io", 0.6);
  const auto parent = std::make_shared<const Case>(c);
  Narrower narrower(c, f, to, choices);
  bool any = false;
  for (int i : nodes) any = narrower.add(i) || any;
  if (!any) return std::nullopt;
  narrower.finish();
  Twin twin{.name = "parent"};
  auto framed = std::make_shared<Case>(*parent);
  if (!keep_io) {
    twin.name = "parent between Casts";
    narrow_interface(*framed, to);
    narrow_interface(c, to);
    skip_round_trips(c, to);
  }
  for (ValueId v : narrower.values())
    twin.slack.push_back({.value = framed->model.graph[v].name, .to = Narrowed{.to = to}});
  if (!keep_io) twin.c = std::move(framed);
  Promise promise;
  promise.twins.push_back(std::move(twin));
  promise.same_interface = keep_io;
  if (!all_answer(*parent, c, promise)) return std::nullopt;
  return promise;
}

}  // namespace

extern const Mutator quantize_floats;
const Mutator quantize_floats{.name = "quantize-floats",
                              .aims_at = "float16 and bfloat16: kernels, Casts around what stays float32",
                              .family = MutatorFamily::kQuantize,
                              .apply = kept<change>};

}  // namespace mob::mutators
