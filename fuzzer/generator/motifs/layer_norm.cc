// Layer normalization spelled out: x - mean, its variance, division by its root, scale and bias.
#include <algorithm>

#include "fuzzer/generator/motifs/motif.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"axis-last", "both means are over the last axis"},
    {"same-axes", "both means are over the same axes"},
    {"keepdims", "both means keep the dimension"},
    {"exponent-2", "the exponent is 2"},
    {"epsilon-usual", "epsilon is the usual 1e-5"},
    {"scale-of-last-axis", "scale and bias are vectors of the normalized axis' size"},
    {"same-base", "one and the same difference is squared and divided"},
    {"divisor-second", "the difference is divided by the root, and not the reverse"},
};

// y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) * scale + bias
void layer_norm(MotifBuilder& m) {
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "ReduceMean");
  const std::int64_t rank = m.rng().range(2, 4);
  Dims dims = m.draw_dims(rank, 2);
  const ValueId x = m.data(t, dims, {.low = -3, .high = 3});
  std::vector<std::int64_t> axes = {m.rng().chance(0.5) ? -1 : rank - 1};
  if (m.breaks("axis-last")) {
    axes = {m.rng().range(0, rank - 2)};
    if (m.rng().chance(0.3)) axes.push_back(rank - 1);
  } else if (m.rng().chance(0.15) && rank > 2) {
    axes = {rank - 2, rank - 1};
  }
  std::vector<std::int64_t> other = axes;
  if (m.breaks("same-axes")) other = {m.rng().range(0, rank - 2)};
  const bool keep = m.holds("keepdims");
  const ValueId mean = m.reduce("ReduceMean", x, axes, keep);
  const ValueId difference = m.op("Sub", {x, mean});
  const ValueId base = m.holds("same-base") ? difference : m.op("Sub", {x, mean});
  ValueId square;
  if (m.holds("exponent-2"))
    square = m.rng().chance(0.8) ? m.op("Pow", {base, m.scalar(t, 2)}) : m.op("Mul", {base, base});
  else
    square = m.op("Pow", {m.rng().chance(0.5) ? base : m.op("Abs", {base}), m.scalar(t, m.rng().pick({1.0, 3.0, 4.0}))});
  const ValueId variance = m.reduce("ReduceMean", square, other, keep);
  const double epsilon = m.holds("epsilon-usual") ? 1e-5 : m.rng().pick({1e-12, 1e-3, 0.1, 0.5, 2.0});
  const ValueId shifted = m.commutative("Add", variance, m.scalar(t, epsilon));
  const ValueId root = m.op("Sqrt", {shifted});
  const ValueId normal =
      m.holds("divisor-second") ? m.op("Div", {difference, root}) : m.op("Div", {root, m.op("Exp", {difference})});
  Dims scale = {dims.back()};
  if (m.breaks("scale-of-last-axis")) {
    switch (m.rng().below(5)) {
      case 0: scale = {}; break;
      case 1: scale = {1}; break;
      case 2: scale = dims; break;
      case 3: scale = {dims[static_cast<std::size_t>(rank - 2)], 1}; break;
      default: scale.insert(scale.begin(), m.rng().pick({std::int64_t{1}, std::int64_t{2}})); break;
    }
  }
  ValueId y = m.commutative("Mul", normal, m.weight(t, scale, {.low = -2, .high = 2, .away_from_zero = 0.2}));
  if (m.rng().chance(0.8)) y = m.commutative("Add", y, m.weight(t, scale));
  m.result(y);
}

constexpr Motif motifs[] = {
    {.name = "layer-norm", .aims_at = "LayerNormFusionL1;LayerNormFusion", .guards = kGuards, .build = layer_norm},
};

}  // namespace

namespace family {
extern const MotifFamily layer_norm;
const MotifFamily layer_norm = motifs;
}  // namespace family

}  // namespace mob::motifs
