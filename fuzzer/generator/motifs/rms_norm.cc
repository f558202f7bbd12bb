// Root-mean-square normalization spelled out: x over the root of the mean of its square, and a scale.
#include "fuzzer/generator/motifs/motif.h"
#include "fuzzer/generator/motifs/norm_parts.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"axis-last", "the mean is over the last axis"},
    {"keepdims", "the mean keeps the dimension"},
    {"exponent-2", "the exponent is 2"},
    {"exponent-known", "the exponent is known beforehand"},
    {"epsilon-usual", "epsilon is the usual 1e-5"},
    {"epsilon-number", "epsilon is one number, known beforehand"},
    {"axis-wide", "the normalized axis is longer than 1"},
    {"scale-of-last-axis", "the scale is a vector of the normalized axis' size"},
    {"same-base", "what is squared is divided"},
    {"divisor-second", "it is divided by the root, and not the reverse"},
    {"one-type", "nothing is cast on the way"},
};

// y = x / sqrt(mean(x^2) + eps) * scale
void rms_norm(MotifBuilder& m) {
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "ReduceMean");
  const std::int64_t rank = m.rng().range(2, 4);
  Dims dims = m.draw_dims(rank, 2);
  std::int64_t width = dims.back();
  if (m.breaks("axis-wide")) {
    dims.back() = 1;
    if (m.rng().chance(0.3)) dims.assign(dims.size(), 1);
    width = m.rng().chance(0.75) ? width : 1;
  }
  double exponent = 2;
  if (m.breaks("exponent-2")) exponent = m.rng().pick({1.0, 3.0, 3.0, 4.0, 2.5});
  // An odd power of a negative number can leave the mean negative.
  const ValueRange range{.low = exponent == 2 || exponent == 4 ? -3 : 0.2, .high = 3};
  const NormTypes types = norm_types(m, t);
  ValueId x = as(m, m.data(types.ends, dims, range), t);
  // Centred first: a layer normalization that has no bias.
  if (exponent == 2 && dims.back() > 1 && m.rng().chance(0.1))
    x = m.op("Sub", {x, m.reduce("ReduceMean", x, {-1}, true)});
  ValueId base = x;
  if (m.breaks("same-base")) base = m.op(m.rng().pick({"Neg", "Abs", "Tanh"}), {x});
  base = as(m, as(m, base, types.squared), t);
  ValueId square;
  if (m.breaks("exponent-known")) {
    Builder& b = m.builder();
    switch (m.rng().below(4)) {
      case 0:
        square = m.op("Pow", {base, b.leaf(Tensor::scalar(t, exponent), Constness::kInput)});
        break;
      case 1:
        square = m.op("Pow", {base, b.leaf(Tensor::scalar(t, exponent), Constness::kOverridable)});
        break;
      case 2: {
        const ValueId half = b.leaf(Tensor::scalar(t, exponent / 2), Constness::kInput);
        square = m.op("Pow", {base, m.op("Add", {half, half})});
        break;
      }
      default: {
        if (exponent == 2.5) throw CannotDraft{};
        const ValueId whole = b.leaf(Tensor::scalar(DType::kInt64, exponent), Constness::kInput);
        square = m.op("Pow", {base, m.cast(whole, t)});
        break;
      }
    }
  } else if (exponent == 2 && m.rng().chance(0.04)) {
    square = m.op("Mul", {base, base});
  } else if (m.opset() >= 12 && exponent != 2.5 && m.rng().chance(0.04)) {
    square = m.op("Pow", {base, m.scalar(DType::kInt64, exponent)});  // types may differ since opset 12
  } else {
    square = m.op("Pow", {base, m.scalar(t, exponent)});
  }
  std::vector<std::int64_t> axes = {m.rng().chance(0.7) ? -1 : rank - 1};
  if (m.breaks("axis-last")) {
    axes = {m.rng().range(0, rank - 2)};
    if (m.rng().chance(0.4)) axes.push_back(rank - 1);
  }
  const ValueId mean = m.reduce("ReduceMean", square, axes, m.holds("keepdims"));
  const bool usual = m.holds("epsilon-usual");
  const ValueId epsilon = epsilon_value(m, t, dims, usual, m.holds("epsilon-number"));
  const ValueId shifted = m.rng().chance(0.85) ? m.op("Add", {mean, epsilon}) : m.op("Add", {epsilon, mean});
  const ValueId root = m.op("Sqrt", {shifted});
  ValueId y;
  if (m.breaks("divisor-second"))
    y = m.op("Div", {root, m.op("Exp", {x})});
  else if (m.rng().chance(0.03))
    y = m.commutative("Mul", x, m.op("Reciprocal", {root}));
  else
    y = m.op("Div", {x, root});
  y = as(m, y, types.scale);
  Dims scale = {width};
  if (m.breaks("scale-of-last-axis")) scale = other_scale(m, dims);
  y = m.commutative("Mul", y, m.weight(types.scale, scale, {.low = -2, .high = 2, .away_from_zero = 0.2}));
  m.result(as(m, y, types.ends));
}

constexpr Motif motifs[] = {
    {.name = "rms-norm", .aims_at = "SimplifiedLayerNormFusion", .guards = kGuards, .build = rms_norm},
};

}  // namespace

namespace family {
extern const MotifFamily rms_norm;
const MotifFamily rms_norm = motifs;
}  // namespace family

}  // namespace mob::motifs
