// QuantizeLinear and DequantizeLinear around operators that runtimes have integer kernels for.
#include <algorithm>
#include <cmath>
#include <map>

#include "mutators/quantizable.h"
#include "mutators/quantization_plan.h"

namespace mob::mutators {
namespace {

struct Settings {
  RangeRule rule;
  DType activation_type, weight_type;
  bool symmetric_activations, symmetric_weights, reduced, in_place, mixed, dedicated;
  std::string granularity;
  std::int64_t samples;
};

DType drawn_type(Choices& choices, const std::string& name, std::int64_t opset) {
  constexpr DType u8 = DType::kUint8, s8 = DType::kInt8;
  if (opset < 19) return choices.type(name, {u8, s8});
  constexpr DType e4 = DType::kFloat8E4M3FN, e5 = DType::kFloat8E5M2;
  if (opset < 21) return choices.type(name, {u8, s8, u8, s8, e4, e5});
  return choices.type(name,
                      {u8, s8, u8, s8, e4, e5, DType::kUint16, DType::kInt16, DType::kUint4, DType::kInt4});
}

Settings draw_settings(const Case& c, Choices& choices) {
  const std::int64_t opset = c.model.opset();
  Settings s;
  s.activation_type = drawn_type(choices, "activation_type", opset);
  s.weight_type = drawn_type(choices, "weight_type", opset);
  s.symmetric_activations = choices.yes("symmetric_activations", 0.3);
  s.symmetric_weights = choices.yes("symmetric_weights", 0.7);
  s.reduced = choices.yes("reduce_range", 0.4);
  s.granularity = choices.word("granularity", {"tensor", "channel", "axis"});
  s.in_place = choices.word("weights", {"stored", "float"}) == "stored";
  s.mixed = choices.yes("mixed", 0.2);
  s.dedicated = choices.word("pairs", {"shared", "dedicated"}) == "dedicated";
  s.rule = draw_rule(choices);
  s.samples = choices.whole("samples", 0, 3);
  return s;
}

// Chooses, node after node, which values are quantized to what.
class Planner {
 public:
  Planner(const Case& c, const Facts& f, Choices& choices, const Settings& settings)
      : c_(c), f_(f), choices_(choices), s_(settings), calibration_(c, settings.samples, choices.rng()) {}

  void add(int index) {
    const Node& n = c_.model.graph.nodes[static_cast<std::size_t>(index)];
    const Quantizable& q = *quantizable(n);
    const auto count = q.data == 0 ? n.inputs.size()
                                   : std::min<std::size_t>(n.inputs.size(), static_cast<std::size_t>(q.data));
    for (std::size_t i = 0; i < count; ++i)
      if (float_constant(c_, f_, n.inputs[i]))
        weight(n.inputs[i], n, q, i);
      else
        activation(n.inputs[i]);
    if (q.bias && n.inputs.size() > 2) bias(n, q);
    const Placed* source = q.moves ? placed(n.inputs[0]) : nullptr;
    const auto moved = source == nullptr || source->to.axis >= 0 ? std::nullopt : std::optional(source->to);
    for (ValueId v : n.outputs) activation(v, moved);
  }

  std::vector<Placed> plan() && {
    if (!s_.dedicated) return std::move(plan_);
    std::vector<Placed> each;  // a pair of its own for each reader
    for (const Placed& p : plan_)
      for (const Use& u : p.uses) {
        each.push_back(p);
        each.back().uses = {u};
      }
    return each;
  }

 private:
  // What is planned for a value, or null.
  const Placed* placed(ValueId v) const {
    const auto at = at_.find(v);
    return at == at_.end() || plan_[at->second].uses.empty() ? nullptr : &plan_[at->second];
  }

  // Whether the value may be quantized, and nothing was decided of it yet. What is left out of mixed
  // precision is decided, too.
  bool fresh(ValueId v) {
    return v != kNoValue && !at_.contains(v) && f_.known(v) && f_.type(v).dtype == DType::kFloat &&
           of_checked_size(f_.type(v)) &&
           std::all_of(f_.uses(v).begin(), f_.uses(v).end(), [&](const Use& u) { return takes_any(c_, u); });
  }

  void put(ValueId v, Quantization q, bool in_place) {
    at_[v] = plan_.size();
    Placed p{.value = v, .uses = f_.uses(v), .to = std::move(q), .in_place = in_place};
    if (f_.producer(v) < 0) std::erase_if(p.uses, [](const Use& u) { return u.node < 0; });
    if (s_.mixed && !p.in_place && choices_.rng().chance(0.25)) p.uses.clear();
    plan_.push_back(std::move(p));
  }

