// Attention: softmax(softcap(scale Q K^T) + bias) V for each head, with caches of keys and values.
#include "fuzzer/ops/softmax_line.h"
#include "fuzzer/ops/standardize.h"

namespace mob::ops {
namespace {

enum Input : std::size_t { kQ, kK, kV, kMask, kPastKey, kPastValue, kNonpad };
enum Output : std::size_t { kY, kPresentKey, kPresentValue, kScores };

// What qk_matmul_output shows.
enum class Shown : std::int64_t { kProduct, kCapped, kBiased, kWeights };

// Where element (batch, head, token, channel) of Q, K, V or Y stands.
struct Layout {
  std::int64_t heads, tokens, channels;
  bool merged;  // [batch, tokens, heads * channels]
  std::size_t operator()(std::int64_t b, std::int64_t h, std::int64_t t, std::int64_t c) const {
    const std::int64_t row = merged ? (b * tokens + t) * heads + h : (b * heads + h) * tokens + t;
    return static_cast<std::size_t>(row * channels + c);
  }
  Dims dims(std::int64_t batch) const {
    return merged ? Dims{batch, tokens, heads * channels} : Dims{batch, heads, tokens, channels};
  }
};

struct Plan {
  std::int64_t batch;
  Layout q, k, v, y;
  std::int64_t past, total;  // keys from the cache, and all of them
  double scale, softcap;     // softcap 0: none
  bool causal;
  std::int64_t left, right;  // sizes of the window; -1: no limit
  DType precision;           // of the softmax
  Shown shown;

