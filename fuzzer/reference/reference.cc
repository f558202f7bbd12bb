#include "fuzzer/reference/reference.h"

#include <fmt/format.h>

#include <memory>

#include "fuzzer/base/check.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/graph/other_types.h"
#include "fuzzer/graph/schema.h"
#include "fuzzer/reference/control_flow.h"
#include "fuzzer/reference/evaluate_in_place.h"
#include "fuzzer/reference/slack.h"

namespace mob {
namespace {

constexpr int kMaxFunctionDepth = 8;

// A graph that is being evaluated, within those that it is nested in.
struct Scope {
  const Graph& graph;
  const std::map<std::string, std::int64_t>& opsets;
  std::vector<ExpectedPtr> values;  // by value id; holds what is known already
  int depth = 0;                    // of function calls
  const Scope* outer = nullptr;

  ExpectedPtr find(std::string_view name) const {
    for (const Scope* s = this; s != nullptr; s = s->outer)
      if (const ValueId v = s->graph.find(name); v != kNoValue)
        if (const ExpectedPtr& x = s->values[static_cast<std::size_t>(v)]; x || !s->graph[v].outer) return x;
    return nullptr;
  }
};

// Brings the elements of a fresh result into normal form: a bound that is no number is open; a value beyond
// the type's range is an infinity. Tells whether a special value is among them.
template <class R>
bool normalize(Reals<R>& x, R max_finite) {
  bool special = false;
  for (std::size_t i = 0; i < x.v.size(); ++i) {
    R& v = x.v[i];
    R& e = x.e[i];
    if (std::isnan(e)) e = kInfinity<R>;
    if (std::fabs(v) + e <= max_finite) continue;
    if (std::isfinite(v) && !(e < kInfinity<R>)) continue;
    special = true;
    if (!std::isfinite(v)) continue;
    if (std::fabs(v) - e > max_finite) {
      v = v > 0 ? kInfinity<R> : -kInfinity<R>;
      e = 0;
    } else {
      e = kInfinity<R>;
    }
  }
  return special;
}

bool normalize(Expected& x) {
  if (x.type.dtype == DType::kUndefined) return false;  // an optional output that nobody asked for
  if (auto* d = std::get_if<Reals<double>>(&x.data))
    return normalize(*d, float_format(x.type.dtype).max_finite);
  if (auto* l = std::get_if<Reals<long double>>(&x.data))
    return normalize(*l, static_cast<long double>(float_format(DType::kDouble).max_finite));
  return false;
}

bool has_special(const Expected& x, bool& negative_zero) {
  const auto scan = [&](const auto& reals) {
    bool special = false;
    for (const auto v : reals.v) {
      special = special || !std::isfinite(v);
      negative_zero = negative_zero || (v == 0 && std::signbit(v));
    }
    return special;
  };
  if (const auto* d = std::get_if<Reals<double>>(&x.data)) return scan(*d);
  if (const auto* l = std::get_if<Reals<long double>>(&x.data)) return scan(*l);
  return false;
}

// Up for one element, down for another, so that a normalization does not take it out again.
void plant(Expected& x, double relative) {
  const auto scale = [&](auto& reals) {
    for (std::size_t i = 0; i < reals.v.size(); ++i)
      reals.v[i] *= 1 + (i * 0x9E3779B97F4A7C15u >> 63 ? relative : -relative);
  };
  if (auto* d = std::get_if<Reals<double>>(&x.data)) scale(*d);
  if (auto* l = std::get_if<Reals<long double>>(&x.data)) scale(*l);
}

// Zero is within the bound of each subnormal number.
void flush_subnormals(Expected& x) {
  if (!x.holds_reals()) return;
  const double least = float_format(x.type.dtype).min_normal;
  const auto flush = [&](auto& reals) {
    for (std::size_t i = 0; i < reals.v.size(); ++i)
      if (std::fabs(reals.v[i]) < least) reals.e[i] += std::fabs(reals.v[i]);
  };
  if (auto* d = std::get_if<Reals<double>>(&x.data)) flush(*d);
  if (auto* l = std::get_if<Reals<long double>>(&x.data)) flush(*l);
}

class Interpreter {
 public:
  Interpreter(const Model& model, const ReferenceOptions& options, Reference& result)
      : model_(model), options_(options), result_(result) {}

