// Sizes of symbolic dimensions: read off inputs, told in words, made static.
#include "fuzzer/graph/binding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fuzzer/graph/model_io.h"
#include "tests/graph/help.h"

namespace mob {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Tensor zeros(const Dims& dims) {
  return Tensor::of(DType::kFloat, dims, std::vector<double>(static_cast<std::size_t>(element_count(dims))));
}

Case dynamic_case() {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17]>
g (float[N,3] x, float[N,?] y) => (float[N,M] z) { z = MatMul (x, y) })");
  c.inputs = {{"x", zeros({2, 3})}, {"y", zeros({2, 5})}};
  return c;
}

TEST(SizesOf, GivesSymbolsAndDimensionsWithoutAName) {
  const Case c = dynamic_case();
  EXPECT_EQ(sizes_of(c.model.graph, c.inputs), (Sizes{{"N", 2}, {"y[1]", 5}}));
}

TEST(SizesOf, IsEmptyWhereInputsDoNotFit) {
  const Case c = dynamic_case();
  const auto fit = [&](const Dims& x, const Dims& y) {
    return sizes_of(c.model.graph, {{"x", zeros(x)}, {"y", zeros(y)}}).has_value();
  };
  EXPECT_TRUE(fit({7, 3}, {7, 0}));
  EXPECT_FALSE(fit({7, 3}, {6, 5}));  // N has two sizes
  EXPECT_FALSE(fit({7, 4}, {7, 5}));
  EXPECT_FALSE(fit({7}, {7, 5}));
  EXPECT_FALSE(sizes_of(c.model.graph, {{"x", zeros({2, 3})}}));
}

TEST(ShowSizes, NamesWhatChanged) {
  EXPECT_EQ(show_sizes({{"M", 4}, {"N", 5}, {"y[1]", 1}}, {{"M", 4}, {"N", 2}, {"y[1]", 3}}),
            "N = 5, y[1] = 1 after N = 2, y[1] = 3");
  EXPECT_EQ(show_sizes({{"N", 5}}, {{"N", 5}}), "");
}

TEST(MadeStatic, FixesWhatTheInputsSayAndNothingElse) {
  const Case c = dynamic_case();
  const std::string text = to_text(made_static(c.model, c.inputs));
  EXPECT_THAT(text, HasSubstr("float[2,3] x"));
  EXPECT_THAT(text, HasSubstr("float[2,5] y"));
  EXPECT_THAT(text, HasSubstr("float[2,M] z"));
}

TEST(SaveCase, WritesABindingAsADataSet) {
  const TemporaryFolder folder;
  Case c = dynamic_case();
  c.bindings = {{{"x", zeros({1, 3})}, {"y", zeros({1, 4})}}};
  save_case(c, folder.path);
  EXPECT_TRUE(load_tensor(folder / "test_data_set_0/input_1.pb").identical(c.inputs["y"]));
  EXPECT_TRUE(load_tensor(folder / "test_data_set_1/input_1.pb").identical(c.bindings[0]["y"]));
  EXPECT_FALSE(std::filesystem::exists(folder / "test_data_set_2"));
}

TEST(DropUnreadLeaves, DropsThemFromBindingsToo) {
  Case c = dynamic_case();
  c.bindings = {c.inputs};
  Graph& g = c.model.graph;
  g.nodes[0].inputs[1] = g.nodes[0].inputs[0];
  drop_unread_leaves(c);
  EXPECT_EQ(c.bindings[0].size(), 1u);
}

}  // namespace
}  // namespace mob
