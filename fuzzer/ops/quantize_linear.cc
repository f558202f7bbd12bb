// QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear.
#include "fuzzer/ops/known_limits.h"

namespace mob::ops {
namespace {

constexpr DTypeSet kNarrowFloats = kFloat8s | DTypeSet{DType::kFloat4E2M1};

// A type given as an integer attribute; kUndefined where it is left out.
DType type_attribute(const Inference& inf, std::string_view name) {
  const std::int64_t t = inf.node().int_or(name, 0);
  if (t < 0 || t >= kDTypeCount) throw InvalidNode(std::string(name) + " is no element type");
  return static_cast<DType>(t);
}

// Before opset 13 there is one scale for all; before 21 there are no blocks.
Granularity granularity(const Inference& inf) {
  if (inf.has_input(2)) {
    // [] beside [1] is what some of ONNX's own node cases have.
    const bool alike = inf.dims(1) == inf.dims(2);
    const bool both_one = element_count(inf.dims(1)) == 1 && element_count(inf.dims(2)) == 1;
    if (!alike && !(both_one && inf.rank(1) <= 1 && inf.rank(2) <= 1))
      throw InvalidNode("scale and zero point differ in shape");
  }
  if (inf.opset() < 13 && inf.rank(1) != 0) throw InvalidNode("the scale is no scalar");
  const std::int64_t block = inf.opset() < 21 ? 0 : inf.node().int_or("block_size", 0);
  return Granularity(inf.dims(0), inf.dims(1), inf.node().int_or("axis", 1), block);
}

// The zero points, or null where they are left out.
const Reals<double>* zeros(Evaluation& ev) {
  return ev.has_input(2) ? &ev.reals<double>(2) : nullptr;
}
Approx<double> zero_at(const Reals<double>* zeros, std::size_t i) {
  return zeros != nullptr ? (*zeros)[i] : Approx<double>{};
}

// Whether every value of `from` is one of `to`.
bool fits(DType from, DType to) {
  if (from == to || from == DType::kFloat8E8M0) return true;
  if (is_int(from)) return std::ldexp(float_format(to).unit_roundoff, bits(from)) <= 1;
  return to == DType::kFloat && bits(from) <= 16;
}

// --- QuantizeLinear ---

void infer_quantize(Inference& inf) {
  const DType said = type_attribute(inf, "output_dtype");
  DType t = said == DType::kUndefined ? DType::kUint8 : said;
  if (inf.has_input(2)) {
    t = inf.type(2).dtype;
    if (said != DType::kUndefined && said != t)
      throw InvalidNode("output_dtype is not the zero point's type");
  }
  if (!(kQuantizedInts | kNarrowFloats).has(t)) throw InvalidNode("no type to quantize to");
  granularity(inf);
  inf.set_output(0, {t, inf.dims(0)});
}

void quantize(Evaluation& ev) {
  const Granularity at = granularity(ev);
  const auto &x = ev.reals<double>(0), &scale = ev.reals<double>(1);
  const Reals<double>* zero = zeros(ev);
  const DType from = ev.type(0).dtype, scale_type = ev.type(1).dtype;
  // The type in which the division is done.
  DType precision = type_attribute(ev, "precision");
  if (precision == DType::kUndefined) precision = scale_type;
  if (!kFloats.has(precision)) precision = kFloats.has(from) ? from : DType::kFloat;
  const Rounding<double> rounding(precision);
  // The reciprocal and its product, or the quotient; before them, what does not fit is converted.
  const double ulps = 2 + (fits(from, precision) ? 0 : 1) + (fits(scale_type, precision) ? 0 : 1);
  Quantizer quantizer(ev, rounding, ulps, ev.node().int_or("saturate", 1) != 0);
  const bool limits = allows_limits(ev);
  for (std::size_t i = 0; i < x.v.size(); ++i) {
    Approx<double> q = x[i] / scale[at(i)];
    if (x[i].finite() && std::fabs(x.v[i]) > rounding.max_finite()) q = open_value(q.v);
    if (scale.v[at(i)] == 0) {  // an infinity to saturate, or a division that a kernel does its own way
      ev.unspecified("division by a scale of zero");
      q = open_value(q.v);
    }
    if (limits) q.e += softmax_requantization(ev, x.v[i], scale.v[at(i)]);
    quantizer.set(i, q, zero_at(zero, at(i)));
  }
  if (limits) note_quantized(ev);
}

// --- DequantizeLinear ---

void infer_dequantize(Inference& inf) {
  DType t = type_attribute(inf, "output_dtype");
  if (t == DType::kUndefined) t = inf.type(1).dtype;
  if (t != DType::kFloat && t != DType::kFloat16 && t != DType::kBFloat16)
    throw InvalidNode("no type to dequantize to");
  if (inf.has_input(2) && inf.type(2).dtype != inf.type(0).dtype)
    throw InvalidNode("the zero point's type differs");
  granularity(inf);
  inf.set_output(0, {t, inf.dims(0)});
}

void dequantize(Evaluation& ev) {
  const Granularity at = granularity(ev);
  const auto &x = ev.reals<double>(0), &scale = ev.reals<double>(1);
  const Reals<double>* zero = zeros(ev);
  if (ev.type(0).dtype == DType::kInt32 && zero != nullptr)
    for (std::size_t i = 0; i < zero->v.size(); ++i)
      if (zero->v[i] != 0) throw InvalidNode("the zero point of int32 is not 0");
  const DType to = ev.output().type.dtype;
  const auto rounding = ev.rounding<double>();
  auto& y = ev.out_reals<double>();
  // Above this, differences of integers are rounded.
  const double exact = is_int(ev.type(0).dtype) ? 1 / rounding.u() : 0;
  const double converted = fits(ev.type(1).dtype, to) ? 0 : 1;
  for (std::size_t i = 0; i < x.v.size(); ++i) {
    const Approx<double> q = x[i] - zero_at(zero, at(i));
    Approx<double> r = q * scale[at(i)];
    const bool certain = q.e == 0 && scale.e[at(i)] == 0;
    const bool whole = std::fabs(q.v) <= exact || q.v == x.v[i];
    // Zero stays zero, and a product that fits is not rounded.
    const bool sharp =
        certain && whole && (r.v == 0 || (to == DType::kFloat && static_cast<float>(r.v) == r.v));
    if (scale.v[at(i)] == 0) {
      ev.unspecified("a scale of zero");
      r = open_value(r.v);
    }
    y.set(i, sharp ? r : rounding.add(r, 1 + converted + (whole ? 0 : 1)));
  }
  if (allows_limits(ev)) note_dequantized(ev, at);
}

// --- DynamicQuantizeLinear ---

void infer_dynamic(Inference& inf) {
  inf.set_output(0, {DType::kUint8, inf.dims(0)});
  inf.set_output(1, {DType::kFloat, {}});
  inf.set_output(2, {DType::kUint8, {}});
}

void dynamic(Evaluation& ev) {
  const auto& x = ev.reals<double>(0);
  const auto rounding = ev.rounding<double>(1);
  // Ends of the range, 0 within.
  Approx<double> low, high;
  bool plain = true;
  for (std::size_t i = 0; i < x.v.size(); ++i) {
    plain = plain && x[i].finite() && !x[i].open();
    if (!plain) break;
    const auto reach = [](Approx<double> a, Approx<double> b, auto pick) {
      const double v = pick(a.v, b.v);
      return Approx<double>{
          v, std::max(std::fabs(pick(a.low(), b.low()) - v), std::fabs(pick(a.high(), b.high()) - v))};
    };
    low = reach(low, x[i], [](double a, double b) { return std::min(a, b); });
    high = reach(high, x[i], [](double a, double b) { return std::max(a, b); });
  }
  const auto leave_open = [&](std::size_t o) {
    if (!ev.wants(o)) return;
    for (std::size_t i = 0; i < ev.output(o).count(); ++i) set_open(ev.output(o), i);
  };
  const Approx<double> range = high - low;
  if (!plain || range.may_be_zero()) {
    for (std::size_t o = 0; o < 3; ++o) leave_open(o);
    ev.unspecified(plain ? "the dynamic range is empty" : "the dynamic range is not finite");
    return;
  }
  const Approx<double> scale = rounding.add(range / Approx<double>{255}, 3);
  if (ev.wants(1)) ev.out_reals<double>(1).set(0, scale);
  const Approx<double> ideal = rounding.add(-low / scale, 2);
  const auto nearest = [](double v) { return std::clamp(std::nearbyint(v), 0.0, 255.0); };
  const Approx<double> zero = monotone(ideal, nearest);
  if (ev.wants(2)) {
    ev.out_ints(2).v[0] = static_cast<std::int64_t>(zero.v);
    ev.out_ints(2).set_bound(0, zero.open() ? Ints::kOpen : static_cast<std::int64_t>(zero.e));
  }
  if (!ev.wants(0)) return;
  Quantizer quantizer(ev, rounding, 2);
  for (std::size_t i = 0; i < x.v.size(); ++i) quantizer.set(i, x[i] / scale, zero);
}

// --- drafts ---

// Draws axis and block_size, and the shape of the scale.
Dims draft_granularity(Draft& d, const Dims& x) {
  Rng& rng = d.rng();
  const auto rank = static_cast<std::int64_t>(x.size());
  const bool axes = d.schema().has_attribute("axis");
  if (!axes || rank == 0 || rng.chance(0.45)) {
    if (axes && rank > 0 && rng.chance(0.2)) d.attribute("axis", draw_axis(d, rank));
    return !axes || rng.chance(0.8) ? Dims{} : Dims{1};
  }
  const std::int64_t axis = draw_axis(d, rank);
  const auto a = static_cast<std::size_t>(Inference::axis(axis, rank));
  const bool blocked = d.schema().has_attribute("block_size") && x[a] > 0 && rng.chance(0.4);
  // The default axis is left out now and then.
  if (axis != 1 || rng.chance(0.5)) d.attribute("axis", axis);
  if (!blocked || (rank == 1 && x[a] == 1)) return {x[a]};
  // Integer kernels like blocks of 16 and more.
  // ONNX Runtime takes a scale of shape [1] for one without blocks.
  const std::int64_t most = std::min<std::int64_t>(rank == 1 ? x[a] - 1 : x[a], 4);
  const std::int64_t block = rng.chance(0.2) && x[a] > 16 ? 16 : rng.range(1, most);
  d.attribute("block_size", block);
  Dims scale = x;
  scale[a] = (x[a] + block - 1) / block;
  return scale;
}

constexpr DTypeSet kUsualScales = {DType::kFloat, DType::kFloat16};

bool draft_quantize(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x = d.input({.types = drawable(d, "x", kFloats | DTypeSet{DType::kInt32}), .max_rank = 4});
  const DType t = draw_type(d, drawable(d, "y", kQuantizedInts | kNarrowFloats), kQuantizedInts | kFloat8s);
  // Up to opset 22 the scale has the type of x; before 19 it is float.
  DType scale_type = d.opset() < 19 ? DType::kFloat : x.dtype;
  if (d.opset() >= 23 && rng.chance(0.05))
    scale_type = draw_type(d, drawable(d, "y_scale", kFloats), kUsualScales);
  const Dims dims = draft_granularity(d, x.dims);
  d.input(draw_scales(rng, scale_type, t, dims));
  const bool said = d.schema().has_attribute("output_dtype") && rng.chance(0.3);
  if ((t != DType::kUint8 && !said) || rng.chance(0.6)) d.input(draw_zeros(rng, t, dims));
  if (said) d.attribute("output_dtype", static_cast<std::int64_t>(t));
  if (kFloat8s.has(t) && rng.chance(0.5)) d.attribute("saturate", std::int64_t{rng.chance(0.5)});
  if (d.schema().has_attribute("precision") && x.dtype == DType::kFloat && scale_type == DType::kFloat &&
      rng.chance(0.1))
    d.attribute("precision", static_cast<std::int64_t>(DType::kFloat));
  return true;
}

bool draft_dequantize(Draft& d) {
  Rng& rng = d.rng();
  const DTypeSet usual = kQuantizedInts | kFloat8s | DTypeSet{DType::kInt32};
  const DType t =
      draw_type(d, drawable(d, "x", kQuantizedInts | kNarrowFloats | DTypeSet{DType::kInt32}), usual);
  const ValueRange range = !is_int(t)           ? ValueRange{}
                           : t == DType::kInt32 ? ValueRange{.low = -20000, .high = 20000, .integral = true}
                                                : whole_range(t);
  const ArrayType x = d.input({.types = t, .max_rank = 4, .range = range});
  const DType scale_type =
      d.opset() < 19 ? DType::kFloat : draw_type(d, drawable(d, "x_scale", kFloats), kUsualScales);
  const Dims dims = draft_granularity(d, x.dims);
  d.input(draw_scales(rng, scale_type, t == DType::kInt32 ? DType::kInt16 : t, dims));
  if (t == DType::kInt32 && rng.chance(0.2))
    d.input(Tensor::of_ints(t, dims,
                            std::vector<std::int64_t>(static_cast<std::size_t>(element_count(dims)), 0)));
  else if (t != DType::kInt32 && rng.chance(0.6))
    d.input(draw_zeros(rng, t, dims));
  if (d.schema().has_attribute("output_dtype") && rng.chance(0.2)) {
    const DType to = rng.chance(0.8) ? scale_type : draw_type(d, drawable(d, "y", kFloats), kUsualScales);
    d.attribute("output_dtype", static_cast<std::int64_t>(to));
  }
  return true;
}

bool draft_dynamic(Draft& d) {
  d.input({.types = drawable(d, "x")});
  d.outputs(3);
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "QuantizeLinear",
     .since = 10,
     .draft = draft_quantize,
     .infer = infer_quantize,
     .evaluate = quantize},
    {.name = "DequantizeLinear",
     .since = 10,
     .draft = draft_dequantize,
     .infer = infer_dequantize,
     .evaluate = dequantize},
    {.name = "DynamicQuantizeLinear",
     .since = 11,
     .draft = draft_dynamic,
     .infer = infer_dynamic,
     .evaluate = dynamic},
};

}  // namespace

namespace family {
extern constinit const Family quantize_linear = specs;
}

}  // namespace mob::ops
