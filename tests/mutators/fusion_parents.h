// Parents for fusions and their reverses: each operator that is spelled out somewhere, alone with random
// shapes, types and attributes; and what the reverses of fusions make of these.
#pragma once

#include <vector>

#include "fuzzer/generator/builder.h"
#include "mutators/mutator.h"

namespace mob {

inline std::optional<Case> lone_operator(std::string_view op, Rng& rng) try {
  static const Policy policy;
  BuildOptions options;
  options.opset = static_cast<int>(rng.range(13, kNewestOpset));
  Builder b(rng, policy, options);
  const OpSpec* spec = find_op(op, "");
  for (int attempt = 0; attempt < 10; ++attempt)
    if (b.draw_node(*spec, {})) return b.take();
  return std::nullopt;
} catch (const CannotDraft&) {
  return std::nullopt;
}

// So many of each operator, and for each reverse of a fusion.
inline std::vector<Case> fusion_parents(std::uint64_t seed, std::uint64_t each = 4) {
  std::vector<Case> parents;
  std::uint64_t drawn = 0;
  for (const std::string_view op : {"Relu",
                                    "LeakyRelu",
                                    "PRelu",
                                    "HardSigmoid",
                                    "HardSwish",
                                    "Elu",
                                    "Celu",
                                    "Selu",
                                    "ThresholdedRelu",
                                    "Softplus",
                                    "Softsign",
                                    "Sigmoid",
                                    "Tanh",
                                    "Mish",
                                    "Swish",
                                    "Clip",
                                    "Gelu",
                                    "LayerNormalization",
                                    "Softmax",
                                    "RMSNormalization",
                                    "InstanceNormalization",
                                    "LpNormalization",
                                    "LogSoftmax",
                                    "GroupNormalization",
                                    "ReduceL1",
                                    "ReduceL2",
                                    "ReduceSumSquare",
                                    "ReduceLogSum",
                                    "ReduceLogSumExp",
                                    "ReduceMin",
                                    "ReduceMax",
                                    "ReduceMean",
                                    "GlobalAveragePool",
                                    "GlobalMaxPool",
                                    "Conv",
                                    "ConvTranspose",
                                    "Gemm",
                                    "MatMul",
                                    "BatchNormalization",
                                    "AveragePool",
                                    "MaxPool",
                                    "DepthToSpace",
                                    "SpaceToDepth",
                                    "Split",
                                    "Concat",
                                    "Sum",
                                    "Mean",
                                    "Max",
                                    "Min",
                                    "Reshape",
                                    "Transpose",
                                    "Cast",
                                    "Slice",
                                    "Squeeze",
                                    "Unsqueeze",
                                    "Pad",
                                    "Attention"})
    for (std::uint64_t i = 0; i < each; ++i) {
      Rng rng(seed, ++drawn);
      if (auto c = lone_operator(op, rng)) parents.push_back(std::move(*c));
    }
  const std::size_t alone = parents.size();
  for (const Mutator* m : all_mutators()) {
    if (m->family != MutatorFamily::kUnfuse) continue;
    std::uint64_t made = 0;
    for (std::size_t i = 0; i < alone && made < 3 * each; ++i) {
      Rng rng(seed, i);
      Choices choices(rng);
      Case c = parents[i];
      if (!derive(c, *m, choices)) continue;
      ++made;
      parents.push_back(std::move(c));
    }
  }
  return parents;
}

}  // namespace mob
