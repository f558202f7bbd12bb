// TopK: the k largest or smallest elements of each line, of equals the first.
#include <algorithm>

#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

using Real = long double;  // holds every element type exactly, 64-bit integers too

struct Plan {
  std::int64_t axis = 0, k = 0;
  Dims out;
};

Plan plan(const Inference& inf) {
  Plan p;
  p.axis = Inference::axis(inf.node().int_or("axis", -1), inf.rank(0));
  // An attribute before opset 10.
  if (inf.opset() >= 10) {
    const auto k = inf.ints(1);
    if (k.size() != 1) throw InvalidNode("K holds one number");
    p.k = k[0];
  } else {
    p.k = inf.node().int_or("k", -1);
  }
  p.out = inf.dims(0);
  auto& size = p.out[static_cast<std::size_t>(p.axis)];
  if (p.k < 0 || p.k > size)
    throw InvalidNode("k is " + std::to_string(p.k) + " on an axis of " + std::to_string(size));
  size = p.k;
  return p;
}

void infer(Inference& inf) {
  const Plan p = plan(inf);
  inf.set_output(0, {inf.type(0).dtype, p.out});
  inf.set_output(1, {DType::kInt64, p.out});
}

// An element's value, or an end of its interval, with its place on the line.
struct Entry {
  Real v;
  std::int64_t at;
  // Larger ones first, of equals the one in front.
  bool operator<(const Entry& o) const { return v != o.v ? v > o.v : at < o.at; }
};

// One line, in the order in which the elements are taken ("smallest" is seen as largest by a change of sign).
struct Line {
  std::vector<Entry> values, lows, highs;
  bool exact = true, nan = false;

  Line(const Reals<Real>& x, std::span<const std::int64_t> set, Real sign) {
    for (std::size_t i = 0; i < set.size(); ++i) {
      const Approx<Real> a = x[static_cast<std::size_t>(set[i])];
      const auto at = static_cast<std::int64_t>(i);
      nan = nan || std::isnan(a.v);
      exact = exact && a.e == 0;
      values.push_back({sign * a.v, at});
      lows.push_back({a.open() ? -kInfinity<Real> : sign * a.v - a.e, at});
      highs.push_back({a.open() ? kInfinity<Real> : sign * a.v + a.e, at});
    }
    if (nan) return;
    const std::vector<Entry> unsorted_lows = lows, unsorted_highs = highs;
    for (auto* entries : {&values, &lows, &highs}) std::sort(entries->begin(), entries->end());
    if (exact) return;
    // Certainly in front of an element are those whose low end is in front of its high end; certainly behind,
    // those whose high end is behind its low end.
    for (std::size_t i = 0; i < set.size(); ++i) {
      const auto front = std::lower_bound(lows.begin(), lows.end(), unsorted_highs[i]) - lows.begin();
      const auto behind = highs.end() - std::upper_bound(highs.begin(), highs.end(), unsorted_lows[i]);
      first_rank.push_back(front);
      last_rank.push_back(static_cast<std::int64_t>(set.size()) - 1 - behind);
    }
  }
  std::vector<std::int64_t> first_rank, last_rank;  // of each element, when not exact
};

// How far the value of rank r may be off: each rank's value grows with every element.
Real value_bound(const Line& line, std::size_t r) {
  const Real v = line.values[r].v;
  if (line.exact) return 0;
  if (!std::isfinite(v)) return line.lows[r].v == v && line.highs[r].v == v ? Real(0) : kInfinity<Real>;
  return std::max(line.highs[r].v - v, v - line.lows[r].v);
}

// How far the index of each of the first k ranks may be off.
std::vector<Real> index_bounds(const Line& line, std::size_t k, bool sorted) {
  std::vector<Real> bounds(k, 0);
  const auto cover = [&](std::size_t r, std::int64_t at) {
    bounds[r] = std::max(bounds[r], static_cast<Real>(std::abs(at - line.values[r].at)));
  };
  const auto ranks = static_cast<std::int64_t>(k);
  for (std::size_t i = 0; i < line.values.size(); ++i) {
    const std::int64_t at = line.exact ? line.values[i].at : static_cast<std::int64_t>(i);
    std::int64_t first = line.exact ? static_cast<std::int64_t>(i) : line.first_rank[i];
    std::int64_t last = line.exact ? first : line.last_rank[i];
    if (first >= ranks) continue;
    if (!sorted) first = 0, last = ranks;  // what is taken may stand anywhere
    for (std::int64_t r = first; r <= std::min(last, ranks - 1); ++r) cover(static_cast<std::size_t>(r), at);
  }
  return bounds;
}

