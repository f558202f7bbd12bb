// The normalizations against float32 kernels of several kinds: each lies within the bound, which is not wide.
#include <gmock/gmock.h>

#include "fuzzer/base/rng.h"
#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using I64 = std::int64_t;

constexpr double kInf = kInfinity<double>;

// (x - mean) / sqrt(var + eps) * scale + bias as kernels calculate it.
enum class Kernel { kTwoPass, kOnePass, kOnePassFused, kPairwiseTwoPass };

std::vector<float> standardize(const std::vector<float>& x, float eps, float scale, float bias,
                               Kernel kernel) {
  const auto n = static_cast<float>(x.size());
  const auto sum = [&](auto f) {
    if (kernel != Kernel::kPairwiseTwoPass) {
      float total = 0;
      for (float v : x) total += f(v);
      return total;
    }
    std::vector<float> part;
    for (float v : x) part.push_back(f(v));
    for (; part.size() > 1; part.resize((part.size() + 1) / 2))
      for (std::size_t i = 0; 2 * i < part.size(); ++i)
        part[i] = part[2 * i] + (2 * i + 1 < part.size() ? part[2 * i + 1] : 0.0f);
    return part[0];
  };
  const float mean = sum([](float v) { return v; }) / n;
  const bool one_pass = kernel == Kernel::kOnePass || kernel == Kernel::kOnePassFused;
  const float var = one_pass ? sum([](float v) { return v * v; }) / n - mean * mean
                             : sum([&](float v) { return (v - mean) * (v - mean); }) / n;
  const float inverse = 1 / std::sqrt(var + eps);
  std::vector<float> y;
  for (float v : x) {
    if (kernel == Kernel::kOnePassFused)
      y.push_back(v * (inverse * scale) + (bias - mean * (inverse * scale)));
    else
      y.push_back((v - mean) * inverse * scale + bias);
  }
  return y;
}

TEST(Standardized, EveryKernelLiesWithinTheBound) {
  Rng rng(2, 0);
  double worst = 0;
  for (int round = 0; round < 400; ++round) {
    const auto n = static_cast<std::size_t>(rng.range(2, 64));
    const double offset = rng.pick({0.0, 1.0, 10.0}), spread = rng.pick({0.1, 1.0, 30.0});
    std::vector<float> x(n);
    for (float& v : x) v = static_cast<float>(offset + rng.uniform(-spread, spread));
    const Dims dims = {1, static_cast<I64>(n)};
    const std::vector<double> doubles(x.begin(), x.end());
    const auto r =
        run_node("LayerNormalization", 17, {floats(dims, doubles), floats({1}, {1.5}), floats({1}, {0.25})});
    for (Kernel kernel :
         {Kernel::kTwoPass, Kernel::kOnePass, Kernel::kOnePassFused, Kernel::kPairwiseTwoPass}) {
      const auto y = standardize(x, 1e-5f, 1.5f, 0.25f, kernel);
      for (std::size_t i = 0; i < n; ++i) {
        const double off = std::fabs(static_cast<double>(y[i]) - r[0].value_at(i));
        ASSERT_LE(off, r[0].bound_at(i));
        worst = std::max(worst, off / r[0].bound_at(i));
      }
    }
    // Without a large offset the bound is a few n u.
    for (std::size_t i = 0; i < n && offset == 0; ++i)
      EXPECT_LE(r[0].bound_at(i), (static_cast<double>(n) + 10) * 1e-6);
  }
  EXPECT_GE(worst, 0.05) << "the bound is far wider than what kernels do";
}

TEST(Standardized, BoundsHoldWhereTheInputsMove) {
  Rng rng(3, 0);
  double worst = 0;
  for (int round = 0; round < 400; ++round) {
    const auto n = static_cast<std::size_t>(rng.range(2, 12));
    const double wide = std::pow(10.0, rng.uniform(-6, -0.5));
    std::vector<double> v(n), e(n), corner(n);
    for (std::size_t i = 0; i < n; ++i) {
      v[i] = rng.uniform(-2, 2) + (rng.chance(0.1) ? 20 : 0);
      e[i] = rng.chance(0.2) ? 0 : rng.unit() * wide;
      corner[i] = v[i] + (rng.chance(0.5) ? e[i] : -e[i]);
    }
    const Dims dims = {1, static_cast<I64>(n)};
    const Expected one = numbers(DType::kDouble, {1}, {1});
    // InstanceNormalization has no stage in float32.
    const Dims spatial = {1, 1, static_cast<I64>(n)};
    const auto check = [&](const NodeRun& want, const NodeRun& at_corner) {
      for (std::size_t i = 0; i < n; ++i) {
        if (want[0].open_at(i)) continue;
        const double off = std::fabs(want[0].value_at(i) - at_corner[0].value_at(i));
        ASSERT_LE(off, want[0].bound_at(i)) << "width " << wide;
        if (wide < 1e-3) worst = std::max(worst, off / want[0].bound_at(i));
      }
    };
    const Expected zero = numbers(DType::kDouble, {1}, {0});
    check(run_node("InstanceNormalization", 6, {numbers(DType::kDouble, spatial, v, e), one, zero}),
          run_node("InstanceNormalization", 6, {numbers(DType::kDouble, spatial, corner), one, zero}));
    for (I64 p : {1, 2})
      check(run_node("LpNormalization", 22, {numbers(DType::kDouble, dims, v, e)}, {{"p", p}}),
            run_node("LpNormalization", 22, {numbers(DType::kDouble, dims, corner)}, {{"p", p}}));
  }
  EXPECT_GE(worst, 0.5);
}

