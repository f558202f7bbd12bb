// Loops that operators share: broadcasting, elementwise maps, moves of elements, dot products.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "fuzzer/ops/op_spec.h"

namespace mob::ops {

// --- shapes ----------------------------------------------------------------------------------------

// Row-major strides in elements.
Dims strides(const Dims& dims);

// Multidirectional broadcasting (ONNX "Broadcasting in ONNX"); InvalidNode where it fails.
Dims broadcast(const Dims& a, const Dims& b);
// Whether `from` broadcasts to `to` without changing it (unidirectional).
bool broadcasts_to(const Dims& from, const Dims& to);
// For each element of `to`, the index of the element of `from` that stands there; empty for identity.
std::vector<std::int64_t> broadcast_map(const Dims& from, const Dims& to);
inline std::size_t at(const std::vector<std::int64_t>& map, std::size_t i) {
  return map.empty() ? i : static_cast<std::size_t>(map[i]);
}

// Product of dims[from, to).
std::int64_t product(const Dims& dims, std::size_t from, std::size_t to);

// Calls f(index) for every index of `dims` in row-major order; `index` is a Dims of the same rank.
template <class F>
void for_each_index(const Dims& dims, F&& f) {
  const std::int64_t n = element_count(dims);
  Dims index(dims.size(), 0);
  for (std::int64_t i = 0; i < n; ++i) {
    f(static_cast<const Dims&>(index));
    for (std::size_t d = dims.size(); d-- > 0;) {
      if (++index[d] < dims[d]) break;
      index[d] = 0;
    }
  }
}

// The sets of elements that lie along `axes` (in range; their order does not matter): those that one
// reduction, one softmax, one normalization sees. Sets and their elements are in row-major order, so that
// set g belongs to element g of the shape without these axes.
struct Groups {
  std::size_t count = 0;  // of sets
  std::size_t size = 0;   // of each
  std::vector<std::int64_t> index;
  std::span<const std::int64_t> operator[](std::size_t g) const { return {index.data() + g * size, size}; }
};
// InvalidNode where an axis stands twice.
Groups groups_along(const Dims& dims, const std::vector<std::int64_t>& axes);

// --- integers --------------------------------------------------------------------------------------

// x reduced to the range of `t` in two's complement, as every runtime's kernels do on overflow.
std::int64_t wrap(DType t, std::int64_t x);
std::int64_t saturate(DType t, long double x);  // x must not be NaN

// Whether v - e or v + e is beyond the range of `t`: there the result of a kernel may be far away.
inline bool may_wrap(DType t, std::int64_t v, std::int64_t e) {
  const bool u64 = t == DType::kUint64;
  const __int128 x = u64 ? static_cast<__int128>(static_cast<std::uint64_t>(v)) : static_cast<__int128>(v);
  const __int128 top = u64 ? static_cast<__int128>(~std::uint64_t{0}) : static_cast<__int128>(int_max(t));
  return x - e < int_min(t) || x + e > top;
}

// --- parameters ------------------------------------------------------------------------------------

// Values of input i, a 1-D tensor of integers (axes, a shape, pads).
std::vector<std::int64_t> vector_input(const Inference& inf, std::size_t i);
// Each axis as one in [0, rank); InvalidNode if one is out of range or stands twice.
std::vector<std::int64_t> distinct_axes(std::vector<std::int64_t> axes, std::int64_t rank);
// a * b as a size of an axis; InvalidNode on overflow.
std::int64_t checked_product(std::int64_t a, std::int64_t b);
// Element i of an index tensor as a position in [0, size), negative ones counted from the end; -1 where the
// element is undecided. InvalidNode when it is out of range.
std::int64_t index_at(const Ints& indices, std::size_t i, std::int64_t size);

// --- moves -----------------------------------------------------------------------------------------

// out[i] = in[map[i]], any kind of element; where map[i] < 0 the element of `fill` (a scalar; null: zero).
// What quantization knows of the elements (Origin) moves with them, here and in `copy_elements`.
void gather_elements(const Expected& in, const std::vector<std::int64_t>& map, Expected& out,
                     const Expected* fill = nullptr);
// Copies element `from` of `in` to element `to` of `out`; both of one dtype.
void copy_element(const Expected& in, std::size_t from, Expected& out, std::size_t to);
// All elements in order (Reshape and its kin).
void copy_elements(const Expected& in, Expected& out);

// Elements [from, from + n) of `in` to [to, to + n) of `out`.
void copy_range(const Expected& in, std::size_t from, Expected& out, std::size_t to, std::size_t n);

// Stores into a floating-point tensor of any type (where inputs and outputs differ in type).
template <class R>
void set_real(Expected& out, std::size_t i, Approx<R> x) {
  if (auto* d = std::get_if<Reals<double>>(&out.data))
    d->set(i, {static_cast<double>(x.v), static_cast<double>(x.e)});
  else
    std::get<Reals<long double>>(out.data).set(
        i, {static_cast<long double>(x.v), static_cast<long double>(x.e)});
}

// Marks element i of `out` open.
void set_open(Expected& out, std::size_t i);

// --- elementwise -----------------------------------------------------------------------------------

// Floating-point output i = f(Approx) for one input of any numeric type, then `ulps` roundings (and an
// absolute error of `absolute` u). f is generic: called with Approx<double> or Approx<long double>.
template <class F>
void map_reals(Evaluation& ev, F f, double ulps = 1, double absolute = 0) {
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& x = ev.reals<R>(0);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    for (std::size_t i = 0; i < y.v.size(); ++i)
      y.set(i, rounding.add(f(x[i]), static_cast<R>(ulps), static_cast<R>(absolute)));
  });
}

