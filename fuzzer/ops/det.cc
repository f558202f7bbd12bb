// Det: determinants of square matrices.
#include "fuzzer/ops/kernels.h"

namespace mob::ops {
namespace {

void infer(Inference& inf) {
  const Dims& x = inf.dims(0);
  if (x.size() < 2 || x.back() != x[x.size() - 2]) throw InvalidNode("Det takes square matrices");
  if (x.back() > 512) throw Unsupported("a determinant that large");
  inf.set_output(0, {inf.type(0).dtype, Dims(x.begin(), x.end() - 2)});
}

// LU with partial pivoting. A kernel's elimination gives the determinant of a matrix that differs by
// gamma_n |L||U| (Higham 9.3), which comes on top of the elements' own bounds; cofactors of small matrices
// round by the sum of magnitudes of all products, at most the product of the rows' 1-norms.
//
// How far that moves the determinant: it is linear in each row and at most the product of the rows'
// 2-norms (Hadamard), so by prod(|a_i| + |e_i|) - prod(|a_i|).
template <class R>
Approx<R> determinant(const Reals<R>& x, std::size_t from, std::size_t n, const Rounding<R>& rounding) {
  std::vector<R> a(n * n), off(n * n);
  for (std::size_t i = 0; i < n * n; ++i) {
    const Approx<R> v = x[from + i];
    if (!v.finite() || v.open()) return open_value(std::numeric_limits<R>::quiet_NaN());
    a[i] = v.v;
    off[i] = v.e;
  }
  const auto gamma = rounding.gamma(static_cast<R>(n));
  std::vector<R> lu = a;
  std::vector<std::size_t> row(n);
  for (std::size_t i = 0; i < n; ++i) row[i] = i;
  R v = 1, sums = 1;
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t i = k + 1; i < n; ++i)
      if (std::fabs(lu[i * n + k]) > std::fabs(lu[pivot * n + k])) pivot = i;
    if (pivot != k) {
      v = -v;
      std::swap(row[k], row[pivot]);
      for (std::size_t j = 0; j < n; ++j) std::swap(lu[k * n + j], lu[pivot * n + j]);
    }
    v *= lu[k * n + k];
    if (lu[k * n + k] == 0) continue;  // singular: nothing below it either
    for (std::size_t i = k + 1; i < n; ++i) {
      const R factor = lu[i * n + k] /= lu[k * n + k];
      for (std::size_t j = k + 1; j < n; ++j) lu[i * n + j] -= factor * lu[k * n + j];
    }
  }
  R low = 1, spread = 0;  // prod(|a_i|), and how much more the perturbed rows give
  for (std::size_t i = 0; i < n; ++i) {
    R norm = 0, error = 0, sum = 0;
    for (std::size_t j = 0; j < n; ++j) {
      R magnitude = 0;  // of (|L||U|)_ij
      for (std::size_t k = 0; k <= std::min(i, j); ++k)
        magnitude += (k == i ? R(1) : std::fabs(lu[i * n + k])) * std::fabs(lu[k * n + j]);
      const std::size_t at = row[i] * n + j;
      const R e = off[at] + gamma * magnitude + rounding.eta();
      norm += a[at] * a[at];
      error += e * e;
      sum += std::fabs(a[at]);
    }
    norm = std::sqrt(norm), error = std::sqrt(error);
    spread = spread * (norm + error) + low * error;
    low *= norm;
    sums *= sum;
  }
  const R e = spread + gamma * (n <= 4 ? 2 * sums : std::fabs(v));
  return std::isfinite(e) && std::isfinite(v) ? Approx<R>{v, e} : open_value(v);
}

void evaluate(Evaluation& ev) {
  const auto n = static_cast<std::size_t>(ev.dims(0).back());
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& x = ev.reals<R>(0);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    for (std::size_t i = 0; i < y.v.size(); ++i) {
      if (n == 1) {
        y.set(i, x[i]);
        continue;
      }
      const auto d = determinant(x, i * n * n, n, rounding);
      bool open = !std::isnan(d.v);
      for (std::size_t k = 0; k < n * n; ++k) open = open || x[i * n * n + k].open();
      if (!open) ev.unspecified("the determinant of what is not finite");
      y.set(i, rounding.add(d));
    }
  });
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  const std::int64_t n = rng.chance(0.9) ? rng.range(1, 5) : 8;
  Dims dims;
  for (std::int64_t i = rng.range(0, 2); i > 0; --i) dims.push_back(d.size());
  dims.push_back(n);
  dims.push_back(n);
  d.input({.types = drawable(d, "T"), .dims = dims});
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Det", .since = 11, .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family det = specs;
}

}  // namespace mob::ops
