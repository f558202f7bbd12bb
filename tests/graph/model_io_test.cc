#include "fuzzer/graph/model_io.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fuzzer/base/rng.h"
#include "onnx/onnx_pb.h"
#include "tests/graph/help.h"

namespace mob {
namespace {

using testing::HasSubstr;

constexpr const char* kSmallModel = R"(
<ir_version: 8, opset_import: ["" : 17]>
small (float[N, 3] x) => (float[N, 2] y)
<float[3, 2] w = {1, 2, 3, 4, 5, 6}> {
  p = MatMul(x, w)
  y = Relu(p)
})";

// An If whose branches read values from outside, and an optional input that is left out.
constexpr const char* kNestedModel = R"(
<ir_version: 8, opset_import: ["" : 17, "local" : 1]>
nested (bool c, float[4] x) => (float[4] y)
<float high = {1}> {
  k = Clip(x, , high)
  y = If(c) <
    then_branch = then_graph () => (float[4] t) { t = local.twice(k) },
    else_branch = else_graph () => (float[4] e) { m = Constant <value = float[4] {1, 2, 3, 4}>() e = Mul(m, x) }
  >
}
<domain: "local", opset_import: ["" : 17]>
twice (a) => (b) { b = Add(a, a) })";

TEST(ModelIoTest, ReadsTheTextForm) {
  const Model m = parse_text(kSmallModel);
  EXPECT_EQ(m.ir_version, 8);
  EXPECT_EQ(m.opset(), 17);
  EXPECT_EQ(m.opset("ai.onnx"), 17);
  const Graph& g = m.graph;
  EXPECT_EQ(g.name, "small");
  ASSERT_EQ(g.nodes.size(), 2u);
  EXPECT_EQ(g.nodes[0].op_type, "MatMul");
  EXPECT_EQ(g[g.nodes[0].inputs[1]].name, "w");
  EXPECT_EQ(g[g.nodes[0].inputs[1]].initializer->reals(), (std::vector<double>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(show(*g[g.inputs[0]].type), "float[N,3]");
  EXPECT_EQ(g.outputs, std::vector<ValueId>{g.find("y")});
  EXPECT_EQ(to_text(parse_text(to_text(m))), to_text(m));
}

TEST(ModelIoTest, ReadsNestedGraphs) {
  const Model m = parse_text(kNestedModel);
  const Node& choice = m.graph.nodes[1];
  EXPECT_EQ(m.graph.nodes[0].inputs[1], kNoValue);
  const auto branch = [&](const char* name) { return std::get<GraphPtr>(choice.attribute(name)->value); };
  EXPECT_TRUE((*branch("then_branch"))[branch("then_branch")->find("k")].outer);
  EXPECT_TRUE((*branch("else_branch"))[branch("else_branch")->find("x")].outer);
  EXPECT_FALSE((*branch("else_branch"))[branch("else_branch")->find("m")].outer);
  EXPECT_EQ(check_model(m), "");
}

TEST(ModelIoTest, BuildsAModelThatTheCheckerAccepts) {
  Model m;
  m.opsets[""] = 17;
  m.graph.name = "built";
  const ValueId x = m.graph.add_input("x", {DType::kFloat, {2, 3}});
  const ValueId s = m.graph.add_initializer("s", Tensor::ints({3, 2}));
  const ValueId r = m.graph.add_node("Reshape", {x, s});
  const ValueId y = m.graph.add_node("Softmax", {r}, {{"axis", std::int64_t{1}, {}, {}}});
  m.graph.add_output(y);
  m = infer_shapes(m);
  EXPECT_EQ(show(*m.graph[y].type), "float[3,2]");
  EXPECT_EQ(check_model(m), "");
  m.graph.nodes[1].set("axis", std::int64_t{7});
  EXPECT_THAT(check_model(m), HasSubstr("axis"));
}

TEST(ModelIoTest, EveryTestModelComesBackWhole) {
  const auto files = testdata(".onnx");
  if (files.empty()) GTEST_SKIP() << kNoTestdata;
  int text = 0;
  for (const auto& file : files) {
    const std::string bytes = bytes_in(file);
    const Model m = load_model(file);
    const std::string again = serialize(m);
    // Compared as text only where they differ: the bytes of a normal form are equal or not.
    ASSERT_TRUE(normalized(bytes, file.parent_path()) == normalized(again)) << file;
    ASSERT_EQ(serialize(parse_model(again)), again) << file;
    text += !complaint([&] { to_text(m); }).empty();
  }
  EXPECT_EQ(text, 0);
  RecordProperty("models", static_cast<int>(files.size()));
  std::cout << files.size() << " models\n";
}

TEST(ModelIoTest, EveryTestTensorComesBackWhole) {
  const auto files = testdata(".pb", "node-1.23.2");
  if (files.empty()) GTEST_SKIP() << kNoTestdata;
  TemporaryFolder folder;
  int tensors = 0, others = 0;
  for (const auto& file : files) {
    onnx::TensorProto p;
    const std::string why = complaint([&] {
      const Tensor t = load_tensor(file);
      save_tensor(t, "t", folder / "t.pb");
      ASSERT_TRUE(load_tensor(folder / "t.pb").identical(t)) << file;
      ++tensors;
    });
    if (why.empty()) continue;
    ++others;
    EXPECT_THAT(why, HasSubstr("is no tensor")) << file;
  }
  std::cout << tensors << " tensors, " << others << " others\n";
  EXPECT_GT(tensors, 5000);
  EXPECT_LT(others, 200);
}

// Whatever our structs do not model must come back too. Built by hand, since the text form knows less.
TEST(ModelIoTest, CarriesWhatItDoesNotModel) {
  onnx::ModelProto m;
  ASSERT_TRUE(m.ParseFromString(serialize(parse_text(kNestedModel))));
  m.set_doc_string("model");
  m.set_producer_name("me");
  m.set_model_version(-3);
  const auto meta = [](auto* list, const char* key) {
    auto* e = list->Add();
    e->set_key(key);
    e->set_value("value");
  };
  meta(m.mutable_metadata_props(), "model");
  m.add_training_info()->mutable_algorithm()->set_name("training");
  m.add_configuration()->set_name("devices");
  auto* g = m.mutable_graph();
  g->set_doc_string("graph");
  meta(g->mutable_metadata_props(), "graph");
  auto* annotation = g->add_quantization_annotation();
  annotation->set_tensor_name("k");
  meta(annotation->mutable_quant_parameter_tensor_names(), "SCALE_TENSOR");
  auto* sparse = g->add_sparse_initializer();
  sparse->mutable_values()->set_name("thin");
  sparse->mutable_values()->set_data_type(onnx::TensorProto::FLOAT);
  sparse->add_dims(4);
  // Values: documentation, denotations, odd dimensions, types that are no tensors, an info said twice.
  auto* x = g->mutable_input(1);
  x->set_doc_string("value");
  meta(x->mutable_metadata_props(), "value");
  x->mutable_type()->set_denotation("IMAGE");
  x->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_denotation("DATA_BATCH");
  *g->add_value_info() = *x;
  g->mutable_value_info(g->value_info_size() - 1)->set_doc_string("another");
  const auto info = [&](const char* name) {
    auto* v = g->add_value_info();
    v->set_name(name);
    return v->mutable_type();
  };
  info("k")->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(-1);
  info("list")->mutable_sequence_type()->mutable_elem_type()->mutable_tensor_type()->set_elem_type(1);
  info("table")->mutable_map_type()->set_key_type(7);
  info("maybe")->mutable_optional_type()->mutable_elem_type()->mutable_tensor_type();
  info("new")->mutable_tensor_type()->set_elem_type(99);
  info("empty");
  // Nodes and their attributes.
  auto* n = g->add_node();
  n->set_op_type("Odd");
  n->set_domain("there");
  n->set_overload("o");
  n->set_doc_string("node");
  n->set_name("");
  meta(n->mutable_metadata_props(), "node");
  n->add_device_configurations()->set_configuration_id("devices");
  for (const char* in : {"thin", "", "x", ""}) n->add_input(in);
  for (const char* out : {"", "odd"}) n->add_output(out);
  const auto attribute = [&](const char* name, onnx::AttributeProto::AttributeType type) {
    auto* a = n->add_attribute();
    a->set_name(name);
    a->set_type(type);
    return a;
  };
  using A = onnx::AttributeProto;
  attribute("f", A::FLOAT)->set_doc_string("attribute");
  attribute("empty", A::INTS);
  attribute("words", A::STRINGS)->add_strings(std::string("\0\xFF", 2));
  *attribute("thin", A::SPARSE_TENSOR)->mutable_sparse_tensor() = *sparse;
  attribute("type", A::TYPE_PROTO)->mutable_tp()->mutable_sequence_type();
  attribute("types", A::TYPE_PROTOS)->add_type_protos();
  attribute("given", A::INT)->set_ref_attr_name("elsewhere");
  attribute("given_graph", A::GRAPH)->set_ref_attr_name("elsewhere");
  attribute("graphs", A::GRAPHS)->add_graphs()->set_name("inner");
  attribute("none", A::TENSOR);
  n->add_attribute()->set_i(5);  // old models do not say the kind
  auto* t = attribute("t", A::TENSOR)->mutable_t();
  t->set_name("name of a constant");
  t->set_doc_string("tensor");
  t->set_data_type(onnx::TensorProto::UINT16);
  t->add_dims(2);
  t->add_int32_data(65535);
  t->add_int32_data(7);
  t->mutable_segment()->set_end(2);
  meta(t->mutable_metadata_props(), "tensor");
  attribute("foreign", A::TENSOR)->mutable_t()->set_data_type(99);
  auto* words = g->add_initializer();
  words->set_name("words");
  words->set_data_type(onnx::TensorProto::STRING);
  words->add_dims(1);
  words->add_string_data("word");
  auto* nothing = g->add_initializer();
  nothing->set_name("nothing");
  nothing->set_data_type(onnx::TensorProto::FLOAT);
  nothing->add_dims(0);

  const std::string bytes = m.SerializeAsString();
  const std::string again = serialize(parse_model(bytes));
  onnx::ModelProto a, b;
  ASSERT_TRUE(a.ParseFromString(normalized(bytes)));
  ASSERT_TRUE(b.ParseFromString(normalized(again)));
  EXPECT_EQ(a.DebugString(), b.DebugString());
  EXPECT_EQ(normalized(bytes), normalized(again));
}

TEST(ModelIoTest, ReadsTypedData) {
  onnx::ModelProto m;
  ASSERT_TRUE(m.ParseFromString(serialize(parse_text(kSmallModel))));
  const auto add = [&](const char* name, int type, int count) {
    auto* t = m.mutable_graph()->add_initializer();
    t->set_name(name);
    t->set_data_type(type);
    t->add_dims(count);
    return t;
  };
  auto* t = add("i8", onnx::TensorProto::INT8, 2);
  t->add_int32_data(-1);
  t->add_int32_data(5);
  t = add("f16", onnx::TensorProto::FLOAT16, 1);
  t->add_int32_data(0x3C00);
  t = add("u32", onnx::TensorProto::UINT32, 1);
  t->add_uint64_data(4294967295);
  t = add("b", onnx::TensorProto::BOOL, 2);
  t->add_int32_data(1);
  t->add_int32_data(0);
  t = add("i4", onnx::TensorProto::INT4, 3);
  t->add_int32_data(0xE1);
  t->add_int32_data(0x07);
  t = add("f6", onnx::TensorProto::FLOAT6E2M3, 4);
  for (int i = 1; i <= 4; ++i) t->add_int32_data(i);
  t = add("d", onnx::TensorProto::DOUBLE, 1);
  t->add_double_data(0.1);
  t = add("c", onnx::TensorProto::COMPLEX64, 1);
  t->add_float_data(3);
  t->add_float_data(4);
  const Model read = parse_model(m.SerializeAsString());
  const auto values = [&](const char* name) {
    return read.graph[read.graph.find(name)].initializer->reals();
  };
  using Reals = std::vector<double>;
  EXPECT_EQ(values("i8"), (Reals{-1, 5}));
  EXPECT_EQ(values("f16"), (Reals{1}));
  EXPECT_EQ(values("u32"), (Reals{4294967295}));
  EXPECT_EQ(values("b"), (Reals{1, 0}));
  EXPECT_EQ(values("i4"), (Reals{1, -2, 7}));
  EXPECT_EQ(values("f6"), (Reals{0.125, 0.25, 0.375, 0.5}));
  EXPECT_EQ(values("d"), (Reals{0.1}));
  EXPECT_EQ(values("c"), (Reals{3}));
}

TEST(ModelIoTest, WriterAndSerializeAgree) {
  const Model m = parse_text(kNestedModel);
  const ModelWriter writer(m);
  std::string bytes(writer.size(), '\0');
  writer.write(bytes.data());
  EXPECT_EQ(bytes, serialize(m));
}

TEST(ModelIoTest, ExternalData) {
  TemporaryFolder folder;
  const Model m = parse_text(kSmallModel);
  save_model(m, folder / "m.onnx", /*external_above=*/0);
  EXPECT_EQ(std::filesystem::file_size(folder / "m.onnx.data"), 24u);
  const Model read = load_model(folder / "m.onnx");
  const Tensor& w = *read.graph[read.graph.find("w")].initializer;
  EXPECT_EQ(w.external->location, "m.onnx.data");
  EXPECT_TRUE(w.identical(*m.graph[m.graph.find("w")].initializer));
  EXPECT_EQ(normalized(bytes_in(folder / "m.onnx"), folder.path), normalized(serialize(m)));
  EXPECT_EQ(serialize(read), serialize(m));

  save_model(m, folder / "inside.onnx", /*external_above=*/24);
  EXPECT_FALSE(std::filesystem::exists(folder / "inside.onnx.data"));

  EXPECT_THAT(complaint([&] { parse_model(bytes_in(folder / "m.onnx")); }), HasSubstr("external"));
  put_bytes(folder / "m.onnx.data", "short");
  EXPECT_THAT(complaint([&] { load_model(folder / "m.onnx"); }), HasSubstr("which has 5"));
  std::filesystem::remove(folder / "m.onnx.data");
  EXPECT_THAT(complaint([&] { load_model(folder / "m.onnx"); }), HasSubstr("m.onnx.data: No such file"));
  for (const char* location : {"../m.onnx.data", "a/../../b", "/etc/passwd", "", ".", ".."}) {
    onnx::ModelProto p;
    ASSERT_TRUE(p.ParseFromString(bytes_in(folder / "m.onnx")));
    p.mutable_graph()->mutable_initializer(0)->mutable_external_data(0)->set_value(location);
    put_bytes(folder / "bad.onnx", p.SerializeAsString());
    EXPECT_THAT(complaint([&] { load_model(folder / "bad.onnx"); }),
                HasSubstr("not inside the model's folder"))
        << location;
  }
}

// --- Bad input: one line that names the file and the reason
// -------------------------------------------------

struct Bad {
  const char* text;
  const char* reason;
};
TEST(ModelIoTest, RefusesBrokenStructure) {
  const Bad rows[] = {
      {"g (float[2] x) => (float[2] y) { y = Relu(z) }", "node '' (Relu) reads 'z', which nothing defines"},
      {"g (float[2] x) => (float[2] y) { z = Relu(x) }", "the graph output 'y' is defined by nothing"},
      {"g (float[2] x) => (float[2] y) { y = Relu(x) y = Neg(x) }", "the value 'y' is defined twice"},
      {"g (float[2] x, float[2] x) => (float[2] y) { y = Relu(x) }", "the value 'x' is defined twice"},
      {"g (float[2] x) => (float[2] y) { x = Relu(x) y = Neg(x) }", "the value 'x' is defined twice"},
      {"g (float[2] x) => (float[2] y) { a = Add(x, b) b = Relu(a) y = Neg(b) }", "cycle"},
      {"g (bool c, float[2] x) => (float[2] y) { y = If(c) < then_branch = t () => (float[2] a) { a = Neg(q) "
       "}, "
       "else_branch = e () => (float[2] b) { b = Neg(x) } > }",
       "node '' (Neg) reads 'q', which nothing defines"},
      {"g (bool c, float[2] x) => (float[2] y) { y = If(c) < then_branch = t () => (float[2] a) { a = Neg(y) "
       "}, "
       "else_branch = e () => (float[2] b) { b = Neg(x) } > }",
       "cycle"},
  };
  for (const Bad& row : rows) {
    const std::string text = std::string("<ir_version: 8, opset_import: [\"\" : 17]>\n") + row.text;
    const std::string why = complaint([&] { parse_text(text); });
    EXPECT_THAT(why, HasSubstr(row.reason)) << row.text;
    EXPECT_EQ(why.find('\n'), std::string::npos);
  }
  EXPECT_THAT(complaint([] { parse_text("model or not"); }), HasSubstr("ONNX text: "));
}

TEST(ModelIoTest, RefusesFilesThatAreNoModel) {
  TemporaryFolder folder;
  const auto why = [&](const std::string& bytes) {
    put_bytes(folder / "m.onnx", bytes);
    const std::string message = complaint([&] { load_model(folder / "m.onnx"); });
    EXPECT_THAT(message, HasSubstr("m.onnx: "));
    EXPECT_EQ(message.find('\n'), std::string::npos);
    return message;
  };
  EXPECT_THAT(complaint([&] { load_model(folder / "none.onnx"); }),
              HasSubstr("none.onnx: cannot be read: No such"));
  EXPECT_THAT(complaint([&] { load_model(folder.path); }), HasSubstr("is a folder"));
  EXPECT_THAT(why(""), HasSubstr("is empty"));
  EXPECT_THAT(why("this is some text"), HasSubstr("is no ONNX model"));
  EXPECT_THAT(why(std::string(100, '\0')), HasSubstr("is no ONNX model"));
  const std::string whole = serialize(parse_text(kSmallModel));
  EXPECT_THAT(why(whole.substr(0, whole.size() - 5)), HasSubstr("cut off"));
  EXPECT_THAT(why(std::string("\x08\x08", 2)), HasSubstr("it has no graph"));
  // A file of 3 GB, without its 3 GB.
  put_bytes(folder / "large.onnx", "x");
  std::filesystem::resize_file(folder / "large.onnx", 3'000'000'000);
  EXPECT_THAT(complaint([&] { load_model(folder / "large.onnx"); }), HasSubstr("limit is 2 GB"));
}

TEST(ModelIoTest, RefusesTensorsWhoseDataDoNotFit) {
  const std::string small = serialize(parse_text(kSmallModel));
  const auto why = [&](std::vector<std::int64_t> dims, int type) {
    onnx::ModelProto m;
    EXPECT_TRUE(m.ParseFromString(small));
    auto* t = m.mutable_graph()->mutable_initializer(0);
    t->clear_dims();
    for (auto d : dims) t->add_dims(d);
    t->set_data_type(type);
    return complaint([&] { parse_model(m.SerializeAsString(), "m.onnx"); });
  };
  using T = onnx::TensorProto;
  EXPECT_EQ(why({3, 2}, T::FLOAT), "");
  EXPECT_EQ(why({3, 3}, T::FLOAT), "m.onnx: initializer 'w': a tensor float[3,3] needs 36 bytes but has 24");
  EXPECT_THAT(why({750'000'000}, T::FLOAT), HasSubstr("needs 3000000000 bytes but has 24"));
  EXPECT_THAT(why({1LL << 40, 1LL << 40}, T::FLOAT), HasSubstr("more elements than can be counted"));
  EXPECT_THAT(why({1LL << 60}, T::INT4), HasSubstr("needs 576460752303423488 bytes"));
  EXPECT_THAT(why({1LL << 62}, T::INT4), HasSubstr("too large"));
  EXPECT_THAT(why({-6}, T::FLOAT), HasSubstr("negative"));
  EXPECT_THAT(why({3, 2}, T::STRING), HasSubstr("needs 6 strings but has 0"));
  EXPECT_THAT(why({3, 2}, T::UNDEFINED), HasSubstr("element type 0 is unknown"));
  EXPECT_THAT(why({3, 2}, 77), HasSubstr("element type 77 is unknown"));
}

// Random damage gives a model or a UserError, never anything else.
TEST(ModelIoTest, SurvivesDamage) {
  const std::string whole = serialize(parse_text(kNestedModel));
  TemporaryFolder folder;
  int models = 0;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    Rng rng(7, i);
    std::string bytes = whole;
    if (rng.chance(0.3)) bytes.resize(rng.below(bytes.size()));
    for (std::uint64_t flips = rng.below(5); flips > 0 && !bytes.empty(); --flips)
      bytes[rng.below(bytes.size())] = static_cast<char>(rng.below(256));
    const std::string why = complaint([&] {
      const Model m = parse_model(bytes);
      ++models;
      ASSERT_EQ(normalized(serialize(m)), normalized(bytes)) << i;
    });
    EXPECT_EQ(why.find('\n'), std::string::npos) << i;
  }
  EXPECT_GT(models, 100);
}

TEST(ModelIoTest, SavingIsAllOrNothing) {
  TemporaryFolder folder;
  const Model m = parse_text(kSmallModel);
  EXPECT_THAT(complaint([&] { save_model(m, folder / "no" / "m.onnx"); }),
              HasSubstr("m.onnx: cannot be written"));
  save_model(m, folder / "m.onnx");
  EXPECT_EQ(serialize(load_model(folder / "m.onnx")), serialize(m));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path), {}), 1);
}

