// Matching and rewriting of a few nodes, as fusions and their reverses do it.
//
// A rewriting never changes a node: it adds nodes and lets their outputs take the place of an old node's,
// with its names. So every value means what it meant before, and places may overlap.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "mutators/certain.h"

namespace mob::mutators {

// Whether an element of this type can hold the number exactly.
bool holds_exactly(DType t, double x);

// Attributes, in short.
inline Attribute attribute(std::string name, AttributeValue value) {
  return {.name = std::move(name), .value = std::move(value), .reference = "", .residue = ""};
}

// Appends nodes in the form that they have at the model's opset.
class Writer {
 public:
  // Constants are initializers or Constant nodes, as drawn; initializers only where there is no `rng`.
  explicit Writer(Case& c, Rng* rng = nullptr) : c_(c), rng_(rng) {}

  std::int64_t opset() const { return c_.model.opset(); }
  ValueId op(std::string name, std::vector<ValueId> inputs, std::vector<Attribute> attributes = {}) {
    return append(c_, std::move(name), std::move(inputs), std::move(attributes)).front();
  }
  std::vector<ValueId> ops(std::string name, std::vector<ValueId> inputs, std::size_t outputs,
                           std::vector<Attribute> attributes = {}) {
    return append(c_, std::move(name), std::move(inputs), std::move(attributes), outputs);
  }

  ValueId leaf(Tensor t);
  ValueId ints(const std::vector<std::int64_t>& list) { return leaf(Tensor::ints(list)); }
  ValueId scalar(DType t, double x) { return leaf(Tensor::scalar(t, x)); }

  // Axes, and what else moved from attributes to inputs. Axes are not negative.
  ValueId reduce(const std::string& name, ValueId x, const std::vector<std::int64_t>& axes, bool keepdims);
  ValueId reshape(ValueId x, const Dims& dims) { return op("Reshape", {x, ints(dims)}); }
  ValueId transpose(ValueId x, const std::vector<std::int64_t>& perm) {
    return op("Transpose", {x}, {attribute("perm", perm)});
  }
  ValueId slice(ValueId x, const std::vector<std::int64_t>& starts, const std::vector<std::int64_t>& ends,
                const std::vector<std::int64_t>& axes, const std::vector<std::int64_t>& steps = {});
  ValueId concat(std::vector<ValueId> parts, std::int64_t axis) {
    return op("Concat", std::move(parts), {attribute("axis", axis)});
  }
  // `name` is Squeeze or Unsqueeze.
  ValueId squeeze(const std::string& name, ValueId x, const std::vector<std::int64_t>& axes);
  ValueId pad(ValueId x, const std::vector<std::int64_t>& pads, DType t, double value);
  ValueId cast(ValueId x, DType to) { return op("Cast", {x}, {attribute("to", std::int64_t(to))}); }
  std::vector<ValueId> split(ValueId x, const std::vector<std::int64_t>& sizes, std::int64_t axis);

 private:
  Case& c_;
  Rng* rng_;
};

class Rewriting : public Writer {
 public:
  // `c` is the draft of the case that `f` knows.
  Rewriting(Case& c, const Facts& f, Choices& choices);

  // --- Reading the case as it was.
  const Case& parent() const { return c_; }
  const Facts& facts() const { return f_; }
  Choices& choices() const { return choices_; }
  bool fixed() const { return fixed_; }
  std::size_t node_count() const { return nodes_; }
  // A copy, since nodes move when others are added.
  Node node(std::size_t i) const { return c_.model.graph.nodes[i]; }
  // The standard node of this operator whose first output the value is.
  std::optional<Node> maker(ValueId v, std::string_view op) const;
  const ArrayType& type(ValueId v) const { return f_.type(v); }
  std::optional<Tensor> constant(ValueId v) const { return fixed_content(c_, v); }
  // The element of a constant that has one only, of a rank not above `most_rank`.
  std::optional<double> number(ValueId v, std::size_t most_rank = 0) const;
  std::optional<std::vector<std::int64_t>> int_list(ValueId v) const;  // of a constant of integers
  // Axes given as an attribute or as a constant input (slot 1), none negative; empty where they are not known
  // or left out.
  std::optional<std::vector<std::int64_t>> axes(const Node& n, std::size_t rank) const;

  // --- Writing.
  // `made[i]` takes the place of the old node's output i (kNoValue where it has none); `old` may stand for
  // some nodes, with the outputs of all. False, with all that was added since the last call taken back,
  // where a node added is no valid ONNX, draws random numbers, or gives a value of another type.
  bool replace(const Node& old, std::vector<ValueId> made);

  // Takes away nodes that nobody reads any more. `counts` tells, by operator, how many more (or fewer) there
  // are after each replacement. Nothing where none was made, or where a graph input is read no more.
  struct Count {
    std::string op;
    std::int64_t each;
  };
  std::optional<Promise> finish(const std::vector<Count>& counts = {});

 private:
  using Known = std::map<ValueId, std::shared_ptr<const Expected>>;
  const Expected* value(const Known& fresh, ValueId v) const;
  bool evaluate_new(Known& fresh) const;
  ValueId stand_in(const Known& fresh, ValueId made);
  void take_over(ValueId old, ValueId made);
  void sweep();
  bool keeps_inputs() const;

  Case& c_;
  const Facts& f_;
  Choices& choices_;
  std::size_t nodes_, values_;  // of the case as it was
  std::size_t mark_;            // nodes of replacements that were made
  bool fixed_;
  std::map<std::string, std::int64_t> before_;  // nodes by operator
  std::set<std::size_t> dead_;
  std::int64_t done_ = 0;
};

// The body of most fusions: `match` tells what it needs of a node (in a Site, which holds the node as `old`),
// `write` adds what takes its place and returns its values, or none where it cannot be. Both may be lambdas
// without capture.
template <class Match, class Write>
std::optional<Promise> rewrite(Case& c, const Facts& f, Choices& choices, Match match, Write write,
                               const std::vector<Rewriting::Count>& counts = {}) {
  Rewriting r(c, f, choices);
  std::vector<typename decltype(match(r, Node{}))::value_type> sites;
  for (std::size_t i = 0; i < r.node_count(); ++i)
    if (const Node n = r.node(i); n.domain.empty())
      if (auto site = match(r, n)) sites.push_back(std::move(*site));
  if (sites.empty()) return std::nullopt;
  for (const auto& site : choices.places(std::move(sites))) {
    std::vector<ValueId> made = write(r, site);
    r.replace(site.old, std::move(made));
  }
  return r.finish(counts);
}

}  // namespace mob::mutators
