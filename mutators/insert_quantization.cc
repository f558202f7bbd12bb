// QuantizeLinear and DequantizeLinear between a value and its reader.
#include <algorithm>
#include <cmath>

#include "mutators/edit.h"

namespace mob::mutators {
namespace {

bool change(Case& c, const Facts& f, Rng& rng) {
  Graph& g = c.model.graph;
  if (c.model.opset() < 10) return false;
  std::vector<ValueId> values = f.computed();
  values.insert(values.end(), f.leaves().begin(), f.leaves().end());
  std::erase_if(values, [&](ValueId v) {
    return !f.known(v) || f.uses(v).empty() || f.type(v).dtype != DType::kFloat || f.type(v).count() == 0;
  });
  const auto v = maybe_pick(values, rng);
  if (!v) return false;
  const Dims& dims = f.type(*v).dims;
  double largest = 0;
  for (std::size_t i = 0; i < f.value(*v)->count(); ++i)
    if (const double x = std::fabs(f.value(*v)->value_at(i)); std::isfinite(x))
      largest = std::max(largest, x);
  if (largest == 0 || largest > 1e6) largest = 1;
  const DType t = rng.pick({DType::kUint8, DType::kInt8, DType::kInt8, DType::kUint8, DType::kInt16});
  if (t == DType::kInt16 && c.model.opset() < 21) return false;
  // Per tensor, or per axis where the opset has that.
  const bool per_axis = c.model.opset() >= 13 && !dims.empty() && rng.chance(0.3);
  const std::int64_t axis = per_axis ? rng.range(0, static_cast<std::int64_t>(dims.size()) - 1) : 0;
  const std::int64_t count = per_axis ? dims[static_cast<std::size_t>(axis)] : 1;
  const std::int64_t zero = t == DType::kUint8 ? 128 : rng.chance(0.7) ? 0 : 3;
  const double steps = t == DType::kInt16 ? 32000 : 127;
  std::vector<double> scales(static_cast<std::size_t>(count));
  for (double& s : scales) s = largest / steps * rng.pick({1.0, 1.0, 1.1, 0.9});
  const Dims shape = per_axis ? Dims{count} : Dims{};
  const ValueId scale = add_leaf(c, Tensor::of(DType::kFloat, shape, scales), draw_constness(rng));
  const bool has_zero = t != DType::kUint8 || rng.chance(0.8) || zero != 0;
  ValueId point = kNoValue;
  if (has_zero)
    point = add_leaf(
        c, Tensor::of_ints(t, shape, std::vector<std::int64_t>(static_cast<std::size_t>(count), zero)),
        draw_constness(rng));
  std::vector<ValueId> in = {*v, scale};
  if (has_zero) in.push_back(point);
  std::vector<Attribute> attributes;
  if (per_axis)
    attributes.push_back(
        {.name = "axis", .value = rng.chance(0.5) ? axis : axis - static_cast<std::int64_t>(dims.size())});
  in[0] = append(c, "QuantizeLinear", in, attributes).front();
  const ValueId y = append(c, "DequantizeLinear", in, attributes).front();
  const bool all = rng.chance(0.5);
  const std::size_t one = rng.below(f.uses(*v).size());
  for (std::size_t u = 0; u < f.uses(*v).size(); ++u)
    if (all || u == one) set_use(c, f.uses(*v)[u], y);
  return !g.outputs.empty();
}

}  // namespace

extern const Mutator insert_quantization;
const Mutator insert_quantization{.name = "insert-quantization",
                                  .aims_at = "passes that move, fold and fuse quantization",
                                  .apply = recompute<change>};

}  // namespace mob::mutators
