// Gelu and its approximations, spelled out as exporters do: by Erf, by Tanh, by Sigmoid; with a bias before.
#include <cmath>

#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

// Asks for the guards of a formula; there are none where `exact`.
struct Formula {
  MotifBuilder& m;
  bool exact;
  bool holds(std::string_view guard) const { return exact || m.holds(guard); }
  double magic(std::string_view guard, double number) const;
};

// The number that the pass looks for, or (guard broken) another one.
double Formula::magic(std::string_view guard, double number) const {
  if (holds(guard)) return number;
  switch (m.rng().below(6)) {
    case 0:
      return number * 1.01;
    case 1:
      return number * 0.9;
    case 2:
      return -number;
    case 3:
      return number + 1;
    case 4:
      return number * 2;
    default:
      return 0.25;
  }
}

// A second tensor of the type and shape of x.
ValueId like(MotifBuilder& m, ValueId x) {
  if (m.rng().chance(0.4)) return m.op(m.rng().pick({"Abs", "Neg", "Tanh"}), {x});
  return m.data(m.type(x), {.low = -3, .high = 3});
}

ValueId activation(MotifBuilder& m, DType t) {
  return m.data(t, m.draw_dims(m.rng().range(1, 4)), {.low = -3, .high = 3});
}

// 0.5 * x * (1 + erf(x / sqrt(2))), the factors in any of the usual orders.
ValueId by_erf(MotifBuilder& m, ValueId x, ValueId other, bool exact = false) {
  const Formula f{m, exact};
  const DType t = m.type(x).dtype;
  ValueId scaled;
  const double root = f.magic("root-2", std::sqrt(2.0));
  if (!f.holds("divisor-second"))
    scaled = m.op("Div", {m.scalar(t, root), m.op("Exp", {x})});  // of what stays away from 0
  else if (m.rng().chance(0.95))
    scaled = m.op("Div", {x, m.scalar(t, root)});
  else
    scaled = m.commutative("Mul", x, m.scalar(t, 1 / root));
  const ValueId sum = m.commutative("Add", m.op("Erf", {scaled}), m.scalar(t, f.magic("one", 1)));
  const double half = f.magic("half", 0.5);
  if (m.rng().chance(0.5)) return m.commutative("Mul", m.commutative("Mul", other, sum), m.scalar(t, half));
  return m.commutative("Mul", m.commutative("Mul", other, m.scalar(t, half)), sum);
}

constexpr Guard kErfGuards[] = {
    {"root-2", "x is divided by the root of 2"},
    {"one", "1 is added"},
    {"half", "the factor is a half"},
    {"same-x", "one and the same x is scaled and multiplied"},
    {"divisor-second", "x is divided, and does not divide"},
};

void gelu(MotifBuilder& m) {
  const ValueId x = activation(m, m.dtype({DType::kDouble, DType::kFloat16}, "Erf"));
  m.result(by_erf(m, x, m.holds("same-x") ? x : like(m, x)));
}

// 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))), in its two spellings.
ValueId by_tanh(MotifBuilder& m, ValueId x, ValueId other, bool exact = false) {
  const Formula f{m, exact};
  const DType t = m.type(x).dtype;
  const auto constant = [&](std::string_view guard, double v) { return m.scalar(t, f.magic(guard, v)); };
  const double root = std::sqrt(std::acos(-1.0) / 2);
  ValueId inner;
  if (m.rng().chance(0.5)) {
    const ValueId cubic = m.commutative("Mul", m.commutative("Mul", x, constant("cubic", 0.044715)), x);
    inner = m.commutative(
        "Mul", m.commutative("Add", cubic, constant("one", 1)),
        m.commutative("Mul", f.holds("same-cube") ? x : other, constant("root-2-pi", 1 / root)));
  } else {
    const ValueId cube =
        m.op("Pow", {x, m.scalar(t, f.holds("exponent-3") ? 3 : m.rng().pick({1.0, 2.0, 5.0}))});
    const ValueId cubic = m.commutative("Mul", cube, constant("cubic", 0.044715));
    inner = m.commutative("Mul", m.commutative("Add", cubic, f.holds("same-cube") ? x : other),
                          constant("root-2-pi", 1 / root));
  }
  const ValueId sum = m.commutative("Add", m.op("Tanh", {inner}), constant("one", 1));
  return m.commutative("Mul", m.commutative("Mul", other, constant("half", 0.5)), sum);
}

