// A Transpose, an operator that it could be pushed through, and the Transpose that undoes it: one motif for
// each way in which the optimizer rewrites an operator's axes.
#include <algorithm>
#include <limits>

#include "fuzzer/generator/motifs/convolution.h"

namespace mob::motifs {
namespace {

using Perm = std::vector<std::int64_t>;

constexpr Guard kClosed = {"closed", "a transpose follows, too"};
constexpr Guard kInverse = {"inverse", "the last transpose undoes the first"};
constexpr Guard kPermutes = {"permutes", "the permutation is given and no identity"};
constexpr std::string_view kLevels = "TransposeOptimizer;TransposeOptimizer_CPUExecutionProvider";
constexpr std::string_view kAboveLevels =
    "QDQPropagationTransformer;TransposeOptimizer;TransposeOptimizer_CPUExecutionProvider";
constexpr DTypeSet kOtherTypes = {DType::kDouble, DType::kFloat16, DType::kInt32,
                                  DType::kInt64,  DType::kInt8,    DType::kUint8};

Perm identity(std::size_t rank) {
  Perm p(rank);
  for (std::size_t i = 0; i < rank; ++i) p[i] = static_cast<std::int64_t>(i);
  return p;
}

Perm inverse(const Perm& p) {
  Perm q(p.size());
  for (std::size_t i = 0; i < p.size(); ++i) q[static_cast<std::size_t>(p[i])] = static_cast<std::int64_t>(i);
  return q;
}

Perm draw_perm(Rng& rng, std::size_t rank) {
  if (rank < 2) return identity(rank);
  if (rank >= 3 && rng.chance(0.5)) {  // channels last and back
    Perm p = identity(rank);
    rng.chance(0.5) ? std::rotate(p.begin() + 1, p.begin() + 2, p.end())
                    : std::rotate(p.begin() + 1, p.end() - 1, p.end());
    return p;
  }
  for (;;) {
    Perm p = rng.permutation(rank);
    if (p != identity(rank)) return p;
  }
}

Dims permuted(const Dims& dims, const Perm& perm) {
  Dims out;
  for (std::int64_t p : perm) out.push_back(at(dims, p));
  return out;
}

struct Turned {
  ValueId y;
  Perm perm;
};

// A transposed tensor; `want` are dimensions after that.
ValueId turn_to(MotifBuilder& m, DType t, const Dims& want, const Perm& perm, const ValueRange& range = {}) {
  return m.transpose(m.data(t, permuted(want, inverse(perm)), range), perm);
}

Turned turn(MotifBuilder& m, DType t, const Dims& dims, const ValueRange& range = {}) {
  const std::size_t rank = dims.size();
  Perm perm = draw_perm(m.rng(), rank);
  if (m.breaks("permutes")) {
    if (m.rng().chance(0.5)) return {turn_to(m, t, dims, identity(rank), range), identity(rank)};
    // Left out: the axes in reverse order.
    perm = identity(rank);
    std::reverse(perm.begin(), perm.end());
    return {m.op("Transpose", {m.data(t, permuted(dims, perm), range)}), perm};
  }
  return {turn_to(m, t, dims, perm, range), perm};
}
Turned turn(MotifBuilder& m, DType t, std::int64_t rank, const ValueRange& range = {},
            std::int64_t least = 1) {
  return turn(m, t, m.draw_dims(rank, least), range);
}

std::int64_t some_rank(MotifBuilder& m, std::int64_t least = 2) {
  return std::max(least, m.rng().pick({std::int64_t{2}, std::int64_t{3}, std::int64_t{3}, std::int64_t{4},
                                       std::int64_t{4}, std::int64_t{4}, std::int64_t{5}}));
}

std::int64_t signed_axis(MotifBuilder& m, std::int64_t axis, std::int64_t rank) {
  // Below opset 11 some operators know no negative axes.
  return m.opset() >= 11 && m.rng().chance(0.35) ? axis - rank : axis;
}

// The second transpose. Where the operator changed the rank any permutation of the new one will do.
void close(MotifBuilder& m, ValueId y, const Perm& perm) {
  const std::size_t rank = m.dims(y).size();
  if (m.breaks("closed") || rank < 2) {
    m.result(y);
    return;
  }
  if (rank == perm.size() && m.holds("inverse"))
    m.result(m.transpose(y, inverse(perm)));
  else
    m.result(m.transpose(y, draw_perm(m.rng(), rank)));
}

// --- One input ---

constexpr Guard kUnaryGuards[] = {
    kClosed,
    kInverse,
    kPermutes,
    {"elementwise", "the operator works element by element"},
};

struct Unary {
  std::string_view op;
  ValueRange range = {.low = -3, .high = 3};
};
constexpr Unary kUnary[] = {
    {"Exp"},
    {"Identity"},
    {"LeakyRelu"},
    {"Log", {.low = 0.2, .high = 4}},
    {"Reciprocal", {.low = 0.3, .high = 3}},
    {"Relu"},
    {"Sigmoid"},
    {"Sqrt", {.low = 0.1, .high = 4}},
    {"Tanh"},
    {"Abs"},
    {"Ceil"},
    {"Floor"},
    {"Neg"},
    {"Erf"},
    {"HardSigmoid"},
    {"Round"},
    {"IsInf"},
    {"IsNaN"},
    {"Selu"},
    {"Shrink"},
    {"Sign"},
    {"Softplus"},
    {"Softsign"},
    {"ThresholdedRelu"},
    {"Celu"},
    {"HardSwish"},
    {"Sin"},
    {"Cos"},
    {"Tan", {.low = -1, .high = 1}},
    {"Sinh"},
    {"Cosh"},
    {"Asin", {.low = -0.9, .high = 0.9}},
    {"Acos", {.low = -0.9, .high = 0.9}},
    {"Atan"},
    {"Asinh"},
    {"Acosh", {.low = 1.2, .high = 4}},
    {"Atanh", {.low = -0.9, .high = 0.9}},
    {"Elu"},
    {"Mish"},
    {"Gelu"},
    {"Dropout"},
};

// Operators that see axes and that no rewrite is known for, or only by way of their function body.
ValueId with_axes(MotifBuilder& m, ValueId x) {
  Rng& rng = m.rng();
  const Dims dims = m.dims(x);
  const auto rank = static_cast<std::int64_t>(dims.size());
  const std::int64_t axis = rng.range(0, rank - 1), said = signed_axis(m, axis, rank), n = at(dims, axis);
  const DType t = m.type(x).dtype;
  const std::string_view op = pick_op(
      m, {"CumSum", "Gather", "LayerNormalization", "InstanceNormalization", "MeanVarianceNormalization",
          "Trilu", "Expand", "LpNormalization", "Flatten", "TopK", "GroupNormalization", "RMSNormalization",
          "LRN", "GatherElements", "GlobalAveragePool", "ReverseSequence", "DepthToSpace"});
  if (op == "CumSum")
    return m.op(op, {x, m.constant(Tensor::scalar(DType::kInt64, static_cast<double>(said)))});
  if (op == "Gather") {
    std::vector<std::int64_t> indices;
    for (int i = 0; i < 3; ++i) indices.push_back(rng.range(0, n - 1));
    if (rng.chance(0.3))
      return m.op(op, {x, m.constant(Tensor::scalar(DType::kInt64, 0))}, {{.name = "axis", .value = said}});
    return m.op(op, {x, m.ints(indices)}, {{.name = "axis", .value = said}});
  }
  if (op == "LayerNormalization" || op == "RMSNormalization") {
    const Dims rest(dims.begin() + axis, dims.end());
    std::vector<ValueId> inputs = {x, m.weight(t, rest)};
    if (op == "LayerNormalization") inputs.push_back(m.weight(t, rest));
    return m.op(op, inputs, {{.name = "axis", .value = said}});
  }
  if (op == "InstanceNormalization" || op == "GlobalAveragePool" || op == "LRN") {
    if (rank < 3) throw CannotDraft{};
    if (op == "GlobalAveragePool") return m.op(op, {x});
    if (op == "LRN") return m.op(op, {x}, {{.name = "size", .value = std::int64_t{3}}});
    return m.op(op, {x, m.weight(t, {dims[1]}), m.weight(t, {dims[1]})});
  }
  if (op == "MeanVarianceNormalization") {
    Perm axes = rng.permutation(dims.size());
    axes.resize(static_cast<std::size_t>(rng.range(1, rank)));
    return m.op(op, {x}, {{.name = "axes", .value = axes}});
  }
  if (op == "Expand") {
    Dims shape = dims;
    if (rng.chance(0.4)) shape.insert(shape.begin(), 2);
    return m.op(op, {x, m.ints(shape)});
  }
  if (op == "LpNormalization" || op == "Flatten")
    return m.op(op, {x}, {{.name = "axis", .value = op == "Flatten" ? axis : said}});
  if (op == "TopK") return m.ops(op, {x, m.ints({1})}, {{.name = "axis", .value = said}}, 2)[0];
  if (op == "GatherElements") {
    Dims shape = dims;
    shape[static_cast<std::size_t>(axis)] = 1;
    return m.op(
        op,
        {x, m.constant(Tensor::of(DType::kInt64, shape,
                                  std::vector<double>(static_cast<std::size_t>(element_count(shape)), 0)))},
        {{.name = "axis", .value = said}});
  }
  if (op == "GroupNormalization") {
    if (rank < 3) throw CannotDraft{};
    const Dims one = {m.opset() < 21 ? 1 : dims[1]};
    return m.op(op, {x, m.weight(t, one), m.weight(t, one)},
                {{.name = "num_groups", .value = std::int64_t{1}}});
  }
  if (op == "ReverseSequence") {
    std::vector<std::int64_t> lengths(static_cast<std::size_t>(dims[1]));
    for (auto& l : lengths) l = rng.range(1, dims[0]);
    return m.op(op, {x, m.ints(lengths)});
  }
  if (op == "DepthToSpace") return m.op(op, {x}, {{.name = "blocksize", .value = std::int64_t{1}}});
  return m.op(op, {x});
}

void unary(MotifBuilder& m) {
  Rng& rng = m.rng();
  if (m.breaks("elementwise")) {
    const Turned x = turn(m, DType::kFloat, some_rank(m));
    close(m, with_axes(m, x.y), x.perm);
    return;
  }
  const std::int64_t rank = some_rank(m);
  ValueId y = kNoValue;
  Turned x{};
  switch (rng.below(12)) {
    case 0:
      x = turn(m, DType::kFloat, rank);
      y = m.cast(x.y,
                 rng.pick({DType::kDouble, DType::kInt32, DType::kFloat16, DType::kBool, DType::kInt64}));
      break;
    case 1:
      x = turn(m,
               m.dtype({DType::kDouble, DType::kInt32, DType::kInt8, DType::kUint8, DType::kInt64}, "Clip"),
               rank, {.low = 0, .high = 9});
      y = m.clip(x.y, 1, 6);
      break;
    case 2:
      x = turn(m, DType::kFloat, rank);
      y = m.op(pick_op(m, {"CastLike", "Dropout"}), {x.y});
      break;
    case 3:
      x = turn(m, DType::kBool, rank, {.low = 0, .high = 1});
      y = m.op("Not", {x.y});
      break;
    default: {
      std::vector<const Unary*> there;
      for (const Unary& u : kUnary)
        if (schema(u.op, m.opset()) != nullptr && find_op(u.op) != nullptr) there.push_back(&u);
      const Unary& u = *there[rng.below(there.size())];
      x = turn(m, m.dtype(kOtherTypes, u.op), rank, u.range);
      y = m.op(u.op, {x.y});
      if (rng.chance(0.3)) y = m.op("Abs", {m.cast(y, DType::kFloat)});
    }
  }
  close(m, y, x.perm);
}

// --- Broadcasting ---

constexpr Guard kBroadcastGuards[] = {
    kClosed,
    kInverse,
    kPermutes,
    {"alike", "operands are transposed alike, or constant"},
    {"same-rank", "operands that are not constant have one rank"},
    {"whole", "no operand is broadcast"},
};

void broadcast(MotifBuilder& m) {
  Rng& rng = m.rng();
  const std::string_view op = pick_op(m, {"Add",
                                          "Sub",
                                          "Mul",
                                          "Div",
                                          "Max",
                                          "Min",
                                          "Pow",
                                          "Mod",
                                          "And",
                                          "Or",
                                          "Xor",
                                          "PRelu",
                                          "BitShift",
                                          "Greater",
                                          "Less",
                                          "Equal",
                                          "GreaterOrEqual",
                                          "LessOrEqual",
                                          "Sum",
                                          "Mean",
                                          "Where",
                                          "Where",
                                          "Add",
                                          "Sub",
                                          "BitwiseAnd"});
  const bool logic = op == "And" || op == "Or" || op == "Xor";
  const bool bits = op == "BitShift" || op == "BitwiseAnd";
  const bool variadic = op == "Max" || op == "Min" || op == "Sum" || op == "Mean";
  DType t = logic         ? DType::kBool
            : bits        ? DType::kUint8
            : op == "Mod" ? DType::kInt32
                          : m.dtype(kOtherTypes, op == "Where" ? "Identity" : op);
  const ValueRange range = logic                 ? ValueRange{.low = 0, .high = 1}
                           : bits || op == "Mod" ? ValueRange{.low = 1, .high = 7}
                           : op == "Div"         ? ValueRange{.low = 1, .high = 8}
                           : op == "Pow"         ? ValueRange{.low = 1, .high = 2}
                           : t == DType::kUint8  ? ValueRange{.low = 4, .high = 7}
                                                 : ValueRange{};
  const Turned x = turn(m, t, some_rank(m), range);
  const Dims dims = m.dims(x.y);
  const std::size_t rank = dims.size();
  const bool whole = m.holds("whole");
  const auto shape = [&] {
    Dims d = dims;
    for (auto& n : d)
      if (!whole && rng.chance(0.5)) n = 1;
    return d;
  };
  const auto operand = [&](DType ot, const ValueRange& r) -> ValueId {
    if (m.breaks("alike")) {
      const Dims d = shape();
      return rng.chance(0.6) ? turn_to(m, ot, d, draw_perm(rng, rank), r) : m.data(ot, d, r);
    }
    if (m.breaks("same-rank")) {
      Dims d = shape();
      if (rng.chance(0.7) || op == "PRelu")
        d.erase(d.begin(), d.begin() + rng.range(1, static_cast<std::int64_t>(rank) - 1));
      else
        d.insert(d.begin(), rng.range(1, 2));
      return d.size() >= 2 && rng.chance(0.4) ? turn_to(m, ot, d, draw_perm(rng, d.size()), r)
                                              : m.data(ot, d, r);
    }
    const std::int64_t kind = rng.range(0, 5);
    if (kind <= 2) return turn_to(m, ot, shape(), x.perm, r);
    if (kind == 3 && ot == t) return x.y;
    Dims d = shape();
    if (rng.chance(0.4)) d.erase(d.begin(), d.begin() + rng.range(0, static_cast<std::int64_t>(rank)));
    return m.constant(m.builder().draw({ot, d}, r));
  };
  std::vector<ValueId> inputs;
  Attributes attributes;
  if (op == "Where") {
    inputs = {operand(DType::kBool, {.low = 0, .high = 1}), x.y, operand(t, range)};
    if (rng.chance(0.4)) std::swap(inputs[1], inputs[2]);
  } else {
    inputs = {x.y, operand(t, range)};
    if (variadic && rng.chance(0.5)) inputs.push_back(operand(t, range));
    if (variadic) rng.shuffle(inputs);
    if (op != "PRelu" && !variadic && rng.chance(0.4)) std::swap(inputs[0], inputs[1]);
    if (op == "BitShift") set(attributes, "direction", std::string(rng.pick({"LEFT", "RIGHT"})));
  }
  close(m, m.op(op, inputs, attributes), x.perm);
}

// --- Reductions ---

constexpr Guard kReduceGuards[] = {
    kClosed,
    kInverse,
    kPermutes,
    {"axes-given", "the axes are given"},
    {"axes-sorted", "the axes are ascending and not negative"},
    {"keepdims", "reduced dimensions are kept"},
};

void reduce(MotifBuilder& m) {
  Rng& rng = m.rng();
  const std::string_view op =
      rng.pick({"ReduceSum", "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1",
                "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"});
  const Turned x = turn(m, m.dtype({DType::kDouble, DType::kInt32, DType::kInt64}, op), some_rank(m),
                        {.low = 0.5, .high = 2.5});
  const auto rank = static_cast<std::int64_t>(m.dims(x.y).size());
  const bool keep = m.holds("keepdims") ? rng.chance(0.8) : false;
  if (m.breaks("axes-given")) {
    Attributes attributes = {{.name = "keepdims", .value = std::int64_t{keep}}};
    std::vector<ValueId> inputs = {x.y};
    const Schema* form = schema(op, m.opset());
    if (form != nullptr && form->inputs.size() > 1) {
      if (rng.chance(0.5)) inputs.push_back(m.ints({}));
      if (rng.chance(0.5)) set(attributes, "noop_with_empty_axes", std::int64_t{1});
    }
    close(m, m.op(op, inputs, attributes), x.perm);
    return;
  }
  Perm axes = rng.permutation(static_cast<std::size_t>(rank));
  axes.resize(static_cast<std::size_t>(rng.range(1, rank)));
  if (m.holds("axes-sorted"))
    std::sort(axes.begin(), axes.end());
  else
    for (auto& a : axes)
      if (m.opset() >= 11 && rng.chance(0.5)) a -= rank;
  close(m, m.reduce(op, x.y, axes, keep), x.perm);
}

constexpr Guard kArgGuards[] = {
    kClosed,
    kInverse,
    kPermutes,
    {"keepdims", "the reduced dimension is kept"},
    {"first-index", "of equal elements the first counts"},
};

void arg(MotifBuilder& m) {
  Rng& rng = m.rng();
  const std::string_view op = rng.pick({"ArgMax", "ArgMin"});
  const bool first = m.holds("first-index");
  const Turned x = turn(m, m.dtype({DType::kDouble, DType::kInt32, DType::kInt8, DType::kUint8}, op),
                        some_rank(m), {.low = 0, .high = first ? 9.0 : 2.0, .integral = !first});
  const auto rank = static_cast<std::int64_t>(m.dims(x.y).size());
  Attributes attributes;
  if (rng.chance(0.85)) set(attributes, "axis", signed_axis(m, rng.range(0, rank - 1), rank));
  if (m.breaks("keepdims")) set(attributes, "keepdims", std::int64_t{0});
  if (!first && m.opset() >= 12) set(attributes, "select_last_index", std::int64_t{1});
  close(m, m.op(op, {x.y}, attributes), x.perm);
}

// --- Concat and Split ---

constexpr Guard kJoinGuards[] = {
    kClosed,
    kInverse,
    kPermutes,
    {"alike", "all parts are transposed alike"},
    {"all-turned", "all parts are transposed"},
};

void join(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kOtherTypes, "Concat");
  const ValueRange range = {.low = 0, .high = 9};
  const Turned x = turn(m, t, some_rank(m), range);
  Dims dims = m.dims(x.y);
  const auto rank = static_cast<std::int64_t>(dims.size());
  const std::int64_t axis = rng.range(0, rank - 1);
  std::vector<ValueId> parts = {x.y};
  const std::int64_t count = rng.range(2, 3);
  while (static_cast<std::int64_t>(parts.size()) < count) {
    if (rng.chance(0.15)) {
      parts.push_back(x.y);
      continue;
    }
    dims[static_cast<std::size_t>(axis)] = m.size();
    if (m.breaks("alike"))
      parts.push_back(turn_to(m, t, dims, draw_perm(rng, dims.size()), range));
    else if (m.breaks("all-turned"))
      parts.push_back(m.data(t, dims, range));
    else
      parts.push_back(rng.chance(0.2) ? m.weight(t, dims, range) : turn_to(m, t, dims, x.perm, range));
  }
  rng.shuffle(parts);
  close(m, m.op("Concat", parts, {{.name = "axis", .value = signed_axis(m, axis, rank)}}), x.perm);
}

constexpr Guard kSplitGuards[] = {
    kClosed,
    kInverse,
    kPermutes,
    {"all-closed", "each part is transposed back"},
};

void split(MotifBuilder& m) {
  Rng& rng = m.rng();
  const std::int64_t rank = some_rank(m);
  Dims dims = m.draw_dims(rank);
  const std::int64_t axis = rng.range(0, rank - 1);
  std::vector<std::int64_t> sizes;
  const std::int64_t even = rng.chance(0.5) ? m.rng().range(1, 3) : 0;
  for (std::int64_t i = rng.range(2, 3); i > 0; --i) sizes.push_back(even > 0 ? even : rng.range(1, 3));
  std::int64_t& n = dims[static_cast<std::size_t>(axis)];
  n = 0;
  for (std::int64_t s : sizes) n += s;
  if (n > 1 && even > 0 && m.opset() >= 18 && rng.chance(0.1)) n -= n % 2;
  const Turned x = turn(m, m.dtype(kOtherTypes, "Split"), dims);
  const auto parts = m.split(x.y, signed_axis(m, axis, rank), sizes);
  const bool all = m.holds("all-closed");
  for (std::size_t i = 0; i < parts.size(); ++i)
    if (all || i == 0)
      close(m, parts[i], x.perm);
    else
      m.result(parts[i]);
}

// --- Softmax and its like ---

constexpr Guard kSoftmaxGuards[] = {
    kClosed,
    kInverse,
    kPermutes,
    {"boundary", "below opset 13 the permutation keeps to either side of the axis"},
};

void softmax(MotifBuilder& m) {
  Rng& rng = m.rng();
  const std::string_view op = rng.pick({"Softmax", "Softmax", "LogSoftmax", "Hardmax"});
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, op);
  const std::int64_t rank = some_rank(m);
  std::int64_t axis = rng.range(0, rank - 1);
  Turned x{};
  if (m.opset() < 13 && rank > 2 && m.holds("boundary")) {
    // Only what lies on one side of the axis moves.
    axis = rng.chance(0.6) || rank == 3 ? 1 : rank - 2;
    Perm perm = identity(static_cast<std::size_t>(rank));
    if (axis == 1)
      std::rotate(perm.begin() + 1, perm.begin() + 2, perm.end());
    else
      std::swap(perm[static_cast<std::size_t>(axis)], perm.back());
    const Dims dims = m.draw_dims(rank, 2);
    x = {turn_to(m, t, dims, perm, {}), perm};
  } else {
    x = turn(m, t, rank, {}, 2);
  }
  Attributes attributes;
  if (rng.chance(0.85)) set(attributes, "axis", signed_axis(m, axis, rank));
  close(m, m.op(op, {x.y}, attributes), x.perm);
}

