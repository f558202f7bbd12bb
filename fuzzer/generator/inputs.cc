#include "fuzzer/generator/inputs.h"

#include <cmath>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"

namespace mob {
namespace {

constexpr std::int64_t kLargestInput = std::int64_t{2} << 30;

double draw_real(Rng& rng, const ValueRange& range) {
  double x = rng.uniform(range.low, range.high);
  if (range.integral) x = std::round(x);
  if (std::fabs(x) < range.away_from_zero)
    x = (range.low >= 0 || (range.high > 0 && rng.chance(0.5)) ? 1 : -1) *
        rng.uniform(range.away_from_zero, std::max(range.away_from_zero, std::max(range.high, -range.low)));
  return x;
}

}  // namespace

Tensor draw_tensor(const ArrayType& type, Rng& rng, const ValueRange& range) {
  const auto n = static_cast<std::size_t>(type.count());
  if (type.dtype == DType::kString) {
    std::vector<std::string> words(n);
    // Few, so that they meet; some with what splitting, case and character encoding are about.
    for (auto& w : words)
      w = rng.chance(0.7) ? "w" + std::to_string(rng.below(4))
                          : rng.pick({"", "W1", "A b", "a,b,,c", "x y  z", "gr\xC3\xBC\xC3\x9F"});
    return Tensor(type.dims, std::move(words));
  }
  if (is_float(type.dtype)) {
    std::vector<double> values(n);
    for (auto& v : values) v = draw_real(rng, range);
    return Tensor::of(type.dtype, type.dims, values);
  }
  std::vector<std::int64_t> values(n);
  const bool is_bool = type.dtype == DType::kBool;
  const auto low = std::max<std::int64_t>(is_bool ? 0 : static_cast<std::int64_t>(std::ceil(range.low)),
                                          int_min(type.dtype));
  const auto high = std::min<std::int64_t>(is_bool ? 1 : static_cast<std::int64_t>(std::floor(range.high)),
                                           int_max(type.dtype));
  for (auto& v : values) {
    v = low <= high ? rng.range(low, high) : low;
    if (!is_bool && v == 0 && range.away_from_zero > 0) v = high > 0 ? high : low;
  }
  return Tensor::of_ints(type.dtype, type.dims, values);
}

std::map<std::string, Tensor> draw_inputs(const Model& model, Rng& rng) {
  std::map<std::string, Tensor> inputs;
  std::map<std::string, std::int64_t> bound;
  const Graph& graph = model.graph;
  for (ValueId v : graph.inputs) {
    const Value& value = graph[v];
    if (value.initializer) continue;
    if (!value.type || value.type->dtype == DType::kUndefined)
      throw UserError("input '" + value.name +
                      "' is no tensor: give the inputs as test data (test_data_set_0/input_0.pb ...)");
    if (!value.type->shape)
      throw UserError("input '" + value.name + "' has no declared rank: give the inputs as test data");
    ArrayType type{value.type->dtype, {}};
    for (const Dim& d : *value.type->shape) {
      if (d.value >= 0) {
        type.dims.push_back(d.value);
      } else if (d.symbol.empty()) {
        type.dims.push_back(rng.range(1, 3));
      } else {
        const auto at = bound.find(d.symbol);
        type.dims.push_back(at != bound.end() ? at->second
                                              : bound.emplace(d.symbol, rng.range(1, 4)).first->second);
      }
    }
    if (raw_size(type) > kLargestInput)
      throw UserError("input '" + value.name + "' (" + show(type) + ") needs " +
                      show_bytes(static_cast<double>(raw_size(type))) +
                      ": more than the 2 GB that can be drawn; give it a smaller shape");
    ValueRange range;
    if (is_int(type.dtype)) range = {.low = 0, .high = 3};
    inputs.emplace(value.name, draw_tensor(type, rng, range));
  }
  return inputs;
}

}  // namespace mob
