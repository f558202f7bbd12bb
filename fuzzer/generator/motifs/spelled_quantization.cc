// Quantization spelled out in floats: scaled, shifted, rounded, clipped, cast, and back.
#include "fuzzer/generator/motifs/qdq.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"scales-alike", "it is multiplied at the end by what it is divided by at the beginning"},
    {"zeros-alike", "what is added is taken off again"},
    {"clipped-to-type", "the bounds are those of the type"},
    {"rounded", "it is rounded before the Cast"},
    {"one-scale", "there is one scale"},
};

// (Cast(Clip(Round(x / s) + z)) - z) * s, with or without the integers between
void spelled_out(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType f = DType::kFloat, t = rng.pick({DType::kUint8, DType::kInt8});
  const Dims dims = m.draw_dims(rng.range(1, 3));
  // Powers of two, so that nothing lies near a tie but what is on it.
  const double s = rng.pick({0.25, 0.5, 0.0625}),
               z = static_cast<double>(t == DType::kUint8 ? rng.range(100, 150) : rng.range(-10, 10));
  const bool scales = m.holds("scales-alike"), zeros = m.holds("zeros-alike"), one = m.holds("one-scale");
  const double low = t == DType::kUint8 ? 0 : -128, high = low + 255;
  const auto scale = [&](double v) {
    if (one) return m.scalar(f, v);
    std::vector<double> many(static_cast<std::size_t>(dims.back()));
    for (auto& x : many) x = v * rng.pick({1.0, 2.0});
    return m.constant(Tensor::of(f, {dims.back()}, many));
  };
  const ValueId step = scale(s);
  ValueId y = m.data(f, dims, {.low = -20, .high = 20, .integral = true});
  y = rng.chance(0.7) || !one ? m.op("Div", {y, step}) : m.op("Mul", {y, m.scalar(f, 1 / s)});
  if (m.opset() >= 11 && m.holds("rounded"))
    y = m.op("Round", {y});
  else if (rng.chance(0.5))
    y = m.op("Floor", {m.op("Add", {y, m.scalar(f, 0.25)})});
  y = m.commutative("Add", y, m.scalar(f, z));
  const bool to_type = m.holds("clipped-to-type");
  y = m.clip(y, to_type ? low : low + 20, to_type ? high : high - 100);
  if (rng.chance(0.7)) {
    y = m.cast(y, t);
    if (rng.chance(0.4) && zeros && scales && one) {
      Grid g = per_tensor(m, t, f);
      g.scales = {s};
      g.zeros = {static_cast<std::int64_t>(z)};
      return m.result(dequantize(m, y, g));
    }
    y = m.cast(y, f);
  }
  y = m.op("Sub", {y, m.scalar(f, zeros ? z : z + 1)});
  m.result(m.commutative("Mul", y, scales ? step : scale(2 * s)));
}

constexpr Motif motifs[] = {
    {.name = "spelled-quantization", .aims_at = "", .guards = kGuards, .build = spelled_out},
};

}  // namespace

namespace family {
extern const MotifFamily spelled_quantization;
const MotifFamily spelled_quantization = motifs;
}  // namespace family

}  // namespace mob::motifs
