// Convolutions of another rank or kind in disguise: of a line as of an image, of one element as a product,
// with pads of their own before them, with a bias that is added behind.
#include "fuzzer/generator/motifs/convolution.h"
#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr DTypeSet kTypes = {DType::kDouble, DType::kFloat16};
constexpr ValueRange kSmall = {.low = -1, .high = 1};

constexpr Guard kRankGuards[] = {
    {"axis-of-one", "the axis that is put in has kernel 1 and no pads"},
    {"taken-back", "the axis that is put in is the one that is taken away"},
    {"direct", "no other node stands between"},
};

// Squeeze(Conv2D(Unsqueeze(x))) of a line; the same one rank higher
void by_rank(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "Conv");
  const int spatial = rng.pick({1, 1, 2});
  const std::int64_t c = rng.range(1, 3);
  const Dims image = image_dims(m, c, spatial);
  const std::int64_t axis = 2 + rng.range(0, spatial);
  ValueId y = before(m, m.data(t, image, kSmall), 0.3);
  y = rng.chance(0.6) ? m.unsqueeze(y, {axis}) : [&] {
    Dims d = image;
    d.insert(d.begin() + axis, 1);
    return m.reshape(y, d);
  }();
  if (m.breaks("direct")) y = neighbour(m, y);
  Dims w = {rng.range(1, 3), c};
  std::vector<std::int64_t> pads(2 * static_cast<std::size_t>(spatial + 1), 0);
  for (int i = 0; i <= spatial; ++i) {
    const bool put_in = i + 2 == axis;
    w.push_back(put_in ? 1 : rng.range(1, 3));
    if (!put_in) pads[static_cast<std::size_t>(i)] = rng.range(0, 1);
  }
  if (m.breaks("axis-of-one")) {
    w[static_cast<std::size_t>(axis)] = rng.range(1, 3);
    pads[static_cast<std::size_t>(axis - 2)] = pads[static_cast<std::size_t>(axis - 1 + spatial)] =
        w[static_cast<std::size_t>(axis)] > 1 ? 1 : 0;
    if (w[static_cast<std::size_t>(axis)] == 1) throw CannotDraft{};
  }
  std::vector<ValueId> inputs = {y, m.weight(t, w, kSmall)};
  if (rng.chance(0.5)) inputs.push_back(m.weight(t, {w[0]}, kSmall));
  y = m.op("Conv", inputs, {{.name = "pads", .value = pads}});
  if (rng.chance(0.3)) y = m.op("Relu", {y});
  if (m.breaks("taken-back")) {
    Dims d = m.dims(y);
    std::swap(d[2], d[3]);
    return m.result(m.reshape(y, d));
  }
  y = m.dims(y)[static_cast<std::size_t>(axis)] == 1 ? m.squeeze(y, {axis}) : m.reshape(y, {0, 0, -1});
  finish_with(m, y, 0.4);
}

constexpr Guard kBiasGuards[] = {
    {"bias-of-channels", "what is added has one element per channel"},
    {"no-bias-yet", "the convolution has no bias"},
    {"bias-constant", "what is added is constant"},
    {"plain-shape", "what is added has the shape that broadcasts, without a node that makes it"},
    {"added", "it is added, and not subtracted from"},
    {"read-once", "the convolution is read once"},
};

