#include "fuzzer/triage/essence.h"

#include <algorithm>

#include "fuzzer/graph/binding.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/graph/prune.h"
#include "fuzzer/triage/describe.h"
#include "fuzzer/triage/variant.h"

namespace mob {
namespace {

// One input, one output of its type and shape, no attributes.
constexpr std::string_view kElementwise[] = {"Abs",        "Ceil",     "Cos",   "Exp",     "Floor", "Neg",
                                             "Reciprocal", "Relu",     "Round", "Sigmoid", "Sign",  "Sin",
                                             "Softplus",   "Softsign", "Sqrt",  "Tanh"};

class Cutter {
 public:
  Cutter(Judge& judge, const Case& c, const Finding& finding, const Cause& cause, int budget)
      : judge_(judge), finding_(finding), cause_(cause), budget_(budget), best_(c) {
    if (!cause.cures.empty()) cure_.push_back(cause.cures.front());
  }

  Essence cut() {
    one_binding();
    fewer_outputs();
    for (bool smaller = true; smaller && checks_ < budget_;) {
      const std::size_t before = node_count(best_.model.graph);
      cut_behind();
      cut_before();
      bypass();
      bypass_inside();
      smaller = node_count(best_.model.graph) < before;
    }
    std::vector<std::string> operators = general_operators();
    return {std::move(best_), std::move(operators), checks_};
  }

 private:
  bool holds(const Case& c) {
    if (checks_ >= budget_) return false;
    ++checks_;
    const Reference reference = evaluate(c);
    if (!reference.available()) return false;
    // Most candidates do not show it: the cure is asked for only of those that do.
    if (!cured_by(judge_, c, reference, finding_, cause_.bad, {}).shown) return false;
    if (cure_.empty()) return true;
    const Cured cured = cured_by(judge_, c, reference, finding_, cause_.bad, cure_);
    return cured.shown && cured.by[0];
  }
  bool accept(Case candidate) {
    prune(candidate);
    if (candidate.model.graph.nodes.empty() || !holds(candidate) || !check_model(candidate.model).empty())
      return false;
    best_ = std::move(candidate);
    return true;
  }

  // Every value of the case at hand, by the reference; also at its further bindings.
  Reference known() { return evaluate(best_, {.arithmetic = {}, .keep_values = true}); }

  // The type that a value has at every binding: a dimension whose size depends on the binding gets the symbol
  // that has these sizes, if there is one.
  TensorType type_of(const std::string& name, const Reference& known) {
    TensorType type = declared(known.values.at(name).type);
    for (std::size_t b = 0; b < known.bindings.size(); ++b) {
      const auto there = known.bindings[b].values.find(name);
      if (there == known.bindings[b].values.end()) continue;
      const Dims& dims = there->second.type.dims;
      if (dims.size() != type.shape->size()) {
        type.shape.reset();
        return type;
      }
      for (std::size_t d = 0; d < dims.size(); ++d)
        if (dims[d] != known.values.at(name).type.dims[d])
          (*type.shape)[d] = {.value = -1, .symbol = symbol_of(name, d, known)};
    }
    return type;
  }
  std::string symbol_of(const std::string& name, std::size_t d, const Reference& known) {
    const Graph& g = best_.model.graph;
    const Sizes own = sizes_of(g, best_.inputs).value_or(Sizes());
    for (const auto& [symbol, size] : own) {
      bool same = symbol.find('[') == std::string::npos && size == known.values.at(name).type.dims[d];
      for (std::size_t b = 0; b < known.bindings.size() && same; ++b) {
        const auto there = known.bindings[b].values.find(name);
        const auto sizes = sizes_of(g, best_.bindings[b]);
        same = there != known.bindings[b].values.end() && d < there->second.type.rank() && sizes &&
               sizes->contains(symbol) && sizes->at(symbol) == there->second.type.dims[d];
      }
      if (same) return symbol;
    }
    return "";
  }

