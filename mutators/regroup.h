// Another form of the same calculation, which rounds in other places: tried out before it counts.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mutators/rewrites.h"

namespace mob::mutators {

// A form under construction, to stand in the place of one node. What it appends is evaluated at once; values
// that come from earlier rewrites of the same mutant are not known, and make a form impossible.
class Regroup {
 public:
  // `facts_end`: the first value that the facts do not know of.
  // `dry`: nothing stays, but it is told whether it could.
  Regroup(Case& c, const Facts& f, ValueId facts_end, int root, Choices& choices, bool dry);

  const Node& root() const { return node_at(root_); }
  // The node that makes a value, where it is of this operator; else null.
  const Node* maker(ValueId v, std::string_view op) const;
  bool known(ValueId v) const { return v != kNoValue && value(v) != nullptr; }
  // Whether the sizes that are known are those of every run.
  bool fixed() const { return fixed_sizes(c_); }
  // What the value holds if it is a constant that no caller can change.
  std::optional<Tensor> constant_of(ValueId v) const { return fixed_content(c_, v); }
  const ArrayType& type(ValueId v) const { return value(v)->type; }
  const Expected* value(ValueId v) const;

  // Appends a node. kNoValue where that is not valid, or one of the inputs is kNoValue.
  ValueId node(std::string op, std::vector<ValueId> inputs, std::vector<Attribute> attributes = {});
  ValueId leaf(Tensor t);
  // The value; where a fault is planted, a constant that holds other elements.
  ValueId bent(ValueId v);

  // Lets the last node take the place of `root`, if that is sound: of the same type, nothing on the way or
  // in the node's own inputs and outputs overflows or comes near it (a reordered sum could, which is no
  // rounding), and no zero has another sign. Else everything is as it was before.
  bool commit(ValueId last);

 private:
  const Node& node_at(int n) const { return c_.model.graph.nodes[static_cast<std::size_t>(n)]; }
  bool sound(ValueId last) const;
  void undo();

  Case& c_;
  const Facts& f_;
  ValueId facts_end_;
  int root_;
  Choices& choices_;
  bool dry_;
  std::size_t nodes_, values_, initializers_;  // that were there before
  std::map<ValueId, std::shared_ptr<const Expected>> made_;
};

// Whether sums and products of this type may be regrouped: floating point, and integers that wrap.
bool regroups(DType t);

// Applies the first of the forms that works, drawn in any order, to each of the drawn nodes. Nodes are left
// out whose output a shape hangs on. Empty where nothing was changed.
using Form = bool (*)(Regroup&);
std::optional<Promise> regroup(Case& c, const Facts& f, Choices& choices, const std::vector<Form>& forms);

}  // namespace mob::mutators
