// Control flow and functions flattened: in the place of the node stand the nodes of its body. Of a loop or a
// scan, that is one iteration: what the finding makes of it is for the lock to say.
#include <algorithm>
#include <map>

#include "fuzzer/base/check.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/graph/schema.h"
#include "fuzzer/reference/control_flow.h"
#include "fuzzer/triage/shrink/edits.h"

namespace mob::shrink::steps {
namespace {

bool reads_by_name(const Graph& body) {
  return std::any_of(body.nodes.begin(), body.nodes.end(), [](const Node& n) { return !n.bodies().empty(); });
}

// Puts the nodes of `body` into `g`; `inputs` stand for its inputs. Returns the values that stand for its
// outputs; empty where names would clash.
std::vector<ValueId> put_in(Graph& g, const Graph& body, const std::vector<ValueId>& inputs) {
  std::vector<ValueId> to(body.values.size(), kNoValue);
  for (std::size_t i = 0; i < body.inputs.size(); ++i)
    to[static_cast<std::size_t>(body.inputs[i])] = i < inputs.size() ? inputs[i] : kNoValue;
  const bool by_name = reads_by_name(body);
  // A graph further in knows values of this one by their names, which must stay.
  if (by_name && !body.inputs.empty()) return {};
  for (std::size_t i = 0; i < body.values.size(); ++i) {
    const Value& v = body.values[i];
    const auto id = static_cast<ValueId>(i);
    if (body.is_input(id)) continue;
    if (v.outer) {
      to[i] = g.find(v.name);
      if (to[i] == kNoValue) return {};
      continue;
    }
    const bool clash = g.find(v.name) != kNoValue;
    if (clash && by_name) return {};
    Value copy = v;
    copy.listed = false;
    if (clash || copy.name.empty()) copy.name = g.fresh_name(v.name.empty() ? "f" : v.name);
    to[i] = static_cast<ValueId>(g.values.size());
    if (copy.initializer) g.initializers.push_back(to[i]);
    g.values.push_back(std::move(copy));
  }
  const auto translate = [&](std::vector<ValueId>& list) {
    for (ValueId& v : list)
      if (v != kNoValue) v = to[static_cast<std::size_t>(v)];
  };
  for (Node n : body.nodes) {
    translate(n.inputs);
    translate(n.outputs);
    g.nodes.push_back(std::move(n));
  }
  std::vector<ValueId> outputs = body.outputs;
  translate(outputs);
  return outputs;
}

ValueId constant(Graph& g, std::string_view stem, Tensor t) {
  return g.add_initializer(g.fresh_name(stem), std::move(t));
}

// The element at 0 of a tensor's axis, and a tensor with an axis of 1 put in.
ValueId first_of(Graph& g, ValueId v, std::int64_t axis) {
  return g.add_node("Gather", {v, constant(g, "first", Tensor::of_ints(DType::kInt64, {}, {0}))},
                    {{.name = "axis", .value = axis}});
}
ValueId alone(const Model& model, Graph& g, ValueId v, std::int64_t axis) {
  if (model.opset() < 13) return g.add_node("Unsqueeze", {v}, {{.name = "axes", .value = std::vector{axis}}});
  return g.add_node("Unsqueeze", {v, constant(g, "axes", Tensor::ints({axis}))});
}

// Readers of the node's outputs read these instead; its node must be gone.
bool stand_in(Graph& g, const std::vector<ValueId>& outputs, const std::vector<ValueId>& now) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i] == kNoValue) continue;
    if (i >= now.size() || now[i] == kNoValue) return false;
    // A graph output must be made by a node, once.
    if (g.is_output(outputs[i]) && (producer(g, now[i]) < 0 || g.is_output(now[i]))) {
      g.nodes.push_back({.op_type = "Identity", .inputs = {now[i]}, .outputs = {outputs[i]}});
      continue;
    }
    g.redirect_uses(outputs[i], now[i]);
    // Nested graphs go by the name.
    for (const Node& n : g.nodes)
      for (ValueId v : g.captures(n))
        if (v == outputs[i]) return false;
  }
  return true;
}

