// Parts of a tensor taken one by one: Gather over a Range is a Slice, Gathers and Slices together are a
// Split.
#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr Guard kRange[] = {
    {"indices-positive", "no index is negative"},
    {"ascending", "the indices ascend"},
    {"step-1", "the indices are consecutive"},
    {"not-empty", "there are indices"},
    {"indices-slot", "the range is the indices, not the data"},
    {"range-computed", "the range is not known before the run"},
};

// A scalar that is known only at run time: a graph input, or computed from one.
ValueId runtime_scalar(MotifBuilder& m, DType t, std::int64_t value) {
  const auto input = [&](Dims dims) {
    return m.builder().leaf(Tensor::of_ints(t, std::move(dims), {value}), Constness::kInput);
  };
  if (m.rng().chance(0.75)) return input({});
  return m.squeeze(input({1}), {0});
}

void range_gather(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t =
      m.dtype({DType::kDouble, DType::kInt32, DType::kInt64, DType::kUint8, DType::kBool}, "Gather");
  const DType index = rng.chance(0.75) ? DType::kInt64 : DType::kInt32;
  const std::int64_t rank = rng.range(1, 3);
  const Dims dims = m.draw_dims(rank, 2);
  const std::int64_t axis = rng.range(0, rank - 1), n = dims[static_cast<std::size_t>(axis)];
  std::int64_t start = rng.range(0, n - 1), count = rng.range(1, n - start), delta = 1;
  if (m.breaks("step-1")) {
    delta = rng.pick({2, 3});
    count = (n - 1 - start) / delta + 1;
  }
  if (m.breaks("not-empty")) count = 0;
  if (m.breaks("ascending")) {
    // Down to 0 as often as not: the end is then -1, which a Slice counts from the back.
    start = rng.range(0, n - 1);
    delta = -delta;
    count = count == 0 ? 0 : rng.chance(0.5) ? start / -delta + 1 : rng.range(1, start / -delta + 1);
  }
  if (m.breaks("indices-positive")) {
    start = rng.chance(0.6) ? start - n : -rng.range(1, n);
    while (count > 1 && (start + (count - 1) * delta < -n || start + (count - 1) * delta >= n)) --count;
  }
  std::int64_t limit = start + count * delta;
  if (std::abs(delta) > 1 && count > 0 && rng.chance(0.5)) limit -= delta > 0 ? 1 : -1;
  // Past the end in either direction there is nothing to gather; Range must not go there.
  const bool computed = m.holds("range-computed");
  std::size_t open = rng.below(3);
  const auto scalar = [&](std::size_t i, std::int64_t value) {
    if (computed && (i == open || rng.chance(0.3))) return runtime_scalar(m, index, value);
    return m.constant(Tensor::of_ints(index, {}, {value}));
  };
  const ValueId from = scalar(0, start), to = scalar(1, limit), by = scalar(2, delta);
  const ValueId r = m.op("Range", {from, to, by});
  if (m.breaks("indices-slot") && count > 0) {
    const std::int64_t i = rng.range(-count, count - 1);
    return finish_with(
        m,
        m.op("Gather", {r, rng.chance(0.5) ? m.ints({i}) : m.scalar(DType::kInt64, static_cast<double>(i))}),
        0.5);
  }
  std::vector<Attribute> attributes;
  if (axis != 0 || rng.chance(0.5))
    attributes.push_back({.name = "axis", .value = maybe_negative(m, axis, rank)});
  finish_with(m, m.op("Gather", {before(m, m.data(t, dims), 0.5), r}, std::move(attributes)), 0.6);
}

constexpr Guard kSplit[] = {
    {"covered", "the parts cover the axis"},
    {"disjoint", "no part is taken twice"},
    {"same-axis", "every part is of one axis"},
    {"step-1", "every slice has step 1"},
    {"one-axis", "every slice is of one axis only"},
    {"gather-slot", "the tensor is the data of every Gather, not its indices"},
    {"index-one", "every Gather has one index"},
    {"no-empty", "no dimension is empty"},
};

