// QuantizeLinear and DequantizeLinear nodes that stand in a model.
#pragma once

#include "mutators/quantization.h"

namespace mob::mutators {

bool is_quantize(const Node& n);
bool is_dequantize(const Node& n);
// Whether one scale serves all elements (as a scalar, or [1]).
bool one_scale(const Facts& f, const Node& n);

// What such a node says, where its scale (float32, far from overflow and subnormal numbers) and zero point
// are fixed and its type is an integer of at most 16 bits: its numbers then keep their place on the grid when
// they are quantized again.
std::optional<Quantization> read_quantization(const Case& c, const Facts& f, const Node& n);
bool same_grid(const Quantization& a, const Quantization& b);

// The DequantizeLinear that makes a float32 value by a float32 scale, or -1.
int dequantized_by(const Case& c, const Facts& f, ValueId v);
// Whether a DequantizeLinear of weights has one scale, or one for each filter of a Conv or column of a
// matrix.
bool scales_lines(const Facts& f, const Node& n, bool conv);
// Whether runtimes have integer kernels for products of these two.
bool byte_factors(DType x, DType w);
// Zero point of a node; zeros of its type, as many as its scales, where it is left out.
ValueId zero_point(Case& c, const Facts& f, const Node& n);

// Nodes of the model for which `test(node)` holds.
template <class Test>
std::vector<int> nodes_where(const Case& c, Test test) {
  std::vector<int> list;
  for (std::size_t i = 0; i < c.model.graph.nodes.size(); ++i)
    if (test(c.model.graph.nodes[i])) list.push_back(static_cast<int>(i));
  return list;
}

// The scale, or with a planted fault another one.
ValueId bent_scale(Case& c, ValueId scale, const Choices& choices);
// Appends a node like `n` that reads these inputs; its first output.
ValueId append_like(Case& c, const Node& n, std::vector<ValueId> inputs);
// The inputs of a QuantizeLinear or DequantizeLinear with another first one, its scale bent by a fault.
std::vector<ValueId> with_first(Case& c, const Node& n, ValueId first, const Choices& choices);

}  // namespace mob::mutators