TEST(Standardized, AnOutliersOwnErrorCancels) {
  std::vector<double> v(16, 0), e(16, 0);
  v[0] = 100, e[0] = 1;
  v[1] = 0.01;  // not constant
  const auto r = run_node("InstanceNormalization", 6,
                          {numbers(DType::kDouble, {1, 1, 16}, v, e), numbers(DType::kDouble, {1}, {1}),
                           numbers(DType::kDouble, {1}, {0})});
  EXPECT_NEAR(r[0].value_at(0), std::sqrt(15.0), 1e-3);
  EXPECT_LE(r[0].bound_at(0), 2e-3) << "dividing intervals would give 0.04 and more";
}

TEST(Standardized, AVarianceThatRoundingMayMakeNegativeIsOpen) {
  const Expected one = floats({1}, {1});
  const auto open = run_node("LayerNormalization", 17, {floats({1, 4}, {1000, 1000, 1000, 1000}), one});
  EXPECT_TRUE(open[0].open_at(0)) << "mean(x^2) - mean^2 may lie below -epsilon";
  const auto wide = run_node("LayerNormalization", 17, {floats({1, 4}, {1000, 1000, 1000, 1000}), one},
                             {{"epsilon", 100.0f}});
  EXPECT_THAT(values(wide[0]), Each(0));
  EXPECT_LT(wide[0].bound_at(0), 0.01);
  const auto zeros = run_node("LayerNormalization", 17, {floats({1, 4}, {0, 0, 0, 0}), one});
  EXPECT_LT(zeros[0].bound_at(0), 1e-30);
}

TEST(LayerNormalization, InfinitiesSpoilTheirSetOnly) {
  const auto r = run_node("LayerNormalization", 17, {floats({2, 2}, {kInf, 1, 1, 2}), floats({2}, {1, 1})});
  EXPECT_TRUE(std::isnan(r[0].value_at(0)) && std::isnan(r[0].value_at(1)));
  EXPECT_FALSE(r[0].open_at(1));
  EXPECT_NEAR(r[0].value_at(3), 1, 1e-3);
}

TEST(LayerNormalization, StatisticsHaveTheStashType) {
  const Expected x = numbers(DType::kDouble, {2, 2}, {1, 3, 5, 5}),
                 scale = numbers(DType::kDouble, {2}, {1, 1});
  const auto r = run_node("LayerNormalization", 17, {x, scale}, {}, 3);
  EXPECT_EQ(r[1].type, (ArrayType{DType::kFloat, {2, 1}}));
  EXPECT_THAT(values(r[1]), ElementsAre(2, 5));
  EXPECT_NEAR(r[2].value_at(0), 1, 1e-4);
  EXPECT_GE(r[0].bound_at(0), 1e-8) << "stage one may be calculated in float32";
  const auto none = run_node("LayerNormalization", 17, {floats({2, 0}, {}), floats({0}, {})}, {}, 2);
  EXPECT_EQ(none.unspecified, 2u);
  EXPECT_THROW(run_node("LayerNormalization", 17, {x, scale}, {{"stash_type", I64{7}}}), InvalidNode);
  EXPECT_THROW(run_node("LayerNormalization", 17, {x, numbers(DType::kDouble, {3}, {1, 1, 1})}), InvalidNode);
}

TEST(RMSNormalization, DividesByInfinityToZero) {
  const auto r = run_node("RMSNormalization", 23, {floats({1, 2}, {kInf, 1}), floats({2}, {1, 1})});
  EXPECT_TRUE(std::isnan(r[0].value_at(0)));
  EXPECT_EQ(r[0].value_at(1), 0);
}

