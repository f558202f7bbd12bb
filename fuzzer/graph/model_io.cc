#include "fuzzer/graph/model_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <fstream>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/graph/proto.h"
#include "fuzzer/graph/schema.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl.h"
#include "onnx/checker.h"
#include "onnx/defs/parser.h"
#include "onnx/defs/printer.h"
#include "onnx/shape_inference/implementation.h"

namespace mob {
namespace {

using google::protobuf::io::CodedOutputStream;

std::string no_access(const std::filesystem::path& file, const char* what) {
  return file.string() + ": cannot be " + what + ": " + std::strerror(errno);
}

// Parses a message from a file piece by piece, so that the file itself is never in memory.
void parse_file(const std::filesystem::path& file, google::protobuf::Message* to, const char* kind) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw UserError(no_access(file, "read"));
  google::protobuf::io::FileInputStream stream(fd, 1 << 16);
  stream.SetCloseOnDelete(true);
  struct stat s = {};
  if (::fstat(fd, &s) != 0) throw UserError(no_access(file, "read"));
  if (S_ISDIR(s.st_mode)) throw UserError(file.string() + ": is a folder");
  if (S_ISREG(s.st_mode) && s.st_size == 0) throw UserError(file.string() + ": is empty");
  if (s.st_size > INT_MAX)
    throw UserError(file.string() + ": is " + show_bytes(static_cast<double>(s.st_size)) +
                    " large, but protobuf's limit is 2 GB: store the model with external data");
  google::protobuf::io::CodedInputStream coded(&stream);
  coded.SetTotalBytesLimit(INT_MAX);
  if (!to->ParseFromCodedStream(&coded) || !coded.ConsumedEntireMessage())
    throw UserError(file.string() + ": is no " + kind + ", or cut off: protobuf cannot read it");
}

// A new file beside the goal, which takes the goal's name when all is written.
class NewFile {
 public:
  explicit NewFile(std::filesystem::path goal) : goal_(std::move(goal)), temporary_(goal_) {
    temporary_ += ".new" + std::to_string(::getpid());
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd_ < 0) throw UserError(no_access(goal_, "written"));
  }
  ~NewFile() {
    if (fd_ >= 0) {
      ::close(fd_);
      ::unlink(temporary_.c_str());
    }
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  void append(std::string_view bytes) {
    size_ += static_cast<std::int64_t>(bytes.size());
    while (!bytes.empty()) {
      const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) throw UserError(no_access(goal_, "written"));
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void pad_to(std::int64_t alignment) {
    append(std::string(static_cast<std::size_t>(-size_ & (alignment - 1)), '\0'));
  }
  std::int64_t size() const { return size_; }
  void finish() {
    const bool closed = ::close(fd_) == 0;
    fd_ = -1;
    if (closed && ::rename(temporary_.c_str(), goal_.c_str()) == 0) return;
    const std::string message = no_access(goal_, "written");
    ::unlink(temporary_.c_str());
    throw UserError(message);
  }

 private:
  std::filesystem::path goal_, temporary_;
  int fd_ = -1;
  std::int64_t size_ = 0;
};

Model told_of(std::string_view origin, onnx::ModelProto& m, proto::Folder folder) {
  try {
    return proto::read_model(m, folder);
  } catch (const UserError& e) {
    throw UserError(std::string(origin) + ": " + e.what());
  }
}

// Tags of length-delimited fields.
constexpr std::uint32_t tag(int field) {
  return static_cast<std::uint32_t>(field) << 3 | 2;
}
constexpr std::uint32_t kGraph = tag(onnx::ModelProto::kGraphFieldNumber);
constexpr std::uint32_t kInitializer = tag(onnx::GraphProto::kInitializerFieldNumber);
constexpr std::uint32_t kRawData = tag(onnx::TensorProto::kRawDataFieldNumber);

void put_header(std::uint32_t field, std::size_t size, std::string* to) {
  std::uint8_t bytes[10];
  std::uint8_t* end = CodedOutputStream::WriteVarint32ToArray(field, bytes);
  end = CodedOutputStream::WriteVarint32ToArray(static_cast<std::uint32_t>(size), end);
  to->append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(end - bytes));
}
std::size_t header_size(std::uint32_t field, std::size_t size) {
  return CodedOutputStream::VarintSize32(field) +
         CodedOutputStream::VarintSize32(static_cast<std::uint32_t>(size));
}

// A model's serialized form as a list of pieces: small ones of our own, and the bytes of the top graph's
// initializers where they lie. So these are copied once, straight to their goal.
struct Pieces {
  std::vector<std::string> own;                        // one more than there are tensors
  std::vector<std::shared_ptr<const Tensor>> tensors;  // own[i] tensors[i] own[i + 1]
  std::size_t size = 0;

