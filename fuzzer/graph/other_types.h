// Types of values that are no tensors: sequences of tensors, optional tensors, optional sequences.
//
// An ArrayType holds such a type, too, so that types compare as a whole: its element type is undefined then,
// and its "dimensions" are the kind and the element type of what is within.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "fuzzer/graph/graph.h"

namespace mob {

enum class Kind : std::int64_t { kTensor, kSequence, kOptional, kOptionalSequence };

ArrayType other_type(Kind kind, DType element);
Kind kind_of(const ArrayType& t);  // kTensor for every defined type, and where nothing is known
DType element_of(
    const ArrayType& t);  // of the tensors within; kUndefined where nobody says (an empty optional)

// The words of ONNX ("seq(tensor(float))"), and a serialized TypeProto as in Value::opaque_type (empty where
// the element type is unknown). Tensors within have no shape there.
std::string words_of(const ArrayType& t);
std::string type_proto(const ArrayType& t);
// A type as an attribute's value (`type` of Optional).
OpaqueAttribute type_attribute(const ArrayType& t);

// Whether the ONNX schema lets a value of this type stand in an input (or output) slot of an operator.
bool may_be_input(std::string_view op_type, int opset, std::string_view domain, std::size_t slot,
                  const ArrayType& t);
bool may_be_output(std::string_view op_type, int opset, std::string_view domain, std::size_t slot,
                   const ArrayType& t);

// A file of ONNX test data of a type that is none of a tensor (`Value::opaque_type`). Throws UserError naming
// the file; so do maps, and sequences of anything but tensors.
struct TensorList {
  ArrayType type;
  bool empty = false;  // an optional without content
  std::vector<Tensor> tensors;
};
TensorList load_tensors(const std::filesystem::path& file, const std::string& opaque_type);

}  // namespace mob
