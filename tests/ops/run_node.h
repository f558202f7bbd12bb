// One node evaluated on given values and bounds.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fuzzer/ops/op_spec.h"

namespace mob::testing {

struct NodeRun {
  std::vector<Expected> outputs;
  std::size_t unspecified = 0;
  bool random = false;
  const Expected& operator[](std::size_t i) const { return outputs[i]; }
};

using Attributes = std::vector<std::pair<std::string, AttributeValue>>;

inline NodeRun run_node(std::string op, int opset, const std::vector<Expected>& inputs,
                        const Attributes& attributes = {}, std::size_t outputs = 1) {
  Node node;
  node.op_type = std::move(op);
  for (const auto& [name, value] : attributes) node.set(name, value);
  for (std::size_t i = 0; i < outputs; ++i) node.outputs.push_back(static_cast<ValueId>(i));
  std::vector<const Expected*> pointers;
  for (const Expected& x : inputs) {
    node.inputs.push_back(static_cast<ValueId>(outputs + node.inputs.size()));
    // A value without a type: an optional input that is left out.
    pointers.push_back(x.type.dtype == DType::kUndefined ? nullptr : &x);
  }
  const OpSpec* spec = find_op(node.op_type);
  MOB_CHECK(spec != nullptr, node.op_type);
  const Arithmetic arithmetic;
  Evaluation ev(node, opset, pointers, arithmetic);
  spec->infer(ev);
  ev.allocate();
  spec->evaluate(ev);
  return {std::move(ev.results()), ev.unspecified_count(), ev.drew_random()};
}

// Numbers of any type, each with the bound at its place in `e` (none: exact).
inline Expected numbers(DType t, Dims dims, const std::vector<double>& v, const std::vector<double>& e = {}) {
  Expected x = exact(Tensor::of(t, std::move(dims), v));
  for (std::size_t i = 0; i < e.size(); ++i) {
    if (x.holds_ints())
      x.ints().set_bound(i, e[i] < kInfinity<double> ? static_cast<std::int64_t>(e[i]) : Ints::kOpen);
    else if (t == DType::kDouble)
      std::get<Reals<long double>>(x.data).e[i] = e[i];
    else
      std::get<Reals<double>>(x.data).e[i] = e[i];
  }
  return x;
}
inline Expected floats(Dims dims, const std::vector<double>& v, const std::vector<double>& e = {}) {
  return numbers(DType::kFloat, std::move(dims), v, e);
}
inline Expected axes_input(const std::vector<std::int64_t>& axes) {
  return exact(Tensor::ints(axes));
}

inline std::vector<double> values(const Expected& x) {
  std::vector<double> v;
  for (std::size_t i = 0; i < x.count(); ++i) v.push_back(x.value_at(i));
  return v;
}
inline std::vector<double> bounds(const Expected& x) {
  std::vector<double> e;
  for (std::size_t i = 0; i < x.count(); ++i) e.push_back(x.bound_at(i));
  return e;
}

}  // namespace mob::testing