  // Most findings that need another binding need one: alone if that does, or behind the case's own inputs.
  void one_binding() {
    for (std::size_t b = 0; b < best_.bindings.size(); ++b) {
      Case candidate = best_;
      candidate.inputs = best_.bindings[b];
      candidate.bindings.clear();
      candidate.witness.clear();
      if (accept(std::move(candidate))) return;
    }
    for (std::size_t b = 0; best_.bindings.size() > 1 && b < best_.bindings.size(); ++b) {
      Case candidate = best_;
      candidate.bindings = {best_.bindings[b]};
      if (accept(std::move(candidate))) return;
    }
  }

  // One output, or as few as it takes.
  void fewer_outputs() {
    const std::vector<ValueId> outputs = best_.model.graph.outputs;
    if (outputs.size() < 2) return;
    for (ValueId v : outputs) {
      Case candidate = best_;
      candidate.model.graph.outputs = {v};
      if (accept(std::move(candidate))) return;
    }
    for (ValueId v : outputs) {
      Case candidate = best_;
      std::erase(candidate.model.graph.outputs, v);
      if (!candidate.model.graph.outputs.empty()) accept(std::move(candidate));
    }
  }

  // The first node after which the finding shows already.
  void cut_behind() {
    const Reference known = this->known();
    const Graph& g = best_.model.graph;
    const std::vector<int> order = g.topological_order();
    for (std::size_t k = 0; k + 1 < order.size(); ++k) {
      const Node& n = g.nodes[static_cast<std::size_t>(order[k])];
      Case candidate = best_;
      Graph& cut = candidate.model.graph;
      cut.outputs.clear();
      for (ValueId v : n.outputs) {
        if (v == kNoValue) continue;
        const auto x = known.values.find(cut[v].name);
        if (x == known.values.end() || x->second.elements) continue;
        cut[v].type = type_of(cut[v].name, known);
        cut[v].opaque_type.clear();
        cut.outputs.push_back(v);
      }
      if (!cut.outputs.empty() && accept(std::move(candidate))) return;
    }
  }

  // Nodes, the last first, whose outputs may as well be graph inputs.
  void cut_before() {
    const Reference known = this->known();
    const Graph before = best_.model.graph;
    const std::vector<int> order = before.topological_order();
    for (auto i = order.rbegin(); i != order.rend(); ++i) {
      const Node& n = before.nodes[static_cast<std::size_t>(*i)];
      Case candidate = best_;
      Graph& g = candidate.model.graph;
      const auto at =
          std::find_if(g.nodes.begin(), g.nodes.end(), [&](const Node& m) { return m.outputs == n.outputs; });
      if (at == g.nodes.end()) continue;
      g.nodes.erase(at);
      bool possible = true;
      for (ValueId v : n.outputs) {
        if (v == kNoValue) continue;
        const auto becomes_input = [&](const Reference& r, Inputs& inputs) {
          const auto x = r.values.find(g[v].name);
          if (x == r.values.end() || x->second.elements) return false;
          for (std::size_t e = 0; e < x->second.count(); ++e)
            if (x->second.open_at(e)) return false;
          inputs.insert_or_assign(g[v].name, rounded(x->second));
          return true;
        };
        possible = !g.is_output(v) && becomes_input(known, candidate.inputs);
        for (std::size_t b = 0; possible && b < known.bindings.size(); ++b)
          possible = becomes_input(known.bindings[b], candidate.bindings[b]);
        if (!possible) break;
        g[v].type = type_of(g[v].name, known);
        g[v].opaque_type.clear();
        g[v].listed = false;
        g.inputs.push_back(v);
      }
      if (possible) accept(std::move(candidate));
    }
  }