  std::int64_t group() const { return q.heads / k.heads; }  // heads of Q that share one of K and V
};

Layout layout(const Dims& dims, std::int64_t heads) {
  if (dims.size() == 4) return {dims[1], dims[2], dims[3], false};
  if (dims.size() != 3) throw InvalidNode("Q, K and V have three or four axes");
  if (heads <= 0) throw InvalidNode("the numbers of heads must be given for 3-D inputs");
  if (dims[2] % heads != 0) throw InvalidNode("the hidden size is no multiple of the number of heads");
  return {heads, dims[1], dims[2] / heads, true};
}

// The mask is seen as one of [batch, heads, tokens, length].
void check_mask(const Inference& inf, const Plan& p) {
  if (!inf.has_input(kMask)) return;
  const DType t = inf.type(kMask).dtype;
  if (t != DType::kBool && t != inf.type(kQ).dtype) throw Unsupported("a mask of another type than Q");
  const Dims& dims = inf.dims(kMask);
  if (dims.empty()) throw Unsupported("a scalar mask");
  const std::int64_t length = dims.back();
  // Since opset 24 a short mask is padded; whether one of size 1 is, or is broadcast, is left open.
  if (length == 1 && p.total != 1) throw Unsupported("a mask whose last dimension is 1");
  if (length > p.total || (length < p.total && inf.opset() < 24))
    throw InvalidNode("the mask does not have the keys' length");
  if (!broadcasts_to(dims, {p.batch, p.q.heads, p.q.tokens, length}))
    throw InvalidNode("the mask does not broadcast to the scores");
}

void read_attributes(const Node& node, Plan& p) {
  if (!node.has("scale") && p.q.channels == 0) throw Unsupported("the default scale of empty heads");
  p.scale = node.float_or("scale", 1 / std::sqrt(static_cast<double>(p.q.channels)));
  p.softcap = node.float_or("softcap", 0);
  if (!(p.scale > 0)) throw Unsupported("a scale that is not positive");
  if (!(p.softcap >= 0)) throw Unsupported("a negative softcap");
  p.causal = node.int_or("is_causal", 0) != 0;
  p.left = node.int_or("left_window_size", -1);
  p.right = node.int_or("right_window_size", -1);
  if (p.left < -1 || p.right < -1) throw InvalidNode("the size of a window is below -1");
  const std::int64_t mode = node.int_or("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3) throw InvalidNode("there is no such qk_matmul_output_mode");
  p.shown = static_cast<Shown>(mode);
}

Plan plan(const Inference& inf) {
  const Node& node = inf.node();
  Plan p{};
  if (inf.rank(kQ) != inf.rank(kK) || inf.rank(kQ) != inf.rank(kV))
    throw InvalidNode("Q, K and V differ in rank");
  p.batch = inf.dims(kQ).at(0);
  p.q = layout(inf.dims(kQ), node.int_or("q_num_heads", 0));
  p.k = layout(inf.dims(kK), node.int_or("kv_num_heads", 0));
  p.v = layout(inf.dims(kV), node.int_or("kv_num_heads", 0));
  if (inf.dims(kK)[0] != p.batch || inf.dims(kV)[0] != p.batch) throw InvalidNode("the batches differ");
  if (p.k.heads != p.v.heads || p.k.tokens != p.v.tokens || p.k.channels != p.q.channels)
    throw InvalidNode("Q, K and V do not fit each other");
  if (p.k.heads == 0 || p.q.heads % p.k.heads != 0)
    throw InvalidNode("the heads of Q cannot be shared out to those of K");
  p.y = {p.q.heads, p.q.tokens, p.v.channels, p.q.merged};
  if (inf.has_input(kPastKey) != inf.has_input(kPastValue))
    throw InvalidNode("past_key and past_value go together");
  if (inf.has_input(kPastKey)) {
    p.past = inf.dims(kPastKey).size() == 4 ? inf.dims(kPastKey)[2] : 0;
    if (inf.dims(kPastKey) != Dims{p.batch, p.k.heads, p.past, p.k.channels} ||
        inf.dims(kPastValue) != Dims{p.batch, p.k.heads, p.past, p.v.channels})
      throw InvalidNode("the cache does not fit K and V");
  }
  p.total = p.past + p.k.tokens;
  if (p.total == 0) throw Unsupported("attention to no key at all");
  if (inf.has_input(kNonpad)) {
    if (inf.has_input(kPastKey) || inf.wants(kPresentKey) || inf.wants(kPresentValue))
      throw InvalidNode("nonpad_kv_seqlen goes without the cache of the operator");
    if (inf.dims(kNonpad) != Dims{p.batch}) throw InvalidNode("nonpad_kv_seqlen is not [batch]");
  }
  check_mask(inf, p);
  read_attributes(node, p);
  const std::int64_t t = node.int_or("softmax_precision", static_cast<std::int64_t>(inf.type(kQ).dtype));
  if (t < 0 || t >= kDTypeCount || !kFloats.has(static_cast<DType>(t)))
    throw InvalidNode("softmax_precision is no floating-point type");
  p.precision = static_cast<DType>(t);
  return p;
}

void infer(Inference& inf) {
  const Plan p = plan(inf);
  const DType t = inf.type(kQ).dtype;
  inf.set_output(kY, {t, p.y.dims(p.batch)});
  if (inf.wants(kPresentKey)) inf.set_output(kPresentKey, {t, {p.batch, p.k.heads, p.total, p.k.channels}});
  if (inf.wants(kPresentValue))
    inf.set_output(kPresentValue, {inf.type(kV).dtype, {p.batch, p.v.heads, p.total, p.v.channels}});
  if (inf.wants(kScores)) inf.set_output(kScores, {t, {p.batch, p.q.heads, p.q.tokens, p.total}});
}

// The cache followed by what is new.
void store_present(Evaluation& ev, const Plan& p, const Layout& fresh, std::size_t now, std::size_t past,
                   std::size_t output) {
  if (!ev.wants(output)) return;
  Expected& out = ev.output(output);
  std::size_t to = 0, from_past = 0;
  for_each_index(out.type.dims, [&](const Dims& i) {
    if (i[2] < p.past)
      copy_element(ev.input(past), from_past++, out, to++);
    else
      copy_element(ev.input(now), fresh(i[0], i[1], i[2] - p.past, i[3]), out, to++);
  });
}

template <class R>
class Heads {
 public:
  Heads(Evaluation& ev, const Plan& p)
      : ev_(ev),
        p_(p),
        rounding_(ev.rounding_of<R>(coarsest({ev.type(kQ).dtype, ev.type(kV).dtype}))),
        softmax_rounding_(ev.rounding_of<R>(coarsest({ev.type(kQ).dtype, p.precision}))) {
    if (ev.has_input(kNonpad)) {
      nonpad_ = ev.ints(kNonpad);
      for (std::int64_t n : nonpad_)
        if (n < 0 || n > p.total) throw InvalidNode("nonpad_kv_seqlen is beyond the keys");
    }
    if (ev.has_input(kMask)) {
      mask_length_ = ev.dims(kMask).back();
      at_mask_ = broadcast_map(ev.dims(kMask), {p.batch, p.q.heads, p.q.tokens, mask_length_});
    }
  }

  void run() {
    for (std::int64_t b = 0; b < p_.batch; ++b)
      for (std::int64_t h = 0; h < p_.q.heads; ++h) head(b, h);
  }

 private:
  static std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

  // Token t of K or V, with the cache in front.
  Approx<R> cached(const Layout& fresh, std::size_t now, std::size_t past, std::int64_t b, std::int64_t h,
                   std::int64_t t, std::int64_t c) {
    if (t >= p_.past) return ev_.reals<R>(now)[fresh(b, h, t - p_.past, c)];
    return ev_.reals<R>(past)[size(((b * fresh.heads + h) * p_.past + t) * fresh.channels + c)];
  }

  // What is added to a score. `masked`: minus infinity, as the text has it.
  struct Bias {
    bool masked = false;
    Approx<R> value = {};
  };
  Bias bias(std::int64_t b, std::int64_t h, std::int64_t i, std::int64_t j) {
    Bias bias;
    const bool padded = !nonpad_.empty();
    const std::int64_t at = i + (padded ? nonpad_[size(b)] - p_.q.tokens : p_.past);
    bias.masked = (padded && j >= nonpad_[size(b)]) || (p_.causal && j > at) ||
                  (p_.left >= 0 && j < at - p_.left) || (p_.right >= 0 && j > at + p_.right);
    if (!ev_.has_input(kMask)) return bias;
    if (j >= mask_length_) return {true, {}};
    const std::size_t index =
        at_mask_.empty() ? size(((b * p_.q.heads + h) * p_.q.tokens + i) * mask_length_ + j)
                         : size(at_mask_[size(((b * p_.q.heads + h) * p_.q.tokens + i) * mask_length_ + j)]);
    const Expected& mask = ev_.input(kMask);
    if (!mask.holds_ints()) {
      bias.value = ev_.reals<R>(kMask)[index];
    } else if (mask.open_at(index)) {
      bias.value = open_value<R>();
    } else if (mask.ints().v[index] == 0) {
      bias.masked = true;
    }
    return bias;
  }

  // scale Q K^T. Each side may be multiplied by a rounded sqrt(scale), or the product by scale.
  Reals<R> products(std::int64_t b, std::int64_t h) {
    const std::int64_t rows = p_.q.tokens, depth = p_.q.channels, keys = p_.total;
    const Approx<R> root{static_cast<R>(std::sqrt(p_.scale))};
    Reals<R> q, k, y;
    q.resize(size(rows * depth));
    k.resize(size(depth * keys));
    y.resize(size(rows * keys));
    const auto& given = ev_.reals<R>(kQ);
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t c = 0; c < depth; ++c)
        q.set(size(i * depth + c), rounding_.add(given[p_.q(b, h, i, c)] * root, 2));
    for (std::int64_t j = 0; j < keys; ++j)
      for (std::int64_t c = 0; c < depth; ++c)
        k.set(size(c * keys + j),
              rounding_.add(cached(p_.k, kK, kPastKey, b, h / p_.group(), j, c) * root, 2));
    add_matmul<R>({q.v.data(), q.e.data()}, {k.v.data(), k.e.data()}, y.v.data(), y.e.data(), rows, depth,
                  keys, rounding_);
    const R most = rounding_.max_finite() * std::min(R(1), static_cast<R>(p_.scale));
    for (std::size_t i = 0; i < y.v.size(); ++i)
      y.set(i, std::isfinite(y.v[i]) && std::fabs(y.v[i]) > most ? open_value(y.v[i]) : rounding_.add(y[i]));
    return y;
  }

  Approx<R> capped(Approx<R> x) const {
    if (p_.softcap == 0) return x;
    const Approx<R> cap{static_cast<R>(p_.softcap)};
    const auto tanh = monotone(rounding_.add(x / cap), [](R v) { return std::tanh(v); });
    return rounding_.add(cap * rounding_.add(tanh, 8, 1));
  }

  void show(std::int64_t b, std::int64_t h, std::size_t at, Approx<R> x) {
    if (ev_.wants(kScores))
      set_real(ev_.output(kScores), size((b * p_.q.heads + h) * p_.q.tokens * p_.total) + at, x);
  }

  // The weight of a query that sees no key is 0 since onnx 1.23, was NaN before. ONNX Runtime's kernels give
  // 0; where it has none, it expands the function as it was.
  Approx<R> without_keys() {
    const DType t = ev_.type(kQ).dtype;
    if (t == DType::kFloat || t == DType::kFloat16) return {};
    ev_.unspecified("a query that sees no key");
    return open_value<R>();
  }

  // Row i of scores becomes one of weights.
  void weigh(std::int64_t b, std::int64_t h, std::int64_t i, Reals<R>& scores) {
    std::vector<std::int64_t> set;
    bool all_masked = true;
    for (std::int64_t j = 0; j < p_.total; ++j) {
      const std::size_t at = size(i * p_.total + j);
      set.push_back(static_cast<std::int64_t>(at));
      const Bias added = bias(b, h, i, j);
      const bool infinite = added.value.v == -kInfinity<R> && !added.value.open();
      all_masked = all_masked && (added.masked || infinite);
      if (p_.shown == Shown::kProduct) show(b, h, at, scores[at]);
      Approx<R> x = capped(scores[at]);
      if (p_.shown == Shown::kCapped) show(b, h, at, x);
      if (added.masked) {
        // An infinite or NaN score may spoil the row or be replaced.
        x = x.finite() && !x.open() ? Approx<R>{-kInfinity<R>} : open_value<R>();
      } else if (ev_.has_input(kMask) && !ev_.input(kMask).holds_ints()) {
        x = rounding_.add(x + added.value);
      } else if (added.value.open()) {
        x = added.value;
      }
      if (p_.shown == Shown::kBiased) {
        // ONNX Runtime shows the lowest number in place of minus infinity.
        if (added.masked && ev_.wants(kScores)) ev_.unspecified("the score of a masked key");
        show(b, h, at, added.masked ? open_value<R>(-kInfinity<R>) : x);
      }
      x = softmax_rounding_.add(x);
      if (std::isfinite(x.v) && std::fabs(x.v) > softmax_rounding_.max_finite()) x = open_value(x.v);
      scores.set(at, x);
    }
    const SoftmaxLine<R> line(scores, set, softmax_rounding_);
    std::vector<Approx<R>> weights;
    for (std::int64_t at : set)
      weights.push_back(all_masked ? without_keys()
                                   : rounding_.add(softmax_rounding_.add(line.softmax(size(at)))));
    for (std::size_t j = 0; j < set.size(); ++j) {
      if (p_.shown == Shown::kWeights) show(b, h, size(set[j]), weights[j]);
      // Kernels may divide after the product with V, and scale partial sums whenever the maximum grows.
      if (!weights[j].open())
        weights[j].e += weights[j].v * (16 * rounding_.u() + rounding_.gamma(static_cast<R>(2 * set.size())));
      scores.set(size(set[j]), weights[j]);
    }
  }

  void head(std::int64_t b, std::int64_t h) {
    const std::int64_t rows = p_.q.tokens, keys = p_.total, channels = p_.v.channels;
    Reals<R> weights = products(b, h), v, y;
    for (std::int64_t i = 0; i < rows; ++i) weigh(b, h, i, weights);
    v.resize(size(keys * channels));
    y.resize(size(rows * channels));
    for (std::int64_t j = 0; j < keys; ++j)
      for (std::int64_t c = 0; c < channels; ++c)
        v.set(size(j * channels + c), cached(p_.v, kV, kPastValue, b, h / p_.group(), j, c));
    add_matmul<R>({weights.v.data(), weights.e.data()}, {v.v.data(), v.e.data()}, y.v.data(), y.e.data(),
                  rows, keys, channels, rounding_);
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t c = 0; c < channels; ++c) {
        // A key without weight may be multiplied or left out.
        const Approx<R> x = y[size(i * channels + c)];
        set_real(ev_.output(kY), p_.y(b, h, i, c), x.finite() ? rounding_.add(x) : open_value(x.v));
      }
  }

