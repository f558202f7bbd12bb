// QuantizeLinear and DequantizeLinear in a row, moved past other nodes, and read by several.
#include <algorithm>

#include "fuzzer/generator/motifs/qdq.h"

namespace mob::motifs {
namespace {

constexpr DType kU8 = DType::kUint8, kS8 = DType::kInt8;

constexpr Guard kDoubleGuards[] = {
    {"pair-alike", "the nodes of a pair have the same scale and zero point"},
    {"types-alike", "both pairs are of the same type"},
    {"8-bit-types", "the types are uint8 or int8"},
    {"per-tensor", "there is one scale per pair"},
    {"zeros-given", "no zero point is left out"},
    {"positive-scales", "scales are positive and of moderate size"},
    {"ranges-overlap", "the ranges of both pairs overlap widely"},
    {"same-axis", "scales per axis of both pairs are along the same one"},
};

// y = DQ(Q(DQ(Q(x))))
void double_pair(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  DType first = rng.pick({kU8, kS8});
  if (m.breaks("8-bit-types")) {
    if (m.opset() < 21) throw CannotDraft{};
    first = rng.pick({DType::kUint16, DType::kInt16, DType::kInt4});
  }
  const DType second = m.holds("types-alike")               ? first
                       : m.opset() >= 21 && rng.chance(0.4) ? rng.pick({DType::kUint16, DType::kInt16})
                       : first == kU8                       ? kS8
                                                            : kU8;
  const Dims dims = m.draw_dims(rng.range(1, 4));
  const double reach = rng.uniform(1, 3);
  const auto rank = static_cast<std::int64_t>(dims.size());
  Grid a = per_tensor(m, first, f, reach), b = per_tensor(m, second, f, reach);
  const bool axes = m.breaks("same-axis");
  if (m.breaks("per-tensor") || axes) {
    const auto axis = rng.range(0, rank - 1);
    const bool alike = rng.chance(0.5);
    a = per_axis(m, first, f, dims, axis, alike, reach);
    if (axes)
      b = per_axis(m, second, f, dims, rng.range(0, rank - 1), alike, reach);
    else if (rng.chance(0.5))
      b = per_axis(m, second, f, dims, axis, alike, reach);
  } else {
    // The middles in the middle, so that the ranges overlap.
    const bool overlap = m.holds("ranges-overlap");
    if (overlap) {
      for (auto& z : a.zeros) z /= 2;
      b = rng.chance(0.5) && first == second ? a : b;
      if (a.type == kU8) a.zeros = {rng.range(90, 160)};
      if (b.type == kU8) b.zeros = {rng.range(90, 160)};
      if (rng.chance(0.4) && first == second) b = a;
    } else {
      a.zeros = {int_min(first)};
      b.zeros = {int_max(second)};
      if (rng.chance(0.4)) {
        a.zeros = {int_max(first)};
        b.zeros = {int_min(second)};
      }
      if (rng.chance(0.3)) (rng.chance(0.5) ? a : b).scales.front() *= rng.pick({0.02, 20.0});
    }
  }
  const bool zeros = m.holds("zeros-given");
  if (!zeros && rng.chance(0.6)) drop_zeros(a);
  if (!zeros && (!a.zeros.empty() || rng.chance(0.5))) drop_zeros(b);
  if (m.breaks("positive-scales")) spoil_scales(m, rng.chance(0.5) ? a : b, true);
  const bool alike = m.holds("pair-alike");
  const auto odd = rng.below(2);
  const auto other_end = [&](const Grid& g, const Placed& p, bool same) {
    if (same) return rng.chance(0.6) ? p : place(m, g);
    Grid near = g;
    if (!near.zeros.empty() && rng.chance(0.5))
      for (auto& z : near.zeros) z = z < int_max(near.type) ? z + 1 : z - 1;
    else
      for (double& s : near.scales) s *= rng.pick({0.5, 2.0, 1.05});
    return place(m, near);
  };
  const ValueId x = m.data(f, dims, {.low = -4, .high = 4});
  const Placed pa = place(m, a);
  const ValueId inner = dequantize(m, quantize(m, x, pa), other_end(a, pa, alike || odd == 1));
  const Placed pb = place(m, b);
  ValueId y = dequantize(m, quantize(m, inner, pb), other_end(b, pb, alike || odd == 0));
  if (rng.chance(0.15)) y = dequantize(m, quantize(m, y, pa), pa);
  m.result(y);
}

constexpr Guard kPropagationGuards[] = {
    {"8-bit-types", "the type is uint8 or int8"},
    {"per-tensor", "there is one scale"},
    {"zeros-given", "the zero point is not left out"},
    {"moves-only", "what stands between only moves elements"},
    {"one-path", "each value has one consumer"},
    {"positive-scales", "the scale is positive and of moderate size"},
};

// One node that the pass passes, or (else) one that is near to it.
ValueId passed(MotifBuilder& m, ValueId x, bool moves) {
  Rng& rng = m.rng();
  const Dims dims = m.dims(x);
  const auto rank = static_cast<std::int64_t>(dims.size());
  if (!moves) {
    if (rank > 0 && rng.chance(0.4)) {
      std::vector<std::int64_t> pads(2 * dims.size());
      for (auto& p : pads) p = rng.range(0, 1);
      return m.pad(x, pads, rng.pick({0.0, 1.0}), rng.chance(0.5) ? "constant" : "edge");
    }
    return m.op(rng.pick({"Relu", "Neg", "Abs", "Identity", "Sigmoid", "Dropout"}), {x});
  }
  switch (rng.below(rank >= 3 ? 7 : 5)) {
    case 0:
      return m.transpose(x, rng.permutation(dims.size()));
    case 1:
      return m.reshape(
          x, rng.chance(0.5) || rank == 0 ? std::vector<std::int64_t>{-1} : std::vector<std::int64_t>{0, -1});
    case 2:
      return m.unsqueeze(x, {rng.range(0, rank)});
    case 3: {
      for (std::int64_t i = 0; i < rank; ++i)
        if (dims[static_cast<std::size_t>(i)] == 1) return m.squeeze(x, {i});
      return m.squeeze(m.unsqueeze(x, {0}), {0});
    }
    case 4: {
      if (rank == 0) throw CannotDraft{};
      const auto a = rng.range(0, rank - 1);
      const std::int64_t n = dims[static_cast<std::size_t>(a)];
      if (n < 1) throw CannotDraft{};
      return m.slice(x, {rng.range(0, n - 1)}, {n}, {a});
    }
    default: {
      std::vector<std::int64_t> kernel(dims.size() - 2, 1), pads(2 * kernel.size());
      for (std::size_t i = 0; i < kernel.size(); ++i) kernel[i] = std::min<std::int64_t>(2, dims[i + 2]);
      for (auto& p : pads) p = *std::min_element(kernel.begin(), kernel.end()) > 1 ? rng.range(0, 1) : 0;
      return m.op("MaxPool", {x},
                  {{.name = "kernel_shape", .value = kernel}, {.name = "pads", .value = pads}});
    }
  }
}

// DQ before, or Q behind, nodes that move elements
void propagation(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  DType t = rng.pick({kU8, kS8});
  const bool usual = m.holds("8-bit-types");
  const bool behind = rng.chance(0.5);
  if (!usual) {
    if (!behind && (m.opset() < 21 || rng.chance(0.3)))
      t = DType::kInt32;
    else if (m.opset() >= 21)
      t = rng.pick({DType::kUint16, DType::kInt16, DType::kInt4, DType::kUint4});
    else
      throw CannotDraft{};
  }
  const Dims dims = m.draw_dims(rng.range(1, 4));
  Grid g = per_tensor(m, t, f);
  if (t == DType::kInt32) g.scales = {rng.uniform(1e-4, 1e-2)};
  if (m.breaks("per-tensor"))
    g = per_axis(m, t, f, dims, rng.range(0, static_cast<std::int64_t>(dims.size()) - 1), rng.chance(0.5));
  if (m.breaks("zeros-given") || (t == DType::kInt32 && rng.chance(0.5))) drop_zeros(g);
  if (m.breaks("positive-scales")) spoil_scales(m, g, behind);
  const bool moves = m.holds("moves-only"), one_path = m.holds("one-path");
  const std::int64_t length = rng.range(1, 3), odd = rng.range(0, length - 1);
  ValueId y = behind ? m.data(f, dims, {.low = -3, .high = 3}) : activation(m, g, dims);
  if (behind && rng.chance(0.7)) y = m.op(rng.pick({"Tanh", "Neg", "Sigmoid", "Abs"}), {y});
  for (std::int64_t i = 0; i < length; ++i) {
    if (!one_path && i == odd) m.result(rng.chance(0.5) ? m.op("Abs", {y}) : passed(m, y, true));
    y = passed(m, y, moves || i != odd);
  }
  if (!behind) {
    if (rng.chance(0.7)) y = m.op(rng.pick({"Tanh", "Neg", "Sigmoid", "Abs"}), {y});
    return m.result(y);
  }
  if (!g.per_tensor()) {
    const Dims& now = m.dims(y);
    const auto at = std::find(now.begin(), now.end(), g.shape[0]);
    if (at == now.end()) throw CannotDraft{};
    g.axis = at - now.begin();
  }
  quantized_result(m, y, g, 0.4);
}

constexpr Guard kSharedGuards[] = {
    {"per-tensor", "there is one scale"},
    {"8-bit-types", "the type is uint8 or int8"},
    {"zeros-given", "the zero point is not left out"},
    {"inner", "the dequantized value is no graph output"},
    {"default-axis", "the axis is the default"},
};

// One DQ with several consumers, some of them followed by Q
void shared(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  DType t = rng.pick({kU8, kS8});
  if (m.breaks("8-bit-types"))
    t = m.opset() >= 21 ? rng.pick({DType::kUint16, DType::kInt16, DType::kInt4, DType::kInt32})
                        : DType::kInt32;
  const std::int64_t n = rng.range(2, 5);
  Dims dims = m.draw_dims(rng.range(2, 3), 2);
  if (rng.chance(0.5)) std::fill(dims.begin(), dims.end(), n);
  const auto rank = static_cast<std::int64_t>(dims.size());
  Grid g = per_tensor(m, t, f);
  const bool moved = m.breaks("default-axis");
  if (m.breaks("per-tensor") || moved) {
    const std::int64_t axis = !moved ? 1 : rng.chance(0.7) ? 0 : rng.pick({rank - 1, -rank});
    g = m.opset() >= 21 && rng.chance(0.35) ? per_block(m, t, f, dims, axis, rng.range(1, 3))
                                            : per_axis(m, t, f, dims, axis, rng.chance(0.5));
  }
  if (t == DType::kInt32)
    for (double& s : g.scales) s = rng.uniform(1e-4, 1e-3);
  if (m.breaks("zeros-given")) drop_zeros(g);
  const ValueId x = rng.chance(0.5) ? activation(m, g, dims)
                                    : dequantize(m, m.constant(draw_integers(m, t, dims, true)), g);
  const std::int64_t readers = rng.range(2, 3);
  for (std::int64_t i = 0; i < readers; ++i) {
    ValueId y = kNoValue;
    switch (rng.below(rank == 2 ? 6 : 4)) {
      case 0:
        y = m.op(rng.pick({"Sigmoid", "Neg", "Relu", "Tanh"}), {x});
        break;
      case 1:
        y = m.op(rng.pick({"Add", "Mul"}), {x, x});
        break;
      case 2:
        y = m.commutative("Add", x, activation(m, per_tensor(m, kU8, f), dims));
        break;
      case 3:
        y = m.transpose(x, rng.permutation(dims.size()));
        break;
      default:
        y = m.op("MatMul", {activation(m, per_tensor(m, kU8, f), {rng.range(1, 3), dims[0]}), x});
        break;
    }
    if (rng.chance(0.5)) y = quantize(m, y, fitting(m, y, t == DType::kInt32 ? kU8 : t));
    m.result(y);
  }
  if (m.breaks("inner")) m.result(x);
}

constexpr Motif motifs[] = {
    {.name = "double-qdq",
     .aims_at = "DoubleQDQPairsRemover",
     .guards = kDoubleGuards,
     .since = 10,
     .build = double_pair},
    {.name = "qdq-propagation",
     .aims_at = "QDQPropagationTransformer",
     .guards = kPropagationGuards,
     .since = 10,
     .build = propagation},
    {.name = "shared-dequantize",
     .aims_at = "EnsureUniqueDQForNodeUnit",
     .guards = kSharedGuards,
     .since = 10,
     .build = shared},
};

}  // namespace

namespace family {
extern const MotifFamily qdq_pairs;
const MotifFamily qdq_pairs = motifs;
}  // namespace family

}  // namespace mob::motifs
