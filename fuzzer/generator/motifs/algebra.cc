// Expressions that algebra makes shorter: constants that meet, operators that undo each other, conditions
// that are known or negated.
#include <algorithm>

#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr DTypeSet kTypes = {DType::kDouble, DType::kFloat16, DType::kInt32, DType::kInt64};

constexpr Guard kConstantsGuards[] = {
    {"same-group", "both operators are sums, or both are products"},
    {"constants-second", "the constants are the second operands"},
    {"scalars", "the constants are scalars"},
    {"direct", "no other node stands between"},
};

// (x + a) + b, (x - a) + b, (x * a) * b, (x * a) / b
void constants(MotifBuilder& m) {
  Rng& rng = m.rng();
  const bool sums = rng.chance(0.5);
  const DType t = m.dtype(kTypes, "Add");
  const Dims dims = m.draw_dims(rng.range(1, 3));
  const bool scalars = m.holds("scalars"), second = m.holds("constants-second");
  const auto step = [&](ValueId v, bool sum, bool turned) {
    std::string_view op = sum ? rng.pick({"Add", "Sub"}) : is_float(t) ? rng.pick({"Mul", "Div"}) : "Mul";
    const double value = rng.pick({1.0, 2.0, -1.0, 3.0, 4.0});
    const ValueId c = scalars
                          ? m.scalar(t, value)
                          : m.weight(t, rng.chance(0.5) ? Dims{dims.back()} : dims, {.low = 1, .high = 3});
    if (turned && op == "Div") v = m.op("Add", {m.op("Abs", {v}), m.scalar(t, 1)});
    return turned ? m.op(op, {c, v}) : m.op(op, {v, c});
  };
  const auto turned = second ? 2 : rng.below(2);
  ValueId y = step(m.data(t, dims), sums, turned == 0);
  if (m.breaks("direct")) y = neighbour(m, y);
  finish_with(m, step(y, m.holds("same-group") ? sums : !sums, turned == 1), 0.4);
}

constexpr Guard kUndoneGuards[] = {
    {"inverse", "the second operator is the inverse of the first"},
    {"direct", "no other node stands between"},
    {"in-range", "the inverse is defined wherever it is taken"},
};

// Log(Exp(x)), Sqrt(x^2), Pow(Sqrt(x), 2), Neg(Neg(x)), 1 / (1 / x), x / x, x - x, Pow(x, 1)
void undone(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "Exp");
  const Dims dims = m.draw_dims(rng.range(1, 3));
  const bool in_range = m.holds("in-range"), inverse = m.holds("inverse");
  const ValueRange range =
      in_range ? ValueRange{.low = 0.5, .high = 2} : ValueRange{.low = -2, .high = 2, .away_from_zero = 0.1};
  const ValueId x = m.data(t, dims, range);
  const bool between = m.breaks("direct");
  const auto step = [&](ValueId v) { return between ? m.op("Abs", {v}) : v; };
  const auto power = [&](ValueId v, double e) { return m.op("Pow", {v, m.scalar(t, e)}); };
  ValueId y = kNoValue;
  switch (rng.below(8)) {
    case 0:
      y = m.op(inverse ? "Log" : "Sqrt", {step(m.op("Exp", {x}))});
      break;
    case 1:
      y = m.op("Sqrt", {step(inverse ? power(x, 2) : power(x, 4))});
      break;
    case 2:
      y = power(step(m.op("Sqrt", {m.op("Abs", {x})})), inverse ? 2 : 3);
      break;
    case 3:
      y = m.op(inverse ? "Neg" : "Abs", {step(m.op("Neg", {x}))});
      break;
    case 4:
      y = inverse ? m.op("Reciprocal", {step(m.op("Reciprocal", {x}))})
                  : m.op("Div", {m.scalar(t, 2), step(m.op("Reciprocal", {x}))});
      break;
    case 5:
      y = m.op("Div", {x, inverse ? step(x) : m.op("Abs", {x})});
      break;
    case 6:
      y = m.op("Sub", {x, inverse ? step(x) : m.op("Neg", {step(x)})});
      break;
    default:
      y = power(step(m.op("Abs", {x})),
                inverse ? rng.pick({1.0, 0.5, 2.0, -1.0}) : rng.pick({0.0, 3.0, -2.0, 1.5}));
      break;
  }
  finish_with(m, y, 0.4);
}

constexpr Guard kLogicGuards[] = {
    {"negated", "the comparison is negated"},
    {"no-nan", "no operand is NaN"},
    {"direct", "the negation stands right behind the comparison"},
    {"branches-differ", "the branches are two tensors"},
};