// --- Squeeze and Unsqueeze ---

constexpr Guard kSqueezeGuards[] = {
    kClosed,
    kPermutes,
    {"axes-given", "the axes are given"},
    {"axes-sorted", "the axes are ascending and not negative"},
};

void squeeze(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kOtherTypes, "Squeeze");
  const bool sorted = m.holds("axes-sorted"), given = m.holds("axes-given");
  const auto scramble = [&](Perm& axes, std::int64_t rank) {
    if (sorted) return;
    rng.shuffle(axes);
    for (auto& a : axes)
      if (m.opset() >= 11 && rng.chance(0.5)) a -= rank;
  };
  if (rng.chance(0.5)) {
    const std::int64_t rank = some_rank(m, 3);
    Dims dims = m.draw_dims(rank, 2);
    Perm axes = rng.permutation(dims.size());
    axes.resize(static_cast<std::size_t>(rng.range(1, rank - 2)));
    std::sort(axes.begin(), axes.end());
    for (std::int64_t a : axes) dims[static_cast<std::size_t>(a)] = 1;
    const Turned x = turn(m, t, dims);
    scramble(axes, rank);
    close(m, given ? m.squeeze(x.y, axes) : m.op("Squeeze", {x.y}), x.perm);
    return;
  }
  const Turned x = turn(m, t, some_rank(m));
  const auto rank = static_cast<std::int64_t>(m.dims(x.y).size()) + rng.range(1, 2);
  Perm axes = rng.permutation(static_cast<std::size_t>(rank));
  axes.resize(static_cast<std::size_t>(rank) - m.dims(x.y).size());
  std::sort(axes.begin(), axes.end());
  scramble(axes, rank);
  close(m, m.unsqueeze(x.y, axes), x.perm);
}

