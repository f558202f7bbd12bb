// Scales, zero points and the step onto the grid: what the quantizing operators share.
#pragma once

#include "fuzzer/ops/kernels.h"

namespace mob::ops {

inline constexpr DTypeSet kQuantizedInts = {DType::kInt8, DType::kUint8, DType::kInt16, DType::kUint16,
                                            DType::kInt4, DType::kUint4, DType::kInt2,  DType::kUint2};

// Which scale and zero point belong to an element: one for all, by index along an axis, or by blocks of it.
// `axis` in [-rank, rank); InvalidNode where the scale does not fit.
class Granularity {
 public:
  Granularity(const Dims& x, const Dims& scale, std::int64_t axis, std::int64_t block_size);
  std::size_t operator()(std::size_t i) const {
    if (size_ == 0) return 0;
    const std::size_t along = i / inner_ % size_, outer = i / inner_ / size_;
    if (block_ == 0) return along;
    return (outer * blocks_ + along / block_) * inner_ + i % inner_;
  }

 private:
  std::size_t size_ = 0, inner_ = 1, block_ = 0, blocks_ = 0;  // size_ 0: one for all
};

// Writes saturate(round(q) + zero point) into an output of integers, float8 or float4. Rounding is half to
// even; but a kernel may multiply by a reciprocal, or add the zero point before it rounds, so that the bound
// covers both sides of every tie within `ulps` roundings of q.
class Quantizer {
 public:
  Quantizer(Evaluation& ev, const Rounding<double>& rounding, double ulps, bool saturate = true)
      : ev_(ev), rounding_(rounding), ulps_(ulps), saturate_(saturate), type_(ev.output().type.dtype) {}
  void set(std::size_t i, Approx<double> q, Approx<double> zero);

 private:
  void set_int(std::size_t i, Approx<double> q, Approx<double> zero);

  Evaluation& ev_;
  Rounding<double> rounding_;
  double ulps_;
  bool saturate_;
  DType type_;
};

// What to draw of `types`: mostly one of those that runtimes have kernels for, else any.
DType draw_type(Draft& d, DTypeSet types, DTypeSet usual);
// Element types of two operands and the result of an integer kernel; runtimes know few combinations.
struct ByteTypes {
  DType a, b, y;
};
ByteTypes draw_bytes(Draft& d);

// A scale to draw for a type, so that numbers around [-range, range] fill its grid.
float draw_scale(Rng& rng, DType t, double range = 2);
Tensor draw_scales(Rng& rng, DType scale_type, DType t, const Dims& dims, double range = 2);
// A zero point: often 0 or the middle of the type.
std::int64_t draw_zero(Rng& rng, DType t);
Tensor draw_zeros(Rng& rng, DType t, const Dims& dims);  // sometimes all alike
// Integers of this type, all its range.
inline ValueRange whole_range(DType t) {
  return {.low = static_cast<double>(int_min(t)), .high = static_cast<double>(int_max(t)), .integral = true};
}

// Of 8-bit weights: mostly 7 bits, where AVX2's 16-bit sums of products do not saturate.
inline ValueRange weight_range(Rng& rng, DType t) {
  return t == DType::kInt8 && rng.chance(0.85) ? ValueRange{.low = -64, .high = 63, .integral = true}
                                               : whole_range(t);
}

}  // namespace mob::ops
