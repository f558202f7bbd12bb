// Resize (opset 10; 11 with coordinate modes; 18 with axes and antialiasing) and Upsample (9).
//
// Interpolated integers: ONNX casts the interpolation's result to the type, kernels cut off or round. Where it
// is not whole the element is covered by a bound of one unit.
#include "fuzzer/base/check.h"
#include "fuzzer/ops/kernels.h"
#include "fuzzer/ops/resize_axis.h"

namespace mob::ops {
namespace {

struct Plan {
  ResizeMode mode;
  std::vector<ResizeAxis> axes;  // one for each axis of X
};

std::vector<double> exact_reals(const Inference& inf, std::size_t i) {
  const Expected& x = inf.input(i);
  if (x.type.rank() != 1 || !x.holds_reals()) throw InvalidNode("scales and roi are lists of numbers");
  std::vector<double> values;
  for (std::size_t k = 0; k < x.count(); ++k) {
    if (x.bound_at(k) != 0) throw Unsupported("a scale or a region of Resize is undecided");
    if (!std::isfinite(x.value_at(k))) throw InvalidNode("a scale or a region of Resize is not finite");
    values.push_back(x.value_at(k));
  }
  return values;
}

template <class... Words>
std::string one_of(const Inference& inf, std::string_view attribute, Words... words) {
  const std::string first[] = {words...};
  const std::string given = inf.node().string_or(attribute, first[0]);
  if (((given != words) && ...)) throw InvalidNode("there is no " + std::string(attribute) + " '" + given + "'");
  return given;
}

ResizeMode mode_of(const Inference& inf) {
  ResizeMode m;
  const std::string mode = one_of(inf, "mode", "nearest", "linear", "cubic");
  m.interpolation = mode == "nearest"  ? Interpolation::kNearest
                    : mode == "linear" ? Interpolation::kLinear
                                       : Interpolation::kCubic;
  if (inf.opset() < 11) {
    if (mode == "cubic") throw InvalidNode("cubic before opset 11");
    m.transform = "asymmetric";
    return m;
  }
  m.transform = one_of(inf, "coordinate_transformation_mode", "half_pixel", "half_pixel_symmetric",
                       "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn",
                       "tf_crop_and_resize");
  m.nearest_mode = one_of(inf, "nearest_mode", "round_prefer_floor", "round_prefer_ceil", "floor", "ceil");
  m.cubic_a = inf.node().float_or("cubic_coeff_a", -0.75);
  m.antialias = inf.node().int_or("antialias", 0) != 0;
  m.exclude_outside = inf.node().int_or("exclude_outside", 0) != 0;
  if (!(std::fabs(m.cubic_a) < 1000)) throw Unsupported("cubic_coeff_a is out of proportion");
  if (m.interpolation == Interpolation::kNearest && m.antialias) throw InvalidNode("antialias of nearest");
  if (m.interpolation == Interpolation::kNearest && m.exclude_outside) throw Unsupported("exclude_outside of nearest");
  return m;
}

// floor(in * scale), in doubt where float32 rounds it up to the next whole number.
std::int64_t scaled(std::int64_t in, double scale) {
  const double exact = std::floor(static_cast<double>(in) * scale);
  if (!(exact < 0x1p53)) throw InvalidNode("Resize makes an axis too large");
  if (exact != std::floor(static_cast<float>(in) * static_cast<float>(scale)))
    throw Unsupported("the output size of Resize is undecided");
  return static_cast<std::int64_t>(exact);
}

void set_scale(ResizeAxis& a, double scale) {
  if (!(scale > 0)) throw InvalidNode("a scale of Resize is not positive");
  a.scale = {scale, 0};
  a.out = scaled(a.in, scale);
  a.width = in_float32(a.scale * Approx<double>{static_cast<double>(a.in), 0});
}

// One scale for all axes, so that no (or every) size is beyond what was asked for.
void keep_ratio(std::vector<ResizeAxis*>& axes, bool larger) {
  const ResizeAxis* chosen = nullptr;
  for (const ResizeAxis* a : axes)
    if (chosen == nullptr || (larger ? a->scale.v > chosen->scale.v : a->scale.v < chosen->scale.v)) chosen = a;
  if (chosen == nullptr) return;
  const Approx<double> scale = chosen->scale;
  for (ResizeAxis* a : axes) {
    a->scale = scale;
    a->width = in_float32(scale * Approx<double>{static_cast<double>(a->in), 0});
    const double low = std::floor(a->width.low() + 0.5), high = std::floor(a->width.high() + 0.5);
    if (low != high) throw Unsupported("the output size of Resize is undecided");
    a->out = static_cast<std::int64_t>(low);
  }
}

void set_sizes(std::vector<ResizeAxis*>& axes, const std::vector<std::int64_t>& sizes, const std::string& policy) {
  for (std::size_t i = 0; i < axes.size(); ++i) {
    ResizeAxis& a = *axes[i];
    if (sizes[i] < 0) throw InvalidNode("a negative size");
    a.out = sizes[i];
    a.width = {static_cast<double>(a.out), 0};
    if (a.in > 0) a.scale = in_float32({static_cast<double>(a.out) / static_cast<double>(a.in), 0});
  }
  if (policy != "stretch") keep_ratio(axes, policy == "not_smaller");
}

Plan plan(const Inference& inf) {
  const bool old = inf.opset() < 11;
  const std::size_t scales_at = old ? 1 : 2;
  Plan p;
  p.mode = mode_of(inf);
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < inf.rank(0); ++i) chosen.push_back(i);
  p.axes.resize(chosen.size());
  for (std::size_t i = 0; i < chosen.size(); ++i) p.axes[i].in = p.axes[i].out = inf.dims(0)[i];
  if (!old && inf.node().has("axes")) chosen = distinct_axes(inf.node().ints_or("axes", {}), inf.rank(0));
  std::vector<ResizeAxis*> axes;
  for (std::int64_t i : chosen) axes.push_back(&p.axes[i]);