// Integer output = f(int64), wrapped to the type. An element with a bound becomes open.
template <class F>
void map_ints(Evaluation& ev, F f) {
  const Ints& x = ev.input_ints(0);
  Ints& y = ev.out_ints();
  const DType t = ev.output().type.dtype;
  for (std::size_t i = 0; i < y.v.size(); ++i) {
    y.v[i] = wrap(t, f(x.v[i]));
    if (x.bound(i) != 0) y.set_bound(i, Ints::kOpen);
  }
}

// Two inputs, broadcast; floating point.
template <class F>
void zip_reals(Evaluation& ev, F f, double ulps = 1, double absolute = 0) {
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& a = ev.reals<R>(0);
    const auto& b = ev.reals<R>(1);
    const auto ma = broadcast_map(ev.dims(0), ev.output().type.dims);
    const auto mb = broadcast_map(ev.dims(1), ev.output().type.dims);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    for (std::size_t i = 0; i < y.v.size(); ++i)
      y.set(i, rounding.add(f(a[at(ma, i)], b[at(mb, i)]), static_cast<R>(ulps), static_cast<R>(absolute)));
  });
}

// Two inputs, broadcast; integers. f(a, b) gives the value; bound(a, ea, b, eb) how far it may be off when
// an operand is (never called with kOpen).
template <class F, class B>
void zip_ints(Evaluation& ev, F f, B bound) {
  const Ints& a = ev.input_ints(0);
  const Ints& b = ev.input_ints(1);
  const auto ma = broadcast_map(ev.dims(0), ev.output().type.dims);
  const auto mb = broadcast_map(ev.dims(1), ev.output().type.dims);
  Ints& y = ev.out_ints();
  const DType t = ev.output().type.dtype;
  for (std::size_t i = 0; i < y.v.size(); ++i) {
    const std::size_t ia = at(ma, i), ib = at(mb, i);
    y.v[i] = wrap(t, f(a.v[ia], b.v[ib]));
    const std::int64_t ea = a.bound(ia), eb = b.bound(ib);
    if (ea == 0 && eb == 0) continue;
    const bool open = ea == Ints::kOpen || eb == Ints::kOpen;
    const std::int64_t e = open ? Ints::kOpen : bound(a.v[ia], ea, b.v[ib], eb);
    y.set_bound(i, may_wrap(t, y.v[i], e) ? Ints::kOpen : e);
  }
}
// The bound that gives up: open.
inline constexpr auto kOpenBound = [](std::int64_t, std::int64_t, std::int64_t, std::int64_t) {
  return Ints::kOpen;
};

