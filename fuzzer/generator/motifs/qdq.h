// What the motifs of quantization share: grids, and the nodes that go onto them and off.
#pragma once

#include <utility>
#include <vector>

#include "fuzzer/generator/motifs/motif.h"

namespace mob::motifs {

// Scales and zero points, before they are values of the graph.
struct Grid {
  DType type = DType::kUint8;
  DType scale_type = DType::kFloat;
  Dims shape = {};  // of the scales and of the zero points
  std::vector<double> scales = {1};
  std::vector<std::int64_t> zeros = {};  // empty: left out
  std::int64_t axis = 1;
  std::int64_t block = 0;

  bool per_tensor() const { return shape.empty(); }
};

// The same as values of the graph, so that nodes can share them.
struct Placed {
  Grid grid;
  ValueId scale = kNoValue;
  ValueId zero = kNoValue;
};

// float, or float16 where the guard "type" is broken and QuantizeLinear knows it.
DType quantized_float(MotifBuilder& m);

// One scale for all, so that the type's range spans about [-reach, reach].
Grid per_tensor(MotifBuilder& m, DType type, DType scale_type = DType::kFloat, double reach = 2);
// One scale per index of an axis; zero points alike (in the middle of the type) or all of their own.
Grid per_axis(MotifBuilder& m, DType type, DType scale_type, const Dims& dims, std::int64_t axis,
              bool zeros_alike, double reach = 2);
// One scale per block of an axis.
Grid per_block(MotifBuilder& m, DType type, DType scale_type, const Dims& dims, std::int64_t axis,
               std::int64_t block, double reach = 2);
// The grid that the values of v call for, somewhat too narrow or too wide.
Grid fitting(MotifBuilder& m, ValueId v, DType type);
// Near misses of a grid: negative, tiny, (where nothing is divided by it) zero scales.
void spoil_scales(MotifBuilder& m, Grid& g, bool divides);
void drop_zeros(Grid& g);

// Which of a motif's grids, by number, is without zero points where the guard "zeros-given" is broken, and
// which has scales spoiled where "positive-scales" is.
class Flaws {
 public:
  Flaws(MotifBuilder& m, std::uint64_t dropped, std::uint64_t spoiled)
      : m_(m),
        zeros_(m.holds("zeros-given")),
        positive_(m.holds("positive-scales")),
        dropped_(dropped),
        spoiled_(spoiled) {}
  void put(Grid& g, std::uint64_t number, bool divides = false) const {
    if (!zeros_ && number == dropped_) drop_zeros(g);
    if (!positive_ && number == spoiled_) spoil_scales(m_, g, divides);
  }

 private:
  MotifBuilder& m_;
  bool zeros_, positive_;
  std::uint64_t dropped_, spoiled_;
};

Placed place(MotifBuilder& m, const Grid& g);
ValueId quantize(MotifBuilder& m, ValueId x, const Placed& p);
ValueId dequantize(MotifBuilder& m, ValueId x, const Placed& p);
inline ValueId quantize(MotifBuilder& m, ValueId x, const Grid& g) {
  return quantize(m, x, place(m, g));
}
inline ValueId dequantize(MotifBuilder& m, ValueId x, const Grid& g) {
  return dequantize(m, x, place(m, g));
}

// A dequantized activation: integers from outside, or floats that are quantized first.
ValueId activation(MotifBuilder& m, const Placed& p, const Dims& dims);
inline ValueId activation(MotifBuilder& m, const Grid& g, const Dims& dims) {
  return activation(m, place(m, g), dims);
}
// Integers that a grid's type holds. Weights of 8 signed bits keep to 7, because some CPUs saturate sums of
// uint8 x int8 products; `full`: all the range.
Tensor draw_integers(MotifBuilder& m, DType type, const Dims& dims, bool weight = false, bool full = false);

// 8-bit types of two operands and the result, as integer kernels want them; else near misses.
struct OperandTypes {
  DType a, b, y;
};
OperandTypes usual_types(MotifBuilder& m);
OperandTypes unusual_types(MotifBuilder& m);

// A bias of shape `dims`, dequantized from int32 by the product of the scales of data and weight (per channel
// where the weight's is), or (guards "bias-int32" and "bias-scale" broken) not quite.
ValueId quantized_bias(MotifBuilder& m, const Dims& dims, const Placed& data, const Placed& weight);

// Puts behind y a Relu that QuantizeLinear onto the grid returned does anyway.
Grid redundant_relu(MotifBuilder& m, ValueId& y, DType type);
// The motif's result: y on a grid, now and then (`off`) off it again.
void quantized_result(MotifBuilder& m, ValueId y, const Grid& g, double off);

// The smallest and the largest finite value of v.
std::pair<double, double> extent(MotifBuilder& m, ValueId v);

}  // namespace mob::motifs
