// Self-attention as exporters of transformers spell it out: three projections of a normalized tensor, split
// into heads, a masked Softmax of their products, a projection back, and the residual connection.
#include <algorithm>
#include <array>
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

// ... and one more.
constexpr auto kSelfGuards = [] {
  std::array<Guard, std::size(kGuards) + 1> guards = {
      Guard{"sizes-open", "batch and sequence are not known"}};
  std::copy(std::begin(kGuards), std::end(kGuards), guards.begin() + 1);
  return guards;
}();

// LayerNormalization over the last axis; below opset 17 by its parts.
ValueId normalized(MotifBuilder& m, ValueId x) {
  const DType t = m.type(x).dtype;
  const std::int64_t hidden = m.dims(x).back();
  const ValueId scale = m.weight(t, {hidden}, {.low = 0.2, .high = 2});
  const ValueId bias = m.weight(t, {hidden}, {.low = -1, .high = 1});
  if (m.opset() >= 17)
    return m.op("LayerNormalization", {x, scale, bias}, {{.name = "axis", .value = std::int64_t{-1}}});
  const ValueId centred = m.op("Sub", {x, m.reduce("ReduceMean", x, {-1}, true)});
  const ValueId squared = m.op("Pow", {centred, m.scalar(t, 2)});
  const ValueId variance = m.reduce("ReduceMean", squared, {-1}, true);
  const ValueId root = m.op("Sqrt", {m.op("Add", {variance, m.scalar(t, 1e-5)})});
  return m.op("Add", {m.op("Mul", {m.op("Div", {centred, root}), scale}), bias});
}

