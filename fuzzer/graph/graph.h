// Our own small form of an ONNX model: what generators, mutators and the reference work on.
//
// Values are numbered within their graph; names live in the table of values, so that renaming is one write.
// What we do not model (training info, quantization annotations, unknown fields, types other than tensors)
// is carried along as serialized protobuf in `residue` fields, so that a round trip loses nothing.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "fuzzer/graph/tensor.h"

namespace mob {

class Graph;

using ValueId = std::int32_t;
inline constexpr ValueId kNoValue = -1;  // an optional input or output that is left out

// Serialized AttributeProto of a kind that we do not model (sparse tensors, types).
struct OpaqueAttribute {
  std::string proto;
  bool operator==(const OpaqueAttribute&) const = default;
};
using GraphPtr = std::shared_ptr<const Graph>;
using AttributeValue = std::variant<float, std::int64_t, std::string, Tensor, GraphPtr, std::vector<float>,
                                    std::vector<std::int64_t>, std::vector<std::string>, std::vector<Tensor>,
                                    std::vector<GraphPtr>, OpaqueAttribute>;
struct Attribute {
  std::string name;
  AttributeValue value;
  std::string reference;  // inside a function: name of the function's attribute that gives the value
  std::string residue;    // doc_string and unknown fields
};

struct Node {
  std::string name;
  std::string op_type;
  std::string domain;  // "" is the standard domain ("ai.onnx" is read as "")
  std::string overload;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::vector<Attribute> attributes;
  std::string residue;

  const Attribute* attribute(std::string_view attribute_name) const;
  void set(std::string_view attribute_name, AttributeValue value);  // replaces or adds
  void remove(std::string_view attribute_name);
  std::vector<const Graph*> bodies() const;  // nested graphs, in the order of the attributes

  // The attribute's value, or the fallback where it is absent. Throws UserError when it is of another kind.
  std::int64_t int_or(std::string_view attribute_name, std::int64_t fallback) const;
  double float_or(std::string_view attribute_name, double fallback) const;
  std::string string_or(std::string_view attribute_name, std::string_view fallback) const;
  std::vector<std::int64_t> ints_or(std::string_view attribute_name,
                                    std::vector<std::int64_t> fallback) const;
  std::vector<double> floats_or(std::string_view attribute_name, std::vector<double> fallback) const;
  bool has(std::string_view attribute_name) const { return attribute(attribute_name) != nullptr; }
};

// One value of a graph: an input, an initializer, or a node's output.
struct Value {
  std::string name;
  std::optional<TensorType> type;  // declared or inferred
  std::string opaque_type;         // serialized TypeProto where it is no tensor (sequence, map, optional)
  std::shared_ptr<const Tensor> initializer;
  bool listed = false;  // stands in value_info
  bool outer = false;   // belongs to an enclosing graph; known here by name only
  std::string residue;  // doc_string, metadata of its ValueInfoProto
};

class Graph {
 public:
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs;  // in order; an overridable initializer stands here too
  std::vector<ValueId> outputs;
  std::vector<ValueId> initializers;  // in order
  std::string residue;                // serialized rest of GraphProto

  // Adding. Names must be new; an empty name draws a fresh one.
  ValueId add_value(std::string name = {}, std::optional<TensorType> type = {});
  ValueId add_input(std::string name, const ArrayType& type);
  ValueId add_initializer(std::string name, Tensor tensor);
  // Appends a node with `output_count` new outputs and returns the first.
  ValueId add_node(std::string op_type, std::vector<ValueId> inputs, std::vector<Attribute> attributes = {},
                   std::size_t output_count = 1, std::string domain = {});
  void add_output(ValueId v) { outputs.push_back(v); }

  // Asking. O(number of nodes) where not said otherwise.
  ValueId find(std::string_view value_name) const;  // kNoValue if there is none
  const Value& operator[](ValueId v) const { return values[static_cast<std::size_t>(v)]; }
  Value& operator[](ValueId v) { return values[static_cast<std::size_t>(v)]; }
  bool is_input(ValueId v) const;
  bool is_output(ValueId v) const;
  std::vector<int> producers() const;  // per value: index of the producing node, or -1
  // Per value: how many node inputs, nodes with nested graphs that read it, and graph outputs name it.
  std::vector<int> use_counts() const;
  // Values of this graph that the nested graphs of a node read, at any depth, each once.
  std::vector<ValueId> captures(const Node& node) const;
  std::string fresh_name(std::string_view stem) const;

  // Replaces every use of `from` (node inputs and graph outputs) by `to`, except in node `except`.
  void redirect_uses(ValueId from, ValueId to, int except = -1);
  // Nodes in an order in which every input comes first. Throws UserError naming a node of a cycle.
  std::vector<int> topological_order() const;
};

// A whole model: a graph and what stands around it in ModelProto.
struct Model {
  Graph graph;
  std::int64_t ir_version = 10;
  std::map<std::string, std::int64_t> opsets;  // domain ("" standard) -> version
  std::string residue;                         // producer, functions, metadata_props, training info, ...

  std::int64_t opset(std::string_view domain = "") const;  // 0 where it is not imported
};

}  // namespace mob
