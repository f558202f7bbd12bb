// Products of integers, scaled afterwards: dynamic quantization as exporters write it.
#include <algorithm>

#include "fuzzer/generator/motifs/qdq.h"

namespace mob::motifs {
namespace {

constexpr DType kU8 = DType::kUint8, kS8 = DType::kInt8;

constexpr Guard kGuards[] = {
    {"scale-scalar", "the data's scale is a scalar"},
    {"weight-scale", "the weight's scale is a scalar or has an element per column"},
    {"scale-order", "the data's scale is the first factor"},
    {"own-scale", "the scale comes with the integers that it is for"},
    {"own-zero", "the zero point comes with the integers that it is for"},
    {"cast-float", "the sums are cast to float"},
    {"weight-second", "the constant is the second operand"},
    {"weight-matrix", "the weight is of rank 2"},
    {"bias-vector", "the bias is a vector with an element per column"},
    {"bias-constant", "the bias is constant"},
    {"bias-second", "the bias is the second term"},
    {"read-once", "each output of DynamicQuantizeLinear is read once"},
    {"weight-7-bits", "int8 weights keep to 7 bits"},
};

// y = float(MatMulInteger(q, w, zero, zero_w)) * (scale * scale_w) + bias; q, scale and zero dynamic or given
void integer_product(MotifBuilder& m, bool dynamic) {
  Rng& rng = m.rng();
  std::int64_t rows = rng.range(1, 4), k = rng.range(1, 8), columns = rng.range(2, 6);
  if (rng.chance(0.3)) rows = columns = k = std::max<std::int64_t>(k, 2);
  Dims a = {rows, k}, b = {k, columns};
  const bool first = m.breaks("weight-second");
  if (!first && rng.chance(0.3)) a.insert(a.begin(), rng.range(1, 3));
  if (m.breaks("weight-matrix"))
    b = a.size() == 3 ? Dims{rng.chance(0.6) ? a.front() : 1, k, columns} : Dims{rng.range(1, 3), k, columns};
  if (first) std::swap(a, b);
  const DType weight_type = rng.pick({kU8, kS8});
  ValueId q = kNoValue, scale = kNoValue, zero = kNoValue;
  if (dynamic) {
    const ValueId x = m.data(DType::kFloat, a);
    const auto made = m.ops("DynamicQuantizeLinear", {x}, {}, 3);
    q = made[0], scale = made[1], zero = made[2];
    if (m.breaks("read-once")) {
      switch (rng.below(3)) {
        case 0:
          m.result(m.op("DequantizeLinear", {q, scale, zero}));
          break;
        case 1:
          m.result(m.op("Neg", {scale}));
          break;
        default:
          m.result(m.op("Cast", {q}, {{.name = "to", .value = std::int64_t{1}}}));
          break;
      }
    }
  } else {
    const DType t = rng.chance(0.7) ? kU8 : kS8;
    q = m.data(t, a, {.low = t == kU8 ? 0.0 : -128.0, .high = t == kU8 ? 255.0 : 127.0, .integral = true});
    // A product of constants would be folded before the pass sees it.
    scale = m.data(DType::kFloat, {}, {.low = 0.005, .high = 0.03});
    if (rng.chance(0.8))
      zero = m.constant(Tensor::of_ints(t, {}, {t == kU8 ? rng.range(90, 160) : rng.range(-20, 20)}));
  }
  if (m.breaks("own-scale")) {
    if (dynamic) m.result(m.op("Identity", {scale}));  // still read once
    scale = m.data(DType::kFloat, {}, {.low = 0.005, .high = 0.03});
  }
  if (zero != kNoValue && m.breaks("own-zero")) {
    if (dynamic && rng.chance(0.6)) m.result(m.op("Identity", {zero}));
    zero =
        rng.chance(0.3) ? kNoValue : m.constant(Tensor::of_ints(m.type(q).dtype, {}, {rng.range(60, 100)}));
  }
  const bool full = weight_type == kS8 && m.breaks("weight-7-bits");
  const ValueId w = m.constant(draw_integers(m, weight_type, b, true, full));
  // One zero point, none, or (as the spec allows) one per column.
  ValueId weight_zero = kNoValue;
  if (weight_type == kU8 || rng.chance(0.6)) {
    const std::int64_t middle = weight_type == kU8 ? 128 : 0;
    const bool columnwise = !first && b.size() == 2 && rng.chance(0.2);
    std::vector<std::int64_t> zeros(columnwise ? static_cast<std::size_t>(b.back()) : 1);
    for (auto& z : zeros) z = middle + (rng.chance(0.5) ? 0 : rng.range(-10, 10));
    weight_zero = m.constant(Tensor::of_ints(weight_type, columnwise ? Dims{b.back()} : Dims{}, zeros));
  }
  std::vector<ValueId> inputs =
      first ? std::vector<ValueId>{w, q, weight_zero, zero} : std::vector<ValueId>{q, w, zero, weight_zero};
  const ValueId sums = m.op("MatMulInteger", inputs);
  const DType to = m.holds("cast-float") ? DType::kFloat : rng.pick({DType::kDouble, DType::kFloat16});
  ValueId y = m.cast(sums, to);
  if (to != DType::kFloat && rng.chance(0.7)) y = m.cast(y, DType::kFloat);
  const Dims out = m.dims(sums);
  const std::int64_t n = out.back();
  ValueId weight_scale = kNoValue;
  if (m.breaks("weight-scale")) {
    const Dims shape = rng.pick(
        {Dims{1}, Dims{out[out.size() - 2], 1}, Dims{1, n}, Dims{out[out.size() - 2], n}, Dims{1, 1, 1, n}});
    weight_scale = m.weight(DType::kFloat, shape, {.low = 0.005, .high = 0.03});
  } else {
    weight_scale = rng.chance(0.6) ? m.scalar(DType::kFloat, rng.uniform(0.005, 0.03))
                                   : m.weight(DType::kFloat, {n}, {.low = 0.005, .high = 0.03});
  }
  if (m.breaks("scale-scalar")) {
    const Dims shape = rng.pick({Dims{1}, Dims{1, 1}, Dims{out[out.size() - 2], 1}, Dims{n}, Dims{1, n}});
    scale = m.op("Mul", {scale, m.weight(DType::kFloat, shape, {.low = 0.5, .high = 2})});
  }
  const ValueId factor =
      m.holds("scale-order") ? m.op("Mul", {scale, weight_scale}) : m.op("Mul", {weight_scale, scale});
  if (m.type(y).dtype != DType::kFloat) {
    y = m.commutative("Mul", y, m.cast(factor, to));
    return m.result(y);
  }
  y = m.commutative("Mul", y, factor);
  if (rng.chance(0.6)) {
    Dims bias = {n};
    if (m.breaks("bias-vector"))
      bias = rng.pick({Dims{}, Dims{1}, Dims{1, n}, Dims{out[out.size() - 2], 1}, out, Dims{1, 1, 1, n},
                       Dims{2, 1, 1, n}, Dims{1, 1, 1, 1, n}});
    const ValueId c = m.holds("bias-constant") ? m.weight(DType::kFloat, bias) : m.data(DType::kFloat, bias);
    y = m.holds("bias-second") ? m.op("Add", {y, c}) : m.op("Add", {c, y});
  }
  m.result(y);
}

void integer_to_float(MotifBuilder& m) {
  integer_product(m, m.rng().chance(0.4));
}
void dynamic_product(MotifBuilder& m) {
  integer_product(m, true);
}

constexpr Guard kConvGuards[] = {
    {"scale-scalar", "the data's scale is a scalar"},
    {"weight-scale", "the weight's scale is a scalar or one per output channel"},
    {"cast-float", "the sums are cast to float"},
    {"weight-zero", "the weight has no zero point but 0"},
    {"read-once", "each output of DynamicQuantizeLinear is read once"},
};

// y = float(ConvInteger(q, w, zero)) * (scale * scale_w), q from DynamicQuantizeLinear
void integer_conv(MotifBuilder& m) {
  Rng& rng = m.rng();
  const std::int64_t channels = rng.range(1, 3), filters = rng.range(1, 4), kernel = rng.range(1, 3);
  const Dims dims = {rng.range(1, 2), channels, kernel + rng.range(0, 3), kernel + rng.range(0, 3)};
  const auto made = m.ops("DynamicQuantizeLinear", {m.data(DType::kFloat, dims)}, {}, 3);
  if (m.breaks("read-once")) m.result(m.op("DequantizeLinear", {made[0], made[1], made[2]}));
  std::vector<ValueId> inputs = {
      made[0], m.constant(draw_integers(m, kU8, {filters, channels, kernel, kernel})), made[2]};
  if (m.breaks("weight-zero"))
    inputs.push_back(m.constant(Tensor::of_ints(kU8, {}, {rng.range(1, 255)})));
  else if (rng.chance(0.3))
    inputs.push_back(m.constant(Tensor::of_ints(kU8, {}, {0})));
  std::vector<Attribute> attributes = {
      {.name = "kernel_shape", .value = std::vector<std::int64_t>{kernel, kernel}}};
  if (rng.chance(0.5))
    attributes.push_back(
        {.name = "pads", .value = std::vector<std::int64_t>{rng.range(0, 1), rng.range(0, 1), 1, 1}});
  if (rng.chance(0.4)) attributes.push_back({.name = "strides", .value = std::vector<std::int64_t>{2, 1}});
  const ValueId sums = m.op("ConvInteger", inputs, attributes);
  const DType to = m.holds("cast-float") ? DType::kFloat : DType::kDouble;
  ValueId y = m.cast(sums, to);
  if (to != DType::kFloat) y = m.cast(y, DType::kFloat);
  ValueId scale = made[1];
  if (m.breaks("scale-scalar"))
    scale = m.op("Mul", {scale, m.weight(DType::kFloat, {m.dims(sums).back()}, {.low = 0.5, .high = 2})});
  const Dims shape = m.breaks("weight-scale")
                         ? rng.pick({Dims{1}, Dims{m.dims(sums).back()}, Dims{1, 1, 1, 1}})
                     : rng.chance(0.5) ? Dims{}
                                       : Dims{filters, 1, 1};
  const ValueId factor =
      m.commutative("Mul", scale, m.weight(DType::kFloat, shape, {.low = 0.005, .high = 0.03}));
  y = m.commutative("Mul", y, factor);
  if (rng.chance(0.5)) y = m.commutative("Add", y, m.weight(DType::kFloat, {filters, 1, 1}));
  m.result(y);
}

constexpr Motif motifs[] = {
    {.name = "integer-to-float",
     .aims_at = "MatMulIntegerToFloatFusion",
     .guards = kGuards,
     .since = 11,
     .build = integer_to_float},
    {.name = "dynamic-matmul",
     .aims_at = "DynamicQuantizeMatMulFusion",
     .guards = kGuards,
     .since = 11,
     .build = dynamic_product},
    // No pass of the CPU looks for it by name; the passes above must keep their hands off.
    {.name = "dynamic-conv",
     .aims_at = "MatMulIntegerToFloatFusion;DynamicQuantizeMatMulFusion",
     .guards = kConvGuards,
     .since = 11,
     .build = integer_conv},
};

}  // namespace

namespace family {
extern const MotifFamily dynamic_quantize;
const MotifFamily dynamic_quantize = motifs;
}  // namespace family

}  // namespace mob::motifs
