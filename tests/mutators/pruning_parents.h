// Networks with channels and heads to prune: drawn modules one after another, written as ONNX text.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "fuzzer/generator/inputs.h"
#include "fuzzer/graph/model_io.h"
#include "mutators/mutator.h"

namespace mob {

// A case of a graph in text form. Inputs whose names begin with "w" become initializers of the drawn values.
inline Case case_with_weights(const std::string& graph, int opset, Rng& rng) {
  Case c;
  c.model = parse_text(fmt::format("<ir_version: 8, opset_import: [\"\" : {}]>\n{}", opset, graph));
  c.inputs = draw_inputs(c.model, rng);
  Graph& g = c.model.graph;
  std::erase_if(g.inputs, [&](ValueId v) {
    if (g[v].name[0] != 'w') return false;
    g[v].initializer = std::make_shared<const Tensor>(std::move(c.inputs[g[v].name]));
    c.inputs.erase(g[v].name);
    g.initializers.push_back(v);
    return true;
  });
  settle(c);
  return c;
}

// The text of a network that grows.
class Net {
 public:
  explicit Net(Rng& rng) : rng_(rng) {}

  std::string weight(const std::vector<std::int64_t>& dims) {
    inputs_.push_back(fmt::format("float[{}] w{}", fmt::join(dims, ","), inputs_.size()));
    return fmt::format("w{}", inputs_.size() - 1);
  }
  // Some of the same dimensions, "w1, w2".
  std::string weights(const std::vector<std::int64_t>& dims, int count) {
    std::string list = weight(dims);
    for (int i = 1; i < count; ++i) list += ", " + weight(dims);
    return list;
  }
  std::string ints(const std::vector<std::int64_t>& values) {
    return op("Constant<value_ints = [{}]>()", fmt::join(values, ", "));
  }
  // Appends a node, `y = format`, and returns its name.
  template <class... T>
  std::string op(fmt::format_string<T...> format, T&&... words) {
    const std::string name = fmt::format("v{}", nodes_++);
    body_ += fmt::format("  {} = {}\n", name, fmt::format(format, std::forward<T>(words)...));
    return name;
  }
  std::string text(const std::string& input, const std::string& output) const {
    return fmt::format("g ({} x{}{}) => (float y) {{\n{}  y = Identity({})\n}}", input,
                       inputs_.empty() ? "" : ", ", fmt::join(inputs_, ", "), body_, output);
  }

  // --- Modules of images [2, channels, size, size].
  std::int64_t channels = 3, size = 6;

  std::string conv(const std::string& x, std::int64_t from, std::int64_t to, std::int64_t group = 1) {
    const std::int64_t k = rng_.pick({1, 3});
    const std::string bias = rng_.chance(0.5) ? ", " + weight({to}) : "";
    return op("Conv<group = {}, pads = [{}, {}, {}, {}]>({}, {}{})", group, k / 2, k / 2, k / 2, k / 2, x,
              weight({to, from / group, k, k}), bias);
  }
  std::string between(const std::string& x, std::int64_t c) {
    switch (rng_.below(8)) {
      case 0:
        return op("Relu({})", x);
      case 1:
        return op("PRelu({}, {})", x, weight({c, 1, 1}));
      case 2:
        return op("Mul({}, {})", x, weight({1, c, 1, 1}));
      case 3:
        return op("Sigmoid({})", op("Add({}, {})", x, weight({c, 1, 1})));
      case 4:
        return op("InstanceNormalization({}, {})", x, weights({c}, 2));
      case 5: {  // channels last, and back
        const std::string last = op("Transpose<perm = [0, 2, 3, 1]>({})", x);
        return op("Transpose<perm = [0, 3, 1, 2]>({})", op("Mul({}, {})", last, weight({c})));
      }
      case 6: {
        const std::string variance = op("Exp({})", weight({c}));
        return op("BatchNormalization({}, {}, {})", x, weights({c}, 3), variance);
      }
      default:
        return x;
    }
  }
  std::string module(const std::string& x);
  std::string head(const std::string& x);
  // --- Of tokens [2, 4, hidden].
  std::string attention(const std::string& x, std::int64_t heads, std::int64_t size_of_head, bool fused);

 private:
  std::string bottleneck(const std::string& x, std::int64_t c) {
    const std::int64_t inner = rng_.range(2, 6);
    return conv(between(conv(x, c, inner), inner), inner, c);
  }

