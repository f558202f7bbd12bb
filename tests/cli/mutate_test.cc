// mobster mutate: a model pruned, and so on, with what it owes looked at.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "fuzzer/graph/model_io.h"
#include "tests/cli/run_mobster.h"

namespace mob {
namespace {

class Mutate : public CommandLine {
 protected:
  std::string dense() {
    return file("dense.onnxtxt", R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,4] x) => (float[2,3] y) <float[4,3] w = {1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12}> { y = MatMul (x, w) })");
  }
  std::string out() const { return (folder_ / "out.onnx").string(); }
};

TEST_F(Mutate, PrunesTheLeastHalf) {
  const Ran r = run("mutate " + dense() + " --with prune-magnitude:sparsity=0.5:scope=tensor -o " + out());
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_NE(r.out.find("keeps its promise"), std::string::npos) << r.out;
  const Model m = load_model(out());
  const Tensor& w = *m.graph[m.graph.find("w")].initializer;
  for (std::int64_t i = 0; i < 12; ++i) EXPECT_EQ(w.real_at(i) == 0, i < 6) << i;
}

TEST_F(Mutate, TellsEveryStepInJson) {
  const Ran r = run("mutate " + dense() +
                    " --with prune-magnitude:sparsity=0.25,prune-magnitude:sparsity=0.5 --json -o " + out());
  ASSERT_EQ(r.code, 0) << r.err;
  const auto j = nlohmann::json::parse(r.out);
  ASSERT_EQ(j["steps"].size(), 2u);
  for (const auto& step : j["steps"]) {
    EXPECT_EQ(step["kind"], "pruning");
    EXPECT_EQ(step["kept"], true);
  }
}

// Models of old exporters list every initializer as an input.
TEST_F(Mutate, TakesInitializersOfOldModelsForConstants) {
  const std::string old = file("old.onnxtxt", R"(<ir_version: 3, opset_import: ["" : 8]>
g (float[2,4] x, float[4,3] w = {1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12}) => (float[2,3] y) { y = MatMul (x, w) })");
  const Ran r = run("mutate " + old + " --with prune-magnitude:sparsity=0.5 -o " + out());
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(load_model(out()).graph.inputs.size(), 1u);
}

TEST_F(Mutate, IsAFunctionOfItsSeed) {
  const std::string model = dense();
  const auto bytes = [&](const std::string& seed) {
    run("mutate " + model + " --with prune-magnitude --seed " + seed + " -o " + out());
    return serialize(load_model(out()));
  };
  const std::string first = bytes("1");
  EXPECT_EQ(bytes("1"), first);
  EXPECT_NE(bytes("2"), first);
}

TEST_F(Mutate, SaysWhichNodeKeepsTheOldOpset) {
  const std::string end = " -o " + out();
  const auto upsample = file("upsample.onnxtxt", R"(<ir_version: 4, opset_import: ["" : 9]>
g (float[1,1,2,2] x) => (float[1,1,4,4] y) <float[4] s = {1, 1, 2, 2}> { r = Relu (x)  [up] y = Upsample (r, s) })");
  refused("mutate " + upsample + " --with convert-opset:opset=17" + end,
          {"upsample.onnxtxt", "opset=17", "node 'up' (Upsample of opset 9) has no form in opset 10",
           "leave convert-opset out"});
  const auto gather = file("gather.onnxtxt", R"(<ir_version: 8, opset_import: ["" : 13]>
g (float[3] x) => (float[1] y) <int64[1] i = {-1}> { y = Gather (x, i) })");
  refused("mutate " + gather + " --with convert-opset:opset=9" + end,
          {"node of 'y' (Gather of opset 13)", "negative", "opset=11 is the nearest"});
  ASSERT_EQ(run("mutate " + gather + " --with convert-opset:opset=11" + end).code, 0);
  refused("mutate " + gather + " --with convert-opset:opset=13" + end, {"it is in that opset"});
  refused("mutate " + gather + " --with convert-opset:opset=99" + end, {"opset=99", "a whole number from"});
  const auto with_function = file("function.onnxtxt", R"(<ir_version: 8, opset_import: ["" : 13, "my" : 1]>
g (float[3] x) => (float[3] y) { y = Relu (x) }
<domain: "my", opset_import: ["" : 13]> Own (a) => (b) { b = Abs (a) })");
  refused("mutate " + with_function + " --with convert-opset:opset=17" + end,
          {"function 'Own' imports opset 13"});
  const auto called = file("called.onnxtxt", R"(<ir_version: 8, opset_import: ["" : 13, "my" : 1]>
g (float[3] x) => (float[3] y) { r = Relu (x)  y = my.Own (r) }
<domain: "my", opset_import: ["" : 13]> Own (a) => (b) { b = Abs (a) })");
  refused("mutate " + called + " --with convert-opset:opset=17" + end,
          {"(my.Own of opset 1) calls a function of the model"});
  ASSERT_EQ(run("mutate " + called + " --with inline-function,convert-opset:opset=17" + end).code, 0);
  const auto strange = file("strange.onnxtxt", R"(<ir_version: 8, opset_import: ["" : 13, "my" : 1]>
g (float[3] x) => (float[3] y) { y = my.Own (x) })");
  refused("mutate " + strange + " --with convert-opset:opset=11" + end, {"my.Own", "does not know"});
}