  // The type, or with mixed precision now and then the one of twice the bits.
  DType maybe_wider(DType t) {
    if (!s_.mixed || c_.model.opset() < 21 || bits(t) != 8 || choices_.rng().chance(0.6)) return t;
    return t == DType::kInt8 ? DType::kInt16 : t == DType::kUint8 ? DType::kUint16 : t;
  }

  void activation(ValueId v, const std::optional<Quantization>& like = {}) {
    if (!fresh(v) || f_.uses(v).empty()) return;
    Quantization q;
    if (like) {
      q = *like;
    } else {
      q = per_tensor(maybe_wider(s_.activation_type));
      fit(q, {cut_range(calibration_.elements(c_.model.graph[v].name), s_.rule)}, s_.symmetric_activations,
          false);
    }
    put(v, std::move(q), false);
  }

  int weight_axis(const Dims& dims, const Node& n, const Quantizable& q, std::size_t slot) {
    const auto rank = static_cast<int>(dims.size());
    if (rank == 0 || s_.granularity == "tensor" || c_.model.opset() < 13) return -1;
    if (s_.granularity == "axis") return static_cast<int>(choices_.rng().below(dims.size()));
    if (n.op_type == "Gemm" && slot == 1) return n.int_or("transB", 0) != 0 ? 0 : rank - 1;
    return slot == 1 && q.channel_axis >= 0 ? std::min(q.channel_axis, rank - 1) : rank - 1;
  }

  void weight(ValueId v, const Node& n, const Quantizable& op, std::size_t slot) {
    if (!fresh(v)) return;
    const Tensor t = *content(c_, v);
    const DType type = maybe_wider(s_.weight_type);
    const int axis = weight_axis(t.dims(), n, op, slot);
    Quantization q = axis < 0 ? per_tensor(type) : per_axis(type, t.dims(), axis);
    fit(q, ranges_of(t, q, s_.rule), s_.symmetric_weights, s_.reduced);
    put(v, std::move(q), s_.in_place);
  }

  // As int32, by the product of the scales of the factors.
  void bias(const Node& n, const Quantizable& op) {
    const ValueId v = n.inputs[2];
    const Placed *x = placed(n.inputs[0]), *w = placed(n.inputs[1]);
    if (x == nullptr || w == nullptr || x->to.axis >= 0 || !is_int(x->to.type) || !is_int(w->to.type)) return;
    const std::optional<Tensor> t = float_constant(c_, f_, v);
    if (!t || t->dims().size() != 1 || !fresh(v)) return;
    const bool channels = w->to.axis >= 0;
    if (channels && (w->to.dims != t->dims() || w->to.axis != weight_channels(n, op))) return;
    Quantization q = channels ? per_axis(DType::kInt32, t->dims(), 0) : per_tensor(DType::kInt32);
    for (std::size_t i = 0; i < q.scale.size(); ++i)
      q.scale[i] = static_cast<float>(x->to.scale[0]) * static_cast<float>(w->to.scale[i]);
    for (std::int64_t i = 0; i < t->count(); ++i)
      if (std::fabs(t->real_at(i) / q.scale[entry_of(q, t->dims(), i)]) > kMostBias) return;
    put(v, std::move(q), true);
  }
  // Axis of the weights that runs over what the bias is for.
  int weight_channels(const Node& n, const Quantizable& op) const {
    if (n.op_type == "Gemm") return n.int_or("transB", 0) != 0 ? 0 : 1;
    return op.channel_axis;
  }

  static constexpr double kMostBias = 0x1p30;

  const Case& c_;
  const Facts& f_;
  Choices& choices_;
  const Settings& s_;
  Calibration calibration_;
  std::vector<Placed> plan_;
  std::map<ValueId, std::size_t> at_;
};

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  if (c.model.opset() < 10) return std::nullopt;
  const Graph& g = c.model.graph;
  std::vector<int> nodes;
  for (int i : f.order()) {
    const Node& n = g.nodes[static_cast<std::size_t>(i)];
    if (quantizable(n) != nullptr && f.type(n.inputs[0]).dtype == DType::kFloat) nodes.push_back(i);
  }
  nodes = choices.places(nodes);
  if (nodes.empty()) return std::nullopt;
  const Settings settings = draw_settings(c, choices);
  Planner planner(c, f, choices, settings);
  for (int i : nodes) planner.add(i);
  std::vector<Placed> plan = std::move(planner).plan();
  std::erase_if(plan, [](const Placed& p) { return p.uses.empty(); });
  return quantized(c, f, plan, choices);
}

}  // namespace

extern const Mutator quantize_static;
const Mutator quantize_static{
    .name = "quantize-static",
    .aims_at = "integer kernels: pairs of QuantizeLinear and DequantizeLinear by calibrated ranges",
    .family = MutatorFamily::kQuantize,
    .apply = kept<change>};

}  // namespace mob::mutators
