#include "fuzzer/graph/other_types.h"

#include <algorithm>
#include <fstream>

#include "fuzzer/base/check.h"
#include "fuzzer/graph/proto.h"
#include "onnx/defs/schema.h"
#include "onnx/onnx-data.pb.h"

namespace mob {
namespace {

onnx::TypeProto proto_of(const ArrayType& t) {
  onnx::TypeProto type;
  onnx::TypeProto* at = &type;
  const Kind kind = kind_of(t);
  if (kind == Kind::kOptional || kind == Kind::kOptionalSequence)
    at = at->mutable_optional_type()->mutable_elem_type();
  if (kind == Kind::kSequence || kind == Kind::kOptionalSequence)
    at = at->mutable_sequence_type()->mutable_elem_type();
  if (element_of(t) != DType::kUndefined) proto::write_type({element_of(t), std::nullopt}, at);
  return type;
}

bool may_be(const std::vector<onnx::OpSchema::FormalParameter>& parameters, std::size_t slot,
            const ArrayType& t) {
  if (parameters.empty()) return false;
  if (slot >= parameters.size() && parameters.back().GetOption() != onnx::OpSchema::Variadic) return false;
  const auto& words = parameters[std::min(slot, parameters.size() - 1)].GetTypes();
  const std::string wanted = words_of(t);
  const bool any_element = kind_of(t) != Kind::kTensor && element_of(t) == DType::kUndefined;
  return std::any_of(words.begin(), words.end(), [&](const std::string* word) {
    return any_element ? word->starts_with("optional(") : *word == wanted;
  });
}

const onnx::OpSchema* schema_of(std::string_view op_type, int opset, std::string_view domain) {
  return onnx::OpSchemaRegistry::Schema(std::string(op_type), opset, std::string(domain));
}

template <class Message>
Message parsed(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  Message m;
  if (!in || !m.ParseFromIstream(&in)) throw UserError(file.string() + ": cannot be read");
  return m;
}

}  // namespace

ArrayType other_type(Kind kind, DType element) {
  return {DType::kUndefined, {static_cast<std::int64_t>(kind), static_cast<std::int64_t>(element)}};
}

Kind kind_of(const ArrayType& t) {
  return t.dtype != DType::kUndefined || t.dims.empty() ? Kind::kTensor : static_cast<Kind>(t.dims[0]);
}

DType element_of(const ArrayType& t) {
  return t.dtype != DType::kUndefined || t.dims.empty() ? t.dtype : static_cast<DType>(t.dims[1]);
}

std::string words_of(const ArrayType& t) {
  const std::string tensor = "tensor(" + std::string(name(element_of(t))) + ")";
  switch (kind_of(t)) {
    case Kind::kTensor:
      return tensor;
    case Kind::kSequence:
      return "seq(" + tensor + ")";
    case Kind::kOptional:
      return "optional(" + tensor + ")";
    case Kind::kOptionalSequence:
      break;
  }
  return "optional(seq(" + tensor + "))";
}

std::string type_proto(const ArrayType& t) {
  return element_of(t) == DType::kUndefined ? std::string() : proto_of(t).SerializeAsString();
}

OpaqueAttribute type_attribute(const ArrayType& t) {
  onnx::AttributeProto a;
  a.set_type(onnx::AttributeProto::TYPE_PROTO);
  *a.mutable_tp() = proto_of(t);
  return {a.SerializeAsString()};
}

bool may_be_input(std::string_view op_type, int opset, std::string_view domain, std::size_t slot,
                  const ArrayType& t) {
  const onnx::OpSchema* s = schema_of(op_type, opset, domain);
  return s != nullptr && may_be(s->inputs(), slot, t);
}

bool may_be_output(std::string_view op_type, int opset, std::string_view domain, std::size_t slot,
                   const ArrayType& t) {
  const onnx::OpSchema* s = schema_of(op_type, opset, domain);
  return s != nullptr && may_be(s->outputs(), slot, t);
}

TensorList load_tensors(const std::filesystem::path& file, const std::string& opaque_type) {
  onnx::TypeProto type;
  MOB_CHECK(type.ParseFromString(opaque_type));
  const bool optional = type.has_optional_type();
  const onnx::TypeProto& content = optional ? type.optional_type().elem_type() : type;
  const bool sequence = content.has_sequence_type();
  const onnx::TypeProto& element = sequence ? content.sequence_type().elem_type() : content;
  if (!element.has_tensor_type()) throw UserError(file.string() + ": is of a type that holds no tensors");
  TensorList list;
  list.type = other_type(!optional  ? Kind::kSequence
                         : sequence ? Kind::kOptionalSequence
                                    : Kind::kOptional,
                         proto::known_dtype(element.tensor_type().elem_type()));
  const auto take = [&](onnx::TensorProto& t) {
    t.clear_name();
    list.tensors.push_back(proto::read_tensor(t, nullptr));
  };
  onnx::SequenceProto tensors;
  if (optional) {
    auto o = parsed<onnx::OptionalProto>(file);
    list.empty = !o.has_tensor_value() && !o.has_sequence_value();
    if (o.has_tensor_value()) take(*o.mutable_tensor_value());
    tensors = o.sequence_value();
  } else {
    tensors = parsed<onnx::SequenceProto>(file);
  }
  for (onnx::TensorProto& t : *tensors.mutable_tensor_values()) take(t);
  return list;
}

}  // namespace mob