  // What the model is given.
  ExpectedPtr leaf(const Tensor& tensor) {
    auto x = std::make_shared<Expected>(exact(tensor));
    result_.special = has_special(*x, result_.negative_zero) || result_.special;
    if (options_.arithmetic.flushed_subnormals) flush_subnormals(*x);
    return x;
  }

  // Fills in the values of a graph whose inputs are there.
  void run(Scope& scope) {
    const Graph& graph = scope.graph;
    for (ValueId v : graph.initializers)
      if (auto& slot = scope.values[static_cast<std::size_t>(v)]; !slot) {  // no input overrides it
        slot = leaf(*graph[v].initializer);
        if (scope.outer == nullptr && scope.depth == 0) slot = slackened(graph[v].name, slot);
      }
    if (scope.outer != nullptr)
      for (std::size_t v = 0; v < graph.values.size(); ++v)
        if (graph.values[v].outer) scope.values[v] = scope.outer->find(graph.values[v].name);
    for (int i : graph.topological_order()) try {
        step(scope, graph.nodes[static_cast<std::size_t>(i)], i);
      } catch (const Unsupported&) {
        if (!options_.optimized || scope.outer != nullptr || scope.depth > 0) throw;
      }
  }

  // Evaluates one node whose inputs are there.
  void step(Scope& scope, const Node& node, int index = -1) {
    const std::vector<ExpectedPtr> made = outputs_of(scope, node, index);
    for (std::size_t i = 0; i < node.outputs.size() && i < made.size(); ++i)
      if (node.outputs[i] != kNoValue)
        scope.values[static_cast<std::size_t>(node.outputs[i])] =
            scope.outer == nullptr && scope.depth == 0 ? slackened(scope.graph[node.outputs[i]].name, made[i])
                                                       : made[i];
  }

  // A value of the top graph, as a mutant knows it.
  ExpectedPtr slackened(const std::string& name, ExpectedPtr x) const {
    const Slack* slack = slack_of(options_.slack, name);
    if (slack == nullptr || x == nullptr || x->elements) return x;
    auto wider = std::make_shared<Expected>(*x);
    widen(*wider, *slack);
    return wider;
  }

  std::vector<ExpectedPtr> outputs_of(Scope& scope, const Node& node, int index = -1) {
    std::vector<ExpectedPtr> inputs;
    for (ValueId v : node.inputs) {
      inputs.push_back(v == kNoValue ? nullptr : scope.values[static_cast<std::size_t>(v)]);
      if (v != kNoValue && inputs.back() == nullptr)
        throw Unsupported("value '" + scope.graph[v].name + "' has no content");
    }
    try {
      const auto opset_at = scope.opsets.find(node.domain);
      const int opset = opset_at == scope.opsets.end() ? 1 : static_cast<int>(opset_at->second);
      const OpSpec* spec = find_op(node.op_type, node.domain);
      if (is_control_flow(node)) {
        if (opset < 9 && node.op_type == "Scan") throw Unsupported("Scan has another form before opset 9");
        return run_control_flow(node, inputs, [&](const Graph& body, std::vector<ExpectedPtr> given) {
          return run_body(scope, body, std::move(given));
        });
      }
      if (spec == nullptr || (opset < spec->since && !written_early(*spec)))
        return call_function(node, inputs, scope.depth);
      return apply(*spec, node, opset, inputs,
                   scope.depth == 0 && scope.outer == nullptr && index >= 0 && index == options_.plant_node);
    } catch (const Unsupported& e) {
      throw Unsupported(where(node) + e.what());
    } catch (const InvalidNode& e) {
      throw InvalidNode(where(node) + e.what());
    } catch (const UserError& e) {  // an attribute of the wrong kind, a shape that overflows
      throw InvalidNode(where(node) + e.what());
    }
  }

 private:
  // ONNX Runtime's fusions write this operator into models of opsets that do not have it yet.
  bool written_early(const OpSpec& spec) const {
    return options_.optimized && spec.name == "LayerNormalization";
  }

