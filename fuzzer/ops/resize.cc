// Resize (opset 10; 11 with coordinate modes; 18 with axes and antialiasing) and Upsample (9).
//
// Interpolated integers: ONNX casts the interpolation's result to the type, kernels cut off or round. Where
// it is not whole the element is covered by a bound of one unit.
#include "fuzzer/ops/kernels.h"
#include "fuzzer/ops/resize_draft.h"
#include "fuzzer/ops/resize_plan.h"

namespace mob::ops {
namespace {

void infer(Inference& inf) {
  if (inf.node().op_type == "Upsample" && inf.opset() >= 10) throw InvalidNode("Upsample ended with opset 9");
  const ResizePlan p = resize_plan(inf);
  if (p.mode.interpolation != Interpolation::kNearest && inf.type(0).dtype == DType::kString)
    throw InvalidNode("strings do not interpolate");
  Dims out;
  for (const ResizeAxis& a : p.axes) out.push_back(a.out);
  inf.set_output(0, {inf.type(0).dtype, out});
}

// --- one axis after the other ---

template <class R>
Approx<R> blend(const Reals<R>& x, std::size_t base, std::size_t inner, const Blend& taps, Approx<R> outside,
                const Rounding<R>& rounding) {
  if (taps.empty()) return outside;
  const auto element = [&](const Tap& t) { return x[base + static_cast<std::size_t>(t.at) * inner]; };
  if (taps.size() == 1 && taps[0].weight.v == 1 && taps[0].weight.e == 0) return element(taps[0]);
  constexpr R kGrid = 256;
  Sum<R> sum;
  R magnitude = 0;
  bool on_grid = true;
  for (const Tap& t : taps) {
    const Approx<R> v = element(t), w = {static_cast<R>(t.weight.v), static_cast<R>(t.weight.e)};
    // A weight of 0 for an infinity: some kernels multiply, others leave the element out.
    if (!v.finite() || v.open()) return open_value<R>(v.v);
    if (w.v == 0 && w.e == 0) continue;
    sum.add_product(w, v);
    magnitude += std::fabs(w.v * v.v);
    on_grid = on_grid && w.e == 0 && v.e == 0 && w.v * v.v * kGrid == std::nearbyint(w.v * v.v * kGrid);
  }
  Approx<R> y = sum.result(rounding, 3);
  // Terms on one coarse grid add up without rounding (small whole numbers, weights of quarters).
  if (on_grid && magnitude * kGrid * rounding.u() < R(0.25)) y.e = 0;
  return y;
}

template <class R>
void pass(Reals<R>& x, std::size_t outer, std::size_t in, std::size_t inner, const std::vector<Blends>& ways,
          Approx<R> outside, const Rounding<R>& rounding) {
  Reals<R> y;
  y.resize(outer * ways.size() * inner);
  std::size_t to = 0;
  for (std::size_t o = 0; o < outer; ++o)
    for (const Blends& blends : ways)
      for (std::size_t k = 0; k < inner; ++k, ++to) {
        const std::size_t base = o * in * inner + k;
        Approx<R> v = blend(x, base, inner, blends[0], outside, rounding);
        for (std::size_t b = 1; b < blends.size(); ++b)
          v = either(v, blend(x, base, inner, blends[b], outside, rounding));
        y.set(to, v);
      }
  x = std::move(y);
}

// Nearest, of elements that are no real numbers.
void pass(Expected& x, std::size_t outer, std::size_t in, std::size_t inner, const std::vector<Blends>& ways,
          const Expected& outside, const Dims& dims) {
  Expected y({x.type.dtype, dims});
  std::size_t to = 0;
  for (std::size_t o = 0; o < outer; ++o)
    for (const Blends& blends : ways)
      for (std::size_t k = 0; k < inner; ++k, ++to)
        for (std::size_t b = 0; b < blends.size(); ++b) {
          const Expected& from = blends[b].empty() ? outside : x;
          const std::size_t i =
              blends[b].empty() ? 0 : (o * in + static_cast<std::size_t>(blends[b][0].at)) * inner + k;
          if (b == 0) {
            copy_element(from, i, y, to);
          } else if (auto* s = std::get_if<Strings>(&y.data)) {
            if ((*s)[to] != std::get<Strings>(from.data)[i])
              throw Unsupported("which string is nearest is undecided");
          } else {
            const std::int64_t was = y.ints().v[to], other = from.ints().v[i];
            const std::int64_t e = y.ints().bound(to), other_e = from.ints().bound(i);
            std::int64_t apart = 0;
            const bool far = __builtin_sub_overflow(std::max(was, other), std::min(was, other), &apart) ||
                             __builtin_add_overflow(apart, other_e, &apart);
            y.ints().set_bound(to, far ? Ints::kOpen : std::max(e, apart));
          }
        }
  x = std::move(y);
}

// Calls f(outer, in, inner, ways) for every axis that changes.
template <class F>
void along_axes(const ResizePlan& p, Dims dims, F f) {
  for (std::size_t d = 0; d < p.axes.size(); ++d) {
    const ResizeAxis& a = p.axes[d];
    if (a.identity()) continue;
    const AxisResizer resizer(a, p.mode);
    std::vector<Blends> ways;
    for (std::int64_t i = 0; i < a.out; ++i) ways.push_back(resizer.blends(i));
    dims[d] = a.out;
    f(static_cast<std::size_t>(product(dims, 0, d)), static_cast<std::size_t>(a.in),
      static_cast<std::size_t>(product(dims, d + 1, dims.size())), ways, dims);
  }
}

// Interpolated values to integers: the bound reaches from what cutting off gives to what rounding gives.
void to_ints(Evaluation& ev, const Reals<long double>& x) {
  const DType t = ev.output().type.dtype;
  const long double least = static_cast<long double>(int_min(t));
  const long double most = t == DType::kUint64 ? 0x1p64L - 1 : static_cast<long double>(int_max(t));
  Ints& y = ev.out_ints();
  for (std::size_t i = 0; i < y.v.size(); ++i) {
    const auto v = x[i];
    const auto set_open = [&] { y.set_bound(i, Ints::kOpen); };
    if (!v.finite() || v.open()) {
      set_open();
      continue;
    }
    const long double low = std::min(std::trunc(v.low()), std::nearbyint(v.low()));
    const long double high = std::max(std::trunc(v.high()), std::nearbyint(v.high()));
    if (low < least || high > most) {
      ev.unspecified("an interpolated value beyond the integer type");
      set_open();
      continue;
    }
    const long double middle = std::nearbyint(v.v), e = std::max(high - middle, middle - low);
    y.v[i] = saturate(t, middle);
    const bool whole_bool = v.e == 0 && v.v == middle;
    if (t == DType::kBool ? !whole_bool : e > 0)
      y.set_bound(i, t == DType::kBool || e > 0x1p62L ? Ints::kOpen : static_cast<std::int64_t>(e));
  }
}

template <class R>
Reals<R> interpolated(Evaluation& ev, const ResizePlan& p, R outside) {
  Reals<R> x = ev.reals<R>(0);
  const DType t = ev.output().type.dtype;
  const Rounding<R> rounding = is_float(t) ? ev.rounding<R>() : Rounding<R>(DType::kFloat);
  if (!is_float(t))  // large integers lose digits on the way to float32
    for (std::size_t i = 0; i < x.v.size(); ++i)
      if (static_cast<R>(static_cast<float>(x.v[i])) != x.v[i]) x.set(i, rounding.add(x[i]));
  along_axes(p, ev.dims(0), [&](auto outer, auto in, auto inner, const auto& ways, const Dims&) {
    pass<R>(x, outer, in, inner, ways, {outside, 0}, rounding);
    // Antialiasing kernels for integers work in fixed point and round after each axis, in any order of these.
    if (!is_float(t) && p.mode.antialias)
      for (auto& e : x.e) e += R(0.5);
  });
  return x;
}

void evaluate(Evaluation& ev) {
  if (ev.output().count() == 0) return;
  const ResizePlan p = resize_plan(ev);
  const DType t = ev.output().type.dtype;
  const double outside = ev.opset() < 11 ? 0 : ev.node().float_or("extrapolation_value", 0);
  const bool nearest = p.mode.interpolation == Interpolation::kNearest;
  if (is_float(t)) {
    with_reals(t, [&](auto zero) {
      using R = decltype(zero);
      ev.out_reals<R>() = interpolated<R>(ev, p, static_cast<R>(Tensor::scalar(t, outside).real_at(0)));
      auto& y = ev.out_reals<R>();
      const auto rounding = ev.rounding<R>();
      if (!nearest)
        for (std::size_t i = 0; i < y.v.size(); ++i) y.set(i, rounding.add(y[i]));
    });
    return;
  }
  if (!nearest) {
    to_ints(ev, interpolated<long double>(ev, p, outside));
    return;
  }
  Expected fill({t, {}});
  if (t != DType::kString) {
    fill = exact(Tensor::scalar(t, outside));
    if (std::nearbyint(outside) != outside) fill.ints().set_bound(0, 1);
    const bool fits =
        outside >= static_cast<double>(int_min(t)) && outside <= static_cast<double>(int_max(t));
    if (t != DType::kBool && !fits) fill.ints().set_bound(0, Ints::kOpen);
  }
  Expected x = ev.input(0);
  along_axes(p, ev.dims(0), [&](auto outer, auto in, auto inner, const auto& ways, const Dims& dims) {
    pass(x, outer, in, inner, ways, fill, dims);
  });
  ev.output().data = std::move(x.data);
}

constexpr OpSpec specs[] = {
    {.name = "Resize", .since = 10, .draft = draft_resize, .infer = infer, .evaluate = evaluate},
    {.name = "Upsample", .since = 9, .draft = draft_upsample, .infer = infer, .evaluate = evaluate},
};

}  // namespace

namespace family {
extern constinit const Family resize = specs;
}

}  // namespace mob::ops
