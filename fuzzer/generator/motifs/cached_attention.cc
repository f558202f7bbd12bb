// Rotary embedding and attention over cached keys and values, spelled out.
#include <cmath>

#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr DTypeSet kTypes = {DType::kDouble, DType::kFloat16};

constexpr Guard kRotaryGuards[] = {
    {"half", "the halves are equal"},
    {"second-negated", "the second half is negated and comes first"},
    {"same-tensor", "cosine and sine belong to one tensor"},
    {"tables-alike", "cosine and sine have one shape"},
    {"heads-axis", "the heads stand before the sequence"},
    {"whole", "every column is rotated"},
};

// x cos + rotate(x) sin, rotate: halves swapped, the second negated; or pairs of neighbours
void rotary(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "Concat");
  const std::int64_t batch = rng.range(1, 2), heads = rng.range(1, 3), sequence = rng.range(1, 4);
  const std::int64_t half = rng.range(1, 3), size = 2 * half;
  const bool heads_first = m.holds("heads-axis");
  Dims dims = heads_first ? Dims{batch, heads, sequence, size} : Dims{batch, sequence, heads, size};
  const std::int64_t passed = m.holds("whole") ? 0 : rng.range(1, 2);
  dims.back() += passed;
  ValueId x = m.data(t, dims);
  ValueId rest = kNoValue;
  if (passed > 0) {
    rest = m.slice(x, {size}, {INT64_MAX}, {3});
    x = m.slice(x, {0}, {size}, {3});
  }
  const std::int64_t cut = m.holds("half") || size < 3 ? half : half == 1 ? 1 : half - 1;
  if (cut == half && half == 1 && m.breaks("half")) throw CannotDraft{};
  const bool negated = m.holds("second-negated");
  const ValueId from = m.holds("same-tensor") ? x : m.data(t, m.dims(x));
  ValueId turned = kNoValue;
  const auto join = [&](ValueId a, ValueId b, std::int64_t axis) {
    return m.op("Concat", {a, b}, {{.name = "axis", .value = axis}});
  };
  if (rng.chance(0.3) && cut == half) {
    // Neighbours: [.., half, 2]
    Dims pairs = m.dims(x);
    pairs.back() = half;
    pairs.push_back(2);
    const ValueId p = m.reshape(from, pairs);
    const ValueId even = m.slice(p, {0}, {1}, {4}), odd = m.slice(p, {1}, {2}, {4});
    turned = negated ? join(m.op("Neg", {odd}), even, -1) : join(even, m.op("Neg", {odd}), -1);
    turned = m.reshape(turned, m.dims(x));
  } else {
    ValueId first, second;
    if (rng.chance(0.5)) {
      const auto parts = m.split(from, 3, {cut, size - cut});
      first = parts[0], second = parts[1];
    } else {
      first = m.slice(from, {0}, {cut}, {3});
      second = m.slice(from, {cut}, {INT64_MAX}, {3});
    }
    turned = negated ? join(m.op("Neg", {second}), first, -1) : join(second, m.op("Neg", {first}), -1);
  }
  Dims table = heads_first ? Dims{1, 1, sequence, size} : Dims{1, sequence, 1, size};
  const ValueRange unit = {.low = -1, .high = 1};
  // Now and then the rows of a larger table, by their positions.
  const bool looked_up = heads_first && rng.chance(0.4);
  const ValueId rows =
      looked_up ? m.data(DType::kInt64, {sequence}, {.low = 0, .high = 6, .integral = true}) : kNoValue;
  const auto factor = [&](const Dims& d) {
    return looked_up ? m.op("Gather", {m.weight(t, {7, size}, unit), rows}) : m.weight(t, d, unit);
  };
  const ValueId cos = factor(table);
  if (m.breaks("tables-alike")) {
    if (looked_up) throw CannotDraft{};
    table = {size};
  }
  const ValueId sin = factor(table);
  ValueId y = m.op("Add", {m.commutative("Mul", x, cos), m.commutative("Mul", turned, sin)});
  if (rest != kNoValue) y = join(y, rest, -1);
  finish_with(m, y, 0.4);
}

constexpr Guard kCacheGuards[] = {
    {"joined-along-sequence", "new keys and values are joined along the sequence"},
    {"past-first", "the past stands first"},
    {"scale-root", "scores are scaled by the root of the heads' size"},
    {"softmax-last", "the Softmax is over the keys"},
    {"groups-in-a-row", "heads of a group stand in a row"},
    {"mask-added", "the mask is added to the scores"},
    {"cache-kept", "keys and values with their past are outputs"},
};

