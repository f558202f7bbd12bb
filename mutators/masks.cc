#include "mutators/masks.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mob::mutators {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// exp of less is zero in double, and far below what a long double's tensor resolves.
constexpr double kNoWeight = 800;

// A constant that is one negative number, of no more axes than the value it goes with.
std::optional<double> low_number(const Rewriting& r, ValueId v, std::size_t rank) {
  const std::optional<double> x = r.number(v, rank);
  return x && *x < 0 ? x : std::nullopt;
}

// Numbers that are 0 or one negative number each: true where 0.
std::optional<Mask> constant_mask(const Rewriting& r, ValueId v) {
  const std::optional<Tensor> t = r.constant(v);
  if (!t || !is_float(t->dtype()) || t->count() == 0) return std::nullopt;
  std::vector<std::int64_t> keep;
  Mask mask;
  for (double x : t->reals()) {
    if (x != 0 && (!(x < 0) || (mask.low != 0 && x != mask.low))) return std::nullopt;
    if (x != 0) mask.low = x;
    keep.push_back(x == 0);
  }
  if (mask.low == 0) return std::nullopt;
  mask.constant = Tensor::of_ints(DType::kBool, t->dims(), keep);
  return mask;
}

// Where(keep, 0, low) and Where(drop, low, 0).
std::optional<Mask> chosen_mask(const Rewriting& r, ValueId v) {
  const auto where = r.maker(v, "Where");
  if (!where) return std::nullopt;
  const std::size_t rank = r.type(v).rank();
  for (bool inverted : {false, true}) {
    const auto zero = r.number(where->inputs[inverted ? 2 : 1], rank);
    const auto low = low_number(r, where->inputs[inverted ? 1 : 2], rank);
    if (zero && *zero == 0 && low)
      return Mask{.keep = where->inputs[0], .constant = {}, .inverted = inverted, .low = *low};
  }
  return std::nullopt;
}

// (1 - Cast(keep)) low and Cast(drop) low.
std::optional<Mask> product_mask(const Rewriting& r, ValueId v) {
  const auto product = r.maker(v, "Mul");
  if (!product) return std::nullopt;
  const std::size_t rank = r.type(v).rank();
  for (std::size_t i : {0u, 1u}) {
    const auto low = low_number(r, product->inputs[i], rank);
    if (!low || !std::isfinite(*low)) continue;
    ValueId factor = product->inputs[1 - i];
    const auto rest = r.maker(factor, "Sub");
    if (rest && r.number(rest->inputs[0], rank) != 1) continue;
    if (rest) factor = rest->inputs[1];
    const auto cast = r.maker(factor, "Cast");
    if (!cast || r.type(cast->inputs[0]).dtype != DType::kBool) continue;
    return Mask{.keep = cast->inputs[0], .constant = {}, .inverted = !rest, .low = *low};
  }
  return std::nullopt;
}

}  // namespace

std::vector<Masked> masked_forms(const Rewriting& r, ValueId v) {
  std::vector<Masked> list;
  if (!r.facts().known(v)) return list;
  const std::size_t rank = r.type(v).rank();
  if (const auto where = r.maker(v, "Where"))
    for (bool inverted : {false, true})
      if (const auto low = low_number(r, where->inputs[inverted ? 1 : 2], rank))
        list.push_back({where->inputs[inverted ? 2 : 1],
                        {.keep = where->inputs[0], .constant = {}, .inverted = inverted, .low = *low}});
  if (const auto sum = r.maker(v, "Add"))
    for (std::size_t i : {1u, 0u})
      for (const auto read : {constant_mask, chosen_mask, product_mask})
        if (auto mask = read(r, sum->inputs[i])) list.push_back({sum->inputs[1 - i], std::move(*mask)});
  return list;
}

std::optional<Tensor> constant_bools(const Rewriting& r, const Mask& mask) {
  return mask.keep == kNoValue ? mask.constant : r.constant(mask.keep);
}

