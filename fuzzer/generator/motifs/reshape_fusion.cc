// Runs of Reshape, Squeeze and Unsqueeze, and shapes that are computed from Shape only to be reshaped to.
#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr Guard kChain[] = {
    {"no-empty", "no dimension is empty"},
    {"numbers", "the shapes hold neither 0 (copy) nor -1 (inferred)"},
    {"links", "every link is Reshape, Squeeze or Unsqueeze"},
    {"shape-known", "no shape of a link is computed at run time"},
    {"dims-known", "the dimensions of the first value are known"},
};

// A Reshape to these dimensions, said in one of the ways that mean it.
ValueId reshape_to(MotifBuilder& m, ValueId x, const Dims& to, bool numbers, bool live) {
  Rng& rng = m.rng();
  const Dims from = m.dims(x);
  const auto empty = std::count(to.begin(), to.end(), 0);
  Dims shape = to;
  bool allow_zero = false;
  if (empty > 0) {
    bool copies = true;
    for (std::size_t i = 0; i < to.size(); ++i)
      copies = copies && (to[i] != 0 || (i < from.size() && from[i] == 0));
    const bool allowed = m.opset() >= 14, inferred = empty == 1;
    if (allowed && (rng.chance(0.6) || !(copies || inferred)))
      allow_zero = true;
    else if (inferred && (rng.chance(0.5) || !copies))
      std::replace(shape.begin(), shape.end(), std::int64_t{0}, std::int64_t{-1});
    else if (!copies)
      throw CannotDraft{};
  } else if (!numbers) {
    for (std::size_t i = 0; i < to.size(); ++i)
      if (i < from.size() && from[i] == to[i] && rng.chance(0.5)) shape[i] = 0;
    if (!shape.empty() && rng.chance(0.6)) shape[rng.below(shape.size())] = -1;
  }
  if (!allow_zero && empty == 0 && m.opset() >= 14 && rng.chance(0.15))
    allow_zero = std::count(shape.begin(), shape.end(), 0) == 0;
  std::vector<Attribute> attributes;
  if (allow_zero) attributes.push_back({.name = "allowzero", .value = std::int64_t{1}});
  if (!live) return m.op("Reshape", {x, m.ints(shape)}, std::move(attributes));
  // Out of a node: its edge must go on to whatever replaces the Reshape.
  ValueId s;
  if (rng.chance(0.4))
    s = m.op("Shape", {hide_dims(m, m.data(DType::kFloat, to))});
  else if (rng.chance(0.5))
    s = m.cast(
        m.builder().leaf(Tensor::of_ints(DType::kInt32, {static_cast<std::int64_t>(shape.size())}, shape),
                         Constness::kInput),
        DType::kInt64);
  else
    s = m.builder().leaf(Tensor::ints(shape), Constness::kInput);
  return m.op("Reshape", {x, s}, std::move(attributes));
}

ValueId other_link(MotifBuilder& m, ValueId x) {
  Rng& rng = m.rng();
  const auto rank = static_cast<std::int64_t>(m.dims(x).size());
  switch (rng.below(5)) {
    case 0:
      return m.op("Flatten", {x}, {{.name = "axis", .value = rng.range(0, rank)}});
    case 1:
      return m.transpose(x, rng.permutation(static_cast<std::size_t>(rank)));
    case 2:
      return m.op("Identity", {x});
    case 3:
      return m.op("Dropout", {x});
    default:
      return m.op("Expand", {x, m.ints(m.dims(x).empty() ? Dims{1} : m.dims(x))});
  }
}

ValueId link(MotifBuilder& m, ValueId x, bool numbers, bool live) {
  Rng& rng = m.rng();
  const Dims& d = m.dims(x);
  const auto rank = static_cast<std::int64_t>(d.size());
  std::vector<std::int64_t> ones;
  for (std::int64_t i = 0; i < rank; ++i)
    if (d[static_cast<std::size_t>(i)] == 1) ones.push_back(i);
  if (!live && !ones.empty() && rng.chance(0.35)) {
    if (rng.chance(0.15)) return m.op("Squeeze", {x});
    rng.shuffle(ones);
    ones.resize(static_cast<std::size_t>(rng.range(1, static_cast<std::int64_t>(ones.size()))));
    if (m.opset() < 11) std::sort(ones.begin(), ones.end());
    for (auto& a : ones) a = maybe_negative(m, a, m.opset() >= 11 ? rank : 0);
    return m.squeeze(x, ones);
  }
  if (!live && rank < 4 && rng.chance(0.3)) {
    std::vector<std::int64_t> axes = {rng.range(0, rank)};
    if (rng.chance(0.25)) axes = {rng.range(0, rank), rank + 1};
    const auto to = rank + static_cast<std::int64_t>(axes.size());
    if (m.opset() >= 11)
      for (auto& a : axes) a = maybe_negative(m, a, to);
    return m.unsqueeze(x, axes);
  }
  return reshape_to(m, x, factors(m, m.type(x).count()), numbers, live);
}

