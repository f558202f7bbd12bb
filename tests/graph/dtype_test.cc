#include "fuzzer/graph/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "fuzzer/base/rng.h"

namespace mob {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr DType kSmall[] = {DType::kFloat16,        DType::kBFloat16,   DType::kFloat8E4M3FN,
                            DType::kFloat8E4M3FNUZ, DType::kFloat8E5M2, DType::kFloat8E5M2FNUZ,
                            DType::kFloat4E2M1,     DType::kFloat6E2M3, DType::kFloat6E3M2,
                            DType::kFloat8E8M0};

std::uint64_t patterns(DType t) {
  return std::uint64_t{1} << bits(t);
}

TEST(DTypeTest, NamesAreTheWordsOfOnnxAndComeBack) {
  EXPECT_EQ(name(DType::kFloat), "float");
  EXPECT_EQ(name(DType::kBFloat16), "bfloat16");
  EXPECT_EQ(name(DType::kFloat8E5M2FNUZ), "float8e5m2fnuz");
  EXPECT_EQ(dtype_named("tensor"), DType::kUndefined);
  for (int i = 1; i < kDTypeCount; ++i)
    EXPECT_EQ(dtype_named(name(static_cast<DType>(i))), static_cast<DType>(i));
}

TEST(DTypeTest, RangesOfIntegers) {
  EXPECT_EQ(int_min(DType::kInt4), -8);
  EXPECT_EQ(int_max(DType::kInt4), 7);
  EXPECT_EQ(int_min(DType::kInt2), -2);
  EXPECT_EQ(int_max(DType::kUint2), 3);
  EXPECT_EQ(int_max(DType::kUint8), 255);
  EXPECT_EQ(int_min(DType::kInt8), -128);
  EXPECT_EQ(int_max(DType::kUint32), 4294967295);
  EXPECT_EQ(int_min(DType::kInt64), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(int_max(DType::kBool), 1);
}

TEST(DTypeTest, SetsOfTypes) {
  EXPECT_TRUE(kFloats.has(DType::kDouble));
  EXPECT_FALSE(kFloats.has(DType::kInt8));
  EXPECT_EQ((kNumbers & kFloats), kFloats);
  EXPECT_TRUE(kInts.without(kInts).empty());
  EXPECT_EQ(kSmallInts.list().size(), 4u);
  EXPECT_TRUE(DTypeSet(DType::kFloat6E3M2).has(DType::kFloat6E3M2));
}

// Known patterns, from the formats' own definitions.
TEST(DTypeTest, KnownPatterns) {
  const struct {
    DType t;
    std::uint64_t pattern;
    double value;
  } rows[] = {
      {DType::kFloat16, 0x3C00, 1.0},        {DType::kFloat16, 0x7BFF, 65504.0},
      {DType::kFloat16, 0x0001, 0x1p-24},    {DType::kFloat16, 0xFC00, -kInf},
      {DType::kBFloat16, 0x3F80, 1.0},       {DType::kBFloat16, 0x7F7F, 0x1.FEp127},
      {DType::kFloat8E4M3FN, 0x7E, 448.0},   {DType::kFloat8E4M3FN, 0x01, 0x1p-9},
      {DType::kFloat8E4M3FNUZ, 0x7F, 240.0}, {DType::kFloat8E5M2, 0x7B, 57344.0},
      {DType::kFloat8E5M2, 0x7C, kInf},      {DType::kFloat8E5M2FNUZ, 0x7F, 57344.0},
      {DType::kFloat8E5M2, 0x01, 0x1p-16},   {DType::kFloat8E5M2FNUZ, 0x01, 0x1p-17},
      {DType::kFloat4E2M1, 0x7, 6.0},        {DType::kFloat4E2M1, 0x9, -0.5},
      {DType::kFloat6E2M3, 0x1F, 7.5},       {DType::kFloat6E3M2, 0x1F, 28.0},
      {DType::kFloat8E8M0, 0x7F, 1.0},       {DType::kFloat8E8M0, 0x00, 0x1p-127},
      {DType::kFloat8E8M0, 0xFE, 0x1p127},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(decode_float(row.t, row.pattern), row.value) << name(row.t) << " " << row.pattern;
    EXPECT_EQ(encode_float(row.t, row.value, /*saturate=*/false), row.pattern)
        << name(row.t) << " " << row.value;
  }
  EXPECT_TRUE(std::isnan(decode_float(DType::kFloat8E4M3FN, 0x7F)));
  EXPECT_TRUE(std::isnan(decode_float(DType::kFloat8E4M3FNUZ, 0x80)));
  EXPECT_TRUE(std::isnan(decode_float(DType::kFloat8E5M2FNUZ, 0x80)));
  EXPECT_TRUE(std::isnan(decode_float(DType::kFloat8E8M0, 0xFF)));
}

TEST(DTypeTest, EveryPatternComesBack) {
  for (DType t : kSmall)
    for (std::uint64_t p = 0; p < patterns(t); ++p) {
      const double x = decode_float(t, p);
      const std::uint64_t q = encode_float(t, x, /*saturate=*/false);
      if (std::isnan(x))
        EXPECT_TRUE(std::isnan(decode_float(t, q))) << name(t) << " " << p;
      else
        EXPECT_EQ(q, p) << name(t) << " " << x;
    }
}

// Between each two neighbours: below the middle, the middle itself (to even), above it.
TEST(DTypeTest, RoundsToNearestEven) {
  for (DType t : kSmall) {
    if (t == DType::kFloat8E8M0) continue;
    for (std::uint64_t p = 0; p + 1 < patterns(t) / 2; ++p) {
      const double a = decode_float(t, p), b = decode_float(t, p + 1);
      if (!std::isfinite(a) || !std::isfinite(b)) continue;
      const double middle = (a + b) / 2, sliver = (b - a) / 1024;
      const std::uint64_t even = p % 2 == 0 ? p : p + 1;
      ASSERT_EQ(encode_float(t, middle - sliver), p) << name(t) << " " << p;
      ASSERT_EQ(encode_float(t, middle), even) << name(t) << " " << p;
      ASSERT_EQ(encode_float(t, middle + sliver), p + 1) << name(t) << " " << p;
      const std::uint64_t sign = patterns(t) / 2;
      if (p > 0) {
        ASSERT_EQ(encode_float(t, -middle - sliver), sign | (p + 1)) << name(t) << " " << p;
      }
    }
  }
}

TEST(DTypeTest, BeyondTheRange) {
  // ONNX Cast, table of `saturate`.
  EXPECT_EQ(decode_float(DType::kFloat8E4M3FN, encode_float(DType::kFloat8E4M3FN, 1e9, true)), 448);
  EXPECT_EQ(decode_float(DType::kFloat8E4M3FN, encode_float(DType::kFloat8E4M3FN, -kInf, true)), -448);
  EXPECT_TRUE(std::isnan(decode_float(DType::kFloat8E4M3FN, encode_float(DType::kFloat8E4M3FN, 1e9, false))));
  EXPECT_EQ(decode_float(DType::kFloat8E5M2, encode_float(DType::kFloat8E5M2, kInf, true)), 57344);
  EXPECT_EQ(decode_float(DType::kFloat8E5M2, encode_float(DType::kFloat8E5M2, -1e9, false)), -kInf);
  EXPECT_TRUE(
      std::isnan(decode_float(DType::kFloat8E5M2FNUZ, encode_float(DType::kFloat8E5M2FNUZ, kInf, false))));
  EXPECT_EQ(encode_float(DType::kFloat8E4M3FNUZ, -0.0), 0u);
  EXPECT_EQ(encode_float(DType::kFloat8E4M3FN, -0.0), 0x80u);
  // The wide types have infinities and do not saturate.
  EXPECT_EQ(decode_float(DType::kFloat16, encode_float(DType::kFloat16, 65519.99)), 65504);
  EXPECT_EQ(decode_float(DType::kFloat16, encode_float(DType::kFloat16, 65520)), kInf);
  EXPECT_EQ(decode_float(DType::kBFloat16, encode_float(DType::kBFloat16, 3.4e38)), kInf);
  EXPECT_EQ(decode_float(DType::kFloat4E2M1, encode_float(DType::kFloat4E2M1, -100)), -6);
  EXPECT_EQ(encode_float(DType::kFloat8E8M0, 0, true), 0u);
  EXPECT_EQ(encode_float(DType::kFloat8E8M0, 0, false), 0xFFu);
  EXPECT_EQ(encode_float(DType::kFloat8E8M0, kInf, true), 0xFEu);
  EXPECT_EQ(encode_float(DType::kFloat8E8M0, 3), 0x81u);
}

TEST(DTypeTest, FormatsAgreeWithTheirPatterns) {
  for (DType t : kSmall) {
    double top = 0;
    for (std::uint64_t p = 0; p < patterns(t); ++p)
      if (const double x = decode_float(t, p); std::isfinite(x)) top = std::max(top, x);
    EXPECT_EQ(float_format(t).max_finite, top) << name(t);
    const double next = decode_float(t, encode_float(t, 1.0) + 1);
    EXPECT_EQ(float_format(t).unit_roundoff, (next - 1.0) / 2) << name(t);
  }
  Rng rng(1, 1);
  for (int i = 0; i < 1000; ++i) {
    const double x = rng.uniform(1, 2);
    const double u = float_format(DType::kFloat).unit_roundoff;
    EXPECT_LE(std::fabs(decode_float(DType::kFloat, encode_float(DType::kFloat, x)) - x), u * x);
  }
}

}  // namespace
}  // namespace mob
