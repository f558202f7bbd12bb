#include "fuzzer/ops/quantize.h"

namespace mob::ops {

Granularity::Granularity(const Dims& x, const Dims& scale, std::int64_t axis, std::int64_t block_size) {
  if (block_size < 0) throw InvalidNode("block_size is negative");
  const auto rank = static_cast<std::int64_t>(x.size());
  if (block_size == 0) {
    if (scale.empty() || scale == Dims{1}) return;
    if (scale.size() != 1)
      throw InvalidNode("the scale is neither a scalar nor 1-D, and there is no block_size");
  } else if (scale.empty()) {
    throw InvalidNode("a block_size with a scalar scale");
  }
  const auto a = static_cast<std::size_t>(Inference::axis(axis, rank));
  size_ = static_cast<std::size_t>(x[a]);
  inner_ = static_cast<std::size_t>(product(x, a + 1, x.size()));
  if (block_size == 0) {
    if (scale[0] != x[a]) throw InvalidNode("the scale does not fit the axis");
    if (size_ == 0) inner_ = size_ = 1;  // no element asks
    return;
  }
  Dims want = x;
  want[a] = x[a] / block_size + (x[a] % block_size != 0);
  if (scale != want) throw InvalidNode("the scale does not fit the blocks");
  block_ = static_cast<std::size_t>(block_size);
  blocks_ = static_cast<std::size_t>(want[a]);
  if (size_ == 0 || inner_ == 0) inner_ = size_ = blocks_ = 1;
}

void Quantizer::set(std::size_t i, Approx<double> q, Approx<double> zero) {
  q = rounding_.add(q, ulps_);
  if (q.finite() && zero.finite()) q.e += rounding_.u() * std::fabs(q.v + zero.v);
  if (is_int(type_)) {
    set_int(i, q, zero);
    return;
  }
  if (std::isnan(q.v) && type_ == DType::kFloat4E2M1) ev_.unspecified("NaN quantized to a type without NaN");
  Approx<double> y =
      monotone(q + zero, [&](double v) { return decode_float(type_, encode_float(type_, v, saturate_)); });
  if (std::isnan(q.v) && type_ == DType::kFloat4E2M1) y = open_value<double>();
  ev_.out_reals<double>().set(i, y);
}

void Quantizer::set_int(std::size_t i, Approx<double> q, Approx<double> zero) {
  Ints& y = ev_.out_ints();
  const double least = static_cast<double>(int_min(type_)), most = static_cast<double>(int_max(type_));
  const auto grid = [&](double x, double z) {
    return static_cast<std::int64_t>(std::clamp(std::nearbyint(x) + z, least, most));
  };
  if (!std::isnan(q.v)) y.v[i] = grid(q.v, zero.v);
  if (std::isnan(q.v) || q.open() || zero.open()) {
    if (std::isnan(q.v) && q.e == 0) ev_.unspecified("NaN quantized to an integer");
    y.set_bound(i, Ints::kOpen);
    return;
  }
  const std::int64_t low = grid(q.low(), zero.low()), high = grid(q.high(), zero.high());
  y.set_bound(i, std::max(y.v[i] - low, high - y.v[i]));
}

DType draw_type(Draft& d, DTypeSet types, DTypeSet usual) {
  if (types.empty()) throw CannotDraft{};
  if (!(types & usual).empty() && !d.rng().chance(0.04)) types = types & usual;
  return d.rng().pick(types.list());
}

ByteTypes draw_bytes(Draft& d) {
  constexpr DType u8 = DType::kUint8, s8 = DType::kInt8;
  // The first operand's type is what the schema and the runtime are asked for.
  const DType a = draw_type(d, drawable(d, d.schema().inputs.at(0).name), {u8, s8});
  if (d.rng().chance(0.04)) return {a, d.rng().pick({u8, s8}), d.rng().pick({u8, s8})};
  if (a == s8) return {s8, s8, s8};
  return {u8, d.rng().pick({u8, s8}), u8};
}

float draw_scale(Rng& rng, DType t, double range) {
  const double levels = std::ldexp(1.0, bits(t)) - 1;
  const double scale = 2 * range / (is_int(t) ? levels : 16) * std::exp(rng.uniform(-1, 1));
  // Powers of two make ties and exact products.
  return static_cast<float>(rng.chance(0.1) ? std::exp2(std::round(std::log2(scale))) : scale);
}

Tensor draw_scales(Rng& rng, DType scale_type, DType t, const Dims& dims, double range) {
  std::vector<double> values(static_cast<std::size_t>(element_count(dims)));
  // As a whole number a scale would vanish.
  for (double& v : values)
    v = is_int(scale_type) ? static_cast<double>(rng.range(1, 2)) : draw_scale(rng, t, range);
  return Tensor::of(scale_type, dims, values);
}

std::int64_t draw_zero(Rng& rng, DType t) {
  if (!is_int(t) || bits(t) > 16 || rng.chance(0.3)) return 0;
  const std::int64_t middle = (int_min(t) + int_max(t) + 1) / 2;
  return rng.chance(0.3) ? middle : rng.range(int_min(t), int_max(t));
}

Tensor draw_zeros(Rng& rng, DType t, const Dims& dims) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(element_count(dims)));
  const std::int64_t one = draw_zero(rng, t);
  const bool alike = rng.chance(0.5);
  for (auto& v : values) v = alike ? one : draw_zero(rng, t);
  return Tensor::of_ints(t, dims, values);
}

}  // namespace mob::ops