std::optional<std::vector<bool>> counting(const Rewriting& r, const Mask& mask, const Dims& scores) {
  const Expected bools = mask.keep == kNoValue ? exact(*mask.constant) : *r.facts().value(mask.keep);
  const Dims& dims = bools.type.dims;
  if (dims.size() > scores.size()) return std::nullopt;
  const std::size_t behind = scores.size() - dims.size();
  for (std::size_t a = 0; a < dims.size(); ++a)
    if (dims[a] != 1 && dims[a] != scores[behind + a]) return std::nullopt;
  for (std::size_t i = 0; i < bools.count(); ++i)
    if (bools.open_at(i)) return std::nullopt;
  std::vector<bool> counts;
  for (std::int64_t i = 0, n = element_count(scores); i < n; ++i) {
    std::int64_t rest = i, at = 0, step = 1;
    for (std::size_t a = scores.size(); a-- > behind; rest /= scores[a]) {
      const std::int64_t size = dims[a - behind];
      at += size == 1 ? 0 : rest % scores[a] * step;
      step *= size;
    }
    counts.push_back((bools.value_at(static_cast<std::size_t>(at)) != 0) != mask.inverted);
  }
  return counts;
}

bool on_each_line(const std::vector<bool>& counts, const Dims& dims, std::size_t axis) {
  std::int64_t inner = 1;
  for (std::size_t a = axis + 1; a < dims.size(); ++a) inner *= dims[a];
  const std::int64_t block = inner * dims[axis];
  if (block == 0) return true;
  std::vector<bool> seen(counts.size() / static_cast<std::size_t>(dims[axis]), false);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto n = static_cast<std::int64_t>(i);
    if (counts[i]) seen[static_cast<std::size_t>(n / block * inner + n % inner)] = true;
  }
  return std::find(seen.begin(), seen.end(), false) == seen.end();
}

double reach(const Expected& x) {
  double most = 0;
  for (std::size_t i = 0; i < x.count(); ++i) {
    const double far = x.open_at(i) ? kInfinity : std::fabs(x.value_at(i)) + x.bound_at(i);
    most = far <= most ? most : far;
    if (!std::isfinite(most)) return kInfinity;
  }
  return most;
}

std::optional<FinitePart> finite_part(const Expected& mask) {
  std::vector<std::int64_t> keep;
  double most = 0;
  for (std::size_t i = 0; i < mask.count(); ++i) {
    const double x = mask.value_at(i);
    if (mask.open_at(i) || std::isnan(x) || x == kInfinity) return std::nullopt;
    keep.push_back(std::isfinite(x));
    if (std::isfinite(x)) most = std::max(most, std::fabs(x) + mask.bound_at(i));
  }
  return FinitePart{Tensor::of_ints(DType::kBool, mask.type.dims, keep), most};
}

bool low_enough(double low, double reach) {
  return std::isfinite(reach) && low <= -2 * reach - kNoWeight;
}

std::vector<double> lows(DType t, double reach, MaskStyle style) {
  std::vector<double> list;
  if (style != MaskStyle::kProduct) list.push_back(-kInfinity);  // 0 times infinity is none
  const double most = float_format(t).max_finite;
  if (style == MaskStyle::kWhere && low_enough(-most, reach)) list.push_back(-most);
  for (double low : {-1e9, -1e4})
    if (low_enough(0.99 * low, reach) && reach - low < most) list.push_back(low);
  return list;
}

ValueId keep_of(Writer& w, const Mask& mask) {
  const ValueId keep = mask.keep == kNoValue ? w.leaf(*mask.constant) : mask.keep;
  return mask.inverted ? w.op("Not", {keep}) : keep;
}

ValueId write_masked(Writer& w, ValueId scores, ValueId keep, DType t, MaskStyle style, double low) {
  if (style == MaskStyle::kWhere) return w.op("Where", {keep, scores, w.scalar(t, low)});
  if (style == MaskStyle::kAdded)
    return w.op("Add", {scores, w.op("Where", {keep, w.scalar(t, 0), w.scalar(t, low)})});
  const ValueId dropped = w.op("Sub", {w.scalar(t, 1), w.cast(keep, t)});
  return w.op("Add", {scores, w.op("Mul", {dropped, w.scalar(t, low)})});
}

}  // namespace mob::mutators
