// Values of constants moved: magic numbers, scales, zero points, bounds that change places.
#include <algorithm>
#include <cmath>

#include "fuzzer/generator/inputs.h"
#include "mutators/edit.h"

namespace mob::mutators {
namespace {

constexpr std::int64_t kFew = 16;  // up to here, elements carry a meaning of their own

double moved(double x, Rng& rng) {
  switch (rng.below(9)) {
    case 0:
      return x * 2;
    case 1:
      return -x;
    case 2:
      return x + 1;
    case 3:
      return x * (1 + rng.pick({0.5, 0.1, 0.01, 0.001, -0.01}));
    case 4:
      return rng.pick({0.0, 1.0, -1.0, 2.0, 3.0, 0.5, 4.0});
    case 5:
      return x * rng.pick({1e-6, 1e-3, 0.1, 10.0});
    case 6:
      return rng.pick({1e-3, 1e-5, 1e-7, 1e-12, 0.1});
    case 7:
      return 1 / (std::fabs(x) > 1e-6 ? x : 1);
    default:
      return rng.uniform(-3, 3);
  }
}

std::int64_t moved(std::int64_t x, DType t, Rng& rng) {
  const auto wide = [](std::int64_t a, std::int64_t b) {
    std::int64_t s = 0;
    return __builtin_add_overflow(a, b, &s) ? a : s;
  };
  std::int64_t y = x;
  switch (rng.below(7)) {
    case 0:
      y = wide(x, 1);
      break;
    case 1:
      y = wide(x, -1);
      break;
    case 2:
      y = wide(x, x);
      break;
    case 3:
      y = x == INT64_MIN ? x : -x;
      break;
    case 4:
      y = rng.pick({std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, std::int64_t{2}, std::int64_t{3}});
      break;
    case 5:
      y = bits(t) <= 16 ? rng.pick({int_min(t), int_max(t)})
                        : wide(x, rng.pick({std::int64_t{2}, std::int64_t{-2}}));
      break;
    default:
      y = rng.range(-4, 8);
      break;
  }
  return std::clamp(y, int_min(t), int_max(t));
}

// Two constants of one type that one node reads change places (min and max of Clip, scale and bias, ...).
bool swap_two(Case& c, const Facts& f, Rng& rng) {
  const Graph& g = c.model.graph;
  std::vector<std::pair<ValueId, ValueId>> pairs;
  for (const Node& n : g.nodes)
    for (std::size_t i = 0; i < n.inputs.size(); ++i)
      for (std::size_t j = i + 1; j < n.inputs.size(); ++j) {
        const ValueId a = n.inputs[i], b = n.inputs[j];
        if (a == b || !f.known(a) || !f.known(b) || f.type(a) != f.type(b)) continue;
        if (content(c, a) && content(c, b)) pairs.emplace_back(a, b);
      }
  const auto pair = maybe_pick(pairs, rng);
  if (!pair) return false;
  const Tensor a = *content(c, pair->first), b = *content(c, pair->second);
  if (a.identical(b)) return false;
  set_content(c, pair->first, b);
  set_content(c, pair->second, a);
  return true;
}

bool change(Case& c, const Facts& f, Rng& rng) {
  if (rng.chance(0.1)) return swap_two(c, f, rng);
  std::vector<ValueId> small, all;
  for (ValueId v : f.leaves()) {
    const std::int64_t n = f.type(v).count();
    if (n == 0 || !(is_float(f.type(v).dtype) || is_int(f.type(v).dtype))) continue;
    all.push_back(v);
    if (n <= kFew && constness(c, v) != Constness::kInput) small.push_back(v);
  }
  const auto picked = !small.empty() && rng.chance(0.75) ? maybe_pick(small, rng) : maybe_pick(all, rng);
  if (!picked || !content(c, *picked)) return false;
  const ValueId leaf = maybe_split(c, f, *picked, rng);
  const Tensor now = *content(c, leaf);
  const DType t = now.dtype();
  const bool few = now.count() <= kFew;
  const auto n = static_cast<std::size_t>(now.count());
  // One element; all of them in one way; all of them the same (then a rewrite may take them for one number).
  const std::size_t how = rng.below(few ? 3 : 4);
  const std::size_t one = rng.below(n);
  Tensor next;
  if (is_float(t)) {
    std::vector<double> v = now.reals();
    if (how == 0) {
      v[one] = moved(v[one], rng);
    } else if (how == 1) {
      const double factor = rng.pick({0.0, -1.0, 0.5, 2.0, 1e-3, 1e-6, 10.0});
      for (double& x : v) x *= factor;
    } else if (how == 2) {
      std::fill(v.begin(), v.end(), moved(v[one], rng));
    } else {
      v = draw_tensor(now.type(), rng, {.low = -3, .high = 3}).reals();
    }
    next = Tensor::of(t, now.dims(), v);
  } else {
    std::vector<std::int64_t> v = now.ints_vector();
    if (how == 0) {
      v[one] = moved(v[one], t, rng);
    } else if (how == 1) {
      std::reverse(v.begin(), v.end());
    } else if (how == 2) {
      std::fill(v.begin(), v.end(), moved(v[one], t, rng));
    } else {
      v = draw_tensor(now.type(), rng).ints_vector();
    }
    next = Tensor::of_ints(t, now.dims(), v);
  }
  if (next.identical(now)) return false;
  set_content(c, leaf, std::move(next));
  return true;
}

}  // namespace

extern const Mutator change_constant;
const Mutator change_constant{.name = "change-constant",
                              .aims_at = "fusions that take a magic constant for granted",
                              .apply = recompute<change>};

}  // namespace mob::mutators
