// Gemm: alpha A' B' + beta C.
#include "fuzzer/ops/known_limits.h"

namespace mob::ops {
namespace {

struct Plan {
  std::int64_t m, k, n;
  bool trans_a, trans_b;
  double alpha, beta;
};

Plan plan(const Inference& inf) {
  if (inf.rank(0) != 2 || inf.rank(1) != 2) throw InvalidNode("Gemm takes matrices");
  const Dims &a = inf.dims(0), &b = inf.dims(1);
  Plan p{.trans_a = inf.node().int_or("transA", 0) != 0, .trans_b = inf.node().int_or("transB", 0) != 0};
  p.alpha = inf.node().float_or("alpha", 1);
  p.beta = inf.node().float_or("beta", 1);
  p.m = a[p.trans_a];
  p.k = a[!p.trans_a];
  p.n = b[!p.trans_b];
  if (b[p.trans_b] != p.k) throw InvalidNode("the inner dimensions of Gemm differ");
  if (inf.has_input(2) && !broadcasts_to(inf.dims(2), {p.m, p.n}))
    throw InvalidNode("C does not broadcast to the product");
  return p;
}

void infer(Inference& inf) {
  const Plan p = plan(inf);
  inf.set_output(0, {inf.type(0).dtype, {p.m, p.n}});
}

// [cols, rows] -> [rows, cols]
template <class T>
std::vector<T> transposed(const std::vector<T>& x, std::int64_t rows, std::int64_t cols) {
  std::vector<T> y(x.size());
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < cols; ++j)
      y[static_cast<std::size_t>(i * cols + j)] = x[static_cast<std::size_t>(j * rows + i)];
  return y;
}

// The operand, row-major and multiplied by `factor`, as [rows, cols]: `x` itself, or made in `storage`.
template <class R>
const Reals<R>& operand(const Reals<R>& x, bool transpose, std::int64_t rows, std::int64_t cols,
                        double factor, const Rounding<R>& rounding, Reals<R>& storage) {
  if (!transpose && factor == 1) return x;
  storage = transpose ? Reals<R>{transposed(x.v, rows, cols), transposed(x.e, rows, cols)} : x;
  if (factor == 1) return storage;
  // Two roundings: the factor's, in a half type, and the product's.
  for (std::size_t i = 0; i < storage.v.size(); ++i)
    storage.set(i, rounding.add(Approx<R>{static_cast<R>(factor)} * storage[i], 2));
  return storage;
}

void evaluate_reals(Evaluation& ev, const Plan& p) {
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto rounding = ev.rounding<R>();
    // A kernel may multiply by alpha before or after the sums: rounding alpha B covers both.
    Reals<R> a_storage, b_storage;
    const Reals<R>& a = operand(ev.reals<R>(0), p.trans_a, p.m, p.k, 1, rounding, a_storage);
    const Reals<R>& b = operand(ev.reals<R>(1), p.trans_b, p.k, p.n, p.alpha, rounding, b_storage);
    auto& y = ev.out_reals<R>();
    add_matmul<R>({a.v.data(), a.e.data()}, {b.v.data(), b.e.data()}, y.v.data(), y.e.data(), p.m, p.k, p.n,
                  rounding);
    const bool has_c = ev.has_input(2);
    const Reals<R> none;
    const Reals<R>& c = has_c ? ev.reals<R>(2) : none;
    const auto map = has_c ? broadcast_map(ev.dims(2), {p.m, p.n}) : std::vector<std::int64_t>{};
    const R gamma = rounding.gamma(static_cast<R>(p.k));
    for (std::size_t i = 0; i < y.v.size(); ++i) {
      Approx<R> x = y[i];
      if (has_c) {
        Approx<R> term = c[at(map, i)];
        // With beta = 0, BLAS does not read C at all: 0 * inf may be left out.
        if (p.beta == 0)
          term = term.finite() && !term.open() ? Approx<R>{0, 0} : open_value<R>();
        else if (p.beta != 1)
          term = rounding.add(Approx<R>{static_cast<R>(p.beta)} * term, 2);
        // C may be what the sum starts from.
        if (term.finite() && !term.open()) term.e += gamma * (std::fabs(term.v) + term.e);
        x = x + term;
      }
      y.set(i, rounding.add(x));
    }
  });
}

