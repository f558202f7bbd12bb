// Nodes that are equal, or nearly: in an attribute, in an input, in how many outputs they have, in
// randomness.
#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr Guard kPair[] = {
    {"equal-attributes", "the nodes agree in every attribute"},
    {"equally-spelled", "both give their attributes, or both leave the default"},
    {"equal-constants", "their constants are equal"},
    {"same-order", "they read their inputs in the same order"},
    {"equal-outputs", "they have the same number of outputs"},
    {"equal-inputs", "they have the same optional inputs"},
    {"deterministic", "they draw no random numbers"},
};

// An operator with an attribute that changes what it computes.
struct Row {
  std::string_view op;
  int since;
  std::string_view attribute;
  double base, other;  // integers unless `real`
  bool real = false;
  bool is_default = false;  // base is the default
  std::string_view word = {}, other_word = {};
};
constexpr Row kRows[] = {
    {"Softmax", 9, "axis", 1, 0},
    {"LogSoftmax", 9, "axis", 0, 1},
    {"Hardmax", 9, "axis", 1, 0},
    {"Softmax", 13, "axis", -1, 0, false, true},
    {"LeakyRelu", 9, "alpha", 0.01, 0.2, true, true},
    {"Elu", 9, "alpha", 1, 0.5, true, true},
    {"Selu", 9, "gamma", 1.05, 2, true},
    {"HardSigmoid", 9, "alpha", 0.2, 0.4, true, true},
    {"HardSigmoid", 9, "beta", 0.5, 0.25, true, true},
    {"ThresholdedRelu", 10, "alpha", 1, 0.25, true, true},
    {"Celu", 12, "alpha", 1, 2, true, true},
    {"Shrink", 9, "lambd", 0.5, 0.1, true, true},
    {"Shrink", 9, "bias", 0, 1, true, true},
    {"Gelu", 20, "approximate", 0, 0, false, true, "none", "tanh"},
    {"ReduceMean", 9, "keepdims", 1, 0, false, true},
    {"ReduceMax", 9, "keepdims", 1, 0, false, true},
    {"ReduceL2", 9, "keepdims", 1, 0, false, true},
    {"ReduceMax", 18, "noop_with_empty_axes", 0, 1, false, true},
    {"ArgMax", 9, "axis", 0, 1, false, true},
    {"ArgMax", 9, "keepdims", 1, 0, false, true},
    {"ArgMin", 12, "select_last_index", 0, 1, false, true},
    {"Flatten", 9, "axis", 1, 2, false, true},
    {"Flatten", 9, "axis", 1, 0, false, true},
    {"LpNormalization", 9, "p", 2, 1, false, true},
    {"CumSum", 11, "exclusive", 0, 1, false, true},
    {"CumSum", 11, "reverse", 0, 1, false, true},
    {"TopK", 11, "largest", 1, 0, false, true},
    {"TopK", 11, "axis", -1, 0, false, true},
    {"Gather", 9, "axis", 0, 1, false, true},
    {"Trilu", 14, "upper", 1, 0, false, true},
    {"IsInf", 10, "detect_negative", 1, 0, false, true},
    {"Cast", 9, "to", 7, 6},
    {"Cast", 9, "to", 11, 1},
    {"Shape", 15, "start", 0, 1, false, true},
    {"Concat", 9, "axis", 0, 1},
    {"Mod", 10, "fmod", 1, 1},
};

Attribute attribute_of(const Row& r, bool other) {
  Attribute a{.name = std::string(r.attribute), .value = std::int64_t{0}};
  const double v = other ? r.other : r.base;
  if (!r.word.empty())
    a.value = std::string(other ? r.other_word : r.word);
  else if (r.real)
    a.value = static_cast<float>(v);
  else
    a.value = static_cast<std::int64_t>(v);
  return a;
}

