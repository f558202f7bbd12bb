// Small models given as ONNX text, and what mutators make of them.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "fuzzer/generator/inputs.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/reference/reference.h"
#include "mutators/mutator.h"

namespace mob {

inline Case case_of(const std::string& graph, int opset = 17) {
  Case c;
  c.model = parse_text("<ir_version: 8, opset_import: [\"\" : " + std::to_string(opset) + "]>\n" + graph);
  Rng rng(1, 1);
  c.inputs = draw_inputs(c.model, rng);
  return c;
}

inline std::vector<std::string> operators(const Case& c) {
  std::vector<std::string> ops;
  for (const Node& n : c.model.graph.nodes) ops.push_back(n.op_type);
  return ops;
}

// The mutants of one mutator that settle, for some draws.
inline std::vector<Case> mutants(const Case& c, std::string_view mutator, int draws = 60) {
  std::vector<Case> list;
  const Mutator* m = find_mutator(mutator);
  EXPECT_NE(m, nullptr) << mutator;
  for (int i = 0; m != nullptr && i < draws; ++i) {
    Rng rng(2, static_cast<std::uint64_t>(i));
    Choices choices(rng);
    Case mutant = c;
    if (m->apply(mutant, choices) && settle(mutant)) list.push_back(std::move(mutant));
  }
  return list;
}

}  // namespace mob
