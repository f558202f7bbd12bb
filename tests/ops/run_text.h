// Models in ONNX text, evaluated: operators by what they say, or by standard ones that say the same.
#pragma once

#include <gmock/gmock.h>

#include "fuzzer/graph/model_io.h"
#include "fuzzer/reference/reference.h"
#include "tests/ops/run_node.h"

namespace mob::testing {

inline Reference run_text(std::string_view graph, const Inputs& inputs, bool optimized = false) {
  Case c;
  c.model = parse_text(
      "<ir_version: 10, opset_import: [\"\" : 23, \"com.microsoft\" : 1, \"com.microsoft.nchwc\" : 1]> " +
      std::string(graph));
  c.inputs = inputs;
  ReferenceOptions options;
  options.optimized = optimized;
  return evaluate(c, options);
}

// Numbers without a pattern, the same at each call: whole ones of `type` from `low` to `high`, or real ones.
inline Tensor some(DType type, const Dims& dims, double low = -2, double high = 2) {
  std::vector<double> v(static_cast<std::size_t>(element_count(dims)));
  std::uint64_t state = v.size() + 1;
  for (double& x : v) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    x = low + (high - low) * static_cast<double>(state >> 11) * 0x1p-53;
    if (is_int(type)) x = std::round(x);
  }
  return Tensor::of(type, dims, v);
}

// Both graphs give the same for the same inputs, to within the bounds of either.
inline void expect_equal(std::string_view one, std::string_view other, const Inputs& inputs) {
  const Reference a = run_text(one, inputs), b = run_text(other, inputs);
  ASSERT_TRUE(a.available()) << a.unavailable;
  ASSERT_TRUE(b.available()) << b.unavailable;
  ASSERT_EQ(a.outputs.size(), b.outputs.size());
  for (std::size_t o = 0; o < a.outputs.size(); ++o) {
    const Expected &x = a.outputs[o], &y = b.outputs[o];
    ASSERT_EQ(x.type, y.type) << "output " << o;
    for (std::size_t i = 0; i < x.count(); ++i) {
      ASSERT_FALSE(x.open_at(i));
      EXPECT_NEAR(x.value_at(i), y.value_at(i), std::min(x.bound_at(i), y.bound_at(i)) + 1e-9)
          << "output " << o << ", element " << i;
    }
  }
}

}  // namespace mob::testing
