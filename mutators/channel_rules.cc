#include "mutators/channel_rules.h"

#include <algorithm>
#include <array>

#include "mutators/channel_layout_rules.h"
#include "mutators/channel_weight_rules.h"

namespace mob::mutators {
namespace {

void unary(Trace& t, const Reached& at) {
  if (!at_front(t, at) || (t.node(at).op_type == "Dropout" && Trace::in(t.node(at), 2) != kNoValue))
    return t.pin(at);
  same_axis(t, at);
}

void broadcast(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const ValueId y = n.outputs[0];
  const int axis = at.axis + t.rank(y) - t.rank(at.value);
  if (t.size(at.value, at.axis) != t.size(y, axis)) return t.pin(at);
  t.tie_broadcast(n, axis);
}

void pool(Trace& t, const Reached& at) {
  if (!at_front(t, at) || at.axis > 1) return t.pin(at);
  same_axis(t, at);
}

void softmax(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const bool flat = t.opset(n) < 13;  // all axes from this one on together
  const int axis = counted(n.int_or("axis", flat ? 1 : -1), t.rank(n.inputs[0]));
  if (flat ? at.axis >= axis : at.axis == axis) return t.pin(at);
  same_axis(t, at);
  t.mark(Trace::kSoftmax);
}

void layer_norm(Trace& t, const Reached& at) {
  const int axis = counted(t.node(at).int_or("axis", -1), t.rank(Trace::in(t.node(at), 0)));
  if (!at_front(t, at) || at.axis >= axis) return t.pin(at);
  same_axis(t, at);
}

void lp_norm(Trace& t, const Reached& at) {
  beside(t, at, Ints{t.node(at).int_or("axis", -1)});
}

void lrn(Trace& t, const Reached& at) {
  beside(t, at, Ints{1});
}

void cum_sum(Trace& t, const Reached& at) {
  beside(t, at, t.ints(t.node(at), 1, ""));
}

constexpr auto kUnary =
    std::to_array<std::string_view>({"Relu",     "LeakyRelu", "Sigmoid",     "Tanh",      "Elu",
                                     "Selu",     "Celu",      "Gelu",        "Mish",      "Swish",
                                     "Softplus", "Softsign",  "HardSigmoid", "HardSwish", "ThresholdedRelu",
                                     "Shrink",   "Clip",      "Abs",         "Neg",       "Exp",
                                     "Log",      "Sqrt",      "Reciprocal",  "Erf",       "Ceil",
                                     "Floor",    "Round",     "Sign",        "Sin",       "Cos",
                                     "Atan",     "Sinh",      "Asinh",       "Identity",  "Cast",
                                     "Not",      "IsNaN",     "IsInf",       "Dropout"});
constexpr auto kBroadcast =
    std::to_array<std::string_view>({"Add",         "Sub",     "Mul",  "Div",   "Pow",
                                     "Max",         "Min",     "Sum",  "Mean",  "PRelu",
                                     "Where",       "Greater", "Less", "Equal", "GreaterOrEqual",
                                     "LessOrEqual", "And",     "Or",   "Xor",   "Mod"});
constexpr auto kOthers = std::to_array<ChannelRow>({{"MaxPool", pool},
                                                    {"AveragePool", pool},
                                                    {"LpPool", pool},
                                                    {"GlobalMaxPool", pool},
                                                    {"GlobalAveragePool", pool},
                                                    {"GlobalLpPool", pool},
                                                    {"Softmax", softmax},
                                                    {"LogSoftmax", softmax},
                                                    {"Hardmax", softmax},
                                                    {"LayerNormalization", layer_norm},
                                                    {"RMSNormalization", layer_norm},
                                                    {"LpNormalization", lp_norm},
                                                    {"LRN", lrn},
                                                    {"CumSum", cum_sum}});

bool among(std::span<const std::string_view> list, std::string_view op) {
  return std::find(list.begin(), list.end(), op) != list.end();
}

}  // namespace

int counted(std::int64_t axis, int rank) {
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

bool holds(const Ints& axes, int axis, int rank) {
  return std::any_of(axes.begin(), axes.end(), [&](std::int64_t a) { return counted(a, rank) == axis; });
}

bool at_front(const Trace& t, const Reached& at) {
  return (at.input == 0 || at.output == 0) && Trace::out(t.node(at), 1) == kNoValue;
}

void same_axis(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  t.tie(n.inputs[0], at.axis, n.outputs[0], at.axis);
}

void beside(Trace& t, const Reached& at, const std::optional<Ints>& along) {
  if (!at_front(t, at) || !along || holds(*along, at.axis, t.rank(at.value))) return t.pin(at);
  same_axis(t, at);
}

ChannelRule rule_of(std::span<const ChannelRow> rows, std::string_view op) {
  const auto at = std::find_if(rows.begin(), rows.end(), [&](const ChannelRow& r) { return r.op == op; });
  return at == rows.end() ? nullptr : at->rule;
}

ChannelRule channel_rule(const Node& n) {
  if (!n.domain.empty()) return nullptr;
  if (among(kUnary, n.op_type)) return unary;
  if (among(kBroadcast, n.op_type)) return broadcast;
  if (const ChannelRule rule = rule_of(kOthers, n.op_type)) return rule;
  if (const ChannelRule rule = channel_layout_rule(n.op_type)) return rule;
  return channel_weight_rule(n.op_type);
}

}  // namespace mob::mutators
