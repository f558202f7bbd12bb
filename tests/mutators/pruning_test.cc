// Pruning and clustering on small models given as text.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fuzzer/reference/reference.h"
#include "oracles/promises.h"
#include "tests/mutators/pruning_parents.h"

namespace mob {
namespace {

using testing::ElementsAre;
using Settings = std::map<std::string, std::string>;

Case case_of(const std::string& graph, int opset = 17) {
  Rng rng(1, 1);
  return case_with_weights(graph, opset, rng);
}

// The mutant by these settings at all places, which keeps its promise. Empty where there is no place.
std::optional<Case> pruned(const Case& parent, std::string_view mutator, Settings settings = {}) {
  settings.emplace("places", "all");
  Rng rng(2, 2);
  Choices choices(rng, settings);
  Case c = parent;
  const Mutator* m = find_mutator(mutator);
  const std::optional<Derivation> step = derive(c, *m, choices);
  if (!step) return std::nullopt;
  EXPECT_EQ(check_model(c.model), "") << to_text(c.model);
  EXPECT_EQ(oracles::broken_promise(parent, c, step->promise), "") << to_text(c.model);
  return c;
}

Dims dims_of(const Case& c, const std::string& name) {
  const ValueId v = c.model.graph.find(name);
  return v == kNoValue || !c.model.graph[v].initializer ? Dims{} : c.model.graph[v].initializer->dims();
}

std::vector<double> values_of(const Case& c, const std::string& name) {
  return c.model.graph[c.model.graph.find(name)].initializer->reals();
}

std::vector<std::string> operators(const Case& c) {
  std::vector<std::string> ops;
  for (const Node& n : c.model.graph.nodes) ops.push_back(n.op_type);
  return ops;
}

// --- prune-n-m

TEST(PruneNM, KeepsTheLargestOfNeighboursThatAreSummedUp) {
  const auto c = pruned(case_of("g (float[1,5] x) => (float y)"
                                "<float[5,1] w = {3, -1, 2, -4, 1}> { y = MatMul(x, w) }"),
                        "prune-n-m", {{"pattern", "2:4"}});
  ASSERT_TRUE(c);
  EXPECT_THAT(values_of(*c, "w"), ElementsAre(3, 0, 0, -4, 1));  // the last stands alone
}

TEST(PruneNM, LeavesTermsAlone) {
  EXPECT_FALSE(pruned(case_of("g (float[4] x) => (float y) <float[4] w = {1, 2, 3, 4}> { y = Add(x, w) }"),
                      "prune-n-m", {{"pattern", "2:4"}}));
}

// --- cluster-weights

const std::string kTable =
    "g (float[1,2] x) => (float y) <float[2,3] w = {1, 1.5, 8, 0, 9, 1}> { y = MatMul(x, w) }";

TEST(ClusterWeights, InPlace) {
  const auto c = pruned(case_of(kTable), "cluster-weights",
                        {{"clusters", "2"}, {"scope", "tensor"}, {"keep_zeros", "no"}, {"form", "place"}});
  ASSERT_TRUE(c);
  EXPECT_THAT(values_of(*c, "w"), ElementsAre(0.875, 0.875, 8.5, 0.875, 8.5, 0.875));
}

TEST(ClusterWeights, LookedUp) {
  const auto c = pruned(case_of(kTable), "cluster-weights",
                        {{"clusters", "3"},
                         {"scope", "tensor"},
                         {"keep_zeros", "yes"},
                         {"form", "gather"},
                         {"index", "uint8"}});
  ASSERT_TRUE(c);
  EXPECT_THAT(operators(*c), ElementsAre("Cast", "Gather", "MatMul"));
  EXPECT_THAT(dims_of(*c, "w_codebook"), ElementsAre(3));
  EXPECT_EQ(values_of(*c, "w_codebook")[0], 0);
  EXPECT_THAT(dims_of(*c, "w_indices"), ElementsAre(2, 3));
}

TEST(ClusterWeights, LeavesInfinitiesAlone) {
  Case c = case_of(kTable);
  Graph& g = c.model.graph;
  g[g.find("w")].initializer = std::make_shared<const Tensor>(
      Tensor::of(DType::kFloat, {2, 3}, {1, 2, 3, 4, 5, std::numeric_limits<double>::infinity()}));
  EXPECT_FALSE(pruned(c, "cluster-weights"));
}

// --- prune-channels

const Settings kHalf = {{"sparsity", "0.5"}, {"by", "l1"}};

// Nothing behind it can go, and nothing that is not there is looked at.
TEST(PruneChannels, LeavesAConvolutionWithoutFiltersAlone) {
  EXPECT_FALSE(pruned(case_of("g (float[1,4,3,3] x, float[4,4,1,1] w0, float[0,2,1,1] w1) => (float y)"
                              "{ v = Conv(x, w0)  y = Conv<group = 2>(v, w1) }"),
                      "prune-channels"));
}

TEST(PruneChannels, TheLeastColumnsGoWithTheRowsThatReadThem) {
  const auto c = pruned(case_of("g (float[1,2] x) => (float y)"
                                "<float[2,3] w = {1, -9, 5, -1, 9, 5}, float[3] b = {1, 2, 3},"
                                " float[3,1] v = {1, 2, 3}>"
                                "{ p = MatMul(x, w)  q = Add(p, b)  r = Tanh(q)  y = MatMul(r, v) }"),
                        "prune-channels", {{"sparsity", "0.3"}, {"by", "l1"}});
  ASSERT_TRUE(c);
  EXPECT_THAT(values_of(*c, "w"), ElementsAre(-9, 5, 9, 5));
  EXPECT_THAT(values_of(*c, "b"), ElementsAre(2, 3));
  EXPECT_THAT(values_of(*c, "v"), ElementsAre(2, 3));
}

TEST(PruneChannels, BranchesOfAResidualLoseTheSame) {
  const auto c =
      pruned(case_of("g (float[1,3,4,4] x, float[4,3,1,1] w0, float[4,4,1,1] w1, float[2,4,1,1] w2)"
                     " => (float y) {"
                     "a = Conv(x, w0)  b = Conv(a, w1)  s = Add(a, b)  y = Conv(s, w2) }"),
             "prune-channels", kHalf);
  ASSERT_TRUE(c);
  EXPECT_THAT(dims_of(*c, "w0"), ElementsAre(2, 3, 1, 1));
  EXPECT_THAT(dims_of(*c, "w1"), ElementsAre(2, 2, 1, 1));
  EXPECT_THAT(dims_of(*c, "w2"), ElementsAre(2, 2, 1, 1));
}

TEST(PruneChannels, ConcatKeepsTheOrderOfItsParts) {
  const auto c = pruned(case_of("g (float[1,2,4,4] x, float[4,2,1,1] w0, float[2,6,1,1] w1) => (float y) {"
                                "a = Conv(x, w0)  s = Concat<axis = 1>(x, a)  y = Conv(s, w1) }"),
                        "prune-channels", kHalf);
  ASSERT_TRUE(c);
  EXPECT_THAT(dims_of(*c, "w0"), ElementsAre(2, 2, 1, 1));
  EXPECT_THAT(dims_of(*c, "w1"), ElementsAre(2, 4, 1, 1));
}

TEST(PruneChannels, GroupsGoWhole) {
  const auto c = pruned(case_of("g (float[1,2,4,4] x, float[4,2,1,1] w0, float[8,1,3,3] w1, float[8] w2,"
                                " float[2,8,1,1] w3) => (float y) {"
                                "a = Conv(x, w0)  b = Conv<group = 4>(a, w1, w2)  y = Conv(b, w3) }"),
                        "prune-channels", kHalf);
  ASSERT_TRUE(c);
  EXPECT_THAT(dims_of(*c, "w0"), ElementsAre(2, 2, 1, 1));
  EXPECT_THAT(dims_of(*c, "w1"), ElementsAre(4, 1, 3, 3));
  EXPECT_THAT(dims_of(*c, "w2"), ElementsAre(4));
  EXPECT_THAT(dims_of(*c, "w3"), ElementsAre(2, 4, 1, 1));
  EXPECT_EQ(c->model.graph.nodes[1].int_or("group", 1), 2);
}

TEST(PruneChannels, ColumnsOfAFlattenedChannelGoTogether) {
  for (const std::string flat : {"f = Flatten(a)", "f = Reshape(a, s)"}) {
    const auto c = pruned(case_of("g (float[2,3,2,2] x, float[4,3,1,1] w0, float[16,3] w1) => (float y)"
                                  "<int64[2] s = {2, 16}> { a = Conv(x, w0) " +
                                  flat + " y = MatMul(f, w1) }"),
                          "prune-channels", kHalf);
    ASSERT_TRUE(c);
    EXPECT_THAT(dims_of(*c, "w1"), ElementsAre(8, 3));
  }
}

TEST(PruneChannels, ShapesOfFilledWeightsAreCut) {
  const auto c =
      pruned(case_of("g (float[1,3,4,4] x, float[2,4,1,1] w1) => (float y) <int64[4] s = {4, 3, 1, 1}>"
                     "{ f = ConstantOfShape(s) a = Conv(x, f)  y = Conv(a, w1) }"),
             "prune-channels", kHalf);
  ASSERT_TRUE(c);
  EXPECT_THAT(dims_of(*c, "w1"), ElementsAre(2, 2, 1, 1));
}

TEST(PruneChannels, OpenSizesAreNotFlattened) {
  Case c = case_of(
      "g (float[2,3,2,2] x, float[4,3,1,1] w0, float[16,3] w1) => (float y)"
      "{ a = Conv(x, w0)  f = Flatten(a)  y = MatMul(f, w1) }");
  c.model.graph[c.model.graph.inputs[0]].type->shape->at(0) = {.value = -1, .symbol = "N"};
  EXPECT_FALSE(pruned(c, "prune-channels", kHalf));
}

TEST(PruneChannels, KeepsItsHandsOff) {
  const std::string open = "g (float[1,3,4,4] x, float[4,3,1,1] w0, float[2,4,1,1] w1) => (float y";
  const auto place = [&](const std::string& between, const std::string& outputs = "") {
    return pruned(case_of(open + outputs + ") { a = Conv(x, w0) " + between + " y = Conv(b, w1) }"),
                  "prune-channels", kHalf)
        .has_value();
  };
  EXPECT_TRUE(place("b = Relu(a)"));
  EXPECT_TRUE(place("b = Softmax<axis = 2>(a)"));
  EXPECT_FALSE(place("b = Relu(a)", ", float a"));  // a graph output
  EXPECT_FALSE(place("b = Softmax<axis = 1>(a)"));  // over the channels
  EXPECT_FALSE(place("m = ReduceMax<axes = [1]>(a) b = Add(a, m)"));
  EXPECT_FALSE(place("n = Shape(a) m = Cast<to = 1>(n) b = Mul(a, m)"));  // the sizes are read
}

TEST(PruneChannels, WeightsReadElsewhereStay) {
  // The same filters make a graph output, too.
  EXPECT_FALSE(
      pruned(case_of("g (float[1,3,4,4] x, float[4,3,1,1] w0, float[2,4,1,1] w1) => (float y, float z)"
                     "{ a = Conv(x, w0)  z = Conv(x, w0)  y = Conv(a, w1) }"),
             "prune-channels", kHalf));
  // Anyone may replace them.
  Case c = case_of(
      "g (float[1,3,4,4] x, float[4,3,1,1] w0, float[2,4,1,1] w1) => (float y)"
      "{ a = Conv(x, w0)  y = Conv(a, w1) }");
  c.model.graph.inputs.push_back(c.model.graph.find("w0"));
  EXPECT_FALSE(pruned(c, "prune-channels", kHalf));
}

// --- prune-heads

TEST(PruneHeads, QueriesThatShareKeysGoTogether) {
  const auto c =
      pruned(case_of("g (float[1,2,8] x, float[8,8] w0, float[8,4] w1, float[8,4] w2, float[8,8] w3)"
                     " => (float y) { q = MatMul(x, w0) k = MatMul(x, w1) v = MatMul(x, w2)"
                     "a = Attention<q_num_heads = 4, kv_num_heads = 2>(q, k, v) y = MatMul(a, w3) }",
                     23),
             "prune-heads", kHalf);
  ASSERT_TRUE(c);
  EXPECT_THAT(dims_of(*c, "w0"), ElementsAre(8, 4));
  EXPECT_THAT(dims_of(*c, "w1"), ElementsAre(8, 2));
  EXPECT_THAT(dims_of(*c, "w2"), ElementsAre(8, 2));
  EXPECT_THAT(dims_of(*c, "w3"), ElementsAre(4, 8));
  EXPECT_EQ(c->model.graph.nodes[3].int_or("q_num_heads", 0), 2);
  EXPECT_EQ(c->model.graph.nodes[3].int_or("kv_num_heads", 0), 1);
}

TEST(PruneHeads, OfProductsAndSoftmax) {
  Rng rng(5, 5);
  Net net(rng);
  const std::string out = net.attention("x", 3, 2, false);
  const auto c = pruned(case_of(net.text("float[2, 4, 6]", out)), "prune-heads", {{"sparsity", "0.34"}});
  ASSERT_TRUE(c);
  EXPECT_THAT(dims_of(*c, "w0"), ElementsAre(6, 4));
  EXPECT_THAT(dims_of(*c, "w6"), ElementsAre(4, 6));
}

TEST(PruneHeads, ChannelsOfConvolutionsAreNone) {
  EXPECT_FALSE(pruned(case_of("g (float[1,3,4,4] x, float[4,3,1,1] w0, float[2,4,1,1] w1) => (float y)"
                              "{ a = Conv(x, w0)  y = Conv(a, w1) }"),
                      "prune-heads", kHalf));
}

// --- prune-blocks

const std::string kBlock = "a = Relu(x)  b = Exp(a)  s = Add(x, b)  y = Neg(s) }";

TEST(PruneBlocks, TheBranchGoes) {
  const auto c =
      pruned(case_of("g (float[2,3] x) => (float y) {" + kBlock), "prune-blocks", {{"what", "residual"}});
  ASSERT_TRUE(c);
  EXPECT_THAT(operators(*c), ElementsAre("Neg"));
}

TEST(PruneBlocks, LayersThatReturnTheirInput) {
  const auto c = pruned(case_of("g (float[2,3] x) => (float y) <float[3] o = {1, 1, 1}, float z = {0}>"
                                "{ a = Mul(o, x) b = Sub(a, z) c = Transpose<perm = [0, 1]>(b) d = Flatten(c)"
                                "  e = Sub(z, d)  y = Identity(e) }"),
                        "prune-blocks", {{"what", "identity"}});
  ASSERT_TRUE(c);
  EXPECT_THAT(operators(*c), ElementsAre("Sub", "Identity"));
}

TEST(PruneBlocks, KeepsItsHandsOff) {
  const auto place = [](const std::string& graph) {
    return pruned(case_of(graph), "prune-blocks", {{"what", "residual"}}).has_value();
  };
  EXPECT_FALSE(place("g (float[2,3] x) => (float y, float b) {" + kBlock));  // the branch is read elsewhere
  EXPECT_FALSE(
      place("g (float[2,3] x, float[2,3] z) => (float y) {"
            "b = Exp(z)  s = Add(x, b)  y = Neg(s) }"));  // no branch of x
  EXPECT_FALSE(
      place("g (float[1,3] x, float[2,3] z) => (float y) {"
            "b = Add(x, z)  s = Add(x, b)  y = Neg(s) }"));  // x is broadcast
  EXPECT_FALSE(
      place("g (float[2,3] x, float[2,3] z) => (float y) {"
            "b = Mul(x, z)  s = Add(x, b)  y = Neg(s) }"));  // z would be read by nobody
}

}  // namespace
}  // namespace mob
