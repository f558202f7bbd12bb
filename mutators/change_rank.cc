// Dimensions of size 1 come and go: [] as [1] or [1,1], [n] as [1,n] or [n,1].
#include <algorithm>

#include "mutators/edit.h"

namespace mob::mutators {
namespace {

bool change(Case& c, const Facts& f, Rng& rng) {
  std::vector<ValueId> small, all;
  for (ValueId v : f.leaves()) {
    all.push_back(v);
    if (f.type(v).count() == 1) small.push_back(v);
  }
  const auto picked = !small.empty() && rng.chance(0.5) ? maybe_pick(small, rng) : maybe_pick(all, rng);
  if (!picked || !content(c, *picked)) return false;
  const ValueId leaf = maybe_split(c, f, *picked, rng);
  const Tensor now = *content(c, leaf);
  Dims dims = now.dims();
  const auto one = std::find(dims.begin(), dims.end(), 1);
  if (one != dims.end() && rng.chance(0.5)) {
    dims.erase(one);
  } else {
    if (dims.size() >= 5) return false;
    const auto at = rng.chance(0.7) ? 0 : rng.range(0, static_cast<std::int64_t>(dims.size()));
    dims.insert(dims.begin() + at, 1);
    if (now.count() == 1 && rng.chance(0.3)) dims.insert(dims.begin(), 1);
  }
  set_content(c, leaf, stretched(now, dims, rng));
  return true;
}

}  // namespace

extern const Mutator change_rank;
const Mutator change_rank{.name = "change-rank",
                          .aims_at = "passes that read a constant without asking for its shape",
                          .apply = recompute<change>};

}  // namespace mob::mutators
