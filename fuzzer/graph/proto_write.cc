// Model to ModelProto.
#include <unordered_set>

#include "fuzzer/base/check.h"
#include "fuzzer/graph/proto.h"

namespace mob::proto {
namespace {

void write_value(const AttributeValue& value, onnx::AttributeProto* to, const Detail& detail,
                 bool by_reference) {
  using A = onnx::AttributeProto;
  const Detail nested{true, detail.data_up_to};
  const auto write_data = [&](const Tensor& t, onnx::TensorProto* p) {
    write_tensor(t, p, t.is_string() || t.raw().size() <= detail.data_up_to);
  };
  static constexpr A::AttributeType kKinds[] = {A::FLOAT,  A::INT,  A::STRING,  A::TENSOR,  A::GRAPH,
                                                A::FLOATS, A::INTS, A::STRINGS, A::TENSORS, A::GRAPHS};
  static_assert(std::size(kKinds) + 1 == std::variant_size_v<AttributeValue>);
  to->set_type(kKinds[value.index()]);
  if (by_reference) return;
  switch (to->type()) {
    case A::FLOAT:
      to->set_f(std::get<float>(value));
      break;
    case A::INT:
      to->set_i(std::get<std::int64_t>(value));
      break;
    case A::STRING:
      to->set_s(std::get<std::string>(value));
      break;
    case A::TENSOR:
      write_data(std::get<Tensor>(value), to->mutable_t());
      break;
    case A::GRAPH:
      write_graph(*std::get<GraphPtr>(value), to->mutable_g(), nested);
      break;
    case A::FLOATS:
      for (float x : std::get<std::vector<float>>(value)) to->add_floats(x);
      break;
    case A::INTS:
      for (std::int64_t x : std::get<std::vector<std::int64_t>>(value)) to->add_ints(x);
      break;
    case A::STRINGS:
      for (const std::string& x : std::get<std::vector<std::string>>(value)) to->add_strings(x);
      break;
    case A::TENSORS:
      for (const Tensor& x : std::get<std::vector<Tensor>>(value)) write_data(x, to->add_tensors());
      break;
    default:
      for (const GraphPtr& x : std::get<std::vector<GraphPtr>>(value))
        write_graph(*x, to->add_graphs(), nested);
  }
}

void write_node(const Graph& graph, const Node& from, onnx::NodeProto* to, const Detail& detail) {
  if (!from.residue.empty()) MOB_CHECK(to->ParseFromString(from.residue));
  for (ValueId v : from.inputs) to->add_input(v == kNoValue ? std::string() : graph[v].name);
  for (ValueId v : from.outputs) to->add_output(v == kNoValue ? std::string() : graph[v].name);
  if (!from.name.empty()) to->set_name(from.name);
  to->set_op_type(from.op_type);
  if (!from.domain.empty()) to->set_domain(from.domain);
  if (!from.overload.empty()) to->set_overload(from.overload);
  for (const Attribute& a : from.attributes) write_attribute(a, to->add_attribute(), detail);
}

// A second, different description of a value (see GraphReader): taken out of the list when it is used.
bool take_odd(google::protobuf::RepeatedPtrField<onnx::ValueInfoProto>* odd, const std::string& name,
              onnx::ValueInfoProto* to) {
  for (int i = 0; i < odd->size(); ++i)
    if (odd->Get(i).name() == name) {
      *to = odd->Get(i);
      odd->DeleteSubrange(i, 1);
      return true;
    }
  return false;
}

}  // namespace

void write_type(const TensorType& from, onnx::TypeProto* to) {
  auto* t = to->mutable_tensor_type();
  t->Clear();
  t->set_elem_type(static_cast<int>(from.dtype));
  if (!from.shape) return;
  t->mutable_shape();
  for (const Dim& d : *from.shape) {
    auto* dim = t->mutable_shape()->add_dim();
    if (d.value >= 0)
      dim->set_dim_value(d.value);
    else if (!d.symbol.empty())
      dim->set_dim_param(d.symbol);
    if (!d.denotation.empty()) dim->set_denotation(d.denotation);
  }
}

void write_info(const Value& from, onnx::ValueInfoProto* to) {
  if (!from.residue.empty()) MOB_CHECK(to->ParseFromString(from.residue));
  to->set_name(from.name);
  if (from.type) {
    // The residue's own form of the type is better as long as nobody changed the type.
    if (!to->has_type() || read_type(to->type()) != from.type) write_type(*from.type, to->mutable_type());
  } else if (!from.opaque_type.empty()) {
    MOB_CHECK(to->mutable_type()->ParseFromString(from.opaque_type));
  }
}

void write_attribute(const Attribute& from, onnx::AttributeProto* to, const Detail& detail) {
  if (const auto* opaque = std::get_if<OpaqueAttribute>(&from.value)) {
    MOB_CHECK(to->ParseFromString(opaque->proto));
  } else {
    if (!from.residue.empty()) MOB_CHECK(to->ParseFromString(from.residue));
    write_value(from.value, to, detail, !from.reference.empty());
  }
  to->set_name(from.name);
  if (!from.reference.empty()) to->set_ref_attr_name(from.reference);
}

void write_graph(const Graph& from, onnx::GraphProto* to, const Detail& detail) {
  if (!from.residue.empty()) MOB_CHECK(to->ParseFromString(from.residue));
  google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> odd_outputs, odd_infos;
  odd_outputs.Swap(to->mutable_output());
  odd_infos.Swap(to->mutable_value_info());

  if (!from.name.empty()) to->set_name(from.name);
  for (const Node& n : from.nodes) write_node(from, n, to->add_node(), detail);
  if (detail.initializers)
    for (ValueId v : from.initializers) {
      MOB_CHECK(from[v].initializer != nullptr, from[v].name);
      const Tensor& tensor = *from[v].initializer;
      auto* t = to->add_initializer();
      write_tensor(tensor, t, tensor.is_string() || tensor.raw().size() <= detail.data_up_to);
      t->set_name(from[v].name);
    }
  std::vector<bool> written(from.values.size(), false);
  for (ValueId v : from.inputs) {
    write_info(from[v], to->add_input());
    written[static_cast<std::size_t>(v)] = true;
  }
  for (ValueId v : from.outputs) {
    auto* info = to->add_output();
    if (!written[static_cast<std::size_t>(v)] || !take_odd(&odd_outputs, from[v].name, info))
      write_info(from[v], info);
    written[static_cast<std::size_t>(v)] = true;
  }
  for (const Value& v : from.values)
    if (v.listed) write_info(v, to->add_value_info());
  for (auto& info : odd_infos) to->add_value_info()->Swap(&info);
}

void write_model_head(const Model& from, onnx::ModelProto* to) {
  if (!from.residue.empty()) MOB_CHECK(to->ParseFromString(from.residue));
  if (from.ir_version != 0) to->set_ir_version(from.ir_version);
  for (const auto& [domain, version] : from.opsets) {
    auto* import = to->add_opset_import();
    import->set_domain(domain);
    import->set_version(version);
  }
}

void write_model(const Model& from, onnx::ModelProto* to, const Detail& detail) {
  write_model_head(from, to);
  write_graph(from.graph, to->mutable_graph(), detail);
}

}  // namespace mob::proto
