#include "fuzzer/graph/tensor.h"

#include <gtest/gtest.h>

#include <limits>

#include "fuzzer/base/rng.h"
#include "tests/graph/help.h"

namespace mob {
namespace {

std::string raw_of(const Tensor& t) {
  return std::string(t.raw());
}

TEST(TensorTest, CountsElements) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({2, 3}), 6);
  EXPECT_EQ(element_count({2, 0, 3}), 0);
  EXPECT_EQ(element_count({1LL << 40, 1LL << 40, 0}), 0);
  EXPECT_NE(complaint([] { element_count({1LL << 40, 1LL << 40}); }), "");
  EXPECT_NE(complaint([] { element_count({2, -1}); }), "");
}

TEST(TensorTest, SizesOfRawData) {
  EXPECT_EQ(raw_size({DType::kFloat, {2, 3}}), 24);
  EXPECT_EQ(raw_size({DType::kInt4, {3}}), 2);
  EXPECT_EQ(raw_size({DType::kUint2, {5}}), 2);
  EXPECT_EQ(raw_size({DType::kFloat6E2M3, {5}}), 4);
  EXPECT_EQ(raw_size({DType::kComplex128, {2}}), 32);
  EXPECT_NE(complaint([] { raw_size({DType::kDouble, {1LL << 31, 1LL << 31}}); }), "");
}

TEST(TensorTest, PacksNarrowTypesFromTheLowestBit) {
  EXPECT_EQ(raw_of(Tensor::of_ints(DType::kInt4, {3}, {1, -2, 7})), std::string("\xE1\x07", 2));
  EXPECT_EQ(raw_of(Tensor::of_ints(DType::kUint2, {5}, {1, 2, 3, 0, 1})), std::string("\x39\x01", 2));
  // Four 6-bit patterns 1, 2, 3, 4 make three bytes.
  const std::string six = raw_of(Tensor::of(DType::kFloat6E2M3, {4}, {0.125, 0.25, 0.375, 0.5}));
  EXPECT_EQ(six, std::string("\x81\x30\x10", 3));
}

TEST(TensorTest, ValuesComeBack) {
  for (int i = 1; i < kDTypeCount; ++i) {
    const auto t = static_cast<DType>(i);
    if (bits(t) == 0 || t == DType::kComplex64 || t == DType::kComplex128) continue;
    const std::vector<double> values = t == DType::kBool || t == DType::kUint2
                                           ? std::vector<double>{1, 0, 1, 1, 0}
                                       : t == DType::kFloat8E8M0 ? std::vector<double>{1, 2, 4, 0.5, 1}
                                       : is_signed_int(t)        ? std::vector<double>{1, 0, -1, -2, 1}
                                                                 : std::vector<double>{1, 2, 3, 2, 0};
    const Tensor x = Tensor::of(t, {5}, values);
    EXPECT_EQ(x.reals(), values) << name(t);
    EXPECT_EQ(x.raw().size(), static_cast<std::size_t>(raw_size(x.type()))) << name(t);
  }
}

TEST(TensorTest, RoundsAndWraps) {
  EXPECT_EQ(Tensor::of(DType::kInt32, {4}, {1.5, 2.5, -1.5, 0.4}).ints_vector(),
            (std::vector<std::int64_t>{2, 2, -2, 0}));
  EXPECT_EQ(Tensor::of(DType::kUint8, {2}, {257, -1}).ints_vector(), (std::vector<std::int64_t>{1, 255}));
  EXPECT_EQ(Tensor::of(DType::kUint64, {1}, {0x1p63}).real_at(0), 0x1p63);
  EXPECT_EQ(Tensor::of(DType::kInt32, {1}, {std::numeric_limits<double>::quiet_NaN()}).int_at(0), 0);
  EXPECT_EQ(Tensor::of(DType::kBool, {2}, {2, 0}).ints_vector(), (std::vector<std::int64_t>{1, 0}));
  EXPECT_EQ(Tensor::of(DType::kFloat, {1}, {0.1}).real_at(0), static_cast<double>(0.1f));
}

TEST(TensorTest, RefusesDataThatDoNotFit) {
  EXPECT_NE(complaint([] { Tensor({DType::kFloat, {2}}, std::string(7, 'x')); }), "");
  EXPECT_NE(complaint([] { Tensor({DType::kString, {2}}, ""); }), "");
  EXPECT_NE(complaint([] { Tensor(Dims{2}, {"one"}); }), "");
}

TEST(TensorTest, StringsAndEmptyTensors) {
  const Tensor words(Dims{2}, {"a", "b"});
  EXPECT_EQ(words.strings()[1], "b");
  EXPECT_TRUE(words.identical(Tensor(Dims{2}, {"a", "b"})));
  EXPECT_FALSE(words.identical(Tensor(Dims{2}, {"a", "c"})));
  const Tensor none = Tensor::of(DType::kFloat, {0, 3}, {});
  EXPECT_EQ(none.count(), 0);
  EXPECT_TRUE(none.reals().empty());
  EXPECT_EQ(show(none.type()), "float[0,3]");
}

}  // namespace
}  // namespace mob
