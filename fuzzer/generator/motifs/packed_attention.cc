// Attention over the pixels of an image: one product gives query, key and value, which a Split parts.
#include <cmath>

#include "fuzzer/generator/motifs/motif.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"order", "query, key and value stand in this order"},
    {"scale-scalar", "the scale is a scalar"},
    {"scale-query", "what is scaled is the query"},
    {"softmax-last", "the Softmax is over the last axis"},
    {"turned-keys", "keys are turned by one Transpose, after the axis of 3 is gone"},
    {"no-mask", "nothing is added to the scores"},
    {"heads-joined", "heads are joined in order"},
    {"projected-square", "the projection keeps the size"},
    {"bias-vector", "the projection has one bias per column"},
    {"image-first", "the rows are the pixels of an image"},
};

void packed(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "Softmax");
  const std::int64_t batch = rng.range(1, 2), heads = rng.range(1, 3), size = rng.range(1, 4);
  const std::int64_t hidden = heads * size, side = rng.range(1, 2), rows = 2 * side;
  const ValueRange small = {.low = -1, .high = 1};
  ValueId x = kNoValue;
  if (m.holds("image-first"))
    x = m.transpose(
        m.reshape(m.data(t, {batch, hidden, 2, side}, small), {rng.chance(0.5) ? 0 : batch, hidden, -1}),
        {0, 2, 1});
  else
    x = m.data(t, {batch, rows, hidden}, small);
  ValueId y = m.op("MatMul", {x, m.weight(t, {hidden, 3 * hidden}, small)});
  y = m.reshape(y, {batch, rng.chance(0.7) ? rows : -1, 3, heads, size});
  auto parts = m.split(y, 2, {1, 1, 1});
  if (m.breaks("order")) std::swap(parts[rng.below(2)], parts[2]);
  // [batch, rows, 1, heads, size] to [batch, heads, rows, size]
  const auto turned = [&](ValueId v) { return m.squeeze(m.transpose(v, {2, 0, 3, 1, 4}), {0}); };
  ValueId q = turned(parts[0]), k = kNoValue;
  const ValueId v = turned(parts[2]);
  if (m.holds("turned-keys"))
    k = m.transpose(m.squeeze(parts[1], {2}), {0, 2, 3, 1});
  else
    k = m.transpose(turned(parts[1]), {0, 1, 3, 2});
  const double root = rng.chance(0.7) ? 1 / std::sqrt(static_cast<double>(size)) : rng.pick({1.0, -0.5, 0.1});
  const bool query = m.holds("scale-query");
  const ValueId scale = m.holds("scale-scalar") ? m.scalar(t, root)
                        : query ? m.weight(t, rng.pick({Dims{size}, Dims{heads, 1, 1}}), small)
                                : m.weight(t, {rows}, small);
  (query ? q : k) = m.commutative("Mul", query ? q : k, scale);
  ValueId scores = m.op("MatMul", {q, k});
  if (m.breaks("no-mask")) scores = m.op("Add", {scores, m.data(t, {rows, rows}, {.low = -3, .high = 0})});
  const ValueId weights = m.softmax(scores, m.holds("softmax-last") ? -1 : rng.pick({1, 2}));
  y = m.op("MatMul", {weights, v});
  if (m.holds("heads-joined")) y = m.transpose(y, {0, 2, 1, 3});
  y = m.reshape(y, {batch, rows, hidden});
  const std::int64_t out = m.holds("projected-square") ? hidden : hidden + 1;
  y = m.op("MatMul", {y, m.weight(t, {hidden, out}, small)});
  Dims bias = {out};
  if (m.breaks("bias-vector"))
    bias = rng.pick({Dims{}, Dims{1}, Dims{1, out}, Dims{rows, out}, Dims{batch, 1, out}});
  m.result(m.commutative("Add", y, m.weight(t, bias, small)));
}

constexpr Motif motifs[] = {
    {.name = "packed-attention",
     .aims_at = "AttentionFusion",
     .guards = kGuards,
     .since = 13,
     .build = packed},
};

}  // namespace

namespace family {
extern const MotifFamily packed_attention;
const MotifFamily packed_attention = motifs;
}  // namespace family

}  // namespace mob::motifs
