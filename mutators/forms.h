// Operators and the simpler ones that say the same: one text for both directions, spelled out and found
// again.
#pragma once

#include <functional>
#include <span>

#include "mutators/pattern.h"

namespace mob::mutators {

// Writes the simpler form. To be found again, it is written once into a model of its own, in which
// `attribute` stands for any number.
class Sketch : public Writer {
 public:
  Sketch(Case& c, Rng* rng, ArrayType x, Node whole, std::set<std::string> free = {})
      : Writer(c, rng), x_(std::move(x)), whole_(std::move(whole)), free_(std::move(free)) {}

  const Node& whole() const { return whole_; }
  const ArrayType& x() const { return x_; }  // type of the first input
  std::int64_t rank() const { return static_cast<std::int64_t>(x_.rank()); }

  // A number, and a floating-point attribute of the whole as one: of the type of x, or of float.
  ValueId number(double v) { return scalar(x_.dtype, v); }
  ValueId number_of(bool as_float, double v) { return scalar(as_float ? DType::kFloat : x_.dtype, v); }
  ValueId attribute(const std::string& name, float fallback, bool as_float = false);
  const std::map<ValueId, std::string>& captured() const { return captured_; }

  ValueId clip(ValueId x, double low, double high);  // an infinite bound is none

 private:
  ArrayType x_;
  Node whole_;
  std::set<std::string> free_;
  std::map<ValueId, std::string> captured_;
};

struct Form {
  std::string_view op;     // the whole
  int since = 0;           // opset from which on the form is used
  std::size_t inputs = 1;  // of the whole, all of them given
  DTypeSet types = kFloats;
  bool any_size = false;  // it says nothing of sizes
  // Attributes that may have any value: those that `spell` asks for by `attribute`.
  std::vector<std::string> free = {};
  // The simpler form: its value, or kNoValue where the whole is not of this form.
  ValueId (*spell)(Sketch& s, std::span<const ValueId> in) = nullptr;
  // Further attributes with which the whole is looked for, given the type of its first input; null: none.
  std::vector<std::vector<Attribute>> (*variants)(const ArrayType& x) = nullptr;
};

// Bodies of mutators: what is one operator is spelled out; what is spelled out becomes one operator.
std::optional<Promise> unfuse_forms(Case& c, const Facts& f, Choices& choices, std::span<const Form> forms);
std::optional<Promise> fuse_forms(Case& c, const Facts& f, Choices& choices, std::span<const Form> forms);

// Tables of forms; both directions of each are mutators.
std::span<const Form> activation_forms();
std::span<const Form> gelu_forms();
std::span<const Form> layer_norm_forms();
std::span<const Form> rms_norm_forms();
std::span<const Form> softmax_forms();
std::span<const Form> reduction_forms();
std::span<const Form> norm_forms();
std::span<const Form> layout_forms();

}  // namespace mob::mutators