// Not(Less(a, b)), Where(Not(c), x, y), Where(constant, x, y), And and Or of what is known
void logic(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kInt32, DType::kInt64}, "Less");
  const Dims dims = m.draw_dims(rng.range(1, 3));
  const ValueRange whole = {.low = -2, .high = 2, .integral = true};
  ValueId a = m.data(t, dims, whole);
  const ValueId b = rng.chance(0.7) ? m.data(t, dims, whole) : m.weight(t, {dims.back()}, whole);
  if (m.breaks("no-nan")) {
    if (!is_float(t)) throw CannotDraft{};
    // 0 / 0 here and there: negating a comparison of a NaN is not the opposite comparison.
    std::vector<double> values(static_cast<std::size_t>(element_count(dims)));
    for (auto& v : values) v = rng.chance(0.4) ? 0.0 / 0.0 : static_cast<double>(rng.range(-2, 2));
    a = m.builder().leaf(Tensor::of(t, dims, values), Constness::kInput);
  }
  std::vector<std::string_view> names = {"Less", "Greater", "Equal"};
  if (m.opset() >= 12) names.insert(names.end(), {"LessOrEqual", "GreaterOrEqual"});
  ValueId c = m.op(rng.pick(names), {a, b});
  if (m.breaks("direct")) c = m.op("And", {c, m.data(DType::kBool, dims)});
  if (m.holds("negated")) c = m.op("Not", {c});
  if (rng.chance(0.2)) c = m.op("Not", {c});
  const ValueId first = m.data(t, dims);
  const ValueId second = m.holds("branches-differ") ? m.data(t, dims) : first;
  ValueId y = c;
  switch (rng.below(5)) {
    case 0:
      y = m.op("Where", {c, first, second});
      break;
    case 1: {
      const double known = rng.chance(0.5) ? 1 : 0;
      const Dims d = rng.chance(0.5) ? Dims{} : dims;
      y = m.op("Where", {m.op(rng.pick({"Or", "And", "Xor"}),
                              {c, m.constant(Tensor::of_ints(
                                      DType::kBool, d,
                                      std::vector<std::int64_t>(static_cast<std::size_t>(element_count(d)),
                                                                static_cast<std::int64_t>(known))))}),
                         first, second});
      break;
    }
    case 2:
      y = m.op("Mul", {m.cast(c, t), m.op("Sub", {first, second})});
      break;
    case 3:
      y = m.op("Where", {c, m.op("Neg", {first}), second});
      break;
    default:
      y = m.cast(m.op("Xor", {c, m.op("Not", {c})}), t);
      break;
  }
  m.result(y);
}

constexpr Guard kFastGuards[] = {
    {"common-factor", "both products share a factor"},
    {"same-side", "the shared factor stands on one side of both"},
    {"read-once", "each product is read once"},
};

// a x + b x, x W + x V, (x + x), x * 2 - x: a shared factor can be taken out
void distributed(MotifBuilder& m) {
  Rng& rng = m.rng();
  const bool matrices = rng.chance(0.4);
  const DType t = m.dtype(matrices ? DTypeSet{DType::kDouble, DType::kFloat16} : kTypes, "Mul");
  const std::int64_t n = rng.range(1, 4);
  const Dims dims = matrices ? Dims{n, n} : m.draw_dims(rng.range(1, 3));
  const ValueId x = m.data(t, dims);
  const ValueId x2 = m.holds("common-factor") ? x : m.data(t, dims);
  const auto factor = [&] {
    if (matrices) return m.weight(t, dims);
    return rng.chance(0.5) ? m.scalar(t, rng.pick({2.0, 3.0, -1.0})) : m.data(t, dims);
  };
  const std::string_view op = matrices ? "MatMul" : "Mul";
  const bool left = rng.chance(0.5), left2 = m.holds("same-side") ? left : !left;
  const ValueId a = factor(), b = factor();
  const ValueId p = left ? m.op(op, {x, a}) : m.op(op, {a, x});
  ValueId q = left2 ? m.op(op, {x2, b}) : m.op(op, {b, x2});
  if (!matrices && rng.chance(0.15)) q = x2;
  if (m.breaks("read-once")) m.result(m.op("Neg", {p}));
  finish_with(m, m.op(rng.pick({"Add", "Sub"}), {p, q}), 0.4);
}

constexpr Motif motifs[] = {
    {.name = "constants-meet", .aims_at = "", .guards = kConstantsGuards, .build = constants},
    {.name = "undone", .aims_at = "", .guards = kUndoneGuards, .build = undone},
    {.name = "known-condition", .aims_at = "NotWhereFusion", .guards = kLogicGuards, .build = logic},
    {.name = "distributed", .aims_at = "", .guards = kFastGuards, .build = distributed},
};

}  // namespace

namespace family {
extern const MotifFamily algebra;
const MotifFamily algebra = motifs;
}  // namespace family

}  // namespace mob::motifs
