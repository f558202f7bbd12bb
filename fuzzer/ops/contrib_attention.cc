// Attention in ONNX Runtime's forms and RotaryEmbedding (com.microsoft), by way of the standard operators.
#include "fuzzer/ops/contrib.h"

namespace mob::ops {
namespace {

struct Sizes {
  std::int64_t batch, heads, tokens, past, total;
};

// What a mask adds to the scores, as [batch, 1, tokens, total]: 0, or mask_filter_value for a masked key. The
// forms: raw (1: seen) for each key, or for each query and key; the end of each row, or end and start.
Expected score_mask(const Inference& inf, std::size_t input, const Sizes& s, DType t) {
  const Dims& dims = inf.dims(input);
  const bool by_key = dims == Dims{s.batch, s.total}, by_query = dims == Dims{s.batch, s.tokens, s.total};
  const bool ends = dims == Dims{s.batch}, starts = dims == Dims{2 * s.batch};
  if (!by_key && !by_query && !ends && !starts) throw Unsupported("a mask of this form");
  const std::vector<std::int64_t> mask = inf.ints(input);
  const auto seen = [&](const Dims& i) {
    const std::int64_t b = i[0], key = i[3];
    if (by_key) return mask[static_cast<std::size_t>(b * s.total + key)] > 0;
    if (by_query) return mask[static_cast<std::size_t>((b * s.tokens + i[2]) * s.total + key)] > 0;
    return key < mask[static_cast<std::size_t>(b)] &&
           (ends || key >= mask[static_cast<std::size_t>(s.batch + b)]);
  };
  if (!is_float(t)) throw InvalidNode("Q holds integers");
  const double filter = inf.node().float_or("mask_filter_value", -10000);
  Expected y({t, {s.batch, 1, s.tokens, s.total}});
  std::size_t at = 0;
  for_each_index(y.type.dims,
                 [&](const Dims& i) { set_real(y, at++, Approx<double>{seen(i) ? 0 : filter}); });
  return y;
}

// The standard operator: outputs Y, present_key, present_value. `mask` and `bias` are inputs of the node.
std::vector<Expected> attend(const Inference& inf, const std::vector<const Expected*>& qkv,
                             const Expected* past_key, const Expected* past_value, const Sizes& s,
                             std::size_t mask, std::size_t bias) {
  const DType t = qkv[0]->type.dtype;
  std::optional<Expected> added;
  if (inf.has_input(mask)) added = score_mask(inf, mask, s, t);
  if (inf.has_input(bias)) {
    const Dims scores = {s.batch, s.heads, s.tokens, s.total};
    if (inf.rank(bias) != 4 || inf.dims(bias)[2] != s.tokens || inf.dims(bias)[3] != s.total ||
        !broadcasts_to(inf.dims(bias), scores))
      throw InvalidNode("attention_bias does not broadcast to the scores");
    added = added ? apply(inf, "Add", {}, {&*added, &inf.input(bias)}) : inf.input(bias);
  }
  const std::int64_t causal = inf.node().int_or("unidirectional", 0);
  if (causal != 0 && s.total - s.past != s.tokens)
    throw Unsupported("which keys come before a query of another sequence");
  std::vector<Attribute> attributes = {{"is_causal", causal}};
  if (qkv[0]->type.dims.size() == 3) {
    attributes.push_back({"q_num_heads", s.heads});
    attributes.push_back({"kv_num_heads", s.heads});
  }
  if (const double scale = inf.node().float_or("scale", 0); scale != 0)
    attributes.push_back({"scale", static_cast<float>(scale)});
  return apply_all(inf, "Attention", std::move(attributes),
                   {qkv[0], qkv[1], qkv[2], added ? &*added : nullptr, past_key, past_value}, 3);
}

// Of each token, where `first` is that of the first of each row.
std::vector<std::int64_t> positions_from(std::int64_t first, std::int64_t batch, std::int64_t tokens) {
  std::vector<std::int64_t> positions(static_cast<std::size_t>(batch * tokens));
  for (std::size_t i = 0; i < positions.size(); ++i)
    positions[i] = first + static_cast<std::int64_t>(i) % tokens;
  return positions;
}

std::int64_t heads_of(const Inference& inf) {
  const std::int64_t heads = inf.node().int_or("num_heads", 0);
  if (heads <= 0) throw InvalidNode("num_heads is not given");
  return heads;
}

// input, weights, bias, mask_index, past, attention_bias, past_sequence_length -> output, present
std::vector<Expected> attention(const Inference& inf) {
  const Node& node = inf.node();
  if (node.int_or("do_rotary", 0) != 0 || node.int_or("past_present_share_buffer", 0) != 0 ||
      inf.has_input(6))
    throw Unsupported("Attention with rotation or a shared cache");
  if (inf.rank(0) != 3 || inf.rank(1) != 2) throw InvalidNode("input or weights of another rank");
  const std::int64_t width = inf.dims(1)[1];
  Dims sizes = node.ints_or("qkv_hidden_sizes", {});
  if (sizes.empty()) sizes.assign(3, width / 3);
  if (sizes.size() != 3 || *std::min_element(sizes.begin(), sizes.end()) < 1 ||
      sizes[0] + sizes[1] + sizes[2] != width)
    throw InvalidNode("the weights are not those of Q, K and V");
  Expected merged = apply(inf, "MatMul", {}, {&inf.input(0), &inf.input(1)});
  if (inf.has_input(2)) {
    if (inf.dims(2) != Dims{width}) throw InvalidNode("the bias does not fit the weights");
    const Expected bias = widened(inf.input(2), inf.dims(0)[2]);  // it may be what the sums start from
    merged = apply(inf, "Add", {}, {&merged, &bias});
  }
  std::vector<Expected> parts;
  for (std::int64_t i = 0, at = 0; i < 3; at += sizes[static_cast<std::size_t>(i++)])
    parts.push_back(part(inf, merged, -1, at, at + sizes[static_cast<std::size_t>(i)]));
  Sizes s{inf.dims(0)[0], heads_of(inf), inf.dims(0)[1], 0, 0};
  std::vector<Expected> past;
  if (inf.has_input(4)) {
    const Dims& dims = inf.dims(4);
    if (dims.size() != 5 || dims[0] != 2)
      throw InvalidNode("past is not [2, batch, heads, tokens, channels]");
    s.past = dims[3];
    past.reserve(2);
    for (std::int64_t i : {0, 1})
      past.push_back(reshaped(part(inf, inf.input(4), 0, i, i + 1), Dims(dims.begin() + 1, dims.end())));
  }
  s.total = s.past + s.tokens;
  std::vector<Expected> made =
      attend(inf, {&parts[0], &parts[1], &parts[2]}, past.empty() ? nullptr : &past[0],
             past.empty() ? nullptr : &past[1], s, 3, 5);
  std::vector<Expected> y(2);
  y[0] = std::move(made[0]);
  if (!inf.wants(1)) return y;
  for (Expected& x : made) x.type.dims.insert(x.type.dims.begin(), 1);
  y[1] = apply(inf, "Concat", {{"axis", std::int64_t{0}}}, {&made[1], &made[2]});
  return y;
}

// query, key, value, bias, key_padding_mask, attention_bias, past_key, past_value, past_sequence_length,
// cache_indirection -> output, present_key, present_value
std::vector<Expected> multi_head_attention(const Inference& inf) {
  if (!inf.has_input(1) || !inf.has_input(2) || inf.rank(0) != 3 || inf.rank(1) != 3 || inf.rank(2) != 3)
    throw Unsupported("MultiHeadAttention with packed inputs");
  if (inf.has_input(8) || inf.has_input(9) || inf.wants(3))
    throw Unsupported("MultiHeadAttention with a shared cache, or with scores");
  std::vector<Expected> qkv;
  const std::int64_t width = inf.dims(0)[2] + inf.dims(1)[2] + inf.dims(2)[2];
  if (inf.has_input(3) && inf.dims(3) != Dims{width}) throw InvalidNode("the bias does not fit Q, K and V");
  for (std::size_t i = 0, at = 0; i < 3; at += static_cast<std::size_t>(inf.dims(i++)[2])) {
    qkv.push_back(inf.input(i));
    if (!inf.has_input(3)) continue;
    const auto from = static_cast<std::int64_t>(at);
    const Expected bias = part(inf, inf.input(3), 0, from, from + inf.dims(i)[2]);
    qkv[i] = apply(inf, "Add", {}, {&qkv[i], &bias});
  }
  Sizes s{inf.dims(0)[0], heads_of(inf), inf.dims(0)[1], 0, inf.dims(1)[1]};
  if (inf.has_input(6)) s.past = inf.dims(6).size() == 4 ? inf.dims(6)[2] : 0;
  s.total += s.past;
  return attend(inf, {&qkv[0], &qkv[1], &qkv[2]}, optional_input(inf, 6), optional_input(inf, 7), s, 4, 5);
}

// input, position_ids (of each token, or of the first one), cos_cache, sin_cache
Expected rotary_embedding(const Inference& inf) {
  const Node& node = inf.node();
  if (node.float_or("scale", 1) != 1 || node.int_or("is_packed_batching", 0) != 0)
    throw Unsupported("RotaryEmbedding with a scale or packed batches");
  const Dims& x = inf.dims(0);
  if ((x.size() != 3 && x.size() != 4) || inf.rank(2) != 2)
    throw InvalidNode("input or caches of another rank");
  std::vector<Attribute> attributes;
  copy_attributes(node, {"interleaved", "rotary_embedding_dim"}, attributes);
  std::int64_t heads = node.int_or("num_heads", 0);
  if (heads == 0 && x.size() == 3 && inf.dims(2).back() > 0) heads = x[2] / (2 * inf.dims(2).back());
  if (x.size() == 3) attributes.push_back({"num_heads", heads});
  const std::int64_t batch = x[0], tokens = x[x.size() - 2];
  std::vector<std::int64_t> positions = inf.ints(1);
  if (inf.dims(1) == Dims{1}) positions = positions_from(positions[0], batch, tokens);
  if (static_cast<std::int64_t>(positions.size()) != batch * tokens)
    throw InvalidNode("there is not a position for each token");
  const Expected rows = exact(Tensor::of_ints(DType::kInt64, {batch, tokens}, positions));
  return apply(inf, "RotaryEmbedding", std::move(attributes),
               {&inf.input(0), &inf.input(2), &inf.input(3), &rows});
}

// query, key, value, past_key, past_value, seqlens_k (length of each row of keys, less 1),
// total_sequence_length, cos_cache, sin_cache, position_ids, attention_bias, head_sink -> output,
// present_key, present_value. Covered where the cache holds nothing but the keys before.
std::vector<Expected> group_query_attention(const Inference& inf) {
  const Node& node = inf.node();
  if (!inf.has_input(1) || !inf.has_input(2)) throw Unsupported("GroupQueryAttention with packed inputs");
  if (inf.has_input(11) || inf.input_count() > 12 || inf.wants(3) || node.int_or("smooth_softmax", 0) > 0 ||
      node.int_or("qk_output", 0) != 0)
    throw Unsupported("GroupQueryAttention with sinks, scores or a quantized cache");
  if (inf.rank(0) != 3 || inf.rank(1) != 3) throw InvalidNode("query and key have three axes");
  const std::int64_t batch = inf.dims(0)[0], tokens = inf.dims(0)[1];
  const std::int64_t past = inf.has_input(3) && inf.rank(3) == 4 ? inf.dims(3)[2] : 0;
  for (std::int64_t last : inf.ints(5))
    if (last + 1 != past + tokens) throw Unsupported("GroupQueryAttention with rows of several lengths");
  const std::int64_t heads = heads_of(inf), kv_heads = node.int_or("kv_num_heads", 0);
  std::vector<Expected> qk = {inf.input(0), inf.input(1)};
  if (node.int_or("do_rotary", 0) != 0) {
    if (inf.rank(7) != 2) throw InvalidNode("cos_cache has two axes");
    if (inf.has_input(9)) throw Unsupported("GroupQueryAttention with position_ids");
    const Expected rows =
        exact(Tensor::of_ints(DType::kInt64, {batch, tokens}, positions_from(past, batch, tokens)));
    for (std::size_t i = 0; i < 2; ++i)
      qk[i] = apply(inf, "RotaryEmbedding",
                    {{"num_heads", i == 0 ? heads : kv_heads},
                     {"interleaved", node.int_or("rotary_interleaved", 0)},
                     {"rotary_embedding_dim", 2 * inf.dims(7).back()}},
                    {&qk[i], &inf.input(7), &inf.input(8), &rows});
  }
  std::vector<Attribute> attributes = {
      {"is_causal", std::int64_t{1}}, {"q_num_heads", heads}, {"kv_num_heads", kv_heads}};
  copy_attributes(node, {"softcap"}, attributes);
  if (const double scale = node.float_or("scale", 0); scale != 0)
    attributes.push_back({"scale", static_cast<float>(scale)});
  if (const std::int64_t window = node.int_or("local_window_size", -1); window > 0)
    attributes.push_back({"left_window_size", window - 1});
  return apply_all(inf, "Attention", std::move(attributes),
                   {&qk[0], &qk[1], &inf.input(2), optional_input(inf, 10), optional_input(inf, 3),
                    optional_input(inf, 4)},
                   3);
}

constexpr OpSpec specs[] = {
    composed<attention>("Attention"),
    composed<group_query_attention>("GroupQueryAttention"),
    composed<multi_head_attention>("MultiHeadAttention"),
    composed<rotary_embedding>("RotaryEmbedding"),
};

}  // namespace

namespace family {
extern constinit const Family contrib_attention = specs;
}

}  // namespace mob::ops