constexpr Guard kTanhGuards[] = {
    {"root-2-pi", "the inner factor is the root of 2 / pi"},
    {"cubic", "the coefficient of the cube is 0.044715"},
    {"exponent-3", "the exponent is 3"},
    {"one", "1 is added"},
    {"half", "the factor is a half"},
    {"same-x", "the outer factor is x"},
    {"same-cube", "x itself is added to its cube"},
};

void fast_gelu(MotifBuilder& m) {
  const ValueId x = activation(m, m.dtype({DType::kDouble, DType::kFloat16}, "Tanh"));
  // The pass keeps off where the last product is a graph output.
  finish_with(m, by_tanh(m, x, m.holds("same-x") ? x : like(m, x)), 0.7);
}

constexpr Guard kSigmoidGuards[] = {
    {"same-x", "one and the same x is scaled and multiplied"},
    {"factor-number", "the factor of x is one number"},
    {"x-not-scalar", "x is not of rank 0"},
    {"sigmoid", "what is multiplied is a Sigmoid"},
};

// x * sigmoid(alpha * x), or without alpha.
void quick_gelu(MotifBuilder& m) {
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "Sigmoid");
  const Dims dims = m.draw_dims(m.holds("x-not-scalar") ? m.rng().range(1, 4) : 0);
  const ValueId x = m.data(t, dims, {.low = -3, .high = 3});
  ValueId inner = x;
  if (m.rng().chance(0.7)) {
    const double alpha = m.rng().pick({1.702, 1.702, 1.7, 1.0, 0.5, -1.0, 0.0});
    ValueId factor;
    if (m.holds("factor-number"))
      factor = m.scalar(t, alpha);
    else if (m.rng().chance(0.5) && !dims.empty())
      factor = m.weight(t, {dims.back()});
    else
      factor = m.weight(t, Dims(static_cast<std::size_t>(m.rng().range(1, 3)), 1));
    inner = m.commutative("Mul", x, factor);
  }
  const ValueId sigmoid = m.holds("sigmoid")
                              ? m.op("Sigmoid", {inner})
                              : m.op(m.rng().pick({"HardSigmoid", "Tanh", "Softsign"}), {inner});
  m.result(m.commutative("Mul", m.holds("same-x") ? x : like(m, x), sigmoid));
}

constexpr Guard kBiasGuards[] = {
    {"bias-of-last-axis", "the bias is a vector of the last axis' size"},
    {"bias-narrow", "the bias does not widen x"},
    {"one-sum", "one and the same sum is scaled and multiplied"},
    {"two-tensors", "x and bias are two tensors"},
};

// Gelu of x + bias.
void bias_gelu(MotifBuilder& m) {
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "Erf");
  Dims dims = m.draw_dims(m.rng().range(1, 4), 2);
  Dims bias = {dims.back()};
  if (m.breaks("bias-of-last-axis")) {
    switch (m.rng().below(4)) {
      case 0:
        bias = {};
        break;
      case 1:
        bias = {1};
        break;
      case 2:
        bias = dims;
        break;
      default:
        bias.insert(bias.begin(), 1);
        break;
    }
  }
  if (m.breaks("bias-narrow")) dims.back() = 1;
  const ValueId input = m.data(t, dims, {.low = -3, .high = 3});
  const ValueId x = m.commutative("Add", input, m.holds("two-tensors") ? m.weight(t, bias) : input);
  const double form = m.rng().unit();
  if (form < 0.2 && m.opset() >= 20) {
    std::vector<Attribute> attributes;
    if (m.rng().chance(0.5))
      attributes.push_back({.name = "approximate", .value = std::string(m.rng().pick({"none", "tanh"}))});
    m.result(m.op("Gelu", {x}, std::move(attributes)));
  } else {
    const ValueId other = m.holds("one-sum") ? x : like(m, x);
    m.result(form < 0.9 ? by_erf(m, x, other, true) : by_tanh(m, x, other, true));
  }
}

constexpr Motif motifs[] = {
    {.name = "gelu", .aims_at = "GeluFusionL1;GeluFusionL2;GeluFusion", .guards = kErfGuards, .build = gelu},
    {.name = "fast-gelu", .aims_at = "FastGeluFusion", .guards = kTanhGuards, .build = fast_gelu},
    {.name = "quick-gelu", .aims_at = "QuickGeluFusion", .guards = kSigmoidGuards, .build = quick_gelu},
    {.name = "bias-gelu", .aims_at = "BiasGeluFusion", .guards = kBiasGuards, .build = bias_gelu},
};

}  // namespace

namespace family {
extern const MotifFamily gelu;
const MotifFamily gelu = motifs;
}  // namespace family

}  // namespace mob::motifs