bool unfold(Case& c, ValueId node, const Graph& body, bool scan, bool loop) {
  Model& model = c.model;
  Graph& g = model.graph;
  const int at = producer(g, node);
  if (at < 0) return false;
  const Node n = g.nodes[static_cast<std::size_t>(at)];
  g.nodes.erase(g.nodes.begin() + at);
  std::vector<ValueId> inputs;
  std::size_t states = 0;
  if (loop) {
    inputs = {constant(g, "trip", Tensor::of_ints(DType::kInt64, {}, {0})),
              constant(g, "go_on", Tensor::of_ints(DType::kBool, {}, {1}))};
    for (std::size_t i = 2; i < n.inputs.size(); ++i) inputs.push_back(n.inputs[i]);
    states = n.inputs.size() < 2 ? 0 : n.inputs.size() - 2;
  } else if (scan) {
    const auto scanned = static_cast<std::size_t>(n.int_or("num_scan_inputs", 1));
    if (scanned > n.inputs.size() || model.opset() < 9) return false;
    states = n.inputs.size() - scanned;
    const auto axes = n.ints_or("scan_input_axes", {});
    for (std::size_t i = 0; i < n.inputs.size(); ++i)
      inputs.push_back(i < states
                           ? n.inputs[i]
                           : first_of(g, n.inputs[i], i - states < axes.size() ? axes[i - states] : 0));
  } else if (n.op_type != "If") {
    inputs = n.inputs;
  }
  std::vector<ValueId> outputs = put_in(g, body, inputs);
  if (loop && !outputs.empty()) outputs.erase(outputs.begin());  // whether it goes on
  if (outputs.size() < n.outputs.size()) return false;
  if (loop || scan) {
    const auto axes = n.ints_or("scan_output_axes", {});
    for (std::size_t i = states; i < outputs.size(); ++i)
      outputs[i] = alone(model, g, outputs[i], scan && i - states < axes.size() ? axes[i - states] : 0);
  }
  return stand_in(g, n.outputs, outputs);
}

std::vector<Edit> edits(const Subject& s) {
  const Graph& g = s.c.model.graph;
  std::vector<Edit> list;
  for (const Node& n : g.nodes) {
    if (is_control_flow(n)) {
      for (const Attribute& a : n.attributes)
        if (const auto* body = std::get_if<GraphPtr>(&a.value))
          list.emplace_back([node = handle(n), body = *body, op = n.op_type](Case& c) {
            return unfold(c, node, *body, op == "Scan", op == "Loop");
          });
      continue;
    }
    std::vector<std::optional<ArrayType>> types;
    for (ValueId v : n.inputs) {
      const Tensor* t = s.value(v);
      types.push_back(t != nullptr ? std::optional(t->type()) : std::nullopt);
    }
    // The operators of ONNX that are defined by a function stay what they are.
    if (schema(n.op_type, static_cast<int>(s.c.model.opset(n.domain)), n.domain) != nullptr) continue;
    try {
      if (auto body = function_body(s.c.model, n, types))
        list.emplace_back([node = handle(n), body = std::move(*body)](Case& c) {
          for (const auto& [domain, version] : body.opsets)
            if (c.model.opset(domain) == 0) c.model.opsets[domain] = version;
          return unfold(c, node, body.graph, false, false);
        });
    } catch (const UserError&) {  // a broken function: nothing to flatten
    }
  }
  return list;
}

}  // namespace

extern const ShrinkStep flatten;
const ShrinkStep flatten = {.name = "flatten",
                            .what = "Bodies of If, Loop, Scan and functions stand in their node's place.",
                            .structure = true,
                            .edits = edits};

}  // namespace mob::shrink::steps