  Rng& rng_;
  int nodes_ = 0;
  std::string body_;
  std::vector<std::string> inputs_;
};

// Draws a module of `channels`, which may change.
inline std::string Net::module(const std::string& x) {
  const std::int64_t c = channels;
  switch (rng_.below(7)) {
    case 0:  // residual
      return between(op("Add({}, {})", x, bottleneck(x, c)), c);
    case 1: {  // two branches side by side
      const std::int64_t other = rng_.range(1, 4);
      channels += other;
      const std::string branch = conv(x, c, other);
      return op("Concat<axis = 1>({}, {})", x, branch);
    }
    case 2:  // depthwise, with a multiplier
      channels *= rng_.pick({1, 2});
      return between(conv(x, c, channels, c), channels);
    case 3: {  // squeeze and excitation
      const std::string gate = bottleneck(op("GlobalAveragePool({})", x), c);
      return op("Mul({}, {})", x, op("Sigmoid({})", op("AveragePool<kernel_shape = [1, 1]>({})", gate)));
    }
    case 4:  // groups
      if (c % 2 != 0) break;
      channels = 2 * rng_.range(1, 4);
      return between(conv(x, c, channels, 2), channels);
    case 5:
      channels = rng_.range(2, 6);
      return op("ConvTranspose({}, {})", x, weight({c, channels, 1, 1}));
    default:
      break;
  }
  channels = rng_.range(2, 8);
  return between(conv(x, c, channels), channels);
}

// Classes from an image.
inline std::string Net::head(const std::string& x) {
  const std::int64_t c = channels, all = c * size * size, hidden = rng_.range(2, 6);
  switch (rng_.below(4)) {
    case 0:
      return op("Gemm<transB = 1>({}, {})", op("Flatten({})", x), weight({hidden, all}));
    case 1: {
      const std::string flat = op("Reshape({}, {})", x, ints({2, all}));
      const std::string matrix = weight({all, hidden});
      const std::string first = op("Relu({})", op("Gemm({}, {}, {})", flat, matrix, weight({hidden})));
      return op("MatMul({}, {})", first, weight({hidden, 3}));
    }
    case 2: {
      const std::string means = op("ReduceMean<axes = [2, 3], keepdims = 0>({})", x);
      return op("MatMul({}, {})", means, weight({c, hidden}));
    }
    default:
      return conv(x, c, hidden);
  }
}

inline std::string Net::attention(const std::string& x, std::int64_t heads, std::int64_t each, bool fused) {
  const std::int64_t hidden = heads * each;
  const auto project = [&](std::int64_t to) {
    const std::string product = op("MatMul({}, {})", x, weight({hidden, to}));
    return op("Add({}, {})", product, weight({to}));
  };
  std::string made;
  if (fused) {
    const std::int64_t shared = heads % 2 == 0 && rng_.chance(0.5) ? heads / 2 : heads;
    const std::string q = project(hidden), k = project(shared * each), v = project(shared * each);
    made = op("Attention<q_num_heads = {}, kv_num_heads = {}>({}, {}, {})", heads, shared, q, k, v);
  } else {
    const auto split = [&](bool swapped) {
      const std::string four = op("Reshape({}, {})", project(hidden), ints({0, 0, heads, each}));
      return op("Transpose<perm = [{}]>({})", swapped ? "0, 2, 3, 1" : "0, 2, 1, 3", four);
    };
    const std::string q = split(false), k = split(true), v = split(false);
    const std::string scores = op("Softmax<axis = -1>({})", op("MatMul({}, {})", q, k));
    const std::string mixed = op("Transpose<perm = [0, 2, 1, 3]>({})", op("MatMul({}, {})", scores, v));
    made = op("Reshape({}, {})", mixed, ints({0, 0, rng_.chance(0.5) ? -1 : hidden}));
  }
  return op("Add({}, {})", x, op("MatMul({}, {})", made, weight({hidden, hidden})));
}

inline Case drawn_network(Rng& rng) {
  Net net(rng);
  if (rng.chance(0.3)) {
    const bool fused = rng.chance(0.5);
    const std::int64_t heads = rng.range(2, 4), each = rng.range(1, 4), hidden = heads * each;
    const std::string mixed = net.attention("x", heads, each, fused);
    const std::string inner = net.op("Relu({})", net.op("MatMul({}, {})", mixed, net.weight({hidden, 5})));
    const std::string out =
        net.op("Add({}, {})", mixed, net.op("MatMul({}, {})", inner, net.weight({5, hidden})));
    return case_with_weights(net.text(fmt::format("float[2, 4, {}]", hidden), out), fused ? 23 : 17, rng);
  }
  std::string at = "x";
  for (std::int64_t i = rng.range(2, 5); i > 0; --i) at = net.module(at);
  return case_with_weights(net.text("float[2, 3, 6, 6]", net.head(at)), 17, rng);
}

inline void add_networks(std::vector<Case>& parents, int count) {
  for (int i = 0; i < count; ++i) {
    Rng rng(33, static_cast<std::uint64_t>(i));
    parents.push_back(drawn_network(rng));
  }
}

}  // namespace mob
