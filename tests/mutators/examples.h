// Helpers of tests that read as ONNX text: a model in, mutants out.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fuzzer/generator/inputs.h"
#include "fuzzer/graph/model_io.h"
#include "mutators/mutator.h"
#include "oracles/promises.h"

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

using Settings = std::map<std::string, std::string>;

// What a mutator makes of the case in some draws, as (mutant, promise), not settled; `settings` are the
// user's.
inline std::vector<std::pair<Case, Promise>> applied(const Case& c, std::string_view mutator,
                                                     const Settings& settings, std::uint64_t seed,
                                                     int draws) {
  std::vector<std::pair<Case, Promise>> list;
  const Mutator* m = find_mutator(mutator);
  EXPECT_NE(m, nullptr) << mutator;
  for (int i = 0; m != nullptr && i < draws; ++i) {
    Rng rng(seed, static_cast<std::uint64_t>(i));
    Choices choices(rng, settings);
    Case mutant = c;
    if (auto promise = m->apply(mutant, choices)) list.emplace_back(std::move(mutant), std::move(*promise));
  }
  return list;
}

// The mutants of one mutator that settle, for some draws.
inline std::vector<Case> mutants(const Case& c, std::string_view mutator, int draws = 60,
                                 const Settings& settings = {}) {
  std::vector<Case> list;
  for (auto& [mutant, promise] : applied(c, mutator, settings, 2, draws))
    if (settle(mutant)) list.push_back(std::move(mutant));
  return list;
}

inline bool any(const std::vector<Case>& list, auto&& test) {
  return std::any_of(list.begin(), list.end(), test);
}

// The different mutants that a mutator of a meaning-keeping family makes with these settings, in some draws.
// Each is valid and keeps its promise.
inline std::vector<Case> derivations(const Case& c, std::string_view mutator, const Settings& settings,
                                     int draws = 40) {
  std::vector<Case> list;
  for (auto& [mutant, promise] : applied(c, mutator, settings, 3, draws)) {
    EXPECT_TRUE(settle(mutant)) << to_text(mutant.model);
    if (serialize(mutant.model) == serialize(c.model)) continue;  // `derive` takes that for no place
    EXPECT_EQ(check_model(mutant.model), "") << to_text(mutant.model);
    EXPECT_EQ(oracles::broken_promise(c, mutant, promise), "") << to_text(mutant.model);
    const std::string text = to_text(mutant.model);
    const bool seen = any(list, [&](const Case& o) { return to_text(o.model) == text; });
    if (!seen) list.push_back(std::move(mutant));
  }
  return list;
}

// The operators of a mutant without its Constant nodes.
inline std::vector<std::string> steps(const Case& c) {
  std::vector<std::string> ops = operators(c);
  std::erase(ops, "Constant");
  return ops;
}

// The only node of this operator.
inline const Node& the(const Case& c, std::string_view op) {
  static const Node none;
  const Node* found = nullptr;
  for (const Node& n : c.model.graph.nodes)
    if (n.op_type == op) found = &n;
  EXPECT_NE(found, nullptr) << "no " << op << " in\n" << to_text(c.model);
  return found == nullptr ? none : *found;
}

}  // namespace mob
