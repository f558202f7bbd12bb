// Several dequantized operands, one quantized result.
#include <algorithm>

#include "fuzzer/generator/motifs/qdq.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"integer-kernel", "the operator has an integer kernel"},
    {"8-bit-types", "all operands and the result are uint8, or all are int8"},
    {"data-per-tensor", "operands have one scale each"},
    {"result-per-tensor", "the result has one scale"},
    {"zeros-given", "no zero point is left out"},
    {"positive-scales", "scales are positive and of moderate size"},
    {"all-dequantized", "every operand is dequantized"},
    {"own-operands", "no dequantized value is two operands"},
    {"result-quantized", "the result is quantized"},
    {"clip-redundant", "an activation before QuantizeLinear has no effect"},
};

Dims broadcast_partner(MotifBuilder& m, const Dims& dims) {
  Rng& rng = m.rng();
  Dims other = dims;
  switch (rng.below(5)) {
    case 0:
      for (auto& d : other)
        if (rng.chance(0.5)) d = 1;
      break;
    case 1:
      other.erase(other.begin(), other.begin() + rng.range(0, static_cast<std::int64_t>(other.size())));
      break;
    default:
      break;
  }
  return other;
}

// y = Q(op(DQ(a), DQ(b), ...))
void qdq_binary(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = quantized_float(m);
  constexpr DType u8 = DType::kUint8, s8 = DType::kInt8;
  std::string op = rng.pick({"Add", "Add", "Mul", "Mul", "Where", "Concat"});
  if (m.breaks("integer-kernel")) op = rng.pick({"Sub", "Min", "Max", "Sum", "PRelu", "Div", "Mean"});
  std::size_t count = op == "Concat" ? static_cast<std::size_t>(rng.range(1, 4)) : 2;
  if ((op == "Sum" || op == "Mean" || op == "Max") && rng.chance(0.3)) count = 3;
  std::vector<DType> types(count, rng.pick({u8, u8, s8}));
  DType result_type = types.front();
  if (m.breaks("8-bit-types")) {
    if (m.opset() >= 21 && rng.chance(0.4)) {
      types.assign(count, rng.pick({DType::kUint16, DType::kInt16, DType::kInt4}));
      result_type = types.front();
    }
    const DType odd = types.front() == u8 ? s8 : u8;
    const auto at = rng.below(count + 1);
    if (at < count)
      types[at] = odd;
    else
      result_type = odd;
  }
  const bool joined = op == "Concat";
  const Dims dims = m.draw_dims(rng.range(1, 4));
  const auto axis = rng.range(0, static_cast<std::int64_t>(dims.size()) - 1);
  std::vector<Dims> shapes(count, dims);
  for (std::size_t i = 0; i < count; ++i) {
    if (joined)
      shapes[i][static_cast<std::size_t>(axis)] = rng.range(1, 3);
    else if (i > 0)
      shapes[i] = broadcast_partner(m, dims);
  }
  if (!joined && op != "PRelu" && rng.chance(0.3)) std::swap(shapes[0], shapes[1]);
  const auto odd = rng.below(count + 1);  // the operand that is different, or the result
  const Flaws flaws(m, odd, odd);
  const bool tensor_wide = m.holds("data-per-tensor");
  const bool all = m.holds("all-dequantized");
  const auto bare = rng.below(count);
  const bool twice = count > 1 && m.breaks("own-operands");
  std::vector<ValueId> inputs;
  for (std::size_t i = 0; i < count; ++i) {
    if (i == 1 && twice) {
      inputs.push_back(inputs[0]);
      continue;
    }
    if (!all && i == bare) {
      inputs.push_back(rng.chance(0.5) ? m.data(f, shapes[i]) : m.weight(f, shapes[i]));
      continue;
    }
    Grid g = per_tensor(m, types[i], f);
    if (!tensor_wide && (i == odd || odd == count) && !shapes[i].empty())
      g = per_axis(m, types[i], f, shapes[i], rng.range(0, static_cast<std::int64_t>(shapes[i].size()) - 1),
                   rng.chance(0.4));
    flaws.put(g, i);
    const bool parameter = !joined && i > 0 && rng.chance(0.3);
    if (op == "Div" && i > 0) {
      // Away from zero.
      g.zeros.assign(g.scales.size(), int_min(types[i]));
      const std::int64_t most = int_max(types[i]), half = most / 2;
      const ValueRange range = {
          .low = static_cast<double>(half), .high = static_cast<double>(most), .integral = true};
      inputs.push_back(dequantize(m, m.data(types[i], shapes[i], range), g));
    } else {
      inputs.push_back(parameter ? dequantize(m, m.constant(draw_integers(m, types[i], shapes[i])), g)
                                 : activation(m, g, shapes[i]));
    }
  }
  ValueId y = kNoValue;
  if (op == "Where") {
    const ValueId condition = m.data(DType::kBool, rng.chance(0.7) ? dims : broadcast_partner(m, dims),
                                     {.low = 0, .high = 1, .integral = true});
    inputs.insert(inputs.begin(), condition);
    y = m.op(op, inputs);
  } else if (joined) {
    y = m.op(
        op, inputs,
        {{.name = "axis", .value = rng.chance(0.3) ? axis - static_cast<std::int64_t>(dims.size()) : axis}});
  } else {
    y = m.op(op, inputs);
  }
  if (m.breaks("result-quantized")) return m.result(y);
  Grid result = fitting(m, y, result_type);
  if (m.breaks("result-per-tensor") && !m.dims(y).empty()) {
    result = per_axis(m, result_type, f, m.dims(y),
                      rng.range(0, static_cast<std::int64_t>(m.dims(y).size()) - 1), rng.chance(0.4));
  } else if (m.breaks("clip-redundant")) {
    const auto [low, high] = extent(m, y);
    y = rng.chance(0.5) ? m.op("Relu", {y}) : m.clip(y, low + (high - low) * rng.uniform(0.1, 0.4), high);
  } else if (f == DType::kFloat && rng.chance(0.15)) {
    result = redundant_relu(m, y, result_type);
  }
  flaws.put(result, count, true);
  quantized_result(m, y, result, 0.3);
}

constexpr Motif motifs[] = {
    {.name = "qdq-binary",
     .aims_at = "QDQSelectorActionTransformer",
     .guards = kGuards,
     .since = 10,
     .build = qdq_binary},
};

}  // namespace

namespace family {
extern const MotifFamily qdq_binary;
const MotifFamily qdq_binary = motifs;
}  // namespace family

}  // namespace mob::motifs
