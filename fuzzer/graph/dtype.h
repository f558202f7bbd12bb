// Element types of tensors, as ONNX numbers them (TensorProto.DataType).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace mob {

enum class DType : std::uint8_t {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBFloat16 = 16,
  kFloat8E4M3FN = 17,
  kFloat8E4M3FNUZ = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2FNUZ = 20,
  kUint4 = 21,
  kInt4 = 22,
  kFloat4E2M1 = 23,
  kFloat8E8M0 = 24,
  kUint2 = 25,
  kInt2 = 26,
  kFloat6E2M3 = 27,
  kFloat6E3M2 = 28,
};
inline constexpr int kDTypeCount = 29;

// "float", "int64", "bfloat16": the words of ONNX's text form.
std::string_view name(DType t);
// The reverse; kUndefined where the word is no type.
DType dtype_named(std::string_view word);

// Bits of one element in raw data; 0 for strings and kUndefined.
int bits(DType t);

constexpr bool is_float(DType t) {
  switch (t) {
    case DType::kFloat:
    case DType::kFloat16:
    case DType::kDouble:
    case DType::kBFloat16:
    case DType::kFloat8E4M3FN:
    case DType::kFloat8E4M3FNUZ:
    case DType::kFloat8E5M2:
    case DType::kFloat8E5M2FNUZ:
    case DType::kFloat4E2M1:
    case DType::kFloat8E8M0:
    case DType::kFloat6E2M3:
    case DType::kFloat6E3M2:
      return true;
    default:
      return false;
  }
}
constexpr bool is_signed_int(DType t) {
  return t == DType::kInt8 || t == DType::kInt16 || t == DType::kInt32 || t == DType::kInt64 ||
         t == DType::kInt4 || t == DType::kInt2;
}
constexpr bool is_unsigned_int(DType t) {
  return t == DType::kUint8 || t == DType::kUint16 || t == DType::kUint32 || t == DType::kUint64 ||
         t == DType::kUint4 || t == DType::kUint2;
}
constexpr bool is_int(DType t) {
  return is_signed_int(t) || is_unsigned_int(t);
}

// Smallest and largest value of an integer type (bool: 0 and 1). uint64's largest is given as INT64_MAX's
// successor by `max_uint64`, since an int64 does not hold it.
std::int64_t int_min(DType t);
std::int64_t int_max(DType t);

// A set of element types.
class DTypeSet {
 public:
  constexpr DTypeSet() = default;
  constexpr DTypeSet(std::initializer_list<DType> types) {
    for (DType t : types) bits_ |= 1u << static_cast<int>(t);
  }
  constexpr DTypeSet(DType t) : bits_(1u << static_cast<int>(t)) {}  // NOLINT: a type is a set of one
  constexpr bool has(DType t) const { return (bits_ >> static_cast<int>(t)) & 1u; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr DTypeSet operator&(DTypeSet o) const { return of(bits_ & o.bits_); }
  constexpr DTypeSet operator|(DTypeSet o) const { return of(bits_ | o.bits_); }
  constexpr DTypeSet without(DTypeSet o) const { return of(bits_ & ~o.bits_); }
  constexpr bool operator==(const DTypeSet&) const = default;
  std::vector<DType> list() const;

 private:
  static constexpr DTypeSet of(std::uint32_t bits) {
    DTypeSet s;
    s.bits_ = bits;
    return s;
  }
  std::uint32_t bits_ = 0;
};

inline constexpr DTypeSet kFloats = {DType::kFloat, DType::kFloat16, DType::kDouble, DType::kBFloat16};
inline constexpr DTypeSet kInts = {DType::kInt8,  DType::kInt16,  DType::kInt32,  DType::kInt64,
                                   DType::kUint8, DType::kUint16, DType::kUint32, DType::kUint64};
inline constexpr DTypeSet kSmallInts = {DType::kInt4, DType::kUint4, DType::kInt2, DType::kUint2};
inline constexpr DTypeSet kFloat8s = {DType::kFloat8E4M3FN, DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2,
                                      DType::kFloat8E5M2FNUZ};
inline constexpr DTypeSet kNumbers = kFloats | kInts;
inline constexpr DTypeSet kAnyDType = kNumbers | DTypeSet{DType::kBool};

// How a binary floating-point format rounds: the numbers that error analysis needs.
struct FloatFormat {
  double unit_roundoff;  // u: a rounded result is x(1+d), |d| <= u
  double min_normal;     // below it, results may be flushed to zero
  double max_finite;
};
const FloatFormat& float_format(DType t);  // t must be a floating-point type

// Conversion between stored bit patterns and values. `encode` rounds to nearest, ties to even (float8e8m0,
// which has no mantissa: ties up); `saturate` says what a float8 does beyond its range (ONNX Cast, attribute
// `saturate`). What ONNX leaves open: a NaN in a format without one becomes -0, a negative float8e8m0 NaN.
double decode_float(DType t, std::uint64_t pattern);
std::uint64_t encode_float(DType t, double x, bool saturate = true);

}  // namespace mob
