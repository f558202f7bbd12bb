#include "fuzzer/ops/kernels.h"

#include <Eigen/Core>

#include "fuzzer/base/text.h"

namespace mob::ops {

Dims strides(const Dims& dims) {
  Dims s(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;) s[i - 1] = s[i] * dims[i];
  return s;
}

Dims broadcast(const Dims& a, const Dims& b) {
  const std::size_t rank = std::max(a.size(), b.size());
  Dims out(rank);
  for (std::size_t i = 0; i < rank; ++i) {
    const std::int64_t x = i + a.size() >= rank ? a[i + a.size() - rank] : 1;
    const std::int64_t y = i + b.size() >= rank ? b[i + b.size() - rank] : 1;
    if (x != y && x != 1 && y != 1)
      throw InvalidNode("shapes " + show_dims(a) + " and " + show_dims(b) + " do not broadcast");
    out[i] = x == 1 ? y : x;
  }
  return out;
}

bool broadcasts_to(const Dims& from, const Dims& to) {
  if (from.size() > to.size()) return false;
  for (std::size_t i = 0; i < from.size(); ++i)
    if (from[i] != 1 && from[i] != to[i + to.size() - from.size()]) return false;
  return true;
}

std::vector<std::int64_t> broadcast_map(const Dims& from, const Dims& to) {
  if (from == to) return {};
  const std::size_t rank = to.size(), lead = rank - from.size();
  const Dims own = strides(from);
  Dims step(rank, 0);
  for (std::size_t i = 0; i < from.size(); ++i) step[i + lead] = from[i] == 1 ? 0 : own[i];
  std::vector<std::int64_t> map(static_cast<std::size_t>(element_count(to)));
  if (map.empty()) return {0};  // never read, but not the identity
  Dims index(rank, 0);
  std::int64_t offset = 0;
  for (auto& m : map) {
    m = offset;
    for (std::size_t d = rank; d-- > 0;) {
      offset += step[d];
      if (++index[d] < to[d]) break;
      offset -= step[d] * to[d];
      index[d] = 0;
    }
  }
  return map;
}

std::int64_t product(const Dims& dims, std::size_t from, std::size_t to) {
  std::int64_t n = 1;
  for (std::size_t i = from; i < to; ++i) n *= dims[i];
  return n;
}

std::int64_t wrap(DType t, std::int64_t x) {
  if (t == DType::kBool) return x != 0;
  const int b = bits(t);
  if (b == 64) return x;
  const auto mask = (std::uint64_t{1} << b) - 1;
  const std::uint64_t p = static_cast<std::uint64_t>(x) & mask;
  if (!is_signed_int(t)) return static_cast<std::int64_t>(p);
  const std::uint64_t sign = std::uint64_t{1} << (b - 1);
  return static_cast<std::int64_t>((p ^ sign) - sign);
}

std::int64_t saturate(DType t, long double x) {
  if (t == DType::kUint64) {
    if (x >= 0x1p64L) return -1;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(std::max(x, 0.0L)));
  }
  if (x <= static_cast<long double>(int_min(t))) return int_min(t);
  if (x >= static_cast<long double>(int_max(t))) return int_max(t);
  return static_cast<std::int64_t>(x);
}

void copy_element(const Expected& in, std::size_t from, Expected& out, std::size_t to) {
  std::visit(
      [&](auto& dst) {
        using D = std::decay_t<decltype(dst)>;
        const auto& src = std::get<D>(in.data);
        if constexpr (std::is_same_v<D, Strings>) {
          dst[to] = src[from];
        } else if constexpr (std::is_same_v<D, Ints>) {
          dst.v[to] = src.v[from];
          dst.set_bound(to, src.bound(from));
        } else {
          dst.v[to] = src.v[from];
          dst.e[to] = src.e[from];
        }
      },
      out.data);
}

void gather_elements(const Expected& in, const std::vector<std::int64_t>& map, Expected& out, const Expected* fill) {
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (map[i] >= 0)
      copy_element(in, static_cast<std::size_t>(map[i]), out, i);
    else if (fill != nullptr)
      copy_element(*fill, 0, out, i);
  }
}

void copy_elements(const Expected& in, Expected& out) {
  out.data = in.data;
}

void set_open(Expected& out, std::size_t i) {
  std::visit(
      [&](auto& d) {
        using D = std::decay_t<decltype(d)>;
        if constexpr (std::is_same_v<D, Ints>)
          d.set_bound(i, Ints::kOpen);
        else if constexpr (!std::is_same_v<D, Strings>)
          d.e[i] = std::numeric_limits<std::decay_t<decltype(d.e[i])>>::infinity();
      },
      out.data);
}

void infer_same_as_input(Inference& inf) {
  inf.set_output(0, inf.type(0));
}

