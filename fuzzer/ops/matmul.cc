// MatMul: numpy's matmul.
#include "fuzzer/ops/known_limits.h"

namespace mob::ops {
namespace {

MatmulPlan plan(const Inference& inf) {
  return plan_matmul(inf.dims(0), inf.dims(1));
}

void infer(Inference& inf) {
  inf.set_output(0, {inf.type(0).dtype, plan(inf).out});
}

void evaluate_ints(Evaluation& ev, const MatmulPlan& p) {
  const Ints &a = ev.input_ints(0), &b = ev.input_ints(1);
  const auto ma = broadcast_map(p.a_batch, p.batch), mb = broadcast_map(p.b_batch, p.batch);
  const DType t = ev.output().type.dtype;
  Ints& y = ev.out_ints();
  std::size_t at_y = 0;
  for (std::size_t s = 0; s < static_cast<std::size_t>(element_count(p.batch)); ++s)
    for (std::int64_t i = 0; i < p.m; ++i)
      for (std::int64_t j = 0; j < p.n; ++j, ++at_y) {
        std::uint64_t total = 0;
        bool open = false;
        for (std::int64_t k = 0; k < p.k; ++k) {
          const auto ia =
              at(ma, s) * static_cast<std::size_t>(p.m * p.k) + static_cast<std::size_t>(i * p.k + k);
          const auto ib =
              at(mb, s) * static_cast<std::size_t>(p.k * p.n) + static_cast<std::size_t>(k * p.n + j);
          total += static_cast<std::uint64_t>(a.v[ia]) * static_cast<std::uint64_t>(b.v[ib]);
          open = open || a.bound(ia) != 0 || b.bound(ib) != 0;
        }
        y.v[at_y] = wrap(t, static_cast<std::int64_t>(total));
        if (open) y.set_bound(at_y, Ints::kOpen);
      }
}

void evaluate(Evaluation& ev) {
  const MatmulPlan p = plan(ev);
  if (ev.output().holds_ints()) {
    evaluate_ints(ev, p);
    return;
  }
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto &a = ev.reals<R>(0), &b = ev.reals<R>(1);
    auto& y = ev.out_reals<R>();
    const auto rounding = ev.rounding<R>();
    const auto ma = broadcast_map(p.a_batch, p.batch), mb = broadcast_map(p.b_batch, p.batch);
    const auto stack = static_cast<std::size_t>(element_count(p.batch));
    for (std::size_t s = 0; s < stack; ++s) {
      const auto ia = at(ma, s) * static_cast<std::size_t>(p.m * p.k);
      const auto ib = at(mb, s) * static_cast<std::size_t>(p.k * p.n);
      const auto iy = s * static_cast<std::size_t>(p.m * p.n);
      add_matmul<R>({a.v.data() + ia, a.e.data() + ia}, {b.v.data() + ib, b.e.data() + ib}, y.v.data() + iy,
                    y.e.data() + iy, p.m, p.k, p.n, rounding);
    }
    for (std::size_t i = 0; i < y.v.size(); ++i) y.set(i, rounding.add(y[i]));
  });
  if (allows_limits(ev)) {
    relax_products(ev, p);
    relax_quantized_weights(ev, p.k, /*alpha=*/1, /*beta=*/1, /*bias_follows=*/true);
  }
}

bool draft(Draft& d) {
  const ArrayType a = d.input({.types = drawable(d, "T", kNumbers), .min_rank = 1, .max_rank = 4});
  Dims b = {a.dims.back()};
  if (d.rng().chance(0.9)) {
    b.push_back(d.size());
    if (a.rank() > 2 && d.rng().chance(0.6)) {
      const Dims batch = smaller_broadcast(d.rng(), Dims(a.dims.begin(), a.dims.end() - 2));
      b.insert(b.begin(), batch.begin(), batch.end());
    } else if (d.rng().chance(0.1)) {
      b.insert(b.begin(), a.rank() > 2 ? a.dims[a.rank() - 3] : d.size());
    }
  }
  d.input({.types = a.dtype, .dims = b, .role = Role::kWeight});
  return true;
}

constexpr OpSpec specs[] = {{.name = "MatMul", .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family matmul = specs;
}

}  // namespace mob::ops
