#include "mutators/sizes.h"

#include <algorithm>
#include <cmath>

namespace mob::mutators {
namespace {

constexpr double kLargeValue = 1 << 19;  // elements of the largest value of an enlarged case
constexpr std::int64_t kLeastFactor = 8;

// By how much a size may grow, so that no value becomes larger than that.
std::int64_t most_times(const Facts& f, std::int64_t size) {
  double most = kLargeValue;
  const auto look = [&](ValueId v) {
    if (!f.known(v)) return;
    const Dims& dims = f.type(v).dims;
    const auto times = std::count(dims.begin(), dims.end(), size);
    const double room = kLargeValue / static_cast<double>(std::max<std::int64_t>(1, f.type(v).count()));
    if (times > 0) most = std::min(most, std::pow(room, 1.0 / static_cast<double>(times)));
  };
  for (ValueId v : f.leaves()) look(v);
  for (ValueId v : f.computed()) look(v);
  return static_cast<std::int64_t>(most);
}

}  // namespace

bool resize(Case& c, const std::vector<ValueId>& leaves, std::int64_t from, std::int64_t to,
            const Resizing& how, Rng& rng) {
  bool changed = false;
  for (ValueId v : leaves) {
    const std::optional<Tensor> now = content(c, v);
    if (!now) continue;
    // Vectors of int64 are shapes, sizes, axes: their length is a rank.
    if (now->dtype() == DType::kInt64 && now->dims().size() == 1 && now->count() <= 8 &&
        constness(c, v) != Constness::kInput) {
      std::vector<std::int64_t> values = now->ints_vector();
      if (!how.parameters || std::find(values.begin(), values.end(), from) == values.end()) continue;
      std::replace(values.begin(), values.end(), from, to);
      set_content(c, v, Tensor::of_ints(DType::kInt64, now->dims(), values));
      continue;
    }
    Dims dims = now->dims();
    if (std::find(dims.begin(), dims.end(), from) == dims.end()) continue;
    std::replace(dims.begin(), dims.end(), from, to);
    if (element_count(dims) > how.largest) return false;
    set_content(c, v, stretched(*now, dims, rng));
    changed = true;
  }
  return changed;
}

std::optional<Case> enlarged(const Case& c, Rng& rng, const Support* support) {
  const std::optional<Facts> facts = facts_of(c);
  if (!facts) return std::nullopt;
  std::vector<std::int64_t> sizes;
  for (ValueId v : facts->leaves())
    if (constness(c, v) == Constness::kInput)
      for (std::int64_t d : facts->type(v).dims)
        if (d > 1 && std::find(sizes.begin(), sizes.end(), d) == sizes.end()) sizes.push_back(d);
  rng.shuffle(sizes);
  for (const std::int64_t size : sizes) {
    const std::int64_t times = most_times(*facts, size);
    if (times < kLeastFactor) continue;
    Case draft = c;
    // Sizes that a node computes with (a slice's end, a group) stay what they are at times.
    const Resizing how{.parameters = rng.chance(0.5), .largest = static_cast<std::int64_t>(kLargeValue)};
    if (!resize(draft, facts->leaves(), size, size * times, how, rng) || !settle(draft, support)) continue;
    draft.lineage.push_back("enlarged " + std::to_string(size) + " to " + std::to_string(size * times));
    return draft;
  }
  return std::nullopt;
}

}  // namespace mob::mutators
