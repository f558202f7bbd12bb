#include "mutators/quantization.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace mob::mutators {
namespace {

constexpr double kLeastScale = 0x1p-60;  // far from subnormal numbers, also as a factor of two scales

constexpr DTypeSet kSince10 = {DType::kInt8, DType::kUint8, DType::kInt32};
constexpr DTypeSet kSince21 = {DType::kInt16, DType::kUint16, DType::kInt4, DType::kUint4};

double highest(DType t) {
  return is_int(t) ? static_cast<double>(int_max(t)) : float_format(t).max_finite;
}
double lowest(DType t) {
  return is_int(t) ? static_cast<double>(int_min(t)) : -highest(t);
}

std::vector<Attribute> granularity(const Quantization& q) {
  std::vector<Attribute> list;
  if (q.axis >= 0) list.push_back({.name = "axis", .value = std::int64_t{q.axis}});
  if (q.block > 0) list.push_back({.name = "block_size", .value = q.block});
  return list;
}

}  // namespace

bool quantizes_to(DType type, std::int64_t opset) {
  return (opset >= 10 && kSince10.has(type)) || (opset >= 19 && kFloat8s.has(type)) ||
         (opset >= 21 && kSince21.has(type));
}

Quantization per_tensor(DType type) {
  return {.type = type, .dims = {}, .scale = {1}, .zero = {0}};
}

Quantization per_axis(DType type, const Dims& x, int axis, std::int64_t block) {
  Quantization q{.type = type, .axis = axis, .block = block, .dims = {}, .scale = {}, .zero = {}};
  const std::int64_t length = x[static_cast<std::size_t>(axis)];
  if (block == 0) {
    q.dims = {length};
  } else {
    q.dims = x;
    q.dims[static_cast<std::size_t>(axis)] = (length + block - 1) / block;
  }
  q.scale.assign(static_cast<std::size_t>(element_count(q.dims)), 1);
  q.zero.assign(q.scale.size(), 0);
  return q;
}

void fit(Quantization& q, const std::vector<Range>& ranges, bool symmetric, bool reduced) {
  double low = lowest(q.type), high = highest(q.type);
  if (is_int(q.type) && reduced) {
    high = std::floor(high / 2);
    low = low < 0 ? -high - 1 : 0;
  }
  if (is_signed_int(q.type) && symmetric) low = -high;
  for (std::size_t i = 0; i < q.scale.size(); ++i) {
    const Range& r = ranges[i];
    const double reach = std::max(-r.low, r.high);
    const bool even = symmetric || !is_int(q.type);
    const double wide = even ? 2 * (reach / (high - low)) : r.high / (high - low) - r.low / (high - low);
    // Of what is always zero any scale will do, and quantizers take 1.
    q.scale[i] = reach == 0 ? 1.0F : static_cast<float>(std::max(wide, kLeastScale));
    if (!is_int(q.type))
      q.zero[i] = 0;
    else if (even)
      q.zero[i] = is_signed_int(q.type) ? 0 : static_cast<std::int64_t>(std::ceil((low + high) / 2));
    else
      q.zero[i] = static_cast<std::int64_t>(std::clamp(std::nearbyint(low - r.low / q.scale[i]), low, high));
  }
}

std::size_t entry_of(const Quantization& q, const Dims& x, std::int64_t element) {
  if (q.axis < 0) return 0;
  std::int64_t inner = 1;
  for (std::size_t d = static_cast<std::size_t>(q.axis) + 1; d < x.size(); ++d) inner *= x[d];
  const std::int64_t length = x[static_cast<std::size_t>(q.axis)], along = element / inner % length;
  if (q.block == 0) return static_cast<std::size_t>(along);
  const std::int64_t blocks = q.dims[static_cast<std::size_t>(q.axis)];
  return static_cast<std::size_t>((element / inner / length * blocks + along / q.block) * inner +
                                  element % inner);
}

std::vector<Range> ranges_of(const Tensor& x, const Quantization& q, const RangeRule& rule) {
  std::vector<std::vector<double>> values(q.scale.size());
  for (std::int64_t i = 0; i < x.count(); ++i) values[entry_of(q, x.dims(), i)].push_back(x.real_at(i));
  std::vector<Range> ranges;
  ranges.reserve(values.size());
  for (std::vector<double>& v : values) ranges.push_back(cut_range(std::move(v), rule));
  return ranges;
}

Tensor stored(const Tensor& x, const Quantization& q) {
  std::vector<std::int64_t> whole;
  std::vector<double> real;
  for (std::int64_t i = 0; i < x.count(); ++i) {
    const std::size_t k = entry_of(q, x.dims(), i);
    const float quotient = static_cast<float>(x.real_at(i)) / static_cast<float>(q.scale[k]);
    if (is_int(q.type))
      whole.push_back(static_cast<std::int64_t>(
          std::clamp(std::nearbyint(static_cast<double>(quotient)) + static_cast<double>(q.zero[k]),
                     lowest(q.type), highest(q.type))));
    else
      real.push_back(std::clamp(static_cast<double>(quotient), lowest(q.type), highest(q.type)));
  }
  return is_int(q.type) ? Tensor::of_ints(q.type, x.dims(), whole) : Tensor::of(q.type, x.dims(), real);
}

