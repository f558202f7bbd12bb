// y = factor x + offset for each channel: what BatchNormalization and constant Mul, Add, Sub, Div are, and
// how convolutions and matrix products take it in.
#pragma once

#include "mutators/pattern.h"

namespace mob::mutators {

// By index of the channel; of a node whose first input is x.
struct Affine {
  ValueId x = kNoValue;
  std::vector<long double> factor, offset;
};
// BatchNormalization with constant statistics, not in training, all of one type.
std::optional<Affine> batch_norm(const Rewriting& r, const Node& n);
// Add, Sub, Mul or Div of a value with `channels` on `axis` and of a constant that differs along that axis at
// most.
std::optional<Affine> constant_term(const Rewriting& r, const Node& n, std::size_t axis);

// Conv, ConvTranspose, Gemm (C a row) or MatMul, the last two of matrices, with constant weights.
struct Linear {
  Node node;
  Tensor weight;
  std::vector<long double> bias;  // of each channel of the output
  double beta = 1;                // of Gemm: the bias has been multiplied by it
};
// The one that makes a value, or nothing. `channels` of the output are on axis 1.
std::optional<Linear> linear(const Rewriting& r, ValueId v);
// The channel of the output that element i of the weight goes into.
std::int64_t channel_of(const Linear& linear, std::int64_t i);

// The numbers as a tensor; empty where one of them overflows or loses more than rounding takes.
std::optional<Tensor> stored(DType t, const Dims& dims, const std::vector<long double>& values);

// Writes the linear node with its weights multiplied by `factor` and its bias by it, too, and `offset` added.
// kNoValue where the type does not hold the numbers. The bias is left out where all of it is zero and there
// was none.
ValueId write_scaled(Rewriting& r, const Linear& linear, const std::vector<long double>& factor,
                     const std::vector<long double>& offset);

}  // namespace mob::mutators
