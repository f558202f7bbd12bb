// Windows and transforms of signals.
#include <gmock/gmock.h>

#include "tests/ops/run_node.h"

namespace mob::testing {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using I64 = std::int64_t;

Expected scalar(I64 n) {
  return exact(Tensor::of_ints(DType::kInt64, {}, {n}));
}

TEST(CosineWindows, PeriodicOrSymmetric) {
  const auto near = [](double v) { return DoubleNear(v, 1e-12); };
  EXPECT_THAT(values(run_node("HannWindow", 17, {scalar(4)})[0]),
              ElementsAre(near(0), near(0.5), near(1), near(0.5)));
  EXPECT_THAT(values(run_node("HannWindow", 17, {scalar(3)}, {{"periodic", I64{0}}})[0]),
              ElementsAre(near(0), near(1), near(0)));
  EXPECT_THAT(values(run_node("BlackmanWindow", 17, {scalar(2)})[0]), ElementsAre(near(0), near(1)));
  EXPECT_NEAR(run_node("HammingWindow", 17, {scalar(2)})[0].value_at(0), 4.0 / 46, 1e-12);
}

TEST(CosineWindows, OneBetweenTwoEndsIsOpen) {
  EXPECT_EQ(run_node("HannWindow", 17, {scalar(1)}, {{"periodic", I64{0}}}).unspecified, 1u);
  EXPECT_EQ(run_node("HannWindow", 17, {scalar(1)}).unspecified, 0u);
  EXPECT_EQ(run_node("HannWindow", 17, {scalar(0)})[0].count(), 0u);
}

TEST(CosineWindows, IntegersAreCutOff) {
  const auto r = run_node("HannWindow", 17, {scalar(4)}, {{"output_datatype", I64{6}}});
  EXPECT_EQ(r[0].bound_at(1), 0) << "a half";
  EXPECT_EQ(r[0].bound_at(2), 1) << "one, or a little less";
  EXPECT_THROW(run_node("HannWindow", 17, {scalar(4)}, {{"output_datatype", I64{9}}}), InvalidNode);
  EXPECT_THROW(run_node("HannWindow", 17, {scalar(-1)}), InvalidNode);
  EXPECT_THROW(run_node("HannWindow", 17, {axes_input({4})}), InvalidNode) << "no scalar";
}

// Of a real signal.
NodeRun transform(const std::vector<double>& x, const Attributes& attributes, Expected length = {}) {
  return run_node("DFT", 17, {floats({1, static_cast<I64>(x.size()), 1}, x), std::move(length)}, attributes);
}

TEST(DFT, ForthAndBack) {
  EXPECT_THAT(values(transform({1, 2, 3, 4}, {})[0]), ElementsAre(10, 0, -2, 2, -2, 0, -2, -2));
  EXPECT_THAT(values(transform({1, 2, 3, 4}, {{"onesided", I64{1}}})[0]), ElementsAre(10, 0, -2, 2, -2, 0));
  const auto half = floats({1, 3, 2}, {10, 0, -2, 2, -2, 7});
  const Attributes back = {{"onesided", I64{1}}, {"inverse", I64{1}}};
  EXPECT_THAT(values(run_node("DFT", 17, {half}, back)[0]), ElementsAre(1, 2, 3, 4))
      << "7 i has no part in it";
}

TEST(DFT, LengthCutsOrFillsWithZeros) {
  EXPECT_THAT(values(transform({1, 2, 3, 4}, {}, scalar(2))[0]), ElementsAre(3, 0, -1, 0));
  EXPECT_THAT(values(transform({5}, {}, scalar(2))[0]), ElementsAre(5, 0, 5, 0));
  EXPECT_THROW(transform({5}, {}, scalar(0)), InvalidNode);
  const auto half = floats({1, 3, 2}, {10, 0, -2, 2, -2, 0});
  EXPECT_THROW(run_node("DFT", 17, {half, scalar(8)}, {{"onesided", I64{1}}, {"inverse", I64{1}}}),
               Unsupported);
}

TEST(DFT, AnInfinityIsEverywhere) {
  const NodeRun r = transform({1, kInfinity<double>}, {});
  EXPECT_TRUE(r[0].open_at(0) && r[0].open_at(3));
}

TEST(DFT, Wrong) {
  EXPECT_THROW(transform({1, 2}, {{"axis", I64{2}}}), InvalidNode) << "the parts";
  EXPECT_THROW(transform({1, 2}, {{"onesided", I64{1}}, {"inverse", I64{1}}}), InvalidNode);
  EXPECT_THROW(run_node("DFT", 17, {floats({1, 2, 3}, {1, 2, 3, 4, 5, 6})}), InvalidNode);
}

TEST(STFT, WindowsOverFrames) {
  const Expected x = floats({1, 4, 1}, {1, 2, 3, 4});
  const auto r = run_node("STFT", 17, {x, scalar(2), floats({2}, {1, 0.5})});
  EXPECT_EQ(r[0].type.dims, (Dims{1, 2, 2, 2}));
  EXPECT_THAT(values(r[0]), ElementsAre(2, 0, 0, 0, 5, 0, 1, 0));
  EXPECT_EQ(run_node("STFT", 17, {x, scalar(1)})[0].type.dims, (Dims{1, 1, 3, 2})) << "one frame of all";
  EXPECT_THROW(run_node("STFT", 17, {x, scalar(2), floats({2}, {1, 1}), scalar(3)}), InvalidNode);
  EXPECT_THROW(run_node("STFT", 17, {x, scalar(1), {}, scalar(5)}), InvalidNode);
}

NodeRun mel(I64 bands, double lower, double upper, double bound = 0) {
  return run_node(
      "MelWeightMatrix", 17,
      {scalar(bands), scalar(8), scalar(8000), floats({}, {lower}), floats({}, {upper}, {bound})});
}

TEST(MelWeightMatrix, TrianglesOverBins) {
  // Edges at 0, 390 and 999 Hz of the three mel steps to 1946 Hz; a bin is 8000 / 9 Hz wide.
  const auto one = mel(1, 0, 1946);
  EXPECT_EQ(one[0].type.dims, (Dims{5, 1}));
  EXPECT_THAT(values(one[0]), ElementsAre(1, 0, 0, 0, 0));
  const auto wide = mel(1, 2000, 4000);
  EXPECT_THAT(values(wide[0]), ElementsAre(0, 0, 1, 0, 0));
}

TEST(MelWeightMatrix, ABinInDoubtHasNoTriangle) {
  EXPECT_THROW(mel(1, 0, 1946, 1000), Unsupported);
  EXPECT_THROW(mel(0, 0, 1946), InvalidNode);
  EXPECT_THROW(mel(1, 2000, 1000), InvalidNode);
}

}  // namespace
}  // namespace mob::testing
