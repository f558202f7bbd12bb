// What can be computed before the run: operators of every kind on constants, and what only looks at
// dimensions.
#include "fuzzer/generator/grow.h"
#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr Guard kFold[] = {
    {"all-constant", "every leaf is constant"},
    {"no-empty", "no dimension is empty"},
    {"deterministic", "no operator draws random numbers"},
    {"small", "there are few nodes"},
};

// Where a folded value is read, so that it is no graph output.
void use(MotifBuilder& m, ValueId v) {
  Rng& rng = m.rng();
  const ArrayType t = m.type(v);
  if (t.count() > 512) return m.result(v);
  const auto with_data = [&](ValueId y) {
    const ValueId x = m.data(m.type(y).dtype, m.dims(y), {.low = 0.5, .high = 2});
    return m.commutative(rng.pick({"Add", "Mul", "Max"}), y, x);
  };
  for (int attempt = 0; attempt < 3; ++attempt) try {
      if (t.dtype == DType::kBool && rng.chance(0.7))
        return m.result(rng.chance(0.5)
                            ? m.op("Where", {v, m.data(DType::kFloat, t.dims), m.data(DType::kFloat, t.dims)})
                            : m.op(rng.pick({"And", "Or", "Xor"}), {v, m.data(DType::kBool, t.dims)}));
      if (rng.chance(0.2)) return m.result(neighbour(m, v));
      if (rng.chance(0.15) && !t.dims.empty())
        return m.result(
            m.op("Concat", {v, m.data(t.dtype, t.dims)}, {{.name = "axis", .value = std::int64_t{0}}}));
      return m.result(with_data(t.dtype == DType::kBool || rng.chance(0.1) ? m.cast(v, DType::kFloat) : v));
    } catch (const CannotDraft&) {  // not for this type
    }
  m.result(v);
}

void fold(MotifBuilder& m) {
  Rng& rng = m.rng();
  // The same generator that makes random graphs, with leaves that are constant.
  Policy policy = m.builder().policy();
  const bool all = m.holds("all-constant");
  for (auto* shares : {&policy.data_constness, &policy.weight_constness, &policy.parameter_constness})
    *shares =
        all ? std::array<double, 5>{0, 0.75, 0.25, 0, 0} : std::array<double, 5>{0.25, 0.35, 0.1, 0.2, 0.1};
  policy.size_zero = m.holds("no-empty") ? 0 : 0.25;
  policy.expose = policy.listed = policy.symbolic = 0;
  policy.max_elements = 512;
  BuildOptions options = m.builder().options();
  options.random = m.breaks("deterministic");
  options.special = false;
  Builder part(rng, policy, options);
  const std::int64_t nodes = m.holds("small") ? rng.range(1, 2) : rng.range(4, 8);
  const auto& ops = drawn_ops();
  for (std::int64_t i = 0; i < nodes; ++i)
    for (int attempt = 0; attempt < 20; ++attempt) {
      const auto unread = part.unread();
      const OpSpec& spec = *ops[rng.below(ops.size())];
      if (spec.name == "Constant") continue;
      if (part.draw_node(spec, {.prefer = unread, .must_read = !unread.empty()})) break;
    }
  const Case constant = part.take();
  for (ValueId v : m.builder().embed(constant, {}))
    if (m.results().empty() || rng.chance(0.8)) use(m, v);
}

constexpr Guard kDims[] = {
    {"dims-known", "the dimensions are known before the run"},
    {"whole-shape", "Shape gives all dimensions"},
    {"no-empty", "no dimension is empty"},
    {"shape-read-once", "one operator reads the shape"},
    {"int64", "the dimensions stay int64"},
};

