#include "fuzzer/graph/tensor.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"

namespace mob {
namespace {

// Reads element i of raw data as an unsigned pattern. Types narrower than a byte lie as one stream of bits,
// lowest first; a 6-bit element may reach into the next byte.
std::uint64_t pattern_at(std::string_view raw, int bits, std::int64_t i) {
  if (bits < 8) {
    const auto at = static_cast<std::size_t>(i * bits / 8);
    unsigned two = static_cast<unsigned char>(raw[at]);
    if (at + 1 < raw.size()) two |= static_cast<unsigned>(static_cast<unsigned char>(raw[at + 1])) << 8;
    return (two >> (i * bits % 8)) & ((1u << bits) - 1);
  }
  std::uint64_t p = 0;
  std::memcpy(&p, raw.data() + i * (bits / 8), static_cast<std::size_t>(bits / 8));
  return p;
}

void put_pattern(std::string& raw, int bits, std::int64_t i, std::uint64_t p) {
  if (bits < 8) {
    const auto at = static_cast<std::size_t>(i * bits / 8);
    const auto shift = static_cast<int>(i * bits % 8);
    const unsigned mask = ((1u << bits) - 1u) << shift;
    const unsigned set = (static_cast<unsigned>(p) << shift) & mask;
    raw[at] = static_cast<char>((static_cast<unsigned char>(raw[at]) & ~mask) | set);
    if (mask > 0xFF)
      raw[at + 1] = static_cast<char>((static_cast<unsigned char>(raw[at + 1]) & ~(mask >> 8)) | (set >> 8));
    return;
  }
  std::memcpy(raw.data() + i * (bits / 8), &p, static_cast<std::size_t>(bits / 8));
}

std::int64_t sign_extended(std::uint64_t p, int bits) {
  if (bits == 64) return static_cast<std::int64_t>(p);
  const std::uint64_t sign = std::uint64_t{1} << (bits - 1);
  return static_cast<std::int64_t>((p ^ sign) - sign);
}

// To the nearest integer, modulo 2^64; NaN and infinities give 0.
std::uint64_t wrapped(double x) {
  if (!std::isfinite(x)) return 0;
  const double r = std::fmod(std::nearbyint(x), 0x1p64);
  const auto magnitude = static_cast<std::uint64_t>(std::fabs(r));
  return r < 0 ? ~magnitude + 1 : magnitude;
}

}  // namespace

std::int64_t element_count(const Dims& dims) {
  std::int64_t n = 1;
  bool overflow = false, empty = false;
  for (std::int64_t d : dims) {
    if (d < 0) throw UserError("dimension " + std::to_string(d) + " is negative");
    if (d == 0) empty = true;
    if (!empty && __builtin_mul_overflow(n, d, &n)) overflow = true;
  }
  if (empty) return 0;
  if (overflow)
    throw UserError("a tensor of shape " + show_dims(dims) + " has more elements than can be counted");
  return n;
}

std::string show(const ArrayType& t) {
  return std::string(name(t.dtype)) + show_dims(t.dims);
}

TensorType declared(const ArrayType& t) {
  std::vector<Dim> shape;
  for (std::int64_t d : t.dims) shape.push_back({.value = d, .symbol = {}, .denotation = {}});
  return {t.dtype, std::move(shape)};
}

std::string show(const TensorType& t) {
  std::string out(name(t.dtype));
  if (!t.shape) return out;
  std::vector<std::string> dims;
  for (const Dim& d : *t.shape)
    dims.push_back(d.value >= 0 ? std::to_string(d.value) : d.symbol.empty() ? "?" : d.symbol);
  return out + "[" + join(dims, ",") + "]";
}

std::int64_t raw_size(const ArrayType& t) {
  std::int64_t size = 0;
  if (__builtin_mul_overflow(t.count(), std::int64_t{bits(t.dtype)}, &size))
    throw UserError("a tensor " + show(t) + " is too large");
  return size / 8 + (size % 8 != 0);
}

Tensor::Tensor(ArrayType type, std::string raw) : type_(std::move(type)) {
  if (bits(type_.dtype) == 0) throw UserError("a tensor " + show(type_) + " has no raw data");
  const std::int64_t want = raw_size(type_);
  if (want != static_cast<std::int64_t>(raw.size()))
    throw UserError(fmt::format("a tensor {} needs {} bytes but has {}", show(type_), want, raw.size()));
  raw_ = std::make_shared<const std::string>(std::move(raw));
}

Tensor::Tensor(Dims dims, std::vector<std::string> strings) : type_{DType::kString, std::move(dims)} {
  if (type_.count() != static_cast<std::int64_t>(strings.size()))
    throw UserError(fmt::format("a tensor {} has {} strings", show(type_), strings.size()));
  strings_ = std::make_shared<const std::vector<std::string>>(std::move(strings));
}

Tensor Tensor::of(DType dtype, Dims dims, const std::vector<double>& values) {
  ArrayType type{dtype, std::move(dims)};
  MOB_CHECK(type.count() == static_cast<std::int64_t>(values.size()));
  std::string raw(static_cast<std::size_t>(raw_size(type)), '\0');
  if (dtype == DType::kFloat) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto f = static_cast<float>(values[i]);
      std::memcpy(raw.data() + 4 * i, &f, 4);
    }
    return Tensor(std::move(type), std::move(raw));
  }
  const int b = bits(dtype);
  const bool real = is_float(dtype);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t p = real                    ? encode_float(dtype, values[i])
                            : dtype == DType::kBool ? values[i] != 0
                                                    : wrapped(values[i]);
    put_pattern(raw, b, static_cast<std::int64_t>(i), p);
  }
  return Tensor(std::move(type), std::move(raw));
}