TEST(BatchNormalization, StatisticsAreAResultOfTrainingOnly) {
  const Expected x = floats({2, 1, 2}, {1, 2, 3, 4}), one = floats({1}, {1}), zero = floats({1}, {0});
  const Attributes training = {{"training_mode", I64{1}}, {"momentum", 0.5f}};
  const auto r = run_node("BatchNormalization", 15, {x, one, zero, zero, one}, training, 3);
  EXPECT_THAT(values(r[1]), ElementsAre(1.25));
  EXPECT_THAT(values(r[2]), ElementsAre(1.125));  // of the whole population: 1.25
  EXPECT_THROW(run_node("BatchNormalization", 15, {x, one, zero, zero, one}, {}, 3), InvalidNode);
  EXPECT_THROW(run_node("BatchNormalization", 9, {x, one, zero, zero, one}, {}, 5), Unsupported);
  EXPECT_THROW(run_node("BatchNormalization", 15, {x, floats({2}, {1, 1}), zero, zero, one}), InvalidNode);
}

TEST(BatchNormalization, ANegativeVarianceGivesNaN) {
  const Expected x = floats({1, 1}, {1}), one = floats({1}, {1}), zero = floats({1}, {0});
  const auto r = run_node("BatchNormalization", 15, {x, one, zero, zero, floats({1}, {-1})});
  EXPECT_TRUE(std::isnan(r[0].value_at(0)) && !r[0].open_at(0));
  EXPECT_TRUE(
      run_node("BatchNormalization", 15, {x, one, zero, zero, floats({1}, {0}, {1e-3})})[0].open_at(0));
}

TEST(GroupNormalization, ScaleIsPerGroupBeforeOpset21) {
  const Expected x = floats({1, 4, 1}, {1, 2, 3, 4});
  const Expected two = floats({2}, {1, 2}), four = floats({4}, {1, 1, 2, 2});
  const Attributes groups = {{"num_groups", I64{2}}};
  EXPECT_EQ(values(run_node("GroupNormalization", 18, {x, two, two}, groups)[0])[3],
            values(run_node("GroupNormalization", 21, {x, four, four}, groups)[0])[3]);
  EXPECT_THROW(run_node("GroupNormalization", 21, {x, two, two}, groups), InvalidNode);
  EXPECT_THROW(run_node("GroupNormalization", 21, {x, four, four}, {{"num_groups", I64{3}}}), InvalidNode);
}

TEST(LpNormalization, ZeroOverZeroIsZero) {
  const auto r = run_node("LpNormalization", 22, {floats({2, 2}, {0, 0, 3, 4})});
  EXPECT_THAT(bounds(r[0])[0], 0);
  EXPECT_NEAR(r[0].value_at(2), 0.6, 1e-12);
  // Where the norm may be zero, a part is still no more than the whole.
  const auto tiny = run_node("LpNormalization", 22, {floats({1, 2}, {1e-3, 1e-3}, {1e-2, 1e-2})});
  EXPECT_LE(tiny[0].bound_at(0), 2);
  const auto flushed = run_node("LpNormalization", 22, {floats({1, 1}, {1e-30})});
  EXPECT_GE(flushed[0].bound_at(0), 1) << "the square vanishes in float32";
}

TEST(LRN, WindowsEndAtTheFirstAndLastChannel) {
  const Attributes a = {{"size", I64{2}}, {"alpha", 2.0f}, {"beta", 1.0f}, {"bias", 1.0f}};
  const auto r = run_node("LRN", 13, {floats({1, 3, 1, 1}, {1, 2, 3})}, a);
  EXPECT_NEAR(r[0].value_at(0), 1.0 / (1 + 1 + 4), 1e-12);
  EXPECT_NEAR(r[0].value_at(1), 2.0 / (1 + 4 + 9), 1e-12);
  EXPECT_NEAR(r[0].value_at(2), 3.0 / (1 + 9), 1e-12);
  const Attributes huge = {{"size", std::numeric_limits<I64>::max()}};
  EXPECT_NO_THROW(run_node("LRN", 13, {floats({1, 3, 1, 1}, {1, 2, 3})}, huge));
  EXPECT_THROW(run_node("LRN", 13, {floats({1, 1}, {1})}, {{"size", I64{0}}}), InvalidNode);
}

// The sum of squares is not below zero, however little is known of x: 3 +- 3 may be 0.4.
TEST(LRN, BoundsHoldWhereTheBaseSeemsToReachZero) {
  const Attributes a = {{"size", I64{1}}, {"alpha", 1.0f}, {"beta", 2.0f}, {"bias", 0.5f}};
  const auto r = run_node("LRN", 13, {floats({1, 1, 1, 1}, {3}, {3})}, a);
  EXPECT_GE(r[0].value_at(0) + r[0].bound_at(0), 0.4 / std::pow(0.5 + 0.16, 2));
  EXPECT_FALSE(r[0].open_at(0));
  const Attributes poles = {{"size", I64{1}}, {"alpha", -1.0f}, {"beta", 2.0f}, {"bias", 0.5f}};
  EXPECT_TRUE(run_node("LRN", 13, {floats({1, 1, 1, 1}, {1}, {1})}, poles)[0].open_at(0));
}

}  // namespace
}  // namespace mob::testing
