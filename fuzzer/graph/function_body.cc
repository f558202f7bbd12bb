// The body of a function, model-local or from the schema, as a graph that stands for one node.
#include <unordered_set>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/graph/proto.h"
#include "onnx/defs/schema.h"

namespace mob {
namespace {

using Attributes = std::unordered_map<std::string, const onnx::AttributeProto*>;
using Absent = std::unordered_set<std::string>;

// The node as a message of its own. Names of its values do not matter to a function, only which are there.
onnx::NodeProto call_of(const Node& node) {
  onnx::NodeProto call;
  call.set_op_type(node.op_type);
  call.set_domain(node.domain);
  call.set_overload(node.overload);
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    call.add_input(node.inputs[i] == kNoValue ? "" : "in_" + std::to_string(i));
  for (std::size_t i = 0; i < node.outputs.size(); ++i)
    call.add_output(node.outputs[i] == kNoValue ? "" : "out_" + std::to_string(i));
  for (const Attribute& a : node.attributes) proto::write_attribute(a, call.add_attribute());
  return call;
}

// Puts attributes in the place of references to them, and empties the uses of inputs that are left out.
void substitute(google::protobuf::RepeatedPtrField<onnx::NodeProto>* nodes, const Attributes& attributes,
                const Absent& absent) {
  for (auto& node : *nodes) {
    for (std::string& name : *node.mutable_input())
      if (absent.count(name)) name.clear();
    auto* list = node.mutable_attribute();
    for (int i = 0; i < list->size();) {
      auto* a = list->Mutable(i);
      if (!a->ref_attr_name().empty()) {
        const auto at = attributes.find(a->ref_attr_name());
        if (at == attributes.end()) {  // the caller does not give it: the node does not have it
          list->DeleteSubrange(i, 1);
          continue;
        }
        const std::string name = a->name();
        *a = *at->second;
        a->set_name(name);
      } else {
        if (a->has_g()) substitute(a->mutable_g()->mutable_node(), attributes, absent);
        for (auto& g : *a->mutable_graphs()) substitute(g.mutable_node(), attributes, absent);
      }
      ++i;
    }
  }
}

// Puts kNoValue into the list wherever the node has none.
void leave_out(const std::vector<ValueId>& of_node, std::vector<ValueId>* list) {
  for (std::size_t i = 0; i < of_node.size(); ++i)
    if (of_node[i] == kNoValue) list->insert(list->begin() + static_cast<std::ptrdiff_t>(i), kNoValue);
}

FunctionBody body_of(onnx::FunctionProto& f, const Model& model, const Node& node,
                     const onnx::NodeProto& call, Attributes attributes,
                     const std::vector<std::optional<ArrayType>>& input_types) {
  for (const auto& a : f.attribute_proto()) attributes.emplace(a.name(), &a);
  Absent absent;
  onnx::GraphProto g;
  for (int i = 0; i < f.input_size(); ++i) {
    if (i < call.input_size() && !call.input(i).empty())
      g.add_input()->set_name(f.input(i));
    else
      absent.insert(f.input(i));
  }
  for (int i = 0; i < call.output_size(); ++i)
    if (!call.output(i).empty()) g.add_output()->set_name(f.output(i));
  substitute(f.mutable_node(), attributes, absent);
  g.set_name(f.name());
  g.mutable_node()->Swap(f.mutable_node());
  g.mutable_value_info()->Swap(f.mutable_value_info());

  // A graph attribute of the node may have come with names of the node's own surroundings.
  bool open = false;
  for (const auto& a : call.attribute()) open = open || a.has_g() || a.graphs_size() > 0;
  const proto::Scope outside{nullptr, nullptr, open};
  FunctionBody body;
  body.graph = proto::read_graph(g, &outside, nullptr);
  leave_out(node.inputs, &body.graph.inputs);
  leave_out(node.outputs, &body.graph.outputs);
  for (std::size_t i = 0; i < node.inputs.size() && i < input_types.size(); ++i)
    if (node.inputs[i] != kNoValue && input_types[i])
      body.graph[body.graph.inputs[i]].type = declared(*input_types[i]);
  for (const auto& import : f.opset_import())
    body.opsets[std::string(proto::plain_domain(import.domain()))] = import.version();
  if (body.opsets.empty()) body.opsets = model.opsets;
  return body;
}

// The body that the schema gives; an empty function where it gives none.
onnx::FunctionProto schema_function(const onnx::OpSchema& schema, int opset, const onnx::NodeProto& call,
                                    const std::vector<std::optional<ArrayType>>& input_types) {
  if (schema.HasFunction())
    if (const auto* f = schema.GetFunction(opset)) return *f;
  onnx::FunctionProto f;
  if (!schema.HasContextDependentFunction()) return f;
  std::vector<onnx::TypeProto> types(static_cast<std::size_t>(call.input_size()));
  for (std::size_t i = 0; i < types.size() && i < input_types.size(); ++i)
    if (input_types[i]) proto::write_type(declared(*input_types[i]), &types[i]);
  int own = opset;
  if (call.op_type() == "SequenceMap") {
    // Its builder aborts without these. An input whose type is no tensor's can only be a sequence.
    for (onnx::TypeProto& t : types)
      if (!t.has_tensor_type()) t.mutable_sequence_type()->mutable_elem_type()->mutable_tensor_type();
    for (const auto& a : call.attribute())
      for (const auto& out : a.g().output())
        if (!out.type().has_tensor_type()) return f;
  } else {
    // A builder uses the operators of its own opset, whatever opset asks for it.
    for (int version : schema.context_dependent_function_opset_versions())
      if (version <= opset) own = version;
  }
  const onnx::FunctionBodyBuildContextImpl context(call, types);
  try {
    if (!schema.BuildContextDependentFunction(context, f, own)) f.Clear();
  } catch (const std::exception&) {
    f.Clear();  // a type or an attribute that it needs is unknown
  }
  return f;
}

// What of a ModelProto the model does not hold itself: its functions among it.
onnx::ModelProto rest_of(const Model& model) {
  onnx::ModelProto rest;
  if (!model.residue.empty()) MOB_CHECK(rest.ParseFromString(model.residue));
  return rest;
}

}  // namespace

void add_function(Model& model, const std::string& domain, const std::string& name, const Graph& body,
                  const std::vector<Attribute>& attributes) {
  MOB_CHECK(body.initializers.empty(), name);
  onnx::ModelProto rest = rest_of(model);
  onnx::FunctionProto& f = *rest.add_functions();
  f.set_domain(domain);
  f.set_name(name);
  for (ValueId v : body.inputs) f.add_input(body[v].name);
  for (ValueId v : body.outputs) f.add_output(body[v].name);
  for (const Attribute& a : attributes) f.add_attribute(a.name);
  onnx::GraphProto g;
  proto::write_graph(body, &g, {});
  f.mutable_node()->Swap(g.mutable_node());
  for (const auto& [imported, version] : model.opsets) {
    auto* import = f.add_opset_import();
    import->set_domain(imported);
    import->set_version(version);
  }
  model.residue = rest.SerializeAsString();
}

std::map<std::string, std::int64_t> function_opsets(const Model& model) {
  std::map<std::string, std::int64_t> opsets;
  for (const onnx::ModelProto rest = rest_of(model); const auto& f : rest.functions())
    for (const auto& import : f.opset_import())
      if (proto::plain_domain(import.domain()).empty()) opsets[f.name()] = import.version();
  return opsets;
}

void drop_uncalled_functions(Model& model) {
  onnx::ModelProto rest = rest_of(model);
  for (const auto& f : rest.functions())
    for (const Node& n : model.graph.nodes)
      if (n.op_type == f.name() && proto::plain_domain(n.domain) == proto::plain_domain(f.domain())) return;
  rest.clear_functions();
  model.residue = rest.SerializeAsString();
}

std::optional<FunctionBody> function_body(const Model& model, const Node& node,
                                          const std::vector<std::optional<ArrayType>>& input_types) {
  onnx::FunctionProto function;
  onnx::ModelProto rest = rest_of(model);
  for (auto& f : *rest.mutable_functions())
    if (f.name() == node.op_type && proto::plain_domain(f.domain()) == proto::plain_domain(node.domain) &&
        f.overload() == node.overload)
      function.Swap(&f);
  const onnx::NodeProto call = call_of(node);
  Attributes attributes;
  for (const auto& a : call.attribute()) attributes.emplace(a.name(), &a);
  if (function.node_size() == 0) {
    const auto opset = static_cast<int>(model.opset(node.domain));
    const auto* schema = onnx::OpSchemaRegistry::Schema(node.op_type, opset, node.domain);
    if (schema == nullptr || schema->Deprecated()) return std::nullopt;
    function = schema_function(*schema, opset, call, input_types);
    for (const auto& [name, a] : schema->attributes())
      if (a.default_value.type() != onnx::AttributeProto::UNDEFINED)
        attributes.emplace(name, &a.default_value);
  }
  if (function.node_size() == 0 || function.input_size() < call.input_size() ||
      function.output_size() < call.output_size())
    return std::nullopt;
  try {
    return body_of(function, model, node, call, std::move(attributes), input_types);
  } catch (const UserError& e) {
    throw UserError("function '" + one_line(node.op_type, 120) + "': " + e.what());
  }
}

}  // namespace mob
