#include "fuzzer/reference/slack.h"

#include <algorithm>
#include <cmath>

#include "fuzzer/base/check.h"

namespace mob {
namespace {

// Scales are stored as float32 and divided by: a quotient near a tie may go either way.
constexpr double kScaleError = 4 * 0x1p-24;

// Entries of a grid that belong to the elements of a tensor.
class Entries {
 public:
  Entries(const Grid& grid, const ArrayType& type) : grid_(grid) {
    if (grid.low.size() != grid.step.size() || grid.high.size() != grid.step.size() || grid.block < 1)
      throw UserError("a grid's steps, lows and highs are not as many");
    std::size_t wanted = 1;
    if (grid.axis >= 0) {
      if (static_cast<std::size_t>(grid.axis) >= type.rank())
        throw UserError("a grid's axis is not one of the value's");
      for (std::size_t d = static_cast<std::size_t>(grid.axis) + 1; d < type.rank(); ++d)
        inner_ *= static_cast<std::size_t>(type.dims[d]);
      length_ = static_cast<std::size_t>(type.dims[static_cast<std::size_t>(grid.axis)]);
      const auto blocks =
          (length_ + static_cast<std::size_t>(grid.block) - 1) / static_cast<std::size_t>(grid.block);
      // In blocks, each line along the axis has entries of its own.
      blocks_ = blocks;
      wanted = grid.block == 1     ? blocks
               : type.count() == 0 ? 0
                                   : static_cast<std::size_t>(type.count()) / length_ * blocks;
    }
    if (grid.step.size() != wanted) throw UserError("a grid has not as many entries as the value needs");
  }
  std::size_t of(std::size_t element) const {
    if (grid_.axis < 0) return 0;
    const std::size_t along = element / inner_ % length_;
    if (grid_.block == 1) return along;
    const std::size_t outer = element / inner_ / length_, inner = element % inner_;
    return (outer * blocks_ + along / static_cast<std::size_t>(grid_.block)) * inner_ + inner;
  }

 private:
  const Grid& grid_;
  std::size_t inner_ = 1, length_ = 1, blocks_ = 1;
};

template <class R>
void widen_to(Reals<R>& x, const ArrayType& type, const Grid& grid) {
  const Entries entries(grid, type);
  for (std::size_t i = 0; i < x.v.size(); ++i) {
    R& e = x.e[i];
    const R v = x.v[i];
    if (!std::isfinite(v)) e = kInfinity<R>;
    if (!(e < kInfinity<R>) || (grid.zero_stays && v == 0 && e == 0)) continue;
    const std::size_t k = entries.of(i);
    const R cut =
        std::max({R(0), v + e - static_cast<R>(grid.high[k]), static_cast<R>(grid.low[k]) - (v - e)});
    e += static_cast<R>(grid.step[k]) / 2 + cut + static_cast<R>(kScaleError) * (std::fabs(v) + e);
  }
}

template <class R>
void widen_to(Reals<R>& x, const ArrayType&, const RuntimeGrid& grid) {
  R low = 0, high = 0;
  bool known = true;
  for (std::size_t i = 0; i < x.v.size(); ++i) {
    known = known && std::isfinite(x.v[i]) && x.e[i] < kInfinity<R>;
    low = std::min(low, x.v[i] - x.e[i]);
    high = std::max(high, x.v[i] + x.e[i]);
  }
  const R step = (high - low) / static_cast<R>((std::int64_t{1} << grid.bits) - 1);
  for (std::size_t i = 0; i < x.v.size(); ++i) {
    // The zero point is rounded, too: that moves the ends of the range by half a step.
    if (known)
      x.e[i] += step + static_cast<R>(kScaleError) * (std::fabs(x.v[i]) + x.e[i]);
    else
      x.e[i] = kInfinity<R>;
  }
}

template <class R>
void widen_to(Reals<R>& x, const ArrayType&, const Narrowed& narrowed) {
  const FloatFormat format = float_format(narrowed.to);
  const auto u = static_cast<R>(format.unit_roundoff), least = static_cast<R>(format.min_normal);
  for (std::size_t i = 0; i < x.v.size(); ++i) {
    R& e = x.e[i];
    const R size = std::fabs(x.v[i]) + e;
    if (!(e < kInfinity<R>) || (x.v[i] == 0 && e == 0)) continue;
    if (!std::isfinite(x.v[i])) continue;
    if (size > static_cast<R>(format.max_finite))
      e = kInfinity<R>;
    else
      e += u * size + u * least;
  }
}

}  // namespace

void widen(Expected& x, const Slack& slack) {
  std::visit(
      [&](const auto& to) {
        if (auto* d = std::get_if<Reals<double>>(&x.data)) widen_to(*d, x.type, to);
        if (auto* l = std::get_if<Reals<long double>>(&x.data)) widen_to(*l, x.type, to);
      },
      slack.to);
}

const Slack* slack_of(std::span<const Slack> all, std::string_view value) {
  const auto at = std::find_if(all.begin(), all.end(), [&](const Slack& s) { return s.value == value; });
  return at == all.end() ? nullptr : &*at;
}

}  // namespace mob