Tensor Tensor::of_ints(DType dtype, Dims dims, const std::vector<std::int64_t>& values) {
  ArrayType type{dtype, std::move(dims)};
  MOB_CHECK(type.count() == static_cast<std::int64_t>(values.size()));
  std::string raw(static_cast<std::size_t>(raw_size(type)), '\0');
  const int b = bits(dtype);
  for (std::size_t i = 0; i < values.size(); ++i)
    put_pattern(raw, b, static_cast<std::int64_t>(i),
                is_float(dtype)         ? encode_float(dtype, static_cast<double>(values[i]))
                : dtype == DType::kBool ? values[i] != 0
                                        : static_cast<std::uint64_t>(values[i]));
  return Tensor(std::move(type), std::move(raw));
}

Tensor Tensor::ints(const std::vector<std::int64_t>& values) {
  return of_ints(DType::kInt64, {static_cast<std::int64_t>(values.size())}, values);
}

Tensor Tensor::scalar(DType dtype, double value) {
  return of(dtype, {}, {value});
}

const std::vector<std::string>& Tensor::strings() const {
  static const std::vector<std::string> none;
  return strings_ ? *strings_ : none;
}

double Tensor::real_at(std::int64_t i) const {
  if (type_.dtype == DType::kComplex64) return decode_float(DType::kFloat, pattern_at(raw(), 32, 2 * i));
  if (type_.dtype == DType::kComplex128) return decode_float(DType::kDouble, pattern_at(raw(), 64, 2 * i));
  if (is_float(type_.dtype)) return decode_float(type_.dtype, pattern_at(raw(), bits(type_.dtype), i));
  if (type_.dtype == DType::kUint64) return static_cast<double>(pattern_at(raw(), 64, i));
  return static_cast<double>(int_at(i));
}

std::int64_t Tensor::int_at(std::int64_t i) const {
  const int b = bits(type_.dtype);
  MOB_CHECK(b > 0 && b <= 64, show(type_) + " holds no integers");
  const std::uint64_t p = pattern_at(raw(), b, i);
  if (is_signed_int(type_.dtype)) return sign_extended(p, b);
  if (is_float(type_.dtype)) return static_cast<std::int64_t>(decode_float(type_.dtype, p));
  return static_cast<std::int64_t>(p);
}

std::vector<double> Tensor::reals() const {
  std::vector<double> out(static_cast<std::size_t>(count()));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = real_at(static_cast<std::int64_t>(i));
  return out;
}

std::vector<std::int64_t> Tensor::ints_vector() const {
  std::vector<std::int64_t> out(static_cast<std::size_t>(count()));
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = int_at(static_cast<std::int64_t>(i));
  return out;
}

bool Tensor::identical(const Tensor& o) const {
  return type_ == o.type_ && raw() == o.raw() && strings() == o.strings();
}

}  // namespace mob