// Of integers, elements whose divisor (input 1) is zero: ONNX leaves them open.
void open_divisions_by_zero(Evaluation& ev);

// The output type of an elementwise operator: input 0's, or all inputs broadcast.
void infer_same_as_input(Inference& inf);
void infer_broadcast(Inference& inf);

// --- sums and products -------------------------------------------------------------------------------

// Sum of n terms in any order: the propagated bounds, plus gamma_{n-1} of the sum of magnitudes (Higham 4.2).
template <class R>
class Sum {
 public:
  void add(Approx<R> x) {
    total_ = total_ + x;
    magnitude_ += std::fabs(x.v) + x.e;
    ++n_;
  }
  void add_product(Approx<R> a, Approx<R> b) { add(a * b); }
  // `extra`: roundings of each term before it was added (1 for a product).
  Approx<R> result(const Rounding<R>& rounding, R extra = 0) const {
    Approx<R> x = total_;
    if (!x.finite() || x.open() || n_ == 0 || (n_ == 1 && extra == 0)) return x;
    x.e += rounding.gamma(static_cast<R>(std::max<std::int64_t>(n_ - 1, 0)) + extra) * magnitude_ +
           static_cast<R>(n_) * rounding.eta();
    // Terms of both signs, some order of which overflows on the way.
    if (magnitude_ > rounding.max_finite() && std::fabs(x.v) + x.e < magnitude_) return open_value(x.v);
    return x;
  }
  std::int64_t terms() const { return n_; }

 private:
  Approx<R> total_;
  R magnitude_ = 0;
  std::int64_t n_ = 0;
};

// y[m,n] += a[m,k] b[k,n], row-major, with bounds, products and sums rounded in any order (gamma_k of
// |a||b|). The result's own rounding is the caller's. Fast (Eigen) where all is finite and decided.
template <class R>
struct MatrixView {
  const R* v;
  const R* e;
};
template <class R>
void add_matmul(MatrixView<R> a, MatrixView<R> b, R* y_v, R* y_e, std::int64_t m, std::int64_t k,
                std::int64_t n, const Rounding<R>& rounding);

// The operands of numpy's matmul seen as stacks of matrices: a 1-D operand gets an axis of 1 that the result
// drops.
struct MatmulPlan {
  Dims batch, a_batch, b_batch;
  std::int64_t m = 1, k = 0, n = 1;
  Dims out;  // the result's shape
};
MatmulPlan plan_matmul(Dims a, Dims b);

// --- drafting ----------------------------------------------------------------------------------------

// Random dims that broadcast to `dims` without enlarging it: leading ones dropped, some set to 1.
Dims smaller_broadcast(Rng& rng, const Dims& dims);
// Types to draw from: the schema's (and the runtime's), cut to `like`.
DTypeSet drawable(const Draft& d, std::string_view constraint, DTypeSet like = kAnyDType);
// What operators that only move elements take.
inline constexpr DTypeSet kMovable =
    kAnyDType | kSmallInts | kFloat8s | DTypeSet{DType::kString, DType::kFloat4E2M1, DType::kFloat8E8M0};
// An axis of a tensor of this rank, sometimes counted from the end where the opset allows it.
std::int64_t draw_axis(Draft& d, std::int64_t rank, int negative_since = 11);
// The draft of every unary elementwise operator: one input of the schema's first parameter.
bool draft_unary(Draft& d, ValueRange range = {}, DTypeSet like = kAnyDType);
// Two operands that broadcast against each other, of one type.
bool draft_binary(Draft& d, ValueRange left = {}, ValueRange right = {}, DTypeSet like = kAnyDType);

}  // namespace mob::ops