  Evaluation& ev_;
  const Plan& p_;
  Rounding<R> rounding_, softmax_rounding_;
  std::vector<std::int64_t> nonpad_;
  std::int64_t mask_length_ = 0;
  std::vector<std::int64_t> at_mask_;
};

void evaluate(Evaluation& ev) {
  const Plan p = plan(ev);
  store_present(ev, p, p.k, kK, kPastKey, kPresentKey);
  store_present(ev, p, p.v, kV, kPastValue, kPresentValue);
  with_widest(ev, [&](auto zero) { Heads<decltype(zero)>(ev, p).run(); });
}

// --- drafting ----------------------------------------------------------------------------------------------

void draft_mask(Draft& d, DType t, const Dims& scores, bool only_bool) {
  Rng& rng = d.rng();
  Dims dims = scores;
  dims.erase(dims.begin(), dims.begin() + rng.range(0, 2));
  for (std::size_t i = 0; i + 2 < dims.size(); ++i)
    if (rng.chance(0.4)) dims[i] = 1;
  // ONNX Runtime takes neither broadcasting of the last two dimensions nor a short mask.
  if (rng.chance(0.03)) dims[dims.size() - 2] = 1;
  if (d.opset() >= 24 && dims.back() > 2 && rng.chance(0.03)) --dims.back();
  if (only_bool || rng.chance(0.45)) {
    d.input({.types = DType::kBool, .dims = dims});
  } else if (rng.chance(0.6)) {
    d.input({.types = t, .dims = dims});
  } else {
    std::vector<double> values(static_cast<std::size_t>(element_count(dims)));
    const double low = rng.chance(0.7) ? -kInfinity<double> : -1e4;
    for (double& x : values) x = rng.chance(0.3) ? low : 0;
    d.input(Tensor::of(t, dims, values), Role::kWeight);
  }
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  const bool merged = rng.chance(0.4);
  std::int64_t q_heads = 0, kv_heads = rng.range(1, 2), head = rng.chance(0.1) ? 16 : rng.range(1, 6);
  q_heads = kv_heads * rng.pick({1, 1, 2, 3});
  const Want like{.types = drawable(d, "T1"), .min_size = 1};
  Want want = like;
  want.dims = merged ? Dims{kAny, kAny, q_heads * head} : Dims{kAny, kAny, kAny, kAny};
  const ArrayType q = d.input(want);
  const std::int64_t batch = q.dims[0], tokens = q.dims[merged ? 1 : 2];
  if (!merged) {
    q_heads = q.dims[1], head = q.dims[3];
    kv_heads = rng.pick({q_heads, std::int64_t{1}});
    if (q_heads % 2 == 0 && rng.chance(0.5)) kv_heads = q_heads / 2;
  }
  const bool past = rng.chance(0.3), padded = !past && d.opset() >= 24 && rng.chance(0.4);
  const bool longer = padded || rng.chance(0.5);
  const std::int64_t keys = longer ? std::max<std::int64_t>(1, d.size()) : tokens;
  const std::int64_t width = rng.chance(0.6) ? head : rng.range(1, 6);
  const std::int64_t cached = past ? rng.range(1, 4) : 0;
  const auto ask = [&](DType t, Dims dims) { d.input({.types = t, .dims = std::move(dims), .min_size = 1}); };
  const auto operand = [&](std::int64_t channels) {
    return merged ? Dims{batch, keys, kv_heads * channels} : Dims{batch, kv_heads, keys, channels};
  };
  // ONNX Runtime has no kernel for two types.
  const DType v_type = rng.chance(0.02) ? rng.pick(drawable(d, "T2").list()) : q.dtype;
  ask(q.dtype, operand(head));
  ask(v_type, operand(width));
  // Of doubles, ONNX Runtime expands the function as onnx had it before 1.23: masks of two kinds do not fit
  // each other, and the causal one is not aligned with nonpad_kv_seqlen. Its kernel lets a single query see
  // all keys behind a cache.
  const bool expanded = q.dtype == DType::kDouble;
  const bool causal = rng.chance(0.25) && !(expanded && padded) && !(past && tokens == 1 && keys > 1);
  if (rng.chance(0.5))
    draft_mask(d, q.dtype, {batch, q_heads, tokens, cached + keys}, expanded && (causal || padded));
  else
    d.skip_input();
  if (past) {
    ask(q.dtype, {batch, kv_heads, cached, head});
    ask(v_type, {batch, kv_heads, cached, width});
  } else {
    d.skip_input();
    d.skip_input();
  }
  if (padded)
    d.input(
        {.types = DType::kInt64,
         .dims = Dims{batch},
         .role = Role::kParameter,
         .range = {.low = rng.chance(0.1) ? 0.0 : 1.0, .high = static_cast<double>(keys), .integral = true}});
  if (merged) {
    d.attribute("q_num_heads", q_heads);
    d.attribute("kv_num_heads", kv_heads);
  }
  if (causal || rng.chance(0.1)) d.attribute("is_causal", std::int64_t{causal});
  if (rng.chance(0.4)) d.attribute("scale", rng.pick({0.1f, 0.5f, 1.0f, 1.5f}));
  if (rng.chance(0.3)) d.attribute("softcap", rng.pick({0.0f, 0.5f, 2.0f, 30.0f}));
  if (rng.chance(0.2))
    d.attribute("softmax_precision", static_cast<std::int64_t>(
                                         rng.pick({DType::kFloat, DType::kFloat, q.dtype, DType::kDouble,
                                                   DType::kFloat16, expanded ? q.dtype : DType::kBFloat16})));
  if (d.schema().has_attribute("left_window_size") && rng.chance(0.03)) {
    d.attribute("left_window_size", rng.range(-1, 3));
    d.attribute("right_window_size", rng.range(-1, 3));
  }
  // The cache's outputs go with its inputs; without them they hold K and V.
  if (past || (!padded && rng.chance(0.25))) {
    const bool scores = rng.chance(0.5);
    d.outputs(scores ? 4 : 3);
    if (scores && rng.chance(0.8)) d.attribute("qk_matmul_output_mode", rng.range(0, 3));
  }
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "Attention", .since = 23, .draft = draft, .infer = infer, .evaluate = evaluate}};

}  // namespace

namespace family {
extern constinit const Family attention = specs;
}

}  // namespace mob::ops
