#include "fuzzer/reference/decidedness.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace mob {
namespace {

template <class R>
void count(const Reals<R>& x, DType dtype, Decidedness& d) {
  R scale = 0;
  for (std::size_t i = 0; i < x.v.size(); ++i)
    if (std::isfinite(x.e[i]) && std::isfinite(x.v[i])) scale = std::max(scale, std::fabs(x.v[i]));
  // What underflow adds is vague to nobody, also where it was magnified by a division; float16, whose normal
  // numbers begin at 6e-5, has no room for that.
  const R tiny = static_cast<R>(float_format(dtype).min_normal) * (dtype == DType::kFloat16 ? 2 : 0x1p20);
  const R wide = std::max(static_cast<R>(kVague) * scale, tiny);
  for (R e : x.e) {
    if (!std::isfinite(e))
      ++d.open;
    else if (e > wide)
      ++d.vague;
  }
}

}  // namespace

Decidedness decidedness(std::span<const Expected> expected) {
  Decidedness d;
  for (const Expected& x : expected) {
    if (x.type.dtype == DType::kString || x.type.dtype == DType::kUndefined) continue;
    d.elements += x.count();
    std::visit(
        [&](const auto& data) {
          using D = std::decay_t<decltype(data)>;
          if constexpr (std::is_same_v<D, Ints>) {
            for (std::size_t i = 0; i < data.e.size(); ++i) d.open += x.open_at(i);
          } else if constexpr (!std::is_same_v<D, Strings>) {
            count(data, x.type.dtype, d);
          }
        },
        x.data);
  }
  return d;
}

double median_relative_bound(const std::vector<Expected>& expected) {
  std::vector<double> shares;
  for (const Expected& x : expected) {
    if (!x.holds_reals()) continue;
    double scale = 0;
    for (std::size_t i = 0; i < x.count(); ++i)
      if (std::isfinite(x.value_at(i))) scale = std::max(scale, std::fabs(x.value_at(i)));
    for (std::size_t i = 0; i < x.count(); ++i)
      shares.push_back(scale > 0 ? x.bound_at(i) / scale : x.bound_at(i) > 0 ? kInfinity<double> : 0);
  }
  if (shares.empty()) return 0;
  std::nth_element(shares.begin(), shares.begin() + static_cast<std::ptrdiff_t>(shares.size() / 2),
                   shares.end());
  return shares[shares.size() / 2];
}

}  // namespace mob
