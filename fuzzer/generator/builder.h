// Grows a case node by node, each evaluated at once: what is drawn next can depend on every shape and value
// that is there, so that nothing has to be solved and what breaks the ONNX spec is never added.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzzer/base/rng.h"
#include "fuzzer/generator/policy.h"
#include "fuzzer/generator/support.h"
#include "fuzzer/graph/case.h"
#include "fuzzer/ops/op_spec.h"

namespace mob {

// How a value that is known beforehand stands in the model.
enum class Constness : std::uint8_t {
  kInput,  // graph input
  kInitializer,
  kConstantNode,  // output of a Constant node
  kOverridable,   // initializer that is a graph input, too
  kComputed,      // Identity of an initializer
};

struct BuildOptions {
  int opset = kNewestOpset;
  const Support* support = nullptr;  // null: whatever the schema takes
  bool special = false;              // leaves hold special values here and there
  bool random = false;               // operators that draw random numbers may be drawn
};

class Builder {
 public:
  Builder(Rng& rng, const Policy& policy, BuildOptions options);
  // A builder of a graph that is to be nested in a node of `around`. It reads values of `around`; what it
  // wants as graph inputs, only the outermost graph can have. Isolated, the body of a model-local function:
  // it sees nothing around it, and all its leaves are Constant nodes.
  Builder(Builder& around, std::string name, bool isolated = false);
  Builder(const Builder&) = delete;

  Rng& rng() { return rng_; }
  const Policy& policy() const { return policy_; }
  int opset() const { return options_.opset; }
  const BuildOptions& options() const { return options_; }
  const Graph& graph() const { return c_.model.graph; }
  const Expected& value(ValueId v) const { return *values_[static_cast<std::size_t>(v)]; }
  // Of a value that is no tensor: see graph/other_types.h.
  const ArrayType& type(ValueId v) const { return value(v).type; }
  // Node outputs that nothing reads, oldest first. Of a nested graph: its inputs and what it may read from
  // around it, too.
  std::vector<ValueId> unread() const;
  // Tensors that may be read at random.
  std::vector<ValueId> readable() const;
  int depth() const { return around_ == nullptr ? 0 : around_->depth() + 1; }
  bool isolated() const { return isolated_; }

  // A size for a free dimension.
  std::int64_t size();
  // Random values, special ones among them where the options say so.
  Tensor draw(const ArrayType& type, const ValueRange& range = {});

  ValueId leaf(Tensor value, Constness constness);
  ValueId leaf(Tensor value, Role role);  // constness drawn

  // Appends a node; returns its outputs, of which `outputs` are asked for. Throws CannotDraft, with the graph
  // as it was, where the operator is unknown or has no form here, where the inputs break its spec, where the
  // system is known to refuse it, and where the values become poor (policy.poor_share).
  std::vector<ValueId> nodes(std::string_view op, std::vector<ValueId> inputs,
                             std::vector<Attribute> attributes = {}, std::size_t outputs = 1,
                             std::string_view domain = "");
  ValueId node(std::string_view op, std::vector<ValueId> inputs, std::vector<Attribute> attributes = {}) {
    return nodes(op, std::move(inputs), std::move(attributes)).front();
  }

  // --- Nested graphs. A node with graphs is appended by `nodes`, which evaluates it as a whole, with all its
  //     iterations; while a body grows, the values in it are those of its first iteration.

  // A value of the graph around this one, as it is known here. Not where isolated.
  ValueId outer(ValueId in_around);
  // An input of a nested graph, with the value that it has at first.
  ValueId input(std::shared_ptr<const Expected> first);
  std::shared_ptr<const Expected> shared_value(ValueId v) const {
    return values_[static_cast<std::size_t>(v)];
  }
  // The finished nested graph, with what its outputs need only. Outputs that are no node's, or come twice,
  // pass through Identity; this may throw CannotDraft. The builder is empty after that.
  GraphPtr close(const std::vector<ValueId>& outputs);
  // Dimensions of this model's inputs are known: what has no iteration takes its shape from what is declared.
  void keep_dims() { root().fixed_dims_ = true; }

