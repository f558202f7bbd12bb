// ModelProto to Model: names become numbers, and what is wrong with a model's structure is found.
#include <algorithm>
#include <climits>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/graph/proto.h"

namespace mob::proto {
namespace {

// protobuf prints a line for every name that is not UTF-8: what is wrong with a model we say ourselves.
[[maybe_unused]] const auto kNoisyHandler = google::protobuf::SetLogHandler(nullptr);

std::string in_quotes(const std::string& name) {
  std::string out("'");
  out += one_line(name, 120);
  return out += '\'';
}

std::string describe(const onnx::NodeProto& n) {
  return "node " + in_quotes(n.name()) + " (" + one_line(n.op_type(), 80) + ")";
}

// Runs `read`, and puts `who` before what it complains about.
template <class F>
auto told_of(const std::string& who, F read) {
  try {
    return read();
  } catch (const UserError& e) {
    throw UserError(who + ": " + e.what());
  }
}

class GraphReader {
 public:
  GraphReader(onnx::GraphProto& from, const Scope* outer, Folder folder)
      : from_(from), scope_{&names_, outer, false}, folder_(folder) {}

  Graph read() {
    read_inputs();
    read_initializers();
    for (auto& node : from_.node())
      for (const std::string& name : node.output())
        if (!name.empty()) define(name, describe(node));
    // Nodes may read names of values that only nested graphs and later nodes show, so they come second.
    for (auto& node : *from_.mutable_node()) out_.nodes.push_back(read_node(node));
    from_.clear_node();
    read_outputs();
    read_value_info();
    if (!from_.name().empty()) {
      out_.name = std::move(*from_.mutable_name());
      from_.clear_name();
    }
    out_.residue = from_.SerializeAsString();
    out_.topological_order();  // throws on a cycle
    return std::move(out_);
  }

 private:
  ValueId define(const std::string& name, const std::string& by) {
    const auto id = static_cast<ValueId>(out_.values.size());
    if (!names_.emplace(name, id).second)
      throw UserError("the value " + in_quotes(name) + " is defined twice, the second time by " + by);
    out_.values.emplace_back().name = name;
    has_info_.push_back(false);
    return id;
  }

  void read_info(ValueId v, onnx::ValueInfoProto& info) {
    Value& value = out_[v];
    has_info_[static_cast<std::size_t>(v)] = true;
    value.type.reset();
    if (info.has_type()) {
      value.type = read_type(info.type());
      onnx::TypeProto again;
      if (value.type) write_type(*value.type, &again);
      // What our form of the type does not hold (a denotation, a dimension of -1) stays in the residue.
      if (value.type && again.SerializeAsString() == info.type().SerializeAsString()) {
        info.clear_type();
      } else if (!value.type && info.type().ByteSizeLong() > 0) {
        value.opaque_type = info.type().SerializeAsString();
        info.clear_type();
      }
    }
    info.clear_name();
    value.residue = info.SerializeAsString();
  }

  // Whether writing the value gives just this message.
  bool same_info(ValueId v, const onnx::ValueInfoProto& info) const {
    onnx::ValueInfoProto mine;
    write_info(out_[v], &mine);
    return mine.SerializeAsString() == info.SerializeAsString();
  }

  void read_inputs() {
    for (auto& info : *from_.mutable_input()) {
      const ValueId v = define(info.name(), "a graph input");
      out_.inputs.push_back(v);
      read_info(v, info);
    }
    from_.clear_input();
  }

  // A name that an initializer defines: its own, or that of the input whose default it is.
  ValueId initialized(const std::string& name) {
    if (const auto at = names_.find(name);
        at != names_.end() && out_.is_input(at->second) && !out_[at->second].initializer)
      return at->second;
    return define(name, "an initializer");
  }

  void read_initializers() {
    for (auto& t : *from_.mutable_initializer()) {
      const ValueId v = initialized(t.name());
      t.clear_name();
      Tensor tensor =
          told_of("initializer " + in_quotes(out_[v].name), [&] { return read_tensor(t, folder_); });
      if (!has_info_[static_cast<std::size_t>(v)]) out_[v].type = declared(tensor.type());
      out_[v].initializer = std::make_shared<const Tensor>(std::move(tensor));
      out_.initializers.push_back(v);
    }
    from_.clear_initializer();
    // Sparse ones stay in the residue; only their names are known.
    for (const auto& s : from_.sparse_initializer()) initialized(s.values().name());
  }

  // The value of that name in this graph or in one around it; kNoValue if there is none.
  ValueId lookup(const std::string& name) {
    if (const auto at = names_.find(name); at != names_.end()) return at->second;
    if (scope_.outer == nullptr || !scope_.outer->has(name)) return kNoValue;
    const ValueId v = define(name, "an outer graph");
    out_[v].outer = true;
    return v;
  }