  template <class F>
  void each(F take) const {
    for (std::size_t i = 0; i < own.size(); ++i) {
      take(std::string_view(own[i]));
      if (i < tensors.size()) take(tensors[i]->raw());
    }
  }
};

// Where an initializer's bytes go when they leave the model; empty where they stay.
using Outside = std::vector<std::optional<ExternalData>>;

[[noreturn]] void too_large(std::size_t size) {
  throw UserError("the model is " + show_bytes(static_cast<double>(size)) +
                  " large, but protobuf's limit is 2 GB: save it with external data");
}

Pieces pieces_of(const Model& model, const Outside& outside) {
  onnx::ModelProto head;
  proto::write_model_head(model, &head);
  onnx::GraphProto rest;
  proto::write_graph(model.graph, &rest, {.initializers = false});

  const auto& initializers = model.graph.initializers;
  std::vector<std::string> metas;
  std::size_t graph_size = rest.ByteSizeLong();
  const auto inside = [&](std::size_t i) -> std::string_view {
    const Tensor& t = *model.graph[initializers[i]].initializer;
    return t.is_string() || (!outside.empty() && outside[i]) ? std::string_view() : t.raw();
  };
  for (std::size_t i = 0; i < initializers.size(); ++i) {
    const Value& value = model.graph[initializers[i]];
    MOB_CHECK(value.initializer != nullptr, value.name);
    onnx::TensorProto meta;
    proto::write_tensor(*value.initializer, &meta, value.initializer->is_string());
    meta.set_name(value.name);
    if (!outside.empty() && outside[i]) {
      meta.set_data_location(onnx::TensorProto::EXTERNAL);
      const auto entry = [&](const char* key, const std::string& text) {
        auto* e = meta.add_external_data();
        e->set_key(key);
        e->set_value(text);
      };
      entry("location", outside[i]->location);
      entry("offset", std::to_string(outside[i]->offset));
      entry("length", std::to_string(outside[i]->length));
    }
    metas.push_back(meta.SerializeAsString());
    const std::size_t raw = inside(i).size();
    const std::size_t size = metas.back().size() + (raw == 0 ? 0 : header_size(kRawData, raw) + raw);
    if (size > INT_MAX) too_large(size);
    graph_size += header_size(kInitializer, size) + size;
  }
  if (graph_size + head.ByteSizeLong() + 16 > INT_MAX) too_large(graph_size + head.ByteSizeLong());

  Pieces out;
  std::string* at = &out.own.emplace_back(head.SerializeAsString());
  put_header(kGraph, graph_size, at);
  rest.AppendToString(at);
  for (std::size_t i = 0; i < initializers.size(); ++i) {
    const std::size_t raw = inside(i).size();
    put_header(kInitializer, metas[i].size() + (raw == 0 ? 0 : header_size(kRawData, raw) + raw), at);
    at->append(metas[i]);
    if (raw == 0) continue;
    put_header(kRawData, raw, at);
    out.tensors.push_back(model.graph[initializers[i]].initializer);
    at = &out.own.emplace_back();
  }
  out.each([&](std::string_view piece) { out.size += piece.size(); });
  return out;
}

// Copies the types that inference found from a message to a graph of the same nodes in the same order.
void take_types(const onnx::GraphProto& from, Graph* to) {
  std::unordered_map<std::string_view, std::size_t> by_name;
  for (std::size_t v = 0; v < to->values.size(); ++v) by_name.emplace(to->values[v].name, v);
  const auto take = [&](const onnx::ValueInfoProto& info) {
    const auto at = by_name.find(info.name());
    if (at == by_name.end() || !info.has_type()) return;
    Value& value = to->values[at->second];
    if (value.initializer) return;
    if (auto type = proto::read_type(info.type()))
      value.type = std::move(type);
    else if (!value.type)
      value.opaque_type = info.type().SerializeAsString();
  };
  for (const auto& info : from.value_info()) take(info);
  for (const auto& info : from.input()) take(info);
  for (const auto& info : from.output()) take(info);
  const auto inner = [](const onnx::GraphProto& g, GraphPtr* graph) {
    Graph copy = **graph;
    take_types(g, &copy);
    *graph = std::make_shared<const Graph>(std::move(copy));
  };
  for (int n = 0; n < from.node_size() && static_cast<std::size_t>(n) < to->nodes.size(); ++n) {
    Node& node = to->nodes[static_cast<std::size_t>(n)];
    for (int i = 0; i < from.node(n).attribute_size() && static_cast<std::size_t>(i) < node.attributes.size();
         ++i) {
      const auto& a = from.node(n).attribute(i);
      AttributeValue& value = node.attributes[static_cast<std::size_t>(i)].value;
      if (auto* graph = std::get_if<GraphPtr>(&value)) inner(a.g(), graph);
      if (auto* graphs = std::get_if<std::vector<GraphPtr>>(&value))
        for (std::size_t k = 0; k < graphs->size(); ++k) inner(a.graphs(static_cast<int>(k)), &(*graphs)[k]);
    }
  }
}

// Inference aborts on some nodes with too few inputs.
bool enough_inputs(const Graph& graph, const Model& model) {
  for (const Node& n : graph.nodes) {
    const Schema* s = schema(n.op_type, static_cast<int>(model.opset(n.domain)), n.domain);
    if (s != nullptr && n.inputs.size() < static_cast<std::size_t>(s->min_inputs)) return false;
    if (s != nullptr && n.outputs.size() < static_cast<std::size_t>(s->min_outputs)) return false;
    for (const Attribute& a : n.attributes)
      if (const auto* inner = std::get_if<GraphPtr>(&a.value);
          inner != nullptr && !enough_inputs(**inner, model))
        return false;
  }
  return true;
}

bool has_type(const onnx::GraphProto& graph, const std::string& value) {
  const auto typed = [&](const auto& list) {
    return std::any_of(list.begin(), list.end(), [&](const onnx::ValueInfoProto& v) {
      return v.name() == value && v.type().value_case() != onnx::TypeProto::VALUE_NOT_SET;
    });
  };
  return typed(graph.input()) || typed(graph.value_info()) || typed(graph.output()) ||
         std::any_of(graph.initializer().begin(), graph.initializer().end(),
                     [&](const onnx::TensorProto& t) { return t.name() == value; });
}

}  // namespace