void parts(MotifBuilder& m) {
  Rng& rng = m.rng();
  DType t = m.dtype({DType::kDouble, DType::kInt32, DType::kInt64, DType::kBool}, "Split");
  const bool as_index = m.breaks("gather-slot");
  if (as_index) t = DType::kInt64;
  const std::int64_t rank = rng.range(1, 4);
  Dims dims = m.draw_dims(rank, 1, true);
  const std::int64_t axis = rng.range(0, rank - 1);
  std::int64_t& n = dims[static_cast<std::size_t>(axis)];
  n = rng.range(2, 6);
  if (rank > 1 && m.breaks("no-empty")) dims[static_cast<std::size_t>((axis + 1) % rank)] = 0;
  const std::int64_t size = n;
  ValueId x = m.data(t, dims, {.low = 0, .high = 2, .integral = as_index});
  if (!as_index) x = before(m, x);
  // Consecutive parts.
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
  for (std::int64_t at = 0; at < size;) {
    const std::int64_t length = rng.chance(0.5) ? 1 : rng.range(1, size - at);
    ranges.emplace_back(at, at + length);
    at += length;
  }
  if (ranges.size() < 2) ranges = {{0, 1}, {1, size}};
  if (m.breaks("covered"))
    ranges.erase(ranges.begin() + static_cast<std::ptrdiff_t>(rng.below(ranges.size())));
  if (m.breaks("disjoint")) {
    if (rng.chance(0.5))
      ranges.push_back(rng.pick(ranges));
    else
      ranges.emplace_back(0, size);
  }
  rng.shuffle(ranges);
  const bool same_axis = rank == 1 || m.holds("same-axis");
  const bool stepped = m.breaks("step-1"), both_axes = rank > 1 && m.breaks("one-axis");
  const bool single = m.holds("index-one");
  bool odd_done = false;
  for (std::size_t k = 0; k < ranges.size(); ++k) {
    auto [from, to] = ranges[k];
    const bool odd = !odd_done && (k + 1 == ranges.size() || rng.chance(0.4));
    odd_done = odd_done || odd;
    std::int64_t a = axis;
    if (!same_axis && odd) {
      a = (axis + 1) % rank;
      to = std::min(to, std::max(from + 1, dims[static_cast<std::size_t>(a)]));
      from = std::min(from, to - 1);
      if (to > dims[static_cast<std::size_t>(a)]) throw CannotDraft{};
    }
    const std::int64_t along = dims[static_cast<std::size_t>(a)];
    const std::vector<Attribute> attributes = {{.name = "axis", .value = maybe_negative(m, a, rank)}};
    ValueId y;
    if (to - from == 1 && !(odd && (stepped || both_axes)) && (rng.chance(0.7) || (odd && !single))) {
      const std::int64_t i = m.opset() >= 11 && rng.chance(0.3) ? from - along : from;
      if (odd && !single)
        y = m.op("Gather", {x, m.constant(Tensor::ints({i, from}))}, attributes);
      else
        y = m.op("Gather",
                 {x, rng.chance(0.6) ? m.scalar(DType::kInt64, static_cast<double>(i)) : m.ints({i})},
                 attributes);
    } else if (odd && both_axes) {
      const std::int64_t b = (a + 1) % rank, other = dims[static_cast<std::size_t>(b)];
      y = m.slice(x, {from, 0}, {to, std::max<std::int64_t>(0, other - 1)}, {a, b});
    } else if (odd && stepped && m.opset() >= 10) {
      if (rng.chance(0.5))
        y = m.slice(x, {to - 1}, {from == 0 ? INT64_MIN : from - 1}, {a}, {-1});
      else
        y = m.slice(x, {from}, {to}, {a}, {2});
    } else {
      const std::int64_t end = to == along && rng.chance(0.4) ? INT64_MAX : to;
      const std::int64_t begin = from > 0 && rng.chance(0.2) ? from - along : from;
      y = m.slice(
          x, {begin}, {end}, {maybe_negative(m, a, m.opset() >= 10 ? rank : 0)},
          m.opset() >= 10 && rng.chance(0.5) ? std::vector<std::int64_t>{1} : std::vector<std::int64_t>{});
    }
    finish_with(m, y, 0.6);
  }
  if (as_index) m.result(m.op("Gather", {m.data(DType::kFloat, {3, 2}), x}));
}

