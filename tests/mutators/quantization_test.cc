// Quantizing mutators on small models: what becomes of them, and where they keep their hands off.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "mutators/quantization.h"
#include "tests/mutators/examples.h"

namespace mob {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::vector<Case> of(const std::string& graph, int opset, std::string_view mutator, Settings settings = {}) {
  settings.emplace("places", "all");
  return mutants(case_of(graph, opset), mutator, 20, settings);
}

// What a node reads in a slot, where it is a constant.
Tensor constant_at(const Case& c, const Node& n, std::size_t slot) {
  return *c.model.graph[n.inputs[slot]].initializer;
}

const Settings kPlainStatic = {
    {"activation_type", "uint8"},    {"weight_type", "int8"}, {"granularity", "tensor"},
    {"symmetric_weights", "yes"},    {"reduce_range", "no"},  {"weights", "stored"},
    {"symmetric_activations", "no"}, {"mixed", "no"},         {"pairs", "shared"},
    {"calibration", "min-max"}};

TEST(QuantizeStatic, PutsPairsAroundAMatMulAndStoresItsWeight) {
  const auto list =
      of("g (float[2,2] x) => (float[2,2] y) <float[2,2] w = {-1.27, 0, 0.64, 1.27}> { y = MatMul(x, w) }",
         13, "quantize-static", kPlainStatic);
  ASSERT_FALSE(list.empty());
  EXPECT_THAT(operators(list[0]),
              UnorderedElementsAre("QuantizeLinear", "DequantizeLinear", "DequantizeLinear", "MatMul",
                                   "QuantizeLinear", "DequantizeLinear"));
  EXPECT_EQ(list[0].model.graph[list[0].model.graph.outputs[0]].name, "y");
  for (const Node& n : list[0].model.graph.nodes)
    if (n.op_type == "DequantizeLinear" && list[0].model.graph[n.inputs[0]].initializer) {
      EXPECT_THAT(constant_at(list[0], n, 0).ints_vector(), ElementsAre(-127, 0, 64, 127));
      EXPECT_NEAR(constant_at(list[0], n, 1).real_at(0), 0.01, 1e-8);
    }
}

// Quantizers take 1; next to nothing would make every rounding error of a runtime large.
TEST(QuantizeStatic, HasAScaleOfOneWhereAllIsZero) {
  const auto list =
      of("g (float[2,2] x) => (float[2,2] y) <float[2,2] w = {0, 0, 0, 0}> { y = MatMul(x, w) }", 13,
         "quantize-static", kPlainStatic);
  ASSERT_FALSE(list.empty());
  for (const Node& n : list[0].model.graph.nodes)
    if (n.op_type == "DequantizeLinear" && list[0].model.graph[n.inputs[0]].initializer)
      EXPECT_EQ(constant_at(list[0], n, 1).real_at(0), 1);
}

// Far from zero in the type, small numbers are as exact as others: the zero point costs no bound.
TEST(QuantizeStatic, HasARoundedTwinThatIsAsExactAsItself) {
  Settings settings = kPlainStatic;
  settings["symmetric_activations"] = "yes";  // zero is 128
  const auto list = applied(case_of("g (float[20] x) => (float[20] y) { y = Relu(x) }", 21),
                            "quantize-static", settings, 3, 5);
  ASSERT_FALSE(list.empty());
  for (const auto& [mutant, promise] : list) {
    ASSERT_EQ(promise.twins.size(), 2u);
    const Reference twin = evaluate(*promise.twins[1].c);
    ASSERT_TRUE(twin.available()) << twin.unavailable;
    for (std::size_t i = 0; i < twin.outputs[0].count(); ++i)
      EXPECT_LE(twin.outputs[0].bound_at(i), 0x1p-21 * twin.outputs[0].value_at(i) + 1e-30) << i;
  }
}

TEST(QuantizeStatic, GivesABiasTheProductOfTheScales) {
  Settings settings = kPlainStatic;
  settings["granularity"] = "channel";
  const auto list =
      of("g (float[1,1,3,3] x) => (float[1,2,2,2] y) <float[2,1,2,2] w = {1,2,3,4,5,6,7,8}, "
         "float[2] b = {1, 2}> { y = Conv(x, w, b) }",
         13, "quantize-static", settings);
  ASSERT_FALSE(list.empty());
  const Graph& g = list[0].model.graph;
  const std::vector<int> producers = g.producers();
  const Node& conv = the(list[0], "Conv");
  const auto maker = [&](std::size_t slot) -> const Node& {
    return g.nodes[static_cast<std::size_t>(producers[static_cast<std::size_t>(conv.inputs[slot])])];
  };
  const Tensor x = constant_at(list[0], maker(0), 1), w = constant_at(list[0], maker(1), 1),
               b = constant_at(list[0], maker(2), 1);
  EXPECT_EQ(constant_at(list[0], maker(2), 0).dtype(), DType::kInt32);
  EXPECT_EQ(maker(1).int_or("axis", 9), 0);
  EXPECT_EQ(w.dims(), Dims{2});
  for (std::int64_t i = 0; i < 2; ++i)
    EXPECT_EQ(b.real_at(i), static_cast<float>(x.real_at(0)) * static_cast<float>(w.real_at(i)));
}

TEST(QuantizeStatic, KeepsItsHandsOff) {
  const auto refused = [](const std::string& graph, int opset) {
    return of(graph, opset, "quantize-static").empty();
  };
  EXPECT_TRUE(refused("g (float[2] x) => (float[2] y) { y = Relu(x) }", 9));
  EXPECT_TRUE(refused("g (double[2] x) => (double[2] y) { y = Relu(x) }", 17));
  EXPECT_TRUE(refused("g (int32[2] x) => (int32[2] y) { y = Neg(x) }", 17));
  // The shape of the result would hang on the grid.
  EXPECT_TRUE(refused("g (float[2] x) => (int64[1,n] y) { r = Relu(x)  y = NonZero(r) }", 17));
}

TEST(QuantizeStatic, StoresNothingThatAnInputMayOverride) {
  Case c = case_of("g (float[2,2] x) => (float[2,2] y) <float[2,2] w = {1, 2, 3, 4}> { y = MatMul(x, w) }");
  Graph& g = c.model.graph;
  g.inputs.push_back(g.find("w"));
  const auto list = mutants(c, "quantize-static", 20, kPlainStatic);
  ASSERT_FALSE(list.empty());
  for (const Case& m : list) {
    const ValueId w = m.model.graph.find("w");
    ASSERT_NE(w, kNoValue);
    EXPECT_TRUE(m.model.graph.is_input(w));
    EXPECT_EQ(m.model.graph[w].initializer->dtype(), DType::kFloat);
  }
}

TEST(QuantizeWeights, WritesBlocksOfInt4) {
  const auto list =
      of("g (float[1,4] x) => (float[1,3] y) <float[4,3] w = {1,2,3,4,5,6,7,8,9,10,11,12}> "
         "{ y = MatMul(x, w) }",
         21, "quantize-weights",
         {{"type", "int4"}, {"granularity", "block"}, {"block_size", "2"}, {"symmetric", "yes"}});
  ASSERT_FALSE(list.empty());
  EXPECT_TRUE(any(list, [](const Case& m) {
    const Node& n = the(m, "DequantizeLinear");
    return n.int_or("axis", 9) == 0 && n.int_or("block_size", 0) == 2 &&
           constant_at(m, n, 0).type() == ArrayType{DType::kInt4, {4, 3}} &&
           constant_at(m, n, 1).dims() == Dims{2, 3};
  }));
}

const std::string kProduct =
    "g (float[2,2] x) => (float[2,2] y) <float[2,2] w = {1, 2, 3, 4}> { y = MatMul(x, w) }";

TEST(QuantizeDynamic, MultipliesIntegersAndScales) {
  const auto list = of(kProduct, 13, "quantize-dynamic");
  ASSERT_FALSE(list.empty());
  EXPECT_THAT(operators(list[0]),
              UnorderedElementsAre("DynamicQuantizeLinear", "MatMulInteger", "Cast", "Mul", "Mul"));
}

TEST(QuantizeDynamic, WantsAConstantWeightAndARange) {
  EXPECT_THAT(
      of("g (float[2,2] x, float[2,2] w) => (float[2,2] y) { y = MatMul(x, w) }", 13, "quantize-dynamic"),
      IsEmpty());
  EXPECT_THAT(of(kProduct, 10, "quantize-dynamic"), IsEmpty());
  Case zeros = case_of(kProduct);
  zeros.inputs["x"] = Tensor::of(DType::kFloat, {2, 2}, {0, 0, 0, 0});
  EXPECT_THAT(mutants(zeros, "quantize-dynamic"), IsEmpty());
}

TEST(QuantizeFloats, KeepsTheInterfaceOrChangesItsTypes) {
  const auto kept = of(kProduct, 13, "quantize-floats", {{"to", "float16"}, {"keep_io", "yes"}});
  ASSERT_FALSE(kept.empty());
  EXPECT_THAT(operators(kept[0]), ElementsAre("Cast", "MatMul", "Cast"));
  const auto changed = of(kProduct, 13, "quantize-floats", {{"to", "float16"}, {"keep_io", "no"}});
  ASSERT_FALSE(changed.empty());
  const Graph& g = changed[0].model.graph;
  EXPECT_EQ(g[g.inputs[0]].type->dtype, DType::kFloat16);
  EXPECT_EQ(g[g.outputs[0]].type->dtype, DType::kFloat16);
  EXPECT_EQ(changed[0].inputs.at("x").dtype(), DType::kFloat16);
}

const std::string kScales = "<float s = {0.02}, uint8 z = {128}, float t = {0.03}> ";

TEST(DoubleQdq, RepeatsThePair) {
  const auto list = of("g (float[4] x) => (float[4] y) " + kScales +
                           "{ q = QuantizeLinear(x, s, z)  y = DequantizeLinear(q, s, z) }",
                       13, "double-qdq");
  ASSERT_FALSE(list.empty());
  EXPECT_THAT(operators(list[0]),
              ElementsAre("QuantizeLinear", "DequantizeLinear", "QuantizeLinear", "DequantizeLinear"));
}

TEST(DropQdq, WantsOneGrid) {
  const auto text = [](const std::string& second) {
    return "g (uint8[4] q) => (float[4] y) " + kScales +
           "{ a = DequantizeLinear(q, s, z)  b = QuantizeLinear(a, " + second +
           ", z)  y = DequantizeLinear(b, s, z) }";
  };
  const auto list = of(text("s"), 13, "drop-qdq");
  ASSERT_FALSE(list.empty());
  EXPECT_THAT(operators(list[0]), ElementsAre("DequantizeLinear"));
  EXPECT_THAT(of(text("t"), 13, "drop-qdq"), IsEmpty());
}

TEST(MoveQdq, LetsATransposeWorkOnIntegers) {
  const auto list = of(
      "g (uint8[2,3] q) => (float[3,2] y) " + kScales + "{ a = DequantizeLinear(q, s, z)  y = Transpose(a) }",
      13, "move-qdq");
  ASSERT_FALSE(list.empty());
  EXPECT_THAT(operators(list[0]), ElementsAre("Transpose", "DequantizeLinear"));
  // One scale for each column does not fit the rows.
  EXPECT_THAT(of("g (uint8[2,3] q) => (float[3,2] y) <float[3] s = {1, 2, 3}> "
                 "{ a = DequantizeLinear<axis = 1>(q, s)  y = Transpose(a) }",
                 13, "move-qdq"),
              IsEmpty());
}

std::string convolution(const std::string& bias_scale) {
  return "g (uint8[1,1,3,3] x) => (uint8[1,2,2,2] y) "
         "<float sx = {0.5}, uint8 zx = {7}, int8[2,1,2,2] w = {1,2,3,4,5,6,7,8}, float[2] sw = {0.5, 0.25}, "
         "int8[2] zw = {0, 0}, int32[2] b = {3, -4}, float[2] sb = {" +
         bias_scale +
         "}, float sy = {0.4}, uint8 zy = {20}> { xf = DequantizeLinear(x, sx, zx)  "
         "wf = DequantizeLinear<axis = 0>(w, sw, zw)  bf = DequantizeLinear<axis = 0>(b, sb)  "
         "yf = Conv(xf, wf, bf)  y = QuantizeLinear(yf, sy, zy) }";
}

TEST(FuseQdq, WantsTheBiasOnTheGridOfTheSums) {
  const auto list = of(convolution("0.25, 0.125"), 13, "fuse-qdq");
  ASSERT_FALSE(list.empty());
  EXPECT_THAT(operators(list[0]), ElementsAre("QLinearConv"));
  EXPECT_THAT(of(convolution("0.25, 0.25"), 13, "fuse-qdq"), IsEmpty());
  // And back.
  const auto back = mutants(list[0], "unfuse-qlinear");
  ASSERT_FALSE(back.empty());
  EXPECT_THAT(operators(back[0]), UnorderedElementsAre("DequantizeLinear", "DequantizeLinear", "Mul",
                                                       "DequantizeLinear", "Conv", "QuantizeLinear"));
}

TEST(FuseIntegerProducts, LeavesTheScalesForLater) {
  const auto list =
      of("g (uint8[2,3] x) => (float[2,2] y) <float s = {0.5}, uint8 z = {7}, "
         "int8[3,2] w = {1,2,3,4,5,6}, float[2] u = {0.5, 0.25}> { a = DequantizeLinear(x, s, z)  "
         "b = DequantizeLinear<axis = 1>(w, u)  y = MatMul(a, b) }",
         13, "fuse-integer-products");
  ASSERT_FALSE(list.empty());
  EXPECT_THAT(operators(list[0]), UnorderedElementsAre("MatMulInteger", "Cast", "Mul", "Mul"));
  // Scales of rows do not leave the sum.
  EXPECT_THAT(of("g (uint8[2,3] x) => (float[2,2] y) <float s = {0.5}, int8[3,2] w = {1,2,3,4,5,6}, "
                 "float[3] u = {0.5, 0.25, 1}> { a = DequantizeLinear(x, s)  "
                 "b = DequantizeLinear<axis = 0>(w, u)  y = MatMul(a, b) }",
                 13, "fuse-integer-products"),
              IsEmpty());
}

// --- Calibration and grids.

TEST(Calibration, CutsOffWhatLiesFarOut) {
  using mutators::RangeRule;
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back(std::sin(i));
  values.push_back(100);
  const auto high = [&](RangeRule rule) { return mutators::cut_range(values, rule).high; };
  EXPECT_EQ(high({}), 100);
  EXPECT_LT(high({RangeRule::Method::kPercentile, 99}), 1.1);
  EXPECT_LT(high({RangeRule::Method::kEntropy}), 60);
  values.push_back(std::numeric_limits<double>::infinity());
  EXPECT_EQ(high({}), 100);
}

TEST(Quantization, RoundsHalfToEvenAndSaturates) {
  mutators::Quantization q = mutators::per_tensor(DType::kInt8);
  q.scale = {2};
  const Tensor x = Tensor::of(DType::kFloat, {5}, {1, 3, -1, 1000, -1000});
  EXPECT_THAT(mutators::stored(x, q).ints_vector(), ElementsAre(0, 2, 0, 127, -128));
}

TEST(Quantization, FitsTheRangeWithZeroOnTheGrid) {
  mutators::Quantization q = mutators::per_tensor(DType::kUint8);
  mutators::fit(q, {{-1, 3}}, false, false);
  EXPECT_FLOAT_EQ(static_cast<float>(q.scale[0]), 4.0F / 255);
  EXPECT_EQ(q.zero[0], 64);
  mutators::fit(q, {{-1, 3}}, true, false);
  EXPECT_FLOAT_EQ(static_cast<float>(q.scale[0]), 6.0F / 255);
  EXPECT_EQ(q.zero[0], 128);
}

}  // namespace
}  // namespace mob
