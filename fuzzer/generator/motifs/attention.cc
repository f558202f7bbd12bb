// Self-attention as exporters of transformers spell it out: three projections of a normalized tensor, split
// into heads, a masked Softmax of their products, a projection back, and the residual connection.
#include <cmath>

#include "fuzzer/generator/motifs/motif.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"split-heads", "heads are split off by the usual permutation"},
    {"join-heads", "heads are joined by the usual permutation"},
    {"scale-root", "scores are divided by the root of the heads' size"},
    {"mask-number", "masked scores are lowered by 10000"},
    {"mask-one", "the mask is subtracted from 1"},
    {"mask-of-rows", "the mask is of batch and sequence"},
    {"mask-binary", "the mask is of zeros and ones"},
    {"softmax-last", "the Softmax is over the last axis"},
    {"one-root", "query, key and value come from one tensor"},
    {"bias-of-columns", "biases are vectors"},
    {"weights-square", "weights keep the size"},
    {"residual-root", "what is normalized is added at the end"},
};

void attention(MotifBuilder& m) {
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "LayerNormalization");
  const std::int64_t batch = m.rng().range(1, 3), heads = m.rng().range(1, 3), size = m.rng().range(2, 4);
  const std::int64_t sequence = m.rng().chance(0.3) ? heads : m.rng().range(2, 5), hidden = heads * size;
  const ValueRange range{.low = -2, .high = 2}, small{.low = -1, .high = 1};
  ValueId x = m.data(t, {batch, sequence, hidden}, range);
  if (m.rng().chance(0.6)) x = m.op("Add", {x, m.data(t, {batch, sequence, hidden}, range)});
  const auto normalized = [&](ValueId v) {
    return m.op("LayerNormalization",
                {v, m.weight(t, {hidden}, {.low = 0.2, .high = 2}), m.weight(t, {hidden}, small)},
                {{.name = "axis", .value = std::int64_t{-1}}});
  };
  const ValueId root = normalized(x);
  const auto project = [&](ValueId v, std::int64_t to) {
    const ValueId product = m.op("MatMul", {v, m.weight(t, {m.dims(v).back(), to}, small)});
    Dims bias = {to};
    if (m.breaks("bias-of-columns"))
      bias = m.rng().pick<Dims>({Dims{}, Dims{1}, Dims{1, to}, Dims{1, 1, to}, Dims{sequence, to}});
    return m.op("Add", {product, m.weight(t, bias, small)});
  };
  const auto source = [&] {
    if (m.holds("one-root") || m.rng().chance(0.4)) return root;
    return m.rng().chance(0.5) ? x : normalized(x);
  };
  // [batch, sequence, columns] to [batch, heads, sequence, columns / heads], or its last two axes swapped.
  const auto split = [&](ValueId v, bool swapped) {
    const std::int64_t columns = m.dims(v).back();
    const bool copies = m.rng().chance(0.9);
    if (m.holds("split-heads") || m.rng().chance(0.4)) {
      v = m.reshape(v, {copies ? 0 : batch, copies ? 0 : sequence, heads, columns / heads});
      return m.transpose(
          v, swapped ? std::vector<std::int64_t>{0, 2, 3, 1} : std::vector<std::int64_t>{0, 2, 1, 3});
    }
    // The same shapes from another order of elements.
    if (m.rng().chance(0.5) || swapped) {
      v = m.reshape(v, {batch, heads, sequence, columns / heads});
      return swapped ? m.transpose(v, {0, 1, 3, 2}) : v;
    }
    return m.transpose(m.reshape(v, {batch, sequence, columns / heads, heads}), {0, 3, 1, 2});
  };
  const bool square = m.holds("weights-square");
  const std::int64_t key = square || m.rng().chance(0.5) ? hidden : 2 * hidden;
  const std::int64_t value = square || m.rng().chance(0.3) ? hidden : 2 * hidden;
  const ValueId q = split(project(source(), key), false);
  const ValueId k = split(project(source(), key), true);
  const ValueId v = split(project(source(), value), false);
  ValueId scores = m.op("MatMul", {q, k});
  double root_of_size = std::sqrt(static_cast<double>(key / heads));
  if (m.breaks("scale-root")) root_of_size = m.rng().pick({1.0, 0.5, 3.0});
  scores = m.op("Div", {scores, m.scalar(t, root_of_size)});
  // The mask: 1 where a position counts.
  Dims mask_dims = {batch, sequence};
  std::vector<std::int64_t> first = {1}, second = {2};
  if (m.breaks("mask-of-rows")) {
    if (m.rng().chance(0.5)) {
      mask_dims = {1, sequence};
    } else if (m.rng().chance(0.5) && batch == sequence) {
      first = {1};
      second = {3};
    } else {
      mask_dims = {sequence, sequence};
      first = {0};
      second = {0};
    }
  }
  const bool whole = m.rng().chance(0.5);
  const bool binary = m.holds("mask-binary");
  ValueId mask = m.data(whole ? DType::kInt64 : t, mask_dims,
                        {.low = 0, .high = binary ? 1.0 : 2.0, .integral = whole || binary});
  mask = m.unsqueeze(m.unsqueeze(mask, first), second);
  if (whole || m.rng().chance(0.3)) mask = m.cast(mask, t);
  const double one = m.holds("mask-one") ? 1 : m.rng().pick({0.0, 2.0});
  const double lowered = m.holds("mask-number") ? -10000 : m.rng().pick({-1.0, -3.0, 1.0, -1000.0});
  mask = m.op("Mul", {m.op("Sub", {m.scalar(t, one), mask}), m.scalar(t, lowered)});
  scores = m.rng().chance(0.9) ? m.op("Add", {scores, mask}) : m.op("Add", {mask, scores});
  const ValueId weights = m.softmax(scores, m.holds("softmax-last") ? 3 : m.rng().range(1, 2));
  ValueId y = m.op("MatMul", {weights, v});
  if (m.holds("join-heads"))
    y = m.transpose(y, {0, 2, 1, 3});
  else if (m.rng().chance(0.5))
    y = m.transpose(y, {0, 2, 3, 1});
  y = m.rng().chance(0.9) ? m.reshape(y, {0, 0, value}) : m.reshape(y, {batch, -1, value});
  if (m.dims(y)[1] != sequence) y = m.reshape(y, {batch, sequence, value});
  y = project(y, hidden);
  const ValueId added = m.holds("residual-root") ? root : x;
  m.result(m.rng().chance(0.7) ? m.op("Add", {y, added}) : m.op("Add", {added, y}));
}

constexpr Motif motifs[] = {
    {.name = "attention",
     .aims_at = "MatMulScaleFusion;MatMulAddFusion;AttentionFusion",
     .guards = kGuards,
     .since = 17,
     .build = attention},
};

}  // namespace

namespace family {
extern const MotifFamily attention;
const MotifFamily attention = motifs;
}  // namespace family

}  // namespace mob::motifs