Grid grid_of(const Quantization& q) {
  Grid grid{.axis = q.axis, .block = std::max<std::int64_t>(q.block, 1)};
  for (std::size_t i = 0; i < q.scale.size(); ++i) {
    const double scale = q.scale[i], zero = static_cast<double>(q.zero[i]), most = highest(q.type);
    // Of a float8, the widest step.
    grid.step.push_back(is_int(q.type) ? scale : 2 * float_format(q.type).unit_roundoff * most * scale);
    grid.low.push_back((lowest(q.type) - zero) * scale);
    grid.high.push_back((most - zero) * scale);
  }
  return grid;
}

Parameters add_parameters(Case& c, const Quantization& q, bool bare, const Choices& choices) {
  std::vector<double> scale = q.scale;
  for (double& s : scale) s = choices.bent(s);
  Graph& g = c.model.graph;
  Parameters p{.scale = g.add_initializer("", Tensor::of(DType::kFloat, q.dims, scale))};
  const bool zeros = std::all_of(q.zero.begin(), q.zero.end(), [](auto z) { return z == 0; });
  if (zeros && bare) return p;
  p.zero = g.add_initializer("", is_int(q.type)
                                     ? Tensor::of_ints(q.type, q.dims, q.zero)
                                     : Tensor::of(q.type, q.dims, std::vector<double>(q.zero.size(), 0)));
  return p;
}

ValueId append_quantize(Case& c, ValueId v, const Quantization& q, const Parameters& p) {
  std::vector<ValueId> in = {v, p.scale};
  if (p.zero != kNoValue) in.push_back(p.zero);
  return append(c, "QuantizeLinear", std::move(in), granularity(q)).front();
}

ValueId append_dequantize(Case& c, ValueId v, const Quantization& q, const Parameters& p) {
  std::vector<ValueId> in = {v, p.scale};
  if (p.zero != kNoValue) in.push_back(p.zero);
  return append(c, "DequantizeLinear", std::move(in), granularity(q)).front();
}

ValueId append_rounded(Case& c, ValueId v, const Dims& dims, const Quantization& q) {
  // One number for all, or one for each element.
  const auto spread = [&](auto&& of) {
    std::vector<double> values;
    const std::int64_t n = q.axis < 0 ? 1 : element_count(dims);
    for (std::int64_t i = 0; i < n; ++i) values.push_back(of(entry_of(q, dims, i)));
    return c.model.graph.add_initializer("", Tensor::of(DType::kFloat, q.axis < 0 ? Dims{} : dims, values));
  };
  const auto then = [&](const char* op, ValueId a, ValueId b) { return append(c, op, {a, b}).front(); };
  const ValueId scale = spread([&](std::size_t k) { return q.scale[k]; });
  ValueId x = then("Div", v, scale);
  if (!is_int(q.type)) {
    for (DType t : {q.type, DType::kFloat})
      x = append(c, "Cast", {x}, {{.name = "to", .value = static_cast<std::int64_t>(t)}}).front();
    return then("Mul", x, scale);
  }
  // The zero point is never added: the reference would charge sums of whole numbers a rounding that they do
  // not need, and where one of them is zero nobody could tell its sign any more.
  x = append(c, "Round", {x}).front();
  if (q.type != DType::kInt32) {  // int32 is for what is known to fit
    const auto end = [&](double e) {
      return spread([&](std::size_t k) { return e - static_cast<double>(q.zero[k]); });
    };
    x = then("Max", then("Min", x, end(highest(q.type))), end(lowest(q.type)));
  }
  const ValueId none = c.model.graph.add_initializer("", Tensor::scalar(DType::kFloat, 0));
  return then("Mul", then("Add", x, none), scale);  // what is stored has no negative zero
}

ValueId append_channels(Case& c, ValueId v, std::size_t rank) {
  std::vector<std::int64_t> dims(rank - 1, 1);
  dims[0] = -1;
  return append(c, "Reshape", {v, c.model.graph.add_initializer("", Tensor::ints(dims))}).front();
}

bool of_checked_size(const ArrayType& t) {
  return t.count() <= std::int64_t{1} << 20;
}

std::optional<Tensor> float_constant(const Case& c, const Facts& f, ValueId v) {
  if (v == kNoValue || c.model.graph.is_output(v) || !f.known(v) || f.type(v).dtype != DType::kFloat ||
      f.type(v).count() == 0)
    return std::nullopt;
  std::optional<Tensor> t = fixed_content(c, v);
  for (std::int64_t i = 0; t && i < t->count(); ++i)
    if (!std::isfinite(t->real_at(i))) return std::nullopt;
  return t;
}

bool takes_any(const Case& c, const Use& use) {
  if (use.node < 0) return true;
  const Node& n = c.model.graph.nodes[static_cast<std::size_t>(use.node)];
  // What says how large, how often, how coarse.
  static constexpr std::array<std::string_view, 5> kOnlyFirst = {"Resize", "Upsample", "Dropout",
                                                                 "QuantizeLinear", "DequantizeLinear"};
  static constexpr std::array<std::string_view, 3> kNone = {"Range", "NonMaxSuppression", "ConstantOfShape"};
  const auto is = [&](std::string_view op) { return n.op_type == op; };
  if (n.op_type.starts_with("QLinear") || std::any_of(kNone.begin(), kNone.end(), is)) return false;
  return use.slot == 0 || std::none_of(kOnlyFirst.begin(), kOnlyFirst.end(), is);
}

}  // namespace mob::mutators
