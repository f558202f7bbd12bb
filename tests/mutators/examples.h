// Helpers of tests that read as ONNX text: a model in, mutants out.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "fuzzer/generator/inputs.h"
#include "fuzzer/graph/model_io.h"
#include "mutators/mutator.h"

namespace mob {

// A case of the graph, which is given as text, with inputs drawn.
inline Case case_of(const std::string& graph, int opset = 17) {
  Case c;
  c.model = parse_text("<ir_version: 8, opset_import: [\"\" : " + std::to_string(opset) + "]>\n" + graph);
  Rng rng(1, 1);
  c.inputs = draw_inputs(c.model, rng);
  return c;
}

// Operators of the top graph, in order.
inline std::vector<std::string> operators(const Case& c) {
  std::vector<std::string> ops;
  for (const Node& n : c.model.graph.nodes) ops.push_back(n.op_type);
  return ops;
}

// The mutants of one mutator that settle, for some draws; `settings` are the user's.
inline std::vector<Case> mutants(const Case& c, std::string_view mutator, int draws = 60,
                                 const std::map<std::string, std::string>& settings = {}) {
  std::vector<Case> list;
  const Mutator* m = find_mutator(mutator);
  EXPECT_NE(m, nullptr) << mutator;
  for (int i = 0; m != nullptr && i < draws; ++i) {
    Rng rng(2, static_cast<std::uint64_t>(i));
    Choices choices(rng, settings);
    Case mutant = c;
    if (m->apply(mutant, choices) && settle(mutant)) list.push_back(std::move(mutant));
  }
  return list;
}

inline bool any(const std::vector<Case>& list, auto&& test) {
  return std::any_of(list.begin(), list.end(), test);
}

}  // namespace mob