// --- Concat and Split that undo each other -------------------------------------------------------------

constexpr Guard kUndo[] = {
    {"same-axis", "both are along one axis"},
    {"same-sizes", "the parts have the sizes of what was joined"},
    {"same-order", "the parts are joined in their order"},
    {"all-parts", "every part is there, once"},
};

void undo(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kInt32, DType::kInt64}, "Split");
  const std::int64_t rank = rng.range(1, 3);
  Dims dims = m.draw_dims(rank, 1, false);
  const std::int64_t axis = rng.range(0, rank - 1);
  const auto along = static_cast<std::size_t>(axis);
  std::vector<std::int64_t> sizes;
  for (std::int64_t i = rng.range(2, 3); i > 0; --i) sizes.push_back(rng.range(1, 3));
  const bool square = m.breaks("same-axis");
  std::int64_t total = 0;
  for (auto s : sizes) total += s;
  std::int64_t other = axis;
  if (square) {
    if (rank == 1) throw CannotDraft{};
    other = (axis + 1) % rank;
    dims[static_cast<std::size_t>(other)] = total;
  }
  std::vector<std::int64_t> again = sizes;
  if (m.breaks("same-sizes")) {
    again = {total - 1, 1};
    if (rng.chance(0.5) || again == sizes) again = {1, total - 1};
    if (square) sizes = again;
  }
  if (!square && rng.chance(0.5)) {
    // Joined, then taken apart: by one Split, or by Slices.
    std::vector<ValueId> inputs;
    const bool constants = rng.chance(0.3);
    for (auto s : sizes) {
      dims[along] = s;
      inputs.push_back(constants ? m.weight(t, dims) : before(m, m.data(t, dims), 0.4));
    }
    if (m.breaks("all-parts")) inputs.back() = inputs.front();
    const ValueId joined = m.op("Concat", inputs, {{.name = "axis", .value = maybe_negative(m, axis, rank)}});
    total = m.dims(joined)[along];
    std::int64_t sum = 0;
    for (auto s : again) sum += s;
    if (sum != total) again.back() += total - sum;
    if (again.back() < 1) throw CannotDraft{};
    std::vector<ValueId> made;
    if (rng.chance(0.5)) {
      made = m.split(joined, axis, again);
    } else {
      std::int64_t at = 0;
      for (auto s : again) {
        made.push_back(
            m.slice(joined, {at}, {at + s == total && rng.chance(0.5) ? INT64_MAX : at + s}, {axis}));
        at += s;
      }
    }
    if (m.breaks("same-order")) rng.shuffle(made);
    for (ValueId v : made) finish_with(m, v, 0.5);
    return;
  }
  dims[along] = total;
  if (square) dims[static_cast<std::size_t>(other)] = rng.range(1, 3);
  auto made =
      m.split(before(m, m.data(t, dims)), axis, square ? std::vector<std::int64_t>(2, total / 2) : sizes);
  if (m.breaks("same-order")) std::reverse(made.begin(), made.end());
  if (m.breaks("all-parts")) made.back() = made.front();
  finish_with(m, m.op("Concat", made, {{.name = "axis", .value = maybe_negative(m, other, rank)}}), 0.6);
}

constexpr Motif motifs[] = {
    {.name = "range-gather",
     .aims_at = "GatherToSliceFusion",
     .guards = kRange,
     .since = 11,
     .build = range_gather},
    {.name = "gather-slice-split",
     .aims_at = "GatherSliceToSplitFusion",
     .guards = kSplit,
     .since = 13,
     .build = parts},
    {.name = "concat-split",
     .aims_at = "ConstantFolding;CommonSubexpressionElimination",
     .guards = kUndo,
     .build = undo},
};

}  // namespace

namespace family {
extern const MotifFamily gather_split;
const MotifFamily gather_split = motifs;
}  // namespace family

}  // namespace mob::motifs