// Operators that read a shape.
ValueId shaped(MotifBuilder& m, ValueId x, ValueId s) {
  Rng& rng = m.rng();
  const std::int64_t length = m.dims(s).at(0);
  const auto attribute = [&] {
    std::vector<Attribute> value;
    const DType t =
        rng.pick({DType::kFloat, DType::kFloat, DType::kInt64, DType::kInt32, DType::kBool, DType::kDouble});
    if (rng.chance(0.7))
      value.push_back({.name = "value", .value = Tensor::of(t, {1}, {rng.pick({0.0, 1.0, 3.0})})});
    return value;
  };
  switch (rng.below(7)) {
    case 0:
      return m.op("ConstantOfShape", {s}, attribute());
    case 1:
      return m.op("Expand", {m.scalar(DType::kFloat, 1.5), s});
    case 2:
      return m.op("Expand", {m.data(DType::kFloat, {1}), s});
    case 3: {
      const ValueId i =
          m.op("Gather", {s, m.scalar(DType::kInt64, static_cast<double>(rng.range(-length, length - 1)))});
      if (m.opset() < 11 || !m.dims(i).empty()) return i;
      const ValueId from = m.scalar(DType::kInt64, rng.pick({0, 0, -1})),
                    by = m.scalar(DType::kInt64, rng.pick({1, 1, 2}));
      if (!m.dims(from).empty() || !m.dims(by).empty()) return i;
      return m.op("Range", {from, i, by});
    }
    case 4: {
      const ValueId total = m.reduce("ReduceProd", s, {0}, rng.chance(0.7));
      return m.dims(total).empty() ? total : m.op("Reshape", {x, total});
    }
    case 5:
      return m.op("Concat", {s, m.ints({-1}), s}, {{.name = "axis", .value = std::int64_t{0}}});
    default:
      return m.op("Reshape", {m.data(m.type(x).dtype, {m.type(x).count()}), s});
  }
}

void dims_folded(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t =
      m.dtype({DType::kDouble, DType::kInt32, DType::kInt64, DType::kBool, DType::kFloat16}, "Shape");
  Dims dims = m.draw_dims(rng.range(1, 4));
  if (m.breaks("no-empty")) dims[rng.below(dims.size())] = 0;
  const auto rank = static_cast<std::int64_t>(dims.size());
  ValueId x = before(m, m.data(t, dims), 0.4);
  if (m.breaks("dims-known")) x = hide_dims(m, x);
  std::vector<Attribute> part;
  if (m.opset() >= 15 && m.breaks("whole-shape")) {
    const std::int64_t start = rng.range(-rank - 1, rank);
    if (rng.chance(0.8)) part.push_back({.name = "start", .value = start});
    if (part.empty() || rng.chance(0.5))
      part.push_back({.name = "end", .value = rng.range(-rank - 1, rank + 1)});
  }
  ValueId s = rng.chance(0.85) || !part.empty() ? m.op("Shape", {x}, part) : m.op("Size", {x});
  if (m.dims(s).empty()) s = m.unsqueeze(s, {0});
  if (m.dims(s)[0] > 0) {
    if (rng.chance(0.3)) {
      const std::int64_t n = m.dims(s)[0], from = rng.range(0, n - 1);
      s = rng.chance(0.5) ? m.slice(s, {from}, {rng.chance(0.5) ? INT64_MAX : n}, {0})
                          : m.op("Gather", {s, m.ints({from, -1 + n})});
    } else if (rng.chance(0.3)) {
      s = m.commutative(rng.pick({"Add", "Mul"}), s, m.scalar(DType::kInt64, rng.pick({1, 2})));
    } else if (rng.chance(0.15)) {
      s = m.op("Div", {s, m.ints({2})});
    }
    if (m.dims(s).size() != 1) throw CannotDraft{};
    if (m.breaks("int64")) {
      s = m.cast(s, rng.pick({DType::kInt32, DType::kFloat, DType::kDouble}));
      if (rng.chance(0.5)) s = m.op("Mul", {s, m.scalar(m.type(s).dtype, 1)});
      if (m.dims(s).size() != 1) throw CannotDraft{};
      s = m.cast(s, DType::kInt64);
    }
  }
  if (m.dims(s)[0] == 0) {
    m.result(m.op("ConstantOfShape", {s}));
    return;
  }
  const std::int64_t readers = m.holds("shape-read-once") ? 1 : 2;
  for (std::int64_t i = 0; i < readers; ++i) use(m, shaped(m, x, s));
}

constexpr Motif motifs[] = {
    {.name = "constants-only", .aims_at = "ConstantFolding", .guards = kFold, .build = fold},
    {.name = "dims-only", .aims_at = "ConstantFolding", .guards = kDims, .build = dims_folded},
};

}  // namespace

namespace family {
extern const MotifFamily constant_folding;
const MotifFamily constant_folding = motifs;
}  // namespace family

}  // namespace mob::motifs
