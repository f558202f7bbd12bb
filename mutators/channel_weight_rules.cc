#include "mutators/channel_weight_rules.h"

#include <algorithm>
#include <array>

namespace mob::mutators {
namespace {

// Whole groups of a grouped convolution: what it reads, its filters, what it makes.
void groups(Trace& t, const Reached& at, std::int64_t count) {
  const Node& n = t.node(at);
  const ValueId x = n.inputs[0], w = n.inputs[1], b = Trace::in(n, 2), y = n.outputs[0];
  const bool filters = at.input > 0;
  if (at.axis != (filters ? 0 : 1)) return t.pin(at);
  t.tie_blocks(x, 1, y, 1, count);
  t.tie_blocks(x, 1, w, 0, count);
  if (b != kNoValue) t.tie_blocks(y, 1, b, 0, count);
}

// Conv: filters are [out, in, ...]. ConvTranspose: [in, out, ...].
void convolution(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const ValueId x = n.inputs[0], w = n.inputs[1], b = Trace::in(n, 2), y = n.outputs[0];
  const bool image = at.input == 0 || at.output == 0;
  if (image && at.axis == 0) return t.tie(x, 0, y, 0);
  if (const std::int64_t count = n.int_or("group", 1); count != 1) return groups(t, at, count);
  const int in = n.op_type == "Conv" ? 1 : 0, out = 1 - in;
  const bool reads = at.input == 0 || (at.input == 1 && at.axis == in);
  if (at.axis > 1) return t.pin(at);
  if (reads) {
    t.tie(x, 1, w, in);
    return t.contract(at, 1, in);
  }
  t.tie(y, 1, w, out);
  if (b != kNoValue) t.tie(b, 0, w, out);
}

void matrices(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const ValueId a = n.inputs[0], b = n.inputs[1], y = n.outputs[0];
  const int ra = t.rank(a), rb = t.rank(b), ry = t.rank(y);
  if (ra < 2 || rb < 2) return t.pin(at);
  const int from_end = t.rank(at.value) - at.axis;
  const bool sums = (at.input == 0 && from_end == 1) || (at.input == 1 && from_end == 2);
  if (sums) {
    t.tie(a, ra - 1, b, rb - 2);
    t.contract(at, 1, rb - 2);
  } else if (from_end == 1) {
    t.tie(b, rb - 1, y, ry - 1);
  } else if (from_end == 2) {
    t.tie(a, ra - 2, y, ry - 2);
  } else {
    const int axis = ry - from_end;
    if (t.size(at.value, at.axis) != t.size(y, axis)) return t.pin(at);
    t.tie_broadcast(n, axis);
    if (t.reached(a, axis - ry + ra) && t.reached(b, axis - ry + rb)) t.mark(Trace::kBatched);
  }
}

void gemm(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const ValueId a = n.inputs[0], b = n.inputs[1], c = Trace::in(n, 2), y = n.outputs[0];
  const int sum_a = n.int_or("transA", 0) != 0 ? 0 : 1, sum_b = n.int_or("transB", 0) != 0 ? 1 : 0;
  if ((at.input == 0 && at.axis == sum_a) || (at.input == 1 && at.axis == sum_b)) {
    t.tie(a, sum_a, b, sum_b);
    return t.contract(at, 1, sum_b);
  }
  int axis = at.axis;  // of the output
  if (at.input == 0 || at.input == 1) axis = at.input;
  if (at.input == 2) axis = at.axis + 2 - t.rank(c);
  if (t.size(at.value, at.axis) != t.size(y, axis)) return t.pin(at);
  t.tie(axis == 0 ? a : b, axis == 0 ? 1 - sum_a : 1 - sum_b, y, axis);
  if (c == kNoValue || axis - 2 + t.rank(c) < 0) return;
  const int own = axis - 2 + t.rank(c);
  if (t.size(c, own) == t.size(y, axis))
    t.tie(c, own, y, axis);
  else if (!t.fixed_sizes() && !t.constant(c))
    t.pin(at);
}

// BatchNormalization as in inference, InstanceNormalization: parameters for each index of axis 1.
void by_channel(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const bool batch = n.op_type == "BatchNormalization";
  if (batch &&
      (n.int_or("training_mode", 0) != 0 || n.int_or("spatial", 1) == 0 || Trace::out(n, 1) != kNoValue))
    return t.pin(at);
  if (t.rank(n.inputs[0]) < 2) return t.pin(at);
  const bool parameter = at.input > 0;
  if (!parameter && at.axis != 1) {
    if (!batch && at.axis > 1) return t.pin(at);
    return t.tie(n.inputs[0], at.axis, n.outputs[0], at.axis);
  }
  t.tie(n.inputs[0], 1, n.outputs[0], 1);
  for (std::size_t i = 1; i < n.inputs.size(); ++i) t.tie(n.inputs[0], 1, n.inputs[i], 0);
}

void gather(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const ValueId x = n.inputs[0], i = n.inputs[1], y = n.outputs[0];
  const int axis = counted(n.int_or("axis", 0), t.rank(x));
  int own = at.axis;  // of the table
  if (at.output == 0 && at.axis >= axis) own = std::max(axis, at.axis - t.rank(i) + 1);
  if (at.input == 1 || own == axis) return t.pin(at);
  t.tie(x, own, y, own < axis ? own : own + t.rank(i) - 1);
}

// Scale and zero point of the whole, or of each index of `axis`.
void quantization(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const ValueId x = n.inputs[0], scale = n.inputs[1], zero = Trace::in(n, 2), y = n.outputs[0];
  if (n.int_or("block_size", 0) != 0) return t.pin(at);
  const int axis = counted(n.int_or("axis", 1), t.rank(x));
  const int own = at.input > 0 ? axis : at.axis;
  if (at.input > 0 && (axis >= t.rank(x) || t.size(at.value, at.axis) != t.size(x, axis))) return t.pin(at);
  t.tie(x, own, y, own);
  if (own != axis) return;
  for (ValueId v : {scale, zero})
    if (v != kNoValue && t.rank(v) == 1 && t.size(v, 0) == t.size(x, own)) t.tie(v, 0, x, own);
}

// Whole heads, with groups of queries: whole groups.
void attention(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const bool packed = t.rank(n.inputs[0]) == 3;
  const std::int64_t heads = packed ? n.int_or("kv_num_heads", 0) : t.size(n.inputs[1], 1);
  const std::int64_t query_heads = packed ? n.int_or("q_num_heads", 0) : t.size(n.inputs[0], 1);
  const auto head_axis = [&](int slot, bool input) {
    const bool main = input ? slot < 3 : slot == 0;
    if (input && slot == 3) return t.rank(Trace::in(n, 3)) - 3;
    return main && packed ? 2 : 1;
  };
  if (heads < 2 || at.input > 5 || at.axis != head_axis(std::max(at.input, at.output), at.input >= 0))
    return t.pin(at);
  const ValueId k = n.inputs[1];
  const int axis = packed ? 2 : 1;
  const auto tie = [&](ValueId v, int own) {
    if (v != kNoValue && v != k && own >= 0) t.tie_blocks(k, axis, v, own, heads);
  };
  for (int i = 0; i < 6; ++i) {
    const ValueId v = Trace::in(n, static_cast<std::size_t>(i));
    const int own = v == kNoValue ? -1 : head_axis(i, true);
    if (i != 3 || (own >= 0 && t.size(v, own) == query_heads)) tie(v, own);
  }
  for (int o = 0; o < static_cast<int>(n.outputs.size()); ++o)
    tie(n.outputs[static_cast<std::size_t>(o)], head_axis(o, false));
  t.mark(Trace::kAttention);
}

constexpr auto kRows = std::to_array<ChannelRow>({
    {"Conv", convolution},
    {"ConvTranspose", convolution},
    {"MatMul", matrices},
    {"Gemm", gemm},
    {"BatchNormalization", by_channel},
    {"InstanceNormalization", by_channel},
    {"Gather", gather},
    {"QuantizeLinear", quantization},
    {"DequantizeLinear", quantization},
    {"Attention", attention},
});

}  // namespace

ChannelRule channel_weight_rule(std::string_view op) {
  return rule_of(kRows, op);
}

}  // namespace mob::mutators