  void read_outputs() {
    google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> odd;
    for (auto& info : *from_.mutable_output()) {
      const ValueId v = lookup(info.name());
      if (v == kNoValue)
        throw UserError("the graph output " + in_quotes(info.name()) + " is defined by nothing");
      out_.outputs.push_back(v);
      if (!has_info_[static_cast<std::size_t>(v)])
        read_info(v, info);
      else if (!same_info(v, info))
        odd.Add(std::move(info));
    }
    *from_.mutable_output() = std::move(odd);
  }

  void read_value_info() {
    google::protobuf::RepeatedPtrField<onnx::ValueInfoProto> odd;
    for (auto& info : *from_.mutable_value_info()) {
      const auto at = names_.find(info.name());
      const ValueId v = at == names_.end() ? define(info.name(), "value_info") : at->second;
      if (!has_info_[static_cast<std::size_t>(v)])
        read_info(v, info);
      else if (out_[v].listed || !same_info(v, info)) {
        odd.Add(std::move(info));
        continue;
      }
      out_[v].listed = true;
    }
    *from_.mutable_value_info() = std::move(odd);
  }

  Node read_node(onnx::NodeProto& n) {
    Node node;
    for (const std::string& name : n.input()) {
      const ValueId v = name.empty() ? kNoValue : lookup(name);
      if (v == kNoValue && !name.empty())
        throw UserError(describe(n) + " reads " + in_quotes(name) + ", which nothing defines");
      node.inputs.push_back(v);
    }
    for (const std::string& name : n.output())
      node.outputs.push_back(name.empty() ? kNoValue : names_.at(name));
    node.attributes.reserve(static_cast<std::size_t>(n.attribute_size()));
    for (auto& a : *n.mutable_attribute())
      node.attributes.push_back(told_of(describe(n), [&] { return read_attribute(a); }));
    n.clear_input();
    n.clear_output();
    n.clear_attribute();
    if (!n.name().empty()) {
      node.name = std::move(*n.mutable_name());
      n.clear_name();
    }
    node.op_type = std::move(*n.mutable_op_type());
    n.clear_op_type();
    node.domain = plain_domain(n.domain());
    n.clear_domain();
    if (!n.overload().empty()) {
      node.overload = std::move(*n.mutable_overload());
      n.clear_overload();
    }
    node.residue = n.SerializeAsString();
    return node;
  }

  Attribute read_attribute(onnx::AttributeProto& a) {
    Attribute out;
    out.name = std::move(*a.mutable_name());
    a.clear_name();
    if (!a.ref_attr_name().empty()) {
      out.reference = std::move(*a.mutable_ref_attr_name());
      a.clear_ref_attr_name();
      out.value = empty_value(a.type());
      if (std::holds_alternative<OpaqueAttribute>(out.value))
        out.value = OpaqueAttribute{a.SerializeAsString()};
      else
        a.clear_type();
    } else {
      const auto kind = kind_of(a);
      out.value = told_of("attribute " + in_quotes(out.name), [&] { return read_value(a, kind); });
      if (!std::holds_alternative<OpaqueAttribute>(out.value)) a.clear_type();
    }
    if (!std::holds_alternative<OpaqueAttribute>(out.value)) out.residue = a.SerializeAsString();
    return out;
  }

  // What stands in a referring attribute: only its kind matters.
  static AttributeValue empty_value(onnx::AttributeProto::AttributeType kind) {
    using A = onnx::AttributeProto;
    switch (kind) {
      case A::FLOAT:
        return 0.0f;
      case A::INT:
        return std::int64_t{0};
      case A::STRING:
        return std::string();
      case A::TENSOR:
        return Tensor();
      case A::GRAPH:
        return std::make_shared<const Graph>();
      case A::FLOATS:
        return std::vector<float>();
      case A::INTS:
        return std::vector<std::int64_t>();
      case A::STRINGS:
        return std::vector<std::string>();
      case A::TENSORS:
        return std::vector<Tensor>();
      case A::GRAPHS:
        return std::vector<GraphPtr>();
      default:
        return OpaqueAttribute();
    }
  }