void evaluate_ints(Evaluation& ev, const Plan& p) {
  const auto whole = [](double x) {
    if (std::trunc(x) != x || std::fabs(x) > 0x1p53) throw Unsupported("integer Gemm with a broken factor");
    return static_cast<std::uint64_t>(static_cast<std::int64_t>(x));
  };
  const std::uint64_t alpha = whole(p.alpha), beta = whole(p.beta);
  const Ints &a = ev.input_ints(0), &b = ev.input_ints(1);
  const DType t = ev.output().type.dtype;
  Ints& y = ev.out_ints();
  const auto map = ev.has_input(2) ? broadcast_map(ev.dims(2), {p.m, p.n}) : std::vector<std::int64_t>{};
  for (std::int64_t i = 0, o = 0; i < p.m; ++i)
    for (std::int64_t j = 0; j < p.n; ++j, ++o) {
      const auto at_y = static_cast<std::size_t>(o);
      std::uint64_t total = 0;
      bool open = false;
      for (std::int64_t k = 0; k < p.k; ++k) {
        const auto ia = static_cast<std::size_t>(p.trans_a ? k * p.m + i : i * p.k + k);
        const auto ib = static_cast<std::size_t>(p.trans_b ? j * p.k + k : k * p.n + j);
        total += static_cast<std::uint64_t>(a.v[ia]) * static_cast<std::uint64_t>(b.v[ib]);
        open = open || a.bound(ia) != 0 || b.bound(ib) != 0;
      }
      total *= alpha;
      if (ev.has_input(2)) {
        const Ints& c = ev.input_ints(2);
        total += beta * static_cast<std::uint64_t>(c.v[at(map, at_y)]);
        open = open || c.bound(at(map, at_y)) != 0;
      }
      y.v[at_y] = wrap(t, static_cast<std::int64_t>(total));
      if (open) y.set_bound(at_y, Ints::kOpen);
    }
}

void evaluate(Evaluation& ev) {
  const Plan p = plan(ev);
  if (ev.output().holds_ints())
    evaluate_ints(ev, p);
  else
    evaluate_reals(ev, p);
  if (allows_limits(ev)) {
    relax_products(ev, plan_matmul({p.m, p.k}, {p.k, p.n}), {p.trans_a, p.trans_b, p.alpha});
    relax_quantized_weights(ev, p.k, p.alpha, p.beta);
  }
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  const bool trans_a = rng.chance(0.3), trans_b = rng.chance(0.5);
  const ArrayType a = d.input({.types = drawable(d, "T", kNumbers), .dims = Dims{kAny, kAny}});
  const std::int64_t m = a.dims[trans_a], k = a.dims[!trans_a], n = d.size();
  d.input({.types = a.dtype, .dims = trans_b ? Dims{n, k} : Dims{k, n}, .role = Role::kWeight});
  if (d.opset() < 11 || rng.chance(0.75)) {
    const Dims shapes[] = {{n}, {n}, {1, n}, {m, n}, {m, 1}, {1}, {1, 1}, {}};
    d.input({.types = a.dtype, .dims = rng.pick(shapes), .role = Role::kWeight});
  }
  if (trans_a || rng.chance(0.2)) d.attribute("transA", std::int64_t{trans_a});
  if (trans_b || rng.chance(0.2)) d.attribute("transB", std::int64_t{trans_b});
  const bool whole = !is_float(a.dtype);
  const auto factor = [&] {
    return whole ? rng.pick({1.0f, 2.0f, -1.0f}) : rng.pick({1.0f, 0.5f, 2.0f, -1.25f, 0.1f, 0.0f});
  };
  if (rng.chance(0.35)) d.attribute("alpha", factor());
  if (rng.chance(0.35)) d.attribute("beta", factor());
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Gemm", .since = 7, .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family gemm = specs;
}

}  // namespace mob::ops
