// A node (or a pair) that changes nothing stands between a value and its readers.
#include <numeric>

#include "mutators/edit.h"

namespace mob::mutators {
namespace {

using Ints = std::vector<std::int64_t>;

// Appends nodes that give the value back, or kNoValue where this kind does not fit its type.
ValueId pass_through(Case& c, ValueId v, const ArrayType& t, Rng& rng) {
  const auto rank = static_cast<std::int64_t>(t.rank());
  const std::int64_t opset = c.model.opset();
  const auto ints = [&](const Ints& values) {
    return add_leaf(c, Tensor::ints(values), draw_constness(rng));
  };
  const auto number = [&](double x) {
    static const std::vector<Dims> shapes = {{}, {1}, {1, 1}};
    Dims dims = rng.chance(0.6) || rank == 0 ? Dims{} : rng.pick(shapes);
    if (static_cast<std::int64_t>(dims.size()) > rank) dims.clear();
    const Tensor one = is_float(t.dtype) ? Tensor::scalar(t.dtype, x)
                                         : Tensor::of_ints(t.dtype, {}, {static_cast<std::int64_t>(x)});
    return add_leaf(c, stretched(one, dims, rng), draw_constness(rng));
  };
  const auto one = [&](std::string op, std::vector<ValueId> in, std::vector<Attribute> a = {}) {
    return append(c, std::move(op), std::move(in), std::move(a)).front();
  };
  Ints all(static_cast<std::size_t>(rank));
  std::iota(all.begin(), all.end(), 0);
  switch (rng.below(17)) {
    case 0:
      return one("Identity", {v});
    case 1: {
      Ints shape = t.dims;
      if (t.count() > 0 && rank > 0 && rng.chance(0.5)) shape[rng.below(shape.size())] = rng.pick({0, -1});
      return one("Reshape", {v, ints(shape)});
    }
    case 2:
      return one("Transpose", {v}, {{.name = "perm", .value = all}});
    case 3:
      return one("Cast", {v}, {{.name = "to", .value = static_cast<std::int64_t>(t.dtype)}});
    case 4:
      return is_float(t.dtype) ? append(c, "Dropout", {v}, {}, rng.chance(0.3) ? 2 : 1).front() : kNoValue;
    case 5: {
      if (rank == 0) return kNoValue;
      const Ints perm = rng.permutation(static_cast<std::size_t>(rank));
      Ints back(perm.size());
      for (std::size_t i = 0; i < perm.size(); ++i)
        back[static_cast<std::size_t>(perm[i])] = static_cast<std::int64_t>(i);
      return one("Transpose", {one("Transpose", {v}, {{.name = "perm", .value = perm}})},
                 {{.name = "perm", .value = back}});
    }
    case 6: {
      const std::int64_t axis = rng.range(0, rank);
      return append_along(c, "Squeeze", append_along(c, "Unsqueeze", v, axis, rng), axis, rng);
    }
    case 7:
      return is_float(t.dtype) || is_int(t.dtype) ? one("Mul", {v, number(1)}) : kNoValue;
    case 8:
      return is_float(t.dtype) || is_int(t.dtype)
                 ? one("Add", rng.chance(0.5) ? std::vector{v, number(0)} : std::vector{number(0), v})
                 : kNoValue;
    case 9:
      return is_float(t.dtype) || is_int(t.dtype) ? one("Div", {v, number(1)}) : kNoValue;
    case 10:
      return is_float(t.dtype) || is_int(t.dtype) ? one("Sub", {v, number(0)}) : kNoValue;
    case 11:
      return one("Expand", {v, ints(rng.chance(0.5) ? t.dims : Ints(t.dims.size(), 1))});
    case 12:
      return rank == 0 ? kNoValue : one("Concat", {v}, {{.name = "axis", .value = rng.range(0, rank - 1)}});
    case 13: {
      if (rank == 0 || opset < 11) return kNoValue;
      return one("Pad", {v, ints(Ints(2 * static_cast<std::size_t>(rank), 0))});
    }
    case 14: {
      if (rank == 0 || opset < 10) return kNoValue;
      const std::int64_t axis = rng.range(0, rank - 1);
      const std::int64_t end = rng.chance(0.5) ? t.dims[static_cast<std::size_t>(axis)] : INT64_MAX;
      const ValueId starts = ints({0}), ends = ints({end}), axes = ints({axis});
      return one("Slice", {v, starts, ends, axes});
    }
    case 15:
      return is_float(t.dtype) ? one("Neg", {one("Neg", {v})}) : kNoValue;
    default: {
      // A detour through a wider type is exact.
      const DType wide = t.dtype == DType::kFloat || t.dtype == DType::kFloat16 ? DType::kDouble
                         : is_int(t.dtype) && bits(t.dtype) <= 32               ? DType::kInt64
                                                                                : DType::kUndefined;
      if (wide == DType::kUndefined) return kNoValue;
      const ValueId y = one("Cast", {v}, {{.name = "to", .value = static_cast<std::int64_t>(wide)}});
      return one("Cast", {y}, {{.name = "to", .value = static_cast<std::int64_t>(t.dtype)}});
    }
  }
}

bool change(Case& c, const Facts& f, Rng& rng) {
  std::vector<ValueId> values = f.computed();
  values.insert(values.end(), f.leaves().begin(), f.leaves().end());
  std::erase_if(values, [&](ValueId v) { return !f.known(v) || f.uses(v).empty(); });
  const auto v = maybe_pick(values, rng);
  if (!v) return false;
  const ValueId y = pass_through(c, *v, f.type(*v), rng);
  if (y == kNoValue) return false;
  const bool all = rng.chance(0.5);
  const std::size_t one = rng.below(f.uses(*v).size());
  for (std::size_t u = 0; u < f.uses(*v).size(); ++u)
    if (all || u == one) set_use(c, f.uses(*v)[u], y);
  return true;
}

}  // namespace

extern const Mutator insert_identity_like;
const Mutator insert_identity_like{.name = "insert-identity-like",
                                   .aims_at = "eliminations, and patterns that something harmless interrupts",
                                   .apply = recompute<change>};

}  // namespace mob::mutators
