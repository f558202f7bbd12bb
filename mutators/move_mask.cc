// Masks of a softmax: numbers that are added, as a choice between the scores and a low number, and back.
#include "mutators/masks.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  Masked masked;
  bool chosen;   // by Where, not by a sum
  double reach;  // no score is larger
};

// The axis along which weights are shared out. Before opset 13 a line takes in the last axis and perhaps
// others: each of its parts will do.
std::optional<std::size_t> axis_of(const Rewriting& r, const Node& n, std::int64_t rank) {
  const std::int64_t given = n.int_or("axis", r.opset() < 13 ? 1 : -1);
  const std::int64_t axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= rank) return std::nullopt;
  return static_cast<std::size_t>(r.opset() < 13 ? rank - 1 : axis);
}

std::optional<Site> match(const Rewriting& r, const Node& n) {
  if (n.op_type != "Softmax" || !r.fixed()) return std::nullopt;
  const Dims& dims = r.type(n.inputs[0]).dims;
  const auto axis = axis_of(r, n, static_cast<std::int64_t>(dims.size()));
  if (!axis || element_count(dims) == 0) return std::nullopt;
  for (Masked& m : masked_forms(r, n.inputs[0])) {
    if (!r.facts().known(m.scores)) continue;
    const auto counts = counting(r, m.mask, dims);
    const double most = reach(*r.facts().value(m.scores));
    // Where nothing counts, the scores under the mask would.
    if (!counts || !low_enough(m.mask.low, most) || !on_each_line(*counts, dims, *axis)) continue;
    return Site{n, std::move(m), r.maker(n.inputs[0], "Where").has_value(), most};
  }
  return std::nullopt;
}

// The mask as a constant of numbers that are added; kNoValue where it is no constant.
ValueId numbers(Rewriting& r, const Site& s, double low) {
  const DType t = r.type(s.masked.scores).dtype;
  const std::optional<Tensor> bools = constant_bools(r, s.masked.mask);
  if (!bools) return kNoValue;
  std::vector<double> added;
  for (std::int64_t x : bools->ints_vector()) added.push_back((x != 0) != s.masked.mask.inverted ? 0 : low);
  return r.leaf(Tensor::of(t, bools->dims(), added));
}

std::vector<ValueId> write(Rewriting& r, const Site& s, const std::string& to) {
  const ValueId x = s.masked.scores;
  const DType t = r.type(x).dtype;
  // What is asked for may be what is there, or have no number that is low enough.
  MaskStyle style = to == "product" ? MaskStyle::kProduct
                    : to == "where" ? MaskStyle::kWhere
                                    : MaskStyle::kAdded;
  if (style == MaskStyle::kWhere && s.chosen) style = MaskStyle::kAdded;
  if (style != MaskStyle::kWhere && lows(t, s.reach, style).empty()) style = MaskStyle::kAdded;
  const double low = r.choices().rng().pick(lows(t, s.reach, style));
  ValueId masked = kNoValue;
  if (to == "numbers")
    if (const ValueId constant = numbers(r, s, low); constant != kNoValue)
      masked = r.op("Add", {x, constant});
  if (masked == kNoValue) masked = write_masked(r, x, keep_of(r, s.masked.mask), t, style, low);
  return {r.op("Softmax", {masked}, s.old.attributes)};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::string to = choices.word("to", {"where", "added", "product", "numbers"});
  return rewrite(c, f, choices, match, [&](Rewriting& r, const Site& s) { return write(r, s, to); });
}

}  // namespace

extern const Mutator move_mask;
const Mutator move_mask{.name = "move-mask",
                        .aims_at = "masks of attention: numbers added to scores, as Where, and back",
                        .family = MutatorFamily::kRewrite,
                        .apply = kept<change>};

}  // namespace mob::mutators