// Attention over the normalized tensor `root` of [batch, sequence, hidden], added to it (`x`: before the
// normalization). The motif has the guards of kGuards, unless `whole`: then nothing is broken.
ValueId attend(MotifBuilder& m, ValueId x, ValueId root, std::int64_t heads, bool whole) {
  const auto holds = [&](std::string_view guard) { return whole || m.holds(guard); };
  const auto breaks = [&](std::string_view guard) { return !holds(guard); };
  const DType t = m.type(root).dtype;
  const std::int64_t batch = m.dims(root)[0], sequence = m.dims(root)[1], hidden = m.dims(root)[2];
  const ValueRange small{.low = -1, .high = 1};
  const auto project = [&](ValueId v, std::int64_t to) {
    const ValueId product = m.op("MatMul", {v, m.weight(t, {m.dims(v).back(), to}, small)});
    Dims bias = {to};
    if (breaks("bias-of-columns"))
      bias = m.rng().pick<Dims>({Dims{}, Dims{1}, Dims{1, to}, Dims{1, 1, to}, Dims{sequence, to}});
    return m.op("Add", {product, m.weight(t, bias, small)});
  };
  const auto source = [&] {
    if (holds("one-root") || m.rng().chance(0.4)) return root;
    return m.rng().chance(0.5) ? x : normalized(m, x);
  };
  // [batch, sequence, columns] to [batch, heads, sequence, columns / heads], or its last two axes swapped.
  const auto split = [&](ValueId v, bool swapped) {
    const std::int64_t columns = m.dims(v).back();
    const bool copies = m.rng().chance(0.9);
    if (holds("split-heads") || m.rng().chance(0.4)) {
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
  const bool square = holds("weights-square");
  const std::int64_t key = square || m.rng().chance(0.5) ? hidden : 2 * hidden;
  const std::int64_t value = square || m.rng().chance(0.3) ? hidden : 2 * hidden;
  const ValueId q = split(project(source(), key), false);
  const ValueId k = split(project(source(), key), true);
  const ValueId v = split(project(source(), value), false);
  ValueId scores = m.op("MatMul", {q, k});
  double root_of_size = std::sqrt(static_cast<double>(key / heads));
  if (breaks("scale-root")) root_of_size = m.rng().pick({1.0, 0.5, 3.0});
  scores = m.op("Div", {scores, m.scalar(t, root_of_size)});
  // The mask: 1 where a position counts.
  Dims mask_dims = {batch, sequence};
  std::vector<std::int64_t> first = {1}, second = {2};
  if (breaks("mask-of-rows")) {
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
  const bool integral = m.rng().chance(0.5);
  const bool binary = holds("mask-binary");
  ValueId mask = m.data(integral ? DType::kInt64 : t, mask_dims,
                        {.low = 0, .high = binary ? 1.0 : 2.0, .integral = integral || binary});
  mask = m.unsqueeze(m.unsqueeze(mask, first), second);
  if (integral || m.rng().chance(0.3)) mask = m.cast(mask, t);
  const double one = holds("mask-one") ? 1 : m.rng().pick({0.0, 2.0});
  const double lowered = holds("mask-number") ? -10000 : m.rng().pick({-1.0, -3.0, 1.0, -1000.0});
  mask = m.op("Mul", {m.op("Sub", {m.scalar(t, one), mask}), m.scalar(t, lowered)});
  scores = m.rng().chance(0.9) ? m.op("Add", {scores, mask}) : m.op("Add", {mask, scores});
  const ValueId weights = m.softmax(scores, holds("softmax-last") ? 3 : m.rng().range(1, 2));
  ValueId y = m.op("MatMul", {weights, v});
  if (holds("join-heads"))
    y = m.transpose(y, {0, 2, 1, 3});
  else if (m.rng().chance(0.5))
    y = m.transpose(y, {0, 2, 3, 1});
  y = m.rng().chance(0.9) ? m.reshape(y, {0, 0, value}) : m.reshape(y, {batch, -1, value});
  if (m.dims(y)[1] != sequence) y = m.reshape(y, {batch, sequence, value});
  y = project(y, hidden);
  const ValueId added = holds("residual-root") ? root : x;
  return m.rng().chance(0.7) ? m.op("Add", {y, added}) : m.op("Add", {added, y});
}

void attention(MotifBuilder& m) {
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "LayerNormalization");
  const std::int64_t batch = m.rng().range(1, 3), heads = m.rng().range(1, 3), size = m.rng().range(2, 4);
  const std::int64_t sequence = m.rng().chance(0.3) ? heads : m.rng().range(2, 5), hidden = heads * size;
  const ValueRange range{.low = -2, .high = 2};
  ValueId x = m.data(t, {batch, sequence, hidden}, range);
  if (m.rng().chance(0.6)) x = m.op("Add", {x, m.data(t, {batch, sequence, hidden}, range)});
  m.result(attend(m, x, normalized(m, x), heads, false));
}

// The same in the form that is fused: the operators before opset 13, batch and sequence not known beforehand
// (else a Gemm is made of each projection first).
void self_attention(MotifBuilder& m) {
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "ReduceMean");
  const std::int64_t batch = m.rng().range(1, 3), heads = m.rng().range(1, 3), size = m.rng().range(2, 4);
  const std::int64_t sequence = m.rng().chance(0.3) ? heads : m.rng().range(2, 5), hidden = heads * size;
  const ValueRange range{.low = -2, .high = 2};
  const ArrayType type = {t, {batch, sequence, hidden}};
  const bool open = m.holds("sizes-open");
  ValueId x = open ? m.open_input(type, {0, 1}, range) : m.data(type, range);
  if (m.rng().chance(0.4)) x = m.op(m.rng().pick({"Neg", "Tanh", "Relu"}), {x});
  m.result(attend(m, x, normalized(m, x), heads, false));
}

constexpr Guard kEmbedGuards[] = {
    {"sizes-open", "batch and sequence are not known"},
    {"positions-counted", "positions are counted from 0 by 1"},
    {"positions-of-ids", "there are as many positions as the identifiers have columns"},
    {"tables-matrices", "the tables are of rank 2"},
    {"gathers-first", "rows are looked up along the first axis"},
    {"order", "words stand first, then positions, then segments"},
    {"ids-matrix", "identifiers are of batch and sequence"},
    {"attended", "an attention reads the normalized sum"},
};

// Embeddings of words, positions and (now and then) segments, summed and normalized, then attention
void embedding(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = DType::kFloat;
  const std::int64_t batch = rng.range(1, 3), heads = rng.range(1, 3), size = rng.range(2, 4);
  const std::int64_t sequence = rng.range(2, 4), hidden = heads * size, words = rng.range(3, 8);
  const ValueRange range{.low = -2, .high = 2};
  const bool open = m.holds("sizes-open");
  const auto identifiers = [&](std::int64_t count) {
    const DType integer = rng.chance(0.7) ? DType::kInt64 : DType::kInt32;
    const ArrayType type = {integer, {batch, sequence}};
    const ValueRange below{.low = 0, .high = static_cast<double>(count - 1), .integral = true};
    return open ? m.open_input(type, {0, 1}, below) : m.data(type, below);
  };
  ValueId ids = identifiers(words);
  if (m.breaks("ids-matrix")) ids = m.squeeze(m.unsqueeze(ids, {0}), {0});
  const auto table = [&](std::int64_t rows) { return m.weight(t, {rows, hidden}, range); };
  ValueId word_table = table(words);
  if (m.breaks("tables-matrices")) word_table = m.squeeze(m.unsqueeze(word_table, {1}), {1});
  const auto look_up = [&](ValueId from, ValueId at) { return m.op("Gather", {from, at}); };
  ValueId word = look_up(word_table, ids);
  if (m.breaks("gathers-first")) {
    const ValueId turned = m.weight(t, {hidden, words}, range);
    word =
        m.transpose(m.op("Gather", {turned, ids}, {{.name = "axis", .value = std::int64_t{1}}}), {1, 2, 0});
  }
  // 0, 1, ... of the second dimension of the identifiers, for each row of them.
  const auto number = [&](std::int64_t n) { return m.constant(Tensor::of_ints(DType::kInt64, {}, {n})); };
  const ValueId columns =
      m.op("Gather", {m.op("Shape", {ids}), number(1)}, {{.name = "axis", .value = std::int64_t{0}}});
  std::int64_t start = 0, step = 1;
  if (m.breaks("positions-counted")) (rng.chance(0.5) ? start : step) = rng.chance(0.8) ? 2 : 1;
  ValueId positions = kNoValue;
  if (m.opset() >= 11 && (start != 0 || step != 1 || rng.chance(0.6))) {
    const ValueId end = step == 1 && start == 0
                            ? columns
                            : m.op("Add", {m.op("Mul", {columns, number(step)}), number(start)});
    positions = m.op("Range", {number(start), end, number(step)});
  } else {
    ValueId ones = m.op("ConstantOfShape", {m.unsqueeze(columns, {0})},
                        {{.name = "value", .value = Tensor::of_ints(DType::kInt64, {1}, {1})}});
    positions = m.squeeze(m.transpose(m.op("NonZero", {ones}), {1, 0}), {1});
    if (rng.chance(0.4)) positions = m.cast(positions, DType::kInt64);
    if (start != 0) positions = m.op("Add", {positions, number(start)});
    if (step != 1) positions = m.op("Mul", {positions, number(step)});
  }
  positions = m.unsqueeze(positions, {0});
  if (m.holds("positions-of-ids")) positions = m.op("Expand", {positions, m.op("Shape", {ids})});
  const ValueId position = look_up(table(2 * sequence + rng.range(1, 3)), positions);
  ValueId sum = m.holds("order") ? m.op("Add", {word, position}) : m.op("Add", {position, word});
  if (rng.chance(0.6)) {
    const ValueId segment = look_up(table(2), identifiers(2));
    sum = m.op("Add", {sum, segment});
  }
  const ValueId root = normalized(m, sum);
  m.result(m.holds("attended") ? attend(m, sum, root, heads, true) : m.op("Neg", {root}));
}

constexpr Motif motifs[] = {
    {.name = "attention",
     .aims_at = "MatMulScaleFusion;MatMulAddFusion",
     .guards = kGuards,
     .since = 13,
     .build = attention},
    {.name = "self-attention",
     .aims_at = "AttentionFusion;LayerNormFusionL2",
     .guards = kSelfGuards,
     .until = 12,
     .build = self_attention},
    {.name = "embed-layer-norm",
     .aims_at = "EmbedLayerNormFusion;AttentionFusion",
     .guards = kEmbedGuards,
     .until = 12,
     .build = embedding},
};

}  // namespace

namespace family {
extern const MotifFamily attention;
const MotifFamily attention = motifs;
}  // namespace family

}  // namespace mob::motifs