// --- Slice, Pad, Tile ---

constexpr Guard kCutGuards[] = {
    kClosed,
    kInverse,
    kPermutes,
    {"axes-given", "a Slice names its axes"},
    {"all-axes", "a Pad is told about all axes, and in order"},
    {"forward", "a Slice goes forward, a Pad does not crop"},
    {"long-integers", "axes are int64"},
};

void cut(MotifBuilder& m) {
  Rng& rng = m.rng();
  const std::int64_t kind = rng.range(0, 9);
  const bool crop = kind >= 8 && m.opset() >= 18;
  const std::string_view op = kind < 3 ? "Slice" : kind < 6 ? "Pad" : crop ? "CenterCropPad" : "Tile";
  const DType t = m.dtype(op == "Pad" ? DTypeSet{DType::kDouble, DType::kInt32, DType::kInt64} : kOtherTypes,
                          crop ? "Pad" : op);
  const std::int64_t rank = some_rank(m);
  const Turned x = turn(m, t, m.draw_dims(rank, 2), {.low = 0, .high = 9});
  const Dims dims = m.dims(x.y);
  const auto n = static_cast<std::size_t>(rank);
  const bool forward = m.holds("forward");
  const DType index = m.holds("long-integers") ? DType::kInt64 : DType::kInt32;
  const auto constant = [&](DType it, const std::vector<std::int64_t>& v) {
    return m.constant(Tensor::of_ints(it, {static_cast<std::int64_t>(v.size())}, v));
  };
  if (op == "Slice") {
    Perm axes = rng.permutation(n);
    axes.resize(static_cast<std::size_t>(rng.range(1, rank)));
    const bool given = m.holds("axes-given");
    if (!given) axes = identity(axes.size());
    std::vector<std::int64_t> starts, ends, steps;
    for (auto& a : axes) {
      const std::int64_t d = at(dims, a);
      if (forward || m.opset() < 10) {
        starts.push_back(rng.range(0, d - 1) - (rng.chance(0.3) ? d : 0));
        ends.push_back(rng.chance(0.5) ? std::numeric_limits<std::int32_t>::max() : d);
        steps.push_back(m.opset() < 10 ? 1 : rng.range(1, 2));
      } else {
        starts.push_back(rng.range(d / 2, d));
        ends.push_back(std::numeric_limits<std::int32_t>::min() + 1);
        steps.push_back(-rng.range(1, 2));
      }
      a = signed_axis(m, a, rank);
    }
    if (m.opset() < 10) {
      Attributes attributes = {{.name = "starts", .value = starts}, {.name = "ends", .value = ends}};
      if (given) set(attributes, "axes", axes);
      close(m, m.op(op, {x.y}, attributes), x.perm);
      return;
    }
    std::vector<ValueId> inputs = {x.y, constant(index, starts), constant(index, ends),
                                   given ? constant(index, axes) : kNoValue};
    if (std::any_of(steps.begin(), steps.end(), [](auto s) { return s != 1; }) || rng.chance(0.3))
      inputs.push_back(constant(index, steps));
    if (inputs.back() == kNoValue) inputs.pop_back();
    close(m, m.op(op, inputs), x.perm);
    return;
  }
  if (op == "Pad") {
    std::vector<std::int64_t> pads(2 * n);
    for (auto& p : pads) p = rng.chance(0.5) ? rng.range(0, 2) : 0;
    if (!forward) pads[rng.below(2 * n)] = -1;
    const std::string_view mode = rng.pick({"constant", "constant", "constant", "reflect", "edge"});
    if (mode == "reflect")
      for (auto& p : pads) p = std::min<std::int64_t>(p, 1);
    if (m.opset() >= 18 && m.breaks("all-axes")) {
      Perm axes = rng.permutation(n);
      axes.resize(static_cast<std::size_t>(rng.range(1, rank)));
      std::vector<std::int64_t> some;
      for (std::size_t side : {std::size_t{0}, n})
        for (std::int64_t a : axes) some.push_back(pads[side + static_cast<std::size_t>(a)]);
      for (auto& a : axes) a = signed_axis(m, a, rank);
      close(m,
            m.op(op, {x.y, m.ints(some), rng.chance(0.5) ? m.scalar(t, 1) : kNoValue, m.ints(axes)},
                 {{.name = "mode", .value = std::string(mode)}}),
            x.perm);
      return;
    }
    close(m, m.pad(x.y, pads, mode == "constant" && rng.chance(0.4) ? 1 : 0, mode), x.perm);
    return;
  }
  if (op == "Tile") {
    std::vector<std::int64_t> repeats(n, 1);
    for (auto& r : repeats) r = rng.range(1, 2);
    close(m, m.op(op, {x.y, m.ints(repeats)}), x.perm);
    return;
  }
  Perm axes = identity(n);
  if (m.breaks("all-axes") || rng.chance(0.5)) {
    axes = rng.permutation(n);
    axes.resize(static_cast<std::size_t>(rng.range(1, rank)));
  }
  std::vector<std::int64_t> shape;
  for (std::int64_t a : axes) shape.push_back(std::max<std::int64_t>(1, at(dims, a) + rng.range(-2, 2)));
  Attributes attributes;
  if (axes != identity(n) || rng.chance(0.3)) {
    for (auto& a : axes) a = signed_axis(m, a, rank);
    set(attributes, "axes", axes);
  }
  close(m, m.op(op, {x.y, constant(index, shape)}, attributes), x.perm);
}

