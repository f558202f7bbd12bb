// What the reference knows of one tensor: for each element a value and a bound.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "fuzzer/graph/tensor.h"
#include "fuzzer/ops/approx.h"

namespace mob {

// Floating-point elements. `e` has the size of `v`; infinity marks an open element.
template <class R>
struct Reals {
  std::vector<R> v;
  std::vector<R> e;

  void resize(std::size_t n) {
    v.resize(n);
    e.resize(n);
  }
  Approx<R> operator[](std::size_t i) const { return {v[i], e[i]}; }
  void set(std::size_t i, Approx<R> x) {
    v[i] = x.v;
    e[i] = x.e;
  }
};

// Integers and bools (0, 1), exact; uint64 by its bit pattern. `e` is empty when every element is decided,
// else the largest distance that a correct kernel's result may have; kOpen marks an open element. Of a bool,
// any bound above 0 means open.
struct Ints {
  static constexpr std::int64_t kOpen = std::numeric_limits<std::int64_t>::max();
  std::vector<std::int64_t> v;
  std::vector<std::int64_t> e;

  std::int64_t bound(std::size_t i) const { return e.empty() ? 0 : e[i]; }
  void set_bound(std::size_t i, std::int64_t b) {
    if (b != 0 && e.empty()) e.assign(v.size(), 0);
    if (!e.empty()) e[i] = b;
  }
};

// The reference has no answer for this (a type or mode that is not covered). A reason to skip.
struct Unsupported : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using Strings = std::vector<std::string>;

// What quantization knows of a tensor beside its numbers: known limits of integer kernels are judged by it.
// It exists only where an evaluation allows for them (Arithmetic, op_spec.h). One entry per element, so that
// operators which move elements carry it along.
struct Origin {
  // Output of DequantizeLinear: v = (q - zero) * scale. Empty elsewhere.
  DType quantized = DType::kUndefined;
  std::vector<std::int64_t> q;
  std::vector<std::int64_t> zero;
  std::vector<double> scale;

  // Output of QuantizeLinear and of the DequantizeLinear behind it: the pairs passed so far, with nothing
  // between them. Empty where there is no such pair.
  struct Chain {
    double low, high;  // the number that the first pair was given, saturated by all of them
    double step;       // largest of their scales
  };
  std::vector<Chain> chain;
  int pairs = 0;

  // Output of Softmax over a dequantized tensor.
  bool softmax = false;
};

struct Expected {
  ArrayType type;
  // double elements are held as long double, every other floating-point type as double.
  std::variant<Reals<double>, Reals<long double>, Ints, Strings> data;
  std::shared_ptr<const Origin> origin;  // null, but see there
  // A sequence of tensors: then `type` is undefined and `data` empty. Null elsewhere.
  std::shared_ptr<const std::vector<std::shared_ptr<const Expected>>> elements;

  Expected() = default;
  // All elements zero and exact. Throws Unsupported for types that are no numbers (complex).
  explicit Expected(ArrayType t);

  std::size_t count() const;
  bool holds_reals() const { return data.index() <= 1; }
  bool holds_ints() const { return data.index() == 2; }
  Ints& ints() { return std::get<Ints>(data); }
  const Ints& ints() const { return std::get<Ints>(data); }

  // Element i as a double with a double bound; uint64 beyond 2^63 correctly. Not for strings.
  double value_at(std::size_t i) const;
  double bound_at(std::size_t i) const;
  bool open_at(std::size_t i) const;
};

// A given tensor, every element exact.
Expected exact(const Tensor& tensor);

// The nearest tensor (for planting errors, for saving expected outputs): values rounded to the type.
Tensor rounded(const Expected& expected);

// Calls f(R{}) with the type in which elements of `t` are calculated: long double for double, else double.
template <class F>
decltype(auto) with_reals(DType t, F&& f) {
  if (t == DType::kDouble) return f(static_cast<long double>(0));
  return f(static_cast<double>(0));
}

}  // namespace mob
