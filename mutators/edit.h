// What mutators share: facts of a case, and edits of its leaves and nodes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzzer/base/check.h"
#include "fuzzer/generator/builder.h"
#include "fuzzer/ops/op_spec.h"
#include "fuzzer/reference/reference.h"
#include "mutators/mutator.h"

namespace mob::mutators {

// Of a graph that we work on.
inline constexpr std::size_t kMaxNodes = 2000;

// Whether we can work on the case: not too large, every operator known, no nested graphs, no strings, nothing
// but tensors.
bool plain(const Case& c);

// Where a value is read: slot of a node, or (node < 0) the index of a graph output.
struct Use {
  int node;
  int slot;
};

// Evaluates a node whose inputs are known, after checking it against its schema. Empty where it is not valid
// ONNX or cannot be evaluated, or where `support` says that the system refuses it.
std::optional<NodeResult> try_node(const Model& model, const Node& node,
                                   std::span<const Expected* const> inputs, const Support* support = nullptr);

// Facts of a case as it stands. Values behind a node that is not valid are unknown.
class Facts {
 public:
  explicit Facts(const Case& c, const Support* support = nullptr);

  const Expected* value(ValueId v) const { return v == kNoValue ? nullptr : at(values_, v).get(); }
  bool known(ValueId v) const { return value(v) != nullptr; }
  const ArrayType& type(ValueId v) const { return value(v)->type; }  // of a known one
  int producer(ValueId v) const { return at(producers_, v); }
  const std::vector<Use>& uses(ValueId v) const { return at(uses_, v); }
  // Leaves (see below) that are read, and node outputs but those of constants.
  const std::vector<ValueId>& leaves() const { return leaves_; }
  const std::vector<ValueId>& computed() const { return computed_; }
  // Whether node n reads what node `from` makes, directly or not.
  bool depends(int n, int from) const;

  // Of settle: nodes in order, whether all of them are valid.
  const std::vector<int>& order() const { return order_; }
  bool valid() const { return valid_; }
  std::size_t unspecified() const { return unspecified_; }

 private:
  template <class T>
  static const T& at(const std::vector<T>& list, ValueId v) {
    return list[static_cast<std::size_t>(v)];
  }
  const Case& c_;
  std::vector<std::shared_ptr<const Expected>> values_;
  std::vector<int> producers_;
  std::vector<std::vector<Use>> uses_;
  std::vector<ValueId> leaves_, computed_;
  std::vector<int> order_;
  bool valid_ = true;
  std::size_t unspecified_ = 0;
};

// Facts of a case on which every node is valid; empty of any other.
std::optional<Facts> facts_of(const Case& c);

// --- Leaves: graph inputs, initializers and outputs of Constant nodes.

// What a leaf holds; empty where the value is no leaf (or a Constant of strings or of a sparse tensor).
std::optional<Tensor> content(const Case& c, ValueId v);
// The same of a constant that no caller can replace: an initializer that is no graph input, a Constant node.
std::optional<Tensor> fixed_content(const Case& c, ValueId v);
void set_content(Case& c, ValueId v, Tensor t);
// How a leaf stands in the model (never kComputed).
Constness constness(const Case& c, ValueId v);
ValueId add_leaf(Case& c, Tensor t, Constness how);
Constness draw_constness(Rng& rng);  // of a fresh parameter

// Lets a use read another value.
void set_use(Case& c, const Use& use, ValueId v);
// Now and then a leaf that several nodes read is split first, so that only one of them sees the change.
// Returns the leaf to be changed.
ValueId maybe_split(Case& c, const Facts& f, ValueId leaf, Rng& rng);

// --- Values.

// The elements, of which there are some, repeated or cut to these dimensions. Throws UserError where they
// become too many.
Tensor repeated(const Tensor& t, const Dims& dims);
// The same; random where there are none.
Tensor stretched(const Tensor& t, const Dims& dims, Rng& rng);
// Converted to another type, rounded and wrapped.
Tensor converted(const Tensor& t, DType to);

// --- Nodes.

// Appends a node named freshly and returns its outputs.
std::vector<ValueId> append(Case& c, std::string op, std::vector<ValueId> inputs,
                            std::vector<Attribute> attributes = {}, std::size_t outputs = 1,
                            std::string domain = {});
// Appends Squeeze or Unsqueeze along one axis, in the form of the model's opset.
ValueId append_along(Case& c, std::string op, ValueId v, std::int64_t axis, Rng& rng);
// Makes a value a graph output where it is none.
void expose(Case& c, ValueId v);
// A value that lost a reader: if nobody reads it now, it becomes a graph output, or what made it goes.
void orphaned(Case& c, ValueId v, Rng& rng);
// Removes nodes that no graph output depends on, of those that `v` depends on.
void remove_dead(Case& c, ValueId v);

// Whether an attribute of this name holds a type (TensorProto.DataType) as a number.
bool names_type(std::string_view attribute);

// Schema of a node at the model's opset. Null where there is none.
const Schema* form_of(const Model& model, const Node& node);
// Parameter of an input or output slot; null beyond the last.
const Parameter* parameter(const std::vector<Parameter>& list, std::size_t slot);
// Slot of the input parameter of this name, or -1.
int slot_of(const Schema& form, std::string_view parameter_name);

template <class T>
std::optional<T> maybe_pick(const std::vector<T>& list, Rng& rng) {
  if (list.empty()) return std::nullopt;
  return rng.pick(list);
}

// The body of every mutator of family kChange: `change` says whether it changed the case, of which the facts
// tell what it was before.
using Recomputed = bool (*)(Case&, const Facts&, Rng&);
std::optional<Promise> recompute(Case& c, Choices& choices, Recomputed change);
template <Recomputed change>
std::optional<Promise> recompute(Case& c, Choices& choices) {
  return recompute(c, choices, change);
}

// The body of a mutator that keeps what it promises; `change` as above. Cases that are not valid, or of which
// not everything is known, are left alone.
using Kept = std::optional<Promise> (*)(Case&, const Facts&, Choices&);
std::optional<Promise> kept(Case& c, Choices& choices, Kept change);
template <Kept change>
std::optional<Promise> kept(Case& c, Choices& choices) {
  return kept(c, choices, change);
}

}  // namespace mob::mutators
