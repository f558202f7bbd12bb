// The contract of a motif: the subgraph that an optimizer pass looks for, with the preconditions that the
// pass must check as named guards. One file per family in this folder, one line in all.def.
//
// A motif is drawn whole, or with one or two guards broken: still a valid model, on which the pass must keep
// its hands off (DESIGN.md, "Motif").
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuzzer/generator/builder.h"

namespace mob {

struct Guard {
  std::string_view name;  // "axis-last"
  std::string_view what;  // "the axis is the last one": true of the whole motif
};

class MotifBuilder;

struct Motif {
  std::string_view name;  // "layer-norm"
  // Passes and rewrite rules as the log names them, separated by ';'. Empty where no optimizer of the systems
  // is known to look for it.
  std::string_view aims_at;
  std::span<const Guard> guards;
  int since = 9;             // lowest opset at which it can be built
  int until = kNewestOpset;  // highest opset at which the passes take it up
  // Builds the subgraph; at least one `result`. Throws CannotDraft where the draws do not work out.
  void (*build)(MotifBuilder&);
};
using MotifFamily = std::span<const Motif>;

// Every motif in the order of all.def.
const std::vector<const Motif*>& all_motifs();
// The motif of a name, or null.
const Motif* find_motif(std::string_view name);

// Guards that every motif has, beside its own. MotifBuilder breaks them; build functions only have to go
// through it for leaves.
//   constant         every constant is one (else: one of them is a graph input, overridable or computed)
//   scalar-shape     scalars are [] (else: [1], [1,1] or, where it broadcasts, longer)
//   type             the type is float (else: double, float16, an integer: whatever the motif allows)
//   single-consumer  intermediate values have one consumer (else: another node reads one)
//   not-output       intermediate values are no graph outputs
std::span<const Guard> common_guards();

class MotifBuilder {
 public:
  // `broken` are names of guards of the motif or of common_guards(). `feeding`: inputs come out of random
  // neighbours now and then.
  MotifBuilder(Builder& builder, const Motif& motif, std::vector<std::string_view> broken, bool feeding);

  Builder& builder() { return builder_; }
  Rng& rng() { return builder_.rng(); }
  int opset() const { return builder_.opset(); }
  const ArrayType& type(ValueId v) const { return builder_.type(v); }
  const Dims& dims(ValueId v) const { return builder_.type(v).dims; }

  // Whether a guard is to be kept. The name must be one of the motif's own guards; a guard that is asked for
  // when it is broken counts as broken in this case. Ask only where the answer changes what is built.
  bool holds(std::string_view guard);
  bool breaks(std::string_view guard) { return !holds(guard); }

  // --- Leaves.
  // Element type of the motif: float, or one of `others` where the guard "type" is broken (float16, double
  // and integers make good near misses). Cut to types for which the system has the operator `op`, if given.
  DType dtype(DTypeSet others = {DType::kDouble, DType::kFloat16}, std::string_view op = "");
  // Random dimensions of this rank, each at least `least`; with `square`, all equal now and then (a wrong
  // rewrite of axes then still type-checks).
  Dims draw_dims(std::int64_t rank, std::int64_t least = 1, bool square = true);
  std::int64_t size(std::int64_t least = 1);
  // An activation: a graph input, the output of a random neighbour, now and then a constant.
  ValueId data(const ArrayType& type, const ValueRange& range = {});
  ValueId data(DType dtype, Dims dims, const ValueRange& range = {}) {
    return data(ArrayType{dtype, std::move(dims)}, range);
  }
  // A graph input of which these dimensions are symbols: passes that ask for known sizes keep off.
  ValueId open_input(const ArrayType& type, const std::vector<std::size_t>& axes,
                     const ValueRange& range = {});
  // What the pass wants constant: initializer or Constant node, or (guard "constant" broken) something else.
  ValueId constant(Tensor value);
  ValueId weight(DType dtype, Dims dims, const ValueRange& range = {});  // a constant of random values
  ValueId ints(const std::vector<std::int64_t>& values);                 // a constant int64 vector
  // A constant of one element: [] or (guard "scalar-shape" broken) of a longer shape that broadcasts the
  // same.
  ValueId scalar(DType dtype, double value);

  // --- Nodes. All throw CannotDraft where the node cannot be.
  ValueId op(std::string_view op_type, std::vector<ValueId> inputs, std::vector<Attribute> attributes = {});
  std::vector<ValueId> ops(std::string_view op_type, std::vector<ValueId> inputs,
                           std::vector<Attribute> attributes, std::size_t outputs,
                           std::string_view domain = "");
  // A commutative operator, operands in random order.
  ValueId commutative(std::string_view op_type, ValueId a, ValueId b);
  // Operators whose parameters moved between attributes and inputs over the opsets.
  ValueId reduce(std::string_view op_type, ValueId x, const std::vector<std::int64_t>& axes, bool keepdims);
  ValueId squeeze(ValueId x, const std::vector<std::int64_t>& axes);
  ValueId unsqueeze(ValueId x, const std::vector<std::int64_t>& axes);
  ValueId transpose(ValueId x, std::vector<std::int64_t> perm);
  ValueId reshape(ValueId x, const std::vector<std::int64_t>& shape, bool allowzero = false);
  ValueId cast(ValueId x, DType to);
  // Bounds may be kNoValue. Below opset 11 they are attributes (of the given values, which must be float).
  ValueId clip(ValueId x, double low, double high);
  ValueId pad(ValueId x, const std::vector<std::int64_t>& pads, double value,
              std::string_view mode = "constant");
  ValueId slice(ValueId x, const std::vector<std::int64_t>& starts, const std::vector<std::int64_t>& ends,
                const std::vector<std::int64_t>& axes, const std::vector<std::int64_t>& steps = {});
  std::vector<ValueId> split(ValueId x, std::int64_t axis, const std::vector<std::int64_t>& sizes);
  ValueId softmax(ValueId x, std::int64_t axis);

  // What the motif computes: read by random neighbours or a graph output.
  void result(ValueId v) { results_.push_back(v); }
  const std::vector<ValueId>& results() const { return results_; }

  // After the build: breaks what is left of the common guards, and tells which guards of `broken` were.
  // Throws CannotDraft where none of the guards that should be broken could be.
  std::vector<std::string> finish();

 private:
  bool wants_broken(std::string_view guard) const;
  void note_broken(std::string_view guard);
  std::vector<ValueId> intermediates() const;

  Builder& builder_;
  const Motif& motif_;
  std::vector<std::string_view> broken_;
  std::vector<std::string> really_broken_;
  bool feeding_;
  std::size_t first_node_;  // of the motif in the graph
  std::vector<ValueId> results_;
  std::vector<ValueId> made_;  // by nodes of the motif
};

}  // namespace mob
