// Images whose channels come last, brought to the layout of convolutions and back, with what stands between.
#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"there-and-back", "the second Transpose undoes the first"},
    {"channels-second", "the first Transpose puts the channels behind the batch"},
    {"one-way-in", "every way into the island has a Transpose"},
    {"one-way-out", "every way out of the island has a Transpose"},
    {"layout-free", "what stands within does not name axes, or names those of the layout"},
};

// Transpose(0,3,1,2) -> operators on images -> Transpose(0,2,3,1)
void island(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "Conv");
  const std::int64_t side = rng.range(3, 5), c = rng.chance(0.3) ? side : rng.range(1, 4);
  const std::int64_t n = rng.range(1, 2);
  std::vector<std::int64_t> in = {0, 3, 1, 2}, out = {0, 2, 3, 1};
  if (m.breaks("channels-second"))
    in = rng.pick<std::vector<std::int64_t>>({{0, 2, 1, 3}, {0, 1, 3, 2}, {0, 3, 2, 1}});
  if (in != std::vector<std::int64_t>{0, 3, 1, 2})
    for (std::size_t i = 0; i < 4; ++i) out[static_cast<std::size_t>(in[i])] = static_cast<std::int64_t>(i);
  if (m.breaks("there-and-back"))
    out = rng.pick<std::vector<std::int64_t>>({{0, 3, 1, 2}, {0, 2, 1, 3}, {0, 3, 2, 1}});
  const ValueRange small = {.low = -1, .high = 1};
  const ValueId first = before(m, m.data(t, {n, side, side, c}, small), 0.3);
  ValueId y = m.transpose(first, in);
  const bool every_in = m.holds("one-way-in"), every_out = m.holds("one-way-out"),
             free = m.holds("layout-free");
  const std::int64_t length = rng.range(1, 4), odd = rng.range(0, length - 1);
  for (std::int64_t i = 0; i < length; ++i) {
    const Dims d = m.dims(y);
    if (!free && i == odd) {
      switch (rng.below(3)) {
        case 0:
          y = m.softmax(y, rng.range(1, 3));
          break;
        case 1:
          y = m.op("Add", {y, m.weight(t, {d[3]}, small)});
          break;
        default:
          y = m.reduce("ReduceMean", y, {rng.range(1, 3)}, true);
          break;
      }
      continue;
    }
    switch (rng.below(8)) {
      case 0: {
        const std::int64_t k = std::min<std::int64_t>({2, d[2], d[3]});
        std::vector<ValueId> inputs = {y, m.weight(t, {rng.range(1, 4), d[1], k, k}, small)};
        if (rng.chance(0.5)) inputs.push_back(m.weight(t, {m.dims(inputs[1])[0]}, small));
        y = m.op("Conv", inputs, {{.name = "pads", .value = std::vector<std::int64_t>{0, 0, 1, 1}}});
        break;
      }
      case 1:
        y = m.op(rng.pick({"MaxPool", "AveragePool"}), {y},
                 {{.name = "kernel_shape",
                   .value = std::vector<std::int64_t>{std::min<std::int64_t>(2, d[2]), 1}}});
        break;
      case 2:
        y = m.op("Add", {y, m.weight(t, {d[1], 1, 1}, small)});
        break;
      case 3: {
        const ValueRange positive = {.low = 0.5, .high = 2};
        y = m.op("BatchNormalization", {y, m.weight(t, {d[1]}, positive), m.weight(t, {d[1]}, small),
                                        m.weight(t, {d[1]}, small), m.weight(t, {d[1]}, positive)});
        break;
      }
      case 4: {
        // Another image of the same sizes.
        Dims other = {d[0], d[2], d[3], d[1]};
        y = m.commutative(
            "Add", y, every_in ? m.transpose(m.data(t, other, small), {0, 3, 1, 2}) : m.data(t, d, small));
        break;
      }
      case 5:
        y = m.op("Concat", {y, y}, {{.name = "axis", .value = std::int64_t{1}}});
        break;
      case 6:
        y = m.pad(y, {0, 0, 1, 0, 0, 0, 0, 1}, 0);
        break;
      default:
        y = m.op(rng.pick({"Relu", "Tanh", "Neg", "LeakyRelu"}), {y});
        break;
    }
  }
  if (!every_in) y = m.commutative("Add", y, m.data(t, m.dims(y), small));
  if (!every_out) m.result(rng.chance(0.5) ? m.op("Neg", {y}) : m.reduce("ReduceMax", y, {1}, false));
  finish_with(m, m.transpose(y, out), 0.3);
}

constexpr Motif motifs[] = {
    {.name = "nhwc-island",
     .aims_at = "TransposeOptimizer;TransposeOptimizer_CPUExecutionProvider;NchwcTransformer",
     .guards = kGuards,
     .build = island},
};

}  // namespace

namespace family {
extern const MotifFamily nhwc_island;
const MotifFamily nhwc_island = motifs;
}  // namespace family

}  // namespace mob::motifs