// --- Shape ---

constexpr Guard kShapeGuards[] = {
    kPermutes,
    {"whole", "the whole shape is asked for"},
    {"in-range", "start and end lie within the rank"},
};

void shape_of(MotifBuilder& m) {
  Rng& rng = m.rng();
  const std::int64_t rank = some_rank(m);
  const Turned x = turn(m, m.dtype(kOtherTypes, "Shape"), rank);
  Attributes attributes;
  const bool whole = m.holds("whole"), in_range = m.holds("in-range");
  if (m.opset() >= 15 && (!whole || !in_range)) {
    std::int64_t start = rng.range(0, rank - 1), end = rng.range(0, rank);
    if (!in_range) rng.chance(0.5) ? start -= 2 * rank : end += rank;
    if (!whole && rng.chance(0.4)) start -= rank;
    if (!whole && rng.chance(0.3)) end -= rank;
    if (rng.chance(0.8)) set(attributes, "start", start);
    if (rng.chance(0.7)) set(attributes, "end", end);
  }
  const ValueId shape = m.op("Shape", {x.y}, attributes);
  if (rng.chance(0.4))
    m.result(m.op("Mul", {shape, m.constant(Tensor::scalar(DType::kInt64, 2))}));
  else if (rng.chance(0.4) && attributes.empty())
    m.result(m.op("Reshape", {m.op("Abs", {m.data(DType::kFloat, m.dims(x.y))}), shape}));
  else
    m.result(shape);
}

