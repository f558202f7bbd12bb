// Attention becomes matrix products, a scale, a mask and a softmax; its cache of keys and values, Concat.
#include <algorithm>
#include <array>
#include <cmath>

#include "mutators/masks.h"

namespace mob::mutators {
namespace {

enum Input : std::size_t { kQ, kK, kV, kMask, kPastKey, kPastValue, kNonpad };

struct Site {
  Node old;
  DType type, precision;  // of all, and of the softmax
  bool merged;            // [batch, tokens, heads * channels]
  std::int64_t batch, heads, key_heads, tokens, past, total;
  double scale;
  double reach = 0;  // no score that counts is larger

  ValueId in(std::size_t slot) const { return slot < old.inputs.size() ? old.inputs[slot] : kNoValue; }
  bool causal() const { return old.int_or("is_causal", 0) != 0; }
  Dims scores() const { return {batch, heads, tokens, total}; }
};

// Whether there is no window and no padding, and the softmax has all scores exactly.
bool usual(const Rewriting& r, const Site& s) {
  const Node& n = s.old;
  if (s.in(kNonpad) != kNoValue || n.outputs.front() == kNoValue) return false;
  if (n.int_or("left_window_size", -1) >= 0 || n.int_or("right_window_size", -1) >= 0) return false;
  const FloatFormat &of_softmax = float_format(s.precision), &of_all = float_format(s.type);
  return of_softmax.unit_roundoff <= of_all.unit_roundoff && of_softmax.max_finite >= of_all.max_finite &&
         r.type(s.in(kQ)).count() > 0;
}

// Key j is behind what query i may see.
Tensor causal_mask(const Site& s) {
  std::vector<std::int64_t> keep;
  for (std::int64_t i = 0; i < s.tokens; ++i)
    for (std::int64_t j = 0; j < s.total; ++j) keep.push_back(j <= i + s.past);
  return Tensor::of_ints(DType::kBool, {s.tokens, s.total}, keep);
}

// Which keys count by the mask; of numbers, those that are not minus infinity.
std::optional<std::vector<bool>> given_mask(const Rewriting& r, Site& s) {
  if (s.in(kMask) == kNoValue)
    return std::vector<bool>(static_cast<std::size_t>(element_count(s.scores())), true);
  const Expected& mask = *r.facts().value(s.in(kMask));
  if (mask.holds_ints()) return counting(r, {.keep = s.in(kMask), .constant = {}}, s.scores());
  const auto finite = finite_part(mask);
  if (!finite) return std::nullopt;
  s.reach += finite->reach;
  return counting(r, {.constant = finite->keep}, s.scores());
}

// A query that sees no key has weights of 0 in Attention and none in a softmax.
bool all_see_a_key(const Rewriting& r, Site& s) {
  auto counts = given_mask(r, s);
  if (!counts) return false;
  for (std::size_t i = 0; s.causal() && i < counts->size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    if (at % s.total > at / s.total % s.tokens + s.past) (*counts)[i] = false;
  }
  return on_each_line(*counts, s.scores(), 3);
}

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if (n.op_type != "Attention" || !r.fixed()) return std::nullopt;
  const Dims &q = r.type(n.inputs[kQ]).dims, &k = r.type(n.inputs[kK]).dims;
  Site s{};
  s.old = n;
  s.type = r.type(n.inputs[kQ]).dtype;
  s.precision = static_cast<DType>(n.int_or("softmax_precision", static_cast<std::int64_t>(s.type)));
  s.merged = q.size() == 3;
  s.batch = q[0];
  s.heads = s.merged ? n.int_or("q_num_heads", 0) : q[1];
  s.key_heads = s.merged ? n.int_or("kv_num_heads", 0) : k[1];
  s.tokens = q[s.merged ? 1 : 2];
  if (!usual(r, s)) return std::nullopt;
  s.past = s.in(kPastKey) == kNoValue ? 0 : r.type(s.in(kPastKey)).dims[2];
  s.total = s.past + k[s.merged ? 1 : 2];
  const std::int64_t channels = s.merged ? q[2] / s.heads : q[3];
  s.scale = n.float_or("scale", 1 / std::sqrt(static_cast<double>(channels)));
  s.reach =
      reach(*r.facts().value(s.in(kQ))) * s.scale * static_cast<double>(channels) *
      std::max(reach(*r.facts().value(s.in(kK))), s.past == 0 ? 0 : reach(*r.facts().value(s.in(kPastKey))));
  if (!all_see_a_key(r, s)) return std::nullopt;
  return s;
}

// --- Writing ----------------------------------------------------------------------------------------------

// [batch, heads, tokens, channels] of what has this form or is merged.
ValueId apart(Rewriting& r, const Site& s, ValueId x, std::int64_t heads) {
  return s.merged ? r.transpose(r.reshape(x, {0, 0, heads, -1}), {0, 2, 1, 3}) : x;
}

// Each head of the keys or values for as many heads of queries as share it.
ValueId shared_out(Rewriting& r, const Site& s, ValueId x) {
  const std::int64_t each = s.heads / s.key_heads;
  if (each == 1) return x;
  const ValueId beside = r.squeeze("Unsqueeze", x, {2});
  const ValueId wide = r.op("Expand", {beside, r.ints({1, 1, each, 1, 1})});
  return r.reshape(wide, {s.batch, s.heads, s.total, -1});
}

// The cache followed by what is new.
ValueId behind_cache(Rewriting& r, const Site& s, std::size_t past, ValueId x) {
  return s.in(past) == kNoValue ? x : r.concat({s.in(past), x}, 2);
}

// scale q k^T: the scale behind the product, before it, or as a divisor.
ValueId scaled_product(Rewriting& r, const Site& s, ValueId q, ValueId k) {
  // It is no float where none is given.
  const double factor = s.type == DType::kDouble ? s.scale : static_cast<double>(static_cast<float>(s.scale));
  const auto times = [&](ValueId x) { return r.op("Mul", {x, r.scalar(s.type, factor)}); };
  switch (r.choices().rng().below(s.type == DType::kDouble ? 3 : 4)) {
    case 0:
      return r.op("MatMul", {times(q), k});
    case 1:
      return r.op("MatMul", {q, times(k)});
    case 2:
      return times(r.op("MatMul", {q, k}));
    default:
      return r.op("Div", {r.op("MatMul", {q, k}), r.scalar(s.type, 1 / factor)});
  }
}

// cap tanh(scores / cap)
ValueId capped(Rewriting& r, const Site& s, ValueId scores) {
  const double cap = s.old.float_or("softcap", 0);
  if (cap == 0) return scores;
  const auto number = [&] { return r.scalar(s.type, cap); };
  return r.op("Mul", {r.op("Tanh", {r.op("Div", {scores, number()})}), number()});
}

ValueId lowered(Rewriting& r, const Site& s, ValueId scores, ValueId keep, MaskStyle style) {
  std::vector<double> numbers = lows(s.type, s.reach, style);
  if (numbers.empty()) numbers = lows(s.type, s.reach, style = MaskStyle::kWhere);
  return write_masked(r, scores, keep, s.type, style, r.choices().rng().pick(numbers));
}

ValueId masked(Rewriting& r, const Site& s, ValueId scores, MaskStyle style) {
  ValueId keep = s.in(kMask);
  if (keep != kNoValue && r.type(keep).dtype != DType::kBool) {
    scores = r.op("Add", {scores, keep});
    keep = kNoValue;
  }
  if (s.causal()) {
    const ValueId before = r.leaf(causal_mask(s));
    if (keep != kNoValue && r.choices().rng().chance(0.5))
      keep = r.op("And", {keep, before});
    else
      scores = lowered(r, s, scores, before, style);
  }
  return keep == kNoValue ? scores : lowered(r, s, scores, keep, style);
}

std::vector<ValueId> write(Rewriting& r, const Site& s, MaskStyle style) {
  const ValueId all_keys = behind_cache(r, s, kPastKey, apart(r, s, s.in(kK), s.key_heads));
  const ValueId all_values = behind_cache(r, s, kPastValue, apart(r, s, s.in(kV), s.key_heads));
  const ValueId k = r.transpose(shared_out(r, s, all_keys), {0, 1, 3, 2});
  const ValueId product = scaled_product(r, s, apart(r, s, s.in(kQ), s.heads), k);
  const ValueId cap = capped(r, s, product), scores = masked(r, s, cap, style);
  const auto in_type = [&](ValueId x, DType t) { return s.precision == s.type ? x : r.cast(x, t); };
  const ValueId weights =
      in_type(r.op("Softmax", {in_type(scores, s.precision)}, {attribute("axis", std::int64_t{-1})}), s.type);
  const ValueId y = r.op("MatMul", {weights, shared_out(r, s, all_values)});
  const auto shown = static_cast<std::size_t>(s.old.int_or("qk_matmul_output_mode", 0));
  return {s.merged ? r.reshape(r.transpose(y, {0, 2, 1, 3}), {0, 0, -1}) : y, all_keys, all_values,
          std::array{product, cap, scores, weights}.at(shown)};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::string word = choices.word("mask", {"where", "added", "product"});
  const MaskStyle style = word == "where"   ? MaskStyle::kWhere
                          : word == "added" ? MaskStyle::kAdded
                                            : MaskStyle::kProduct;
  return rewrite(c, f, choices, match, [&](Rewriting& r, const Site& s) { return write(r, s, style); });
}

}  // namespace

extern const Mutator unfuse_attention;
const Mutator unfuse_attention{.name = "unfuse-attention",
                               .aims_at = "fusion of attention: heads, scale, mask and cache",
                               .family = MutatorFamily::kUnfuse,
                               .apply = kept<change>};

}  // namespace mob::mutators
