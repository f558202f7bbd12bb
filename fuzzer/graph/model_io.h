// Models to and from ONNX: files, bytes, and the text form of onnx/defs/parser.h.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fuzzer/graph/case.h"

namespace mob {

// Reads a binary ModelProto. Tensors with external data are read from the model's folder (a location that
// leaves that folder is an error). Throws UserError naming the file: missing, no model, truncated, a cycle,
// a tensor whose data does not fit its shape, external data missing.
// protobuf's limit is 2 GB: what is larger must have external data.
// Memory: at most the largest tensor beyond the model itself, freed on return.
Model load_model(const std::filesystem::path& file);
// The same from memory; `origin` stands for the file's name in messages. External data are an error.
Model parse_model(std::string_view bytes, std::string_view origin = "model");

// Binary ModelProto. `serialize` is limited by protobuf to 2 GB and throws UserError beyond.
std::string serialize(const Model& model);
// Serialized size and write into given memory: for the workers' shared memory. Calls must pair up.
class ModelWriter {
 public:
  explicit ModelWriter(const Model& model);
  ~ModelWriter();
  ModelWriter(const ModelWriter&) = delete;
  ModelWriter& operator=(const ModelWriter&) = delete;
  std::size_t size() const;
  void write(void* to) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};
// Writes beside the goal and renames, so that no half-written file is ever seen. With
// `external_above` >= 0, initializers of the top graph of more bytes go to `<file>.data`; without it all data
// stand in the file, also those that were external when the model was loaded. Throws UserError.
void save_model(const Model& model, const std::filesystem::path& file, std::int64_t external_above = -1);

// ONNX text form (onnx.parser). Throws UserError with the parser's message.
Model parse_text(std::string_view text);
std::string to_text(const Model& model);

// TensorProto files, as in ONNX test data (`input_0.pb`). Throws UserError naming the file. Sequence and
// optional protos are no tensors: `load_tensor` throws on them.
Tensor load_tensor(const std::filesystem::path& file);
void save_tensor(const Tensor& tensor, std::string_view name, const std::filesystem::path& file);

// A case as a folder (made where it is missing) in ONNX test-data layout: model.onnx,
// test_data_set_0/input_*.pb, and its further bindings as test_data_set_1, 2, ... Throws UserError, or
// filesystem_error where there can be no folder.
void save_case(const Case& c, const std::filesystem::path& folder);

// onnx's full checker (with shape inference, strict types). Empty, or its message in one line.
std::string check_model(const Model& model);

// Fills in the types of values by onnx's shape inference (with data propagation), in nested graphs too; never
// throws for a model that cannot be inferred: types stay unknown. `listed` stays as it is: inferred types are
// not written to a file. Tensors are shared with `model`.
Model infer_shapes(const Model& model);

// The model-local function that `node` calls, or the body that the ONNX schema gives its operator (context
// dependent ones for the given input types), as a graph whose inputs and outputs are the node's, one by one:
// `inputs[i]` is kNoValue where the node leaves its input i out, as are its uses in the body; likewise
// `outputs[i]`. References to attributes are replaced by the node's attributes or their defaults. Its opset
// imports are in `opsets`. Empty where there is neither. Throws UserError for a function that is broken.
struct FunctionBody {
  Graph graph;
  std::map<std::string, std::int64_t> opsets;
};
std::optional<FunctionBody> function_body(const Model& model, const Node& node,
                                          const std::vector<std::optional<ArrayType>>& input_types);

// Adds a model-local function: the nodes of a graph (no initializers, no values from around it), whose inputs
// and outputs are the function's. `attributes` are the ones that its callers give, by name; nodes refer to
// them (Attribute::reference). It imports the model's opsets.
void add_function(Model& model, const std::string& domain, const std::string& name, const Graph& body,
                  const std::vector<Attribute>& attributes);

// Of each of the model's own functions, by name, the opset that it imports of the default domain; without
// those that import none.
std::map<std::string, std::int64_t> function_opsets(const Model& model);

// Takes away the model's own functions, if none of the graph's nodes calls one of them. The graph has no
// nested graphs.
void drop_uncalled_functions(Model& model);

// Normal form for comparing two ModelProtos field by field: tensors as raw data, value_info sorted by name,
// "ai.onnx" as "". Returns serialized bytes (deterministic). For tests of the round trip.
std::string normalized(std::string_view model_bytes, const std::filesystem::path& folder = {});

}  // namespace mob