  // Operators trust that their schema takes what they are given; a model that nobody checked may break that.
  void refuse_types(const Node& node, int opset, std::span<const Expected* const> inputs) const {
    const Schema* form = schema(node.op_type, opset, node.domain);
    if (form == nullptr) return;
    std::vector<DType> types;
    for (const Expected* x : inputs) {
      if (x != nullptr && x->type.dtype == DType::kUndefined) return;  // a sequence or an optional
      types.push_back(x == nullptr ? DType::kUndefined : x->type.dtype);
    }
    if (form->takes(types)) return;
    // A runtime may have kernels for more types than ONNX says.
    if (options_.optimized) throw Unsupported("the ONNX schema does not take inputs of these types");
    throw InvalidNode("does not take inputs of these types");
  }

  std::vector<ExpectedPtr> apply(const OpSpec& spec, const Node& node, int opset,
                                 std::span<const ExpectedPtr> inputs, bool planted) {
    std::vector<const Expected*> given;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Expected* x = inputs[i].get();
      // By the newest form: models carry a sequence where older forms say an optional.
      if (x && x->elements && !may_be_input(spec.name, kNewestOpset, spec.domain, i, x->type))
        throw InvalidNode("does not take " + words_of(x->type));
      given.push_back(x);
    }
    refuse_types(node, opset, given);
    Evaluation ev(node, opset, given, options_.arithmetic);
    spec.infer(ev);
    for (const ArrayType& t : ev.outputs()) spend(t);
    ev.allocate();
    spec.evaluate(ev);
    result_.unspecified += ev.unspecified_count();
    if (result_.unspecified_reason.empty()) result_.unspecified_reason = ev.unspecified_reason();
    result_.random = result_.random || ev.drew_random();
    std::vector<ExpectedPtr> made;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      Expected& x = ev.results()[i];
      result_.special = normalize(x) || result_.special;
      if (inputs.empty() && options_.arithmetic.flushed_subnormals) flush_subnormals(x);
      if (planted && i == 0) plant(x, options_.plant_relative);
      made.push_back(std::make_shared<const Expected>(std::move(x)));
    }
    return made;
  }

  std::vector<ExpectedPtr> run_body(const Scope& around, const Graph& body, std::vector<ExpectedPtr> given) {
    spend({DType::kBool, {1}});  // an iteration that makes nothing costs, too
    Scope scope{body, around.opsets, std::vector<ExpectedPtr>(body.values.size()), around.depth, &around};
    if (given.size() != body.inputs.size()) throw InvalidNode("a nested graph has another number of inputs");
    for (std::size_t i = 0; i < given.size(); ++i)
      scope.values[static_cast<std::size_t>(body.inputs[i])] = std::move(given[i]);
    run(scope);
    std::vector<ExpectedPtr> made;
    for (ValueId v : body.outputs) {
      made.push_back(scope.values[static_cast<std::size_t>(v)]);
      if (made.back() == nullptr) throw Unsupported("value '" + body[v].name + "' has no content");
    }
    return made;
  }

  // An operator without a spec of its own: evaluated by its body, where it is a function.
  std::vector<ExpectedPtr> call_function(const Node& node, std::span<const ExpectedPtr> inputs, int depth) {
    const std::string full = (node.domain.empty() ? "" : node.domain + ".") + node.op_type;
    if (depth >= kMaxFunctionDepth) throw Unsupported("functions are nested too deeply at " + full);
    std::vector<std::optional<ArrayType>> types;
    for (const ExpectedPtr& x : inputs)
      types.push_back(x && !x->elements ? std::optional(x->type) : std::nullopt);
    std::optional<FunctionBody> body;
    try {
      body = function_body(model_, node, types);
    } catch (const std::exception& e) {
      throw Unsupported("the body of function " + full + " cannot be built: " + e.what());
    }
    if (!body) throw Unsupported("no reference for operator " + full);
    const Graph& graph = body->graph;
    Scope scope{graph, body->opsets, std::vector<ExpectedPtr>(graph.values.size()), depth + 1, nullptr};
    for (std::size_t i = 0; i < graph.inputs.size() && i < inputs.size(); ++i)
      if (graph.inputs[i] != kNoValue) scope.values[static_cast<std::size_t>(graph.inputs[i])] = inputs[i];
    run(scope);
    std::vector<ExpectedPtr> made;
    for (ValueId v : graph.outputs)
      made.push_back(v == kNoValue ? nullptr : scope.values[static_cast<std::size_t>(v)]);
    return made;
  }

