// A convolution whose result is shifted or scaled per channel: what folds into its filter and bias.
#include "fuzzer/generator/motifs/convolution.h"

namespace mob::motifs {
namespace {

constexpr Guard kBinaryGuards[] = {
    {"per-channel", "the constant holds one value per filter"},
    {"constant-second", "the convolution is the first operand"},
    {"constant-operand", "the other operand is a constant"},
    {"own-weight", "filter, bias and constant have no other reader"},
    {"forward", "it is no transposed convolution"},
    {"spatial-2", "the filter has two spatial axes or more"},
    {"direct", "the convolution's result is read as it is"},
};

constexpr Guard kNormGuards[] = {
    {"own-weight", "filter, bias and the normalization's parameters have no other reader"},
    {"forward", "it is no transposed convolution"},
    {"epsilon-usual", "epsilon is the usual 1e-5"},
    {"variance-positive", "the variance is well above 0"},
    {"direct", "the convolution's result is read as it is"},
    {"same-channels", "the normalized axis is the convolution's channels"},
};

struct Start {
  ValueId x;
  ConvNode conv;
  ValueId y;  // what is read of it
};

// Something that keeps shape and type but stands between the two nodes.
ValueId detour(MotifBuilder& m, ValueId y) {
  const DType t = m.type(y).dtype;
  switch (m.rng().below(6)) {
    case 0:
      return m.op("Relu", {y});
    case 1:
      return m.op("Neg", {y});
    case 2:
      return m.cast(m.cast(y, DType::kDouble), t);
    case 3:
      return m.reshape(y, std::vector<std::int64_t>(m.dims(y).size(), 0));
    case 4:
      return m.op("Dropout", {y});
    default:
      return m.op("Identity", {y});
  }
}

Start start(MotifBuilder& m, int spatial) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "Conv");
  const std::int64_t group = rng.chance(0.2) ? 2 : 1;
  Start s{};
  s.x = m.data(t, image_dims(m, group * m.size(), spatial));
  ConvStyle style{
      .op = m.holds("forward") ? "Conv" : "ConvTranspose", .group = group, .bias = rng.chance(0.55)};
  if (rng.chance(0.2)) style.filters = group;
  s.conv = convolve(m, s.x, style);
  s.y = m.holds("direct") ? s.conv.y : detour(m, s.conv.y);
  return s;
}

// Another reader of one of these initializers.
void read_again(MotifBuilder& m, const Start& s, ValueId constant) {
  std::vector<ValueId> shared = {s.conv.w, s.conv.w, constant, constant};
  if (s.conv.b != kNoValue) shared.push_back(s.conv.b);
  const ValueId v = m.rng().pick(shared);
  if (v == s.conv.w && m.rng().chance(0.5) && m.dims(v)[1] == m.dims(s.x)[1])
    m.result(m.op("Conv", {s.x, v}));
  else
    m.result(m.op(m.rng().pick({"Neg", "Abs", "Sigmoid"}), {v}));
}

void conv_binary(MotifBuilder& m, std::string_view op) {
  Rng& rng = m.rng();
  const int spatial = m.holds("spatial-2") ? (rng.chance(0.85) ? 2 : 3) : 1;
  const Start s = start(m, spatial);
  const DType t = m.type(s.y).dtype;
  const Dims out = m.dims(s.y);
  const ValueRange range = {.low = -2, .high = 2, .away_from_zero = op == "Mul" ? 0.2 : 0.0};
  ValueId c = kNoValue;
  if (m.breaks("constant-operand")) {
    const std::int64_t which = rng.range(0, 2);
    c = which == 0 ? s.y : which == 1 ? m.data(t, out) : m.op("Sigmoid", {m.data(t, {out[1], 1, 1})});
  } else if (m.breaks("per-channel")) {
    Dims dims(out.size(), 1);
    switch (rng.below(9)) {
      case 0:
        dims = {};
        break;
      case 1:
        dims = {1};
        break;
      case 2:
        dims.pop_back();
        break;
      case 3:
        dims = out;
        dims[0] = 1;
        break;
      case 4:
        dims[0] = out[0] > 1 ? out[0] : 3;
        dims[1] = out[1];
        break;
      case 5:
        dims = {out.back()};
        break;
      case 6:
        dims.insert(dims.begin(), rng.range(1, 2));
        dims[2] = out[1];
        break;
      case 7:
        dims = {out[1] == 1 ? 3 : 1};
        dims.resize(out.size() - 1, 1);
        break;
      default:
        dims = {at(out, -2), 1};
        break;
    }
    c = m.weight(t, dims, range);
  } else if (op == "Mul" && rng.chance(0.2)) {
    c = m.scalar(t, rng.pick({0.5, 2.0, -1.5}));
  } else {
    Dims dims(out.size() - 1, 1);
    dims[0] = out[1];
    if (rng.chance(0.4)) dims.insert(dims.begin(), 1);
    c = m.weight(t, dims, range);
  }
  m.result(m.holds("constant-second") ? m.op(op, {s.y, c}) : m.op(op, {c, s.y}));
  if (m.breaks("own-weight")) read_again(m, s, c);
}

void conv_add(MotifBuilder& m) {
  conv_binary(m, "Add");
}
void conv_mul(MotifBuilder& m) {
  conv_binary(m, "Mul");
}

void conv_norm(MotifBuilder& m) {
  Rng& rng = m.rng();
  const Start s = start(m, rng.pick({2, 2, 2, 2, 1, 3}));
  ValueId y = s.y;
  if (m.breaks("same-channels")) {
    // The axis after the channels is normalized instead.
    std::vector<std::int64_t> perm(m.dims(y).size());
    for (std::size_t i = 0; i < perm.size(); ++i) perm[i] = static_cast<std::int64_t>(i);
    std::swap(perm[1], perm[2]);
    y = m.transpose(y, perm);
  }
  const DType t = m.type(y).dtype;
  const Dims channels = {m.dims(y)[1]};
  const ValueId scale = m.weight(t, channels, {.low = -2, .high = 2, .away_from_zero = 0.1});
  const ValueId shift = m.weight(t, channels);
  const ValueId mean = m.weight(t, channels);
  const ValueRange spread =
      m.holds("variance-positive") ? ValueRange{.low = 0.2, .high = 3} : ValueRange{.low = 0, .high = 0.01};
  const ValueId variance = m.weight(t, channels, spread);
  Attributes attributes;
  if (m.breaks("epsilon-usual"))
    set(attributes, "epsilon", static_cast<float>(rng.pick({1e-3, 0.1, 0.5, 1e-7})));
  else if (rng.chance(0.3))
    set(attributes, "epsilon", 1e-5F);
  if (rng.chance(0.2)) set(attributes, "momentum", 0.5F);
  m.result(m.op("BatchNormalization", {y, scale, shift, mean, variance}, attributes));
  if (m.breaks("own-weight")) read_again(m, s, rng.pick({scale, shift, mean}));
}

constexpr Motif motifs[] = {
    {.name = "conv-add", .aims_at = "ConvAddFusion", .guards = kBinaryGuards, .build = conv_add},
    {.name = "conv-mul", .aims_at = "ConvMulFusion", .guards = kBinaryGuards, .build = conv_mul},
    {.name = "conv-batch-norm", .aims_at = "ConvBNFusion", .guards = kNormGuards, .build = conv_norm},
};

}  // namespace

namespace family {
extern const MotifFamily conv_add_mul_bn;
const MotifFamily conv_add_mul_bn = motifs;
}  // namespace family

}  // namespace mob::motifs