  // Nodes with an input of their output's type: readers take that input instead.
  void bypass() {
    const auto known = this->known().values;
    const Graph before = best_.model.graph;
    for (const Node& n : before.nodes) {
      if (n.outputs.empty() || n.outputs[0] == kNoValue) continue;
      const auto y = known.find(before[n.outputs[0]].name);
      if (y == known.end()) continue;
      for (ValueId v : n.inputs) {
        if (v == kNoValue) continue;
        const auto x = known.find(before[v].name);
        if (x == known.end() || x->second.type != y->second.type) continue;
        Case candidate = best_;
        Graph& g = candidate.model.graph;
        const auto at = std::find_if(g.nodes.begin(), g.nodes.end(),
                                     [&](const Node& m) { return m.outputs == n.outputs; });
        if (at == g.nodes.end() || g.is_output(n.outputs[0])) break;
        g.redirect_uses(n.outputs[0], v, static_cast<int>(at - g.nodes.begin()));
        if (accept(std::move(candidate))) break;
      }
    }
  }

  // The same in nested graphs, where shapes may change: they are left to inference, and types are for the
  // reference and the checker to refuse. What makes an output there becomes Identity.
  void bypass_inside() {
    for (std::size_t i = 0; i < best_.model.graph.nodes.size(); ++i)
      for (std::size_t a = 0; a < best_.model.graph.nodes[i].attributes.size(); ++a)
        for (bool again = true; again && checks_ < budget_;) again = bypass_in_body(i, a);
  }
  static void forget_shapes(Graph& body) {
    for (Value& v : body.values) v.listed = false;
    for (ValueId v : body.outputs)
      if (body[v].type) body[v].type->shape.reset();
  }
  void retype(Case& candidate) {
    const Reference known = evaluate(candidate, {.arithmetic = {}, .keep_values = true});
    Graph& g = candidate.model.graph;
    for (Value& v : g.values) v.listed = false;
    for (ValueId v : g.outputs)
      if (const auto x = known.values.find(g[v].name); x != known.values.end() && !x->second.elements)
        g[v].type = type_of(g[v].name, known);
  }
  bool bypass_in_body(std::size_t node, std::size_t attribute) {
    const Graph& top = best_.model.graph;
    if (node >= top.nodes.size() || attribute >= top.nodes[node].attributes.size()) return false;
    const auto* body = std::get_if<GraphPtr>(&top.nodes[node].attributes[attribute].value);
    if (body == nullptr) return false;
    for (std::size_t k = 0; k < (*body)->nodes.size(); ++k) {
      const Node& n = (*body)->nodes[k];
      if (n.op_type == "Identity" || n.outputs.empty() || n.outputs[0] == kNoValue) continue;
      for (ValueId v : n.inputs) {
        if (v == kNoValue) continue;
        Graph smaller = **body;
        const bool output = smaller.is_output(n.outputs[0]);
        if (output)
          smaller.nodes[k] = {
              .name = n.name, .op_type = "Identity", .inputs = {v}, .outputs = {n.outputs[0]}};
        else
          smaller.redirect_uses(n.outputs[0], v, static_cast<int>(k));
        smaller = pruned(std::move(smaller));
        // Graphs further in may still read it.
        if (!output && smaller.nodes.size() == (*body)->nodes.size()) continue;
        forget_shapes(smaller);
        Case candidate = best_;
        candidate.model.graph.nodes[node].attributes[attribute].value =
            std::make_shared<const Graph>(std::move(smaller));
        retype(candidate);
        if (accept(std::move(candidate))) return true;
      }
    }
    return false;
  }

  std::vector<std::string> general_operators() {
    Graph general = best_.model.graph;
    for (std::size_t i = 0; i < general.nodes.size(); ++i) {
      const std::string op = best_.model.graph.nodes[i].op_type;
      if (std::find(std::begin(kElementwise), std::end(kElementwise), op) == std::end(kElementwise)) continue;
      Case candidate = best_;
      candidate.model.graph.nodes[i].op_type = op == "Neg" ? "Abs" : "Neg";
      if (holds(candidate)) general.nodes[i].op_type = "Any";
    }
    return operators_of(general);
  }

  Judge& judge_;
  const Finding& finding_;
  const Cause& cause_;
  int budget_;
  Case best_;
  std::vector<std::string> cure_;
  int checks_ = 0;
};

}  // namespace

Essence essence(Judge& judge, const Case& c, const Finding& finding, const Cause& cause, int budget) {
  return Cutter(judge, c, finding, cause, budget).cut();
}

}  // namespace mob
