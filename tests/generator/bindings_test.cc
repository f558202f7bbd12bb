// Further sizes of symbolic dimensions: only such as the model takes, and inputs that are like its own.
#include "fuzzer/generator/bindings.h"

#include <gtest/gtest.h>

#include "fuzzer/generator/generator.h"
#include "fuzzer/generator/inputs.h"
#include "fuzzer/graph/binding.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/reference/decidedness.h"
#include "fuzzer/reference/reference.h"
#include "tests/fakes/case_of.h"

namespace mob {
namespace {

BindingDraws bind(Case& c, int count = 4, std::uint64_t seed = 1) {
  Rng rng(seed, 0);
  return draw_bindings(c, rng, count);
}

TEST(DrawBindings, GivesOtherSizesEachTime) {
  Case c = case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[N,3] x, float[N,?] y) => (float[?,?] z) { z = Concat <axis = 1> (x, y) })");
  EXPECT_EQ(bind(c).kept, 4);
  std::set<Sizes> seen = {*sizes_of(c.model.graph, c.inputs)};
  for (const Inputs& inputs : c.bindings) {
    const auto sizes = sizes_of(c.model.graph, inputs);
    ASSERT_TRUE(sizes);
    EXPECT_TRUE(seen.insert(*sizes).second);
    EXPECT_EQ(inputs.at("x").dims()[1], 3);
  }
}

TEST(DrawBindings, LeavesAStaticModelAlone) {
  Case c = case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,3] x) => (float[2,3] y) { y = Relu (x) })");
  EXPECT_EQ(bind(c).kept, 0);
  EXPECT_TRUE(c.bindings.empty());
}

// What is written down in the model binds the sizes, too.
TEST(DrawBindings, CountsSizesThatTheModelDoesNotTake) {
  Case c = case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[N,3] x) => (float[?,?] y) <int64[2] shape = {3, 2}> { y = Reshape (x, shape) })");
  c.inputs["x"] = Tensor::of(DType::kFloat, {2, 3}, {1, 2, 3, 4, 5, 6});
  const BindingDraws draws = bind(c);
  EXPECT_EQ(draws.kept, 0);
  EXPECT_GT(draws.invalid, 0);
}

TEST(DrawBindings, KeepsTheDeclaredInterface) {
  Case c = case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[N,3] x) => (float[2,3] y) { y = Relu (x) })");
  c.inputs["x"] = Tensor::of(DType::kFloat, {2, 3}, {1, 2, 3, 4, 5, 6});
  const BindingDraws draws = bind(c);
  EXPECT_EQ(draws.kept, 0);
  EXPECT_GT(draws.unfit, 0);
}

TEST(DrawBindings, DrawsValuesLikeThoseThatAreThere) {
  Case c = case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[N] x, int64[N] i, float[5] table) => (float[?] y, float[?] z) {
  y = Log (x)
  z = Gather (table, i)
})");
  c.inputs["x"] = Tensor::of(DType::kFloat, {3}, {0.5, 4, 2.25});
  c.inputs["i"] = Tensor::ints({4, 0, 4});
  ASSERT_GT(bind(c).kept, 0);
  for (const Inputs& inputs : c.bindings) {
    for (double x : inputs.at("x").reals()) EXPECT_TRUE(x >= 0.5 && x <= 4) << x;
    for (std::int64_t i : inputs.at("i").ints_vector()) EXPECT_TRUE(i == 0 || i == 4) << i;
    EXPECT_TRUE(inputs.at("table").identical(c.inputs["table"]));  // a list may carry meaning
  }
}

// A shape that is an input follows the sizes, so that the model stays valid.
TEST(DrawBindings, AShapeFollowsTheSizes) {
  Case c = case_of(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[N,3] x, int64[3] shape) => (float[?,?,?] y) { y = Reshape (x, shape) })");
  c.inputs["x"] = Tensor::of(DType::kFloat, {4, 3}, std::vector<double>(12, 1));
  c.inputs["shape"] = Tensor::ints({1, 3, 4});
  ASSERT_GT(bind(c).kept, 0);
  for (const Inputs& inputs : c.bindings) EXPECT_EQ(inputs.at("shape").int_at(2), inputs.at("x").dims()[0]);
}

// On random cases: every binding is one that the reference vouches for, and a function of the seed.
TEST(DrawBindings, AreValidAndReproducible) {
  GeneratorOptions options;
  options.policy.symbolic = 1;
  std::size_t kept = 0, cases = 0;
  for (std::uint64_t i = 0; cases < 300; ++i) {
    Rng rng(5, i);
    auto g = generate_graph(rng, options);
    if (!g) continue;
    ++cases;
    Case again = g->c;
    bind(g->c, 2, i);
    bind(again, 2, i);
    ASSERT_EQ(g->c.bindings.size(), again.bindings.size());
    kept += again.bindings.size();
    const Reference r = evaluate(g->c);
    for (std::size_t b = 0; b < again.bindings.size(); ++b) {
      EXPECT_TRUE(r.bindings[b].available()) << r.bindings[b].unavailable;
      EXPECT_EQ(r.bindings[b].unspecified, 0u);
      for (const auto& [name, tensor] : again.bindings[b])
        EXPECT_TRUE(tensor.identical(g->c.bindings[b].at(name))) << name;
    }
  }
  EXPECT_GT(kept, cases / 2) << "most models take no other sizes";
}

}  // namespace
}  // namespace mob
