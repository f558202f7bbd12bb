// N:M sparsity: of each M neighbours along the axis over which products are summed, the N largest stay. Where
// the axis is no multiple of M, the last ones stay as they are.
#include <algorithm>
#include <cmath>

#include "fuzzer/base/check.h"
#include "mutators/weight_axes.h"
#include "mutators/weights.h"

namespace mob::mutators {
namespace {

struct Pattern {
  std::int64_t kept, of;
};

Pattern draw_pattern(Choices& choices) {
  const std::string word = choices.word("pattern", {"2:4", "1:2", "1:4", "3:4", "4:8", "1:3"});
  return {.kept = word[0] - '0', .of = word[2] - '0'};
}

// Which elements go: in each whole group the smallest.
std::vector<bool> mask_of(const Tensor& t, std::size_t axis, const Pattern& p) {
  std::vector<bool> mask(static_cast<std::size_t>(t.count()), false);
  const std::int64_t length = t.dims()[axis];
  std::int64_t inner = 1;
  for (std::size_t d = axis + 1; d < t.dims().size(); ++d) inner *= t.dims()[d];
  std::vector<std::int64_t> group(static_cast<std::size_t>(p.of));
  for (std::int64_t at = 0; at < t.count(); ++at) {
    const std::int64_t along = at / inner % length;
    if (along % p.of != 0 || along + p.of > length) continue;
    for (std::int64_t k = 0; k < p.of; ++k) group[static_cast<std::size_t>(k)] = at + k * inner;
    std::stable_sort(group.begin(), group.end(), [&](std::int64_t a, std::int64_t b) {
      return std::fabs(t.real_at(a)) < std::fabs(t.real_at(b));
    });
    for (std::int64_t k = 0; k < p.of - p.kept; ++k)
      mask[static_cast<std::size_t>(group[static_cast<std::size_t>(k)])] = true;
  }
  return mask;
}

double share_of(const std::vector<bool>& mask) {
  return static_cast<double>(std::count(mask.begin(), mask.end(), true)) / static_cast<double>(mask.size());
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const Pattern pattern = draw_pattern(choices);
  std::vector<ValueId> weights;
  for (ValueId v : float_weights(c, f))
    if (const auto axes = weight_axes(c, f, v);
        axes && f.type(v).dims[static_cast<std::size_t>(axes->reduced)] >= pattern.of)
      weights.push_back(v);
  weights = choices.places(std::move(weights));
  if (weights.empty()) return std::nullopt;

  std::vector<std::vector<bool>> masks;
  std::vector<Claim> groups;
  double share = 1;
  for (ValueId v : weights) {
    const Value& w = c.model.graph[v];
    const int axis = weight_axes(c, f, v)->reduced;
    masks.push_back(mask_of(*w.initializer, static_cast<std::size_t>(axis), pattern));
    share = std::min(share, share_of(masks.back()));
    groups.emplace_back(
        ZerosInGroups{.initializer = w.name, .axis = axis, .n = pattern.of - pattern.kept, .m = pattern.of});
  }
  Promise promise = masked(c, weights, masks, choices, share, false);
  promise.claims.insert(promise.claims.end(), groups.begin(), groups.end());
  return promise;
}

}  // namespace

extern const Mutator prune_n_m;
const Mutator prune_n_m{.name = "prune-n-m",
                        .aims_at = "N of each M neighbours of a weight that are summed up stay (pattern)",
                        .family = MutatorFamily::kPrune,
                        .apply = kept<change>};

}  // namespace mob::mutators
