#include "fuzzer/reference/reference.h"

#include <fmt/format.h>

#include <memory>
#include <unordered_map>

#include "fuzzer/base/check.h"
#include "fuzzer/graph/model_io.h"

namespace mob {
namespace {

using ExpectedPtr = std::shared_ptr<const Expected>;

constexpr int kMaxFunctionDepth = 8;

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

class Interpreter {
 public:
  Interpreter(const Model& model, const ReferenceOptions& options, Reference& result)
      : model_(model), options_(options), result_(result) {}

  // Values of `graph` with the given inputs; `given` is by value id and holds what is known already.
  std::vector<ExpectedPtr> run(const Graph& graph, const std::map<std::string, std::int64_t>& opsets,
                               std::vector<ExpectedPtr> values, int depth) {
    for (ValueId v : graph.initializers) {
      auto& slot = values[static_cast<std::size_t>(v)];
      if (slot) continue;  // an input overrides it
      auto x = std::make_shared<Expected>(exact(*graph[v].initializer));
      result_.special = has_special(*x, result_.negative_zero) || result_.special;
      slot = std::move(x);
    }
    for (int i : graph.topological_order()) step(graph, opsets, values, i, depth);
    return values;
  }

 private:
  void step(const Graph& graph, const std::map<std::string, std::int64_t>& opsets,
            std::vector<ExpectedPtr>& values, int index, int depth) {
    const Node& node = graph.nodes[static_cast<std::size_t>(index)];
    inputs_.clear();
    for (ValueId v : node.inputs) {
      if (v == kNoValue) {
        inputs_.push_back(nullptr);
        continue;
      }
      const Expected* x = values[static_cast<std::size_t>(v)].get();
      if (x == nullptr) throw Unsupported("value '" + graph[v].name + "' has no content");
      inputs_.push_back(x);
    }
    const auto opset_at = opsets.find(node.domain);
    const int opset = opset_at == opsets.end() ? 1 : static_cast<int>(opset_at->second);
    const OpSpec* spec = find_op(node.op_type, node.domain);
    if (spec == nullptr || opset < spec->since) {
      call_function(node, values, depth);
      return;
    }
    std::vector<Expected> outputs;
    try {
      Evaluation ev(node, opset, inputs_, options_.arithmetic);
      spec->infer(ev);
      for (const ArrayType& t : ev.outputs()) spend(t);
      ev.allocate();
      spec->evaluate(ev);
      result_.unspecified += ev.unspecified_count();
      if (result_.unspecified_reason.empty()) result_.unspecified_reason = ev.unspecified_reason();
      result_.random = result_.random || ev.drew_random();
      outputs = std::move(ev.results());
    } catch (const Unsupported& e) {
      throw Unsupported(where(node) + e.what());
    } catch (const InvalidNode& e) {
      throw InvalidNode(where(node) + e.what());
    } catch (const UserError& e) {  // an attribute of the wrong kind, a shape that overflows
      throw InvalidNode(where(node) + e.what());
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      result_.special = normalize(outputs[i]) || result_.special;
      if (depth == 0 && index == options_.plant_node && i == 0) plant(outputs[i], options_.plant_relative);
      values[static_cast<std::size_t>(node.outputs[i])] =
          std::make_shared<const Expected>(std::move(outputs[i]));
    }
  }

  // An operator without a spec of its own: evaluated by its body, where it is a function.
  void call_function(const Node& node, std::vector<ExpectedPtr>& values, int depth) {
    const std::string full = (node.domain.empty() ? "" : node.domain + ".") + node.op_type;
    if (depth >= kMaxFunctionDepth) throw Unsupported("functions are nested too deeply at " + full);
    std::vector<std::optional<ArrayType>> types;
    std::vector<ExpectedPtr> arguments;
    for (ValueId v : node.inputs) {
      arguments.push_back(v == kNoValue ? nullptr : values[static_cast<std::size_t>(v)]);
      types.push_back(arguments.back() ? std::optional(arguments.back()->type) : std::nullopt);
    }
    std::optional<FunctionBody> body;
    try {
      body = function_body(model_, node, types);
    } catch (const std::exception& e) {
      throw Unsupported("the body of function " + full + " cannot be built: " + e.what());
    }
    if (!body) throw Unsupported("no reference for operator " + full);
    std::vector<ExpectedPtr> inner(body->graph.values.size());
    for (std::size_t i = 0; i < body->graph.inputs.size() && i < arguments.size(); ++i)
      inner[static_cast<std::size_t>(body->graph.inputs[i])] = arguments[i];
    const auto done = run(body->graph, body->opsets, std::move(inner), depth + 1);
    for (std::size_t i = 0; i < node.outputs.size() && i < body->graph.outputs.size(); ++i)
      if (node.outputs[i] != kNoValue)
        values[static_cast<std::size_t>(node.outputs[i])] =
            done[static_cast<std::size_t>(body->graph.outputs[i])];
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
  std::vector<const Expected*> inputs_;
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

Reference evaluate(const Case& c, const ReferenceOptions& options) {
  Reference result;
  const Graph& graph = c.model.graph;
  try {
    std::vector<ExpectedPtr> values(graph.values.size());
    for (ValueId v : graph.inputs) {
      const auto given = c.inputs.find(graph[v].name);
      if (given == c.inputs.end()) {
        if (graph[v].initializer) continue;
        throw Unsupported("input '" + graph[v].name + "' is not given");
      }
      auto x = std::make_shared<Expected>(exact(given->second));
      result.special = has_special(*x, result.negative_zero) || result.special;
      values[static_cast<std::size_t>(v)] = std::move(x);
    }
    Interpreter interpreter(c.model, options, result);
    values = interpreter.run(graph, c.model.opsets, std::move(values), 0);
    for (ValueId v : graph.outputs) {
      if (!values[static_cast<std::size_t>(v)])
        throw Unsupported("output '" + graph[v].name + "' has no content");
      result.outputs.push_back(*values[static_cast<std::size_t>(v)]);
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

}  // namespace mob
