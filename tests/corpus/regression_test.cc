// What is known of a regression case, and what is expected of a version by that.
#include "corpus/regression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "fuzzer/base/check.h"
#include "tests/fakes/scratch.h"

namespace mob {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Result = AtVersion::Result;

Regression bad_from_1_19_to_1_26() {
  Regression r;
  r.versions["onnxruntime"] = {.bad = {"1.19.2", "1.26.0"}, .good = {"1.9.0", "1.27.0"}};
  return r;
}

TEST(ExpectedBad, WhatIsKnownCounts) {
  const Regression r = bad_from_1_19_to_1_26();
  EXPECT_FALSE(expected_bad(r, "onnxruntime", "1.9.0"));
  EXPECT_TRUE(expected_bad(r, "onnxruntime", "1.19.2"));
  EXPECT_FALSE(expected_bad(r, "onnxruntime", "1.27.0"));
}
TEST(ExpectedBad, ElseTheNearestOlderVersionElseTheOldest) {
  Regression r = bad_from_1_19_to_1_26();
  EXPECT_FALSE(expected_bad(r, "onnxruntime", "1.10.0"));
  EXPECT_TRUE(expected_bad(r, "onnxruntime", "1.20.1"));
  EXPECT_TRUE(expected_bad(r, "onnxruntime", "1.26.1"));
  EXPECT_FALSE(expected_bad(r, "onnxruntime", "2.0.0"));
  EXPECT_FALSE(expected_bad(r, "onnxruntime", "1.2.0"));
  r.versions["onnxruntime"].good = {};
  EXPECT_TRUE(expected_bad(r, "onnxruntime", "1.2.0"));
}
TEST(ExpectedBad, OfAnUnknownSystemGoodIsExpected) {
  EXPECT_FALSE(expected_bad(bad_from_1_19_to_1_26(), "openvino", "1.20.1"));
  EXPECT_FALSE(expected_bad({}, "onnxruntime", "1.20.1"));
}

TEST(TakeDown, MovesAVersionAndKeepsTheOrder) {
  Regression r = bad_from_1_19_to_1_26();
  EXPECT_FALSE(take_down(r, "onnxruntime", "1.26.0", Result::kBad));
  EXPECT_FALSE(take_down(r, "onnxruntime", "1.26.0", Result::kUnclear));
  EXPECT_FALSE(take_down(r, "onnxruntime", "1.26.0", Result::kNotRunnable));
  EXPECT_TRUE(take_down(r, "onnxruntime", "1.26.0", Result::kGood));
  EXPECT_TRUE(take_down(r, "onnxruntime", "1.20.1", Result::kBad));
  EXPECT_THAT(r.versions["onnxruntime"].bad, ElementsAre("1.19.2", "1.20.1"));
  EXPECT_THAT(r.versions["onnxruntime"].good, ElementsAre("1.9.0", "1.26.0", "1.27.0"));
}

class RegressionOnDisk : public ::testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(scratch_ / "finding.json") << text; }
  ScratchFolder scratch_;
};

TEST_F(RegressionOnDisk, IsReadAsItWasWrittenAndTheRestIsKept) {
  write(R"({"symptom": "crash", "nodes": 3})");
  EXPECT_FALSE(read_regression(scratch_.path()));
  Regression r = bad_from_1_19_to_1_26();
  r.provenance = {.from = "known-bugs/real/x",
                  .reference = "microsoft/onnxruntime#1",
                  .seed = 7,
                  .index = 8,
                  .version = "1.26.0",
                  .mobster = "0.1"};
  r.isa = "avx2";
  r.added = "2026-11-21";
  r.note = "a \"note\"";
  write_regression(scratch_.path(), r);
  const Regression read = *read_regression(scratch_.path());
  EXPECT_EQ(read.versions.at("onnxruntime").bad, r.versions["onnxruntime"].bad);
  EXPECT_EQ(read.versions.at("onnxruntime").good, r.versions["onnxruntime"].good);
  EXPECT_EQ(read.provenance.from, r.provenance.from);
  EXPECT_EQ(read.provenance.reference, r.provenance.reference);
  EXPECT_EQ(read.provenance.seed, 7U);
  EXPECT_EQ(read.provenance.index, 8U);
  EXPECT_EQ(read.provenance.version, "1.26.0");
  EXPECT_EQ(read.isa, r.isa);
  EXPECT_EQ(read.added, r.added);
  EXPECT_EQ(read.note, r.note);
  EXPECT_EQ(nlohmann::json::parse(bytes_of(scratch_ / "finding.json"))["nodes"], 3);
}
TEST_F(RegressionOnDisk, DamageIsNamed) {
  EXPECT_THAT(complaint<UserError>([&] { read_regression(scratch_.path()); }), HasSubstr("no finding"));
  for (const char* text : {"", "{", "[]", "7"}) {
    write(text);
    EXPECT_THAT(complaint<UserError>([&] { read_regression(scratch_.path()); }), HasSubstr("finding.json"));
  }
  for (const char* text : {R"({"regression": 5})",
                           R"({"regression": {"versions": {"onnxruntime": ["1.2.3"]}, "provenance": {}}})",
                           R"({"regression": {"versions": {}}})",
                           R"({"regression": {"versions": {}, "provenance": {"seed": "many"}}})"}) {
    write(text);
    EXPECT_THAT(complaint<UserError>([&] { read_regression(scratch_.path()); }),
                HasSubstr("\"regression\" is damaged"));
  }
}

}  // namespace
}  // namespace mob