TEST_F(Mutate, SaysWhichOpsetAStepHasAPlaceIn) {
  const std::string old = file("old.onnxtxt", R"(<ir_version: 4, opset_import: ["" : 9]>
g (float[2,4] x) => (float[2,3] y) <float[4,3] w = {1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12}> { y = MatMul (x, w) })");
  refused("mutate " + old + " --with quantize-static -o " + out(),
          {"quantize-static finds no place", "of opset 9", "behind convert-opset:opset=11"});
  EXPECT_EQ(run("mutate " + old + " --with convert-opset:opset=11,quantize-static -o " + out()).code, 0);
  refused("mutate " + old + " --with prune-heads -o " + out(),
          {"prune-heads finds no place", "leave it out"});
}

// A model as users have them: of an old exporter, with a Dropout in it.
TEST_F(Mutate, TakesARealModelAllTheWay) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the reference takes minutes under a sanitizer";
#endif
  const auto model = std::filesystem::path(MOBSTER_CACHE) / "testdata/light-1.20.1/light_squeezenet.onnx";
  const Ran r =
      run("mutate " + model.string() +
          " --with convert-opset:opset=17,prune-channels:sparsity=0.3,quantize-static --json -o " + out());
  ASSERT_EQ(r.code, 0) << r.err;
  const auto j = nlohmann::json::parse(r.out);
  ASSERT_EQ(j["steps"].size(), 3u);
  for (const auto& step : j["steps"]) EXPECT_EQ(step["kept"], true) << step;
  EXPECT_LT(j["steps"][2]["weight_bytes"], j["steps"][0]["weight_bytes"]);
  EXPECT_EQ(load_model(out()).opset(), 17);
}

TEST_F(Mutate, WritesLargeInitializersBesideTheModel) {
  const std::string model = file("two.onnxtxt", R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2,4] x) => (float[2,3] y)
<float[4,3] w = {1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12}, float[3] b = {1, 2, 3}>
{ m = MatMul (x, w)  y = Add (m, b) })");
  const std::string words =
      "mutate " + model + " --with prune-magnitude:sparsity=0.5:scope=tensor -o " + out();
  ASSERT_EQ(run(words).code, 0);
  EXPECT_FALSE(std::filesystem::exists(out() + ".data"));
  const Model whole = load_model(out());

  const Ran r = run(words + " --external-data 48");  // just what w takes
  ASSERT_EQ(r.code, 0) << r.err;
  EXPECT_EQ(std::filesystem::file_size(out() + ".data"), 48u);
  const Model apart = load_model(out());
  const auto initializer = [](const Model& m, const char* name) -> const Tensor& {
    return *m.graph[m.graph.find(name)].initializer;
  };
  EXPECT_TRUE(initializer(apart, "w").external);
  EXPECT_FALSE(initializer(apart, "b").external);
  EXPECT_EQ(serialize(apart), serialize(whole));
  EXPECT_EQ(load_model(out()).graph[apart.graph.find("w")].initializer->external->location, "out.onnx.data");

  ASSERT_EQ(run(words + " --external-data 49").code, 0);
  EXPECT_FALSE(initializer(load_model(out()), "w").external);
}

TEST_F(Mutate, LeavesNothingBehindWhereItCannotWrite) {
  std::filesystem::create_directories(out());  // the model's place is taken
  const std::string model = dense();
  refused("mutate " + model + " --with prune-magnitude --external-data 1 -o " + out(),
          {"out.onnx", "cannot be written"});
  refused("mutate " + model + " --with prune-magnitude --external-data 1 -o " +
              (folder_ / "no/out.onnx").string(),
          {"no/out.onnx", "cannot be written"});
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_))
    names.push_back(entry.path().filename().string());
  EXPECT_THAT(names, testing::UnorderedElementsAre("dense.onnxtxt", "out.onnx"));
}

TEST_F(Mutate, SaysWhatItCannotDo) {
  const std::string model = dense(), end = " -o " + out();
  refused("mutate /no/such.onnx --with prune-magnitude" + end, {"/no/such.onnx", "No such file"});
  refused("mutate " + model + " --with prune-everything" + end, {"prune-everything", "list mutators"});
  refused("mutate " + model + " --with change-axis" + end, {"change-axis", "family change"});
  refused("mutate " + model + " --with prune-magnitude:sparsity=2" + end, {"sparsity=2", "0.1 to 0.95"});
  refused("mutate " + model + " --with prune-magnitude,external-data" + end,
          {"no mutator", "--external-data BYTES"});
  refused("mutate " + model + " --with prune-magnitude --external-data 0" + end, {"--external-data"});
  refused("mutate " + model + " --with prune-magnitude:sparsity" + end, {"NAME:setting=value"});
  refused("mutate " + model + " --with prune-magnitude:bits=8" + end, {"prune-magnitude", "no setting bits"});
  const std::string bare = file("bare.onnxtxt", R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[2] x) => (float[2] y) { y = Relu (x) })");
  refused("mutate " + bare + " --with prune-magnitude" + end, {"bare.onnxtxt", "no place"});
  EXPECT_FALSE(std::filesystem::exists(out()));
}

}  // namespace
}  // namespace mob
