// Small whole networks: what pruners and quantizers of models are made for (channels that pass through
// residuals, joins, groups, gates and flattening), and where one pass changes what the next one finds.
#include "fuzzer/generator/motifs/convolution.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"relu", "activations are Relu, right behind their convolution"},
    {"known-batch", "the number of images is known"},
    {"float-weights", "weights are stored as they are read"},
};

class Network {
 public:
  explicit Network(MotifBuilder& m) : m_(m), rng_(m.rng()), type_(m.dtype({DType::kFloat16}, "Conv")) {
    const ArrayType images{type_, image_dims(m, 3)};
    x_ = m.holds("known-batch") ? m.data(images) : m.open_input(images, {0});
  }

  // Draws one module behind what there is.
  void module() {
    switch (rng_.below(6)) {
      case 0:  // residual
        x_ = active(m_.commutative("Add", x_, conv(active(conv(x_, rng_.range(2, 5))), channels())));
        break;
      case 1:  // two branches side by side
        x_ = m_.op("Concat", {x_, conv(x_, rng_.range(1, 4))}, {{.name = "axis", .value = std::int64_t{1}}});
        break;
      case 2:  // depthwise, with a multiplier
        x_ = active(conv(x_, channels() * rng_.pick({1, 2}), channels()));
        break;
      case 3:  // squeeze and excitation
        x_ = m_.commutative("Mul", x_, gate());
        break;
      case 4:
        x_ = active(normalized(conv(x_, rng_.range(2, 8))));
        break;
      default:
        x_ = active(conv(x_, 2 * rng_.range(1, 4), channels() % 2 == 0 ? 2 : 1));
        break;
    }
  }

  // Classes from the image.
  ValueId head() {
    const std::int64_t hidden = rng_.range(2, 6);
    switch (rng_.below(3)) {
      case 0: {
        const ValueId flat = m_.op("Flatten", {x_});
        const ValueId first = m_.op("Relu", {m_.op("Gemm", {flat, weight({m_.dims(flat)[1], hidden})})});
        return m_.op("MatMul", {first, weight({hidden, 3})});
      }
      case 1:
        return m_.op("MatMul", {m_.reduce("ReduceMean", x_, {2, 3}, false), weight({channels(), hidden})});
      default:
        return conv(x_, hidden);
    }
  }

 private:
  std::int64_t channels() const { return m_.dims(x_)[1]; }

  ValueId weight(Dims dims) {
    if (m_.holds("float-weights")) return m_.weight(type_, std::move(dims), {.low = -1, .high = 1});
    return m_.cast(m_.weight(DType::kDouble, std::move(dims), {.low = -1, .high = 1}), type_);
  }

  // A convolution that keeps the image's size.
  ValueId conv(ValueId x, std::int64_t filters, std::int64_t group = 1) {
    const bool wide = rng_.chance(0.6);
    const std::int64_t k = wide ? 3 : 1, pad = wide ? 1 : 0;
    std::vector<ValueId> inputs = {x, weight({filters, m_.dims(x)[1] / group, k, k})};
    if (rng_.chance(0.6)) inputs.push_back(weight({filters}));
    Attributes attributes = {{.name = "pads", .value = std::vector<std::int64_t>(4, pad)}};
    if (group != 1) set(attributes, "group", group);
    return m_.op("Conv", std::move(inputs), std::move(attributes));
  }

  ValueId active(ValueId x) {
    if (m_.holds("relu")) return m_.op("Relu", {x});
    return m_.op(pick_op(m_, {"HardSigmoid", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "Identity"}), {x});
  }

  ValueId normalized(ValueId x) {
    const Dims one = {m_.dims(x)[1]};
    const ValueId scale = m_.weight(type_, one, {.low = 0.5, .high = 2}), shift = m_.weight(type_, one),
                  mean = m_.weight(type_, one), variance = m_.weight(type_, one, {.low = 0.2, .high = 3});
    return m_.op("BatchNormalization", {x, scale, shift, mean, variance});
  }

  ValueId gate() {
    const std::int64_t all = channels();
    const ValueId squeezed = active(conv(m_.op("GlobalAveragePool", {x_}), rng_.range(1, 3)));
    return m_.op("Sigmoid", {conv(squeezed, all)});
  }

  MotifBuilder& m_;
  Rng& rng_;
  DType type_;
  ValueId x_;
};

void build(MotifBuilder& m) {
  Network network(m);
  for (std::int64_t i = m.rng().range(2, 4); i > 0; --i) network.module();
  m.result(network.head());
}

constexpr Motif motifs[] = {
    {.name = "network", .aims_at = "ConvActivationFusion;ConvBNFusion", .guards = kGuards, .build = build},
};

}  // namespace

namespace family {
extern const MotifFamily networks;
const MotifFamily networks = motifs;
}  // namespace family

}  // namespace mob::motifs