void store(Expected& out, std::size_t i, Real v, Real e, DType t) {
  if (out.holds_ints()) {
    out.ints().v[i] = t == DType::kUint64 ? static_cast<std::int64_t>(static_cast<std::uint64_t>(v))
                                          : static_cast<std::int64_t>(v);
    out.ints().set_bound(i, e < 0x1p62L ? static_cast<std::int64_t>(e) : Ints::kOpen);
    return;
  }
  with_reals(out.type.dtype, [&](auto zero) {
    using R = decltype(zero);
    std::get<Reals<R>>(out.data).set(i, {static_cast<R>(v), static_cast<R>(e)});
  });
}

void evaluate(Evaluation& ev) {
  const Plan p = plan(ev);
  const bool sorted = ev.node().int_or("sorted", 1) != 0;
  const Real sign = ev.node().int_or("largest", 1) != 0 ? 1 : -1;
  const Groups in = groups_along(ev.dims(0), {p.axis}), out = groups_along(p.out, {p.axis});
  const auto k = static_cast<std::size_t>(p.k);
  if (k == 0) return;
  const auto& x = ev.reals<Real>(0);
  const DType t = ev.output().type.dtype;
  for (std::size_t g = 0; g < out.count; ++g) {
    const Line line(x, in[g], sign);
    if (line.nan) ev.unspecified("NaN in TopK", k);
    const auto off = line.nan ? std::vector<Real>(k, kInfinity<Real>) : index_bounds(line, k, sorted);
    for (std::size_t r = 0; r < k; ++r) {
      const auto at = static_cast<std::size_t>(out[g][r]);
      Real e = line.nan ? kInfinity<Real> : value_bound(line, r);
      if (!sorted && !line.nan && line.highs[0].v != line.lows[k - 1].v) {
        ev.unspecified("the order of TopK with sorted = 0");
        const Real v = line.values[r].v;
        e = std::isfinite(v) ? std::max(line.highs[0].v - v, v - line.lows[k - 1].v) : kInfinity<Real>;
      }
      store(ev.output(), at, sign * line.values[r].v, e, t);
      if (ev.wants(1)) store(ev.output(1), at, static_cast<Real>(line.values[r].at), off[r], DType::kInt64);
    }
  }
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  const ValueRange range =
      rng.chance(0.3) ? ValueRange{.low = -3, .high = 3, .integral = true} : ValueRange{};
  const ArrayType x = d.input({.types = drawable(d, "T"), .min_rank = 1, .max_rank = 5, .range = range});
  const auto rank = static_cast<std::int64_t>(x.rank());
  const std::int64_t axis = rng.chance(0.3) ? rank - 1 : rng.range(0, rank - 1);
  if (axis != rank - 1 || rng.chance(0.5)) d.attribute("axis", rng.chance(0.5) ? axis - rank : axis);
  const std::int64_t size = x.dims[static_cast<std::size_t>(axis)];
  if (size == 0) return false;
  const std::int64_t k = rng.chance(0.2) ? size : rng.range(1, size);
  if (d.schema().has_attribute("k"))
    d.attribute("k", k);
  else
    d.input(Tensor::ints({k}));
  if (d.schema().has_attribute("largest") && rng.chance(0.5)) d.attribute("largest", rng.range(0, 1));
  // Unsorted results are left open by the ONNX spec: seldom worth a case.
  if (d.schema().has_attribute("sorted") && rng.chance(0.3))
    d.attribute("sorted", std::int64_t{rng.chance(0.8)});
  d.outputs(2);
  return true;
}

constexpr OpSpec specs[] = {{.name = "TopK", .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family top_k = specs;
}

}  // namespace mob::ops
