// Layer normalization spelled out: x - mean, its variance, division by its root, scale and bias.
#include "fuzzer/generator/motifs/motif.h"
#include "fuzzer/generator/motifs/norm_parts.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"axis-last", "both means are over the last axis"},
    {"same-axes", "both means are over the same axes"},
    {"keepdims", "both means keep the dimension"},
    {"exponent-2", "the exponent is 2"},
    {"epsilon-usual", "epsilon is the usual 1e-5"},
    {"epsilon-number", "epsilon is one number, known beforehand"},
    {"axis-wide", "the normalized axis is longer than 1"},
    {"scale-of-last-axis", "the scale is a vector of the normalized axis' size"},
    {"bias-of-last-axis", "the bias is a vector of the normalized axis' size"},
    {"same-base", "one and the same difference is squared and divided"},
    {"difference-order", "the mean is subtracted, and not the reverse"},
    {"divisor-second", "the difference is divided by the root, and not the reverse"},
    {"one-type", "nothing is cast on the way"},
};

// y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps) * scale + bias
void layer_norm(MotifBuilder& m) {
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "ReduceMean");
  const std::int64_t rank = m.rng().range(2, 4);
  Dims dims = m.draw_dims(rank, 2);
  // A vector longer than the axis that it scales widens the result.
  std::int64_t width = dims.back();
  if (m.breaks("axis-wide")) {
    dims.back() = 1;
    width = m.rng().chance(0.6) ? width : 1;
  }
  const NormTypes types = norm_types(m, t);
  const ValueId x = as(m, m.data(types.ends, dims, {.low = -3, .high = 3}), t);
  std::vector<std::int64_t> axes = {m.rng().chance(0.5) ? -1 : rank - 1};
  if (m.breaks("axis-last")) {
    axes = {m.rng().range(0, rank - 2)};
    if (m.rng().chance(0.4)) axes.push_back(rank - 1);
    if (m.rng().chance(0.2)) axes = {-1, -2};
  }
  std::vector<std::int64_t> second = axes;
  if (m.breaks("same-axes")) second = {m.rng().range(0, rank - 2)};
  const bool keep = m.holds("keepdims");
  const ValueId mean = m.reduce("ReduceMean", x, axes, keep);
  const auto subtract = [&] {
    return m.holds("difference-order") ? m.op("Sub", {x, mean}) : m.op("Sub", {mean, x});
  };
  const ValueId difference = subtract();
  // The pattern that old exporters write has the difference twice.
  ValueId base = difference;
  if (m.breaks("same-base"))
    base = m.rng().chance(0.5) ? x : m.op(m.rng().pick({"Neg", "Abs", "Tanh"}), {difference});
  else if (m.rng().chance(0.15))
    base = subtract();
  base = as(m, as(m, base, types.squared), t);
  ValueId square;
  if (m.holds("exponent-2"))
    square = m.rng().chance(0.96) ? m.op("Pow", {base, m.scalar(t, 2)}) : m.op("Mul", {base, base});
  else
    square = m.op("Pow", {m.rng().chance(0.3) ? base : m.op("Abs", {base}),
                          m.scalar(t, m.rng().pick({1.0, 3.0, 4.0}))});
  const ValueId variance = m.reduce("ReduceMean", square, second, keep);
  // A root close to 0 makes the whole vague.
  const bool usual = m.holds("epsilon-usual") && dims.back() > 1;
  const ValueId epsilon = epsilon_value(m, t, dims, usual, m.holds("epsilon-number"));
  const ValueId shifted =
      m.rng().chance(0.8) ? m.op("Add", {variance, epsilon}) : m.op("Add", {epsilon, variance});
  const ValueId root = m.op("Sqrt", {shifted});
  ValueId y = m.holds("divisor-second") ? m.op("Div", {difference, root})
                                        : m.op("Div", {root, m.op("Exp", {difference})});
  y = as(m, y, types.scale);
  Dims scale = {width}, bias = {width};
  if (m.breaks("scale-of-last-axis")) {
    scale = other_scale(m, dims);
    if (m.rng().chance(0.6)) bias = scale;
  }
  if (m.breaks("bias-of-last-axis")) {
    bias = other_scale(m, dims);
    if (dims.back() == 1 && m.rng().chance(0.5)) bias = {dims[dims.size() - 2], width};
  }
  y = m.commutative("Mul", y, m.weight(types.scale, scale, {.low = -2, .high = 2, .away_from_zero = 0.2}));
  if (m.rng().chance(0.95)) y = m.commutative("Add", y, m.weight(types.scale, bias));
  m.result(as(m, y, types.ends));
}

constexpr Motif motifs[] = {
    {.name = "layer-norm",
     .aims_at = "LayerNormFusionL1;LayerNormFusionL2;LayerNormFusion",
     .guards = kGuards,
     .build = layer_norm},
};

}  // namespace

namespace family {
extern const MotifFamily layer_norm;
const MotifFamily layer_norm = motifs;
}  // namespace family

}  // namespace mob::motifs
