// Matrix products, a scale, a cap, masks and a softmax become Attention; Concat of earlier keys and values,
// its cache.
#include <algorithm>
#include <cmath>
#include <limits>

#include "mutators/masks.h"
#include "mutators/permutation.h"

namespace mob::mutators {
namespace {

// Keys or values: what is new; the cache, and both together, where there is one.
struct Tokens {
  ValueId fresh = kNoValue, past = kNoValue, all = kNoValue;
};

struct Site {
  Node old;
  ValueId q = kNoValue;
  Tokens k, v;
  std::int64_t heads = 0;  // of merged inputs, [batch, tokens, heads * channels]; else 0
  std::int64_t past = 0;
  Dims scores = {};  // [batch, heads, tokens, keys]
  double scale = 1, softcap = 0;
  // What attn_mask says: bools, or numbers.
  std::optional<Mask> keep = {};
  ValueId added = kNoValue;
  bool causal = false;
  double mildest = -std::numeric_limits<double>::infinity();  // the highest of the numbers that mask
  double reach = 0;                                           // no score that counts is larger
};

// --- The product of queries and keys ----------------------------------------------------------------------

// Takes off the constant numbers that a value is multiplied with or divided by.
ValueId without_factors(const Rewriting& r, ValueId v, double& scale) {
  for (int room = 3; room > 0; --room) {
    const auto quotient = r.maker(v, "Div"), product = r.maker(v, "Mul");
    const auto divisor = quotient ? r.number(quotient->inputs[1], 1) : std::nullopt;
    ValueId bare = divisor ? quotient->inputs[0] : kNoValue;
    double factor = divisor ? 1 / *divisor : 1;
    for (std::size_t i : {0u, 1u})
      if (const auto x = product ? r.number(product->inputs[i], 1) : std::nullopt) {
        bare = product->inputs[1 - i];
        factor = *x;
      }
    if (bare == kNoValue || !r.facts().known(bare) || r.type(bare) != r.type(v)) break;
    scale *= factor;
    v = bare;
  }
  return v;
}

bool is_permuted(const Node& n, const std::vector<std::int64_t>& perm) {
  return perm_of(n, 4) == perm;
}

// Splits keys or values of four axes into the cache and what is new.
Tokens tokens(const Rewriting& r, ValueId v) {
  const auto both = r.maker(v, "Concat");
  if (!both || both->inputs.size() != 2 || (both->int_or("axis", 0) + 4) % 4 != 2) return {.fresh = v};
  return {.fresh = both->inputs[1], .past = both->inputs[0], .all = v};
}

// Takes off cap tanh(x / cap), if there is a cap that a float can hold.
ValueId without_cap(const Rewriting& r, ValueId v, double& cap) {
  const auto product = r.maker(v, "Mul");
  for (std::size_t i : {0u, 1u}) {
    const auto factor = product ? r.number(product->inputs[i], 1) : std::nullopt;
    const auto tanh = factor ? r.maker(product->inputs[1 - i], "Tanh") : std::nullopt;
    const auto quotient = tanh ? r.maker(tanh->inputs[0], "Div") : std::nullopt;
    if (!quotient || r.number(quotient->inputs[1], 1) != factor || !holds_exactly(DType::kFloat, *factor))
      continue;
    cap = *factor;
    return quotient->inputs[0];
  }
  return v;
}

// q k^T, of which a transpose may hold the heads of merged keys already.
bool read_product(const Rewriting& r, ValueId v, Site& s) {
  double scale = 1;
  const ValueId bare = without_factors(r, without_cap(r, v, s.softcap), scale);
  const auto product = r.maker(bare, "MatMul");
  if (!product) return false;
  const ValueId q = without_factors(r, product->inputs[0], scale);
  const auto turned = r.maker(without_factors(r, product->inputs[1], scale), "Transpose");
  if (!turned || r.type(q).rank() != 4 || r.type(turned->inputs[0]).rank() != 4) return false;
  const ValueId keys = without_factors(r, turned->inputs[0], scale);
  if (is_permuted(*turned, {0, 1, 3, 2}))
    s.k = tokens(r, keys);
  else if (is_permuted(*turned, {0, 2, 3, 1}) && s.heads > 0)
    s.k = {.fresh = keys};
  else
    return false;
  const auto narrow = static_cast<float>(scale);
  if (!(narrow > 0) || !std::isfinite(narrow)) return false;
  if (r.type(q).dtype == DType::kDouble && static_cast<double>(narrow) != scale) return false;
  s.q = q;
  s.scale = static_cast<double>(narrow);
  s.scores = r.type(v).dims;
  s.reach = reach(*r.facts().value(v));
  return (s.k.past == kNoValue) == (s.v.past == kNoValue);
}

// --- Masks ------------------------------------------------------------------------------------------------

// Whether key j counts for query i if and only if it does not come after it. ONNX Runtime takes a single
// query behind a cache for one that sees all keys: it keeps its mask.
bool is_causal(const Rewriting& r, const Mask& mask, const Site& s, const Dims& scores) {
  const std::optional<Tensor> bools = constant_bools(r, mask);
  const std::int64_t rows = scores[2], keys = scores[3];
  if (!bools || bools->count() != rows * keys || rows * keys < 2 || bools->dims().size() < 2 ||
      bools->dims().back() != keys || (rows == 1 && s.past > 0))
    return false;
  for (std::int64_t i = 0; i < rows * keys; ++i)
    if (((bools->int_at(i) != 0) != mask.inverted) != (i % keys <= i / keys + s.past)) return false;
  return true;
}

bool take(const Rewriting& r, const Mask& mask, Site& s, const Dims& scores) {
  s.mildest = std::max(s.mildest, mask.low);
  if (!s.causal && is_causal(r, mask, s, scores)) {
    s.causal = true;
    return true;
  }
  if (!s.causal && mask.keep != kNoValue && !mask.inverted)
    if (const auto both = r.maker(mask.keep, "And"))
      for (std::size_t i : {0u, 1u}) {
        Mask one = mask;
        one.keep = both->inputs[i];
        if (!is_causal(r, one, s, scores)) continue;
        one.keep = both->inputs[1 - i];
        s.causal = true;
        return take(r, one, s, scores);
      }
  if (s.keep || s.added != kNoValue) return false;
  s.keep = mask;
  return true;
}

// Scores under some masks.
bool read_scores(const Rewriting& r, ValueId v, Site& s, int room = 2) {
  Site trial = s;
  if (r.facts().known(v) && read_product(r, v, trial)) {
    s = std::move(trial);
    return true;
  }
  if (room == 0 || r.type(v).rank() != 4) return false;
  for (const Masked& m : masked_forms(r, v)) {
    trial = s;
    if (!take(r, m.mask, trial, r.type(v).dims) || !read_scores(r, m.scores, trial, room - 1)) continue;
    s = std::move(trial);
    return true;
  }
  const auto sum = r.maker(v, "Add");
  for (std::size_t i : {0u, 1u}) {
    trial = s;
    if (!sum || s.keep || s.added != kNoValue) break;
    trial.added = sum->inputs[1 - i];
    if (!read_scores(r, sum->inputs[i], trial, room - 1)) continue;
    s = std::move(trial);
    return true;
  }
  return false;
}

// Masked keys have no weight, as Attention has it, and each query sees a key: its weights are 0 else.
bool masks_are_masks(const Rewriting& r, Site& s) {
  std::vector<bool> counts(static_cast<std::size_t>(element_count(s.scores)), true);
  if (s.keep) {
    auto given = counting(r, *s.keep, s.scores);
    if (!given) return false;
    counts = std::move(*given);
  }
  if (s.added != kNoValue) {
    const auto finite = finite_part(*r.facts().value(s.added));
    const auto given =
        finite ? counting(r, Mask{.keep = kNoValue, .constant = finite->keep}, s.scores) : std::nullopt;
    if (!given) return false;
    counts = *given;
    s.reach += finite->reach;
  }
  for (std::size_t i = 0; s.causal && i < counts.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    if (at % s.scores[3] > at / s.scores[3] % s.scores[2] + s.past) counts[i] = false;
  }
  if ((s.keep || s.causal) && !low_enough(s.mildest, s.reach)) return false;
  return on_each_line(counts, s.scores, 3);
}

// --- The whole --------------------------------------------------------------------------------------------

// The product of weights and values; all with four axes, but see read_product.
std::optional<Site> by_head(const Rewriting& r, const Node& n, std::int64_t heads) {
  if (n.op_type != "MatMul" || r.type(n.outputs[0]).rank() != 4) return std::nullopt;
  const auto softmax = r.maker(n.inputs[0], "Softmax");
  if (!softmax || r.type(n.inputs[0]).rank() != 4 || (softmax->int_or("axis", -1) + 4) % 4 != 3 ||
      r.type(n.inputs[1]).rank() != 4)
    return std::nullopt;
  Site s;
  s.old = n;
  s.heads = heads;
  s.v = tokens(r, n.inputs[1]);
  s.past = s.v.past == kNoValue ? 0 : r.type(s.v.past).dims[2];
  if (!read_scores(r, softmax->inputs[0], s) || !masks_are_masks(r, s)) return std::nullopt;
  return s;
}

// x of [batch, tokens, heads * channels], where the value is that by heads, transposed so.
ValueId merged(const Rewriting& r, ValueId v, std::int64_t heads, bool transposed) {
  if (!transposed) {
    const auto turned = r.maker(v, "Transpose");
    if (!turned || !is_permuted(*turned, {0, 2, 1, 3})) return kNoValue;
    v = turned->inputs[0];
  }
  const auto shaped = r.maker(v, "Reshape");
  if (!shaped || !r.facts().known(shaped->inputs[0])) return kNoValue;
  const Dims &x = r.type(shaped->inputs[0]).dims, &y = r.type(v).dims;
  const bool fits =
      x.size() == 3 && y.size() == 4 && y[0] == x[0] && y[1] == x[1] && y[2] == heads && y[2] * y[3] == x[2];
  return fits ? shaped->inputs[0] : kNoValue;
}

std::optional<Site> of_merged(const Rewriting& r, const Node& n) {
  const auto turned = r.maker(n.inputs[0], "Transpose");
  if (!turned || r.type(n.inputs[0]).rank() != 4 || !is_permuted(*turned, {0, 2, 1, 3})) return std::nullopt;
  const auto product = r.maker(turned->inputs[0], "MatMul");
  const Dims &x = r.type(n.inputs[0]).dims, &y = r.type(n.outputs[0]).dims;
  if (!product || y != Dims{x[0], x[1], x[2] * x[3]}) return std::nullopt;
  auto s = by_head(r, *product, x[2]);
  if (!s) return std::nullopt;
  // Of keys, the transpose to their heads may have gone into that of the product.
  const bool gone = r.maker(s->k.fresh, "Reshape").has_value();
  s->q = merged(r, s->q, s->heads, false);
  s->k.fresh = merged(r, s->k.fresh, s->heads, gone);
  s->v.fresh = merged(r, s->v.fresh, s->heads, false);
  if (s->q == kNoValue || s->k.fresh == kNoValue || s->v.fresh == kNoValue) return std::nullopt;
  s->old = n;
  return s;
}

// Lets the outputs for the cache replace what was put together, unless an input depends on that.
bool take_cache(const Rewriting& r, Site& s) {
  if (s.past == 0) return true;
  for (ValueId all : {s.k.all, s.v.all}) {
    const int joined = r.facts().producer(all);
    for (ValueId v :
         {s.q, s.k.fresh, s.k.past, s.v.fresh, s.v.past, s.added, s.keep ? s.keep->keep : kNoValue}) {
      const int from = v == kNoValue ? -1 : r.facts().producer(v);
      if (from >= 0 && (from == joined || r.facts().depends(from, joined))) return false;
    }
  }
  s.old.outputs = {s.old.outputs[0], s.k.all, s.v.all == s.k.all ? kNoValue : s.v.all};
  return true;
}

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if (r.opset() < 23 || !r.fixed()) return std::nullopt;
  auto s = n.op_type == "Reshape" ? of_merged(r, n) : by_head(r, n, 0);
  if (!s || !take_cache(r, *s)) return std::nullopt;
  return s;
}

// --- Writing ----------------------------------------------------------------------------------------------

// The operator's kernels want the last two axes of the mask whole.
ValueId widened(Rewriting& r, const Site& s, ValueId mask, Dims dims) {
  if (dims.size() >= 2 && std::equal(dims.end() - 2, dims.end(), s.scores.end() - 2)) return mask;
  dims.insert(dims.begin(), std::max<std::size_t>(dims.size(), 2) - dims.size(), 1);
  std::copy(s.scores.end() - 2, s.scores.end(), dims.end() - 2);
  return r.op("Expand", {mask, r.ints(dims)});
}

std::vector<ValueId> write(Rewriting& r, const Site& s) {
  ValueId mask = kNoValue;
  if (s.added != kNoValue) mask = widened(r, s, s.added, r.type(s.added).dims);
  if (s.keep)
    mask = widened(r, s, keep_of(r, *s.keep),
                   s.keep->keep == kNoValue ? s.keep->constant->dims() : r.type(s.keep->keep).dims);
  std::vector<ValueId> inputs = {s.q, s.k.fresh, s.v.fresh};
  if (mask != kNoValue || s.past > 0) inputs.push_back(mask);
  if (s.past > 0) inputs.insert(inputs.end(), {s.k.past, s.v.past});
  std::vector<Attribute> attributes = {attribute("scale", static_cast<float>(r.choices().bent(s.scale)))};
  if (s.softcap != 0) attributes.push_back(attribute("softcap", static_cast<float>(s.softcap)));
  if (s.causal) attributes.push_back(attribute("is_causal", std::int64_t{1}));
  if (s.heads > 0)
    for (const char* name : {"q_num_heads", "kv_num_heads"}) attributes.push_back(attribute(name, s.heads));
  return r.ops("Attention", std::move(inputs), s.past > 0 ? 3 : 1, std::move(attributes));
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write);
}

}  // namespace

extern const Mutator fuse_attention;
const Mutator fuse_attention{
    .name = "fuse-attention",
    .aims_at = "Attention where matrix products, a mask and a softmax stood, with a cache or without",
    .family = MutatorFamily::kFuse,
    .apply = kept<change>};

}  // namespace mob::mutators
