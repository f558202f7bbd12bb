// Sums that a LayerNormalization reads: residual connections, with and without the bias of the layer before.
#include "fuzzer/generator/motifs/motif.h"
#include "fuzzer/generator/motifs/norm_parts.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"axis-last", "the normalization is over the last axis alone"},
    {"rank-3", "the addends are of rank 3"},
    {"same-shape", "both addends are of the same shape"},
    {"scale-of-last-axis", "scale and bias of the normalization are vectors"},
    {"bias-of-last-axis", "the bias of the layer before is a vector of the last axis' size"},
    {"epsilon-given", "epsilon is a small number"},
    {"first-output", "only the normalized values are read"},
    {"two-tensors", "the addends are two tensors"},
};

void skip_layer_norm(MotifBuilder& m) {
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "LayerNormalization");
  const std::size_t rank =
      m.holds("rank-3") ? 3 : m.rng().pick({std::size_t{1}, std::size_t{2}, std::size_t{4}});
  Dims dims = m.draw_dims(static_cast<std::int64_t>(rank), 2);
  const bool last = m.holds("axis-last");
  // Of several normalized axes one may be all there is.
  if (!last && rank > 1 && m.rng().chance(0.4)) dims[rank - 1 - m.rng().below(2)] = 1;
  const ValueRange range{.low = -3, .high = 3};
  ValueId a = m.data(t, dims, range);
  Dims second = dims;
  if (m.breaks("same-shape")) {
    if (m.rng().chance(0.5))
      second[m.rng().below(rank)] = 1;
    else
      second.erase(second.begin(), second.begin() + m.rng().range(1, static_cast<std::int64_t>(rank)));
  }
  ValueId b = m.holds("two-tensors") ? m.data(t, second, range) : a;
  // The bias of the layer before, added to one of the two.
  if (m.rng().chance(0.5)) {
    Dims bias = {dims.back()};
    if (m.breaks("bias-of-last-axis")) bias = other_scale(m, dims);
    ValueId& one = m.rng().chance(0.5) ? a : b;
    const ValueId w = m.weight(t, bias);
    one = m.rng().chance(0.75) ? m.op("Add", {one, w}) : m.op("Add", {w, one});
  }
  const ValueId sum = m.commutative("Add", a, b);
  std::vector<Attribute> attributes;
  const auto r = static_cast<std::int64_t>(m.dims(sum).size());
  std::int64_t axis = r - 1;
  if (!last) axis = m.rng().range(0, std::max<std::int64_t>(0, r - 2));
  if (axis != r - 1 || m.rng().chance(0.5))
    attributes.push_back({.name = "axis", .value = m.rng().chance(0.5) ? axis : axis - r});
  if (m.breaks("epsilon-given"))
    attributes.push_back({.name = "epsilon", .value = m.rng().pick({0.0F, 1e-12F, 0.1F, 1.0F})});
  else if (m.rng().chance(0.5))
    attributes.push_back({.name = "epsilon", .value = 1e-5F});
  Dims scale(m.dims(sum).begin() + axis, m.dims(sum).end()), bias = scale;
  if (m.breaks("scale-of-last-axis")) {
    scale = other_scale(m, m.dims(sum));
    if (m.rng().chance(0.5)) bias = scale;
    if (m.rng().chance(0.2)) bias = other_scale(m, m.dims(sum));
  }
  std::vector<ValueId> inputs = {sum, m.weight(t, scale, {.low = -2, .high = 2, .away_from_zero = 0.2})};
  if (m.rng().chance(0.8)) inputs.push_back(m.weight(t, bias));
  const std::size_t outputs = m.holds("first-output") ? 1 : static_cast<std::size_t>(m.rng().range(2, 3));
  for (ValueId y : m.ops("LayerNormalization", std::move(inputs), std::move(attributes), outputs))
    m.result(y);
}

constexpr Guard kBiasGuards[] = {
    {"sizes-open", "batch and sequence are not known: else a Gemm is made of the product first"},
    {"bias-first", "the bias is the first operand"},
    {"bias-of-last-axis", "the bias is a vector of the last axis' size"},
    {"same-shape", "both addends are of the same shape"},
    {"biased-once", "one of the addends has a bias"},
    {"product", "what the bias is added to is a product"},
};

// LayerNormalization((b + x W) + y)
void bias_skip(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "LayerNormalization");
  const std::int64_t batch = rng.range(1, 3), sequence = rng.range(2, 4), k = rng.range(1, 4);
  const std::int64_t hidden = rng.chance(0.2) ? sequence : rng.range(2, 5);
  const ValueRange range{.low = -2, .high = 2};
  const bool open = m.holds("sizes-open");
  const auto rows = [&](const Dims& dims) {
    return open ? m.open_input({t, dims}, {0, 1}, range) : m.data(t, dims, range);
  };
  const auto biased = [&](ValueId x) {
    const Dims d =
        m.holds("bias-of-last-axis")
            ? Dims{hidden}
            : rng.pick({Dims{}, Dims{1}, Dims{1, hidden}, Dims{sequence, hidden}, Dims{1, 1, hidden}});
    const ValueId b = m.weight(t, d, range);
    return m.holds("bias-first") ? m.op("Add", {b, x}) : m.op("Add", {x, b});
  };
  const ValueId product = m.holds("product")
                              ? m.op("MatMul", {rows({batch, sequence, k}), m.weight(t, {k, hidden}, range)})
                              : m.op("Neg", {rows({batch, sequence, hidden})});
  const ValueId a = biased(product);
  ValueId b = rows(m.holds("same-shape") ? Dims{batch, sequence, hidden} : Dims{1, sequence, hidden});
  if (m.breaks("biased-once")) b = biased(b);
  const ValueId sum = m.commutative("Add", a, b);
  if (rng.chance(0.2)) m.result(m.op("Neg", {sum}));
  m.result(m.op("LayerNormalization",
                {sum, m.weight(t, {hidden}, {.low = 0.2, .high = 2}), m.weight(t, {hidden})},
                {{.name = "axis", .value = std::int64_t{-1}}}));
}

constexpr Motif motifs[] = {
    {.name = "skip-layer-norm",
     .aims_at = "SkipLayerNormFusion",
     .guards = kGuards,
     .since = 17,
     .build = skip_layer_norm},
    {.name = "bias-skip-layer-norm",
     .aims_at = "BiasSkipLayerNormFusion;SkipLayerNormFusion",
     .guards = kBiasGuards,
     .since = 17,
     .build = bias_skip},
};

}  // namespace

namespace family {
extern const MotifFamily skip_layer_norm;
const MotifFamily skip_layer_norm = motifs;
}  // namespace family

}  // namespace mob::motifs