// --- Quantization ---

constexpr Guard kQuantGuards[] = {
    kClosed,
    kInverse,
    kPermutes,
    {"one-scale", "there is one scale"},
    {"no-block", "no axis is quantized block by block"},
    {"zero-given", "the zero points are given"},
    {"axis-given", "the axis is given"},
};

void quantization(MotifBuilder& m) {
  Rng& rng = m.rng();
  const std::int64_t kind = rng.range(0, 2);  // DequantizeLinear, QuantizeLinear, both
  const std::int64_t rank = some_rank(m);
  const Dims dims = m.draw_dims(rank, 2);
  const DType st = kind == 1 ? m.dtype({DType::kFloat16, DType::kDouble}, "QuantizeLinear") : DType::kFloat;
  const DType scale_type = m.opset() < 19 ? DType::kFloat : st;
  const bool zero_given = m.holds("zero-given"), blocked = m.opset() >= 21 && m.breaks("no-block");
  const DType q = !zero_given && kind > 0 ? DType::kUint8 : rng.pick({DType::kUint8, DType::kInt8});
  const double middle = q == DType::kUint8 && zero_given ? 128 : 0;
  const Turned x =
      kind == 0 ? turn(m, q, dims,
                       {.low = q == DType::kUint8 ? 0.0 : -120.0, .high = q == DType::kUint8 ? 250.0 : 120.0})
                : turn(m, st, dims, {.low = middle == 0 && q == DType::kUint8 ? 0.0 : -4.0, .high = 4});
  Dims shape;
  Attributes attributes;
  if (m.opset() >= 13 && (blocked || m.breaks("one-scale"))) {
    std::int64_t axis = rng.range(0, rank - 1);
    if (m.breaks("axis-given")) axis = 1;
    shape = {at(dims, axis)};
    if (blocked) {
      const std::int64_t block = rng.range(1, std::min<std::int64_t>(4, at(dims, axis)));
      shape = dims;
      shape[static_cast<std::size_t>(axis)] = (at(dims, axis) + block - 1) / block;
      set(attributes, "block_size", block);
    }
    if (m.holds("axis-given")) set(attributes, "axis", signed_axis(m, axis, rank));
  } else if (rng.chance(0.15)) {
    shape = {1};
    if (m.opset() >= 13 && rng.chance(0.5)) set(attributes, "axis", rng.range(-rank, rank - 1));
  }
  const auto count = static_cast<std::size_t>(element_count(shape));
  std::vector<double> scales(count), zeros(count);
  for (auto& s : scales) s = rng.pick({0.03, 0.05, 0.08});
  for (auto& z : zeros) z = middle + static_cast<double>(rng.range(0, 3));
  const auto parameters = [&](ValueId v) {
    std::vector<ValueId> inputs = {v, shape.empty() ? m.scalar(scale_type, scales[0])
                                                    : m.constant(Tensor::of(scale_type, shape, scales))};
    if (zero_given)
      inputs.push_back(shape.empty() ? m.scalar(q, zeros[0]) : m.constant(Tensor::of(q, shape, zeros)));
    return inputs;
  };
  ValueId y = m.op(kind == 0 ? "DequantizeLinear" : "QuantizeLinear", parameters(x.y), attributes);
  if (kind == 2) {
    if (rng.chance(0.2)) y = m.op("Identity", {y});
    y = m.op("DequantizeLinear", parameters(y), attributes);
  }
  close(m, y, x.perm);
}

