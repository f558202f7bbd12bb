// Which axis of a weight stands for what.
#pragma once

#include <optional>

#include "mutators/edit.h"

namespace mob::mutators {

struct WeightAxes {
  int reduced;  // the products along it are summed up: input channels, rows of a matrix
  int output;   // its indices make independent outputs: output channels, columns of a matrix
};
// Axes of the weight (of this rank) in an input slot of Conv, ConvTranspose, MatMul, Gemm, LSTM, GRU or RNN.
// Empty where it is no such weight (a bias, another operator, a vector).
std::optional<WeightAxes> weight_axes(const Node& n, int slot, std::size_t rank);

// The same of a value: as its first reader has it that is one of these.
std::optional<WeightAxes> weight_axes(const Case& c, const Facts& f, ValueId weight);

}  // namespace mob::mutators
