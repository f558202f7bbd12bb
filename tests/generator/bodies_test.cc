// Nodes with bodies: what the builder knows of them, and that what is drawn is valid.
#include <gmock/gmock.h>

#include <functional>
#include <set>

#include "fuzzer/generator/generator.h"
#include "fuzzer/generator/grow.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/reference/reference.h"

namespace mob {
namespace {

using ::testing::ElementsAre;

std::vector<double> values(const Expected& x) {
  std::vector<double> v;
  for (std::size_t i = 0; i < x.count(); ++i) v.push_back(x.value_at(i));
  return v;
}

std::shared_ptr<const Expected> shared(const Tensor& t) {
  return std::make_shared<const Expected>(exact(t));
}

// x doubled three times, from a body that reads x around it.
TEST(Bodies, OfALoopAreEvaluatedInEachIteration) {
  Rng rng(1, 0);
  Policy policy;
  policy.symbolic = 0;
  Builder b(rng, policy, {.opset = 17});
  const ValueId x = b.leaf(Tensor::of(DType::kFloat, {2}, {1, -2}), Constness::kInput);
  const ValueId trips = b.leaf(Tensor::of_ints(DType::kInt64, {}, {3}), Constness::kInitializer);
  Builder body(b, "body");
  body.input(shared(Tensor::of_ints(DType::kInt64, {}, {0})));
  const ValueId go = body.input(shared(Tensor::of_ints(DType::kBool, {}, {1})));
  const ValueId sum = body.input(b.shared_value(x));
  const ValueId more = body.node("Add", {sum, body.outer(x)});
  EXPECT_THAT(values(body.value(more)), ElementsAre(2, -4));
  const ValueId y = b.node("Loop", {trips, kNoValue, x}, {{.name = "body", .value = body.close({go, more})}});
  EXPECT_THAT(values(b.value(y)), ElementsAre(4, -8));
  const Case c = b.take();
  EXPECT_EQ(check_model(c.model), "") << to_text(c.model);
  EXPECT_THAT(values(evaluate(c).outputs.at(0)), ElementsAre(4, -8));
}

TEST(Bodies, HoldWhatTheirOutputsNeedOnly) {
  Rng rng(1, 0);
  const Policy policy;
  Builder b(rng, policy, {.opset = 17});
  const ValueId x = b.leaf(Tensor::of(DType::kFloat, {2}, {1, -2}), Constness::kInput);
  Builder branch(b, "then");
  const ValueId kept = branch.node("Neg", {branch.outer(x)});
  branch.node("Abs", {branch.leaf(Tensor::scalar(DType::kFloat, 1), Constness::kConstantNode)});
  const GraphPtr g = branch.close({kept});
  ASSERT_EQ(g->nodes.size(), 1u);
  EXPECT_EQ(g->nodes[0].op_type, "Neg");
  EXPECT_EQ(g->values.size(), 2u);
}

// A state that grows from iteration to iteration is no Loop of fixed types.
TEST(Bodies, ThatDoNotHoldInEveryIterationAreGivenUp) {
  Rng rng(1, 0);
  const Policy policy;
  Builder b(rng, policy, {.opset = 17});
  const ValueId x = b.leaf(Tensor::of(DType::kFloat, {2}, {1, -2}), Constness::kInput);
  const ValueId trips = b.leaf(Tensor::of_ints(DType::kInt64, {}, {2}), Constness::kInitializer);
  Builder body(b, "body");
  body.input(shared(Tensor::of_ints(DType::kInt64, {}, {0})));
  const ValueId go = body.input(shared(Tensor::of_ints(DType::kBool, {}, {1})));
  const ValueId was = body.input(b.shared_value(x));
  const ValueId twice = body.node("Concat", {was, was}, {{.name = "axis", .value = std::int64_t{0}}});
  EXPECT_THROW(b.node("Loop", {trips, kNoValue, x}, {{.name = "body", .value = body.close({go, twice})}}),
               CannotDraft);
}

TEST(Bodies, DrawnAreValidAndNamedApart) {
  GeneratorOptions options;
  options.policy.special = 0;
  options.policy.control_flow = 1;
  std::map<std::string, int> seen;
  int made = 0;
  for (std::uint64_t i = 0; i < 400; ++i) {
    Rng rng(17, i);
    const auto g = generate_graph(rng, options, {.nodes = 3});
    if (!g) continue;
    ++made;
    EXPECT_EQ(check_model(g->c.model), "") << "draw " << i << "\n" << to_text(g->c.model);
    const Reference r = evaluate(g->c);
    EXPECT_TRUE(r.available()) << "draw " << i << ": " << r.unavailable << "\n" << to_text(g->c.model);
    std::set<std::string> names;
    const std::function<void(const Graph&, int)> visit = [&](const Graph& graph, int depth) {
      for (const Value& v : graph.values)
        EXPECT_TRUE(v.outer || names.insert(v.name).second) << v.name << " twice in draw " << i;
      for (const Node& n : graph.nodes) {
        if (!n.bodies().empty()) ++seen[(depth > 0 ? "inner " : "") + n.op_type];
        if (n.domain == Builder::kLocalDomain) ++seen["call"];
        for (const Graph* body : n.bodies()) visit(*body, depth + 1);
      }
    };
    visit(g->c.model.graph, 0);
  }
  EXPECT_GT(made, 200);
  for (const char* kind : {"If", "Loop", "Scan", "call", "inner If"}) EXPECT_GT(seen[kind], 0) << kind;
}

// Sequences are neither inputs nor outputs; one that nobody reads goes.
TEST(Builder, DropsSequencesThatNobodyReads) {
  Rng rng(1, 0);
  const Policy policy;
  Builder b(rng, policy, {.opset = 17});
  const ValueId x = b.leaf(Tensor::of(DType::kFloat, {2}, {1, -2}), Constness::kInput);
  const ValueId s = b.node("SequenceConstruct", {x, x});
  b.node("SequenceErase", {s});
  b.node("SequenceLength", {s});
  const Case c = b.take();
  EXPECT_EQ(check_model(c.model), "");
  EXPECT_EQ(c.model.graph.nodes.size(), 2u);
  EXPECT_EQ(c.model.graph.outputs.size(), 1u);
}

}  // namespace
}  // namespace mob
