// A factor per channel before or behind a product, with what lets it pass between: it can go into the weight.
#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"per-channel", "there is one factor per channel"},
    {"positive", "factors are above 0"},
    {"passes", "what stands between lets a positive factor pass"},
    {"read-once", "the scaled tensor is read once"},
    {"factor-constant", "the factor is constant"},
    {"one-group", "the convolution has one group"},
    {"scales", "the channels are multiplied, nothing is added to them"},
};

// Conv(f(x * s), w), f(Conv(x, w)) * s, the same of MatMul
void scaled(MotifBuilder& m) {
  Rng& rng = m.rng();
  const bool conv = rng.chance(0.6), ahead = rng.chance(0.5);
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, conv ? "Conv" : "MatMul");
  const ValueRange small = {.low = -1, .high = 1};
  const std::int64_t c = 2 * rng.range(1, 2), out = 2 * rng.range(1, 2);
  const Dims in = conv ? Dims{rng.range(1, 2), c, 4, 4} : Dims{rng.range(1, 3), c};
  ValueId y = m.data(t, in, small);
  const ValueRange range =
      m.holds("positive") ? ValueRange{.low = 0.25, .high = 2} : ValueRange{.low = -2, .high = 1};
  const bool per_channel = m.holds("per-channel"), constant = m.holds("factor-constant");
  const bool passes = m.holds("passes"), scales = m.holds("scales");
  const auto scale = [&](ValueId v) {
    const std::int64_t n = m.dims(v)[1];
    Dims d = conv ? Dims{n, 1, 1} : Dims{n};
    if (conv && rng.chance(0.3)) d.insert(d.begin(), 1);
    if (!per_channel)
      d = conv ? rng.pick(
                     {Dims{}, Dims{m.dims(v)[3]}, Dims{m.dims(v)[2], 1}, Dims{n, m.dims(v)[2], 1}, m.dims(v)})
               : rng.pick({Dims{}, Dims{m.dims(v)[0], 1}, m.dims(v)});
    const ValueId s = constant ? m.weight(t, d, range) : m.data(t, d, range);
    if (!scales) return m.op(rng.pick({"Add", "Sub"}), {v, s});
    return rng.chance(0.2) ? m.op("Div", {v, s}) : m.commutative("Mul", v, s);
  };
  const auto between = [&](ValueId v) {
    if (!passes) return m.op(rng.pick({"Tanh", "Sigmoid", "Exp"}), {v});
    switch (rng.below(conv ? 4 : 2)) {
      case 0:
        return v;
      case 1:
        return m.op(rng.pick({"Relu", "LeakyRelu"}), {v});
      default:
        return m.op(rng.pick({"MaxPool", "AveragePool"}), {v},
                    {{.name = "kernel_shape", .value = std::vector<std::int64_t>{2, 2}}});
    }
  };
  const auto product = [&](ValueId v) {
    const std::int64_t n = m.dims(v)[1];
    if (!conv) return m.op("MatMul", {v, m.weight(t, {n, out}, small)});
    const std::int64_t group = m.holds("one-group") ? 1 : 2;
    std::vector<ValueId> inputs = {v, m.weight(t, {out, n / group, 2, 2}, small)};
    if (rng.chance(0.5)) inputs.push_back(m.weight(t, {out}, small));
    return m.op("Conv", inputs, {{.name = "group", .value = group}});
  };
  y = ahead ? scale(y) : product(y);
  if (m.breaks("read-once")) m.result(rng.chance(0.5) ? y : m.op("Neg", {y}));
  y = between(y);
  y = ahead ? product(y) : scale(y);
  finish_with(m, y, 0.4);
}

constexpr Motif motifs[] = {
    {.name = "scale-axis", .aims_at = "ConvMulFusion", .guards = kGuards, .build = scaled},
};

}  // namespace

namespace family {
extern const MotifFamily scale_axis;
const MotifFamily scale_axis = motifs;
}  // namespace family

}  // namespace mob::motifs