  AttributeValue read_value(onnx::AttributeProto& a, onnx::AttributeProto::AttributeType kind) {
    using A = onnx::AttributeProto;
    const auto graph = [&](onnx::GraphProto& g) {
      return std::make_shared<const Graph>(
          told_of("its graph", [&] { return read_graph(g, &scope_, folder_); }));
    };
    const auto foreign = [](const onnx::TensorProto& t) {
      return known_dtype(t.data_type()) == DType::kUndefined;
    };
    AttributeValue value;
    switch (kind) {
      case A::FLOAT:
        value = a.f();
        a.clear_f();
        return value;
      case A::INT:
        value = static_cast<std::int64_t>(a.i());
        a.clear_i();
        return value;
      case A::STRING:
        value = std::move(*a.mutable_s());
        a.clear_s();
        return value;
      case A::TENSOR:
        if (!a.has_t() || foreign(a.t())) break;
        value = read_tensor(*a.mutable_t(), folder_);
        a.clear_t();
        return value;
      case A::GRAPH:
        if (!a.has_g()) break;
        value = graph(*a.mutable_g());
        a.clear_g();
        return value;
      case A::FLOATS:
        value = std::vector<float>(a.floats().begin(), a.floats().end());
        a.clear_floats();
        return value;
      case A::INTS:
        value = std::vector<std::int64_t>(a.ints().begin(), a.ints().end());
        a.clear_ints();
        return value;
      case A::STRINGS:
        value = std::vector<std::string>(a.strings().begin(), a.strings().end());
        a.clear_strings();
        return value;
      case A::TENSORS: {
        if (std::any_of(a.tensors().begin(), a.tensors().end(), foreign)) break;
        std::vector<Tensor> tensors;
        for (auto& t : *a.mutable_tensors()) tensors.push_back(read_tensor(t, folder_));
        a.clear_tensors();
        return tensors;
      }
      case A::GRAPHS: {
        std::vector<GraphPtr> graphs;
        for (auto& g : *a.mutable_graphs()) graphs.push_back(graph(g));
        a.clear_graphs();
        return graphs;
      }
      default:
        break;
    }
    return OpaqueAttribute{a.SerializeAsString()};
  }

  onnx::GraphProto& from_;
  Graph out_;
  std::unordered_map<std::string, ValueId> names_;
  std::vector<bool> has_info_;  // per value: its ValueInfoProto was seen
  const Scope scope_;
  const Folder folder_;
};

}  // namespace

bool Scope::has(const std::string& name) const {
  for (const Scope* s = this; s != nullptr; s = s->outer)
    if (s->open || (s->names != nullptr && s->names->count(name) > 0)) return true;
  return false;
}

std::string_view plain_domain(std::string_view domain) {
  return domain == "ai.onnx" ? std::string_view() : domain;
}

onnx::AttributeProto::AttributeType kind_of(const onnx::AttributeProto& a) {
  using A = onnx::AttributeProto;
  if (a.type() != A::UNDEFINED) return a.type();
  if (a.has_f()) return A::FLOAT;
  if (a.has_i()) return A::INT;
  if (a.has_s()) return A::STRING;
  if (a.has_t()) return A::TENSOR;
  if (a.has_g()) return A::GRAPH;
  if (a.floats_size()) return A::FLOATS;
  if (a.ints_size()) return A::INTS;
  if (a.strings_size()) return A::STRINGS;
  if (a.tensors_size()) return A::TENSORS;
  if (a.graphs_size()) return A::GRAPHS;
  return A::UNDEFINED;
}

std::optional<TensorType> read_type(const onnx::TypeProto& from) {
  if (!from.has_tensor_type()) return std::nullopt;
  const auto& t = from.tensor_type();
  TensorType type;
  type.dtype = known_dtype(t.elem_type());
  if (type.dtype == DType::kUndefined && t.elem_type() != 0) return std::nullopt;
  if (!t.has_shape()) return type;
  type.shape.emplace();
  for (const auto& d : t.shape().dim()) {
    Dim& dim = type.shape->emplace_back();
    if (d.has_dim_value() && d.dim_value() >= 0) dim.value = d.dim_value();
    if (d.has_dim_param()) dim.symbol = d.dim_param();
    dim.denotation = d.denotation();
  }
  return type;
}

Graph read_graph(onnx::GraphProto& from, const Scope* outer, Folder folder) {
  return GraphReader(from, outer, folder).read();
}

Model read_model(onnx::ModelProto& from, Folder folder) {
  if (!from.has_graph()) throw UserError("is no ONNX model: it has no graph");
  Model model;
  model.ir_version = from.ir_version();
  for (const auto& import : from.opset_import()) {
    const std::string domain(plain_domain(import.domain()));
    const auto [at, fresh] = model.opsets.emplace(domain, import.version());
    if (!fresh && at->second != import.version())
      throw UserError("imports two versions of the operator set " + in_quotes(domain));
  }
  model.graph = read_graph(*from.mutable_graph(), nullptr, folder);
  from.clear_ir_version();
  from.clear_opset_import();
  from.clear_graph();
  model.residue = from.SerializeAsString();
  return model;
}

onnx::ModelProto parse_bytes(std::string_view bytes) {
  if (bytes.empty()) throw UserError("is empty");
  if (bytes.size() > INT_MAX) throw UserError("is larger than protobuf's limit of 2 GB: use external data");
  onnx::ModelProto m;
  if (!m.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    throw UserError("is no ONNX model, or cut off: protobuf cannot read it");
  return m;
}

}  // namespace mob::proto
