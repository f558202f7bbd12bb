// Sizes of dimensions: 0, 1, another, or all equal, so that a wrong rewrite still type-checks.
#include <algorithm>

#include "mutators/sizes.h"

namespace mob::mutators {
namespace {

constexpr std::int64_t kLargest = 1 << 16;  // elements of a leaf

bool change(Case& c, const Facts& f, Rng& rng) {
  std::vector<ValueId> shaped, inputs;
  for (ValueId v : f.leaves()) {
    if (f.type(v).rank() == 0) continue;
    shaped.push_back(v);
    if (constness(c, v) == Constness::kInput) inputs.push_back(v);
  }
  const auto picked = !inputs.empty() && rng.chance(0.7) ? maybe_pick(inputs, rng) : maybe_pick(shaped, rng);
  if (!picked) return false;
  const Dims dims = f.type(*picked).dims;
  const std::int64_t from = rng.pick(dims);
  const std::int64_t to = [&]() -> std::int64_t {
    switch (rng.below(8)) {
      case 0:
      case 1:
        return 0;
      case 2:
      case 3:
        return 1;
      case 4:
      case 5:
        return rng.pick(dims);  // two dimensions become equal
      case 6:
        return rng.pick({std::int64_t{8}, std::int64_t{16}, std::int64_t{17}, from * 2});
      default:
        return rng.range(2, 6);
    }
  }();
  const bool square = rng.chance(0.15) && dims.size() > 1;
  if (square) {
    const std::int64_t side = rng.range(2, 5);
    bool changed = false;
    for (std::int64_t d : dims)
      if (d != side && d != 1)
        changed = resize(c, f.leaves(), d, side, {.parameters = true, .largest = kLargest}, rng) || changed;
    return changed;
  }
  if (to == from) return false;
  if (rng.chance(0.75))
    return resize(c, f.leaves(), from, to, {.parameters = rng.chance(0.6), .largest = kLargest}, rng);
  // One place only: broadcasting.
  std::vector<ValueId> one = {maybe_split(c, f, *picked, rng)};
  const Tensor now = *content(c, one[0]);
  Dims next = now.dims();
  next[rng.below(next.size())] = to;
  if (next == now.dims() || element_count(next) > kLargest) return false;
  set_content(c, one[0], stretched(now, next, rng));
  return true;
}

}  // namespace

extern const Mutator change_shape;
const Mutator change_shape{
    .name = "change-shape",
    .aims_at = "rewrites of shapes that forget empty dimensions, ones and broadcasting",
    .apply = recompute<change>};

}  // namespace mob::mutators
