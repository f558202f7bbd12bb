#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fuzzer/graph/model_io.h"
#include "fuzzer/graph/schema.h"
#include "tests/graph/help.h"

namespace mob {
namespace {

using testing::Contains;
using testing::HasSubstr;

std::vector<std::string> operators(const Graph& g) {
  std::vector<std::string> names;
  for (const Node& n : g.nodes) names.push_back(n.op_type);
  return names;
}

// The model's one node, with the types of its inputs as the model declares them.
std::optional<FunctionBody> body_in(const std::string& text) {
  const Model m = parse_text(text);
  const Node& node = m.graph.nodes[0];
  std::vector<std::optional<ArrayType>> types;
  for (ValueId v : node.inputs) {
    types.emplace_back();
    if (v == kNoValue || !m.graph[v].type) continue;
    ArrayType t{m.graph[v].type->dtype, {}};
    for (const Dim& d : *m.graph[v].type->shape) t.dims.push_back(d.value);
    types.back() = t;
  }
  return function_body(m, node, types);
}

TEST(FunctionBodyTest, OfTheSchema) {
  const auto body = body_in(R"(<ir_version: 8, opset_import: ["" : 17]>
      g (float[2] x) => (float[2] y) { y = HardSwish(x) })");
  ASSERT_TRUE(body);
  EXPECT_EQ(operators(body->graph), (std::vector<std::string>{"HardSigmoid", "Mul"}));
  ASSERT_EQ(body->graph.inputs.size(), 1u);
  ASSERT_EQ(body->graph.outputs.size(), 1u);
  EXPECT_EQ(show(*body->graph[body->graph.inputs[0]].type), "float[2]");
  EXPECT_EQ(body->graph.outputs[0], body->graph.nodes[1].outputs[0]);
  EXPECT_GE(body->opsets.at(""), 14);
}

TEST(FunctionBodyTest, OfAContext) {
  const auto body = body_in(R"(<ir_version: 8, opset_import: ["" : 18]>
      g (float[2, 5] x, int64[1] s) => (float[2, 3] y) { y = CenterCropPad <axes = [1]> (x, s) })");
  ASSERT_TRUE(body);
  EXPECT_THAT(operators(body->graph), Contains("Slice"));
  EXPECT_EQ(body->graph.inputs.size(), 2u);
}

TEST(FunctionBodyTest, ReplacesReferencesByAttributesAndDefaults) {
  const auto alpha = [](const char* attributes) {
    const auto body = body_in(R"(<ir_version: 8, opset_import: ["" : 18]>
        g (float[2] x) => (float[2] y) { y = Elu )" +
                              std::string(attributes) + " (x) }");
    for (const Node& n : body.value().graph.nodes)
      if (n.has("value_float")) return n.float_or("value_float", -1);
    return -2.0;
  };
  EXPECT_EQ(alpha("<alpha = 3.0>"), 3.0);
  EXPECT_EQ(alpha(""), 1.0);
}

TEST(FunctionBodyTest, OfAModelsOwnFunction) {
  const std::string text = R"(<ir_version: 10, opset_import: ["" : 17, "local" : 1]>
      g (float[2] x) => (float[2] y) { y = local.f <k = 2> (x, , x) }
      <domain: "local", opset_import: ["" : 13]>
      f <k, j: int = 5> (a, b, c) => (r) { p = Odd <n: int = @k, o: int = @j, q: int = @none> (a, b, c) r = Relu(p) })";
  const auto body = body_in(text);
  ASSERT_TRUE(body);
  const Graph& g = body->graph;
  EXPECT_EQ(body->opsets, (std::map<std::string, std::int64_t>{{"", 13}}));
  EXPECT_EQ(g.inputs, (std::vector<ValueId>{g.find("a"), kNoValue, g.find("c")}));
  const Node& odd = g.nodes[0];
  EXPECT_EQ(odd.inputs, g.inputs);
  EXPECT_EQ(odd.int_or("n", 0), 2);
  EXPECT_EQ(odd.int_or("o", 0), 5);
  EXPECT_FALSE(odd.has("q"));
}

TEST(FunctionBodyTest, LeavesOutWhatTheNodeLeavesOut) {
  const auto body = body_in(R"(<ir_version: 10, opset_import: ["" : 17, "local" : 1]>
      g (float[2] x) => (float[2] y) { , y = local.f(x) }
      <domain: "local", opset_import: ["" : 17]> f (a) => (b, c) { b = Relu(a) c = Neg(a) })");
  ASSERT_TRUE(body);
  EXPECT_EQ(body->graph.outputs, (std::vector<ValueId>{kNoValue, body->graph.find("c")}));
  EXPECT_EQ(body->graph.use_counts()[static_cast<std::size_t>(body->graph.find("c"))], 1);
}

TEST(FunctionBodyTest, NoneAndBroken) {
  EXPECT_FALSE(body_in(R"(<ir_version: 8, opset_import: ["" : 17]> g (float[2] x) => (y) { y = Sin(x) })"));
  EXPECT_FALSE(
      body_in(R"(<ir_version: 8, opset_import: ["" : 17]> g (float[2] x) => (y) { y = there.Odd(x) })"));
  EXPECT_THAT(complaint([] {
                body_in(R"(<ir_version: 10, opset_import: ["" : 17, "local" : 1]>
      g (float[2] x) => (float[2] y) { y = local.f(x) }
      <domain: "local", opset_import: ["" : 17]> f (a) => (b) { b = Relu(q) })");
              }),
              HasSubstr("function 'f': node '' (Relu) reads 'q'"));
}

// Every node case whose operator has a function: the body is a graph that the reader accepts.
TEST(FunctionBodyTest, OfEveryTestModel) {
  const auto files = testdata(".onnx", "node-1.23.2");
  if (files.empty()) GTEST_SKIP() << kNoTestdata;
  int bodies = 0, none = 0;
  for (const auto& file : files) {
    const Model m = load_model(file);
    for (const Node& node : m.graph.nodes) {
      const Schema* s = schema(node.op_type, static_cast<int>(m.opset(node.domain)), node.domain);
      if (s == nullptr || !s->has_function) continue;
      std::vector<std::optional<ArrayType>> types;
      for (ValueId v : node.inputs) {
        types.emplace_back();
        if (v == kNoValue || !m.graph[v].type || !m.graph[v].type->shape) continue;
        ArrayType t{m.graph[v].type->dtype, {}};
        for (const Dim& d : *m.graph[v].type->shape) t.dims.push_back(std::max<std::int64_t>(d.value, 0));
        types.back() = t;
      }
      std::optional<FunctionBody> body;
      EXPECT_EQ(complaint([&] { body = function_body(m, node, types); }), "") << file;
      ++(body ? bodies : none);  // none: a type that it depends on is not declared
      if (body) {
        EXPECT_EQ(body->graph.inputs.size(), node.inputs.size()) << file;
        EXPECT_EQ(body->graph.outputs.size(), node.outputs.size()) << file;
      }
    }
  }
  std::cout << bodies << " bodies, " << none << " without\n";
  EXPECT_GT(bodies, 100);
}

}  // namespace
}  // namespace mob
