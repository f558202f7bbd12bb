// Quantization: scales and zero points, numbers on their grid, and the nodes that bring values there.
#pragma once

#include <vector>

#include "mutators/calibration.h"
#include "mutators/edit.h"

namespace mob::mutators {

// How a tensor is stored: one scale and zero point for all, for each index of `axis`, or for each `block`
// neighbours along it. An element's number is (stored - zero) * scale (ONNX DequantizeLinear).
struct Quantization {
  DType type = DType::kUint8;  // an integer type of at most 16 bits, int32 (zero 0), or a float8 (zero 0)
  int axis = -1;               // -1: one for all
  std::int64_t block = 0;      // 0: no blocks; never 1
  Dims dims;  // of scale and zero: [], [length], or the tensor's with `axis` cut to its blocks
  std::vector<double> scale;  // float32 numbers above zero
  std::vector<std::int64_t> zero;
};

// Whether QuantizeLinear and DequantizeLinear know the type at this opset.
bool quantizes_to(DType type, std::int64_t opset);

// Granularity only: no scales yet. An axis in [0, rank).
Quantization per_tensor(DType type);
Quantization per_axis(DType type, const Dims& x, int axis, std::int64_t block = 0);

// Scales and zero points for these ranges, one for each entry. Symmetric: the zero point is the middle of the
// type. Reduced: one bit less, so that sums of two products fit 16 bits.
void fit(Quantization& q, const std::vector<Range>& ranges, bool symmetric, bool reduced);
// The range of each entry of a tensor, cut by the rule.
std::vector<Range> ranges_of(const Tensor& x, const Quantization& q, const RangeRule& rule);

// Entry that an element of a tensor of these dimensions belongs to.
std::size_t entry_of(const Quantization& q, const Dims& x, std::int64_t element);
// x on its grid, as stored: divided in float32, rounded half to even, saturated.
Tensor stored(const Tensor& x, const Quantization& q);
// What the reference needs to know of it.
Grid grid_of(const Quantization& q);

// Scale and zero point as values.
struct Parameters {
  ValueId scale = kNoValue, zero = kNoValue;
};
// Adds them as initializers. A zero point of zeros is left out where `bare`: only where something else says
// the type (stored integers; of QuantizeLinear, the default uint8). A planted fault bends the scales.
Parameters add_parameters(Case& c, const Quantization& q, bool bare, const Choices& choices);
ValueId append_quantize(Case& c, ValueId v, const Quantization& q, const Parameters& p);
ValueId append_dequantize(Case& c, ValueId v, const Quantization& q, const Parameters& p);
// The same by Div, Round, Min, Max and Mul of floats (float8: by Cast), for twins. From opset 11 on.
ValueId append_rounded(Case& c, ValueId v, const Dims& dims, const Quantization& q);

// A vector with an entry for each channel, as it is added to or multiplied with images of this rank.
ValueId append_channels(Case& c, ValueId v, std::size_t rank);

// Whether a node that makes this can be checked (`settle` leaves out what is larger).
bool of_checked_size(const ArrayType& t);
// A float32 tensor that is fixed, read, and neither graph input nor output: what may be stored otherwise.
std::optional<Tensor> float_constant(const Case& c, const Facts& f, ValueId v);
// Whether a use takes any number, so that its shape, validity and kind of computation do not hang on it.
bool takes_any(const Case& c, const Use& use);

}  // namespace mob::mutators
