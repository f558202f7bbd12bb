// What the onnx library says of an operator: the external truth about opset forms, types and attributes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuzzer/graph/dtype.h"

namespace mob {

inline constexpr int kNewestOpset = 26;  // the newest that a released ONNX Runtime accepts (1.31.1)

struct Parameter {
  std::string name;
  std::string type;  // name of a type constraint ("T") or a type ("tensor(int64)")
  DTypeSet types;    // tensor element types it may have
  bool optional = false;
  bool variadic = false;
  bool homogeneous = true;  // variadic: all of one type
};
struct AttributeSchema {
  std::string name;
  bool required = false;
};
struct Schema {
  std::string name;
  std::string domain;
  int since = 0;  // opset in which this form came
  bool deprecated = false;
  bool has_function = false;
  std::vector<Parameter> inputs;
  std::vector<Parameter> outputs;
  std::vector<AttributeSchema> attributes;
  int min_inputs = 0;
  int min_outputs = 0;

  // Types of a type constraint ("T", "T1") or of a parameter's name; empty where there is none.
  DTypeSet types(std::string_view constraint_or_parameter) const;
  bool has_attribute(std::string_view attribute) const;
  // Whether a node with inputs of these element types (kUndefined: left out) is valid as far as types and
  // numbers of inputs go: what is required is there, each type is allowed, and one constraint binds one type.
  bool takes(std::span<const DType> inputs) const;
};

// The form of an operator that is in force at `opset`, or null. Constant time after the first call.
const Schema* schema(std::string_view op_type, int opset, std::string_view domain = "");

// The opsets between `from` and `to` at which a form of this operator begins, ascending; the first is the
// one in force at `from`, given as its `since`.
std::vector<int> forms(std::string_view op_type, int from, int to, std::string_view domain = "");

}  // namespace mob
