// Weights stored as small integers or float8 behind DequantizeLinear; all else stays as it is.
#include <algorithm>

#include "fuzzer/graph/weight_bytes.h"
#include "mutators/quantization_plan.h"
#include "mutators/weights.h"

namespace mob::mutators {
namespace {

DType drawn_type(Choices& choices, std::int64_t opset) {
  constexpr DType u8 = DType::kUint8, s8 = DType::kInt8, e4 = DType::kFloat8E4M3FN, e5 = DType::kFloat8E5M2;
  if (opset < 19) return choices.type("type", {u8, s8});
  if (opset < 21) return choices.type("type", {u8, s8, e4, e5});
  return choices.type("type", {u8, s8, DType::kInt4, DType::kUint4, DType::kInt4, DType::kUint4,
                               DType::kInt16, DType::kUint16, e4, e5});
}

// Granularity of a weight; blocks only where there is more than one to a line or one holds it all.
Quantization draw_granularity(const Tensor& t, DType type, const std::string& granularity, std::int64_t block,
                              Rng& rng) {
  const Dims& dims = t.dims();
  if (granularity == "tensor" || dims.empty()) return per_tensor(type);
  const auto axis = static_cast<int>(rng.below(dims.size()));
  const std::int64_t length = dims[static_cast<std::size_t>(axis)];
  // A scale of one element beside a vector says nothing of blocks.
  const bool blocks = granularity == "block" && (dims.size() > 1 || block < length);
  return per_axis(type, dims, axis, blocks ? block : 0);
}

// What the model's constants take after the plan, of what they took before.
Fewer share_of(const Case& c, const std::vector<Placed>& plan) {
  const std::int64_t before = weight_bytes(c.model.graph);
  std::int64_t now = before;
  for (const Placed& p : plan) {
    const ArrayType was = content(c, p.value)->type();
    now += raw_size({p.to.type, was.dims}) - raw_size(was);
    now += raw_size({p.to.type, p.to.dims}) + raw_size({DType::kFloat, p.to.dims});
  }
  return {.share = (static_cast<double>(now) + 0.5) / static_cast<double>(before)};  // of whole bytes
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::int64_t opset = c.model.opset();
  if (opset < 10) return std::nullopt;
  std::vector<ValueId> weights = float_weights(c, f);
  std::erase_if(weights, [&](ValueId v) { return !of_checked_size(f.type(v)) || !float_constant(c, f, v); });
  weights = choices.places(weights);
  if (weights.empty()) return std::nullopt;
  const DType type = drawn_type(choices, opset);
  const std::string granularity = opset < 13 ? choices.word("granularity", {"tensor"})
                                  : opset < 21
                                      ? choices.word("granularity", {"tensor", "axis"})
                                      : choices.word("granularity", {"tensor", "axis", "block", "block"});
  const std::int64_t block = granularity == "block" ? choices.whole("block_size", 2, 32) : 0;
  const bool symmetric = choices.yes("symmetric");
  const RangeRule rule = draw_rule(choices);
  std::vector<Placed> plan;
  for (ValueId v : weights) {
    const Tensor& t = *c.model.graph[v].initializer;
    Quantization q = draw_granularity(t, type, granularity, block, choices.rng());
    fit(q, ranges_of(t, q, rule), symmetric, false);
    plan.push_back({.value = v, .uses = f.uses(v), .to = std::move(q), .in_place = true});
  }
  const Fewer fewer = share_of(c, plan);
  std::optional<Promise> promise = quantized(c, f, plan, choices);
  if (promise) promise->claims.emplace_back(fewer);
  return promise;
}

}  // namespace

extern const Mutator quantize_weights;
const Mutator quantize_weights{
    .name = "quantize-weights",
    .aims_at = "DequantizeLinear of constants: weights of 4, 8 or 16 bits, in blocks",
    .family = MutatorFamily::kQuantize,
    .apply = kept<change>};

}  // namespace mob::mutators
