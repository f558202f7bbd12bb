// Fusions and their reverses on models that read well: the operators afterwards, and where they keep off.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oracles/promises.h"
#include "tests/mutators/examples.h"

namespace mob {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Operators = std::vector<std::string>;

// Operators of the mutant that works at every place, but Constants; none where there is no place. The promise
// is kept.
Operators after(const Case& c, std::string_view mutator) {
  Rng rng(3, 3);
  Choices choices(rng, {{"places", "all"}});
  Case mutant = c;
  const auto step = derive(mutant, *find_mutator(mutator), choices);
  if (!step) return {};
  EXPECT_EQ(oracles::broken_promise(c, mutant, step->promise), "");
  Operators ops = operators(mutant);
  std::erase(ops, "Constant");
  return ops;
}
Operators after(const std::string& graph, std::string_view mutator, int opset = 17) {
  return after(case_of(graph, opset), mutator);
}

const std::string kConvNorm =
    "g (float[1,2,3] x) => (float[1,2,3] y) <float[2,2,1] w = {1, 2, 3, 4}, float[2] s = {1, 2}, "
    "float[2] b = {0.5, 1}, float[2] m = {1, -1}, float[2] v = {1, 4}> "
    "{ c = Conv(x, w)  y = BatchNormalization(c, s, b, m, v) }";

TEST(BatchNorm, GoesIntoTheFilter) {
  EXPECT_THAT(after(kConvNorm, "fuse-batch-norm"), ElementsAre("Conv"));
}

TEST(BatchNorm, StaysWhereStatisticsComeFromOutside) {
  EXPECT_THAT(after("g (float[1,2,3] x, float[2] s) => (float[1,2,3] y) <float[2,2,1] w = {1, 2, 3, 4}, "
                    "float[2] b = {0.5, 1}, float[2] m = {1, -1}, float[2] v = {1, 4}> "
                    "{ c = Conv(x, w)  y = BatchNormalization(c, s, b, m, v) }",
                    "fuse-batch-norm"),
              IsEmpty());
}

TEST(BatchNorm, StaysWhereTheFilterWouldOverflow) {
  EXPECT_THAT(after("g (float[1,1,3] x) => (float[1,1,3] y) <float[1,1,1] w = {1e30}, float[1] s = {1e30}, "
                    "float[1] b = {0}, float[1] m = {0}, float[1] v = {1}> "
                    "{ c = Conv(x, w)  y = BatchNormalization(c, s, b, m, v) }",
                    "fuse-batch-norm"),
              IsEmpty());
}

TEST(BatchNorm, LeavesTheConvThatOthersRead) {
  EXPECT_THAT(after("g (float[1,1,3] x) => (float[1,1,3] y, float[1,1,3] z) <float[1,1,1] w = {2}, "
                    "float[1] s = {3}, float[1] b = {0}, float[1] m = {0}, float[1] v = {1}> "
                    "{ c = Conv(x, w)  y = BatchNormalization(c, s, b, m, v)  z = Neg(c) }",
                    "fuse-batch-norm"),
              testing::UnorderedElementsAre("Conv", "Conv", "Neg"));
}

TEST(BatchNorm, ComesBehindAConv) {
  EXPECT_THAT(
      after("g (float[1,2,3] x) => (float[1,2,3] y) <float[2,2,1] w = {1, 2, 3, 4}> { y = Conv(x, w) }",
            "unfuse-batch-norm"),
      ElementsAre("Conv", "BatchNormalization"));
}

TEST(Bias, GoesIntoTheConvAndOut) {
  const std::string w = "<float[2,2,1] w = {1, 2, 3, 4}, float[2,1] b = {1, 2}>";
  EXPECT_THAT(after("g (float[1,2,3] x) => (float[1,2,3] y) " + w + " { c = Conv(x, w)  y = Add(b, c) }",
                    "fuse-bias"),
              ElementsAre("Conv"));
  EXPECT_THAT(after("g (float[1,2,3] x, float[2] b) => (float[1,2,3] y) <float[2,2,1] w = {1, 2, 3, 4}> "
                    "{ y = Conv(x, w, b) }",
                    "unfuse-bias"),
              testing::UnorderedElementsAre("Conv", "Unsqueeze", "Add"));
}

TEST(Bias, StaysWhereItDiffersAlongTheImage) {
  EXPECT_THAT(after("g (float[1,2,3] x) => (float[1,2,3] y) <float[2,2,1] w = {1, 2, 3, 4}, "
                    "float[3] b = {1, 2, 3}> { c = Conv(x, w)  y = Add(b, c) }",
                    "fuse-bias"),
              IsEmpty());
}

TEST(Gemm, TakesTransposesAndTheSum) {
  EXPECT_THAT(after("g (float[3,2] a, float[3,4] b, float[4] c) => (float[2,4] y) "
                    "{ t = Transpose(a)  p = MatMul(t, b)  y = Add(c, p) }",
                    "fuse-gemm"),
              ElementsAre("Gemm"));
  EXPECT_THAT(after("g (float[3,2] a, float[3,4] b, float[4] c) => (float[2,4] y) "
                    "{ y = Gemm<transA = 1, alpha = 0.5>(a, b, c) }",
                    "unfuse-gemm"),
              ElementsAre("Transpose", "MatMul", "Mul", "Add"));
}

TEST(Gemm, TakesNoSumThatIsWiderThanTheProduct) {
  EXPECT_THAT(after("g (float[1,3] a, float[3,4] b, float[2,4] c) => (float[2,4] y) "
                    "{ p = MatMul(a, b)  y = Add(p, c) }",
                    "fuse-gemm", 9),
              IsEmpty());
}

TEST(Activation, IsFoundWhicheverWayItsFactorsStand) {
  EXPECT_THAT(after("g (float[4] x) => (float[4] y) <float three = {3}, float six = {6}, float zero = {0}> "
                    "{ a = Add(three, x)  c = Clip(a, zero, six)  d = Div(c, six)  y = Mul(d, x) }",
                    "fuse-activation"),
              ElementsAre("HardSwish"));
  EXPECT_THAT(
      after("g (float[4] x) => (float[4] y) { s = Sigmoid(x)  y = Mul(s, x) }", "fuse-activation", 24),
      ElementsAre("Swish"));
}

TEST(Activation, IsNoneWithAnotherNumberOrTensor) {
  EXPECT_THAT(after("g (float[4] x) => (float[4] y) <float three = {2}, float six = {6}, float zero = {0}> "
                    "{ a = Add(three, x)  c = Clip(a, zero, six)  d = Div(c, six)  y = Mul(d, x) }",
                    "fuse-activation"),
              IsEmpty());
  EXPECT_THAT(after("g (float[4] x, float[4] z) => (float[4] y) { s = Sigmoid(z)  y = Mul(s, x) }",
                    "fuse-activation", 24),
              IsEmpty());
}

TEST(Activation, IsNoneWhereTheNumberMayBeReplaced) {
  // An initializer that is a graph input is a default only.
  Case c = case_of("g (float[4] x) => (float[4] y) <float zero = {0}> { y = Max(x, zero) }");
  EXPECT_THAT(after(c, "fuse-activation"), ElementsAre("Relu"));
  c.model.graph.inputs.push_back(c.model.graph.find("zero"));
  EXPECT_THAT(after(c, "fuse-activation"), IsEmpty());
}

TEST(Gelu, IsFoundByErf) {
  const std::string text =
      "g (float[4] x) => (float[4] y) <float r = {1.41421356}, float one = {1}, float half = {0.5}> "
      "{ a = Div(x, r)  e = Erf(a)  s = Add(e, one)  p = Mul(x, s)  y = Mul(p, half) }";
  EXPECT_THAT(after(text, "fuse-gelu", 20), ElementsAre("Gelu"));
  EXPECT_THAT(after(text, "fuse-gelu", 19), IsEmpty());
}

const std::string kLayerNorm =
    "g (float[2,3,4] x) => (float[2,3,4] y) <float[4] s = {1, 2, 3, 4}, float[4] b = {1, 0, 1, 0}, float e = "
    "{1e-5}, float two = {2}> { m = ReduceMean<axes = [AXIS]>(x)  d = Sub(x, m)  p = Pow(d, two) "
    "v = ReduceMean<axes = [AXIS], keepdims = 1>(p)  a = Add(v, e)  r = Sqrt(a)  q = Div(d, r) "
    "t = Mul(q, s)  y = Add(t, b) }";
std::string with_axis(std::string text, const std::string& axis) {
  for (std::size_t at; (at = text.find("AXIS")) != std::string::npos;) text.replace(at, 4, axis);
  return text;
}

TEST(LayerNorm, IsFoundAlongTheLastAxisOnly) {
  EXPECT_THAT(after(with_axis(kLayerNorm, "-1"), "fuse-layer-norm"), ElementsAre("LayerNormalization"));
  EXPECT_THAT(after(with_axis(kLayerNorm, "1"), "fuse-layer-norm"), IsEmpty());
}

TEST(Softmax, BecomesExponentialsAndBack) {
  const Case c = case_of("g (float[2,3] x) => (float[2,3] y) { y = Softmax<axis = 0>(x) }");
  for (const Case& m : mutants(c, "unfuse-softmax"))
    EXPECT_THAT(after(m, "fuse-softmax"), testing::Contains(testing::AnyOf("Softmax", "LogSoftmax")));
}

TEST(Pad, GoesIntoConvAndPools) {
  EXPECT_THAT(after("g (float[1,1,4] x) => (float[1,1,6] y) <int64[6] p = {0, 0, 1, 0, 0, 2}, "
                    "float[1,1,2] w = {1, 2}> { q = Pad(x, p)  y = Conv(q, w) }",
                    "fuse-pad"),
              ElementsAre("Conv"));
  // Around a MaxPool zeros are no padding.
  EXPECT_THAT(after("g (float[1,1,4] x) => (float[1,1,6] y) <int64[6] p = {0, 0, 1, 0, 0, 1}> "
                    "{ q = Pad(x, p)  y = MaxPool<kernel_shape = [2]>(q) }",
                    "fuse-pad"),
              IsEmpty());
  EXPECT_THAT(after("g (float[1,1,4] x) => (float[1,1,4] y) "
                    "{ y = MaxPool<kernel_shape = [2], pads = [1, 0]>(x) }",
                    "unfuse-pad"),
              ElementsAre("Pad", "MaxPool"));
}

TEST(Chain, TwoBecomeOne) {
  EXPECT_THAT(after("g (float[2,3,4] x) => (float[3,4,2] y) "
                    "{ t = Transpose<perm = [2, 0, 1]>(x)  y = Transpose<perm = [2, 0, 1]>(t) }",
                    "fuse-chain"),
              ElementsAre("Transpose"));
  EXPECT_THAT(
      after("g (float16[2] x) => (double[2] y) { f = Cast<to = 1>(x)  y = Cast<to = 11>(f) }", "fuse-chain"),
      ElementsAre("Cast"));
  EXPECT_THAT(after("g (float[6] x) => (float[2] y) <int64[1] a = {1}, int64[1] b = {6}, int64[1] c = {0}, "
                    "int64[1] d = {2}> { s = Slice(x, a, b, c, d)  y = Slice(s, a, b) }",
                    "fuse-chain"),
              ElementsAre("Slice"));
}

TEST(Chain, ACastThatRoundsStays) {
  EXPECT_THAT(
      after("g (float[2] x) => (double[2] y) { f = Cast<to = 10>(x)  y = Cast<to = 11>(f) }", "fuse-chain"),
      IsEmpty());
}

TEST(Chain, AShapeFromOutsideIsStillRead) {
  EXPECT_THAT(after("g (float[2,3] x, int64[1] s) => (float[3,2] y) <int64[2] t = {3, 2}> "
                    "{ r = Reshape(x, s)  y = Reshape(r, t) }",
                    "fuse-chain"),
              IsEmpty());
}

TEST(Split, BecomesSlicesAndBack) {
  EXPECT_THAT(
      after("g (float[4,2] x) => (float[2,2] y, float[2,2] z) { y, z = Split<axis = 0>(x) }", "unfuse-split"),
      ElementsAre("Slice", "Slice"));
  EXPECT_THAT(after("g (float[4] x) => (float[2] y) <int64[1] a = {1}, int64[1] b = {3}, int64[1] c = {0}> "
                    "{ y = Slice(x, a, b, c) }",
                    "fuse-slice"),
              ElementsAre("Split"));
}

TEST(Conv, OfOnePointIsAProduct) {
  EXPECT_THAT(
      after("g (float[1,2,3] x, float[4,2,1] w) => (float[1,4,3] y) { y = Conv(x, w) }", "unfuse-conv"),
      ElementsAre("Reshape", "Reshape", "MatMul", "Reshape"));
  EXPECT_THAT(
      after("g (float[1,2,3] x, float[4,2,2] w) => (float[1,4,2] y) { y = Conv(x, w) }", "unfuse-conv"),
      IsEmpty());
}

TEST(Attention, IsFoundWithScaleAndMask) {
  const std::string text =
      "g (float[1,2,3,4] q, float[1,2,5,4] k, float[1,2,5,4] v, float[3,5] m) => (float[1,2,3,4] y) "
      "<float f = {0.5}> { t = Transpose<perm = [0, 1, 3, 2]>(k)  p = MatMul(q, t)  s = Mul(p, f) "
      "a = Add(s, m)  w = Softmax<axis = -1>(a)  y = MatMul(w, v) }";
  EXPECT_THAT(after(text, "fuse-attention", 23), ElementsAre("Attention"));
  EXPECT_THAT(after(text, "fuse-attention", 22), IsEmpty());
}

const std::string kHeads = "g (float[1,2,3,4] q, float[1,2,5,4] k, float[1,2,5,4] v";
const std::string kScores = "t = Transpose<perm = [0, 1, 3, 2]>(k)  p = MatMul(q, t)  ";
const std::string kOutput = "w = Softmax<axis = -1>(a)  y = MatMul(w, v) }";

// The case with a mask of these rows, of five keys each.
Case under(Case c, const std::vector<std::int64_t>& mask) {
  const auto rows = static_cast<std::int64_t>(mask.size()) / 5;
  c.inputs["m"] = Tensor::of_ints(DType::kBool, {rows, 5}, mask);
  return c;
}
const std::vector<std::int64_t> kEachSeesAKey = {1, 0, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1};
const std::vector<std::int64_t> kOneSeesNone = {1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1};

TEST(Attention, TakesAMaskOfBoolsInEveryForm) {
  for (const char* masked : {
           "a = Where(m, p, low) ",
           "z = Where(m, zero, low)  a = Add(p, z) ",
           "f = Cast<to = 1>(m)  d = Sub(one, f)  n = Mul(d, low)  a = Add(n, p) ",
       }) {
    const Case c = case_of(kHeads +
                               ", bool[3,5] m) => (float[1,2,3,4] y) <float low = {-1e4}, float zero = "
                               "{0}, float one = {1}> { " +
                               kScores + masked + kOutput,
                           23);
    EXPECT_THAT(after(under(c, kEachSeesAKey), "fuse-attention"), ElementsAre("Attention")) << masked;
    EXPECT_THAT(after(under(c, kOneSeesNone), "fuse-attention"), IsEmpty()) << masked;
  }
  EXPECT_THAT(after(under(case_of(kHeads + ", bool[3,5] m) => (float[1,2,3,4] y) <float low = {-inf}> { " +
                                      kScores + "a = Where(m, low, p) " + kOutput,
                                  23),
                          {0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
                    "fuse-attention"),
              ElementsAre("Not", "Attention"));
}

TEST(Attention, TakesNoMaskThatLeavesMaskedKeysAWeight) {
  EXPECT_THAT(after(under(case_of(kHeads + ", bool[3,5] m) => (float[1,2,3,4] y) <float low = {-10}> { " +
                                      kScores + "a = Where(m, p, low) " + kOutput,
                                  23),
                          kEachSeesAKey),
                    "fuse-attention"),
              IsEmpty());
}

TEST(Attention, KnowsTheCausalMask) {
  const auto fused = [](const std::string& mask) {
    const Case c = case_of(kHeads + ") => (float[1,2,3,4] y) <bool[3,5] m = {" + mask +
                               "}, float low = {-1e9}> { " + kScores + "a = Where(m, p, low) " + kOutput,
                           23);
    const auto list = derivations(c, "fuse-attention", {{"places", "all"}});
    return list.size() == 1 ? the(list[0], "Attention") : Node{};
  };
  const Node causal = fused("1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 0");
  EXPECT_EQ(causal.int_or("is_causal", 0), 1);
  EXPECT_EQ(causal.inputs.size(), 3U);
  const Node another = fused("1, 1, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 0");
  EXPECT_EQ(another.int_or("is_causal", 0), 0);
  EXPECT_EQ(another.inputs.size(), 4U);
}

const std::string kCache = kHeads +
                           ", float[1,2,2,4] pk, float[1,2,2,4] pv) => (float[1,2,3,4] y, float[1,2,7,4] nk, "
                           "float[1,2,7,4] nv) ";

TEST(Attention, TakesTheCache) {
  const std::string text =
      "{ nk = Concat<axis = 2>(pk, k)  nv = Concat<axis = -2>(pv, v) "
      "t = Transpose<perm = [0, 1, 3, 2]>(nk)  p = MatMul(q, t)  w = Softmax<axis = "
      "-1>(p)  y = MatMul(w, nv) }";
  EXPECT_THAT(after(kCache + text, "fuse-attention", 23), ElementsAre("Attention"));
  // A query that is made of the keys cannot come after them.
  const std::string of_keys =
      "g (float[1,2,7,4] q, float[1,2,5,4] k, float[1,2,5,4] v, float[1,2,2,4] pk, float[1,2,2,4] pv) => "
      "(float[1,2,7,4] y) { nk = Concat<axis = 2>(pk, k)  nv = Concat<axis = 2>(pv, v)  r = Add(q, nk) "
      "t = Transpose<perm = [0, 1, 3, 2]>(nk)  p = MatMul(r, t)  w = Softmax<axis = -1>(p) "
      "y = MatMul(w, nv) }";
  EXPECT_THAT(after(of_keys, "fuse-attention", 23), IsEmpty());
}

TEST(Attention, IsSpelledOutWithMasksAndCache) {
  const Case cached =
      case_of(kCache + "{ y, nk, nv = Attention<is_causal = 1, scale = 0.5>(q, k, v, , pk, pv) }", 23);
  for (const Case& m : derivations(cached, "unfuse-attention", {{"places", "all"}, {"mask", "where"}})) {
    const Operators ops = operators(m);
    EXPECT_EQ(std::count(ops.begin(), ops.end(), "Concat"), 2);
    EXPECT_EQ(std::count(ops.begin(), ops.end(), "Where"), 1);
    EXPECT_THAT(after(m, "fuse-attention"), ElementsAre("Attention"));
  }
  const Case masked =
      case_of(kHeads + ", bool[3,5] m) => (float[1,2,3,4] y) { y = Attention<scale = 0.5>(q, k, v, m) }", 23);
  for (const char* style : {"where", "added", "product"}) {
    const auto list = derivations(under(masked, kEachSeesAKey), "unfuse-attention", {{"mask", style}});
    EXPECT_FALSE(list.empty());
    for (const Case& m : list) {
      const Operators ops = operators(m);
      const bool by_product = std::string_view(style) == "product";
      EXPECT_EQ(std::count(ops.begin(), ops.end(), by_product ? "Cast" : "Where"), 1) << style;
      EXPECT_THAT(after(m, "fuse-attention"), ElementsAre("Attention")) << to_text(m.model);
    }
    EXPECT_TRUE(derivations(under(masked, kOneSeesNone), "unfuse-attention", {{"mask", style}}).empty());
  }
}

TEST(Attention, HasACapAndShowsItsScores) {
  const Case c = case_of(kHeads +
                             ") => (float[1,2,3,4] y, float[1,2,3,5] s) { y, nk, nv, s = "
                             "Attention<softcap = 2.0, qk_matmul_output_mode = 1>(q, k, v) }",
                         23);
  const auto list = derivations(c, "unfuse-attention", {{"places", "all"}});
  EXPECT_FALSE(list.empty());
  for (const Case& m : list) {
    EXPECT_EQ(the(m, "Tanh").inputs.size(), 1U);
    const auto fused = derivations(m, "fuse-attention", {{"places", "all"}}, 1);
    ASSERT_EQ(fused.size(), 1U);
    EXPECT_EQ(the(fused[0], "Attention").float_or("softcap", 0), 2);
  }
}

TEST(Attention, ItsSoftmaxMayBeOfAWiderType) {
  const auto ops = [](const std::string& precision) {
    return after(
        "g (float16[1,2,3,4] q, float16[1,2,5,4] k, float16[1,2,5,4] v) => (float16[1,2,3,4] y) { y = "
        "Attention<scale = 0.5, softmax_precision = " +
            precision + ">(q, k, v) }",
        "unfuse-attention", 23);
  };
  const Operators wider = ops("1");
  EXPECT_EQ(std::count(wider.begin(), wider.end(), "Cast"), 2);
  EXPECT_THAT(ops("10"), testing::Not(testing::Contains("Cast")));
  EXPECT_THAT(ops("16"), IsEmpty());
}

TEST(Attention, OfSharedKeysRepeatsThem) {
  const Operators ops = after(
      "g (float[1,4,3,4] q, float[1,2,5,4] k, float[1,2,5,4] v) => (float[1,4,3,4] y) "
      "{ y = Attention<scale = 0.5>(q, k, v) }",
      "unfuse-attention", 23);
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "Expand"), 2);
}

TEST(Function, IsInlined) {
  Case c;
  c.model = parse_text(
      "<ir_version: 8, opset_import: [\"\" : 17, \"local\" : 1]> "
      "g (float[2] x) => (float[2] y) { a = local.F(x)  y = local.F(a) } "
      "<domain: \"local\", opset_import: [\"\" : 17]> F (x) => (y) { n = Neg(x)  y = Exp(n) }");
  Rng rng(1, 1);
  c.inputs = draw_inputs(c.model, rng);
  const Operators ops = after(c, "inline-function");
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "Exp"), 2);
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "F"), 0);
}

// Sizes that differ from run to run: nothing that holds at one size only.
TEST(Fusions, LeaveOpenSizesAlone) {
  EXPECT_THAT(after("g (float[N,2] x) => (float[M] y) <int64[1] s = {-1}, int64[2] t = {2, -1}> "
                    "{ r = Reshape(x, t)  y = Reshape(r, s) }",
                    "fuse-chain"),
              IsEmpty());
}

}  // namespace
}  // namespace mob
