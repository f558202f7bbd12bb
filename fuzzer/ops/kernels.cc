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

Groups groups_along(const Dims& dims, const std::vector<std::int64_t>& axes) {
  Dims outer = dims, inner = dims;
  std::vector<bool> along(dims.size(), false);
  for (std::int64_t a : axes) {
    if (along.at(static_cast<std::size_t>(a)))
      throw InvalidNode("axis " + std::to_string(a) + " stands twice");
    along[static_cast<std::size_t>(a)] = true;
  }
  for (std::size_t d = 0; d < dims.size(); ++d) (along[d] ? outer : inner)[d] = 1;
  Groups groups;
  groups.count = static_cast<std::size_t>(element_count(outer));
  groups.size = static_cast<std::size_t>(element_count(inner));
  groups.index.reserve(groups.count * groups.size);
  if (element_count(dims) == 0) return groups;  // of size 0, or none
  // Offsets of a set's elements within it are those of the first set.
  const Dims step = strides(dims);
  const auto offset = [&](const Dims& index) {
    std::int64_t o = 0;
    for (std::size_t d = 0; d < index.size(); ++d) o += index[d] * step[d];
    return o;
  };
  std::vector<std::int64_t> within;
  within.reserve(groups.size);
  for_each_index(inner, [&](const Dims& index) { within.push_back(offset(index)); });
  for_each_index(outer, [&](const Dims& index) {
    const std::int64_t base = offset(index);
    for (std::int64_t o : within) groups.index.push_back(base + o);
  });
  return groups;
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

std::vector<std::int64_t> vector_input(const Inference& inf, std::size_t i) {
  if (inf.rank(i) != 1) throw InvalidNode("input " + std::to_string(i) + " must be 1-D");
  return inf.ints(i);
}

std::vector<std::int64_t> distinct_axes(std::vector<std::int64_t> axes, std::int64_t rank) {
  std::vector<bool> taken(static_cast<std::size_t>(rank));
  for (auto& a : axes) {
    a = Inference::axis(a, rank);
    if (taken[static_cast<std::size_t>(a)])
      throw InvalidNode("axis " + std::to_string(a) + " is given twice");
    taken[static_cast<std::size_t>(a)] = true;
  }
  return axes;
}

std::int64_t checked_product(std::int64_t a, std::int64_t b) {
  std::int64_t p = 0;
  if (__builtin_mul_overflow(a, b, &p)) throw InvalidNode("the size of an axis overflows");
  return p;
}

std::int64_t index_at(const Ints& indices, std::size_t i, std::int64_t size) {
  if (indices.bound(i) != 0) return -1;
  const std::int64_t v = indices.v[i];
  if (v < -size || v >= size)
    throw InvalidNode("index " + std::to_string(v) + " is out of range for size " + std::to_string(size));
  return v < 0 ? v + size : v;
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

namespace {

std::shared_ptr<const Origin> moved(const Origin& from, const std::vector<std::int64_t>& map) {
  for (std::int64_t i : map)
    if (i < 0) return nullptr;  // some come from elsewhere
  auto to = std::make_shared<Origin>();
  to->quantized = from.quantized;
  to->pairs = from.pairs;
  const auto move = [&](const auto& a, auto& b) {
    if (a.empty()) return;
    b.reserve(map.size());
    for (std::int64_t i : map) b.push_back(a[static_cast<std::size_t>(i)]);
  };
  move(from.q, to->q);
  move(from.zero, to->zero);
  move(from.scale, to->scale);
  move(from.chain, to->chain);
  return to;
}

}  // namespace

void gather_elements(const Expected& in, const std::vector<std::int64_t>& map, Expected& out,
                     const Expected* fill) {
  if (in.origin != nullptr) out.origin = moved(*in.origin, map);
  std::visit(
      [&](auto& dst) {
        using D = std::decay_t<decltype(dst)>;
        const D& src = std::get<D>(in.data);
        const D* rest = fill == nullptr ? nullptr : &std::get<D>(fill->data);
        for (std::size_t i = 0; i < map.size(); ++i) {
          const D* from = map[i] >= 0 ? &src : rest;
          if (from == nullptr) continue;
          const auto at = static_cast<std::size_t>(std::max<std::int64_t>(map[i], 0));
          if constexpr (std::is_same_v<D, Strings>) {
            dst[i] = (*from)[at];
          } else {
            dst.v[i] = from->v[at];
            if constexpr (std::is_same_v<D, Ints>)
              dst.set_bound(i, from->bound(at));
            else
              dst.e[i] = from->e[at];
          }
        }
      },
      out.data);
}

void copy_range(const Expected& in, std::size_t from, Expected& out, std::size_t to, std::size_t n) {
  if (n == 0) return;
  std::visit(
      [&](auto& dst) {
        using D = std::decay_t<decltype(dst)>;
        const D& src = std::get<D>(in.data);
        const auto copy = [&](const auto& a, auto& b) {
          std::copy_n(a.begin() + static_cast<std::ptrdiff_t>(from), n,
                      b.begin() + static_cast<std::ptrdiff_t>(to));
        };
        if constexpr (std::is_same_v<D, Strings>) {
          copy(src, dst);
        } else if constexpr (std::is_same_v<D, Ints>) {
          copy(src.v, dst.v);
          if (!src.e.empty())
            for (std::size_t i = 0; i < n; ++i) dst.set_bound(to + i, src.e[from + i]);
        } else {
          copy(src.v, dst.v);
          copy(src.e, dst.e);
        }
      },
      out.data);
}

void copy_elements(const Expected& in, Expected& out) {
  out.data = in.data;
  out.origin = in.origin;
}

void set_open(Expected& out, std::size_t i) {
  std::visit(
      [&](auto& d) {
        using D = std::decay_t<decltype(d)>;
        if constexpr (std::is_same_v<D, Ints>)
          d.set_bound(i, Ints::kOpen);
        else if constexpr (std::is_same_v<D, Strings>)
          throw Unsupported("a string that is left open");
        else
          d.e[i] = std::numeric_limits<std::decay_t<decltype(d.e[i])>>::infinity();
      },
      out.data);
}

void open_divisions_by_zero(Evaluation& ev) {
  const Ints& divisor = ev.input_ints(1);
  const auto map = broadcast_map(ev.dims(1), ev.output().type.dims);
  Ints& y = ev.out_ints();
  for (std::size_t i = 0; i < y.v.size(); ++i)
    if (divisor.v[at(map, i)] == 0) {
      y.set_bound(i, Ints::kOpen);
      ev.unspecified("integer division by zero");
    }
}

void infer_same_as_input(Inference& inf) {
  inf.set_output(0, inf.type(0));
}

void infer_broadcast(Inference& inf) {
  Dims dims = inf.dims(0);
  for (std::size_t i = 1; i < inf.input_count(); ++i) {
    if (inf.type(i).dtype != inf.type(0).dtype) throw InvalidNode("the inputs differ in type");
    dims = broadcast(dims, inf.dims(i));
  }
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
void add_matmul(MatrixView<R> a, MatrixView<R> b, R* y_v, R* y_e, std::int64_t m, std::int64_t k,
                std::int64_t n, const Rounding<R>& rounding) {
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
  if (!std::isfinite(gamma)) {
    ye.setConstant(kInfinity<R>);
    return;
  }
  const bool a_exact = ae.maxCoeff() == 0, b_exact = be.maxCoeff() == 0;
  // e = (1 + gamma)(|a| + ea)(|b| + eb) - |a||b|, without the cancellation and in as few products as it
  // takes.
  ye.array() += flush;
  if (b_exact) {
    const Matrix left = gamma * av.cwiseAbs() + (1 + gamma) * ae;
    ye.noalias() += left * bv.cwiseAbs();
    return;
  }
  const Matrix right = gamma * bv.cwiseAbs() + (1 + gamma) * be;
  ye.noalias() += av.cwiseAbs() * right;
  if (!a_exact) {
    const Matrix left = (1 + gamma) * ae;
    ye.noalias() += left * (bv.cwiseAbs() + be);
  }
}
template void add_matmul(MatrixView<double>, MatrixView<double>, double*, double*, std::int64_t, std::int64_t,
                         std::int64_t, const Rounding<double>&);
template void add_matmul(MatrixView<long double>, MatrixView<long double>, long double*, long double*,
                         std::int64_t, std::int64_t, std::int64_t, const Rounding<long double>&);

MatmulPlan plan_matmul(Dims a, Dims b) {
  if (a.empty() || b.empty()) throw InvalidNode("a matrix product takes no scalars");
  const bool row = a.size() == 1, column = b.size() == 1;
  if (row) a.insert(a.begin(), 1);
  if (column) b.push_back(1);
  MatmulPlan p;
  p.m = a[a.size() - 2];
  p.k = a.back();
  p.n = b.back();
  if (b[b.size() - 2] != p.k) throw InvalidNode("the inner dimensions of a matrix product differ");
  p.a_batch.assign(a.begin(), a.end() - 2);
  p.b_batch.assign(b.begin(), b.end() - 2);
  p.batch = broadcast(p.a_batch, p.b_batch);
  p.out = p.batch;
  if (!row) p.out.push_back(p.m);
  if (!column) p.out.push_back(p.n);
  return p;
}

Dims smaller_broadcast(Rng& rng, const Dims& dims) {
  Dims out = dims;
  if (rng.chance(0.3) && !out.empty())
    out.erase(out.begin(), out.begin() + rng.range(1, static_cast<std::int64_t>(out.size())));
  for (auto& d : out)
    if (rng.chance(0.2)) d = 1;
  return out;
}

DTypeSet drawable(const Draft& d, std::string_view constraint, DTypeSet like) {
  return d.types(constraint) & like;
}

std::int64_t draw_axis(Draft& d, std::int64_t rank, int negative_since) {
  const std::int64_t a = d.rng().range(0, rank - 1);
  return d.opset() >= negative_since && d.rng().chance(0.3) ? a - rank : a;
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
