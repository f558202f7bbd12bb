// Verdicts of `mobster judge` on real versions of ONNX Runtime.
#include "tests/cli/run_mobster.h"

namespace mob {
namespace {

using Judge = CommandLine;

// QDQPropagationTransformer lets the whole of x be quantized for one row of it: hundreds of times slower.
TEST_F(Judge, TellsThatOptimizationMadeAModelSlower) {
  const std::string model = file("slice.onnxtxt", R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[1024,2048] x) => (float[1,2048] y)
    <float s = {0.05}, uint8 z = {128}, int64[1] b = {0}, int64[1] e = {1}, int64[1] a = {0}> {
      t = Slice(x, b, e, a)
      q = QuantizeLinear(t, s, z)
      y = DequantizeLinear(q, s, z)
    })");
  const Ran r = run("judge " + model + " --system onnxruntime@1.31.1");
  EXPECT_EQ(r.code, 1) << r.err;
  EXPECT_NE(r.out.find("FINDING: no-gain (bug), optimize at BASIC"), std::string::npos) << r.out;
  EXPECT_NE(r.out.find("times slower than without optimization"), std::string::npos) << r.out;
}

// Of one element the call itself is most of what a run costs.
TEST_F(Judge, LeavesASmallModelAlone) {
  const std::string model = file("slice.onnxtxt", R"(<ir_version: 8, opset_import: ["" : 17]>
    g (float[4,8] x) => (float[1,8] y)
    <float s = {0.05}, uint8 z = {128}, int64[1] b = {0}, int64[1] e = {1}, int64[1] a = {0}> {
      t = Slice(x, b, e, a)
      q = QuantizeLinear(t, s, z)
      y = DequantizeLinear(q, s, z)
    })");
  const Ran r = run("judge " + model + " --system onnxruntime@1.31.1");
  EXPECT_EQ(r.code, 0) << r.out << r.err;
}

}  // namespace
}  // namespace mob