Model load_model(const std::filesystem::path& file) {
  onnx::ModelProto m;
  parse_file(file, &m, "ONNX model");
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  return told_of(file.string(), m, &folder);
}

Model parse_model(std::string_view bytes, std::string_view origin) {
  onnx::ModelProto m;
  try {
    m = proto::parse_bytes(bytes);
  } catch (const UserError& e) {
    throw UserError(std::string(origin) + ": " + e.what());
  }
  return told_of(origin, m, nullptr);
}

struct ModelWriter::Impl {
  Pieces pieces;
};
ModelWriter::ModelWriter(const Model& model) : impl_(new Impl{pieces_of(model, {})}) {}
ModelWriter::~ModelWriter() = default;
std::size_t ModelWriter::size() const {
  return impl_->pieces.size;
}
void ModelWriter::write(void* to) const {
  char* at = static_cast<char*>(to);
  impl_->pieces.each([&](std::string_view piece) {
    if (!piece.empty()) std::memcpy(at, piece.data(), piece.size());
    at += piece.size();
  });
}

std::string serialize(const Model& model) {
  const Pieces pieces = pieces_of(model, {});
  std::string bytes;
  bytes.reserve(pieces.size);
  pieces.each([&](std::string_view piece) { bytes.append(piece); });
  return bytes;
}

void save_model(const Model& model, const std::filesystem::path& file, std::int64_t external_above) {
  const auto& initializers = model.graph.initializers;
  Outside outside(initializers.size());
  std::optional<NewFile> data;
  const std::string location = file.filename().string() + ".data";
  for (std::size_t i = 0; i < initializers.size() && external_above >= 0; ++i) {
    const Tensor& t = *model.graph[initializers[i]].initializer;
    if (t.is_string() || static_cast<std::int64_t>(t.raw().size()) <= external_above) continue;
    if (!data) data.emplace(file.parent_path() / location);
    data->pad_to(4096);  // so that a reader can map it
    outside[i] = {location, data->size(), static_cast<std::int64_t>(t.raw().size())};
    data->append(t.raw());
  }
  const Pieces pieces = pieces_of(model, outside);
  NewFile goal(file);
  pieces.each([&](std::string_view piece) { goal.append(piece); });
  if (data) data->finish();
  try {
    goal.finish();
  } catch (const UserError&) {  // data that no model refers to
    if (data) std::filesystem::remove(file.parent_path() / location);
    throw;
  }
}

Model parse_text(std::string_view text) {
  onnx::ModelProto m;
  std::string wrong;
  try {
    onnx::OnnxParser parser(text);
    const auto status = parser.Parse(m);
    if (!status.IsOK())
      wrong = status.ErrorMessage();
    else if (!parser.EndOfInput())
      wrong = "there is more text after the model " + parser.GetCurrentPos();
  } catch (const std::exception& e) {
    wrong = e.what();
  }
  if (!wrong.empty()) throw UserError("ONNX text: " + one_line(wrong));
  return told_of("ONNX text", m, nullptr);
}

