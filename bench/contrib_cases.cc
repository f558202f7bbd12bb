// Random cases of the operators of ONNX Runtime's own domains, one node each, on ONNX Runtime without
// optimization: is every element inside the reference's bound? They are never drawn by the generator, so that
// their drafts stand here.
//
//   bench/contrib_cases [--cases N] [--seed S] [--system onnxruntime@V] [--only OPERATOR] [--keep DIR]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <map>

#include "fuzzer/base/text.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/probes/limits.h"
#include "fuzzer/reference/decidedness.h"
#include "fuzzer/reference/reference.h"
#include "fuzzer/runtime/worker.h"
#include "oracles/compare.h"

namespace {

using namespace mob;

constexpr DType f32 = DType::kFloat, u8 = DType::kUint8, s8 = DType::kInt8, i32 = DType::kInt32;

// A node that is being drawn. Its inputs are graph inputs or initializers.
class Sketch {
 public:
  Sketch(std::uint64_t seed, std::uint64_t index) : rng(seed, index) {
    c.model.opsets = {{"", 17}, {"com.microsoft", 1}, {"com.microsoft.nchwc", 1}};
    c.model.ir_version = 8;
  }

  Rng rng;
  Case c;

  std::int64_t size(std::int64_t most = 5) { return rng.range(1, most); }
  bool flag() { return rng.chance(0.5); }

  void give(Tensor t, bool constant) {
    Graph& g = c.model.graph;
    const std::string name = "x" + std::to_string(inputs_.size());
    if (constant) {
      inputs_.push_back(g.add_initializer(name, std::move(t)));
    } else {
      inputs_.push_back(g.add_input(name, t.type()));
      c.inputs.emplace(name, std::move(t));
    }
  }
  void real(DType t, const Dims& dims, double low = -2, double high = 2) {
    std::vector<double> v(static_cast<std::size_t>(element_count(dims)));
    for (double& x : v) x = rng.uniform(low, high);
    give(Tensor::of(t, dims, v), flag());
  }
  void real(const Dims& dims, double low = -2, double high = 2) { real(f32, dims, low, high); }
  void whole(DType t, const Dims& dims, std::int64_t low, std::int64_t high, bool constant = false) {
    std::vector<std::int64_t> v(static_cast<std::size_t>(element_count(dims)));
    for (std::int64_t& x : v) x = rng.range(low, high);
    give(Tensor::of_ints(t, dims, v), constant);
  }
  // 7 bits at most, where AVX2's sums of products in 16 bits do not saturate.
  void bytes(DType t, const Dims& dims) { whole(t, dims, t == s8 ? -64 : 0, t == s8 ? 63 : 127, flag()); }
  void scale(const Dims& dims = {}) {
    std::vector<double> v(static_cast<std::size_t>(element_count(dims)));
    for (double& x : v) x = rng.uniform(0.005, 0.05);
    give(Tensor::of(f32, dims, v), true);
  }
  void zero(DType t, const Dims& dims = {}) { whole(t, dims, t == s8 ? -20 : 0, t == s8 ? 20 : 100, true); }
  // Values, scale and zero point.
  void quantized(DType t, const Dims& dims) {
    bytes(t, dims);
    scale();
    zero(t);
  }
  void skip() { inputs_.push_back(kNoValue); }
  void maybe(bool given, auto&& draw) { given ? draw() : skip(); }

  void set(std::string name, AttributeValue value) {
    attributes_.push_back({std::move(name), std::move(value)});
  }

  // Ends the sketch. Outputs are those of the mask's bits.
  void node(std::string op, unsigned outputs = 1, std::string domain = "com.microsoft") {
    while (!inputs_.empty() && inputs_.back() == kNoValue) inputs_.pop_back();
    Graph& g = c.model.graph;
    std::size_t count = 0;
    while (outputs >> count != 0) ++count;
    const ValueId first = g.add_node(std::move(op), inputs_, attributes_, count, std::move(domain));
    for (std::size_t i = 0; i < count; ++i) {
      const ValueId v = first + static_cast<ValueId>(i);
      if (outputs >> i & 1)
        g.add_output(v);
      else
        g.nodes.back().outputs[i] = kNoValue;
    }
  }
  // A node that the first input goes through, and one that the first output does.
  void before(std::string op, std::vector<Attribute> attributes, std::string domain) {
    inputs_[0] =
        c.model.graph.add_node(std::move(op), {inputs_[0]}, std::move(attributes), 1, std::move(domain));
  }
  void then(std::string op, std::vector<Attribute> attributes, std::string domain) {
    Graph& g = c.model.graph;
    g.outputs[0] = g.add_node(std::move(op), {g.outputs[0]}, std::move(attributes), 1, std::move(domain));
  }

