#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using I64 = std::int64_t;

constexpr double kInf = kInfinity<double>;

TEST(Random, EveryElementIsOpen) {
  const auto r = run_node("RandomNormal", 9, {}, {{"shape", std::vector<I64>{2, 3}}, {"dtype", I64{11}}});
  EXPECT_TRUE(r.random);
  EXPECT_EQ(r[0].type, (ArrayType{DType::kDouble, {2, 3}}));
  EXPECT_THAT(bounds(r[0]), Each(kInf));
  EXPECT_EQ(r.unspecified, 0u);
}

TEST(Random, TypeOfTheInputOrOfTheAttribute) {
  const Expected p = numbers(DType::kFloat16, {2}, {0, 1});
  EXPECT_EQ(run_node("Bernoulli", 15, {p})[0].type.dtype, DType::kFloat16);
  const auto bits = run_node("Bernoulli", 15, {p}, {{"dtype", I64{9}}});
  EXPECT_EQ(bits[0].type.dtype, DType::kBool);
  EXPECT_TRUE(bits[0].open_at(0));
  EXPECT_EQ(
      run_node("Multinomial", 7, {floats({2, 3}, {0, 0, 0, 0, 0, 0})}, {{"sample_size", I64{5}}})[0].type,
      (ArrayType{DType::kInt32, {2, 5}}));
  EXPECT_THROW(run_node("RandomUniformLike", 9, {numbers(DType::kInt8, {1}, {1})}), InvalidNode);
  EXPECT_THROW(run_node("RandomUniform", 9, {}, {{"shape", std::vector<I64>{1}}, {"dtype", I64{99}}}),
               InvalidNode);
  EXPECT_THROW(run_node("RandomUniform", 9, {}, {{"shape", std::vector<I64>{-1}}}), InvalidNode);
}

TEST(Dropout, IsIdentityButInTraining) {
  const Expected x = floats({2}, {1, 2}, {0, 0.5}), half = floats({}, {0.5});
  const Expected off = numbers(DType::kBool, {}, {0}), on = numbers(DType::kBool, {}, {1});
  const auto same = run_node("Dropout", 13, {x, half, off}, {}, 2);
  EXPECT_FALSE(same.random);
  EXPECT_THAT(values(same[0]), ElementsAre(1, 2));
  EXPECT_THAT(bounds(same[0]), ElementsAre(0, 0.5));
  EXPECT_THAT(values(same[1]), ElementsAre(1, 1));
  const auto drawn = run_node("Dropout", 13, {x, half, on}, {}, 2);
  EXPECT_TRUE(drawn.random);
  EXPECT_THAT(bounds(drawn[0]), Each(kInf));
  EXPECT_THAT(bounds(drawn[1]), Each(kInf));
  EXPECT_TRUE(run_node("Dropout", 13, {x, Expected(), on}).random) << "the ratio is 0.5 by default";
  EXPECT_FALSE(run_node("Dropout", 13, {x, floats({}, {0}), on}).random) << "nothing is dropped";
  EXPECT_THROW(run_node("Dropout", 13, {x, floats({}, {1}), on}), InvalidNode);
}

TEST(Dropout, OldFormsSayNothingOfTheMask) {
  const auto r = run_node("Dropout", 7, {floats({2}, {1, 2})}, {{"ratio", 0.5f}}, 2);
  EXPECT_THAT(values(r[0]), ElementsAre(1, 2));
  EXPECT_EQ(r[1].type.dtype, DType::kFloat);
  EXPECT_EQ(r.unspecified, 2u);
  EXPECT_EQ(run_node("Dropout", 10, {floats({2}, {1, 2})}, {}, 2)[1].type.dtype, DType::kBool);
}

}  // namespace
}  // namespace mob::testing
