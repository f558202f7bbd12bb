#include "mutators/channel_layout_rules.h"

#include <array>

namespace mob::mutators {
namespace {

void slice(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const auto starts = t.ints(n, 1, "starts");
  if (!starts) return t.pin(at);
  Ints axes(starts->size());
  for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<std::int64_t>(i);
  beside(t, at, t.ints(n, 3, "axes", axes));
}

void pad(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const auto pads = t.ints(n, 1, "pads");
  const int rank = t.rank(n.inputs[0]);
  Ints axes;
  for (int i = 0; i < rank; ++i) axes.push_back(i);
  const auto given = t.ints(n, 3, "", axes);
  if (!pads || !given || pads->size() != 2 * given->size()) return t.pin(at);
  Ints padded;
  for (std::size_t i = 0; i < given->size(); ++i)
    if ((*pads)[i] != 0 || (*pads)[i + given->size()] != 0) padded.push_back((*given)[i]);
  beside(t, at, padded);
}

// Resize and Upsample by scales: axes of scale one are copied.
void resize(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const std::size_t slot = n.op_type == "Upsample" || t.opset(n) < 11 ? 1 : 2;
  const std::string mode = n.string_or("mode", "nearest");
  if (Trace::in(n, 3) != kNoValue || mode == "cubic" || n.has("axes") ||
      n.string_or("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize")
    return t.pin(at);
  std::vector<double> scales = n.floats_or("scales", {});
  if (const ValueId v = Trace::in(n, slot); v != kNoValue) {
    if (!t.constant(v)) return t.pin(at);
    scales = t.reals(v);
  }
  Ints stretched;
  for (std::size_t i = 0; i < scales.size(); ++i)
    if (scales[i] != 1) stretched.push_back(static_cast<std::int64_t>(i));
  if (scales.empty()) return t.pin(at);
  beside(t, at, stretched);
}

void tile(Trace& t, const Reached& at) {
  const auto repeats = t.ints(t.node(at), 1, "");
  if (!at_front(t, at) || !repeats || repeats->at(static_cast<std::size_t>(at.axis)) != 1) return t.pin(at);
  same_axis(t, at);
}

void expand(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const auto shape = t.ints(n, 1, "");
  if (!at_front(t, at) || !shape) return t.pin(at);
  const ValueId x = n.inputs[0], y = n.outputs[0];
  const int axis = at.axis + t.rank(y) - t.rank(at.value);  // of the output
  const int from_x = axis - t.rank(y) + t.rank(x);
  const int entry = axis - t.rank(y) + static_cast<int>(shape->size());
  if (from_x < 0 || (entry >= 0 && (*shape)[static_cast<std::size_t>(entry)] != 1)) return t.pin(at);
  t.tie(x, from_x, y, axis);
}

void transpose(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  Ints perm;
  for (int i = t.rank(n.outputs[0]); i-- > 0;) perm.push_back(i);
  perm = n.ints_or("perm", perm);
  for (int i = 0; i < static_cast<int>(perm.size()); ++i) {
    const auto from = static_cast<int>(perm[static_cast<std::size_t>(i)]);
    if ((at.output == 0 ? i : from) == at.axis) t.tie(n.inputs[0], from, n.outputs[0], i);
  }
}

void concat(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const int axis = counted(n.int_or("axis", 1), t.rank(at.value));
  std::int64_t from = 0;
  for (ValueId v : n.inputs) {
    t.tie_part(v, at.axis, n.outputs[0], at.axis, at.axis == axis ? from : 0);
    from += t.size(v, axis);
  }
}

void split(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  if (at.input > 0 || counted(n.int_or("axis", 0), t.rank(at.value)) == at.axis) return t.pin(at);
  for (ValueId y : n.outputs)
    if (y != kNoValue) t.tie(n.inputs[0], at.axis, y, at.axis);
}

// Some axes of one side are not on the other: calls tie for the one that we came by.
void without(Trace& t, const Reached& at, const Ints& axes, ValueId longer, ValueId shorter) {
  int to = 0;
  for (int i = 0; i < t.rank(longer); ++i) {
    const bool left_out = holds(axes, i, t.rank(longer));
    if (at.value == longer ? i == at.axis : !left_out && to == at.axis)
      return left_out ? t.pin(at) : t.tie(longer, i, shorter, to);
    to += left_out ? 0 : 1;
  }
}

void squeeze(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const auto axes = t.ints(n, 1, "axes");
  // Without axes, a channel that is left alone would be squeezed, too.
  if (at.input > 0 || !axes || axes->empty()) return t.pin(at);
  const bool less = n.op_type == "Squeeze";
  without(t, at, *axes, less ? n.inputs[0] : n.outputs[0], less ? n.outputs[0] : n.inputs[0]);
}

void reduce(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const bool arg = n.op_type.starts_with("Arg");
  const auto axes = arg ? Ints{n.int_or("axis", 0)} : t.ints(n, 1, "axes");
  if (!at_front(t, at) || !axes || axes->empty()) return t.pin(at);
  if (n.int_or("keepdims", 1) != 0) return beside(t, at, axes);
  without(t, at, *axes, n.inputs[0], n.outputs[0]);
}

// A stretch of axes that holds the same elements before and after.
struct Stretch {
  int in, in_end, out, out_end;
};
std::vector<Stretch> stretches(const Dims& in, const Dims& out) {
  std::vector<Stretch> list;
  std::size_t i = 0, j = 0;
  while (i < in.size() || j < out.size()) {
    const std::size_t from_in = i, from_out = j;
    std::int64_t p = i < in.size() ? in[i++] : 1, q = j < out.size() ? out[j++] : 1;
    while (p != q && (p < q ? i < in.size() : j < out.size())) (p < q ? p : q) *= p < q ? in[i++] : out[j++];
    list.push_back({.in = static_cast<int>(from_in),
                    .in_end = static_cast<int>(i),
                    .out = static_cast<int>(from_out),
                    .out_end = static_cast<int>(j)});
  }
  return list;
}

// One axis (`merged`) holds what some axes of `split` hold. Where none of these is followed yet, the one of
// the largest blocks is.
void merge(Trace& t, ValueId merged, int axis, ValueId split, int begin, int end) {
  std::vector<int> followed;
  int first = -1;
  for (int a = end; a-- > begin;) {
    if (t.size(split, a) < 2) continue;
    first = a;
    if (t.reached(split, a)) followed.push_back(a);
  }
  if (followed.empty()) followed.push_back(first);
  for (int a : followed) {
    std::int64_t inner = 1;
    for (int i = a + 1; i < end; ++i) inner *= t.size(split, i);
    t.tie_merged(merged, axis, split, a, inner);
  }
}

// Flatten, Reshape.
void regroup(Trace& t, const Reached& at) {
  const Node& n = t.node(at);
  const ValueId x = n.inputs[0], y = n.outputs[0];
  const auto empty = [&](ValueId v) { return element_count(t.dims(v)) == 0; };
  if (!at_front(t, at) || !t.fixed_sizes() || empty(x) || !t.ints(n, 1, "")) return t.pin(at);
  const auto wide = [&](ValueId v, int begin, int end) {
    std::vector<int> axes;
    for (int a = begin; a < end; ++a)
      if (t.size(v, a) > 1) axes.push_back(a);
    return axes;
  };
  for (const Stretch& s : stretches(t.dims(x), t.dims(y))) {
    const bool here =
        at.value == x ? s.in <= at.axis && at.axis < s.in_end : s.out <= at.axis && at.axis < s.out_end;
    if (!here) continue;
    const std::vector<int> from = wide(x, s.in, s.in_end), to = wide(y, s.out, s.out_end);
    if (to.size() == 1)
      merge(t, y, to[0], x, s.in, s.in_end);
    else if (from.size() == 1)
      merge(t, x, from[0], y, s.out, s.out_end);
    else
      t.pin(at);
  }
}

// All elements are the same: a weight of which the shape is what is stored.
void filled(Trace& t, const Reached& at) {
  if (at.output < 0 || !t.ints(t.node(at), 0, "")) t.pin(at);
}

constexpr auto kRows = std::to_array<ChannelRow>({{"Slice", slice},
                                                  {"Pad", pad},
                                                  {"Resize", resize},
                                                  {"Upsample", resize},
                                                  {"Tile", tile},
                                                  {"Expand", expand},
                                                  {"Transpose", transpose},
                                                  {"Concat", concat},
                                                  {"Split", split},
                                                  {"Squeeze", squeeze},
                                                  {"Unsqueeze", squeeze},
                                                  {"ReduceSum", reduce},
                                                  {"ReduceMean", reduce},
                                                  {"ReduceMax", reduce},
                                                  {"ReduceMin", reduce},
                                                  {"ReduceProd", reduce},
                                                  {"ReduceL1", reduce},
                                                  {"ReduceL2", reduce},
                                                  {"ReduceSumSquare", reduce},
                                                  {"ReduceLogSum", reduce},
                                                  {"ReduceLogSumExp", reduce},
                                                  {"ArgMax", reduce},
                                                  {"ArgMin", reduce},
                                                  {"Flatten", regroup},
                                                  {"Reshape", regroup},
                                                  {"ConstantOfShape", filled}});

}  // namespace

ChannelRule channel_layout_rule(std::string_view op) {
  return rule_of(kRows, op);
}

}  // namespace mob::mutators