void reshape_chain(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t =
      m.dtype({DType::kDouble, DType::kInt32, DType::kInt64, DType::kBool, DType::kFloat16}, "Reshape");
  const bool empty = m.breaks("no-empty");
  Dims dims = m.draw_dims(rng.range(1, 4), 1, false);
  if (empty) dims[rng.below(dims.size())] = 0;
  ValueId x = before(m, m.data(t, dims), 0.4);
  if (m.breaks("dims-known")) x = hide_dims(m, x);
  const bool numbers = m.holds("numbers");
  const std::int64_t links = rng.chance(0.7) ? 2 : rng.range(3, 4);
  const std::int64_t odd = m.holds("links") ? -1 : rng.range(0, links - 1);
  const std::int64_t live = m.holds("shape-known") ? -1 : rng.range(0, links - 2);
  for (std::int64_t i = 0; i < links; ++i) x = i == odd ? other_link(m, x) : link(m, x, numbers, i == live);
  finish_with(m, x, 0.5);
}

constexpr Guard kSubgraph[] = {
    {"index-in-place", "item i of the shape is dimension i of the root"},
    {"same-root", "Shape reads what is reshaped"},
    {"whole-shape", "Shape gives all dimensions"},
    {"allowzero-0", "a 0 in the shape would copy"},
    {"no-empty", "no dimension is empty"},
    {"one-computed", "one item at most is computed otherwise"},
    {"index-scalar", "the Gather index is a scalar, its result unsqueezed at 0"},
    {"dims-open", "the root's dimensions are not known before the run"},
};

// Element i of a shape as a scalar, sliced out.
ValueId sliced_item(MotifBuilder& m, ValueId shape, std::int64_t i, std::int64_t rank) {
  const bool last = i == rank - 1 && m.rng().chance(0.4);
  const ValueId s = last ? m.slice(shape, {-1}, {INT64_MAX}, {0}) : m.slice(shape, {i}, {i + 1}, {0});
  return m.squeeze(s, {0});
}