std::vector<ValueId> from_row(MotifBuilder& m, const Row& r, ValueId x, bool other, bool spelled) {
  std::vector<ValueId> inputs = {x};
  if (r.op == "CumSum") inputs.push_back(m.scalar(DType::kInt64, 0));
  if (r.op == "TopK") inputs.push_back(m.ints({1}));
  if (r.op == "Gather") inputs.push_back(m.ints({1, 0}));
  if (r.op == "Concat") inputs.push_back(x);
  if (r.op == "Mod") inputs.push_back(m.scalar(m.type(x).dtype, 1.5));
  std::vector<Attribute> attributes;
  if (spelled || other) attributes.push_back(attribute_of(r, other));
  return m.ops(r.op, inputs, std::move(attributes), r.op == "TopK" ? 2 : 1);
}

// Both as outputs, behind consumers, or joined.
void join(MotifBuilder& m, const std::vector<ValueId>& a, const std::vector<ValueId>& b) {
  Rng& rng = m.rng();
  if (a.size() == 1 && b.size() == 1 && m.type(a[0]) == m.type(b[0]) && !m.dims(a[0]).empty() &&
      rng.chance(0.4)) {
    std::vector<ValueId> both = {a[0], b[0]};
    if (rng.chance(0.3)) both.push_back(a[0]);
    return m.result(m.op("Concat", both, {{.name = "axis", .value = std::int64_t{0}}}));
  }
  const bool deeper = rng.chance(0.6);
  const std::string_view op = rng.pick({"Neg", "Abs", "Relu"});
  for (const auto* side : {&a, &b})
    for (ValueId v : *side) {
      ValueId y = v;
      if (deeper) try {
          y = m.op(op, {v});
        } catch (const CannotDraft&) {  // not for this type
        }
      m.result(y);
    }
}

// Draws of random numbers: large enough that two draws are never the same.
void random_pair(MotifBuilder& m) {
  Rng& rng = m.rng();
  const Dims dims = {rng.range(8, 24), rng.range(8, 24)};
  const ValueId x =
      m.builder().leaf(m.builder().draw({DType::kFloat, dims}, {.low = 0.3, .high = 0.7}), Constness::kInput);
  std::vector<ValueId> inputs = {x};
  std::vector<Attribute> attributes;
  std::string_view op =
      rng.pick({"Bernoulli", "Bernoulli", "Bernoulli", "RandomUniformLike", "RandomNormalLike",
                "RandomUniform", "RandomNormal", "Multinomial", "Dropout", "Dropout"});
  const Schema* form = schema(op, m.opset());
  const Support* support = m.builder().options().support;
  if (form == nullptr || (op == "Dropout" && form->since < 12) ||
      (support != nullptr && support->of(form->name, form->since).empty()))
    throw CannotDraft{};
  if (op == "Dropout") {
    inputs.push_back(m.constant(Tensor::scalar(DType::kFloat, 0.5)));
    inputs.push_back(m.constant(Tensor::scalar(DType::kBool, 1)));
  }
  if (op == "RandomUniform" || op == "RandomNormal") {
    inputs.clear();
    attributes.push_back({.name = "shape", .value = dims});
  }
  if (op == "Multinomial") attributes.push_back({.name = "sample_size", .value = std::int64_t{64}});
  // One seed for both means one stream for each in ONNX Runtime, by no word of the spec.
  const std::size_t outputs = op == "Dropout" && rng.chance(0.3) ? 2 : 1;
  const auto a = m.ops(op, inputs, attributes, outputs), b = m.ops(op, inputs, attributes, outputs);
  // Nodes that give graph outputs are never taken for each other: mostly only what they differ by is looked
  // at.
  if (rng.chance(0.7)) {
    for (ValueId v : {a.front(), b.front()}) m.builder().shield(v);
    const ValueId apart = m.op("Abs", {m.op("Sub", {a.front(), b.front()})});
    return m.result(m.reduce("ReduceMax", apart, {0, 1}, rng.chance(0.5)));
  }
  for (ValueId v : a) m.result(v);
  for (ValueId v : b) m.result(v);
}

