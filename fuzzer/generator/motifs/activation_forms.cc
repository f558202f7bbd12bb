// Activations spelled out by simpler operators, as exporters do it: each has one operator of its own.
#include <cmath>

#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr DTypeSet kTypes = {DType::kDouble, DType::kFloat16};

constexpr Guard kHardGuards[] = {
    {"added", "3 is added"},
    {"lower", "the lower bound is 0"},
    {"upper", "the upper bound is 6"},
    {"divided", "the clipped value is divided by 6, or multiplied by a sixth"},
    {"same-tensor", "what is multiplied is what 3 was added to"},
    {"order", "first the bounds, then the sixth"},
};

// HardSigmoid: clip(x + 3, 0, 6) / 6; HardSwish: x times that
void hard(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "Clip");
  const Dims dims = m.draw_dims(rng.range(1, 4));
  const ValueId x = m.data(t, dims, {.low = -5, .high = 5});
  const double three = m.holds("added") ? 3 : rng.pick({0.0, 2.0, -3.0, 3.5});
  const double low = m.holds("lower") ? 0 : rng.pick({-1.0, 0.5, -6.0});
  const double high = m.holds("upper") ? 6 : rng.pick({5.0, 3.0, 7.0});
  const ValueId shifted = m.commutative("Add", x, m.scalar(t, three));
  ValueId gate = kNoValue;
  const auto bounded = [&](ValueId v, double by) {
    if (rng.chance(0.25) && m.opset() >= 12 && low == 0)
      return m.op("Min", {m.op("Relu", {v}), m.scalar(t, high * by)});
    return m.clip(v, low * by, high * by);
  };
  const double six = m.holds("divided") ? 6 : rng.pick({3.0, 5.0, -6.0});
  const auto sixth = [&](ValueId v) {
    return rng.chance(0.6) ? m.op("Div", {v, m.scalar(t, six)})
                           : m.commutative("Mul", v, m.scalar(t, 1 / six));
  };
  if (m.holds("order"))
    gate = sixth(bounded(shifted, 1));
  else
    gate = bounded(sixth(shifted), 1 / std::fabs(six));
  if (rng.chance(0.35)) return finish_with(m, gate, 0.5);
  const ValueId other = m.holds("same-tensor") ? x : rng.chance(0.5) ? shifted : m.data(t, dims);
  finish_with(m, m.commutative("Mul", other, gate), 0.5);
}

constexpr Guard kMishGuards[] = {
    {"one", "1 is added before the logarithm"},
    {"same-tensor", "what is multiplied is what the exponential takes"},
    {"tanh", "between them stands Tanh"},
    {"exp-first", "the exponential stands before the logarithm"},
};

// Mish: x * tanh(log(1 + exp(x))), with Softplus whole or in parts
void mish(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble}, "Softplus");
  const Dims dims = m.draw_dims(rng.range(1, 3));
  const ValueId x = m.data(t, dims, {.low = -3, .high = 3});
  const bool one = m.holds("one"), exp_first = m.holds("exp-first");
  ValueId y = kNoValue;
  if (one && exp_first && rng.chance(0.4)) {
    y = m.op("Softplus", {x});
  } else if (exp_first) {
    y = m.op("Exp", {x});
    y = m.op("Log", {m.commutative("Add", y, m.scalar(t, one ? 1 : rng.pick({0.5, 2.0, 1.0001})))});
  } else {
    y = m.op("Exp", {m.op("Log", {m.commutative("Add", m.op("Abs", {x}), m.scalar(t, one ? 1 : 2))})});
  }
  if (rng.chance(0.3)) return finish_with(m, y, 0.5);  // Softplus alone
  y = m.op(m.holds("tanh") ? "Tanh" : rng.pick({"Sigmoid", "Erf", "Softsign"}), {y});
  const ValueId other = m.holds("same-tensor") ? x : m.data(t, dims);
  finish_with(m, m.commutative("Mul", other, y), 0.5);
}

constexpr Guard kSwishGuards[] = {
    {"same-tensor", "what is divided is what the exponential takes"},
    {"negated", "the exponential takes the negative"},
    {"one", "1 is added"},
    {"divided-by", "the sum is the divisor"},
    {"beta-scalar", "the factor within is a scalar"},
};

