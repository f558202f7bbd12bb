// What rewrites share: places in a graph, and nodes put behind and around what stands there.
#pragma once

#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mutators/certain.h"
#include "mutators/edit.h"

namespace mob::mutators {

using Ints = std::vector<std::int64_t>;

// Whether the operator, in its form at the model's opset, takes inputs of these types.
bool takes(const Case& c, std::string_view op, std::initializer_list<DType> types);

// Whether the node draws random numbers: then it must stay the one node that it is.
bool draws_random(const Facts& f, const Node& n);

// How an operator works element by element.
enum class Elementwise : std::uint8_t {
  kNo,
  kUnary,      // on its first input; the others are parameters. Its only output has the same dimensions.
  kBroadcast,  // on all its inputs, broadcast against each other
};
Elementwise elementwise(const Facts& f, const Node& n);

// The axes of a reduction, ascending and not negative, as its attribute or a constant gives them; all of
// them where none are given. Empty where they are not constant, or where no axes mean no reduction.
std::optional<Ints> reduced_axes(const Case& c, const Facts& f, const Node& n);

// By value: whether a shape hangs on what it holds. In floating point it must stay exact, then: a bound
// around it would leave the shape open.
std::vector<bool> shaping(const Case& c, const Facts& f);

// Values that something may be put behind: known, and read by a node (of a computed one: by anything).
std::vector<ValueId> values_with_readers(const Case& c, const Facts& f);
// The first of these places, as many as a model has room for that gains `nodes` more at each: larger models
// are none that `plain` takes.
template <class T>
std::vector<T> with_room(const Case& c, std::vector<T> places, std::size_t nodes) {
  const std::size_t have = c.model.graph.nodes.size();
  const std::size_t room = have >= kMaxNodes ? 0 : (kMaxNodes - have) / nodes;
  if (places.size() > room) places.resize(room);
  return places;
}

// --- Building.

// Appends a node with one output, and returns that.
ValueId one(Case& c, std::string op, std::vector<ValueId> inputs, std::vector<Attribute> attributes = {});
// A constant: an initializer or a Constant node.
ValueId constant(Case& c, Tensor t, Choices& choices);
inline ValueId constant(Case& c, const Ints& values, Choices& choices) {
  return constant(c, Tensor::ints(values), choices);
}
// Appends Squeeze or Unsqueeze, its axes (none negative) an attribute or a constant as the opset has it.
ValueId along_axes(Case& c, std::string op, ValueId v, const Ints& axes, Choices& choices);
// A scalar of a number or bool type; whole where the type is.
Tensor scalar_of(DType t, double x);

// The slices of a value along an axis that have these sizes, by Split.
std::vector<ValueId> split(Case& c, ValueId v, std::int64_t axis, const Ints& sizes, Choices& choices);

using Make = std::function<ValueId(ValueId)>;  // appends nodes that read a value; the last makes the result

// What a node makes passes through `make` before anything reads it; names stay.
void pass_output(Case& c, int node, std::size_t slot, const Make& make);
// The readers of a value read `make(v)` instead: all (graph outputs as well, where the value is computed), or
// one of its nodes.
void put_behind(Case& c, const Facts& f, ValueId v, bool all_readers, Choices& choices, const Make& make);

// The elements made others; of bools and numbers.
Tensor bent_tensor(const Tensor& t);
// The value itself; where a fault is planted, a constant of its type that holds other elements.
ValueId bent_value(Case& c, const Facts& f, ValueId v, Choices& choices);
// Lets one node read a bent value: the fault of mutators that calculate nothing. Values from `facts_end` on
// are new, and the facts do not know of them.
void maybe_misread(Case& c, const Facts& f, Choices& choices,
                   ValueId facts_end = std::numeric_limits<ValueId>::max());

}  // namespace mob::mutators