void reshape_subgraph(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kInt32, DType::kInt64}, "Reshape");
  const std::int64_t rank = rng.range(2, 4);
  Dims dims = m.draw_dims(rank, 1);
  std::int64_t kept = rng.range(1, rank - 1);
  const bool two = m.breaks("one-computed");
  if (two) kept = rank - 2;
  const bool empty = m.breaks("no-empty") && kept > 0;
  if (empty) dims[rng.below(static_cast<std::uint64_t>(kept))] = 0;
  ValueId root = m.data(t, dims);
  if (m.holds("dims-open")) root = hide_dims(m, root);
  std::int64_t start = 0;
  if (m.opset() >= 15 && m.breaks("whole-shape")) start = 1;
  // Which dimension each of the first items is.
  std::vector<std::int64_t> index;
  for (std::int64_t i = 0; i < kept; ++i) index.push_back(std::min(i + start, rank - 1));
  bool in_place = start == 0;
  if (kept > 0 && m.breaks("index-in-place")) {
    in_place = false;
    const auto order = rng.permutation(static_cast<std::size_t>(rank));
    for (std::int64_t i = 0; i < kept; ++i)
      index[static_cast<std::size_t>(i)] = std::max(order[static_cast<std::size_t>(i)], start);
    if (rng.chance(0.2)) index = {rank - 1};
    kept = static_cast<std::int64_t>(index.size());
  }
  ValueId measured = root, reshaped = root;
  if (m.breaks("same-root")) {
    switch (rng.below(3)) {
      case 0:
        reshaped = m.transpose(root, rng.permutation(static_cast<std::size_t>(rank)));
        break;
      case 1:
        reshaped = m.reshape(root, factors(m, m.type(root).count(), 1));
        break;
      default:
        measured = hide_dims(m, m.data(DType::kFloat, dims));
        break;
    }
  }
  std::vector<Attribute> part;
  if (start != 0) part.push_back({.name = "start", .value = start});
  const bool shared = rng.chance(0.4);
  ValueId one_shape = kNoValue;
  const auto shape_of = [&](bool whole) {
    if (whole) return m.op("Shape", {measured});
    if (!shared) return m.op("Shape", {measured}, part);
    if (one_shape == kNoValue) one_shape = m.op("Shape", {measured}, part);
    return one_shape;
  };
  std::vector<ValueId> items;
  std::int64_t taken = 1;
  const bool scalar_index = kept == 0 || m.holds("index-scalar");
  for (std::int64_t i = 0; i < kept; ++i) {
    const std::int64_t d = index[static_cast<std::size_t>(i)];
    taken *= dims[static_cast<std::size_t>(d)];
    std::int64_t at = d - start;
    if (!scalar_index && rng.chance(0.5)) {
      const bool negative = m.opset() >= 11 && rng.chance(0.5);
      items.push_back(m.op("Gather", {shape_of(false), m.ints({negative ? d - rank : at})}));
      continue;
    }
    if (m.opset() >= 11 && rng.chance(0.05)) at = d - rank;
    const ValueId g = m.op("Gather", {shape_of(false), m.scalar(DType::kInt64, static_cast<double>(at))});
    const auto g_rank = static_cast<std::int64_t>(m.dims(g).size());
    if (g_rank == 1)
      items.push_back(g);
    else if (g_rank == 0)
      items.push_back(m.unsqueeze(g, {!scalar_index && m.opset() >= 11 ? -1 : 0}));
    else
      throw CannotDraft{};
  }
  const std::int64_t count = m.type(root).count();
  std::int64_t rest = 1;
  if (empty) {
    for (std::int64_t i = kept; i < rank; ++i)
      rest *= std::max<std::int64_t>(1, dims[static_cast<std::size_t>(i)]);
  } else {
    if (taken == 0 || count % taken != 0) throw CannotDraft{};
    rest = count / taken;
  }
  if (two && in_place) {
    for (std::int64_t i = rank - 2; i < rank; ++i)
      items.push_back(m.unsqueeze(sliced_item(m, shape_of(true), i, rank), {0}));
  } else if (in_place && kept == rank - 1 && rng.chance(0.35)) {
    // The last dimension, divided by a constant that follows or comes first.
    ValueId item = sliced_item(m, shape_of(true), rank - 1, rank);
    std::int64_t divisor = 1;
    for (std::int64_t p : {2, 3, 5})
      if (rest % p == 0) divisor = p;
    item = m.op("Div", {item, m.scalar(DType::kInt64, static_cast<double>(divisor))});
    if (!m.dims(item).empty()) throw CannotDraft{};
    items.push_back(m.unsqueeze(item, {0}));
    const ValueId c = m.ints({divisor});
    items.insert(items.end() - (rng.chance(0.5) ? 1 : 0), c);
  } else if (in_place && kept == rank - 2 && rng.chance(0.35)) {
    const ValueId a = sliced_item(m, shape_of(true), rank - 2, rank);
    const ValueId b = sliced_item(m, shape_of(true), rank - 1, rank);
    items.push_back(m.unsqueeze(m.op("Mul", {a, b}), {0}));
  } else {
    Dims tail = factors(m, rest, 1);
    if (!empty && rng.chance(0.6)) (rng.chance(0.7) ? tail.back() : tail[rng.below(tail.size())]) = -1;
    if (rng.chance(0.7)) {
      items.push_back(m.ints(tail));
    } else {
      for (auto n : tail) items.push_back(m.ints({n}));
    }
  }
  const ValueId shape = m.op("Concat", items, {{.name = "axis", .value = std::int64_t{0}}});
  std::vector<Attribute> attributes;
  if (m.opset() >= 14 && m.breaks("allowzero-0"))
    attributes.push_back({.name = "allowzero", .value = std::int64_t{1}});
  finish_with(m, m.op("Reshape", {reshaped, shape}, std::move(attributes)), 0.5);
}

constexpr Motif motifs[] = {
    {.name = "reshape-chain", .aims_at = "ReshapeFusion", .guards = kChain, .build = reshape_chain},
    {.name = "reshape-subgraph", .aims_at = "ReshapeFusion", .guards = kSubgraph, .build = reshape_subgraph},
};

}  // namespace

namespace family {
extern const MotifFamily reshape_fusion;
const MotifFamily reshape_fusion = motifs;
}  // namespace family

}  // namespace mob::motifs