// Two leaves of equal values, or one, or values that differ in a way that is easily missed.
struct Leaves {
  ValueId a, b;
};
Leaves constants(MotifBuilder& m, DType t, bool equal, const Dims& last) {
  Rng& rng = m.rng();
  Dims dims = rng.pick({Dims{}, Dims{1}, Dims{last.back()}});
  const Tensor value = m.builder().draw({t, dims}, {.low = 0.5, .high = 2});
  if (equal) {
    const ValueId a = m.constant(value);
    return {a, rng.chance(0.3) ? a : m.constant(value)};
  }
  switch (rng.below(4)) {
    case 0: {  // the same values, of another shape
      Dims longer = dims;
      longer.insert(longer.begin(), static_cast<std::size_t>(rng.range(1, 3)), 1);
      return {m.constant(value), m.constant(Tensor::of(t, longer, value.reals()))};
    }
    case 1: {  // one element differs
      auto values = value.reals();
      values.back() += 1;
      return {m.constant(value), m.constant(Tensor::of(t, dims, values))};
    }
    case 2: {  // 0 and -0
      const std::vector<double> zeros(static_cast<std::size_t>(element_count(dims)), 0.0),
          minus(zeros.size(), -0.0);
      return {m.constant(Tensor::of(t, dims, zeros)), m.constant(Tensor::of(t, dims, minus))};
    }
    default: {  // values repeated along a dimension
      const std::vector<double> one(1, value.reals().front());
      return {m.constant(Tensor::of(t, {1}, one)),
              m.constant(Tensor::of(t, {last.back()},
                                    std::vector<double>(static_cast<std::size_t>(last.back()), one[0])))};
    }
  }
}

void constant_pair(MotifBuilder& m, ValueId x, bool equal) {
  Rng& rng = m.rng();
  const DType t = m.type(x).dtype;
  const Dims dims = m.dims(x);
  const std::string_view op =
      rng.pick({"Add", "Mul", "Sub", "Div", "Max", "PRelu", "Gather", "Reshape", "Cast"});
  if (op == "Gather") {
    const std::vector<std::int64_t> i = {0, dims[0] - 1},
                                    j = equal ? i
                                              : rng.pick({std::vector<std::int64_t>{0}, {dims[0] - 1, 0}});
    const ValueId a = m.ints(i), b = m.ints(j);
    return join(m, {m.op("Gather", {x, a})}, {m.op("Gather", {x, b})});
  }
  if (op == "Reshape") {
    const std::int64_t count = m.type(x).count();
    return join(m, {m.op("Reshape", {x, m.ints({-1})})},
                {m.op("Reshape",
                      {x, m.ints(equal ? Dims{-1} : rng.pick({Dims{count}, Dims{count, 1}, Dims{1, -1}}))})});
  }
  if (op == "Cast") {
    // Equal bytes of unequal types.
    const ValueId i = m.constant(Tensor::of_ints(DType::kInt32, {1}, {0}));
    const ValueId f = equal ? m.constant(Tensor::of_ints(DType::kInt32, {1}, {0}))
                            : m.constant(Tensor::of(DType::kFloat, {1}, {0}));
    const ValueId a = m.cast(i, t), b = m.cast(f, t);
    return join(m, {m.commutative("Add", x, a)}, {m.commutative("Add", x, b)});
  }
  const Leaves c = constants(m, t, equal || op == "Div", dims);
  if (op == "PRelu" && (m.dims(c.a).size() > dims.size() || m.dims(c.b).size() > dims.size()))
    throw CannotDraft{};
  join(m, {m.op(op, {x, c.a})}, {m.op(op, {x, c.b})});
}