// softmax(q k' / sqrt(d) + mask) v, keys and values joined to their past; heads share them in groups
void cached(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "Softmax");
  const std::int64_t batch = rng.range(1, 2), kv = rng.range(1, 2), group = rng.range(1, 3),
                     size = rng.range(2, 4);
  const std::int64_t past = rng.range(1, 3), now = rng.range(1, 3), heads = kv * group;
  const ValueRange range = {.low = -1.5, .high = 1.5};
  const bool along = m.holds("joined-along-sequence"), first = m.holds("past-first");
  const bool in_a_row = m.holds("groups-in-a-row"), kept = m.holds("cache-kept");
  if (!in_a_row && (group == 1 || kv == 1)) throw CannotDraft{};
  const auto with_past = [&](std::int64_t columns) {
    ValueId fresh = m.data(t, {batch, now, kv * columns}, range);
    fresh = m.transpose(m.reshape(fresh, {batch, now, kv, columns}), {0, 2, 1, 3});
    std::vector<ValueId> parts = {m.data(t, {batch, kv, along ? past : now, columns}, range), fresh};
    if (!first) std::swap(parts[0], parts[1]);
    ValueId all =
        m.op("Concat", parts, {{.name = "axis", .value = along ? std::int64_t{2} : std::int64_t{0}}});
    if (!along) all = m.slice(all, {0}, {batch}, {0});
    if (kept) m.result(all);
    const std::int64_t rows = m.dims(all)[2];
    if (group > 1 || rng.chance(0.3)) {
      all = m.unsqueeze(all, {in_a_row ? 2 : 1});
      const Dims wide =
          in_a_row ? Dims{batch, kv, group, rows, columns} : Dims{batch, group, kv, rows, columns};
      all = rng.chance(0.7)
                ? m.op("Expand", {all, m.ints(wide)})
                : m.op("Tile", {all, m.ints(in_a_row ? Dims{1, 1, group, 1, 1} : Dims{1, group, 1, 1, 1})});
      all = m.reshape(all, {batch, heads, rows, columns});
    }
    return all;
  };
  ValueId q = m.transpose(m.reshape(m.data(t, {batch, now, heads * size}, range), {batch, now, heads, size}),
                          {0, 2, 1, 3});
  const ValueId k = with_past(size), v = with_past(rng.chance(0.7) ? size : size + 1);
  const double root = m.holds("scale-root") ? 1 / std::sqrt(static_cast<double>(size))
                                            : rng.pick({1.0, 0.1, 1.0 / static_cast<double>(size)});
  const auto place = rng.below(3);
  if (place == 0) q = m.op("Mul", {q, m.scalar(t, root)});
  ValueId turned = m.transpose(k, {0, 1, 3, 2});
  if (place == 1) turned = m.op("Mul", {turned, m.scalar(t, root)});
  ValueId scores = m.op("MatMul", {q, turned});
  if (place == 2)
    scores = rng.chance(0.5) ? m.op("Div", {scores, m.scalar(t, 1 / root)})
                             : m.op("Mul", {scores, m.scalar(t, root)});
  const std::int64_t total = m.dims(k)[2];
  if (rng.chance(0.7)) {
    const Dims mask = rng.pick({Dims{now, total}, Dims{1, 1, now, total}, Dims{batch, 1, 1, total}});
    if (m.holds("mask-added"))
      scores = m.op("Add", {scores, m.data(t, mask, {.low = -4, .high = 0, .integral = true})});
    else
      scores = m.op("Where", {m.data(DType::kBool, mask), scores, m.scalar(t, -100)});
  }
  const ValueId y = m.op("MatMul", {m.softmax(scores, m.holds("softmax-last") ? 3 : rng.range(1, 2)), v});
  m.result(m.reshape(m.transpose(y, {0, 2, 1, 3}), {batch, now, -1}));
}

constexpr Motif motifs[] = {
    {.name = "rotary", .aims_at = "", .guards = kRotaryGuards, .build = rotary},
    {.name = "cached-attention",
     .aims_at = "MatMulScaleFusion;MatmulTransposeFusion",
     .guards = kCacheGuards,
     .build = cached},
};

}  // namespace

namespace family {
extern const MotifFamily cached_attention;
const MotifFamily cached_attention = motifs;
}  // namespace family

}  // namespace mob::motifs
