// Pairs that go off a grid and straight back onto it, and signed pairs that unsigned kernels want otherwise.
#include "fuzzer/generator/motifs/qdq.h"

namespace mob::motifs {
namespace {

constexpr Guard kBackGuards[] = {
    {"pair-alike", "both nodes have the same scale and zero point"},
    {"type-kept", "what comes out has the type of what goes in"},
    {"per-tensor", "there is one scale"},
    {"zeros-given", "no zero point is left out"},
    {"direct", "no other node stands between"},
    {"one-reader", "the integers that go in are read once"},
};

// y = Q(DQ(x)) of integers, now and then with a Relu between that the grid makes needless: other passes take
// the bare pair first, and leave that one.
void back(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  std::vector<DType> types = {DType::kUint8, DType::kInt8};
  if (m.opset() >= 21) types.insert(types.end(), {DType::kUint16, DType::kInt16, DType::kUint8});
  const DType t = rng.pick(types);
  DType out = t;
  if (m.breaks("type-kept"))
    while (out == t) out = rng.pick(types);
  const Dims dims = m.draw_dims(rng.range(1, 4));
  const auto rank = static_cast<std::int64_t>(dims.size());
  Grid g = per_tensor(m, t, f);
  if (m.breaks("per-tensor")) {
    if (m.opset() < 13) throw CannotDraft{};
    g = per_axis(m, t, f, dims, rng.range(0, rank - 1), rng.chance(0.5));
  }
  const bool direct = m.holds("direct"), relu = direct && rng.chance(0.6);
  if (relu)
    for (auto& z : g.zeros) z = int_min(t);
  const bool zeros = m.holds("zeros-given");
  if (!zeros && t != out) throw CannotDraft{};
  if (!zeros) drop_zeros(g);
  Placed first = place(m, g), second = first;
  if (out != t) {
    Grid other = per_tensor(m, out, f);
    second = place(m, other);
  } else if (m.breaks("pair-alike")) {
    Grid near = g;
    if (!near.zeros.empty() && rng.chance(0.5))
      for (auto& z : near.zeros) z = z < int_max(t) ? z + 1 : z - 1;
    else
      for (double& s : near.scales) s *= rng.pick({0.5, 2.0, 1.02, 0.98});
    second = place(m, near);
  } else if (rng.chance(0.4)) {
    second = place(m, g);  // the same numbers by other names
  }
  ValueId x = m.data(t, dims);
  if (rng.chance(0.2)) {
    if (!g.per_tensor()) throw CannotDraft{};
    x = m.reshape(x, {-1});
  }
  if (m.breaks("one-reader")) m.result(rng.chance(0.5) ? m.cast(x, DType::kInt32) : m.op("Identity", {x}));
  ValueId y = dequantize(m, x, first);
  if (relu) y = m.op("Relu", {y});
  if (!direct) y = m.op(rng.pick({"Neg", "Abs", "Sigmoid", "Identity"}), {y});
  y = quantize(m, y, second);
  if (rng.chance(0.5)) y = rng.chance(0.5) ? m.reshape(y, {-1}) : dequantize(m, y, second);
  m.result(y);
}

constexpr Guard kSignedGuards[] = {
    {"int8", "the integers are int8"},
    {"pair-alike", "both nodes have the same scale and zero point"},
    {"per-tensor", "there is one scale"},
    {"zeros-given", "no zero point is left out"},
    {"positive-scales", "scales are positive and of moderate size"},
    {"one-reader", "what is quantized is read once"},
};

// DQ(Q(x)) of int8, and DQ of an int8 constant, before a plain operator
void signed_pair(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  const DType t = m.holds("int8") ? DType::kInt8 : m.opset() >= 21 ? DType::kInt16 : DType::kUint8;
  const Dims dims = m.draw_dims(rng.range(1, 3));
  const auto rank = static_cast<std::int64_t>(dims.size());
  Grid g = per_tensor(m, t, f);
  if (m.breaks("per-tensor")) {
    if (m.opset() < 13) throw CannotDraft{};
    g = per_axis(m, t, f, dims, rng.range(0, rank - 1), rng.chance(0.5));
  }
  if (m.breaks("zeros-given")) {
    if (t == DType::kUint8) throw CannotDraft{};
    drop_zeros(g);
  }
  const bool constant = rng.chance(0.3);
  if (m.breaks("positive-scales")) spoil_scales(m, g, !constant);
  const Placed first = place(m, g);
  Placed second = first;
  if (m.breaks("pair-alike")) {
    if (constant) throw CannotDraft{};
    Grid near = g;
    if (!near.zeros.empty() && rng.chance(0.5))
      for (auto& z : near.zeros) z = z > int_min(t) ? z - 1 : z + 1;
    else
      for (double& s : near.scales) s *= rng.pick({0.5, 2.0});
    second = place(m, near);
  }
  const ValueId q = constant ? m.constant(draw_integers(m, t, dims, true, rng.chance(0.3)))
                    : g.zeros.empty() && t != DType::kUint8
                        ? m.data(t, dims)  // without a zero point QuantizeLinear gives uint8
                        : quantize(m, m.data(f, dims, {.low = -3, .high = 3}), first);
  if (m.breaks("one-reader")) m.result(rng.chance(0.5) ? m.cast(q, DType::kInt32) : dequantize(m, q, first));
  const ValueId y = dequantize(m, q, second);
  m.result(rng.chance(0.5) ? m.op(rng.pick({"Sin", "Neg", "Tanh", "Abs"}), {y})
                           : m.commutative("Add", y, m.data(f, dims)));
}

constexpr Motif motifs[] = {
    {.name = "dequantize-quantize",
     .aims_at = "QDQFinalCleanupTransformer",
     .guards = kBackGuards,
     .since = 10,
     .build = back},
    {.name = "signed-pair",
     .aims_at = "QDQS8ToU8Transformer",
     .guards = kSignedGuards,
     .since = 10,
     .build = signed_pair},
};

}  // namespace

namespace family {
extern const MotifFamily qdq_cleanup;
const MotifFamily qdq_cleanup = motifs;
}  // namespace family

}  // namespace mob::motifs
