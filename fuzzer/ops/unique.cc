// Unique: of the elements, or of the slices along an axis.
#include <algorithm>
#include <numeric>

#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

// What is compared: `count` items, of which item i consists of the elements start(i) + part[...].
struct Items {
  std::int64_t count = 0, step = 1;
  std::vector<std::int64_t> part = {0};
};

Items items_of(const Inference& inf) {
  const Dims& in = inf.dims(0);
  Items items;
  items.count = element_count(in);
  if (!inf.node().has("axis")) return items;
  const auto axis = static_cast<std::size_t>(Inference::axis(inf.node().int_or("axis", 0), inf.rank(0)));
  if (items.count == 0 && in[axis] != 0) throw Unsupported("Unique of empty slices");
  items.count = in[axis];
  items.step = product(in, axis + 1, in.size());
  items.part.clear();
  if (items.count == 0) return items;
  for (std::int64_t o = 0; o < product(in, 0, axis); ++o)
    for (std::int64_t i = 0; i < items.step; ++i) items.part.push_back(o * items.count * items.step + i);
  return items;
}

// -1, 0 or 1; where bounds overlap there is no order.
int compare(const Expected& x, std::size_t i, std::size_t j) {
  const auto order = [](const auto& a, const auto& b) { return a < b ? -1 : b < a ? 1 : 0; };
  return std::visit(
      [&](const auto& d) {
        using D = std::decay_t<decltype(d)>;
        if constexpr (std::is_same_v<D, Strings>) {
          return order(d[i], d[j]);
        } else if constexpr (std::is_same_v<D, Ints>) {
          if (d.bound(i) != 0 || d.bound(j) != 0) throw Unsupported("Unique of undecided elements");
          if (x.type.dtype == DType::kUint64)
            return order(static_cast<std::uint64_t>(d.v[i]), static_cast<std::uint64_t>(d.v[j]));
          return order(d.v[i], d.v[j]);
        } else {
          if (std::isnan(d.v[i]) || std::isnan(d.v[j])) throw Unsupported("Unique of a NaN");
          const auto e = d.e[i] + d.e[j];
          if (e > 0 && i != j && !(std::fabs(d.v[i] - d.v[j]) > e))
            throw Unsupported("Unique of undecided elements");
          return order(d.v[i], d.v[j]);
        }
      },
      x.data);
}

struct Found {
  std::vector<std::int64_t> first;    // where each unique item stands first, in the order of the output
  std::vector<std::int64_t> inverse;  // for each item, which unique one it is
  std::vector<std::int64_t> counts;
};

Found find(const Inference& inf, const Items& items) {
  const Expected& x = inf.input(0);
  const auto order_of = [&](std::int64_t a, std::int64_t b) {
    for (std::int64_t p : items.part)
      if (const int c = compare(x, a * items.step + p, b * items.step + p)) return c;
    return 0;
  };
  // Stable: of equal items the first stands first.
  std::vector<std::int64_t> order(static_cast<std::size_t>(items.count));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return order_of(a, b) < 0; });
  if (items.count == 1) order_of(0, 0);  // one NaN alone is no more certain
  Found f;
  f.inverse.resize(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || order_of(order[i - 1], order[i]) != 0) {
      f.first.push_back(order[i]);
      f.counts.push_back(0);
    }
    ++f.counts.back();
    f.inverse[order[i]] = static_cast<std::int64_t>(f.first.size()) - 1;
  }
  if (inf.node().int_or("sorted", 1) != 0) return f;
  // In the order of first occurrence.
  std::vector<std::int64_t> rank(f.first.size()), place(f.first.size());
  std::iota(rank.begin(), rank.end(), 0);
  std::sort(rank.begin(), rank.end(), [&](auto a, auto b) { return f.first[a] < f.first[b]; });
  Found g = f;
  for (std::size_t i = 0; i < rank.size(); ++i) {
    g.first[i] = f.first[rank[i]];
    g.counts[i] = f.counts[rank[i]];
    place[rank[i]] = static_cast<std::int64_t>(i);
  }
  for (auto& i : g.inverse) i = place[i];
  return g;
}

void infer(Inference& inf) {
  const Items items = items_of(inf);
  const auto n = static_cast<std::int64_t>(find(inf, items).first.size());
  Dims out = inf.dims(0);
  if (inf.node().has("axis"))
    out[Inference::axis(inf.node().int_or("axis", 0), inf.rank(0))] = n;
  else
    out = {n};
  inf.set_output(0, {inf.type(0).dtype, out});
  inf.set_output(1, {DType::kInt64, {n}});
  inf.set_output(2, {DType::kInt64, {items.count}});
  inf.set_output(3, {DType::kInt64, {n}});
}

void evaluate(Evaluation& ev) {
  const Items items = items_of(ev);
  const Found f = find(ev, items);
  const auto n = static_cast<std::int64_t>(f.first.size());
  for (std::int64_t i = 0; i < n; ++i)
    for (std::int64_t p : items.part) {
      // `part` counts positions with all items in place; the output has n of them.
      const std::int64_t outer = p / (items.count * items.step), within = p % (items.count * items.step);
      copy_element(ev.input(0), static_cast<std::size_t>(f.first[i] * items.step + p), ev.output(),
                   static_cast<std::size_t>((outer * n + i) * items.step + within));
    }
  const std::vector<std::int64_t>* lists[] = {&f.first, &f.inverse, &f.counts};
  for (std::size_t i = 1; i < std::min<std::size_t>(ev.output_count(), 4); ++i)
    ev.out_ints(i).v = *lists[i - 1];
}

bool draft(Draft& d) {
  const ValueRange few = {.low = -2, .high = 2, .integral = true};
  const ArrayType x = d.input({.types = drawable(d, "T", kMovable), .min_rank = 1, .range = few});
  if (d.rng().chance(0.5)) d.attribute("axis", draw_axis(d, static_cast<std::int64_t>(x.rank())));
  if (d.rng().chance(0.6)) d.attribute("sorted", d.rng().range(0, 1));
  d.outputs(static_cast<std::size_t>(d.rng().range(1, 4)));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Unique", .since = 11, .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family unique = specs;
}

}  // namespace mob::ops