std::string to_text(const Model& model) {
  onnx::ModelProto m;
  proto::write_model(model, &m);
  try {
    return onnx::ProtoToString(m);
  } catch (const std::exception& e) {
    throw UserError(std::string("the model has no text form: ") + one_line(e.what()));
  }
}

Tensor load_tensor(const std::filesystem::path& file) {
  onnx::TensorProto t;
  parse_file(file, &t, "tensor");
  // Sequences and optionals use the same numbers for other fields: their name comes first and their content
  // lands in `segment`. A tensor's dimensions are never written as one string of bytes.
  char first = 0;
  std::ifstream(file, std::ios::binary).get(first);
  const bool named = first == static_cast<char>(tag(onnx::SequenceProto::kNameFieldNumber));
  try {
    if (named || t.has_segment() || t.data_type() == 0 || !t.GetReflection()->GetUnknownFields(t).empty())
      throw UserError("is no tensor (a sequence, a map or an optional?)");
    t.clear_name();
    return proto::read_tensor(t, nullptr);
  } catch (const UserError& e) {
    throw UserError(file.string() + ": " + e.what());
  }
}

void save_tensor(const Tensor& tensor, std::string_view name, const std::filesystem::path& file) {
  onnx::TensorProto t;
  proto::write_tensor(tensor, &t);
  t.set_name(std::string(name));
  if (t.ByteSizeLong() > INT_MAX)
    throw UserError(file.string() + ": the tensor is beyond protobuf's limit of 2 GB");
  NewFile goal(file);
  goal.append(t.SerializeAsString());
  goal.finish();
}

void save_case(const Case& c, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  save_model(c.model, folder / "model.onnx");
  const auto save_inputs = [&](const Inputs& inputs, std::size_t set) {
    const std::filesystem::path data = folder / ("test_data_set_" + std::to_string(set));
    std::filesystem::create_directories(data);
    int i = 0;
    for (ValueId v : c.model.graph.inputs) {
      const Value& value = c.model.graph[v];
      const std::filesystem::path file = data / ("input_" + std::to_string(i++) + ".pb");
      if (const auto at = inputs.find(value.name); at != inputs.end())
        save_tensor(at->second, at->first, file);
      else if (value.initializer)  // its default: files stand for inputs by their numbers
        save_tensor(*value.initializer, value.name, file);
    }
  };
  save_inputs(c.inputs, 0);
  for (std::size_t b = 0; b < c.bindings.size(); ++b) save_inputs(c.bindings[b], b + 1);
}

namespace {

constexpr std::string_view kFragile[] = {"EyeLike",     "LabelEncoder", "RegexFullMatch",
                                         "StringSplit", "StringConcat", "StringNormalizer"};

// onnx's shape inference of a whole model. Those of some operators die where their input's type is unknown:
// they go last, and only where it is known.
void infer_in_turn(onnx::ModelProto& m, const onnx::ShapeInferenceOptions& options) {
  const auto infer = [&] {
    onnx::shape_inference::InferShapes(m, onnx::OpSchemaRegistry::Instance(), options);
  };
  std::vector<std::pair<onnx::NodeProto*, std::string>> later;
  for (onnx::NodeProto& n : *m.mutable_graph()->mutable_node())
    if (std::find(std::begin(kFragile), std::end(kFragile), n.op_type()) != std::end(kFragile))
      later.emplace_back(&n, n.domain());
  if (!later.empty()) {
    onnx::OperatorSetIdProto& unknown = *m.add_opset_import();
    unknown.set_domain("mobster.later");
    unknown.set_version(1);
  }
  for (const auto& [n, domain] : later) n->set_domain("mobster.later");
  infer();
  for (const auto& [n, domain] : later) {
    if (n->input_size() == 0 || !has_type(m.graph(), n->input(0))) continue;
    n->set_domain(domain);
    infer();
  }
}

}  // namespace

std::string check_model(const Model& model) {
  try {
    onnx::ModelProto m;
    proto::write_model(model, &m);
    onnx::checker::check_model(m, /*full_check=*/false);
    // The second half of a full check, done here so that it may work in place.
    infer_in_turn(m, onnx::ShapeInferenceOptions(true, 1, false));
    return {};
  } catch (const std::exception& e) {
    const std::string message = one_line(e.what());
    return message.empty() ? "the checker failed without a word" : message;
  }
}

Model infer_shapes(const Model& model) {
  if (!enough_inputs(model.graph, model)) return model;
  Model out = model;
  try {
    onnx::ModelProto m;
    // Inference reads the values of shapes, axes and the like, never of large tensors.
    proto::write_model(model, &m, {.data_up_to = 1 << 20});
    infer_in_turn(m, onnx::ShapeInferenceOptions(false, 0, true));
    take_types(m.graph(), &out.graph);
  } catch (const std::exception&) {
    return model;
  }
  return out;
}

}  // namespace mob
