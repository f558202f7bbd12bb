// MatMulInteger, QLinearMatMul: matrix products of integers less their zero points, summed exactly.
#include "fuzzer/ops/known_limits.h"

namespace mob::ops {
namespace {

// Where each operand and its parameters stand among the inputs; 0 for a parameter that the operator lacks.
struct Slots {
  std::size_t a, a_scale, a_zero, b, b_scale, b_zero;
};
constexpr Slots kInteger = {0, 0, 2, 1, 0, 3};
constexpr Slots kQLinear = {0, 1, 2, 3, 4, 5};

MatmulPlan plan(const Inference& inf, const Slots& s) {
  return plan_matmul(inf.dims(s.a), inf.dims(s.b));
}

// For each element of the operand (or, with `per_line`, of the operand with its inner axis cut to 1) the
// element of a parameter: a scalar, one per row of a or column of b, or of the operand's rank.
std::vector<std::int64_t> parameter_map(const Inference& inf, std::size_t parameter, std::size_t operand,
                                        bool rows, bool per_line) {
  Dims dims = inf.dims(parameter), to = inf.dims(operand);
  const std::size_t rank = to.size(), inner = rows || rank == 1 ? rank - 1 : rank - 2;
  if (dims.size() <= 1 && element_count(dims) == 1) dims.clear();
  if (rows && rank > 1 && dims.size() == 1) dims.push_back(1);
  // What changes along the inner axis could not be taken out of the sum.
  const std::size_t lead = rank - std::min(rank, dims.size());
  if (!broadcasts_to(dims, to) || (inner >= lead && dims[inner - lead] != 1))
    throw InvalidNode("a scale or zero point fits neither the operand nor its " +
                      std::string(rows ? "rows" : "columns"));
  if (per_line) to[inner] = 1;
  auto map = broadcast_map(dims, to);
  if (map.empty()) {
    map.resize(static_cast<std::size_t>(element_count(to)));
    for (std::size_t i = 0; i < map.size(); ++i) map[i] = static_cast<std::int64_t>(i);
  }
  return map;
}

// The operand less its zero point. Integers are exact in double.
Reals<double> centred(Evaluation& ev, std::size_t operand, std::size_t zero, bool rows) {
  Reals<double> x = ev.reals<double>(operand);
  if (!ev.has_input(zero)) return x;
  const auto map = parameter_map(ev, zero, operand, rows, false);
  const auto& z = ev.reals<double>(zero);
  for (std::size_t i = 0; i < x.v.size(); ++i) x.set(i, x[i] - z[static_cast<std::size_t>(map[i])]);
  return x;
}

// Calls f(index of y, sum, line of a, line of b) for every element; the sum is exact for integers.
template <class F>
void for_each_sum(Evaluation& ev, const Slots& s, const MatmulPlan& p, const Rounding<double>& rounding,
                  F&& f) {
  const Reals<double> a = centred(ev, s.a, s.a_zero, true), b = centred(ev, s.b, s.b_zero, false);
  const auto ma = broadcast_map(p.a_batch, p.batch), mb = broadcast_map(p.b_batch, p.batch);
  const auto m = static_cast<std::size_t>(p.m), k = static_cast<std::size_t>(p.k),
             n = static_cast<std::size_t>(p.n);
  const bool whole = ev.input(s.a).holds_ints() && ev.input(s.b).holds_ints();
  const bool saturating = ev.arithmetic().saturating_u8s8 && whole && k > 0;
  for (std::size_t t = 0, at_y = 0; t < static_cast<std::size_t>(element_count(p.batch)); ++t)
    for (std::size_t i = 0; i < m; ++i)
      for (std::size_t j = 0; j < n; ++j, ++at_y) {
        const std::size_t ia = (at(ma, t) * m + i) * k, ib = at(mb, t) * k * n + j;
        Sum<double> sum;
        Approx<double> exact;
        for (std::size_t q = 0; q < k; ++q) {
          const Approx<double> x = a[ia + q] * b[ib + q * n];
          if (whole)
            exact = exact + x;
          else
            sum.add(x);
        }
        Approx<double> total = whole ? exact : sum.result(rounding, 1);
        if (saturating)
          total.e += static_cast<double>(saturation_gap(
              {ev.type(s.a).dtype, &ev.input_ints(s.a).v[ia]},
              {ev.type(s.b).dtype, &ev.input_ints(s.b).v[ib], static_cast<std::int64_t>(n)}, p.k));
        f(at_y, total, at(ma, t) * m + i, at(mb, t) * n + j);
      }
}

// --- MatMulInteger ---

void infer_integer(Inference& inf) {
  inf.set_output(0, {DType::kInt32, plan(inf, kInteger).out});
}

void integer(Evaluation& ev) {
  Ints& y = ev.out_ints();
  const Rounding<double> unused(DType::kFloat);
  for_each_sum(ev, kInteger, plan(ev, kInteger), unused,
               [&](std::size_t i, Approx<double> sum, std::size_t, std::size_t) {
                 y.v[i] = wrap(DType::kInt32, static_cast<std::int64_t>(sum.v));
                 y.set_bound(i, sum.open() ? Ints::kOpen : static_cast<std::int64_t>(sum.e));
               });
}

// --- QLinearMatMul ---

void infer_qlinear(Inference& inf) {
  if (element_count(inf.dims(6)) != 1 || element_count(inf.dims(7)) != 1)
    throw Unsupported("QLinearMatMul whose result has more than one scale");
  inf.set_output(0, {inf.type(7).dtype, plan(inf, kQLinear).out});
}

void qlinear(Evaluation& ev) {
  const MatmulPlan p = plan(ev, kQLinear);
  const Rounding<double> rounding(ev.type(6).dtype);
  const auto &sa = ev.reals<double>(1), &sb = ev.reals<double>(4);
  const auto line_a = parameter_map(ev, 1, 0, true, true), line_b = parameter_map(ev, 4, 3, false, true);
  const Approx<double> sy = ev.reals<double>(6)[0], zero = ev.reals<double>(7)[0];
  // The sum converted, two steps for the factor, the product, and one to spare for dividing late.
  Quantizer quantizer(ev, rounding, 5);
  for_each_sum(ev, kQLinear, p, rounding,
               [&](std::size_t i, Approx<double> sum, std::size_t a, std::size_t b) {
                 // The sum of a kernel has 32 bits.
                 if (ev.input(0).holds_ints() && std::fabs(sum.v) > 0x1p31) sum = open_value(sum.v);
                 const Approx<double> factor =
                     sa[static_cast<std::size_t>(line_a[a])] * sb[static_cast<std::size_t>(line_b[b])] / sy;
                 quantizer.set(i, sum * factor, zero);
               });
}

// --- drafts ---

// Dimensions for b, so that it multiplies a.
Dims draft_right(Draft& d, const Dims& a) {
  Rng& rng = d.rng();
  Dims b = {a.back(), d.size()};
  if (a.size() > 2 && rng.chance(0.4)) {
    const Dims batch = smaller_broadcast(rng, Dims(a.begin(), a.end() - 2));
    b.insert(b.begin(), batch.begin(), batch.end());
  }
  return b;
}

ArrayType draft_left(Draft& d, DType t) {
  return d.input({.types = t, .min_rank = 1, .max_rank = 4, .range = whole_range(t)});
}
ArrayType draft_weights(Draft& d, DType t, const Dims& a) {
  const Dims dims = a.size() == 1 ? Dims{a[0], d.size()} : draft_right(d, a);
  return d.input({.types = t, .dims = dims, .role = Role::kWeight, .range = weight_range(d.rng(), t)});
}

bool draft_integer(Draft& d) {
  Rng& rng = d.rng();
  const ByteTypes types = draw_bytes(d);
  const ArrayType a = draft_left(d, types.a), b = draft_weights(d, types.b, a.dims);
  const bool zero_a = rng.chance(0.6), zero_b = rng.chance(0.6);
  if (zero_a)
    d.input(draw_zeros(rng, a.dtype, rng.chance(0.8) ? Dims{} : Dims{1}));
  else if (zero_b)
    d.skip_input();
  if (!zero_b) return true;
  Dims dims = rng.chance(0.6) ? Dims{} : Dims{b.dims.back()};
  if (dims.size() == 1 && b.rank() > 2) {  // per column of each matrix
    dims = b.dims;
    dims[dims.size() - 2] = 1;
  }
  d.input(draw_zeros(rng, b.dtype, dims));
  return true;
}

bool draft_qlinear(Draft& d) {
  Rng& rng = d.rng();
  const ByteTypes types = draw_bytes(d);
  const DTypeSet scales = d.opset() < 21 ? DTypeSet(DType::kFloat) : drawable(d, "TS", kFloats);
  const DType scale =
      draw_type(d, scales, rng.chance(0.8) ? DTypeSet(DType::kFloat) : DTypeSet(DType::kFloat16));
  const ArrayType a = draft_left(d, types.a);
  d.input(draw_scales(rng, scale, a.dtype, {}));
  d.input(draw_zeros(rng, a.dtype, {}));
  const ArrayType b = draft_weights(d, types.b, a.dims);
  const Dims lines = b.rank() == 2 && rng.chance(0.35) ? Dims{b.dims[1]} : Dims{};
  d.input(draw_scales(rng, scale, b.dtype, lines));
  d.input(draw_zeros(rng, b.dtype, lines));
  const double spread = 2 * std::sqrt(static_cast<double>(std::max<std::int64_t>(a.dims.back(), 1)));
  d.input(draw_scales(rng, scale, types.y, {}, spread));
  d.input(draw_zeros(rng, types.y, {}));
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "MatMulInteger",
     .since = 10,
     .draft = draft_integer,
     .infer = infer_integer,
     .evaluate = integer},
    {.name = "QLinearMatMul",
     .since = 10,
     .draft = draft_qlinear,
     .infer = infer_qlinear,
     .evaluate = qlinear},
};

}  // namespace

namespace family {
extern constinit const Family qlinear_matmul = specs;
}

}  // namespace mob::ops
