// What the motifs of normalizations share.
#pragma once

#include "fuzzer/generator/motifs/motif.h"

namespace mob::motifs {

// Dimensions of a scale or bias that are not the vector of the last axis' size, yet broadcast with `dims`
// (without widening it, so that LayerNormalization takes them, too).
inline Dims other_scale(MotifBuilder& m, const Dims& dims) {
  const std::int64_t n = dims.back();
  switch (m.rng().below(dims.size() > 1 ? 7 : 2)) {
    case 0:
      return {};
    case 1:
      return {1};
    case 2:
      return dims;
    case 3:
      return {dims[dims.size() - 2], 1};
    case 4:
      return {dims[dims.size() - 2], n};
    case 5:
      return {1, n};
    default: {
      Dims d(dims.size(), 1);
      d.back() = n;
      return d;
    }
  }
}

// Element types along a normalization.
struct NormTypes {
  DType ends;     // of what comes in and goes out
  DType squared;  // which the square sees on the way
  DType scale;    // of scale and bias
};
// All are t, or (guard "one-type" broken) another type is around the whole, on the way, or around all but the
// scale.
inline NormTypes norm_types(MotifBuilder& m, DType t) {
  const DType other = t == DType::kFloat ? m.rng().pick({DType::kDouble, DType::kFloat16}) : DType::kFloat;
  const NormTypes mixed = m.rng().pick({NormTypes{other, t, t}, {t, other, t}, {other, t, other}});
  return m.holds("one-type") ? NormTypes{t, t, t} : mixed;
}
inline ValueId as(MotifBuilder& m, ValueId x, DType t) {
  return m.type(x).dtype == t ? x : m.cast(x, t);
}

// Epsilon: the usual number; otherwise another number, or (`number` false) a tensor that differs along the
// rows, or one that is only known when the model runs.
inline ValueId epsilon_value(MotifBuilder& m, DType t, const Dims& dims, bool usual, bool number) {
  const ValueRange range{.low = 0.5, .high = 2};
  if (!number) {
    Builder& b = m.builder();
    switch (m.rng().below(4)) {
      case 0:
        return b.leaf(b.draw({t, {}}, range), m.rng().pick({Constness::kInput, Constness::kOverridable}));
      case 1:
        return m.weight(t, {dims.back()}, range);
      case 2:
        if (dims.size() > 1) return m.weight(t, {dims[dims.size() - 2], 1}, range);
        [[fallthrough]];
      default: {
        const ValueId half = b.leaf(b.draw({t, {}}, range), Constness::kInput);
        return m.op(m.rng().pick({"Add", "Mul"}), {half, half});
      }
    }
  }
  const double wide = t == DType::kFloat16 ? 1e-3 : 1e-5;
  return m.scalar(t, usual ? wide : m.rng().pick({1e-12, 1e-3, 0.1, 0.5, 2.0}));
}

}  // namespace mob::motifs
