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
}

}  // namespace
}  // namespace mob::testing
