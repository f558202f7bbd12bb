#include "mutators/quantization_nodes.h"

#include <algorithm>

namespace mob::mutators {
namespace {

constexpr double kLeast = 0x1p-80, kMost = 0x1p80;
constexpr DTypeSet kKept = {DType::kInt8,   DType::kUint8, DType::kInt16,
                            DType::kUint16, DType::kInt4,  DType::kUint4};

ValueId zero_of(const Node& n) {
  return n.inputs.size() > 2 ? n.inputs[2] : kNoValue;
}

}  // namespace

bool is_quantize(const Node& n) {
  return n.op_type == "QuantizeLinear" && n.domain.empty();
}
bool is_dequantize(const Node& n) {
  return n.op_type == "DequantizeLinear" && n.domain.empty();
}

bool one_scale(const Facts& f, const Node& n) {
  return n.int_or("block_size", 0) == 0 &&
         (f.type(n.inputs[1]).rank() == 0 || f.type(n.inputs[1]).dims == Dims{1}) &&
         (zero_of(n) == kNoValue || f.type(zero_of(n)).rank() <= 1);
}

std::optional<Quantization> read_quantization(const Case& c, const Facts& f, const Node& n) {
  const ValueId whole = is_quantize(n) ? n.outputs[0] : n.inputs[0];
  const ValueId real = is_quantize(n) ? n.inputs[0] : n.outputs[0];
  const std::optional<Tensor> scale = fixed_content(c, n.inputs[1]);
  if (!scale || scale->dtype() != DType::kFloat || f.type(real).dtype != DType::kFloat ||
      !kKept.has(f.type(whole).dtype))
    return std::nullopt;
  Quantization q{.type = f.type(whole).dtype, .dims = scale->dims(), .scale = scale->reals(), .zero = {}};
  if (std::any_of(q.scale.begin(), q.scale.end(), [](double s) { return !(s >= kLeast && s <= kMost); }))
    return std::nullopt;
  q.zero.assign(q.scale.size(), 0);
  if (zero_of(n) != kNoValue) {
    const std::optional<Tensor> zero = fixed_content(c, zero_of(n));
    if (!zero || zero->count() != scale->count()) return std::nullopt;
    q.zero = zero->ints_vector();
  }
  if (one_scale(f, n)) return q;
  q.axis =
      static_cast<int>(Inference::axis(n.int_or("axis", 1), static_cast<std::int64_t>(f.type(real).rank())));
  q.block = n.int_or("block_size", 0);
  return q;
}

bool same_grid(const Quantization& a, const Quantization& b) {
  return a.type == b.type && a.axis == b.axis && a.block == b.block && a.scale == b.scale && a.zero == b.zero;
}

int dequantized_by(const Case& c, const Facts& f, ValueId v) {
  const int p = v == kNoValue ? -1 : f.producer(v);
  if (p < 0 || f.type(v).dtype != DType::kFloat) return -1;
  const Node& n = c.model.graph.nodes[static_cast<std::size_t>(p)];
  return is_dequantize(n) && f.type(n.inputs[1]).dtype == DType::kFloat ? p : -1;
}

bool scales_lines(const Facts& f, const Node& n, bool conv) {
  if (one_scale(f, n)) return true;
  const auto rank = static_cast<std::int64_t>(f.type(n.inputs[0]).rank());
  return n.int_or("block_size", 0) == 0 && (conv || rank == 2) &&
         Inference::axis(n.int_or("axis", 1), rank) == (conv ? 0 : 1);
}

bool byte_factors(DType x, DType w) {
  constexpr DTypeSet kBytes = {DType::kInt8, DType::kUint8};
  return kBytes.has(x) && kBytes.has(w) && (x == DType::kUint8 || w == DType::kInt8);
}

ValueId zero_point(Case& c, const Facts& f, const Node& n) {
  if (zero_of(n) != kNoValue) return zero_of(n);
  const Dims& dims = f.type(n.inputs[1]).dims;
  const DType t = f.type(is_quantize(n) ? n.outputs[0] : n.inputs[0]).dtype;
  const std::vector<std::int64_t> zeros(static_cast<std::size_t>(element_count(dims)), 0);
  return c.model.graph.add_initializer("", Tensor::of_ints(t, dims, zeros));
}

ValueId bent_scale(Case& c, ValueId scale, const Choices& choices) {
  if (!choices.faulty()) return scale;
  const ValueId factor = c.model.graph.add_initializer("", Tensor::scalar(DType::kFloat, choices.bent(1)));
  return append(c, "Mul", {scale, factor}).front();
}

ValueId append_like(Case& c, const Node& n, std::vector<ValueId> inputs) {
  return append(c, n.op_type, std::move(inputs), n.attributes).front();
}

std::vector<ValueId> with_first(Case& c, const Node& n, ValueId first, const Choices& choices) {
  std::vector<ValueId> inputs = n.inputs;
  inputs[0] = first;
  inputs[1] = bent_scale(c, inputs[1], choices);
  return inputs;
}

}  // namespace mob::mutators