void order_pair(MotifBuilder& m, ValueId x, bool same) {
  Rng& rng = m.rng();
  const DType t = m.type(x).dtype;
  const ValueId z = m.data(t, m.dims(x), {.low = 0.5, .high = 2});
  const std::string_view op = rng.pick({"Sub", "Div", "Less", "Where", "Concat", "Add", "MatMul"});
  if (op == "Where") {
    const ValueId c = m.data(DType::kBool, m.dims(x));
    return join(m, {m.op(op, {c, x, z})}, {same ? m.op(op, {c, x, z}) : m.op(op, {c, z, x})});
  }
  std::vector<Attribute> attributes;
  if (op == "Concat") attributes.push_back({.name = "axis", .value = std::int64_t{0}});
  if (op == "MatMul" && m.dims(x)[0] != m.dims(x)[1]) throw CannotDraft{};
  join(m, {m.op(op, {x, z}, attributes)},
       {same ? m.op(op, {x, z}, attributes) : m.op(op, {z, x}, attributes)});
}

void outputs_pair(MotifBuilder& m, ValueId x) {
  Rng& rng = m.rng();
  const DType t = m.type(x).dtype;
  std::vector<ValueId> inputs = {x};
  std::vector<Attribute> attributes;
  std::string_view op = rng.pick({"MaxPool", "Dropout", "LayerNormalization", "Unique", "Split"});
  std::size_t more = 2;
  if (op == "LayerNormalization" && m.opset() < 17) op = "Dropout";
  if (op == "Unique" && m.opset() < 11) op = "MaxPool";
  if (op == "Dropout" && m.opset() < 12) op = "MaxPool";
  if (op == "MaxPool") {
    inputs = {m.data(t, {1, 2, rng.range(2, 6)})};
    attributes.push_back({.name = "kernel_shape", .value = std::vector<std::int64_t>{2}});
  } else if (op == "LayerNormalization") {
    inputs.push_back(m.weight(t, {m.dims(x).back()}));
    more = static_cast<std::size_t>(rng.range(2, 3));
  } else if (op == "Unique") {
    more = static_cast<std::size_t>(rng.range(2, 4));
  } else if (op == "Split") {
    inputs = {m.data(t, {4, 2})};
    return join(m, m.split(inputs[0], 0, {2, 2}),
                m.split(inputs[0], 0, rng.chance(0.5) ? Dims{1, 1, 2} : Dims{1, 3}));
  }
  auto a = m.ops(op, inputs, attributes, 1), b = m.ops(op, inputs, attributes, more);
  if (rng.chance(0.5)) std::swap(a, b);
  join(m, a, b);
}

void inputs_pair(MotifBuilder& m, ValueId x) {
  Rng& rng = m.rng();
  const DType t = m.type(x).dtype;
  const std::int64_t n = m.dims(x).back();
  switch (rng.below(5)) {
    case 0: {  // the same constant as the lower or the upper bound
      if (m.opset() < 11) throw CannotDraft{};
      const ValueId c = m.scalar(t, 0.25);
      return join(m, {m.op("Clip", {x, c})}, {m.op("Clip", {x, kNoValue, c})});
    }
    case 1: {
      if (m.opset() < 11) throw CannotDraft{};
      const ValueId c = m.scalar(t, -0.5), d = m.scalar(t, 0.5);
      return join(m, {m.op("Clip", {x, c})}, {m.op("Clip", {x, c, d})});
    }
    case 2: {
      if (m.opset() < 17) throw CannotDraft{};
      const ValueId w = m.weight(t, {n});
      return join(m, {m.op("LayerNormalization", {x, w})},
                  {m.op("LayerNormalization", {x, w, rng.chance(0.5) ? w : m.weight(t, {n})})});
    }
    case 3: {
      if (m.opset() < 11 || m.dims(x).size() != 2) throw CannotDraft{};
      const ValueId w = m.weight(t, {n, 3});
      return join(m, {m.op("Gemm", {x, w})}, {m.op("Gemm", {x, w, m.weight(t, {3})})});
    }
    default: {
      if (m.opset() < 10) throw CannotDraft{};
      const ValueId zero = m.ints({0}), end = m.ints({INT64_MAX});
      return join(m, {m.op("Slice", {x, zero, end})},
                  {m.op("Slice", {x, zero, end, m.ints({1}), m.ints({2})})});
    }
  }
}

