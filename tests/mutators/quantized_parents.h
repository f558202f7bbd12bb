// Parents in which integers stand beside floats: groups of quantization that generated models seldom hold.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "fuzzer/generator/inputs.h"
#include "fuzzer/graph/model_io.h"

namespace mob {

// Sizes and constants of one parent.
class QuantizedParent {
 public:
  explicit QuantizedParent(Rng& rng) : rng_(rng) {}

  // Two pairs of one grid behind one another.
  std::string chain() {
    const std::string t = type();
    return fmt::format(
        "g (float[{}] x) => (float[{}] y) <float s = {{{}}}, {} z = {{{}}}> {{ a = QuantizeLinear(x, s, z)  "
        "b = DequantizeLinear(a, s, z)  c = QuantizeLinear(b, s, z)  y = DequantizeLinear(c, s, z) }}",
        n_, n_, scale(), t, zero(t));
  }
  // An operator that moves elements between or beside a pair.
  std::string moved() {
    const std::string t = type();
    const std::string shape = fmt::format("float[{},{}]", m_, n_),
                      turned = fmt::format("float[{},{}]", n_, m_);
    const std::string body =
        rng_.chance(0.5) ? "a = Transpose(x)  q = QuantizeLinear(a, s, z)  y = DequantizeLinear(q, s, z)"
                         : "q = QuantizeLinear(x, s, z)  a = DequantizeLinear(q, s, z)  y = Transpose(a)";
    return fmt::format("g ({} x) => ({} y) <float s = {{{}}}, {} z = {{{}}}> {{ {} }}", shape, turned,
                       scale(), t, zero(t), body);
  }
  // MatMul or Conv (with a bias on the grid of its sums) between pairs.
  std::string product() {
    const std::string t = type();
    const std::string head =
        fmt::format("<float s = {{{}}}, {} z = {{{}}}, float u = {{{}}}, int8 o = {{0}}, ", scale(), t,
                    zero(t), kWeightScale);
    const std::string result = fmt::format("float v = {{{}}}", rng_.pick({"0.1", "0.25", "0.07"}));
    if (rng_.chance(0.5))
      return fmt::format(
          "g ({}[{},{}] x) => ({}[{},2] y) {} {}, int8[{},2] w = {{{}}}> {{ a = DequantizeLinear(x, s, z)"
          "  b = DequantizeLinear(w, u, o)  c = MatMul(a, b)  y = QuantizeLinear(c, v, z) }}",
          t, m_, n_, t, m_, head, result, n_, weights(2 * n_));
    return fmt::format(
        "g ({}[1,{},3] x) => ({}[1,2,2] y) {} {}, int8[2,{},2] w = {{{}}}, int32[2] i = {{30, -40}}, "
        "float p = {{{}}}> {{ a = DequantizeLinear(x, s, z)  b = DequantizeLinear(w, u, o)  "
        "d = DequantizeLinear(i, p)  c = Conv(a, b, d)  y = QuantizeLinear(c, v, z) }}",
        t, n_, t, head, result, n_, weights(4 * n_), scale_ * kWeightScale);
  }
  // The same on integers.
  std::string integers() {
    const std::string t = type(), z = zero(t);
    const std::string head = fmt::format(
        "<float s = {{{}}}, {} z = {{{}}}, float u = {{{}}}, int8 o = {{0}}, "
        "float v = {{0.1}}, ",
        scale(), t, z, kWeightScale);
    if (rng_.chance(0.5))
      return fmt::format(
          "g ({}[{},{}] x) => ({}[{},2] y) {} int8[{},2] w = {{{}}}> "
          "{{ y = QLinearMatMul(x, s, z, w, u, o, v, z) }}",
          t, m_, n_, t, m_, head, n_, weights(2 * n_));
    return fmt::format(
        "g ({}[1,{},3] x) => ({}[1,2,2] y) {} int8[2,{},2] w = {{{}}}, int32[2] i = {{30, -40}}> "
        "{{ y = QLinearConv(x, s, z, w, u, o, v, z, i) }}",
        t, n_, t, head, n_, weights(4 * n_));
  }

 private:
  static constexpr double kWeightScale = 0.0625;

  std::string type() { return rng_.pick({"uint8", "int8"}); }
  std::string zero(const std::string& t) {
    return std::to_string(t == "uint8" ? rng_.range(100, 150) : rng_.range(-20, 20));
  }
  double scale() { return scale_; }
  std::string weights(std::int64_t count) {
    std::string list;
    for (std::int64_t i = 0; i < count; ++i)
      list += (i == 0 ? "" : ", ") + std::to_string(rng_.range(-60, 60));
    return list;
  }

  Rng& rng_;
  std::int64_t m_ = rng_.range(1, 4), n_ = rng_.range(2, 5);
  double scale_ = rng_.pick({0.25, 0.125, 0.5});  // products of scales are exact
};

// So many parents, of inputs that use the range of their types.
inline std::vector<Case> quantized_parents(std::size_t count) {
  std::vector<Case> list;
  for (std::uint64_t i = 0; list.size() < count; ++i) {
    Rng rng(41, i);
    QuantizedParent p(rng);
    const std::string graph = i % 4 == 0   ? p.chain()
                              : i % 4 == 1 ? p.moved()
                              : i % 4 == 2 ? p.product()
                                           : p.integers();
    Case c;
    c.model = parse_text(
        fmt::format("<ir_version: 8, opset_import: [\"\" : {}]>\n{}", rng.pick({13, 17, 21}), graph));
    for (ValueId v : c.model.graph.inputs) {
      const Value& x = c.model.graph[v];
      ArrayType type{x.type->dtype, {}};
      for (const Dim& d : *x.type->shape) type.dims.push_back(d.value);
      const double low = type.dtype == DType::kUint8 ? 0 : -127,
                   high = type.dtype == DType::kUint8 ? 255 : 127;
      const bool real = type.dtype == DType::kFloat;
      c.inputs[x.name] = draw_tensor(type, rng, {.low = real ? -6 : low, .high = real ? 6 : high});
    }
    list.push_back(std::move(c));
  }
  return list;
}

}  // namespace mob
