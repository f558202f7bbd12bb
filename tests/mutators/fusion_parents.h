// Parents for fusions and their reverses: each operator that is spelled out somewhere, alone with random
// shapes, types and attributes; and what the reverses of fusions make of these.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "fuzzer/generator/builder.h"
#include "fuzzer/generator/inputs.h"
#include "fuzzer/graph/model_io.h"
#include "mutators/mutator.h"

namespace mob {

inline std::optional<Case> lone_operator(std::string_view op, Rng& rng) try {
  static const Policy policy;
  BuildOptions options;
  options.opset = static_cast<int>(rng.range(std::max(13, forms(op, 1, kNewestOpset).front()), kNewestOpset));
  Builder b(rng, policy, options);
  const OpSpec* spec = find_op(op, "");
  for (int attempt = 0; attempt < 10; ++attempt)
    if (b.draw_node(*spec, {})) return b.take();
  return std::nullopt;
} catch (const CannotDraft&) {
  return std::nullopt;
}

// What is drawn too rarely as it must be, in sizes of their own.
inline std::vector<Case> written_parents(std::uint64_t seed, std::uint64_t each) {
  std::vector<Case> parents;
  for (std::uint64_t i = 0; i < each; ++i) {
    Rng rng(seed, i);
    const auto size = [&] { return std::to_string(rng.range(1, 5)); };
    const std::string b = size(), t = size(), l = size(), heads = size(), n = size();
    const std::string width = std::to_string(std::stoi(heads) * std::stoi(n));
    const std::string query = "[" + b + "," + heads + "," + t + "," + n + "]";
    const std::string keys = "[" + b + "," + heads + "," + l + "," + n + "]";
    const std::string past = "[" + b + "," + heads + ",2," + n + "]",
                      total = std::to_string(std::stoi(l) + 2),
                      both = "[" + b + "," + heads + "," + total + "," + n + "]";
    const std::string heads_apart = "(float" + query + " q, float" + keys + " k, float" + keys + " v";
    const std::string row = "[" + b + "," + t + "," + width + "]",
                      rows = "[" + b + "," + l + "," + width + "]";
    const std::string number_of_heads = "q_num_heads = " + heads + ", kv_num_heads = " + heads;
    const std::string newest = "<ir_version: 10, opset_import: [\"\" : 23]> g ";
    for (const std::string& text : {
             "<ir_version: 8, opset_import: [\"\" : 17]> g (float[" + b + ",2," + n + "] x) => (float[" + b +
                 ",3," + n + "] y) <float[3,2] w = {0.5, -1.5, 2, 0.25, -3, 1}> { y = MatMul(w, x) }",
             newest + "(float" + query + " q, float" + keys + " k, float" + keys + " v) => (float" + query +
                 " y) { y = Attention<scale = 0.5>(q, k, v) }",
             newest + "(float" + query + " q, float" + keys + " k, float" + keys + " v, float[" + t + "," +
                 l + "] m) => (float" + query + " y) { y = Attention(q, k, v, m) }",
             newest + "(float" + row + " q, float" + rows + " k, float" + rows + " v) => (float" + row +
                 " y) { y = Attention<" + number_of_heads + ">(q, k, v) }",
             "<ir_version: 8, opset_import: [\"\" : 17, \"local\" : 1]> g (float[" + t + "," + l +
                 "] x) => (float[" + t + "," + l + "] y) { a, b = local.F(x)  y = local.G(b, a) } " +
                 "<domain: \"local\", opset_import: [\"\" : 17]> F (x) => (p, q) { p = Neg(x)  q = Exp(p) "
                 "} " +
                 "<domain: \"local\", opset_import: [\"\" : 17]> G (x, z) => (p) { p = Sub(x, z) }",
             newest + heads_apart + ", bool[" + t + "," + l + "] m) => (float" + query +
                 " y) { y = Attention(q, k, v, m) }",
             newest + heads_apart + ") => (float" + query + " y) { y = Attention<is_causal = 1>(q, k, v) }",
             newest + heads_apart + ", float" + past + " pk, float" + past + " pv, bool[" + t + "," + total +
                 "] m) => (float" + query + " y, float" + both + " nk, float" + both +
                 " nv) { y, nk, nv = Attention<is_causal = 1>(q, k, v, m, pk, pv) }",
             newest + heads_apart + ") => (float" + query + " y) <float f = {0.5}> " +
                 "{ d = Transpose<perm = [0, 1, 3, 2]>(k)  p = MatMul(q, d)  s = Mul(p, f) "
                 "w = Softmax<axis = -1>(s)  y = MatMul(w, v) }",
             newest + heads_apart + ", bool[" + b + ",1,1," + l + "] m) => (float" + query +
                 " y) <float f = {2}, float low = {-10000}, float zero = {0}> "
                 "{ h = Div(k, f)  d = Transpose<perm = [0, 1, 3, 2]>(h)  s = MatMul(q, d) "
                 "n = Where(m, zero, low)  a = Add(s, n)  w = Softmax<axis = -1>(a)  y = MatMul(w, v) }",
             newest + heads_apart + ", bool[" + t + "," + l + "] m) => (float" + query +
                 " y) <float f = {0.25}, float low = {-inf}> "
                 "{ h = Mul(q, f)  d = Transpose<perm = [0, 1, 3, 2]>(k)  s = MatMul(h, d) "
                 "a = Where(m, s, low)  w = Softmax<axis = -1>(a)  y = MatMul(w, v) }",
         }) {
      Case c;
      c.model = parse_text(text);
      c.inputs = draw_inputs(c.model, rng);
      parents.push_back(std::move(c));
    }
  }
  return parents;
}

// So many of each operator, and for each reverse of a fusion.
inline std::vector<Case> fusion_parents(std::uint64_t seed, std::uint64_t each = 4) {
  std::vector<Case> parents = written_parents(seed, each);
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