void infer_broadcast(Inference& inf) {
  Dims dims = inf.dims(0);
  for (std::size_t i = 1; i < inf.input_count(); ++i) dims = broadcast(dims, inf.dims(i));
  inf.set_output(0, {inf.type(0).dtype, std::move(dims)});
}

namespace {

template <class R>
bool all_plain(const R* v, const R* e, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i)
    if (!std::isfinite(v[i]) || !(e[i] < kInfinity<R>)) return false;
  return true;
}

}  // namespace

template <class R>
void add_matmul(MatrixView<R> a, MatrixView<R> b, R* y_v, R* y_e, std::int64_t m, std::int64_t k, std::int64_t n,
            const Rounding<R>& rounding) {
  if (m == 0 || n == 0) return;
  const R gamma = rounding.gamma(static_cast<R>(k));
  const R flush = static_cast<R>(k) * rounding.eta();
  // Small products are not worth Eigen's set-up, special values need the calculus of Approx.
  if (m * k * n < 4096 || !all_plain(a.v, a.e, m * k) || !all_plain(b.v, b.e, k * n)) {
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j) {
        Approx<R> total = {y_v[i * n + j], y_e[i * n + j]};
        R magnitude = 0;
        for (std::int64_t p = 0; p < k; ++p) {
          const Approx<R> x = {a.v[i * k + p], a.e[i * k + p]}, y = {b.v[p * n + j], b.e[p * n + j]};
          total = total + x * y;
          magnitude += (std::fabs(x.v) + x.e) * (std::fabs(y.v) + y.e);
        }
        if (total.finite() && !total.open()) total.e += gamma * magnitude + flush;
        y_v[i * n + j] = total.v;
        y_e[i * n + j] = std::isnan(total.e) ? kInfinity<R> : total.e;
      }
    return;
  }
  using Matrix = Eigen::Matrix<R, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using In = Eigen::Map<const Matrix>;
  const In av(a.v, m, k), ae(a.e, m, k), bv(b.v, k, n), be(b.e, k, n);
  Eigen::Map<Matrix> yv(y_v, m, n), ye(y_e, m, n);
  yv.noalias() += av * bv;
  const Matrix a_abs = av.cwiseAbs(), b_abs = bv.cwiseAbs();
  const bool a_exact = ae.maxCoeff() == 0, b_exact = be.maxCoeff() == 0;
  // e = (|a| + ea)(|b| + eb) - |a||b| + gamma (|a| + ea)(|b| + eb), written without the cancellation.
  Matrix magnitude = a_abs * b_abs;
  Matrix spread = Matrix::Zero(m, n);
  if (!b_exact) spread.noalias() += a_abs * be;
  if (!a_exact) {
    if (b_exact)
      spread.noalias() += ae * b_abs;
    else
      spread.noalias() += ae * (b_abs + be);
  }
  ye += spread + gamma * (magnitude + spread) + Matrix::Constant(m, n, flush);
}
template void add_matmul(MatrixView<double>, MatrixView<double>, double*, double*, std::int64_t, std::int64_t,
                     std::int64_t, const Rounding<double>&);
template void add_matmul(MatrixView<long double>, MatrixView<long double>, long double*, long double*, std::int64_t,
                     std::int64_t, std::int64_t, const Rounding<long double>&);

Dims smaller_broadcast(Rng& rng, const Dims& dims) {
  Dims out = dims;
  if (rng.chance(0.3) && !out.empty()) out.erase(out.begin(), out.begin() + rng.range(1, static_cast<std::int64_t>(out.size())));
  for (auto& d : out)
    if (rng.chance(0.2)) d = 1;
  return out;
}

DTypeSet drawable(const Draft& d, std::string_view constraint, DTypeSet like) {
  return d.types(constraint) & like;
}

bool draft_unary(Draft& d, ValueRange range, DTypeSet like) {
  d.input({.types = drawable(d, d.schema().inputs.at(0).name, like), .range = range});
  return true;
}

bool draft_binary(Draft& d, ValueRange left, ValueRange right, DTypeSet like) {
  const ArrayType a = d.input({.types = drawable(d, d.schema().inputs.at(0).name, like), .range = left});
  Dims b = a.dims;
  if (d.rng().chance(0.5)) b = smaller_broadcast(d.rng(), a.dims);
  // Sometimes the right operand is the larger one.
  if (d.rng().chance(0.15)) b.insert(b.begin(), d.size());
  for (auto& size : b)
    if (size == 1 && d.rng().chance(0.2)) size = d.size();
  // What was set to a size of its own must still meet a 1 on the left.
  for (std::size_t i = 0; i < a.dims.size() && i < b.size(); ++i) {
    auto& size = b[b.size() - 1 - i];
    const std::int64_t other = a.dims[a.dims.size() - 1 - i];
    if (size != other && size != 1 && other != 1) size = other;
  }
  d.input({.types = a.dtype, .dims = b, .range = right});
  return true;
}

}  // namespace mob::ops
