// Reductions by simpler ones.
#include <numeric>

#include "mutators/forms.h"

namespace mob::mutators {
namespace {

using In = std::span<const ValueId>;
using List = std::vector<std::int64_t>;

// Reduces x as the whole does its input: by the same axes (attribute, second input or none), keeping as much.
ValueId like_whole(Sketch& s, const std::string& op, ValueId x, In in) {
  const Node& whole = s.whole();
  std::vector<Attribute> kept = {attribute("keepdims", whole.int_or("keepdims", 1))};
  if (in.size() > 1) return s.op(op, {x, in[1]}, std::move(kept));
  if (!whole.has("axes")) return s.op(op, {x}, std::move(kept));
  List axes = whole.ints_or("axes", {});
  for (std::int64_t& a : axes) a += a < 0 ? s.rank() : 0;
  return s.reduce(op, x, axes, whole.int_or("keepdims", 1) != 0);
}

// No axes can mean all of them or none.
bool clear(const Sketch& s) {
  return s.whole().int_or("noop_with_empty_axes", 0) == 0;
}

ValueId l1(Sketch& s, In in) {
  return clear(s) ? like_whole(s, "ReduceSum", s.op("Abs", {in[0]}), in) : kNoValue;
}
ValueId l2(Sketch& s, In in) {
  return clear(s) ? s.op("Sqrt", {like_whole(s, "ReduceSumSquare", in[0], in)}) : kNoValue;
}
ValueId sum_square(Sketch& s, In in) {
  return clear(s) ? like_whole(s, "ReduceSum", s.op("Mul", {in[0], in[0]}), in) : kNoValue;
}
ValueId log_sum(Sketch& s, In in) {
  return clear(s) ? s.op("Log", {like_whole(s, "ReduceSum", in[0], in)}) : kNoValue;
}
ValueId log_sum_exp(Sketch& s, In in) {
  return clear(s) ? s.op("Log", {like_whole(s, "ReduceSum", s.op("Exp", {in[0]}), in)}) : kNoValue;
}
ValueId min_of_max(Sketch& s, In in) {
  return clear(s) ? s.op("Neg", {like_whole(s, "ReduceMax", s.op("Neg", {in[0]}), in)}) : kNoValue;
}
ValueId max_of_min(Sketch& s, In in) {
  return clear(s) ? s.op("Neg", {like_whole(s, "ReduceMin", s.op("Neg", {in[0]}), in)}) : kNoValue;
}
ValueId mean(Sketch& s, In in) {
  if (!clear(s)) return kNoValue;
  double count = 1;
  List axes = s.whole().ints_or("axes", {});
  if (axes.empty()) {
    axes.resize(static_cast<std::size_t>(s.rank()));
    std::iota(axes.begin(), axes.end(), 0);
  }
  for (std::int64_t a : axes)
    count *= static_cast<double>(s.x().dims[static_cast<std::size_t>(Inference::axis(a, s.rank()))]);
  if (count == 0 || !holds_exactly(s.x().dtype, count)) return kNoValue;
  return s.op("Div", {like_whole(s, "ReduceSum", in[0], in), s.number(count)});
}
ValueId over_image(Sketch& s, const std::string& op, ValueId x) {
  if (s.rank() < 3) return kNoValue;
  List axes(static_cast<std::size_t>(s.rank() - 2));
  std::iota(axes.begin(), axes.end(), 2);
  return s.reduce(op, x, axes, true);
}

std::vector<std::vector<Attribute>> kept_or_not(const ArrayType& /*x*/) {
  return {{attribute("keepdims", std::int64_t{1})}, {attribute("keepdims", std::int64_t{0})}};
}

Form form(std::string_view op, std::size_t inputs, ValueId (*spell)(Sketch&, In)) {
  return {.op = op, .inputs = inputs, .spell = spell, .variants = kept_or_not};
}

const std::vector<Form> kForms = {
    form("ReduceL1", 1, l1),
    form("ReduceL1", 2, l1),
    form("ReduceL2", 1, l2),
    form("ReduceL2", 2, l2),
    form("ReduceSumSquare", 1, sum_square),
    form("ReduceSumSquare", 2, sum_square),
    form("ReduceLogSum", 1, log_sum),
    form("ReduceLogSum", 2, log_sum),
    form("ReduceLogSumExp", 1, log_sum_exp),
    form("ReduceLogSumExp", 2, log_sum_exp),
    form("ReduceMin", 1, min_of_max),
    form("ReduceMin", 2, min_of_max),
    form("ReduceMax", 1, max_of_min),
    form("ReduceMax", 2, max_of_min),
    form("ReduceMean", 1, mean),
    {.op = "GlobalAveragePool", .spell = [](Sketch& s, In in) { return over_image(s, "ReduceMean", in[0]); }},
    {.op = "GlobalMaxPool", .spell = [](Sketch& s, In in) { return over_image(s, "ReduceMax", in[0]); }},
};

}  // namespace

std::span<const Form> reduction_forms() {
  return kForms;
}

}  // namespace mob::mutators