void pair(MotifBuilder& m) {
  Rng& rng = m.rng();
  if (m.breaks("deterministic")) return random_pair(m);
  const DType t = m.dtype({DType::kDouble, DType::kFloat16});
  Dims dims = m.draw_dims(rng.range(2, 3), 2);
  ValueId x = before(m, m.data(t, dims), 0.4);
  if (m.breaks("equal-outputs")) return outputs_pair(m, x);
  if (m.breaks("equal-inputs")) return inputs_pair(m, x);
  if (m.breaks("same-order")) return order_pair(m, x, false);
  if (m.breaks("equal-constants")) return constant_pair(m, x, false);
  const bool spelled = m.holds("equally-spelled"), attributes = m.holds("equal-attributes");
  if (spelled && attributes) {
    if (rng.chance(0.3)) return constant_pair(m, x, true);
    if (rng.chance(0.2)) return order_pair(m, x, true);
  }
  std::vector<const Row*> rows;
  for (const Row& r : kRows)
    if (r.since <= m.opset() && (spelled || r.is_default) &&
        (attributes || r.base != r.other || !r.word.empty()))
      rows.push_back(&r);
  const Row& r = *rng.pick(rows);
  const bool given = !r.is_default || rng.chance(0.5);
  const auto a = from_row(m, r, x, false, spelled ? given : false);
  const auto b = from_row(m, r, x, !attributes, spelled ? given : true);
  join(m, a, b);
}

// --- Equal constants -----------------------------------------------------------------------------------

constexpr Guard kSharing[] = {
    {"equal-values", "the constants are equal"},
    {"one-type", "they are of one type"},
    {"one-rank", "they are of one rank"},
    {"operands", "they are operands, not parameters"},
};

void sharing(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kInt32, DType::kInt64, DType::kFloat16}, "Add");
  const Dims dims = m.draw_dims(rng.range(1, 3), 2);
  const bool same_value = m.holds("equal-values"), same_type = m.holds("one-type"),
             same_rank = m.holds("one-rank"), operands = m.holds("operands");
  const double value = rng.pick({0.0, 1.0, 2.0});
  const Dims shape = rng.chance(0.7) ? Dims{} : Dims{1};
  ValueId x = m.data(t, dims, {.low = 1, .high = 4});
  const std::int64_t uses = rng.range(2, 4);
  for (std::int64_t i = 0; i < uses; ++i) {
    double v = value;
    if (!same_value && i > 0)
      v = is_float(t) && value == 0 ? rng.pick({-0.0, 1e-30, 1.0})
                                    : value + (is_float(t) ? rng.pick({1e-6, 1.0}) : 1);
    Dims s = shape;
    if (!same_rank && rng.chance(0.6)) s = rng.pick({Dims{}, Dims{1}, Dims{1, 1}});
    if (!operands && i == 1) {
      if (m.dims(x).empty()) throw CannotDraft{};
      const ValueId k =
          m.constant(Tensor::of_ints(DType::kInt64, s, {value == 2 ? 1 : static_cast<std::int64_t>(value)}));
      x = m.op("Gather", {x, k});
      continue;
    }
    DType u = t;
    if (!same_type && i == 1)
      u = rng.pick(DTypeSet{DType::kFloat, DType::kDouble, DType::kInt32, DType::kInt64}.without(t).list());
    ValueId c = m.constant(Tensor::of(u, s, {v}));
    if (u != t) c = m.cast(c, t);
    x = m.commutative(rng.pick({"Add", "Mul", "Max"}), x, c);
  }
  finish_with(m, x, 0.3);
}

constexpr Motif motifs[] = {
    {.name = "equal-nodes", .aims_at = "CommonSubexpressionElimination", .guards = kPair, .build = pair},
    {.name = "equal-constants", .aims_at = "ConstantSharing", .guards = kSharing, .build = sharing},
};

}  // namespace

namespace family {
extern const MotifFamily cse;
const MotifFamily cse = motifs;
}  // namespace family

}  // namespace mob::motifs
