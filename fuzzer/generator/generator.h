// Cases from nothing: random graphs, and motifs alone or planted in them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fuzzer/base/rng.h"
#include "fuzzer/generator/builder.h"
#include "fuzzer/generator/motifs/motif.h"
#include "fuzzer/graph/case.h"

namespace mob {

struct GeneratorOptions {
  Policy policy;
  const Support* support = nullptr;  // null: whatever the schemas take
  int max_opset = kNewestOpset;
};

struct Generated {
  Case c;
  std::string motif;                       // name, or empty
  std::vector<std::string> broken_guards;  // of the motif
  bool special = false;                    // special values on purpose
};

// What a generated case is made for; what is not given is drawn.
struct Aim {
  const OpSpec* op = nullptr;      // first node of a random graph
  int opset = 0;                   // 0: drawn
  std::optional<DType> type = {};  // of that node's first input
  int nodes = 0;                   // of a random graph; 0: drawn
  const Motif* motif = nullptr;
  std::optional<int> broken_guards = {};  // how many
  std::optional<bool> planted = {};
};

// A random graph, its first node of a (operator, type, opset form) triple that is drawn evenly among those
// supported. Empty where the draws do not work out (the caller draws again).
std::optional<Generated> generate_graph(Rng& rng, const GeneratorOptions& options, const Aim& aim = {});

// A motif, whole or as a near miss, alone or with random nodes before and after it. Empty likewise.
std::optional<Generated> generate_motif(Rng& rng, const GeneratorOptions& options, const Aim& aim = {});

// The case of a motif given as a model (ONNX text of the user): its nodes, with random ones around them. The
// model's inputs are fed by neighbours now and then. Empty where one of its operators is not covered.
std::optional<Generated> plant(Rng& rng, const GeneratorOptions& options, const Case& motif);

}  // namespace mob