  // Model-local functions, all of kLocalDomain, and the attributes that their calls give. Calls are appended
  // by `nodes`. The body is of an isolated builder.
  static constexpr std::string_view kLocalDomain = "local";
  struct LocalFunction {
    std::string name;
    std::vector<ArrayType> inputs;  // of the first call
    std::size_t outputs;
    std::vector<Attribute> attributes;
  };
  void add_function(const GraphPtr& body, LocalFunction f);
  std::string fresh_function() const { return "Local" + std::to_string(functions().size()); }
  const std::vector<LocalFunction>& functions() const { return root().functions_; }

  // Has an operator draft itself into the graph. False, with the graph as it was, where the draws do not work
  // out.
  struct DrawNode {
    std::span<const ValueId> prefer = {};  // values to be read first
    bool must_read = false;                // one of them must be
    std::optional<DType> first_type = {};  // of the first input (of the first output where there is none)
    // Asked before the node is added: its inputs (null where left out) and outputs.
    std::function<bool(const OpSpec&, const Node&, std::span<const Expected* const>,
                       const std::vector<Expected>&)>
        accept = {};
  };
  bool draw_node(const OpSpec& spec, const DrawNode& how);

  // Adds the nodes of another case. `feeds` gives, per graph input of its model, a value of this graph that
  // stands for it (of the same type), or kNoValue: then the case's own input is taken over. Returns its graph
  // outputs. Throws CannotDraft, as `nodes` does; what was added by then stays.
  std::vector<ValueId> embed(const Case& other, std::span<const ValueId> feeds);

  // Makes a value a graph output (once).
  void expose(ValueId v);
  // Keeps a value from being read or exposed at random.
  void shield(ValueId v);
  // Makes every node output one.
  void expose_all();
  // This dimension of a graph input will be a symbol.
  void ask_symbol(ValueId input, std::size_t axis) { asked_.emplace(input, axis); }

  // The finished case: outputs that nothing reads, and some others, are graph outputs; some dimensions become
  // symbolic. The builder is empty after that. Throws CannotDraft where there is no node.
  Case take();

 private:
  friend class NodeDraft;
  struct Appended {
    const OpSpec* spec = nullptr;  // null: a node with graphs, or a call of a local function
    const Schema* form = nullptr;
    bool drawn = false;  // by draw_node
    Node node;
    std::vector<std::shared_ptr<const Expected>> inputs;
    std::vector<Expected> results;
  };
  const Schema& form_of(const OpSpec& spec) const;
  Builder& root() { return around_ == nullptr ? *this : around_->root(); }
  const Builder& root() const { return around_ == nullptr ? *this : around_->root(); }
  void name_apart(Node& n);  // names in nested graphs are none of those around them
  // Of a node with graphs: that its outputs are of types that it may have. Throws CannotDraft.
  void check_carried(const Appended& a) const;
  void drop_dead_sequences();
  void evaluate(Appended& a);  // throws CannotDraft
  const std::vector<ValueId>& commit(Appended&& a);
  // Adds a node that reads values of this graph, with new outputs but where it says kNoValue. Throws as
  // `nodes` does.
  const std::vector<ValueId>& append(Node node);
  void remember(ValueId v, std::shared_ptr<const Expected> value);
  // Dimensions that were asked for; others by chance where `any`.
  void make_symbolic(bool any);

  Rng& rng_;
  const Policy& policy_;
  BuildOptions options_;
  Case c_;
  std::vector<std::shared_ptr<const Expected>> values_;  // by value id
  std::vector<int> reads_;                               // by value id: node inputs that name it
  std::vector<bool> exposed_, shielded_;
  std::set<std::pair<ValueId, std::size_t>> asked_;  // for symbols
  int counter_ = 0;
  bool fixed_dims_ = false;
  std::vector<LocalFunction> functions_;  // of the root

  Builder* around_ = nullptr;
  bool isolated_ = false;
  std::string suffix_;                // of names
  std::map<ValueId, ValueId> outer_;  // from values of the graph around
  int bodies_ = 0;                    // of the root: nested graphs begun
};

}  // namespace mob
