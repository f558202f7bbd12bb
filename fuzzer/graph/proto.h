// Private to fuzzer/graph: between our structs and onnx's protobuf messages.
//
// Reading consumes the message: what our structs model is moved out of it, and what is left is kept,
// serialized, as `residue`. Writing starts from the residue and fills in the rest.
#pragma once

#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>

#include "fuzzer/graph/graph.h"
#include "onnx/onnx_pb.h"

namespace mob::proto {

// The folder in which external data lie; null where there is none to look in.
using Folder = const std::filesystem::path*;

// Names that a nested graph may read besides its own.
struct Scope {
  const std::unordered_map<std::string, ValueId>* names = nullptr;
  const Scope* outer = nullptr;
  bool open = false;  // every name is taken to be defined somewhere outside
  bool has(const std::string& name) const;
};

std::string_view plain_domain(std::string_view domain);  // "ai.onnx" is ""

Tensor read_tensor(onnx::TensorProto& from, Folder folder);
Graph read_graph(onnx::GraphProto& from, const Scope* outer, Folder folder);
Model read_model(onnx::ModelProto& from, Folder folder);

// How much is written of a graph's initializers.
struct Detail {
  bool initializers = true;  // of the graph itself; nested graphs always have theirs
  std::size_t data_up_to = std::numeric_limits<std::size_t>::max();  // more bytes than this: type only
};
void write_tensor(const Tensor& from, onnx::TensorProto* to, bool with_data = true);
void write_attribute(const Attribute& from, onnx::AttributeProto* to, const Detail& detail = {});
void write_graph(const Graph& from, onnx::GraphProto* to, const Detail& detail = {});
void write_model_head(const Model& from, onnx::ModelProto* to);  // all but the graph
void write_model(const Model& from, onnx::ModelProto* to, const Detail& detail = {});

std::optional<TensorType> read_type(const onnx::TypeProto& from);
void write_type(const TensorType& from, onnx::TypeProto* to);
void write_info(const Value& from, onnx::ValueInfoProto* to);

// Raw form of a tensor's data (not for strings), taken out of the message; the bytes are only as many as the
// message holds, whatever its shape says.
std::string take_raw(onnx::TensorProto& from, DType dtype);
std::string read_external(const onnx::TensorProto& from, const ArrayType& type, Folder folder,
                          ExternalData* where);
DType known_dtype(int number);  // kUndefined where it is none that we know
// The kind of an attribute, found by its fields where old models do not say.
onnx::AttributeProto::AttributeType kind_of(const onnx::AttributeProto& a);

// Parses or throws UserError; nothing here writes to stderr.
onnx::ModelProto parse_bytes(std::string_view bytes);

}  // namespace mob::proto