// --- Resize ---

constexpr Guard kResizeGuards[] = {
    kClosed,
    kInverse,
    {"layout", "the permutations change between channels first and last"},
    {"all-axes", "there is no list of axes"},
    {"by-scales", "scales are given, and not sizes"},
    {"no-region", "there is no region of interest"},
    {"image-axes", "two neighbouring axes are resized"},
};

void resize(MotifBuilder& m) {
  Rng& rng = m.rng();
  const bool layout = m.holds("layout");
  const std::size_t rank = layout ? 4 : static_cast<std::size_t>(rng.range(2, 5));
  const bool last = rng.chance(0.5);  // after the transpose the channels are last
  Perm perm = last ? Perm{0, 2, 3, 1} : Perm{0, 3, 1, 2};
  if (!layout) perm = draw_perm(rng, rank);
  const bool region = m.opset() >= 11 && m.breaks("no-region");
  const bool linear = layout && rng.chance(region ? 0.9 : 0.35);
  const DType t =
      m.dtype({DType::kUint8, DType::kInt8, DType::kInt32}, m.opset() < 10 ? "Upsample" : "Resize");
  const Dims dims = m.draw_dims(static_cast<std::int64_t>(rank), 2);
  const ValueId x = turn_to(m, t, dims, perm, {.low = 0, .high = 8, .integral = t != DType::kFloat});
  std::vector<bool> resized(rank, false);
  // Linear kernels want the batch and the channels as they are.
  if (layout && m.holds("image-axes")) {
    const std::size_t first = last ? 1 : 2;
    resized[first] = resized[first + 1] = true;
  } else if (!linear) {
    for (std::size_t i = 0; i < rank; ++i) resized[i] = rng.chance(0.5);
  } else {
    resized[last ? rng.pick({1, 2}) : rng.pick({2, 3})] = true;
  }
  std::vector<std::int64_t> axes = identity(rank);
  Attributes attributes = {{.name = "mode", .value = std::string(linear ? "linear" : "nearest")}};
  const bool listed = m.opset() >= 18 && m.breaks("all-axes");
  if (listed) {
    std::erase_if(axes, [&](auto a) { return !resized[static_cast<std::size_t>(a)] && !rng.chance(0.3); });
    if (axes.empty()) axes.push_back(static_cast<std::int64_t>(rank) - 1);
    if (rng.chance(0.4)) rng.shuffle(axes);
    std::vector<std::int64_t> said = axes;
    for (auto& a : said) a = signed_axis(m, a, static_cast<std::int64_t>(rank));
    set(attributes, "axes", said);
  }
  std::vector<double> scales, roi;
  std::vector<std::int64_t> sizes;
  for (std::int64_t a : axes) {
    const bool r = resized[static_cast<std::size_t>(a)];
    scales.push_back(!r ? 1 : m.opset() < 10 ? 2 : rng.pick({2.0, 2.0, 0.5, 1.5, 3.0}));
    const double width = scales.back() * static_cast<double>(at(dims, a));
    if (width < 1 || (region && width != std::floor(width))) scales.back() = 2;
    sizes.push_back(static_cast<std::int64_t>(scales.back() * static_cast<double>(at(dims, a))));
  }
  const auto list = [&](const std::vector<double>& v) {
    return m.constant(Tensor::of(DType::kFloat, {static_cast<std::int64_t>(v.size())}, v));
  };
  ValueId y = kNoValue;
  if (m.opset() < 11) {
    y = m.op(m.opset() < 10 ? "Upsample" : "Resize", {x, list(scales)}, attributes);
  } else {
    std::vector<ValueId> inputs = {x, m.opset() < 13 ? list({}) : kNoValue};
    if (region) {
      for (int side = 0; side < 2; ++side)
        for (std::size_t i = 0; i < axes.size(); ++i)
          roi.push_back(!resized[static_cast<std::size_t>(axes[i])] ? side
                        : side == 0                                 ? rng.pick({0.0, 0.125, 0.3})
                                                                    : rng.pick({1.0, 0.75, 0.6}));
      inputs[1] = list(roi);
      set(attributes, "coordinate_transformation_mode", std::string("tf_crop_and_resize"));
    } else if (rng.chance(0.7)) {
      set(attributes, "coordinate_transformation_mode",
          std::string(rng.pick({"asymmetric", "asymmetric", "half_pixel", "align_corners"})));
    }
    if (!linear && rng.chance(0.6))
      set(attributes, "nearest_mode",
          std::string(rng.pick({"floor", "floor", "ceil", "round_prefer_floor"})));
    if (m.holds("by-scales")) {
      inputs.push_back(list(scales));
    } else {
      inputs.push_back(m.opset() < 13 ? list({}) : kNoValue);
      inputs.push_back(m.ints(sizes));
      if (listed && rng.chance(0.3))
        set(attributes, "keep_aspect_ratio_policy",
            std::string(rng.pick({"stretch", "not_larger", "not_smaller"})));
    }
    y = m.op("Resize", inputs, attributes);
  }
  close(m, y, perm);
}

