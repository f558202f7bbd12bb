// TensorProto to Tensor and back, with typed fields and external data.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/graph/proto.h"

namespace mob::proto {
namespace {

// Elements of a repeated field as raw data, each cut to its low `bytes` bytes (little-endian).
template <class Field>
std::string packed(const Field& field, std::size_t bytes) {
  std::string raw(static_cast<std::size_t>(field.size()) * bytes, '\0');
  if (bytes == sizeof(*field.data())) {
    if (!raw.empty()) std::memcpy(raw.data(), field.data(), raw.size());
    return raw;
  }
  char* at = raw.data();
  for (const auto& x : field) {
    std::memcpy(at, &x, bytes);
    at += bytes;
  }
  return raw;
}

// float6 is the one narrow type of which int32_data holds single elements; of the others it holds bytes.
std::string packed_six_bits(const google::protobuf::RepeatedField<std::int32_t>& field) {
  std::string raw((static_cast<std::size_t>(field.size()) * 6 + 7) / 8, '\0');
  std::size_t bit = 0;
  for (std::int32_t x : field)
    for (int b = 0; b < 6; ++b, ++bit)
      if (x >> b & 1) raw[bit / 8] = static_cast<char>(raw[bit / 8] | 1 << bit % 8);
  return raw;
}

std::int64_t number_in(const std::string& text, const char* what) {
  std::int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size() || n < 0)
    throw UserError(std::string("its external data have the ") + what + " '" + one_line(text, 40) + "'");
  return n;
}

std::string bytes_of_file(const std::filesystem::path& file, std::int64_t offset, std::int64_t length) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    throw UserError("its external data cannot be read: " + file.string() + ": " + std::strerror(errno));
  struct stat s = {};
  const bool known = ::fstat(fd, &s) == 0 && S_ISREG(s.st_mode);
  if (!known || offset > s.st_size || length > s.st_size - offset) {
    ::close(fd);
    throw UserError("its external data should be bytes " + std::to_string(offset) + " to " +
                    std::to_string(offset + length) + " of " + file.string() +
                    (known ? ", which has " + std::to_string(s.st_size) : ", which is no file"));
  }
  std::string bytes(static_cast<std::size_t>(length), '\0');
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t n =
        ::pread(fd, bytes.data() + have, bytes.size() - have, offset + static_cast<off_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    have += static_cast<std::size_t>(n);
  }
  ::close(fd);
  if (have < bytes.size()) throw UserError("its external data cannot be read: " + file.string());
  return bytes;
}

}  // namespace

DType known_dtype(int number) {
  return number > 0 && number < kDTypeCount ? static_cast<DType>(number) : DType::kUndefined;
}

std::string take_raw(onnx::TensorProto& t, DType dtype) {
  const bool typed = t.float_data_size() || t.int32_data_size() || t.int64_data_size() ||
                     t.double_data_size() || t.uint64_data_size();
  std::string raw;
  if (t.has_raw_data() && !(t.raw_data().empty() && typed)) {
    raw = std::move(*t.mutable_raw_data());
    t.clear_raw_data();
    return raw;
  }
  const auto width = static_cast<std::size_t>(bits(dtype) / 8);
  switch (dtype) {
    case DType::kFloat:
    case DType::kComplex64:
      raw = packed(t.float_data(), 4);
      t.clear_float_data();
      break;
    case DType::kDouble:
    case DType::kComplex128:
      raw = packed(t.double_data(), 8);
      t.clear_double_data();
      break;
    case DType::kInt64:
      raw = packed(t.int64_data(), 8);
      t.clear_int64_data();
      break;
    case DType::kUint32:
    case DType::kUint64:
      raw = packed(t.uint64_data(), width);
      t.clear_uint64_data();
      break;
    case DType::kFloat6E2M3:
    case DType::kFloat6E3M2:
      raw = packed_six_bits(t.int32_data());
      t.clear_int32_data();
      break;
    default:
      raw = packed(t.int32_data(), width == 0 ? 1 : width);
      t.clear_int32_data();
  }
  t.clear_raw_data();
  return raw;
}

std::string read_external(const onnx::TensorProto& t, const ArrayType& type, Folder folder,
                          ExternalData* where) {
  *where = {};
  for (const auto& entry : t.external_data()) {
    if (entry.key() == "location") where->location = entry.value();
    if (entry.key() == "offset") where->offset = number_in(entry.value(), "offset");
    if (entry.key() == "length") where->length = number_in(entry.value(), "length");
  }
  if (folder == nullptr) throw UserError("its data are external, and there is no folder to look for them");
  const std::filesystem::path location = std::filesystem::path(where->location).lexically_normal();
  if (location.empty() || location.is_absolute() || *location.begin() == ".." || location == "." ||
      location.filename().empty())
    throw UserError("its external data have the location '" + one_line(where->location, 200) +
                    "', which is not inside the model's folder");
  const std::int64_t want = raw_size(type);
  if (where->length >= 0 && where->length != want)
    throw UserError("a tensor " + show(type) + " needs " + std::to_string(want) +
                    " bytes but its external data have the length " + std::to_string(where->length));
  return bytes_of_file(*folder / location, where->offset, want);
}

Tensor read_tensor(onnx::TensorProto& t, Folder folder) {
  ArrayType type{known_dtype(t.data_type()), Dims(t.dims().begin(), t.dims().end())};
  if (type.dtype == DType::kUndefined)
    throw UserError("its element type " + std::to_string(t.data_type()) + " is unknown");
  const std::int64_t count = type.count();
  Tensor tensor;
  if (t.data_location() == onnx::TensorProto::EXTERNAL) {
    if (type.dtype == DType::kString) throw UserError("its data are strings, which cannot be external");
    ExternalData where;
    std::string raw = read_external(t, type, folder, &where);
    tensor = Tensor(std::move(type), std::move(raw));
    tensor.external = std::move(where);
  } else if (type.dtype == DType::kString) {
    if (count != t.string_data_size())
      throw UserError("a tensor " + show(type) + " needs " + std::to_string(count) + " strings but has " +
                      std::to_string(t.string_data_size()));
    std::vector<std::string> strings;
    for (std::string& s : *t.mutable_string_data()) strings.push_back(std::move(s));
    t.clear_string_data();
    tensor = Tensor(std::move(type.dims), std::move(strings));
  } else {
    std::string raw = take_raw(t, type.dtype);
    tensor = Tensor(std::move(type), std::move(raw));
  }
  t.clear_dims();
  t.clear_data_type();
  // Saving decides anew where data go, so neither location nor checksum is kept.
  t.clear_data_location();
  t.clear_external_data();
  if (!t.doc_string().empty()) {
    tensor.doc = std::move(*t.mutable_doc_string());
    t.clear_doc_string();
  }
  tensor.residue = t.SerializeAsString();
  return tensor;
}

void write_tensor(const Tensor& from, onnx::TensorProto* to, bool with_data) {
  if (!from.residue.empty()) MOB_CHECK(to->ParseFromString(from.residue));
  for (std::int64_t d : from.dims()) to->add_dims(d);
  to->set_data_type(static_cast<int>(from.dtype()));
  if (!from.doc.empty()) to->set_doc_string(from.doc);
  if (!with_data) return;
  if (from.is_string()) {
    for (const std::string& s : from.strings()) to->add_string_data(s);
  } else if (!from.raw().empty()) {
    to->set_raw_data(from.raw().data(), from.raw().size());
  }
}

}  // namespace mob::proto