TEST(ModelIoTest, InfersShapesInNestedGraphsAndSharesTensors) {
  const Model m = parse_text(kNestedModel);
  const Model inferred = infer_shapes(m);
  EXPECT_EQ(show(*inferred.graph[inferred.graph.find("k")].type), "float[4]");
  const auto branch = std::get<GraphPtr>(inferred.graph.nodes[1].attribute("else_branch")->value);
  EXPECT_EQ(show(*(*branch)[branch->find("m")].type), "float[4]");
  EXPECT_EQ(serialize(inferred), serialize(m));
  EXPECT_EQ(inferred.graph[inferred.graph.find("high")].initializer,
            m.graph[m.graph.find("high")].initializer);
  // What cannot be inferred stays unknown.
  const Model odd = infer_shapes(parse_text(R"(<ir_version: 8, opset_import: ["" : 17, "there" : 1]>
      g (float[2] x) => (y) { a = there.Odd(x) b = MatMul(x, x, x) y = Add(a, b) })"));
  EXPECT_FALSE(odd.graph[odd.graph.find("a")].type.has_value());
}

// So does that of LabelEncoder, in the checker, too.
TEST(InferShapes, LivesThroughALabelEncoderOfAnUnknownType) {
  const Model model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 4, "custom" : 1]>
g (float[2] x) => (int64[2] y, int64[2] z) {
  a = custom.Foo (x)
  y = ai.onnx.ml.LabelEncoder <keys_floats: floats = [1.0, 2.0], values_int64s: ints = [3, 4]> (a)
  b = Abs (x)
  z = ai.onnx.ml.LabelEncoder <keys_floats: floats = [1.0, 2.0], values_int64s: ints = [3, 4]> (b)
})");
  const Model out = infer_shapes(model);
  EXPECT_FALSE(out.graph[out.graph.find("a")].type);
  EXPECT_EQ(show(*out.graph[out.graph.find("b")].type), "float[2]");
  check_model(model);
}

