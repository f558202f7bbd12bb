// Masks of the scores that a softmax reads: which of them count, and the forms in which a model says so.
#pragma once

#include "mutators/pattern.h"

namespace mob::mutators {

// Which scores count: those where a value of bools is true (false, where `inverted`). The others are so low
// that they have no weight.
struct Mask {
  ValueId keep = kNoValue;         // the bools,
  std::optional<Tensor> constant;  // or what they are, where the model has numbers in their place
  bool inverted = false;
  double low = 0;  // what stands in the place of the others, or is added to them
};
// Scores under a mask.
struct Masked {
  ValueId scores = kNoValue;
  Mask mask;
};
// How a mask is written.
enum class MaskStyle : std::uint8_t {
  kWhere,    // Where(keep, scores, low)
  kAdded,    // scores + Where(keep, 0, low)
  kProduct,  // scores + (1 - keep) low
};

// Everything that a value may be seen as: scores under a mask of any style. A number that is added to each
// score where a constant says so counts, too.
std::vector<Masked> masked_forms(const Rewriting& r, ValueId v);

// Whether the mask is a constant, and what it is.
std::optional<Tensor> constant_bools(const Rewriting& r, const Mask& mask);
// Whether each element of scores of these dimensions counts. Empty where that is not known or the mask is
// larger.
std::optional<std::vector<bool>> counting(const Rewriting& r, const Mask& mask, const Dims& scores);
// Whether on each line along the axis an element counts: else the softmax has nothing to share out.
bool on_each_line(const std::vector<bool>& counts, const Dims& dims, std::size_t axis);

// The largest magnitude that an element may have; infinite where one is not finite or not known.
double reach(const Expected& x);
// A mask of numbers that are added: where they are not minus infinity, and the reach of these. Empty where an
// element is NaN, infinite or not known.
struct FinitePart {
  Tensor keep;  // of bools
  double reach = 0;
};
std::optional<FinitePart> finite_part(const Expected& mask);
// Whether a score that was lowered by this number, or replaced by it, has no weight beside one that was not,
// if no score is larger than `reach`.
bool low_enough(double low, double reach);
// The numbers that may be written so in this type, the lowest first. Never empty of kWhere.
std::vector<double> lows(DType t, double reach, MaskStyle style);

// Bools that are true where a score counts.
ValueId keep_of(Writer& w, const Mask& mask);
ValueId write_masked(Writer& w, ValueId scores, ValueId keep, DType t, MaskStyle style, double low);

}  // namespace mob::mutators
