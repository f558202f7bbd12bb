#include "fuzzer/graph/schema.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace mob {
namespace {

TEST(SchemaTest, GivesTheFormInForce) {
  EXPECT_EQ(schema("Softmax", 12)->since, 11);
  EXPECT_EQ(schema("Softmax", 13)->since, 13);
  EXPECT_EQ(schema("Softmax", 26)->since, 13);
  EXPECT_EQ(schema("Softmax", 26, "ai.onnx"), schema("Softmax", 26));
  EXPECT_EQ(schema("Gelu", 19), nullptr);
  EXPECT_EQ(schema("Softmax", 0), nullptr);
  EXPECT_EQ(schema("NoSuchOperator", 17), nullptr);
  EXPECT_EQ(schema("Softmax", 13, "nowhere"), nullptr);
  EXPECT_EQ(schema("Normalizer", 3, "ai.onnx.ml")->since, 1);
  EXPECT_TRUE(schema("Upsample", 10)->deprecated);
}

TEST(SchemaTest, TellsParametersAndTypes) {
  const Schema& clip = *schema("Clip", 13);
  ASSERT_EQ(clip.inputs.size(), 3u);
  EXPECT_EQ(clip.min_inputs, 1);
  EXPECT_EQ(clip.inputs[0].name, "input");
  EXPECT_EQ(clip.inputs[0].type, "T");
  EXPECT_TRUE(clip.inputs[1].optional);
  EXPECT_EQ(clip.types("T"), kNumbers);
  EXPECT_EQ(clip.types("min"), clip.types("T"));
  EXPECT_TRUE(clip.types("Q").empty());
  EXPECT_TRUE(schema("Concat", 13)->inputs[0].variadic);
  EXPECT_TRUE(schema("Concat", 13)->inputs[0].homogeneous);
  EXPECT_FALSE(schema("Loop", 13)->inputs[2].homogeneous);
  EXPECT_EQ(schema("Gather", 13)->types("Tind"), (DTypeSet{DType::kInt32, DType::kInt64}));
  EXPECT_EQ(schema("Reshape", 13)->types("shape"), DTypeSet(DType::kInt64));
  EXPECT_TRUE(schema("Cast", 19)->types("T1").has(DType::kFloat8E4M3FN));
}

TEST(SchemaTest, TellsAttributesAndFunctions) {
  const Schema& concat = *schema("Concat", 13);
  ASSERT_EQ(concat.attributes.size(), 1u);
  EXPECT_TRUE(concat.has_attribute("axis"));
  EXPECT_TRUE(concat.attributes[0].required);
  EXPECT_FALSE(schema("Softmax", 13)->attributes[0].required);
  EXPECT_TRUE(schema("HardSwish", 14)->has_function);
  EXPECT_TRUE(schema("CenterCropPad", 18)->has_function);
  EXPECT_FALSE(schema("Conv", 11)->has_function);
}

TEST(SchemaTest, ListsForms) {
  EXPECT_EQ(forms("Softmax", 7, 26), (std::vector<int>{1, 11, 13}));
  EXPECT_EQ(forms("Softmax", 11, 12), (std::vector<int>{11}));
  EXPECT_EQ(forms("Gelu", 7, 26), (std::vector<int>{20}));
  EXPECT_EQ(forms("NoSuchOperator", 7, 26), (std::vector<int>{}));
}

TEST(SchemaTest, IsFastAndSafeForThreads) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([] { EXPECT_EQ(schema("Softmax", 13)->since, 13); });
  for (auto& t : threads) t.join();
  const auto start = std::chrono::steady_clock::now();
  int found = 0;
  for (int i = 0; i < 1'000'000; ++i) found += schema("Softmax", 7 + i % 10) != nullptr;
  EXPECT_EQ(found, 1'000'000);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

}  // namespace
}  // namespace mob
