// Known limits of runtimes' integer kernels, which an evaluation may allow for (Arithmetic, op_spec.h). The
// values stay the exact ones; only bounds grow, and only where the limit bites.
#pragma once

#include "fuzzer/ops/quantize.h"
#include "fuzzer/ops/windows.h"

namespace mob::ops {

// Whether anything below has work to do; operators ask first, so that the default costs nothing.
inline bool allows_limits(const Evaluation& ev) {
  const Arithmetic& a = ev.arithmetic();
  return a.saturating_u8s8 || a.quantized_activations || a.quantized_weights || a.skipped_requantization;
}

// --- saturating_u8s8 ---------------------------------------------------------------------------------

// Integers of one operand in the order in which a kernel runs through them, zero points not subtracted.
struct IntRow {
  DType type;
  const std::int64_t* at;
  std::int64_t stride = 1;
};

// AVX2's pmaddubsw multiplies uint8 by int8 and adds neighbouring products in saturating 16 bits. How far the
// sum of k products is off then; 0 where no pair saturates or the types do not take this path. Where both
// are int8, a kernel may shift either to uint8.
std::int64_t saturation_gap(IntRow a, IntRow b, std::int64_t k);

// --- MatMul, Gemm, Conv with dequantized operands ------------------------------------------------------

struct ProductForm {
  bool transpose_a = false;
  bool transpose_b = false;
  double alpha = 1;
};
// Inputs 0 and 1 multiplied to output 0: saturating_u8s8 where both are dequantized (or input 1 may be made
// integers, quantized_weights), quantized_activations where input 1 is and no kernel could use the integers
// of input 0 (activations are rounded to the int8 grid of their row or of a block of it).
void relax_products(Evaluation& ev, const MatmulPlan& p, const ProductForm& form = {});
// Input 0 convolved with the weights of input 1: saturating_u8s8, also of float weights where they may have
// been quantized (quantized_weights).
void relax_conv(Evaluation& ev, const Windows& w, std::int64_t group);

// Gemm, Conv and ConvTranspose whose input 0 is dequantized: ONNX Runtime (WeightBiasQuantization) makes
// float weights int8, symmetric and per tensor, and a float bias int32 in steps of the product of both
// scales. `depth`: products that one output sums. Nothing is allowed for where the bias does not fit 32 bits.
// MatMul, too: with an Add behind it, of which the bias is, it becomes Gemm before (`bias_follows`).
void relax_quantized_weights(Evaluation& ev, std::int64_t depth, double alpha = 1, double beta = 1,
                             bool bias_follows = false);

// The integers under each kernel element of one output of a convolution, in the two orders in which kernels
// lay them out (channels first or last); padding holds the zero point.
class ConvRows {
 public:
  ConvRows(const Windows& w, std::int64_t group_channels);
  // For output position `o`: the larger gap of the two orders. `image` and `filter` point at the group's
  // [channels, spatial] and the filter's [channels, kernel].
  std::int64_t gap(IntRow image, std::int64_t zero, IntRow filter, std::int64_t o);

 private:
  std::int64_t channels_, in_, out_, kernel_;
  std::vector<std::int64_t> map_;  // [kernel][out], -1 on padding
  std::vector<std::int64_t> x_, w_;
};

// --- skipped_requantization ----------------------------------------------------------------------------

// QuantizeLinear: output 0 came from input 0.
void note_quantized(Evaluation& ev);
// DequantizeLinear: output 0 came from input 0, with scale and zero point in inputs 1 and 2. From the second
// of successive pairs on, the bound covers what is left when a runtime drops one of them or merges their
// parameters (ONNX Runtime's DoubleQDQPairsRemover): the number before the first, saturated by all of them,
// within a step.
void note_dequantized(Evaluation& ev, const Granularity& granularity);

// ONNX Runtime's QLinearSoftmax, put in place of DequantizeLinear - Softmax - QuantizeLinear, multiplies by
// floor(1 / scale) where the quotient by the scale is meant. Softmax notes where its input comes from;
// QuantizeLinear asks how much less its quotient may be (0 where this does not apply).
void note_softmax(Evaluation& ev);
double softmax_requantization(const Evaluation& ev, double x, double scale);

}  // namespace mob::ops