// Swish: x / (1 + exp(-beta x)); Sigmoid: 1 / (1 + exp(-x))
void swish(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "Exp");
  const Dims dims = m.draw_dims(rng.range(1, 4));
  const ValueId x = m.data(t, dims, {.low = -3, .high = 3});
  ValueId inner = x;
  if (m.breaks("beta-scalar"))
    inner = m.op("Mul", {inner, m.weight(t, {dims.back()})});
  else if (rng.chance(0.3))
    inner = m.op("Mul", {inner, m.scalar(t, rng.pick({1.0, 1.702, 0.5}))});
  if (m.holds("negated"))
    inner = rng.chance(0.7) ? m.op("Neg", {inner}) : m.op("Mul", {inner, m.scalar(t, -1)});
  const ValueId sum =
      m.commutative("Add", m.op("Exp", {inner}), m.scalar(t, m.holds("one") ? 1 : rng.pick({0.5, 2.0})));
  const bool alone = rng.chance(0.3);
  const ValueId top = alone ? m.scalar(t, 1) : m.holds("same-tensor") ? x : m.data(t, dims);
  if (m.breaks("divided-by"))
    return finish_with(m, m.op("Div", {sum, m.op("Add", {m.op("Abs", {top}), m.scalar(t, 1)})}), 0.5);
  finish_with(
      m, rng.chance(0.7) ? m.op("Div", {top, sum}) : m.commutative("Mul", top, m.op("Reciprocal", {sum})),
      0.5);
}

constexpr Guard kBranchGuards[] = {
    {"opposite", "the two halves split the line at 0"},
    {"slope-scalar", "the slope is a scalar"},
    {"slope-positive", "the slope lies between 0 and 1"},
    {"same-tensor", "both halves are of one tensor"},
};

// LeakyRelu and PRelu: relu(x) - a relu(-x), max(x, a x), where(x > 0, x, a x); Elu by Where; Softsign
void branches(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "Max");
  const Dims dims = m.draw_dims(rng.range(1, 4));
  const ValueId x = m.data(t, dims, {.low = -3, .high = 3});
  const ValueId x2 = m.holds("same-tensor") ? x : m.data(t, dims, {.low = -3, .high = 3});
  double a = rng.pick({0.1, 0.01, 0.25, 0.5});
  if (m.breaks("slope-positive")) a = rng.pick({-0.5, 2.0, 0.0, 1.0, 1.5});
  const ValueId slope = m.holds("slope-scalar")
                            ? m.scalar(t, a)
                            : m.weight(t, rng.chance(0.5) ? Dims{dims.back()} : dims, {.low = 0, .high = 1});
  const bool opposite = m.holds("opposite");
  ValueId y = kNoValue;
  switch (rng.below(5)) {
    case 0: {
      const ValueId low = m.op("Relu", {opposite ? m.op("Neg", {x2}) : x2});
      y = m.op(rng.chance(0.5) ? "Sub" : "Add", {m.op("Relu", {x}), m.commutative("Mul", low, slope)});
      break;
    }
    case 1:
      y = m.op(opposite ? "Max" : "Min", {x, m.commutative("Mul", x2, slope)});
      break;
    case 2: {
      const ValueId above = m.op(opposite ? "Greater" : "Less", {x, m.scalar(t, 0)});
      y = m.op("Where", {above, x, m.commutative("Mul", x2, slope)});
      break;
    }
    case 3: {
      // (x + |x|) / 2 + a (x - |x|) / 2
      const ValueId size = m.op("Abs", {x2});
      const ValueId up = m.op("Add", {x, size}), down = m.op(opposite ? "Sub" : "Add", {x, size});
      y = m.op("Mul", {m.op("Add", {up, m.op("Mul", {down, slope})}), m.scalar(t, 0.5)});
      break;
    }
    default:
      // x / (1 + |x|)
      y = m.op("Div", {x, m.commutative("Add", m.op("Abs", {x2}), m.scalar(t, opposite ? 1 : 2))});
      break;
  }
  finish_with(m, y, 0.5);
}

constexpr Motif motifs[] = {
    {.name = "hard-swish", .aims_at = "", .guards = kHardGuards, .build = hard},
    {.name = "mish", .aims_at = "", .guards = kMishGuards, .build = mish},
    {.name = "swish", .aims_at = "", .guards = kSwishGuards, .build = swish},
    {.name = "two-branches", .aims_at = "", .guards = kBranchGuards, .build = branches},
};

}  // namespace

namespace family {
extern const MotifFamily activation_forms;
const MotifFamily activation_forms = motifs;
}  // namespace family

}  // namespace mob::motifs