  void spend(const ArrayType& t) {
    if (t.dtype == DType::kUndefined) return;
    spent_ += t.count();
    if (spent_ > options_.max_elements) throw Unsupported("the model is too large for the reference");
  }

  static std::string where(const Node& node) { return "node '" + node.name + "' (" + node.op_type + "): "; }

  const Model& model_;
  const ReferenceOptions& options_;
  Reference& result_;
  std::int64_t spent_ = 0;
};

}  // namespace

NodeResult evaluate_node(const OpSpec& spec, const Node& node, int opset,
                         std::span<const Expected* const> inputs, const Arithmetic& arithmetic,
                         std::int64_t max_elements) {
  Evaluation ev(node, opset, inputs, arithmetic);
  spec.infer(ev);
  for (const ArrayType& t : ev.outputs())
    if (t.dtype != DType::kUndefined && t.count() > max_elements) throw Unsupported("an output is too large");
  ev.allocate();
  spec.evaluate(ev);
  for (Expected& x : ev.results()) normalize(x);
  return {std::move(ev.results()), ev.drew_random(), ev.unspecified_count()};
}

NodeResult evaluate_in_place(const Model& model, const Graph& graph, std::span<const ExpectedPtr> values,
                             const Node& node, std::int64_t max_elements) {
  Reference result;
  ReferenceOptions options;
  options.max_elements = max_elements;
  Scope scope{graph, model.opsets, std::vector<ExpectedPtr>(values.begin(), values.end())};
  scope.values.resize(graph.values.size());
  NodeResult made;
  for (const ExpectedPtr& x : Interpreter(model, options, result).outputs_of(scope, node)) {
    if (x == nullptr) throw Unsupported("an output has no content");
    made.outputs.push_back(*x);
  }
  made.random = result.random;
  made.unspecified = result.unspecified;
  return made;
}

namespace {

Reference evaluate_at(const Model& model, const Inputs& inputs, const ReferenceOptions& options) {
  Reference result;
  const Graph& graph = model.graph;
  try {
    Scope scope{graph, model.opsets, std::vector<ExpectedPtr>(graph.values.size())};
    std::vector<ExpectedPtr>& values = scope.values;
    Interpreter interpreter(model, options, result);
    for (ValueId v : graph.inputs) {
      const auto given = inputs.find(graph[v].name);
      if (given == inputs.end()) {
        if (graph[v].initializer) continue;
        throw Unsupported("input '" + graph[v].name + "' is not given");
      }
      values[static_cast<std::size_t>(v)] =
          interpreter.slackened(graph[v].name, interpreter.leaf(given->second));
    }
    interpreter.run(scope);
    for (ValueId v : graph.outputs) {
      const ExpectedPtr& x = values[static_cast<std::size_t>(v)];
      if (x && x->elements) throw Unsupported("output '" + graph[v].name + "' is no tensor");
      if (!x && !options.optimized) throw Unsupported("output '" + graph[v].name + "' has no content");
      result.outputs.push_back(x ? *x : Expected());
    }
    if (options.keep_values)
      for (std::size_t v = 0; v < values.size(); ++v)
        if (values[v]) result.values.emplace(graph.values[v].name, *values[v]);
  } catch (const InvalidNode& e) {
    result.unavailable = e.what();
    result.invalid = true;
  } catch (const Unsupported& e) {
    result.unavailable = e.what();
  } catch (const UserError& e) {
    result.unavailable = e.what();
    result.invalid = true;
  } catch (const std::bad_alloc&) {
    result.unavailable = "the model needs more memory than the reference has";
  }
  if (!result.available()) result.outputs.clear();
  return result;
}

}  // namespace

Reference evaluate(const Case& c, const ReferenceOptions& options) {
  Reference result = evaluate_at(c.model, c.inputs, options);
  for (const Inputs& inputs : c.bindings) result.bindings.push_back(evaluate_at(c.model, inputs, options));
  return result;
}

}  // namespace mob
