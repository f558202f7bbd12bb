// LabelEncoder: tables of every kind, what becomes of what they do not hold.
#include <gmock/gmock.h>

#include "fuzzer/graph/model_io.h"
#include "fuzzer/reference/reference.h"

namespace mob {
namespace {

using ::testing::ElementsAre;

Expected encoded(const std::string& attributes, const std::string& from, const std::string& to, Tensor x) {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 4]>
g ()" + from + "[4] x) => (" +
                       to +
                       R"([4] y) {
  y = ai.onnx.ml.LabelEncoder <)" +
                       attributes + R"(> (x)
})");
  c.inputs["x"] = std::move(x);
  const Reference r = evaluate(c);
  EXPECT_TRUE(r.available()) << r.unavailable;
  return r.outputs.at(0);
}

TEST(LabelEncoder, LooksUpNumbers) {
  const Expected y = encoded("keys_int64s = [3, 1], values_int64s = [30, 10], default_int64 = 7", "int64",
                             "int64", Tensor::of_ints(DType::kInt64, {4}, {1, 2, 3, 1}));
  EXPECT_THAT(y.ints().v, ElementsAre(10, 7, 30, 10));
}

TEST(LabelEncoder, HasDefaultsOfItsOwn) {
  const Expected words = encoded(R"(keys_int64s = [1], values_strings = ["one"])", "int64", "string",
                                 Tensor::of_ints(DType::kInt64, {4}, {1, 2, 3, 1}));
  EXPECT_THAT(std::get<Strings>(words.data), ElementsAre("one", "_Unused", "_Unused", "one"));
  const Expected numbers = encoded(R"(keys_strings = ["a", ""], values_int64s = [5, 6])", "string", "int64",
                                   Tensor(Dims{4}, std::vector<std::string>{"a", "b", "", "A"}));
  EXPECT_THAT(numbers.ints().v, ElementsAre(5, -1, 6, -1));
  const Expected floats = encoded("keys_floats = [0.5], values_floats = [2.5]", "float", "float",
                                  Tensor::of(DType::kFloat, {4}, {0.5, 1, -0.5, 0}));
  EXPECT_EQ(floats.value_at(0), 2.5);
  EXPECT_EQ(floats.value_at(1), 0);
}

TEST(LabelEncoder, KnowsNoAnswerWhereAKeyStandsTwice) {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 17, "ai.onnx.ml" : 4]>
g (int64[1] x) => (int64[1] y) {
  y = ai.onnx.ml.LabelEncoder <keys_int64s = [1, 1], values_int64s = [2, 3]> (x)
})");
  c.inputs["x"] = Tensor::of_ints(DType::kInt64, {1}, {1});
  EXPECT_FALSE(evaluate(c).available());
}

}  // namespace
}  // namespace mob