// --- Reshape, a second Transpose ---

constexpr Guard kReshapeGuards[] = {
    kPermutes,
    {"order-kept", "dimensions larger than 1 stay in order"},
    {"rank-kept", "the rank stays"},
    {"no-zero", "the shape has no 0"},
};

void reshape(MotifBuilder& m) {
  Rng& rng = m.rng();
  const std::int64_t rank = some_rank(m, 3);
  Dims dims = m.draw_dims(rank, 2);
  for (std::int64_t ones = rng.range(1, rank - 1); ones > 0; --ones) dims[rng.below(dims.size())] = 1;
  const Turned x = turn(m, m.dtype(kOtherTypes, "Reshape"), dims);
  Dims shape;
  for (std::int64_t d : dims)
    if (d != 1) shape.push_back(d);
  if (m.breaks("order-kept")) rng.shuffle(shape);
  if (m.breaks("rank-kept")) {
    if (rng.chance(0.5)) shape.push_back(1);
    if (shape.size() > 1 && rng.chance(0.4)) shape[1] *= shape[0], shape.erase(shape.begin());
  } else {
    while (shape.size() < dims.size())
      shape.insert(shape.begin() + rng.range(0, static_cast<std::int64_t>(shape.size())), 1);
  }
  std::vector<std::int64_t> said = shape;
  bool allow_zero = m.opset() >= 14 && rng.chance(0.15);
  if (m.breaks("no-zero")) {
    for (std::size_t i = 0; i < said.size() && i < dims.size(); ++i)
      if (said[i] == dims[i]) said[i] = 0;
    if (rng.chance(0.8)) allow_zero = false;
    if (allow_zero) said = shape;
  } else if (!said.empty() && rng.chance(0.4)) {
    said[rng.below(said.size())] = -1;
  }
  ValueId y = m.reshape(x.y, said, allow_zero);
  if (rng.chance(0.25) && m.dims(y).size() > 1) y = m.transpose(y, draw_perm(rng, m.dims(y).size()));
  m.result(y);
}

constexpr Guard kTwiceGuards[] = {
    kPermutes,
    {"inverse", "the second transpose undoes the first"},
    {"fresh", "what is transposed has no other reader"},
};

void twice(MotifBuilder& m) {
  Rng& rng = m.rng();
  const std::int64_t rank = some_rank(m);
  const DType t = m.dtype(kOtherTypes, "Transpose");
  const Dims dims = m.draw_dims(rank);
  const Perm perm = m.holds("permutes") ? draw_perm(rng, static_cast<std::size_t>(rank))
                                        : identity(static_cast<std::size_t>(rank));
  ValueId x = m.data(t, dims);
  if (rng.chance(0.5)) x = m.op("Identity", {x});
  if (rng.chance(0.3)) x = m.cast(x, DType::kFloat);
  ValueId y = m.transpose(x, perm);
  const ValueId first = y;
  if (rng.chance(0.3)) y = m.cast(y, DType::kInt32);
  if (rng.chance(0.3)) y = m.transpose(y, draw_perm(rng, static_cast<std::size_t>(rank)));
  y = m.transpose(y, m.holds("inverse") ? inverse(perm) : draw_perm(rng, static_cast<std::size_t>(rank)));
  m.result(y);
  if (m.breaks("fresh")) {
    if (rng.chance(0.5))
      m.result(m.op("Shape", {first}));
    else
      m.builder().expose(rng.chance(0.5) ? first : y);
  }
}

// --- MaxPool on bytes ---

constexpr Guard kPoolGuards[] = {
    kClosed,
    kInverse,
    {"channels-first", "the first permutation brings the channels to the front"},
    {"bytes", "the tensor holds bytes"},
    {"no-indices", "the pooling gives no indices"},
    {"floor-mode", "the pooling rounds its size down"},
};

