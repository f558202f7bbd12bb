// What stands around the nodes of a motif: passes look at producers and consumers, and many ask that a node
// is no graph output.
#pragma once

#include <algorithm>

#include "fuzzer/generator/motifs/motif.h"

namespace mob::motifs {

// A unary operator that keeps type and shape.
inline ValueId neighbour(MotifBuilder& m, ValueId x) {
  static constexpr std::string_view kOps[] = {"Neg", "Abs", "Relu", "Sign"};
  for (int attempt = 0; attempt < 3; ++attempt) try {
      return m.op(m.type(x).dtype == DType::kBool ? "Not" : m.rng().pick(kOps), {x});
    } catch (const CannotDraft&) {  // not for this type
    }
  return x;
}

// The activation itself, or computed from it.
inline ValueId before(MotifBuilder& m, ValueId x, double chance = 0.85) {
  return m.rng().chance(chance) ? neighbour(m, x) : x;
}

// A consumer, so that `y` is no graph output.
inline void finish_with(MotifBuilder& m, ValueId y, double chance = 1) {
  m.result(m.rng().chance(chance) ? neighbour(m, y) : y);
}

// The same values, of dimensions that shape inference cannot know: the shape is a graph input.
inline ValueId hide_dims(MotifBuilder& m, ValueId x) {
  const ValueId shape = m.builder().leaf(Tensor::ints(m.dims(x)), Constness::kInput);
  return m.op("Expand", {x, shape});
}

inline std::int64_t maybe_negative(MotifBuilder& m, std::int64_t axis, std::int64_t rank) {
  return m.rng().chance(0.4) ? axis - rank : axis;
}

// Random dimensions with this many elements.
inline Dims factors(MotifBuilder& m, std::int64_t count, std::int64_t least_rank = 0) {
  Rng& rng = m.rng();
  if (count == 0) {
    Dims d(static_cast<std::size_t>(rng.range(std::max<std::int64_t>(1, least_rank), 4)));
    for (auto& n : d) n = rng.range(1, 4);
    d[rng.below(d.size())] = 0;
    if (rng.chance(0.4)) d[rng.below(d.size())] = 0;
    return d;
  }
  Dims d(static_cast<std::size_t>(rng.range(std::max<std::int64_t>(count == 1 ? 0 : 1, least_rank), 4)), 1);
  for (std::int64_t p = 2; count > 1; ++p)
    for (; count % p == 0; count /= p) d[rng.below(d.size())] *= p;
  return d;
}

}  // namespace mob::motifs
