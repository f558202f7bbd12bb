// Activations by simpler operators, most as the functions of the ONNX spec have them.
#include <cmath>

#include "mutators/forms.h"

namespace mob::mutators {
namespace {

using In = std::span<const ValueId>;
constexpr double kNone = std::numeric_limits<double>::infinity();
constexpr DTypeSet kNarrow = {DType::kFloat, DType::kFloat16, DType::kBFloat16};
const float kSixth = 1.0F / 6;

ValueId positive(Sketch& s, ValueId x) {
  return s.op("Max", {x, s.number(0)});
}
ValueId negative(Sketch& s, ValueId x) {
  return s.op("Min", {x, s.number(0)});
}
ValueId below_zero(Sketch& s, ValueId x, ValueId low, ValueId high) {
  return s.op("Where", {s.op("Less", {x, s.number(0)}), low, high});
}
ValueId three_to_six(Sketch& s, ValueId x) {
  return s.clip(s.op("Add", {x, s.number(3)}), 0, 6);
}
ValueId exp_minus_1(Sketch& s, ValueId x) {
  return s.op("Sub", {s.op("Exp", {x}), s.number(1)});
}
ValueId one_plus_exp(Sketch& s, ValueId x) {
  return s.op("Add", {s.op("Exp", {x}), s.number(1)});
}

ValueId leaky_relu_sum(Sketch& s, In in) {
  return s.op("Add", {positive(s, in[0]), s.op("Mul", {negative(s, in[0]), s.attribute("alpha", 0.01F)})});
}
ValueId leaky_relu_choice(Sketch& s, In in) {
  return below_zero(s, in[0], s.op("Mul", {in[0], s.attribute("alpha", 0.01F)}), in[0]);
}
ValueId prelu(Sketch& s, In in) {
  return below_zero(s, in[0], s.op("Mul", {in[0], in[1]}), in[0]);
}
ValueId hard_sigmoid(Sketch& s, In in) {
  const ValueId scaled = s.op("Mul", {in[0], s.attribute("alpha", 0.2F)});
  return s.clip(s.op("Add", {scaled, s.attribute("beta", 0.5F)}), 0, 1);
}
ValueId hard_sigmoid_by_bounds(Sketch& s, In in) {
  const ValueId scaled = s.op("Mul", {in[0], s.attribute("alpha", 0.2F)});
  const ValueId line = s.op("Add", {scaled, s.attribute("beta", 0.5F)});
  return s.op("Max", {s.op("Min", {line, s.number(1)}), s.number(0)});
}
// clip(x + 3, 0, 6) / 6
ValueId hard_sigmoid_of_sixth(Sketch& s, In in) {
  if (s.whole().float_or("alpha", 0.2F) != kSixth || s.whole().float_or("beta", 0.5F) != 0.5) return kNoValue;
  return s.op("Div", {three_to_six(s, in[0]), s.number(6)});
}
std::vector<std::vector<Attribute>> sixth(const ArrayType& /*x*/) {
  return {{attribute("alpha", kSixth), attribute("beta", 0.5F)}};
}
ValueId hard_swish(Sketch& s, In in) {
  const ValueId gate = s.op("HardSigmoid", {in[0]}, {attribute("alpha", kSixth), attribute("beta", 0.5F)});
  return s.op("Mul", {in[0], gate});
}
ValueId hard_swish_divided(Sketch& s, In in) {
  return s.op("Div", {s.op("Mul", {in[0], three_to_six(s, in[0])}), s.number(6)});
}
ValueId hard_swish_of_gate(Sketch& s, In in) {
  return s.op("Mul", {in[0], s.op("Div", {three_to_six(s, in[0]), s.number(6)})});
}
ValueId elu_choice(Sketch& s, In in) {
  return below_zero(s, in[0], s.op("Mul", {exp_minus_1(s, in[0]), s.attribute("alpha", 1)}), in[0]);
}
ValueId elu_sum(Sketch& s, In in) {
  const ValueId low = s.op("Mul", {exp_minus_1(s, negative(s, in[0])), s.attribute("alpha", 1)});
  return s.op("Add", {positive(s, in[0]), low});
}
ValueId celu(Sketch& s, In in) {
  const ValueId alpha = s.attribute("alpha", 1);
  const ValueId low = s.op("Mul", {exp_minus_1(s, s.op("Div", {in[0], alpha})), alpha});
  return s.op("Add", {positive(s, in[0]), negative(s, low)});
}
ValueId selu(Sketch& s, In in) {
  const ValueId alpha = s.attribute("alpha", 1.67326319217681884765625F);
  const ValueId low = s.op("Sub", {s.op("Mul", {s.op("Exp", {in[0]}), alpha}), alpha});
  return s.op("Mul", {below_zero(s, in[0], low, in[0]), s.attribute("gamma", 1.05070102214813232421875F)});
}
ValueId thresholded_relu(Sketch& s, In in) {
  return s.op("Where", {s.op("Greater", {in[0], s.attribute("alpha", 1)}), in[0], s.number(0)});
}
ValueId softplus_stable(Sketch& s, In in) {
  const ValueId rest = s.op("Log", {one_plus_exp(s, s.op("Neg", {s.op("Abs", {in[0]})}))});
  return s.op("Add", {positive(s, in[0]), rest});
}
ValueId softsign(Sketch& s, In in) {
  return s.op("Div", {in[0], s.op("Add", {s.op("Abs", {in[0]}), s.number(1)})});
}
ValueId sigmoid(Sketch& s, In in) {
  return s.op("Div", {s.number(1), one_plus_exp(s, s.op("Neg", {in[0]}))});
}
ValueId sigmoid_reciprocal(Sketch& s, In in) {
  return s.op("Reciprocal", {one_plus_exp(s, s.op("Neg", {in[0]}))});
}
ValueId tanh(Sketch& s, In in) {
  const ValueId twice = s.op("Mul", {s.op("Sigmoid", {s.op("Mul", {in[0], s.number(2)})}), s.number(2)});
  return s.op("Sub", {twice, s.number(1)});
}
ValueId swish(Sketch& s, In in) {
  const ValueId gate = s.op("Sigmoid", {s.op("Mul", {in[0], s.attribute("alpha", 1)})});
  return s.op("Mul", {in[0], gate});
}
ValueId swish_of_1(Sketch& s, In in) {
  if (s.whole().float_or("alpha", 1) != 1) return kNoValue;
  return s.op("Mul", {in[0], s.op("Sigmoid", {in[0]})});
}

// Sixths that are attributes are no double's.
const std::vector<Form> kForms = {
    {.op = "Relu", .any_size = true, .spell = [](Sketch& s, In in) { return positive(s, in[0]); }},
    {.op = "Relu", .any_size = true, .spell = [](Sketch& s, In in) { return s.clip(in[0], 0, kNone); }},
    {.op = "LeakyRelu", .any_size = true, .free = {"alpha"}, .spell = leaky_relu_sum},
    {.op = "LeakyRelu", .any_size = true, .free = {"alpha"}, .spell = leaky_relu_choice},
    {.op = "PRelu", .inputs = 2, .spell = prelu},
    {.op = "HardSigmoid", .any_size = true, .free = {"alpha", "beta"}, .spell = hard_sigmoid},
    {.op = "HardSigmoid", .any_size = true, .free = {"alpha", "beta"}, .spell = hard_sigmoid_by_bounds},
    {.op = "HardSigmoid",
     .types = kNarrow,
     .any_size = true,
     .spell = hard_sigmoid_of_sixth,
     .variants = sixth},
    {.op = "HardSwish", .since = 14, .types = kNarrow, .any_size = true, .spell = hard_swish},
    {.op = "HardSwish", .since = 14, .any_size = true, .spell = hard_swish_divided},
    {.op = "HardSwish", .since = 14, .any_size = true, .spell = hard_swish_of_gate},
    {.op = "Elu", .any_size = true, .free = {"alpha"}, .spell = elu_choice},
    {.op = "Elu", .any_size = true, .free = {"alpha"}, .spell = elu_sum},
    {.op = "Celu", .since = 12, .any_size = true, .free = {"alpha"}, .spell = celu},
    {.op = "Selu", .any_size = true, .free = {"alpha", "gamma"}, .spell = selu},
    {.op = "ThresholdedRelu", .any_size = true, .free = {"alpha"}, .spell = thresholded_relu},
    {.op = "Softplus",
     .any_size = true,
     .spell = [](Sketch& s, In in) { return s.op("Log", {one_plus_exp(s, in[0])}); }},
    {.op = "Softplus", .any_size = true, .spell = softplus_stable},
    {.op = "Softsign", .any_size = true, .spell = softsign},
    {.op = "Sigmoid", .any_size = true, .spell = sigmoid},
    {.op = "Sigmoid", .any_size = true, .spell = sigmoid_reciprocal},
    {.op = "Tanh", .any_size = true, .spell = tanh},
    {.op = "Mish",
     .since = 18,
     .any_size = true,
     .spell =
         [](Sketch& s, In in) {
           return s.op("Mul", {in[0], s.op("Tanh", {s.op("Softplus", {in[0]})})});
         }},
    {.op = "Swish", .since = 24, .any_size = true, .free = {"alpha"}, .spell = swish},
    {.op = "Swish", .since = 24, .any_size = true, .spell = swish_of_1},
    {.op = "Clip",
     .since = 12,
     .inputs = 3,
     .types = kNumbers,
     .any_size = true,
     .spell =
         [](Sketch& s, In in) {
           return s.op("Min", {s.op("Max", {in[0], in[1]}), in[2]});
         }},
};

// --- Gelu --------------------------------------------------------------------------------------------------

const double kRootHalf = std::sqrt(0.5);
const double kRootTwoByPi = std::sqrt(2 / std::acos(-1.0));

bool approximates(const Sketch& s, std::string_view how) {
  return s.whole().string_or("approximate", "none") == how;
}
ValueId one_plus_erf(Sketch& s, ValueId x, bool divides) {
  const ValueId scaled =
      divides ? s.op("Div", {x, s.number(std::sqrt(2.0))}) : s.op("Mul", {x, s.number(kRootHalf)});
  return s.op("Add", {s.op("Erf", {scaled}), s.number(1)});
}
// x (1 + erf(x / sqrt 2)) / 2, the factors in any order.
template <int order, bool divides>
ValueId by_erf(Sketch& s, In in) {
  if (!approximates(s, "none")) return kNoValue;
  const ValueId gate = one_plus_erf(s, in[0], divides), half = s.number(0.5);
  if (order == 0) return s.op("Mul", {s.op("Mul", {in[0], gate}), half});
  if (order == 1) return s.op("Mul", {s.op("Mul", {in[0], half}), gate});
  return s.op("Mul", {in[0], s.op("Mul", {gate, half})});
}
// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
template <int order, bool power>
ValueId by_tanh(Sketch& s, In in) {
  if (!approximates(s, "tanh")) return kNoValue;
  const ValueId cube =
      power ? s.op("Pow", {in[0], s.number(3)}) : s.op("Mul", {in[0], s.op("Mul", {in[0], in[0]})});
  const ValueId sum = s.op("Add", {in[0], s.op("Mul", {cube, s.number(0.044715)})});
  const ValueId inner = s.op("Mul", {sum, s.number(kRootTwoByPi)});
  const ValueId gate = s.op("Add", {s.op("Tanh", {inner}), s.number(1)}), half = s.number(0.5);
  if (order == 0) return s.op("Mul", {s.op("Mul", {in[0], gate}), half});
  if (order == 1) return s.op("Mul", {s.op("Mul", {in[0], half}), gate});
  return s.op("Mul", {in[0], s.op("Mul", {gate, half})});
}
std::vector<std::vector<Attribute>> tanh_only(const ArrayType& /*x*/) {
  return {{attribute("approximate", std::string("tanh"))}};
}

template <ValueId (*spell)(Sketch&, In)>
Form erf_form() {
  return {.op = "Gelu", .since = 20, .any_size = true, .spell = spell};
}
template <ValueId (*spell)(Sketch&, In)>
Form tanh_form() {
  return {.op = "Gelu", .since = 20, .any_size = true, .spell = spell, .variants = tanh_only};
}
const std::vector<Form> kGelus = {
    erf_form<by_erf<0, true>>(),    erf_form<by_erf<1, true>>(),   erf_form<by_erf<2, true>>(),
    erf_form<by_erf<0, false>>(),   erf_form<by_erf<1, false>>(),  erf_form<by_erf<2, false>>(),
    tanh_form<by_tanh<0, true>>(),  tanh_form<by_tanh<1, true>>(), tanh_form<by_tanh<2, false>>(),
    tanh_form<by_tanh<1, false>>(),
};

}  // namespace

std::span<const Form> activation_forms() {
  return kForms;
}
std::span<const Form> gelu_forms() {
  return kGelus;
}

}  // namespace mob::mutators