  // Before opset 13 an input that is not wanted is an empty tensor.
  const auto given = [&](std::size_t i) { return inf.has_input(i) && inf.type(i).count() > 0; };
  const bool by_scales = given(scales_at), by_sizes = !old && given(3);
  if (by_scales == by_sizes && !axes.empty()) throw InvalidNode("Resize takes either scales or sizes");
  if (p.mode.transform == "tf_crop_and_resize") {
    const auto roi = given(1) ? exact_reals(inf, 1) : std::vector<double>{};
    if (roi.size() != 2 * axes.size()) throw InvalidNode("roi is not twice as long as there are axes");
    for (std::size_t i = 0; i < axes.size(); ++i) {
      axes[i]->start = roi[i];
      axes[i]->end = roi[axes.size() + i];
    }
  }
  if (by_scales) {
    const auto scales = exact_reals(inf, scales_at);
    if (scales.size() != axes.size()) throw InvalidNode("scales are not as many as there are axes");
    for (std::size_t i = 0; i < axes.size(); ++i) {
      if (inf.node().op_type == "Upsample" && scales[i] < 1) throw InvalidNode("Upsample with a scale below 1");
      set_scale(*axes[i], scales[i]);
      const double cropped = static_cast<double>(axes[i]->in) * (axes[i]->end - axes[i]->start) * scales[i];
      // The text multiplies by the region, implementations and ONNX's shape inference do not.
      if (std::floor(cropped) != static_cast<double>(axes[i]->out))
        throw Unsupported("scales with a region: the output size is disputed");
    }
  } else if (by_sizes) {
    const auto sizes = vector_input(inf, 3);
    if (sizes.size() != axes.size()) throw InvalidNode("sizes are not as many as there are axes");
    set_sizes(axes, sizes, one_of(inf, "keep_aspect_ratio_policy", "stretch", "not_larger", "not_smaller"));
  }
  for (const ResizeAxis& a : p.axes)
    if (a.in == 0 && a.out > 0) throw InvalidNode("Resize of an empty axis to one that is not");
  return p;
}

void infer(Inference& inf) {
  if (inf.node().op_type == "Upsample" && inf.opset() >= 10) throw InvalidNode("Upsample ended with opset 9");
  const Plan p = plan(inf);
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
  Sum<R> sum;
  for (const Tap& t : taps) {
    const Approx<R> v = element(t);
    // A weight of 0 for an infinity: some kernels multiply, others leave the element out.
    if (!v.finite() || v.open()) return open_value<R>(v.v);
    if (t.weight.v == 0 && t.weight.e == 0) continue;
    sum.add_product({static_cast<R>(t.weight.v), static_cast<R>(t.weight.e)}, v);
  }
  return sum.result(rounding, 3);
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
            if ((*s)[to] != std::get<Strings>(from.data)[i]) throw Unsupported("which string is nearest is undecided");
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
void along_axes(const Plan& p, Dims dims, F f) {
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
Reals<R> interpolated(Evaluation& ev, const Plan& p, R outside) {
  Reals<R> x = ev.reals<R>(0);
  const DType t = ev.output().type.dtype;
  const Rounding<R> rounding = is_float(t) ? ev.rounding<R>() : Rounding<R>(DType::kFloat);
  if (!is_float(t))  // large integers lose digits on the way to float32
    for (std::size_t i = 0; i < x.v.size(); ++i)
      if (static_cast<R>(static_cast<float>(x.v[i])) != x.v[i]) x.set(i, rounding.add(x[i]));
  along_axes(p, ev.dims(0), [&](auto outer, auto in, auto inner, const auto& ways, const Dims&) {
    pass<R>(x, outer, in, inner, ways, {outside, 0}, rounding);
  });
  return x;
}

void evaluate(Evaluation& ev) {
  if (ev.output().count() == 0) return;
  const Plan p = plan(ev);
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
    if (t != DType::kBool && !(outside >= static_cast<double>(int_min(t)) && outside <= static_cast<double>(int_max(t))))
      fill.ints().set_bound(0, Ints::kOpen);
  }
  Expected x = ev.input(0);
  along_axes(p, ev.dims(0), [&](auto outer, auto in, auto inner, const auto& ways, const Dims& dims) {
    pass(x, outer, in, inner, ways, fill, dims);
  });
  ev.output().data = std::move(x.data);
}

// --- drafting ---

Tensor floats(DType t, const std::vector<double>& v) {
  return Tensor::of(t, {static_cast<std::int64_t>(v.size())}, v);
}

// A scale whose output size no rounding puts in doubt.
double draw_scale(Rng& rng, std::int64_t n, double least) {
  static constexpr double some[] = {2, 2, 1.5, 3, 0.5, 0.75, 1.25, 2.5, 0.6, 1.7, 1};
  const double s = static_cast<double>(static_cast<float>(rng.pick(some)));
  const double size = std::floor(static_cast<double>(n) * s);
  if (s < least || size < 1 || size != std::floor(static_cast<float>(n) * static_cast<float>(s))) return 2;
  return s;
}

// The interpolation decides what the runtimes take: outer axes stay as they are for linear and cubic.
struct Axes {
  ArrayType x;
  std::vector<std::int64_t> resized;
};
Axes draw_axes(Draft& d, Interpolation how) {
  Rng& rng = d.rng();
  const bool nearest = how == Interpolation::kNearest;
  const int rank = nearest                            ? static_cast<int>(rng.range(1, 5))
                   : how == Interpolation::kCubic     ? (rng.chance(0.7) ? 4 : 2)
                                                      : rng.pick({2, 3, 4, 4, 4, 5});
  Axes a;
  a.x = d.input({.types = drawable(d, d.schema().inputs.at(0).name, nearest ? kAnyDType : kNumbers),
                 .min_rank = rank,
                 .max_rank = rank,
                 .range = {.low = -8, .high = 8}});
  for (std::int64_t i = !nearest && rank >= 4 ? 2 : 0; i < rank; ++i)
    if (!nearest || i >= 2 || rank < 4 || rng.chance(0.3)) a.resized.push_back(i);
  return a;
}

std::vector<double> all_scales(Rng& rng, const Axes& a, double least) {
  std::vector<double> scales(a.x.rank(), 1);
  for (std::int64_t i : a.resized) scales[i] = draw_scale(rng, a.x.dims[i], least);
  return scales;
}

bool draft_old(Draft& d) {
  const bool linear = d.rng().chance(0.4);
  const Axes a = draw_axes(d, linear ? Interpolation::kLinear : Interpolation::kNearest);
  if (element_count(a.x.dims) == 0) return false;
  d.input(floats(DType::kFloat, all_scales(d.rng(), a, d.opset() < 10 ? 1 : 0)));
  if (linear || d.rng().chance(0.5)) d.attribute("mode", std::string(linear ? "linear" : "nearest"));
  return true;
}

bool draft_upsample(Draft& d) {
  return d.opset() < 10 && draft_old(d);
}

bool draft_resize(Draft& d) {
  Rng& rng = d.rng();
  if (d.opset() < 11) return draft_old(d);
  const bool since_18 = d.opset() >= 18;
  static constexpr Interpolation hows[] = {Interpolation::kNearest, Interpolation::kNearest, Interpolation::kLinear,
                                           Interpolation::kLinear, Interpolation::kCubic};
  const Interpolation how = rng.pick(hows);
  const bool nearest = how == Interpolation::kNearest;
  const Axes a = draw_axes(d, how);
  if (element_count(a.x.dims) == 0) return false;
  std::vector<std::string> transforms = {"half_pixel", "half_pixel", "pytorch_half_pixel", "align_corners",
                                         "asymmetric", "asymmetric", "tf_crop_and_resize"};
  if (d.opset() >= 19) transforms.push_back("half_pixel_symmetric");
  if (!since_18 && nearest) transforms.push_back("tf_half_pixel_for_nn");
  const std::string transform = rng.pick(transforms);
  const bool crop = transform == "tf_crop_and_resize";
  const bool antialias = since_18 && !nearest && !crop && rng.chance(0.3);

  auto chosen = rng.permutation(a.x.rank());
  const bool with_axes = since_18 && !a.resized.empty() && rng.chance(0.4);
  if (with_axes) {
    chosen = a.resized;
    rng.shuffle(chosen);
  } else {
    std::sort(chosen.begin(), chosen.end());
  }
  const auto scales = all_scales(rng, a, 0);
  std::vector<double> given, roi;
  std::vector<std::int64_t> sizes;
  bool fractional = false;
  for (std::int64_t i : chosen) {
    const double width = static_cast<double>(a.x.dims[i]) * scales[i];
    fractional = fractional || width != std::floor(width);
    given.push_back(scales[i]);
    sizes.push_back(scales[i] == 1 || rng.chance(0.5) ? static_cast<std::int64_t>(width) : rng.range(1, 2 * a.x.dims[i] + 1));
  }
  // What divides by the output's length is disputed where scale * length is not whole.
  const bool by_length = crop || transform == "align_corners" || transform == "pytorch_half_pixel";
  const bool by_sizes = crop || (by_length && fractional) || rng.chance(0.4);
  if (crop) {
    for (std::int64_t i : chosen) roi.push_back(scales[i] == 1 ? 0 : rng.pick({0.0, 0.0, 0.125, 0.3, -0.25}));
    for (std::int64_t i : chosen) roi.push_back(scales[i] == 1 ? 1 : rng.pick({1.0, 1.0, 0.75, 0.6, 1.25}));
  }
  // Before opset 13 what is left out is an empty tensor.
  const auto leave_out = [&] { d.opset() < 13 ? d.input(floats(DType::kFloat, {})) : d.skip_input(); };
  crop ? d.input(floats(DType::kFloat, roi)) : leave_out();
  if (by_sizes) {
    leave_out();
    d.input(Tensor::ints(sizes));
    // One ratio for all axes only where no outer axis is among them.
    if (since_18 && !crop && (with_axes || nearest) && *std::min_element(sizes.begin(), sizes.end()) > 0 && rng.chance(0.3))
      d.attribute("keep_aspect_ratio_policy", std::string(rng.pick({"not_smaller", "not_larger", "stretch"})));
  } else {
    d.input(floats(DType::kFloat, given));
  }
  if (with_axes) {
    for (auto& i : chosen)
      if (rng.chance(0.3)) i -= static_cast<std::int64_t>(a.x.rank());
    d.attribute("axes", chosen);
  }
  if (how != Interpolation::kNearest || rng.chance(0.3))
    d.attribute("mode", std::string(nearest ? "nearest" : how == Interpolation::kLinear ? "linear" : "cubic"));
  if (transform != "half_pixel" || rng.chance(0.2)) d.attribute("coordinate_transformation_mode", transform);
  if (nearest && rng.chance(0.6))
    d.attribute("nearest_mode", std::string(rng.pick({"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"})));
  if (how == Interpolation::kCubic && rng.chance(0.3)) d.attribute("cubic_coeff_a", -0.5f);
  if (how == Interpolation::kCubic && rng.chance(0.3)) d.attribute("exclude_outside", std::int64_t{1});
  if (antialias) d.attribute("antialias", std::int64_t{1});
  if (crop && rng.chance(0.5)) d.attribute("extrapolation_value", static_cast<float>(rng.range(-2, 10)));
  return true;
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
