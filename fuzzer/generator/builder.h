// Grows a case node by node, each evaluated at once: what is drawn next can depend on every shape and value
// that is there, so that nothing has to be solved and what breaks the ONNX spec is never added.
#pragma once

#include <functional>
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

  Rng& rng() { return rng_; }
  const Policy& policy() const { return policy_; }
  int opset() const { return options_.opset; }
  const BuildOptions& options() const { return options_; }
  const Graph& graph() const { return c_.model.graph; }
  const Expected& value(ValueId v) const { return *values_[static_cast<std::size_t>(v)]; }
  const ArrayType& type(ValueId v) const { return value(v).type; }
  // Node outputs that nothing reads, oldest first.
  std::vector<ValueId> unread() const;

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
    const OpSpec* spec = nullptr;
    const Schema* form = nullptr;
    bool drawn = false;  // by draw_node
    Node node;
    std::vector<std::shared_ptr<const Expected>> inputs;
    std::vector<Expected> results;
  };
  const Schema& form_of(const OpSpec& spec) const;
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
};

}  // namespace mob
