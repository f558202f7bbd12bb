// The normal form of a ModelProto, on which a round trip through our structs must change nothing.
#include <algorithm>

#include "fuzzer/base/check.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/graph/proto.h"

namespace mob {
namespace {

void normalize(onnx::GraphProto* g, proto::Folder folder);

void normalize(onnx::TensorProto* t, proto::Folder folder) {
  const DType dtype = proto::known_dtype(t->data_type());
  if (dtype == DType::kUndefined) return;
  const ArrayType type{dtype, Dims(t->dims().begin(), t->dims().end())};
  if (dtype != DType::kString) {
    ExternalData where;
    std::string raw = t->data_location() == onnx::TensorProto::EXTERNAL
                          ? proto::read_external(*t, type, folder, &where)
                          : proto::take_raw(*t, dtype);
    if (raw.empty())
      t->clear_raw_data();
    else
      t->set_raw_data(std::move(raw));
  }
  t->clear_data_location();
  t->clear_external_data();
}

void normalize(onnx::AttributeProto* a, proto::Folder folder) {
  if (!a->ref_attr_name().empty()) return;
  using A = onnx::AttributeProto;
  a->set_type(proto::kind_of(*a));
  // Writers of proto3 leave out what has the default value.
  if (a->type() == A::FLOAT) a->set_f(a->f());
  if (a->type() == A::INT) a->set_i(a->i());
  if (a->type() == A::STRING) a->mutable_s();
  if (a->has_t()) normalize(a->mutable_t(), folder);
  if (a->has_g()) normalize(a->mutable_g(), folder);
  for (auto& t : *a->mutable_tensors()) normalize(&t, folder);
  for (auto& g : *a->mutable_graphs()) normalize(&g, folder);
}

void normalize(onnx::GraphProto* g, proto::Folder folder) {
  for (auto& n : *g->mutable_node()) {
    if (proto::plain_domain(n.domain()).empty()) n.clear_domain();
    n.mutable_op_type();
    for (auto& a : *n.mutable_attribute()) {
      a.mutable_name();
      normalize(&a, folder);
    }
  }
  for (auto& t : *g->mutable_initializer()) {
    t.mutable_name();
    normalize(&t, folder);
  }
  for (auto* infos : {g->mutable_input(), g->mutable_output(), g->mutable_value_info()})
    for (auto& info : *infos) info.mutable_name();
  std::vector<std::pair<std::string, onnx::ValueInfoProto>> infos;
  for (auto& info : *g->mutable_value_info()) infos.emplace_back(info.SerializeAsString(), info);
  std::sort(infos.begin(), infos.end(), [](const auto& a, const auto& b) {
    return std::tie(a.second.name(), a.first) < std::tie(b.second.name(), b.first);
  });
  g->clear_value_info();
  for (auto& [bytes, info] : infos) g->add_value_info()->Swap(&info);
}

}  // namespace

std::string normalized(std::string_view model_bytes, const std::filesystem::path& folder) {
  onnx::ModelProto m = proto::parse_bytes(model_bytes);
  normalize(m.mutable_graph(), folder.empty() ? nullptr : &folder);
  std::map<std::string, std::int64_t> opsets;
  for (const auto& import : m.opset_import())
    opsets.emplace(proto::plain_domain(import.domain()), import.version());
  m.clear_opset_import();
  for (const auto& [domain, version] : opsets) {
    auto* import = m.add_opset_import();
    import->set_domain(domain);
    import->set_version(version);
  }
  if (m.ir_version() == 0) m.clear_ir_version();
  return m.SerializeAsString();
}

}  // namespace mob
