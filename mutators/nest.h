// What mutators share that move a part of a case into a nested graph or a function.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fuzzer/generator/inputs.h"
#include "mutators/edit.h"

namespace mob::mutators {

// Nodes that follow each other in topological order, so that nothing outside stands between them.
struct Part {
  std::vector<int> nodes;      // in topological order
  std::vector<ValueId> reads;  // values from outside that they read, each once
  std::vector<ValueId> makes;  // their outputs that are read outside or are graph outputs
};
// One to five of them; empty where the case has none that can be moved.
std::optional<Part> draw_part(const Case& c, const Facts& f, Rng& rng);

// Whether an operator at the model's opset takes these values as inputs and outputs of its graphs.
bool carries(const Case& c, const Facts& f, std::string_view op, const std::vector<ValueId>& values);

// The type to declare for a value of a case: where some dimensions of its inputs are symbolic, without sizes.
TensorType declared_in(const Case& c, const ArrayType& t);

// A nested graph under construction: its values are named apart from those around it.
class Body {
 public:
  Body(const Case& c, const Facts& f, std::string name, std::string suffix);

  // An input of the graph that stands for a value outside, with its type (or with a leading axis less).
  ValueId input_for(ValueId outside);
  ValueId input(const std::string& stem, const ArrayType& type);
  // A copy of the part's nodes; what they read and has no input here is read from around the graph.
  void add(const Part& part);
  // Within the graph: what was made of an outside value by `add`, else the outside value itself.
  ValueId inner(ValueId outside);
  ValueId add_node(std::string op, std::vector<ValueId> inputs, std::vector<Attribute> attributes = {});
  void output(ValueId inside, const ArrayType& type);
  void output_for(ValueId outside) { output(inner(outside), f_.type(outside)); }

  Graph& graph() { return graph_; }
  GraphPtr take() { return std::make_shared<const Graph>(std::move(graph_)); }

 private:
  std::string fresh(const std::string& stem);

  const Case& c_;
  const Facts& f_;
  std::string suffix_;
  Graph graph_;
  std::map<ValueId, ValueId> inner_;  // by value outside
};

// Takes the nodes of a part out and puts the last node of the graph in their place: its output i takes over
// what reads `makes[i]`.
void replace_part(Case& c, const Part& part, const std::vector<ValueId>& made);

// Appends an If whose condition is known beforehand; `fill` makes the outputs of the branch that is taken,
// and of the other one. Returns its outputs.
std::vector<ValueId> append_if(Case& c, const Facts& f, std::size_t outputs, Rng& rng,
                               const std::function<void(Body&, bool taken)>& fill);

// The body of a mutator that keeps the values: `change` works on a copy, which counts only where it says so.
template <bool (*change)(Case&, const Facts&, Rng&)>
std::optional<Promise> same_values(Case& c, Choices& choices) {
  if (!recompute<change>(c, choices)) return std::nullopt;
  return Promise{.kind = Promise::Kind::kSameValues};
}

}  // namespace mob::mutators
