// Tensors and their types.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "fuzzer/graph/dtype.h"

namespace mob {

// Known dimensions of one tensor; [] is a scalar.
using Dims = std::vector<std::int64_t>;

// Product of the dimensions; 1 for a scalar, 0 where one is empty. Throws UserError on overflow of int64.
std::int64_t element_count(const Dims& dims);

// Element type and known dimensions.
struct ArrayType {
  DType dtype = DType::kUndefined;
  Dims dims;
  bool operator==(const ArrayType&) const = default;
  std::int64_t count() const { return element_count(dims); }
  std::size_t rank() const { return dims.size(); }
};
std::string show(const ArrayType& t);  // "float[2,3]"

// One dimension of a declared type: a number, a symbol, or nothing known (`value` < 0 and no symbol).
struct Dim {
  std::int64_t value = -1;
  std::string symbol;
  std::string denotation;
  bool operator==(const Dim&) const = default;
};

// Declared type of a tensor value: without shape, even the rank is unknown.
struct TensorType {
  DType dtype = DType::kUndefined;
  std::optional<std::vector<Dim>> shape;
  bool operator==(const TensorType&) const = default;
};
TensorType declared(const ArrayType& t);
std::string show(const TensorType& t);

// Where the bytes of a tensor lie when they are not in the model's file (ONNX "external data").
struct ExternalData {
  std::string location;  // relative to the model's folder
  std::int64_t offset = 0;
  std::int64_t length = -1;  // -1: up to the end of the file
};

// An immutable tensor; copies share the bytes. Elements lie in ONNX's raw form (row-major, little-endian,
// types narrower than a byte as a stream of bits, the first in the lowest); strings in a vector.
class Tensor {
 public:
  Tensor() = default;
  // Raw bytes of exactly the size that the type asks for; throws UserError otherwise.
  Tensor(ArrayType type, std::string raw);
  Tensor(Dims dims, std::vector<std::string> strings);

  // From values, converted (rounded, wrapped) to `dtype`. Sizes must match.
  static Tensor of(DType dtype, Dims dims, const std::vector<double>& values);
  static Tensor of_ints(DType dtype, Dims dims, const std::vector<std::int64_t>& values);
  static Tensor ints(const std::vector<std::int64_t>& values);  // int64, 1-D
  static Tensor scalar(DType dtype, double value);

  const ArrayType& type() const { return type_; }
  DType dtype() const { return type_.dtype; }
  const Dims& dims() const { return type_.dims; }
  std::int64_t count() const { return type_.count(); }

  std::string_view raw() const { return raw_ ? std::string_view(*raw_) : std::string_view(); }
  const std::vector<std::string>& strings() const;
  bool is_string() const { return type_.dtype == DType::kString; }

  // One element as a number: floats exactly (float16 and narrower decoded), integers and bools as int64
  // (uint64 by its bit pattern), of a complex number the real part. Not for strings.
  double real_at(std::int64_t i) const;
  std::int64_t int_at(std::int64_t i) const;
  std::vector<double> reals() const;
  std::vector<std::int64_t> ints_vector() const;

  // Equal type and equal bytes.
  bool identical(const Tensor& o) const;

  // The fields of TensorProto that carry no value: kept for the round trip.
  std::string doc;
  std::optional<ExternalData> external;  // where the bytes were read from; raw() has them all the same
  std::string residue;                   // serialized rest (segment, unknown fields)

 private:
  ArrayType type_;
  std::shared_ptr<const std::string> raw_;
  std::shared_ptr<const std::vector<std::string>> strings_;
};

// Bytes that raw data of this type takes. Throws UserError on overflow.
std::int64_t raw_size(const ArrayType& t);

}  // namespace mob
