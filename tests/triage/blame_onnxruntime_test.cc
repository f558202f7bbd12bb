// Who is guilty of bugs of the newest ONNX Runtime.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fuzzer/probes/limits.h"
#include "fuzzer/triage/blame.h"
#include "tests/fakes/case_of.h"

namespace mob {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Blame blame_of(const std::string& text) {
  return blame(with_limits(resolve_system("onnxruntime@1.31.1")),
               case_of(R"(<ir_version: 8, opset_import: ["" : 17]> )" + text), {});
}

// Epsilon is a vector, of which the fusion takes one number; a second fusion does the same where the first is
// not to be had.
TEST(BlameOnnxRuntime, APassAndTheOneThatTakesItsPlace) {
  const Blame b = blame_of(R"(g (float[2,3,4] x) => (float[2,3,4] y)
<float two = {2}, float[4] eps = {0.1,0.2,0.3,0.4}, float[4] scale = {1.8,0.2,1.9,0.9}, float[4] bias = {1,2,3,4}> {
  m = ReduceMean <axes = [-1], keepdims = 1> (x)
  s = Sub (x, m)
  p = Pow (s, two)
  v = ReduceMean <axes = [-1], keepdims = 1> (p)
  a = Add (v, eps)
  q = Sqrt (a)
  d = Div (s, q)
  u = Mul (d, scale)
  y = Add (u, bias)
})");
  ASSERT_EQ(b.passes.size(), 3u);
  EXPECT_THAT(b.passes[0].cures, ElementsAre(PassSet{"LayerNormFusionL1"}));
  for (std::size_t i : {1, 2}) {
    ASSERT_EQ(b.passes[i].cures.size(), 1u);
    EXPECT_THAT(b.passes[i].cures[0],
                ::testing::UnorderedElementsAre("LayerNormFusionL1", "SimplifiedLayerNormFusion"));
  }
  EXPECT_EQ(name(b.culprit), "optimizer") << b.culprit_why;
  EXPECT_THAT(b.nodes.hides, Contains("a"));
}

// The log tells only of the bundle that holds the rule.
TEST(BlameOnnxRuntime, ARewriteRule) {
  const Blame b = blame_of(R"(g (float[1,1,4,4] x) => (float[1,1,3,3] y)
<int64[8] p = {0,0,0,0,0,0,1,1}> {
  q = Pad (x, p)
  y = AveragePool <ceil_mode = 1, count_include_pad = 0, kernel_shape = [2, 2], strides = [2, 2]> (q)
})");
  ASSERT_EQ(b.passes.size(), 3u);
  for (const PassBlame& p : b.passes) EXPECT_THAT(p.cures, ElementsAre(PassSet{"Pad_Fusion"}));
  EXPECT_EQ(name(b.finding->symptom), "wrong-structure");
  EXPECT_EQ(name(b.culprit), "optimizer") << b.culprit_why;
}

// The same with one number for epsilon.
TEST(BlameOnnxRuntime, NobodyWhereTheFusionIsRight) {
  const Blame b = blame_of(R"(g (float[2,3,4] x) => (float[2,3,4] y)
<float two = {2}, float eps = {0.1}, float[4] scale = {1.8,0.2,1.9,0.9}, float[4] bias = {1,2,3,4}> {
  m = ReduceMean <axes = [-1], keepdims = 1> (x)
  s = Sub (x, m)
  p = Pow (s, two)
  v = ReduceMean <axes = [-1], keepdims = 1> (p)
  a = Add (v, eps)
  q = Sqrt (a)
  d = Div (s, q)
  u = Mul (d, scale)
  y = Add (u, bias)
})");
  EXPECT_FALSE(b.finding);
  EXPECT_EQ(b.nothing, "agree");
  EXPECT_THAT(b.passes, IsEmpty());
}

}  // namespace
}  // namespace mob
