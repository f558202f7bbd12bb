#include "mutators/quantizable.h"

#include <algorithm>
#include <array>

namespace mob::mutators {
namespace {

constexpr std::array<Quantizable, 49> kQuantizable = {{
    {"Conv", 2, false, 0, true},
    {"ConvTranspose", 2, false, 1, true},
    {"Gemm", 2, false, -1, true},
    {"MatMul", 2},
    {"Einsum", 0},
    {"Add", 2},
    {"Sub", 2},
    {"Mul", 2},
    {"Div", 1},
    {"Min", 0},
    {"Max", 0},
    {"Sum", 0},
    {"Concat", 0},
    {"Where", 3},
    {"PRelu", 2},
    {"Relu"},
    {"LeakyRelu"},
    {"Clip"},
    {"Sigmoid"},
    {"HardSigmoid"},
    {"HardSwish"},
    {"Tanh"},
    {"Gelu"},
    {"Elu"},
    {"Erf"},
    {"Exp"},
    {"Neg"},
    {"Abs"},
    {"Softmax"},
    {"LogSoftmax"},
    {"LayerNormalization", 2},
    {"InstanceNormalization", 2, false, 0},
    {"BatchNormalization"},
    {"GlobalAveragePool"},
    {"AveragePool"},
    {"ReduceMean"},
    {"ReduceSum"},
    {"Resize"},
    {"Pad"},
    {"MaxPool", 1, true},
    {"Transpose", 1, true},
    {"Reshape", 1, true},
    {"Flatten", 1, true},
    {"Squeeze", 1, true},
    {"Unsqueeze", 1, true},
    {"Slice", 1, true},
    {"Split", 1, true},
    {"Gather", 1, true},
    {"Expand", 1, true},
}};

}  // namespace

const Quantizable* quantizable(const Node& n) {
  const auto* at = std::find_if(kQuantizable.begin(), kQuantizable.end(),
                                [&](const Quantizable& q) { return q.op == n.op_type; });
  return n.domain.empty() && at != kQuantizable.end() ? at : nullptr;
}

}  // namespace mob::mutators
