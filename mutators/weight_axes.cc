#include "mutators/weight_axes.h"

namespace mob::mutators {

std::optional<WeightAxes> weight_axes(const Node& n, int slot, std::size_t rank) {
  const int last = static_cast<int>(rank) - 1;
  if (!n.domain.empty() || last < 1) return std::nullopt;
  if (n.op_type == "Conv" && slot == 1) return WeightAxes{.reduced = 1, .output = 0};
  if (n.op_type == "ConvTranspose" && slot == 1) return WeightAxes{.reduced = 0, .output = 1};
  const bool second = slot == 1;
  if (n.op_type == "MatMul") {
    if (second) return WeightAxes{.reduced = last - 1, .output = last};
    return WeightAxes{.reduced = last, .output = last - 1};
  }
  if (n.op_type == "Gemm" && slot < 2) {
    const bool swapped = n.int_or(second ? "transB" : "transA", 0) != 0;
    if (second != swapped) return WeightAxes{.reduced = 0, .output = 1};
    return WeightAxes{.reduced = 1, .output = 0};
  }
  if ((n.op_type == "LSTM" || n.op_type == "GRU" || n.op_type == "RNN") && (slot == 1 || slot == 2))
    return WeightAxes{.reduced = 2, .output = 1};
  return std::nullopt;
}

std::optional<WeightAxes> weight_axes(const Case& c, const Facts& f, ValueId weight) {
  for (const Use& u : f.uses(weight)) {
    if (u.node < 0) continue;
    const Node& n = c.model.graph.nodes[static_cast<std::size_t>(u.node)];
    if (const auto axes = weight_axes(n, u.slot, f.type(weight).rank())) return axes;
  }
  return std::nullopt;
}

}  // namespace mob::mutators
