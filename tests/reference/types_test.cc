// Models that nobody checked: a node may be given types that its operator does not take.
#include <gtest/gtest.h>

#include "fuzzer/graph/model_io.h"
#include "fuzzer/reference/reference.h"

namespace mob {
namespace {

TEST(Types, WhatTheSchemaDoesNotTakeIsInvalid) {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 13]>
    g (uint8[1,2] x, int64[1] labels) => (uint8 y) { y = SoftmaxCrossEntropyLoss (x, labels) })");
  c.inputs["x"] = Tensor::of_ints(DType::kUint8, {1, 2}, {1, 2});
  c.inputs["labels"] = Tensor::ints({0});
  const Reference r = evaluate(c);
  EXPECT_TRUE(r.invalid);
  EXPECT_NE(r.unavailable.find("does not take inputs of these types"), std::string::npos) << r.unavailable;
}

TEST(Types, TwoTypesForOneConstraintAreInvalid) {
  Case c;
  c.model = parse_text(R"(<ir_version: 8, opset_import: ["" : 13]>
    g (float[2] a, double[2] b) => (float[2] y) { y = Add (a, b) })");
  c.inputs["a"] = Tensor::of(DType::kFloat, {2}, {1, 2});
  c.inputs["b"] = Tensor::of(DType::kDouble, {2}, {1, 2});
  EXPECT_TRUE(evaluate(c).invalid);
}

}  // namespace
}  // namespace mob