// Conv(x, w) + Reshape(b), in 1 to 3 dimensions, and transposed
void bias(MotifBuilder& m) {
  Rng& rng = m.rng();
  const bool transposed = rng.chance(0.3);
  const DType t = m.dtype(kTypes, "Conv");
  const int spatial = rng.pick({1, 2, 2, 3});
  const std::int64_t c = rng.range(1, 3), out = rng.range(1, 4);
  const Dims image = image_dims(m, c, spatial, 3);
  Dims w = transposed ? Dims{c, out} : Dims{out, c};
  for (int i = 0; i < spatial; ++i) w.push_back(rng.range(1, 2));
  std::vector<ValueId> inputs = {before(m, m.data(t, image, kSmall), 0.3), m.weight(t, w, kSmall)};
  if (m.breaks("no-bias-yet")) inputs.push_back(m.weight(t, {out}, kSmall));
  std::vector<std::int64_t> pads(2 * static_cast<std::size_t>(spatial), 0);
  for (auto& p : pads) p = rng.range(0, 1);
  const ValueId y = m.op(transposed ? "ConvTranspose" : "Conv", inputs, {{.name = "pads", .value = pads}});
  if (m.breaks("read-once")) m.result(m.op("Neg", {y}));
  Dims d(static_cast<std::size_t>(spatial + 1), 1);
  d[0] = out;
  if (m.breaks("bias-of-channels"))
    d = rng.pick(
        {Dims{}, Dims{m.dims(y).back()}, Dims{1}, Dims(m.dims(y).begin() + 1, m.dims(y).end()), m.dims(y)});
  else if (rng.chance(0.3))
    d.insert(d.begin(), 1);
  const bool constant = m.holds("bias-constant");
  const auto leaf = [&](const Dims& dims) {
    return constant ? m.weight(t, dims, kSmall) : m.data(t, dims, kSmall);
  };
  ValueId b = kNoValue;
  if (m.holds("plain-shape"))
    b = leaf(d);
  else
    b = rng.chance(0.5) ? m.reshape(leaf({element_count(d)}), d) : m.op("Identity", {leaf(d)});
  finish_with(m, m.holds("added") ? m.commutative("Add", y, b) : m.op("Sub", {b, y}), 0.5);
}

constexpr Guard kPointGuards[] = {
    {"kernel-1", "the kernel is of one element"},
    {"stride-1", "the stride is 1 and nothing is padded"},
    {"channels-joined", "what is multiplied are the channels"},
    {"shape-restored", "the image gets back its sides"},
};

// MatMul(w, Reshape(x, [n, c, h w])) is a convolution by single elements, and the other way round
void pointwise(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "MatMul");
  const std::int64_t n = rng.range(1, 2), c = rng.range(1, 4), side = rng.range(2, 3), out = rng.range(1, 4);
  const ValueId x = before(m, m.data(t, {n, c, side, side}, kSmall), 0.3);
  if (rng.chance(0.5)) {
    const std::int64_t k = m.holds("kernel-1") ? 1 : 2;
    std::vector<Attribute> attributes;
    if (m.breaks("stride-1")) {
      if (rng.chance(0.5))
        attributes.push_back({.name = "strides", .value = std::vector<std::int64_t>{2, 1}});
      else
        attributes.push_back({.name = "pads", .value = std::vector<std::int64_t>{1, 0, 0, 1}});
    }
    ValueId y = m.op("Conv", {x, m.weight(t, {out, c, k, k}, kSmall)}, attributes);
    y = m.op("Conv", {y, m.weight(t, {rng.range(1, 3), out, 1, 1}, kSmall)});
    return finish_with(m, y, 0.4);
  }
  const bool joined = m.holds("channels-joined");
  ValueId y = m.reshape(x, {n, c, side * side});
  if (joined)
    y = m.op("MatMul", {m.weight(t, {out, c}, kSmall), y});
  else
    y = m.op("MatMul", {y, m.weight(t, {side * side, side * side}, kSmall)});
  y = m.holds("shape-restored") ? m.reshape(y, {0, 0, side, side}) : m.reshape(y, {n, side, side, -1});
  finish_with(m, y, 0.4);
}

constexpr Motif motifs[] = {
    {.name = "conv-of-rank", .aims_at = "", .guards = kRankGuards, .build = by_rank},
    {.name = "conv-bias", .aims_at = "ConvAddFusion", .guards = kBiasGuards, .build = bias},
    {.name = "pointwise", .aims_at = "", .guards = kPointGuards, .build = pointwise},
};

}  // namespace

namespace family {
extern const MotifFamily conv_forms;
const MotifFamily conv_forms = motifs;
}  // namespace family

}  // namespace mob::motifs
