#include "fuzzer/graph/dtype.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "fuzzer/base/check.h"

namespace mob {
namespace {

struct Row {
  std::string_view name;
  int bits;
};
constexpr std::array<Row, kDTypeCount> kRows = {{
    {"undefined", 0},      {"float", 32},    {"uint8", 8},        {"int8", 8},           {"uint16", 16},
    {"int16", 16},         {"int32", 32},    {"int64", 64},       {"string", 0},         {"bool", 8},
    {"float16", 16},       {"double", 64},   {"uint32", 32},      {"uint64", 64},        {"complex64", 64},
    {"complex128", 128},   {"bfloat16", 16}, {"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8},
    {"float8e5m2fnuz", 8}, {"uint4", 4},     {"int4", 4},         {"float4e2m1", 4},     {"float8e8m0", 8},
    {"uint2", 2},          {"int2", 2},      {"float6e2m3", 6},   {"float6e3m2", 6},
}};

// Layout of a small format: exponent bits, mantissa bits, bias, and what its top patterns mean.
struct Small {
  int exponent, mantissa, bias;
  bool has_inf;      // IEEE infinities and NaNs
  bool nan_is_neg0;  // "fnuz": the pattern of -0 is the only NaN
  bool has_nan;      // "fn": all ones is NaN
};
constexpr Small small_format(DType t) {
  switch (t) {
    case DType::kFloat16:
      return {5, 10, 15, true, false, true};
    case DType::kBFloat16:
      return {8, 7, 127, true, false, true};
    case DType::kFloat8E4M3FN:
      return {4, 3, 7, false, false, true};
    case DType::kFloat8E4M3FNUZ:
      return {4, 3, 8, false, true, true};
    case DType::kFloat8E5M2:
      return {5, 2, 15, true, false, true};
    case DType::kFloat8E5M2FNUZ:
      return {5, 2, 16, false, true, true};
    case DType::kFloat6E2M3:
      return {2, 3, 1, false, false, false};
    case DType::kFloat6E3M2:
      return {3, 2, 3, false, false, false};
    default:  // kFloat4E2M1
      return {2, 1, 1, false, false, false};
  }
}

double largest(const Small& f) {
  const int top = (1 << f.exponent) - 1;
  if (f.has_inf) return std::ldexp(2.0 - std::ldexp(1.0, -f.mantissa), top - 1 - f.bias);
  const bool all_ones_taken = f.has_nan && !f.nan_is_neg0;
  const double m = 2.0 - std::ldexp(all_ones_taken ? 2.0 : 1.0, -f.mantissa);
  return std::ldexp(m, top - f.bias);
}

FloatFormat format_of(const Small& f) {
  return {std::ldexp(1.0, -f.mantissa - 1), std::ldexp(1.0, 1 - f.bias), largest(f)};
}

}  // namespace

std::string_view name(DType t) {
  return kRows[static_cast<std::size_t>(t)].name;
}

DType dtype_named(std::string_view word) {
  for (std::size_t i = 1; i < kRows.size(); ++i)
    if (kRows[i].name == word) return static_cast<DType>(i);
  return DType::kUndefined;
}

int bits(DType t) {
  return kRows[static_cast<std::size_t>(t)].bits;
}

std::int64_t int_min(DType t) {
  if (t == DType::kBool || is_unsigned_int(t)) return 0;
  return t == DType::kInt64 ? std::numeric_limits<std::int64_t>::min() : -(std::int64_t{1} << (bits(t) - 1));
}

std::int64_t int_max(DType t) {
  if (t == DType::kBool) return 1;
  if (t == DType::kInt64 || t == DType::kUint64) return std::numeric_limits<std::int64_t>::max();
  return (std::int64_t{1} << (bits(t) - (is_signed_int(t) ? 1 : 0))) - 1;
}

std::vector<DType> DTypeSet::list() const {
  std::vector<DType> types;
  for (int i = 0; i < kDTypeCount; ++i)
    if (has(static_cast<DType>(i))) types.push_back(static_cast<DType>(i));
  return types;
}

const FloatFormat& float_format(DType t) {
  static const FloatFormat f32 = {0x1p-24, 0x1p-126, std::numeric_limits<float>::max()};
  static const FloatFormat f64 = {0x1p-53, 0x1p-1022, std::numeric_limits<double>::max()};
  static const FloatFormat f16 = format_of(small_format(DType::kFloat16));
  static const FloatFormat b16 = format_of(small_format(DType::kBFloat16));
  static const FloatFormat e4m3 = format_of(small_format(DType::kFloat8E4M3FN));
  static const FloatFormat e4m3z = format_of(small_format(DType::kFloat8E4M3FNUZ));
  static const FloatFormat e5m2 = format_of(small_format(DType::kFloat8E5M2));
  static const FloatFormat e5m2z = format_of(small_format(DType::kFloat8E5M2FNUZ));
  static const FloatFormat e2m1 = format_of(small_format(DType::kFloat4E2M1));
  static const FloatFormat e2m3 = format_of(small_format(DType::kFloat6E2M3));
  static const FloatFormat e3m2 = format_of(small_format(DType::kFloat6E3M2));
  static const FloatFormat e8m0 = {0.5, 0x1p-127, 0x1p127};
  switch (t) {
    case DType::kFloat:
      return f32;
    case DType::kDouble:
      return f64;
    case DType::kFloat16:
      return f16;
    case DType::kBFloat16:
      return b16;
    case DType::kFloat8E4M3FN:
      return e4m3;
    case DType::kFloat8E4M3FNUZ:
      return e4m3z;
    case DType::kFloat8E5M2:
      return e5m2;
    case DType::kFloat8E5M2FNUZ:
      return e5m2z;
    case DType::kFloat4E2M1:
      return e2m1;
    case DType::kFloat6E2M3:
      return e2m3;
    case DType::kFloat6E3M2:
      return e3m2;
    default:
      MOB_CHECK(t == DType::kFloat8E8M0, std::string(name(t)) + " is no floating-point type");
      return e8m0;
  }
}

namespace {

// Most of what is converted is a normal number of one of the half formats: by integer arithmetic, since the
// way through ldexp below is slow. -1 where the number is not of that kind.
template <int kExponent, int kMantissa>
std::int64_t encode_half(double x) {
  constexpr int kDrop = 52 - kMantissa, kBias = (1 << (kExponent - 1)) - 1;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const std::uint64_t magnitude = bits & ~(std::uint64_t{1} << 63);
  const auto exponent = static_cast<int>(magnitude >> 52) - 1023;
  if (exponent < 1 - kBias || exponent >= kBias) return -1;
  const std::uint64_t odd = magnitude >> kDrop & 1;
  const std::uint64_t rounded = (magnitude + (std::uint64_t{1} << (kDrop - 1)) - 1 + odd) >> kDrop;
  return static_cast<std::int64_t>(rounded - (std::uint64_t{1023 - kBias} << kMantissa)) |
         static_cast<std::int64_t>(bits >> 63 << (kExponent + kMantissa));
}

}  // namespace

double decode_float(DType t, std::uint64_t pattern) {
  if (t == DType::kFloat) return std::bit_cast<float>(static_cast<std::uint32_t>(pattern));
  if (t == DType::kDouble) return std::bit_cast<double>(pattern);
  if (t == DType::kFloat8E8M0)
    return pattern == 0xFF ? std::nan("") : std::ldexp(1.0, static_cast<int>(pattern) - 127);
  if (t == DType::kBFloat16) return std::bit_cast<float>(static_cast<std::uint32_t>(pattern) << 16);
  if (t == DType::kFloat16 && (pattern & 0x7C00) != 0 && (pattern & 0x7C00) != 0x7C00)
    return std::bit_cast<float>(
        static_cast<std::uint32_t>(((pattern & 0x8000) << 16) | (((pattern & 0x7FFF) << 13) + (112u << 23))));
  const Small f = small_format(t);
  const auto sign_bit = std::uint64_t{1} << (f.exponent + f.mantissa);
  if (f.nan_is_neg0 && pattern == sign_bit) return std::nan("");
  const bool negative = (pattern & sign_bit) != 0;
  const auto mantissa = pattern & ((std::uint64_t{1} << f.mantissa) - 1);
  const int exponent = static_cast<int>((pattern >> f.mantissa) & ((1u << f.exponent) - 1));
  const int top = (1 << f.exponent) - 1;
  double x;
  if (exponent == top && f.has_inf)
    x = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::nan("");
  else if (exponent == top && f.has_nan && !f.nan_is_neg0 && mantissa == (1u << f.mantissa) - 1)
    x = std::nan("");
  else if (exponent == 0)
    x = std::ldexp(static_cast<double>(mantissa), 1 - f.bias - f.mantissa);
  else
    x = std::ldexp(static_cast<double>(mantissa + (1u << f.mantissa)), exponent - f.bias - f.mantissa);
  return negative ? -x : x;
}

std::uint64_t encode_float(DType t, double x, bool saturate) {
  if (t == DType::kFloat) return std::bit_cast<std::uint32_t>(static_cast<float>(x));
  if (t == DType::kDouble) return std::bit_cast<std::uint64_t>(x);
  if (t == DType::kFloat16 || t == DType::kBFloat16) {
    const std::int64_t fast = t == DType::kFloat16 ? encode_half<5, 10>(x) : encode_half<8, 7>(x);
    if (fast >= 0) return static_cast<std::uint64_t>(fast);
  }
  if (t == DType::kFloat8E8M0) {
    if (std::isnan(x) || x < 0) return 0xFF;
    if (x == 0) return saturate ? 0x00 : 0xFF;
    if (std::isinf(x)) return saturate ? 0xFE : 0xFF;
    int e = 0;
    const double m = std::frexp(x, &e);  // x = m 2^e, 0.5 <= m < 1
    const int power = m >= 0.75 ? e : e - 1;
    if (power > 127) return saturate ? 0xFE : 0xFF;
    if (power < -127) return saturate ? 0x00 : 0xFF;
    return static_cast<std::uint64_t>(power + 127);
  }
  const Small f = small_format(t);
  const auto sign_bit = std::uint64_t{1} << (f.exponent + f.mantissa);
  const std::uint64_t sign = std::signbit(x) ? sign_bit : 0;
  const std::uint64_t inf = f.has_inf ? ((std::uint64_t{1} << f.exponent) - 1) << f.mantissa : 0;
  const std::uint64_t nan = f.nan_is_neg0 ? sign_bit
                            : f.has_inf   ? sign | inf | (std::uint64_t{1} << (f.mantissa - 1))
                                          : sign | (sign_bit - 1);
  if (std::isnan(x)) return f.has_nan ? nan : sign_bit;
  const double a = std::fabs(x);
  const double top = largest(f);
  int e = 0;
  if (a > 0 && !std::isinf(a)) {
    std::frexp(a, &e);
    e -= 1;
  }
  const int step_exponent = std::max(e, 1 - f.bias) - f.mantissa;
  const double rounded =
      std::isinf(a) ? a : std::ldexp(std::nearbyint(std::ldexp(a, -step_exponent)), step_exponent);
  std::uint64_t magnitude = 0;
  if (rounded > top) {
    const bool is_narrow = f.exponent + f.mantissa < 8;
    if (is_narrow && (saturate || !f.has_nan))
      magnitude = f.has_inf       ? inf - 1
                  : f.nan_is_neg0 ? sign_bit - 1
                  : f.has_nan     ? sign_bit - 2
                                  : sign_bit - 1;
    else if (f.has_inf)
      magnitude = inf;
    else
      return nan;
  } else if (rounded > 0) {
    int r = 0;
    std::frexp(rounded, &r);
    r -= 1;
    if (r < 1 - f.bias)
      magnitude = static_cast<std::uint64_t>(std::ldexp(rounded, f.bias - 1 + f.mantissa));
    else
      magnitude =
          (static_cast<std::uint64_t>(r + f.bias) << f.mantissa) |
          (static_cast<std::uint64_t>(std::ldexp(rounded, f.mantissa - r)) & ((1u << f.mantissa) - 1));
  }
  if (f.nan_is_neg0 && magnitude == 0) return 0;
  return sign | magnitude;
}

}  // namespace mob