void pool(MotifBuilder& m) {
  Rng& rng = m.rng();
  const bool bytes = m.opset() >= 12 && m.holds("bytes");
  const DType t =
      bytes ? rng.pick({DType::kUint8, DType::kInt8}) : m.dtype({DType::kDouble, DType::kFloat16}, "MaxPool");
  const int spatial = rng.pick({2, 2, 2, 1, 3});
  const Dims dims = image_dims(m, m.size(), spatial);
  Perm perm = identity(dims.size());
  std::rotate(perm.begin() + 1, perm.end() - 1, perm.end());
  if (m.breaks("channels-first")) perm = draw_perm(rng, dims.size());
  const ValueId x =
      turn_to(m, t, dims, perm, {.low = t == DType::kInt8 || !bytes ? -100.0 : 0.0, .high = 100});
  const Dims in(dims.begin() + 2, dims.end()), kernel = kernel_dims(m, spatial);
  Attributes attributes = window_attributes(m, in, kernel, {.dilations = m.opset() >= 10});
  set(attributes, "kernel_shape", kernel);
  if (m.opset() >= 10 && m.breaks("floor-mode")) set(attributes, "ceil_mode", std::int64_t{1});
  if (rng.chance(0.15)) set(attributes, "storage_order", std::int64_t{rng.chance(0.5)});
  const bool indices = m.breaks("no-indices");
  const auto y = m.ops("MaxPool", {x}, attributes, indices ? 2 : 1);
  avoid_disputed_ceil(m.builder().graph().nodes.back(), in,
                      Dims(m.dims(y[0]).begin() + 2, m.dims(y[0]).end()));
  if (indices) m.result(y[1]);
  close(m, y[0], perm);
}

// --- Above a DequantizeLinear ---

constexpr Guard kAboveGuards[] = {
    kPermutes,
    {"one-scale", "there is one scale"},
    {"no-block", "no axis is quantized block by block"},
    {"not-requantized", "no QuantizeLinear follows"},
    {"unsigned", "the integers are unsigned"},
    {"zero-given", "the zero points are given"},
};

// A transpose that moves up through the DequantizeLinear before it.
void above(MotifBuilder& m) {
  Rng& rng = m.rng();
  const std::int64_t rank = some_rank(m);
  const Dims dims = m.draw_dims(rank, 2);
  const DType q = m.holds("unsigned") ? DType::kUint8 : DType::kInt8;
  const ValueId x = m.data(q, dims, {.low = q == DType::kUint8 ? 0.0 : -100.0, .high = 100});
  const bool blocked = m.opset() >= 21 && m.breaks("no-block");
  Dims shape;
  Attributes attributes;
  if (m.opset() >= 13 && (blocked || m.breaks("one-scale"))) {
    const std::int64_t axis = rng.range(0, rank - 1), block = rng.range(1, 2);
    shape = {at(dims, axis)};
    if (blocked) {
      shape = dims;
      shape[static_cast<std::size_t>(axis)] = (at(dims, axis) + block - 1) / block;
      set(attributes, "block_size", block);
    }
    set(attributes, "axis", signed_axis(m, axis, rank));
  }
  const auto count = static_cast<std::size_t>(element_count(shape));
  std::vector<double> scales(count), zeros(count);
  for (auto& s : scales) s = rng.pick({0.03, 0.05, 0.08});
  for (auto& z : zeros) z = static_cast<double>(rng.range(0, 9));
  std::vector<ValueId> inputs = {x, shape.empty() ? m.scalar(DType::kFloat, scales[0])
                                                  : m.constant(Tensor::of(DType::kFloat, shape, scales))};
  if (m.holds("zero-given"))
    inputs.push_back(shape.empty() ? m.scalar(q, zeros[0]) : m.constant(Tensor::of(q, shape, zeros)));
  const ValueId d = m.op("DequantizeLinear", inputs, attributes);
  const Perm perm = m.holds("permutes") ? draw_perm(rng, static_cast<std::size_t>(rank))
                                        : identity(static_cast<std::size_t>(rank));
  ValueId y = m.transpose(d, perm);
  if (m.breaks("not-requantized"))
    y = m.op("QuantizeLinear", {y, m.scalar(DType::kFloat, 0.05), m.scalar(q, 3)});
  if (m.type(y).dtype == DType::kFloat && rng.chance(0.5))
    y = m.op(rng.pick({"Relu", "Neg", "Sigmoid"}), {y});
  m.result(y);
}

constexpr Motif motifs[] = {
    {.name = "transpose-unary", .aims_at = kLevels, .guards = kUnaryGuards, .build = unary},
    {.name = "transpose-broadcast", .aims_at = kLevels, .guards = kBroadcastGuards, .build = broadcast},
    {.name = "transpose-reduce", .aims_at = kLevels, .guards = kReduceGuards, .build = reduce},
    {.name = "transpose-arg", .aims_at = kLevels, .guards = kArgGuards, .build = arg},
    {.name = "transpose-concat", .aims_at = kLevels, .guards = kJoinGuards, .build = join},
    {.name = "transpose-split", .aims_at = kLevels, .guards = kSplitGuards, .build = split},
    {.name = "transpose-softmax", .aims_at = kLevels, .guards = kSoftmaxGuards, .build = softmax},
    {.name = "transpose-squeeze", .aims_at = kLevels, .guards = kSqueezeGuards, .build = squeeze},
    {.name = "transpose-cut", .aims_at = kLevels, .guards = kCutGuards, .build = cut},
    {.name = "transpose-shape", .aims_at = kLevels, .guards = kShapeGuards, .build = shape_of},
    {.name = "transpose-quantize",
     .aims_at = kLevels,
     .guards = kQuantGuards,
     .since = 10,
     .build = quantization},
    {.name = "transpose-resize", .aims_at = kLevels, .guards = kResizeGuards, .build = resize},
    {.name = "transpose-reshape", .aims_at = kLevels, .guards = kReshapeGuards, .build = reshape},
    {.name = "transpose-twice", .aims_at = kLevels, .guards = kTwiceGuards, .build = twice},
    {.name = "transpose-pool", .aims_at = kLevels, .guards = kPoolGuards, .build = pool},
    {.name = "transpose-dequantized",
     .aims_at = kAboveLevels,
     .guards = kAboveGuards,
     .since = 10,
     .build = above},
};

}  // namespace

namespace family {
extern const MotifFamily transpose_optimizer;
const MotifFamily transpose_optimizer = motifs;
}  // namespace family

}  // namespace mob::motifs
