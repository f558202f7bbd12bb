// Shapes calculated in the graph: parts of Shape joined into what Reshape or Expand takes.
#include <algorithm>

#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr DTypeSet kTypes = {DType::kDouble, DType::kFloat16, DType::kInt32, DType::kInt64};

// One dimension of x as an int64 tensor of rank 1, by one of the usual ways.
ValueId dimension(MotifBuilder& m, ValueId x, std::int64_t axis, bool plain) {
  Rng& rng = m.rng();
  const auto rank = static_cast<std::int64_t>(m.dims(x).size());
  if (!plain && m.opset() >= 15 && rng.chance(0.4))
    return m.op("Shape", {x}, {{.name = "start", .value = axis}, {.name = "end", .value = axis + 1}});
  const ValueId shape = m.op("Shape", {x});
  if (rng.chance(0.3)) return m.slice(shape, {axis}, {axis + 1}, {0});
  const auto zero = Attribute{.name = "axis", .value = std::int64_t{0}};
  if (rng.chance(0.2)) return m.op("Gather", {shape, m.ints({maybe_negative(m, axis, rank)})}, {zero});
  const ValueId index = m.constant(Tensor::of_ints(DType::kInt64, {}, {axis}));
  return m.unsqueeze(m.op("Gather", {shape, index}, {zero}), {0});
}

constexpr Guard kGuards[] = {
    {"same-root", "the dimensions are those of the tensor that is reshaped"},
    {"in-order", "each dimension stands where it stood"},
    {"one-unknown", "what is left is one -1"},
    {"int64", "nothing is cast on the way"},
    {"plain-dims", "dimensions are not calculated with"},
    {"direct", "the shape goes straight into Reshape"},
    {"sizes-known", "the sizes are known"},
};

// Reshape(x, Concat(Shape(x)[0], Shape(x)[1], -1))
void joined(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "Reshape");
  const std::int64_t rank = rng.range(2, 4);
  Dims dims = m.draw_dims(rank);
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) throw CannotDraft{};
  const bool ordered = m.holds("in-order");
  if (!ordered && rng.chance(0.5)) std::fill(dims.begin(), dims.end(), rng.range(2, 3));
  std::vector<std::size_t> open;
  if (m.breaks("sizes-known"))
    for (std::size_t i = 0; i < dims.size(); ++i)
      if (rng.chance(0.6)) open.push_back(i);
  const ValueId x = open.empty() ? before(m, m.data(t, dims), 0.4) : m.open_input({t, dims}, open);
  const ValueId root = m.holds("same-root") ? x : rng.chance(0.5) ? m.data(t, dims) : m.op("Abs", {x});
  const bool plain = m.holds("plain-dims"), one = m.holds("one-unknown");
  std::vector<std::int64_t> axes;
  for (std::int64_t a = 0; a < rank; ++a) axes.push_back(a);
  if (!ordered) {
    std::swap(axes[rng.below(axes.size())], axes[rng.below(axes.size())]);
    std::rotate(axes.begin(), axes.begin() + 1, axes.end());
  }
  std::vector<ValueId> parts;
  const std::int64_t kept = rng.range(1, rank - 1);
  for (std::int64_t i = 0; i < kept; ++i) {
    ValueId d = dimension(m, root, axes[static_cast<std::size_t>(i)], plain);
    if (!plain && i == 0)
      d = rng.chance(0.5) ? m.op("Mul", {d, dimension(m, root, axes[static_cast<std::size_t>(kept)], true)})
                          : m.op("Div", {m.op("Mul", {d, m.ints({2})}), m.ints({2})});
    parts.push_back(d);
  }
  if (one) {
    parts.push_back(m.ints({-1}));
  } else {
    std::int64_t left = 1;
    for (std::int64_t i = kept; i < rank; ++i)
      left *= dims[static_cast<std::size_t>(axes[static_cast<std::size_t>(i)])];
    parts.push_back(rng.chance(0.5) ? m.ints({left}) : m.ints({left, 1}));
  }
  if (rng.chance(0.2)) std::swap(parts.front(), parts.back());
  ValueId shape = m.op("Concat", parts, {{.name = "axis", .value = std::int64_t{0}}});
  if (m.breaks("int64"))
    shape = m.cast(m.cast(shape, rng.pick({DType::kInt32, DType::kFloat})), DType::kInt64);
  if (m.breaks("direct"))
    shape = m.op("Identity", {rng.chance(0.5) ? m.op("Abs", {m.op("Neg", {shape})}) : shape});
  finish_with(m, m.op("Reshape", {x, shape}), 0.5);
}

constexpr Guard kPartGuards[] = {
    {"known-axis", "the dimension that is taken is known"},
    {"whole-numbers", "it is not turned into a float"},
    {"direct", "no other node stands between"},
};

// Shape -> Gather or Slice -> what counts by it: Range, ConstantOfShape, Expand, comparisons
void part(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "Transpose");
  const std::int64_t rank = rng.range(1, 4), axis = rng.range(0, rank - 1);
  const ArrayType type = {t, m.draw_dims(rank)};
  ValueId x = m.holds("known-axis") ? m.data(type) : m.open_input(type, {static_cast<std::size_t>(axis)});
  if (rng.chance(0.4)) x = m.transpose(x, rng.permutation(static_cast<std::size_t>(rank)));
  ValueId d = rng.chance(0.15) ? m.unsqueeze(m.op("Size", {x}), {0}) : dimension(m, x, axis, rng.chance(0.5));
  if (m.breaks("direct")) d = m.op("Add", {d, m.ints({0})});
  const bool whole = m.holds("whole-numbers");
  if (!whole) d = m.cast(m.op("Sqrt", {m.cast(d, DType::kFloat)}), DType::kFloat);
  const std::int64_t n = m.type(d).count() == 1 && whole ? m.builder().value(d).ints().v[0] : 1;
  if (n > 64) throw CannotDraft{};
  ValueId y = d;
  switch (whole ? rng.below(5) : 5) {
    case 0:
      y = m.op("ConstantOfShape", {d});
      break;
    case 1:
      if (m.opset() < 11) throw CannotDraft{};
      y = m.op("Range", {m.constant(Tensor::of_ints(DType::kInt64, {}, {0})), m.squeeze(d, {0}),
                         m.constant(Tensor::of_ints(DType::kInt64, {}, {1}))});
      break;
    case 2:
      y = m.op("Expand", {m.data(t, {1}), d});
      break;
    case 3:
      y = m.op("Equal", {d, m.ints({rng.chance(0.5) ? n : n + 1})});
      break;
    case 4:
      y = m.op("Tile", {m.data(t, {2}), d});
      break;
    default:
      y = m.op("Div", {m.data(DType::kFloat, {2, 2}), d});
      break;
  }
  finish_with(m, y, 0.4);
}

constexpr Motif motifs[] = {
    {.name = "shape-joined", .aims_at = "ReshapeFusion;ConstantFolding", .guards = kGuards, .build = joined},
    {.name = "shape-part", .aims_at = "ConstantFolding", .guards = kPartGuards, .build = part},
};

}  // namespace

namespace family {
extern const MotifFamily shape_subgraph;
const MotifFamily shape_subgraph = motifs;
}  // namespace family

}  // namespace mob::motifs