// onnx's inference of EyeLike (1.23) dies where it does not know the type of its input.
TEST(InferShapes, LivesThroughAnEyeLikeOfAnUnknownType) {
  const Model m = infer_shapes(parse_text(R"(<ir_version: 8, opset_import: ["" : 17, "there" : 1]>
g (float[2,3] x) => (float[2,2] y, int64[2,3] z) {
  a = there.Odd (x)
  y = EyeLike (a)
  b = Abs (x)
  v = EyeLike <dtype: int = 7> (b)
  w = EyeLike (v)
  z = Abs (w)
})"));
  const auto type_of = [&](const char* name) { return m.graph[m.graph.find(name)].type; };
  EXPECT_FALSE(type_of("a"));
  ASSERT_TRUE(type_of("w"));
  EXPECT_EQ(show(*type_of("w")), "int64[2,3]");
}

TEST(ModelIoTest, CheckerTakesUnknownDomainsAndSaysWhatIsWrong) {
  const char* text = R"(<ir_version: 8, opset_import: ["" : 17, "there" : 1]>
      g (float[2] x) => (float[2] y) { a = there.Odd(x) y = Relu(a) })";
  EXPECT_EQ(check_model(parse_text(text)), "");
  const std::string why = check_model(parse_text(
      R"(<ir_version: 8, opset_import: ["" : 17]> g (float[2] x) => (float[2] y) { y = NoSuchOperator(x) })"));
  EXPECT_THAT(why, HasSubstr("NoSuchOperator"));
  EXPECT_EQ(why.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace mob