 private:
  std::vector<ValueId> inputs_;
  std::vector<Attribute> attributes_;
};

// --- products ----------------------------------------------------------------------------------------------

void matrix(Sketch& s, DType t, Dims dims, bool swapped, bool moved) {
  if (swapped) std::swap(dims.end()[-2], dims.end()[-1]);
  if (moved) std::rotate(dims.begin(), dims.end() - 2, dims.end() - 1);
  s.real(t, dims);
}

void draw_fused_matmul(Sketch& s) {
  const DType t = s.rng.pick({f32, f32, f32, DType::kDouble, DType::kFloat16});
  Dims a, b;
  const bool batches = s.rng.chance(0.6), moved_a = batches && s.rng.chance(0.3),
             moved_b = batches && s.rng.chance(0.3);
  if (batches)
    for (std::int64_t i = s.size(2); i > 0; --i) a.push_back(s.size(3));
  b = a;
  if (!moved_a && !moved_b && batches && s.flag())
    b.erase(b.begin(), b.begin() + s.rng.range(0, static_cast<std::int64_t>(b.size())));
  const std::int64_t k = s.size(8), m = s.size(), n = s.size();
  a.insert(a.end(), {m, k});
  b.insert(b.end(), {k, n});
  const bool trans_a = s.flag(), trans_b = s.flag();
  matrix(s, t, a, trans_a, moved_a);
  matrix(s, t, b, trans_b, moved_b);
  s.set("transA", std::int64_t{trans_a});
  s.set("transB", std::int64_t{trans_b});
  if (moved_a || s.flag()) s.set("transBatchA", std::int64_t{moved_a});
  if (moved_b || s.flag()) s.set("transBatchB", std::int64_t{moved_b});
  if (s.flag()) s.set("alpha", s.rng.pick({0.5f, -1.7f, 0.1f}));
  s.node("FusedMatMul");
}

void draw_transpose_matmul(Sketch& s) {
  const bool trans_a = s.flag(), trans_b = s.flag();
  const std::int64_t batch = s.size(3), m = s.size(), k = s.size(), n = s.size();
  matrix(s, f32, {batch, m, k}, trans_a, false);
  matrix(s, f32, {k, n}, trans_b, false);
  s.set("transA", std::int64_t{trans_a});
  s.set("transB", std::int64_t{trans_b});
  if (s.flag()) s.set("alpha", 0.3f);
  s.node("TransposeMatMul");
}

void draw_fused_gemm(Sketch& s) {
  const bool trans_a = s.flag(), trans_b = s.flag();
  const std::int64_t m = s.size(), k = s.size(), n = s.size();
  matrix(s, f32, {m, k}, trans_a, false);
  matrix(s, f32, {k, n}, trans_b, false);
  const Dims shapes[] = {{n}, {1, n}, {m, n}, {m, 1}, {1}};
  s.maybe(s.rng.chance(0.8), [&] { s.real(s.rng.pick(shapes)); });
  s.set("transA", std::int64_t{trans_a});
  s.set("transB", std::int64_t{trans_b});
  if (s.flag()) s.set("alpha", 0.3f);
  if (s.flag()) s.set("beta", -1.5f);
  struct Activation {
    const char* name;
    std::vector<std::pair<const char*, float>> parameters;
  };
  const Activation activations[] = {{"Relu", {}},
                                    {"Sigmoid", {}},
                                    {"Tanh", {}},
                                    {"Softplus", {}},
                                    {"Softsign", {}},
                                    {"Elu", {{"alpha", 0.7f}}},
                                    {"LeakyRelu", {{"alpha", 0.1f}}},
                                    {"ThresholdedRelu", {{"alpha", 0.5f}}},
                                    {"Selu", {{"alpha", 1.6f}, {"gamma", 1.1f}}},
                                    {"HardSigmoid", {{"alpha", 0.3f}, {"beta", 0.4f}}}};
  const Activation& a = s.rng.pick(activations);
  s.set("activation", std::string(a.name));
  for (const auto& [name, value] : a.parameters) s.set(std::string("activation_") + name, value);
  s.node("FusedGemm");
}

void set_activation(Sketch& s) {
  switch (s.rng.below(7)) {
    case 0:
      return;
    case 1:
      return s.set("activation", std::string("Relu"));
    case 2:
      return s.set("activation", std::string("Tanh"));
    case 3:
      return s.set("activation", std::string("Sigmoid"));
    case 4:
      s.set("activation", std::string("LeakyRelu"));
      return s.set("activation_params", std::vector<float>{0.2f});
    case 5:
      s.set("activation", std::string("Clip"));
      return s.set("activation_params", std::vector<float>{-0.5f, 0.8f});
    case 6:
      s.set("activation", std::string("HardSigmoid"));
      return s.set("activation_params", std::vector<float>{0.3f, 0.4f});
  }
}

// Sizes of a convolution in two dimensions, its attributes set.
struct ConvSizes {
  std::int64_t batch, group, channels, filters;  // channels of a group, filters in all
  Dims in, kernel, out;
};
ConvSizes draw_conv_sizes(Sketch& s) {
  ConvSizes z{s.size(2), s.rng.pick({1, 1, 2}), s.size(3), 0, {}, {}, {}};
  z.filters = z.group * s.size(3);
  Dims pads(4), strides, dilations;
  for (std::size_t i = 0; i < 2; ++i) {
    z.kernel.push_back(s.size(3));
    dilations.push_back(s.size(2));
    strides.push_back(s.size(2));
    const std::int64_t span = (z.kernel[i] - 1) * dilations[i] + 1;
    z.in.push_back(span + s.rng.range(0, 4));
    pads[i] = s.rng.range(0, std::min<std::int64_t>(1, span - 1));
    pads[i + 2] = s.rng.range(0, std::min<std::int64_t>(1, span - 1));
    z.out.push_back((z.in[i] + pads[i] + pads[i + 2] - span) / strides[i] + 1);
  }
  s.set("group", z.group);
  s.set("pads", pads);
  s.set("strides", strides);
  s.set("dilations", dilations);
  s.set("kernel_shape", z.kernel);
  return z;
}

void draw_fused_conv(Sketch& s) {
  const ConvSizes z = draw_conv_sizes(s);
  s.real({z.batch, z.group * z.channels, z.in[0], z.in[1]});
  s.real({z.filters, z.channels, z.kernel[0], z.kernel[1]});
  s.maybe(s.rng.chance(0.7), [&] { s.real({z.filters}); });
  s.maybe(s.rng.chance(0.4), [&] { s.real({z.batch, z.filters, z.out[0], z.out[1]}); });
  set_activation(s);
  s.node("FusedConv");
}

// --- activations -------------------------------------------------------------------------------------------

template <const char* Op>
void draw_gelu(Sketch& s) {
  const std::int64_t n = s.size(40);
  const std::string op = Op;
  s.real({s.size(), n}, -5, 5);
  if (op == "BiasGelu" || (op == "FastGelu" && s.flag())) s.real({n});
  if (op == "QuickGelu") s.set("alpha", s.rng.pick({1.702f, 1.0f, -0.5f, 2.0f}));
  s.node(op);
}
constexpr char kGelu[] = "Gelu", kBiasGelu[] = "BiasGelu", kFastGelu[] = "FastGelu",
               kQuickGelu[] = "QuickGelu";

// --- normalizations ----------------------------------------------------------------------------------------

void draw_simplified_layer_norm(Sketch& s) {
  const std::int64_t n = s.size(12);
  const DType t = s.rng.pick({f32, f32, DType::kDouble});
  s.real(t, {s.size(), s.size(), n});
  s.real(t, {n});
  if (s.flag()) s.set("axis", std::int64_t{s.flag() ? -1 : 2});
  if (s.flag()) s.set("epsilon", s.rng.pick({1e-3f, 1e-12f, 0.1f}));
  s.set("stash_type", std::int64_t{1});
  s.node("SimplifiedLayerNormalization", 1, "");
}

template <const char* Op>
void draw_skip_norm(Sketch& s) {
  const std::int64_t batch = s.size(3), tokens = s.size(), n = s.size(12);
  const bool simplified = std::string(Op) != "SkipLayerNormalization";
  const Dims skips[] = {{batch, tokens, n}, {batch, tokens, n}, {1, tokens, n}, {tokens, n}};
  s.real({batch, tokens, n});
  s.real(s.rng.pick(skips));
  s.real({n});
  if (!simplified) s.maybe(s.flag(), [&] { s.real({n}); });
  s.maybe(s.flag(), [&] { s.real({n}); });
  if (s.flag()) s.set("epsilon", s.rng.pick({1e-3f, 1e-12f, 0.1f}));
  s.node(Op, s.flag() ? 1 : simplified ? 0b1001 : 0b1111);
}
constexpr char kSkip[] = "SkipLayerNormalization", kSkipSimplified[] = "SkipSimplifiedLayerNormalization";

void draw_embed_layer_norm(Sketch& s) {
  const std::int64_t batch = s.size(3), tokens = s.size(4), n = s.size(8), words = s.size(6),
                     places = tokens + s.size(3);
  const bool segments = s.flag();
  s.whole(i32, {batch, tokens}, 0, words - 1);
  s.maybe(segments, [&] { s.whole(i32, {batch, tokens}, 0, 1); });
  s.real({words, n});
  s.real({places, n});
  s.maybe(segments, [&] { s.real({2, n}); });
  s.real({n});
  s.real({n});
  const bool mask = s.flag();
  s.maybe(mask, [&] { s.whole(i32, {batch, tokens}, 0, 1); });
  s.maybe(s.flag(), [&] { s.whole(i32, {s.flag() ? batch : 1, tokens}, 0, places - 1); });
  if (s.flag()) s.set("epsilon", 1e-3f);
  s.node("EmbedLayerNormalization", s.flag() ? 0b111 : 0b11);
}

// --- attention ---------------------------------------------------------------------------------------------

void draw_mask(Sketch& s, std::int64_t batch, std::int64_t tokens, std::int64_t total, bool starts) {
  switch (s.rng.below(starts ? 5 : 4)) {
    case 0:
      return s.skip();
    case 1:
      return s.whole(i32, {batch, total}, 0, 1);
    case 2:
      return s.whole(i32, {batch, tokens, total}, 0, 1);
    case 3:
      return s.whole(i32, {batch}, 1, total);
    case 4: {
      std::vector<std::int64_t> v;
      for (std::int64_t i = 0; i < batch; ++i) v.push_back(s.rng.range(1, total));
      for (std::int64_t i = 0; i < batch; ++i)
        v.push_back(s.rng.range(0, v[static_cast<std::size_t>(i)] - 1));
      return s.give(Tensor::of_ints(i32, {2 * batch}, v), false);
    }
  }
}

void draw_attention(Sketch& s) {
  const std::int64_t batch = s.size(3), tokens = s.size(), heads = s.size(3), head = s.size(6),
                     in = s.size(6);
  const bool past = s.rng.chance(0.3);
  const std::int64_t v_head = past || s.flag() ? head : s.size(6), cached = past ? s.size(3) : 0;
  const std::int64_t width = heads * (2 * head + v_head), total = cached + tokens;
  s.real({batch, tokens, in});
  s.real({in, width});
  s.real({width});  // optional by its documentation, but its kernel reads it (a segmentation fault in 1.31.1)
  draw_mask(s, batch, tokens, total, true);
  s.maybe(past, [&] { s.real({2, batch, heads, cached, head}); });
  s.maybe(!past && s.rng.chance(0.3), [&] {
    s.real({s.flag() ? batch : 1, s.flag() ? heads : 1, tokens, total});
  });
  s.set("num_heads", heads);
  if (v_head != head) s.set("qkv_hidden_sizes", Dims{heads * head, heads * head, heads * v_head});
  if (s.rng.chance(0.3)) s.set("scale", 0.7f);
  if (s.rng.chance(0.3)) s.set("unidirectional", std::int64_t{1});
  if (s.rng.chance(0.3)) s.set("mask_filter_value", s.rng.pick({-1e4f, -3.5f, -3.4028235e38f}));
  s.node("Attention", past || (v_head == head && s.rng.chance(0.2)) ? 0b11 : 1);
}

void draw_multi_head_attention(Sketch& s) {
  const std::int64_t batch = s.size(3), tokens = s.size(), heads = s.size(3), head = s.size(6);
  const bool past = s.rng.chance(0.3);
  const std::int64_t keys = s.flag() ? tokens : s.size(), v_head = past || s.flag() ? head : s.size(6);
  const std::int64_t cached = past ? s.size(3) : 0, total = cached + keys;
  s.real({batch, tokens, heads * head});
  s.real({batch, keys, heads * head});
  s.real({batch, keys, heads * v_head});
  s.maybe(s.flag(), [&] { s.real({heads * (2 * head + v_head)}); });
  draw_mask(s, batch, tokens, total, false);
  s.maybe(s.rng.chance(0.3), [&] { s.real({s.flag() ? batch : 1, s.flag() ? heads : 1, tokens, total}); });
  s.maybe(past, [&] { s.real({batch, heads, cached, head}); });
  s.maybe(past, [&] { s.real({batch, heads, cached, v_head}); });
  s.set("num_heads", heads);
  if (s.rng.chance(0.3)) s.set("scale", 0.7f);
  if (keys == tokens && s.rng.chance(0.4)) s.set("unidirectional", std::int64_t{1});
  s.node("MultiHeadAttention", past || s.rng.chance(0.2) ? 0b111 : 1);
}

void draw_group_query_attention(Sketch& s) {
  const std::int64_t batch = s.size(3), kv_heads = s.size(2), heads = kv_heads * s.size(3);
  const std::int64_t half = 8 * s.size(2), head = 2 * half, cached = s.flag() ? s.size(3) : 0;
  const std::int64_t tokens = cached > 0 ? 1 : s.size();  // its kernel takes one token behind a cache
  s.real({batch, tokens, heads * head});
  s.real({batch, tokens, kv_heads * head});
  s.real({batch, tokens, kv_heads * head});
  for (int i = 0; i < 2; ++i) s.maybe(cached > 0, [&] { s.real({batch, kv_heads, cached, head}); });
  s.whole(i32, {batch}, cached + tokens - 1, cached + tokens - 1);
  s.whole(i32, {}, cached + tokens, cached + tokens, true);
  const bool rotary = s.flag();
  for (int i = 0; i < 2; ++i) s.maybe(rotary, [&] { s.real({cached + tokens + 2, half}, -1, 1); });
  s.skip();
  s.maybe(s.rng.chance(0.3), [&] { s.real({1, heads, tokens, cached + tokens}); });
  s.set("num_heads", heads);
  s.set("kv_num_heads", kv_heads);
  if (rotary) s.set("do_rotary", std::int64_t{1});
  if (rotary && s.flag()) s.set("rotary_interleaved", std::int64_t{1});
  if (s.rng.chance(0.3)) s.set("scale", 0.7f);
  if (s.rng.chance(0.3)) s.set("softcap", 2.0f);
  if (s.rng.chance(0.3)) s.set("local_window_size", s.size(3));
  s.node("GroupQueryAttention", 0b111);
}

void draw_rotary_embedding(Sketch& s) {
  const std::int64_t batch = s.size(3), tokens = s.size(), heads = s.size(3), half = s.size(4);
  const std::int64_t rows = tokens + s.size(3);
  const bool four = s.flag(), each = s.flag();
  s.real(four ? Dims{batch, heads, tokens, 2 * half} : Dims{batch, tokens, heads * 2 * half});
  s.whole(DType::kInt64, each ? Dims{batch, tokens} : Dims{1}, 0, each ? rows - 1 : rows - tokens);
  s.real({rows, half}, -1, 1);
  s.real({rows, half}, -1, 1);
  if (s.flag()) s.set("interleaved", s.rng.range(0, 1));
  s.node("RotaryEmbedding");
}

// --- quantized ---------------------------------------------------------------------------------------------

DType byte_type(Sketch& s) {
  return s.flag() ? u8 : s8;
}

// b_scale and b_zero_point: scalars, or one per column.
Dims column_parameter(Sketch& s, std::int64_t n) {
  const Dims shapes[] = {{}, {1}, {n}, {n}};
  return s.rng.pick(shapes);
}

void draw_matmul_integer_to_float(Sketch& s) {
  const DType a = u8, b = byte_type(s);
  const std::int64_t m = s.size(), k = s.size(8), n = s.size(), batch = s.flag() ? 0 : s.size(3);
  s.bytes(a, batch > 0 ? Dims{batch, m, k} : Dims{m, k});
  s.bytes(b, {k, n});
  s.scale(s.flag() ? Dims{} : Dims{1});
  const Dims columns = column_parameter(s, n);
  s.scale(columns);
  s.maybe(s.flag(), [&] { s.zero(a); });
  s.maybe(s.flag(), [&] { s.zero(b, columns); });
  s.maybe(s.flag(), [&] { s.real({n}); });
  s.node("MatMulIntegerToFloat");
}

void draw_dynamic_quantize_matmul(Sketch& s) {
  const DType b = byte_type(s);
  const std::int64_t m = s.size(), k = s.size(8), n = s.size();
  s.real(s.flag() ? Dims{m, k} : Dims{s.size(3), m, k});
  s.bytes(b, {k, n});
  const Dims columns = column_parameter(s, n);
  s.scale(columns);
  s.maybe(s.flag(), [&] { s.zero(b, columns); });
  s.maybe(s.flag(), [&] { s.real({n}); });
  s.node("DynamicQuantizeMatMul");
}

void draw_matmul_nbits(Sketch& s) {
  const std::int64_t bits = s.rng.pick({4, 4, 8}), size = s.rng.pick({16, 32});
  const std::int64_t k = s.rng.range(1, 70), n = s.size(6), blocks = (k + size - 1) / size;
  s.real(s.flag() ? Dims{s.size(), k} : Dims{s.size(3), s.size(), k});
  s.whole(u8, {n, blocks, size * bits / 8}, 0, 255, true);
  s.scale(s.flag() ? Dims{n, blocks} : Dims{n * blocks});
  const std::int64_t row = (blocks * bits + 7) / 8;
  switch (s.rng.below(bits == 4 ? 3 : 2)) {
    case 0:
      s.skip();
      break;
    case 1:
      s.whole(u8, s.flag() ? Dims{n, row} : Dims{n * row}, 0, 255, true);
      break;
    case 2:
      s.give(Tensor::of(f32, {n, blocks}, std::vector<double>(static_cast<std::size_t>(n * blocks), 7.5)),
             true);
      break;
  }
  s.skip();
  s.maybe(s.flag(), [&] { s.real({n}); });
  s.set("K", k);
  s.set("N", n);
  s.set("bits", bits);
  s.set("block_size", size);
  if (s.flag()) s.set("accuracy_level", s.rng.pick({std::int64_t{0}, std::int64_t{1}, std::int64_t{4}}));
  s.node("MatMulNBits");
}

void draw_qlinear_conv(Sketch& s) {
  const ConvSizes z = draw_conv_sizes(s);
  const DType t = byte_type(s), w = t == s8 ? s8 : byte_type(s);
  const bool last = s.rng.chance(0.7);
  const std::int64_t channels = z.group * z.channels;
  s.quantized(t,
              last ? Dims{z.batch, z.in[0], z.in[1], channels} : Dims{z.batch, channels, z.in[0], z.in[1]});
  s.bytes(w, {z.filters, z.channels, z.kernel[0], z.kernel[1]});
  const bool each = s.flag();
  s.scale(each ? Dims{z.filters} : Dims{});
  if (w == s8)  // a zero point other than 0 is for all channels
    s.give(Tensor::of_ints(w, each ? Dims{z.filters} : Dims{},
                           std::vector<std::int64_t>(static_cast<std::size_t>(each ? z.filters : 1))),
           true);
  else
    s.give(Tensor::of_ints(w, {}, {s.rng.range(0, 100)}), true);
  s.give(Tensor::scalar(f32, s.rng.uniform(0.01, 0.1)), true);
  s.zero(t);
  s.maybe(s.flag(), [&] { s.whole(i32, {z.filters}, -500, 500, true); });
  s.set("channels_last", std::int64_t{last});
  s.node("QLinearConv");
}

Dims image(bool last, std::int64_t channels, const Dims& in, std::int64_t batch) {
  return last ? Dims{batch, in[0], in[1], channels} : Dims{batch, channels, in[0], in[1]};
}

template <const char* Op>
void draw_qlinear_unary(Sketch& s) {
  const std::string op = Op;
  const DType t = byte_type(s);
  if (op == "QLinearGlobalAveragePool" || op == "QLinearAveragePool") {
    const bool last = s.flag();
    s.quantized(t, image(last, s.size(), {s.rng.range(3, 6), s.rng.range(3, 6)}, s.size(2)));
    s.set("channels_last", std::int64_t{last});
    if (op == "QLinearAveragePool") {
      s.set("kernel_shape", Dims{s.rng.range(2, 3), s.rng.range(1, 3)});
      s.set("pads", Dims{s.rng.range(0, 1), 0, s.rng.range(0, 1), 0});
      s.set("strides", Dims{s.size(2), s.size(2)});
      s.set("count_include_pad", s.rng.range(0, 1));
    }
  } else {
    // Of one element, 1 in steps of 1 / 196 or less comes out as 0 of its kernel (1.31.1).
    s.quantized(t, {s.size(3), s.rng.range(2, 4), s.rng.range(2, 6)});
  }
  if (op == "QLinearLeakyRelu") s.set("alpha", 0.1f);
  if (op == "QLinearSoftmax") {
    s.set("opset", std::int64_t{s.flag() ? 11 : 13});
    s.set("axis", s.rng.pick({std::int64_t{-1}, std::int64_t{1}, std::int64_t{2}}));
    s.give(Tensor::scalar(f32, s.rng.pick({1.0 / 256, 1.0 / 128})), true);
  } else {
    s.scale();
  }
  s.zero(t);
  s.node(op);
}
constexpr char kSigmoid[] = "QLinearSigmoid", kLeakyRelu[] = "QLinearLeakyRelu",
               kSoftmax[] = "QLinearSoftmax", kAveragePool[] = "QLinearAveragePool",
               kGlobalAveragePool[] = "QLinearGlobalAveragePool", kAdd[] = "QLinearAdd",
               kMul[] = "QLinearMul", kQuantize[] = "QuantizeLinear", kDequantize[] = "DequantizeLinear";

template <const char* Op>
void draw_qlinear_binary(Sketch& s) {
  const DType t = byte_type(s);
  const Dims dims = {s.size(3), s.size(4)}, others[] = {dims, {dims[1]}, {dims[0], 1}, {}};
  s.quantized(t, dims);
  s.quantized(t, s.rng.pick(others));
  s.scale();
  s.zero(t);
  s.node(Op);
}

void draw_qgemm(Sketch& s) {
  const bool trans_a = s.flag(), trans_b = s.flag(), each = s.flag();
  const DType a = byte_type(s), b = a == s8 ? s8 : byte_type(s);
  const std::int64_t m = s.size(), k = s.size(8), n = s.size();
  s.quantized(a, trans_a ? Dims{k, m} : Dims{m, k});
  s.bytes(b, trans_b ? Dims{n, k} : Dims{k, n});
  const Dims columns = each ? Dims{n} : Dims{};
  s.scale(columns);
  s.zero(b, columns);
  s.maybe(s.flag(), [&] { s.whole(i32, {n}, -500, 500, true); });
  if (s.flag()) {
    s.give(Tensor::scalar(f32, 0.03), true);
    s.zero(a);
  }
  s.set("transA", std::int64_t{trans_a});
  s.set("transB", std::int64_t{trans_b});
  if (s.flag()) s.set("alpha", 0.7f);
  s.node("QGemm");
}

void draw_qlinear_concat(Sketch& s) {
  const DType t = byte_type(s);
  s.scale();
  s.zero(t);
  const std::int64_t axis = s.rng.range(0, 1), across = s.size(4);
  for (std::int64_t i = s.size(3); i > 0; --i)
    s.quantized(t, axis == 0 ? Dims{s.size(3), across} : Dims{across, s.size(3)});
  s.set("axis", axis);
  s.node("QLinearConcat");
}

void draw_qlinear_where(Sketch& s) {
  const DType t = byte_type(s);
  const Dims dims = {s.size(3), s.size(4)}, others[] = {dims, {dims[1]}, {dims[0], 1}};
  s.whole(DType::kBool, dims, 0, 1);
  s.quantized(t, s.rng.pick(others));
  s.quantized(t, s.rng.pick(others));
  s.scale();
  s.zero(t);
  s.node("QLinearWhere");
}

void draw_nhwc_max_pool(Sketch& s) {
  const DType t = byte_type(s);
  s.bytes(t, {s.size(2), s.rng.range(4, 7), s.rng.range(4, 7), s.size()});
  s.set("kernel_shape", Dims{s.rng.range(2, 3), s.rng.range(1, 3)});
  s.set("pads", Dims{s.rng.range(0, 1), 0, s.rng.range(0, 1), 0});
  s.set("strides", Dims{s.size(2), s.size(2)});
  if (s.flag()) s.set("ceil_mode", std::int64_t{1});
  s.node("NhwcMaxPool");
}

template <const char* Op>
void draw_rescaled(Sketch& s) {
  const DType t = s.rng.pick({u8, s8, DType::kUint16, DType::kInt16, DType::kInt4, DType::kUint4});
  const bool each = s.flag();
  const Dims dims = {s.size(3), s.size(4)}, scale = each ? Dims{dims[1]} : Dims{};
  const std::int64_t low = t == DType::kInt4 ? -8 : 0, high = t == DType::kInt4    ? 7
                                                              : t == DType::kUint4 ? 15
                                                                                   : 100;
  if (std::string(Op) == "QuantizeLinear")
    s.real(dims);
  else
    s.whole(t, dims, low, high);
  s.scale(scale);
  s.whole(t, scale, low, high, true);
  if (each || s.flag()) s.set("axis", std::int64_t{1});
  s.node(Op);
}

// --- channels in blocks ------------------------------------------------------------------------------------

constexpr char kNchwc[] = "com.microsoft.nchwc";

// The image of one operator, reordered before and after it.
void draw_image(Sketch& s, std::int64_t channels, const Dims& in, bool reordered) {
  const bool last = reordered && s.flag();
  s.real(image(last, channels, in, s.size(2)));
  if (reordered) s.before("ReorderInput", {{"channels_last", std::int64_t{last}}}, kNchwc);
}
void finish_image(Sketch& s, const std::string& op, std::int64_t channels) {
  s.node(op.substr(op.find('.') + 1), 1, kNchwc);
  s.then("ReorderOutput", {{"channels", channels}, {"channels_last", s.rng.range(0, 1)}}, kNchwc);
}

void draw_nchwc_conv(Sketch& s) {
  struct Form {
    std::int64_t channels, group, in, out;
    bool reordered;
  };
  const Form forms[] = {{3, 1, 3, 8, false},   {7, 1, 7, 24, false}, {8, 1, 8, 8, true},
                        {12, 1, 16, 24, true}, {4, 8, 1, 8, true},   {8, 8, 1, 8, true},
                        {24, 3, 8, 24, true},  {16, 1, 16, 8, true}};
  const Form& f = s.rng.pick(forms);
  const Dims kernel = {s.size(3), s.size(3)};
  draw_image(s, f.channels, {s.rng.range(4, 7), s.rng.range(4, 7)}, f.reordered);
  s.real({f.out, f.in, kernel[0], kernel[1]});
  s.maybe(s.flag(), [&] { s.real({f.out}); });
  s.set("group", f.group);
  s.set("kernel_shape", kernel);
  s.set("pads", Dims{kernel[0] / 2, kernel[1] / 2, kernel[0] / 2, s.rng.range(0, kernel[1] - 1)});
  s.set("strides", Dims{s.size(2), s.size(2)});
  set_activation(s);
  finish_image(s, "nchwc.Conv", f.out - s.rng.pick({std::int64_t{0}, std::int64_t{4}}));
}

template <const char* Op>
void draw_nchwc_pool(Sketch& s) {
  const std::string op = Op;
  const std::int64_t channels = s.rng.pick({std::int64_t{8}, std::int64_t{12}, std::int64_t{16}});
  draw_image(s, channels, {s.rng.range(4, 7), s.rng.range(4, 7)}, true);
  if (op == "nchwc.MaxPool" || op == "nchwc.AveragePool") {
    s.set("kernel_shape", Dims{s.rng.range(2, 3), s.rng.range(1, 3)});
    s.set("pads", Dims{s.rng.range(0, 1), 0, s.rng.range(0, 1), 0});
    s.set("strides", Dims{s.size(2), s.size(2)});
    if (op == "nchwc.AveragePool") s.set("count_include_pad", s.rng.range(0, 1));
  }
  if (op == "nchwc.Upsample") {
    s.set("scales", Dims{1, 1, s.size(3), s.size(3)});
    const bool linear = s.flag();
    s.set("mode", std::string(linear ? "linear" : "nearest"));
    if (linear)
      s.set("coordinate_transformation_mode",
            std::string(s.rng.pick({"asymmetric", "half_pixel", "align_corners"})));
  }
  finish_image(s, op, channels);
}
constexpr char kNchwcMaxPool[] = "nchwc.MaxPool", kNchwcAveragePool[] = "nchwc.AveragePool",
               kNchwcGlobalMaxPool[] = "nchwc.GlobalMaxPool",
               kNchwcGlobalAveragePool[] = "nchwc.GlobalAveragePool", kNchwcUpsample[] = "nchwc.Upsample";

struct Operator {
  const char* name;
  void (*draw)(Sketch&);
};
const Operator kOperators[] = {
    {"FusedMatMul", draw_fused_matmul},
    {"TransposeMatMul", draw_transpose_matmul},
    {"FusedGemm", draw_fused_gemm},
    {"FusedConv", draw_fused_conv},
    {"Gelu", draw_gelu<kGelu>},
    {"BiasGelu", draw_gelu<kBiasGelu>},
    {"FastGelu", draw_gelu<kFastGelu>},
    {"QuickGelu", draw_gelu<kQuickGelu>},
    {"SimplifiedLayerNormalization", draw_simplified_layer_norm},
    {"SkipLayerNormalization", draw_skip_norm<kSkip>},
    {"SkipSimplifiedLayerNormalization", draw_skip_norm<kSkipSimplified>},
    {"EmbedLayerNormalization", draw_embed_layer_norm},
    {"Attention", draw_attention},
    {"MultiHeadAttention", draw_multi_head_attention},
    {"GroupQueryAttention", draw_group_query_attention},
    {"RotaryEmbedding", draw_rotary_embedding},
    {"MatMulIntegerToFloat", draw_matmul_integer_to_float},
    {"DynamicQuantizeMatMul", draw_dynamic_quantize_matmul},
    {"MatMulNBits", draw_matmul_nbits},
    {"QLinearConv", draw_qlinear_conv},
    {"QLinearSigmoid", draw_qlinear_unary<kSigmoid>},
    {"QLinearLeakyRelu", draw_qlinear_unary<kLeakyRelu>},
    {"QLinearSoftmax", draw_qlinear_unary<kSoftmax>},
    {"QLinearAveragePool", draw_qlinear_unary<kAveragePool>},
    {"QLinearGlobalAveragePool", draw_qlinear_unary<kGlobalAveragePool>},
    {"QLinearAdd", draw_qlinear_binary<kAdd>},
    {"QLinearMul", draw_qlinear_binary<kMul>},
    {"QGemm", draw_qgemm},
    {"QLinearConcat", draw_qlinear_concat},
    {"QLinearWhere", draw_qlinear_where},
    {"NhwcMaxPool", draw_nhwc_max_pool},
    {"QuantizeLinear", draw_rescaled<kQuantize>},
    {"DequantizeLinear", draw_rescaled<kDequantize>},
    {"nchwc.Conv", draw_nchwc_conv},
    {"nchwc.MaxPool", draw_nchwc_pool<kNchwcMaxPool>},
    {"nchwc.AveragePool", draw_nchwc_pool<kNchwcAveragePool>},
    {"nchwc.GlobalMaxPool", draw_nchwc_pool<kNchwcGlobalMaxPool>},
    {"nchwc.GlobalAveragePool", draw_nchwc_pool<kNchwcGlobalAveragePool>},
    {"nchwc.Upsample", draw_nchwc_pool<kNchwcUpsample>},
};

struct Tally {
  std::size_t ran = 0, rejected = 0, unavailable = 0, outside = 0, elements = 0, poor = 0;
  double closest = 0;  // how much of its bound the worst element uses
  std::string rejection, reason, example;
};

double used_of_bound(const Expected& expected, const Tensor& got) {
  double most = 0;
  for (std::size_t i = 0; i < expected.count(); ++i) {
    if (expected.open_at(i) || !(expected.bound_at(i) > 0)) continue;
    const double gap = std::fabs(got.real_at(static_cast<std::int64_t>(i)) - expected.value_at(i));
    most = std::max(most, gap / expected.bound_at(i));
  }
  return most;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Random cases of ONNX Runtime's own operators against the reference");
  std::uint64_t cases = 300, seed = 1;
  std::string system_words = "onnxruntime", only, keep;
  bool require = false;
  app.add_option("--cases", cases, "of each operator");
  app.add_option("--seed", seed);
  app.add_option("--system", system_words);
  app.add_option("--only", only);
  app.add_option("--keep", keep,
                 "write the first case of each operator that is outside its bound or rejected there");
  app.add_flag("--require", require, "exit 1 where there is a difference, or an operator that never ran");
  CLI11_PARSE(app, argc, argv);

  const System system = with_limits(resolve_system(system_words));
  Worker worker(system);
  bool good = true;
  for (const Operator& op : kOperators) {
    if (!only.empty() && only != op.name) continue;
    // Weights are drawn in blocks of 8 channels; with wider vectors they would be of 16.
    if (__builtin_cpu_supports("avx512f") && std::string_view(op.name).starts_with("nchwc.")) continue;
    Tally t;
    for (std::uint64_t i = 0; i < cases; ++i) {
      Sketch sketch(seed, i);
      op.draw(sketch);
      Case& c = sketch.c;
      const Reference reference = evaluate(c);
      if (!reference.available()) {
        if (t.unavailable++ == 0) t.reason = reference.unavailable;
        continue;
      }
      for (std::size_t o = 0; o < reference.outputs.size(); ++o) {
        Value& v = c.model.graph[c.model.graph.outputs[o]];
        v.type = declared(reference.outputs[o].type);
        v.type->shape.reset();
      }
      const Outcome outcome = worker.run(c, {{.level = 0}})[0];
      if (!outcome.ok()) {
        if (t.rejected++ == 0) {
          t.rejection = one_line(outcome.message, 200);
          if (!keep.empty()) save_case(c, std::filesystem::path(keep) / (std::string(op.name) + "-rejected"));
        }
        continue;
      }
      ++t.ran;
      const Decidedness d = decidedness(reference.outputs);
      t.elements += d.elements;
      t.poor += d.open + d.vague;
      std::string why = oracles::structure_difference(reference.outputs, c.model.graph, outcome.outputs);
      if (why.empty()) {
        for (std::size_t o = 0; o < reference.outputs.size(); ++o)
          t.closest = std::max(t.closest, used_of_bound(reference.outputs[o], outcome.outputs[o].tensor));
        const auto v = oracles::violations(reference.outputs, c.model.graph, outcome.outputs);
        if (v.any()) why = oracles::describe(v.worst);
      }
      if (why.empty()) continue;
      if (t.outside++ > 0) continue;
      t.example = fmt::format("case {}: {}", i, why);
      if (!keep.empty()) save_case(c, std::filesystem::path(keep) / op.name);
    }
    fmt::print(
        "{:34} ran {:4}  rejected {:3}  no reference {:3}  poor {:5.2f} %  at most {:.2f} of the bound  "
        "outside {}\n",
        op.name, t.ran, t.rejected, t.unavailable,
        100.0 * static_cast<double>(t.poor) / static_cast<double>(std::max<std::size_t>(1, t.elements)),
        t.closest, t.outside);
    if (t.rejected > 0) fmt::print("    rejected: {}\n", t.rejection);
    if (t.unavailable > 0) fmt::print("    no reference: {}\n", t.reason);
    if (t.outside > 0) fmt::print("    OUTSIDE {}\n", t.example);
    good = good && t.ran > 0 && t.outside == 0;
  }
  return require && !good ? 1 : 0;
}
