// Normalizations and softmax by means, sums and exponentials.
#include <numeric>

#include "mutators/forms.h"

namespace mob::mutators {
namespace {

using In = std::span<const ValueId>;
using List = std::vector<std::int64_t>;

List from_axis(const Sketch& s, std::int64_t fallback) {
  const std::int64_t axis = Inference::axis(s.whole().int_or("axis", fallback), s.rank());
  List list(static_cast<std::size_t>(s.rank() - axis));
  std::iota(list.begin(), list.end(), axis);
  return list;
}
// Each axis from the back, none left out.
std::vector<std::vector<Attribute>> every_axis(const ArrayType& x) {
  std::vector<std::vector<Attribute>> list;
  for (std::size_t a = x.rank(); a-- > 0;) list.push_back({attribute("axis", static_cast<std::int64_t>(a))});
  return list;
}

// The statistics are calculated in float, whatever narrower type x is of.
bool narrow(const Sketch& s) {
  return s.x().dtype == DType::kFloat16 || s.x().dtype == DType::kBFloat16;
}
ValueId widened(Sketch& s, ValueId x) {
  return narrow(s) ? s.cast(x, DType::kFloat) : x;
}
ValueId narrowed(Sketch& s, ValueId x) {
  return narrow(s) ? s.cast(x, s.x().dtype) : x;
}

enum class Square { kPow, kMul };
enum class Last { kDivide, kReciprocal };

// x / sqrt(mean(x^2) + epsilon)
ValueId standardized(Sketch& s, ValueId x, const List& axes, Square how, Last last, float epsilon) {
  const ValueId square =
      how == Square::kPow ? s.op("Pow", {x, s.number_of(narrow(s), 2)}) : s.op("Mul", {x, x});
  const ValueId variance = s.reduce("ReduceMean", square, axes, true);
  const ValueId shifted = s.op("Add", {variance, s.attribute("epsilon", epsilon, narrow(s))});
  const ValueId root = s.op("Sqrt", {shifted});
  return last == Last::kDivide ? s.op("Div", {x, root}) : s.op("Mul", {x, s.op("Reciprocal", {root})});
}

template <Square how, Last last>
ValueId layer_norm(Sketch& s, In in) {
  if (s.whole().int_or("stash_type", 1) != 1) return kNoValue;
  const List axes = from_axis(s, -1);
  const ValueId x = widened(s, in[0]);
  const ValueId away = s.op("Sub", {x, s.reduce("ReduceMean", x, axes, true)});
  const ValueId y = narrowed(s, standardized(s, away, axes, how, last, 1e-5F));
  const ValueId scaled = s.op("Mul", {y, in[1]});
  return in.size() < 3 ? scaled : s.op("Add", {scaled, in[2]});
}

template <Square how, Last last>
ValueId rms_norm(Sketch& s, In in) {
  if (s.whole().int_or("stash_type", 1) != 1) return kNoValue;
  const ValueId x = widened(s, in[0]);
  const ValueId y = narrowed(s, standardized(s, x, from_axis(s, -1), how, last, 1e-5F));
  return s.op("Mul", {y, in[1]});
}

template <ValueId (*spell)(Sketch&, In)>
Form layer_norm_form(std::size_t inputs) {
  return {.op = "LayerNormalization",
          .since = 17,
          .inputs = inputs,
          .free = {"epsilon"},
          .spell = spell,
          .variants = every_axis};
}
template <ValueId (*spell)(Sketch&, In)>
Form rms_norm_form() {
  return {.op = "RMSNormalization",
          .since = 23,
          .inputs = 2,
          .free = {"epsilon"},
          .spell = spell,
          .variants = every_axis};
}

const std::vector<Form> kLayerNorms = {
    layer_norm_form<layer_norm<Square::kPow, Last::kDivide>>(3),
    layer_norm_form<layer_norm<Square::kMul, Last::kDivide>>(3),
    layer_norm_form<layer_norm<Square::kMul, Last::kReciprocal>>(3),
    layer_norm_form<layer_norm<Square::kPow, Last::kDivide>>(2),
    layer_norm_form<layer_norm<Square::kMul, Last::kDivide>>(2),
};
const std::vector<Form> kRmsNorms = {
    rms_norm_form<rms_norm<Square::kPow, Last::kDivide>>(),
    rms_norm_form<rms_norm<Square::kMul, Last::kDivide>>(),
    rms_norm_form<rms_norm<Square::kPow, Last::kReciprocal>>(),
    rms_norm_form<rms_norm<Square::kMul, Last::kReciprocal>>(),
};

// --- Other norms -------------------------------------------------------------------------------------------

// Each channel of each image by itself; scale and bias are vectors of the channels.
ValueId instance_norm(Sketch& s, In in) {
  if (s.rank() < 3 || narrow(s)) return kNoValue;
  List axes(static_cast<std::size_t>(s.rank() - 2)), beside;
  std::iota(axes.begin(), axes.end(), 2);
  for (std::int64_t a = 1; a <= s.rank() - 2; ++a) beside.push_back(a);
  const ValueId away = s.op("Sub", {in[0], s.reduce("ReduceMean", in[0], axes, true)});
  const ValueId y = standardized(s, away, axes, Square::kMul, Last::kDivide, 1e-5F);
  const ValueId scaled = s.op("Mul", {y, s.squeeze("Unsqueeze", in[1], beside)});
  return s.op("Add", {scaled, s.squeeze("Unsqueeze", in[2], beside)});
}
ValueId lp_norm(Sketch& s, In in) {
  const std::int64_t axis = Inference::axis(s.whole().int_or("axis", -1), s.rank());
  const std::int64_t p = s.whole().int_or("p", 2);
  if (p != 1 && p != 2) return kNoValue;
  return s.op("Div", {in[0], s.reduce(p == 1 ? "ReduceL1" : "ReduceL2", in[0], {axis}, true)});
}
std::vector<std::vector<Attribute>> axis_and_p(const ArrayType& x) {
  std::vector<std::vector<Attribute>> list;
  for (std::int64_t p : {1, 2})
    for (auto& attributes : every_axis(x)) {
      attributes.push_back(attribute("p", p));
      list.push_back(std::move(attributes));
    }
  return list;
}
const std::vector<Form> kNorms = {
    {.op = "InstanceNormalization", .inputs = 3, .free = {"epsilon"}, .spell = instance_norm},
    {.op = "LpNormalization", .spell = lp_norm, .variants = axis_and_p},
};

// --- Softmax -----------------------------------------------------------------------------------------------

ValueId softmax(Sketch& s, In in) {
  const List axis = {Inference::axis(s.whole().int_or("axis", -1), s.rank())};
  const ValueId e = s.op("Exp", {s.op("Sub", {in[0], s.reduce("ReduceMax", in[0], axis, true)})});
  return s.op("Div", {e, s.reduce("ReduceSum", e, axis, true)});
}
ValueId softmax_bare(Sketch& s, In in) {
  const List axis = {Inference::axis(s.whole().int_or("axis", -1), s.rank())};
  const ValueId e = s.op("Exp", {in[0]});
  return s.op("Div", {e, s.reduce("ReduceSum", e, axis, true)});
}
ValueId log_softmax(Sketch& s, In in) {
  const List axis = {Inference::axis(s.whole().int_or("axis", -1), s.rank())};
  const ValueId away = s.op("Sub", {in[0], s.reduce("ReduceMax", in[0], axis, true)});
  return s.op("Sub", {away, s.op("Log", {s.reduce("ReduceSum", s.op("Exp", {away}), axis, true)})});
}
ValueId log_of_softmax(Sketch& s, In in) {
  const std::int64_t axis = Inference::axis(s.whole().int_or("axis", -1), s.rank());
  return s.op("Log", {s.op("Softmax", {in[0]}, {attribute("axis", axis)})});
}
ValueId exp_of_log_softmax(Sketch& s, In in) {
  const std::int64_t axis = Inference::axis(s.whole().int_or("axis", -1), s.rank());
  return s.op("Exp", {s.op("LogSoftmax", {in[0]}, {attribute("axis", axis)})});
}
// The forms before opset 13 see a matrix.
const std::vector<Form> kSoftmaxes = {
    {.op = "Softmax", .since = 13, .spell = softmax, .variants = every_axis},
    {.op = "Softmax", .since = 13, .spell = softmax_bare, .variants = every_axis},
    {.op = "Softmax", .since = 13, .spell = exp_of_log_softmax, .variants = every_axis},
    {.op = "LogSoftmax", .since = 13, .spell = log_softmax, .variants = every_axis},
    {.op = "LogSoftmax", .since = 13, .spell = log_of_softmax, .variants = every_axis},
};

}  // namespace

std::span<const Form> layer_norm_forms() {
  return kLayerNorms;
}
std::span<const Form> rms_norm_forms() {
  return kRmsNorms;
}
std::span<const Form> norm_forms() {
  return kNorms;
}
std::span<const Form> softmax_forms() {
  return kSoftmaxes;
}

}  // namespace mob::mutators
