// Normalizations spelled out or built of one another, and Softmax by its parts.
#include <algorithm>

#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr DTypeSet kTypes = {DType::kDouble, DType::kFloat16};
constexpr ValueRange kPositive = {.low = 0.5, .high = 2};

constexpr Guard kL2Guards[] = {
    {"squares", "what is summed are squares"},
    {"same-tensor", "what is divided is what the norm is of"},
    {"keepdims", "reduced axes stay"},
    {"root", "the divisor is a root of the sum"},
    {"bounded", "the divisor is kept from 0 by a small constant"},
};

// x / max(sqrt(sum x^2), eps), x / sqrt(sum x^2 + eps), x / ReduceL2(x)
void l2(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "ReduceSum");
  const std::int64_t rank = rng.range(1, 4);
  const Dims dims = m.draw_dims(rank, 1);
  const ValueId x = m.data(t, dims, {.low = -2, .high = 2, .away_from_zero = 0.2});
  std::vector<std::int64_t> axes = {rng.range(0, rank - 1)};
  if (rank > 2 && rng.chance(0.3)) axes = {1, 2};
  const bool keep = m.holds("keepdims"), squares = m.holds("squares"), root = m.holds("root");
  ValueId norm = kNoValue;
  if (squares && root && rng.chance(0.3)) {
    norm = m.reduce("ReduceL2", x, axes, keep);
  } else {
    if (squares && rng.chance(0.3))
      norm = m.reduce("ReduceSumSquare", x, axes, keep);
    else
      norm = m.reduce("ReduceSum",
                      squares ? (rng.chance(0.5) ? m.op("Mul", {x, x}) : m.op("Pow", {x, m.scalar(t, 2)}))
                              : m.op("Abs", {x}),
                      axes, keep);
    const bool bounded = m.holds("bounded");
    const double eps = bounded ? 1e-4 : rng.pick({0.0, 0.5, 10.0});
    const bool added = rng.chance(0.5);
    if (added) norm = m.op("Add", {norm, m.scalar(t, eps)});
    if (root) norm = m.op("Sqrt", {norm});
    if (!added && m.opset() >= 12) norm = m.op("Max", {norm, m.scalar(t, eps)});
  }
  const ValueId top = m.holds("same-tensor") ? x : m.data(t, dims);
  ValueId y = rng.chance(0.8) ? m.op("Div", {top, norm}) : m.op("Mul", {top, m.op("Reciprocal", {norm})});
  finish_with(m, y, 0.4);
}

constexpr Guard kGroupGuards[] = {
    {"group-flattened", "each group is one channel of the instances"},
    {"plain-instance", "scale and bias of the instances are 1 and 0"},
    {"shape-restored", "the shape comes back"},
    {"scale-per-channel", "the scale behind has one element per channel"},
};

// GroupNormalization by InstanceNormalization of a reshaped image, as exporters write it
void group(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kFloat16}, "InstanceNormalization");
  const std::int64_t n = rng.range(1, 2), groups = rng.range(1, 3), each = rng.range(1, 2), c = groups * each;
  const std::int64_t h = rng.range(2, 3), w = rng.range(2, 3);
  const Dims dims = {n, c, h, w};
  const ValueId x = m.data(t, dims, {.low = -3, .high = 3});
  const std::int64_t channels = m.holds("group-flattened") ? groups : groups == 1 ? c * h : 1;
  ValueId y = m.reshape(x, {rng.chance(0.5) ? 0 : n, channels, -1});
  const bool plain = m.holds("plain-instance");
  const auto filled = [&](double v) {
    return m.constant(Tensor::of(t, {channels}, std::vector<double>(static_cast<std::size_t>(channels), v)));
  };
  y = m.op("InstanceNormalization",
           {y, plain ? filled(1) : m.weight(t, {channels}, kPositive),
            plain ? filled(0) : m.weight(t, {channels})},
           {{.name = "epsilon", .value = 1e-2F}});
  if (m.holds("shape-restored"))
    y = rng.chance(0.5) ? m.reshape(y, dims) : m.op("Reshape", {y, m.op("Shape", {x})});
  else
    y = m.reshape(y, {n, c, w * h, 1});
  const Dims last = m.dims(y);
  const Dims s =
      m.holds("scale-per-channel") ? Dims{c, 1, 1} : rng.pick({Dims{}, Dims{last[3]}, Dims{last[2], 1}});
  y = m.commutative("Mul", y, m.weight(t, s, kPositive));
  y = m.commutative("Add", y, m.weight(t, s));
  finish_with(m, y, 0.4);
}

constexpr Guard kMvnGuards[] = {
    {"same-axes", "mean and variance are along the same axes"},
    {"same-tensor", "the variance is that of what is divided"},
    {"eps-inside", "epsilon is added below the root"},
    {"spatial", "the axes are those of the image"},
};

// (x - mean) / sqrt(mean((x - mean)^2) + eps), or + eps outside; MeanVarianceNormalization itself
void mvn(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble}, "ReduceMean");
  const Dims dims = m.draw_dims(4, 2);
  const ValueId x = m.data(t, dims, {.low = -3, .high = 3});
  std::vector<std::int64_t> axes =
      rng.chance(0.6) ? std::vector<std::int64_t>{2, 3} : std::vector<std::int64_t>{1, 2, 3};
  if (m.breaks("spatial")) axes = rng.pick<std::vector<std::int64_t>>({{1}, {0, 1}, {1, 3}, {0, 2, 3}});
  if (t == DType::kFloat && rng.chance(0.15))
    return finish_with(m, m.op("MeanVarianceNormalization", {x}, {{.name = "axes", .value = axes}}), 0.4);
  std::vector<std::int64_t> later = axes;
  if (m.breaks("same-axes"))
    later = axes.size() == 1 ? std::vector<std::int64_t>{2, 3} : std::vector<std::int64_t>{axes.front()};
  const ValueId centred = m.op("Sub", {x, m.reduce("ReduceMean", x, axes, true)});
  const ValueId of = m.holds("same-tensor") ? centred : m.data(t, dims);
  ValueId v = m.reduce(
      "ReduceMean", rng.chance(0.5) ? m.op("Mul", {of, of}) : m.op("Pow", {of, m.scalar(t, 2)}), later, true);
  const ValueId eps = m.scalar(t, rng.pick({1e-3, 1e-2, 0.1}));
  if (m.holds("eps-inside"))
    v = m.op("Sqrt", {m.op("Add", {v, eps})});
  else
    v = m.op("Add", {m.op("Sqrt", {v}), eps});
  finish_with(
      m, rng.chance(0.8) ? m.op("Div", {centred, v}) : m.commutative("Mul", centred, m.op("Reciprocal", {v})),
      0.4);
}

constexpr Guard kSoftmaxGuards[] = {
    {"same-axis", "maximum and sum are along one axis"},
    {"largest-subtracted", "the largest is subtracted"},
    {"sum-of-all", "the divisor is the sum of the exponentials"},
    {"keepdims", "reduced axes stay"},
    {"logarithm", "the logarithm is taken of the whole"},
};

// Exp(x - max) / Sum; Log(Softmax); x - ReduceLogSumExp; Softmax around Reshape or Transpose
void softmax(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "Exp");
  const std::int64_t rank = rng.range(2, 4), axis = rng.range(0, rank - 1);
  const Dims dims = m.draw_dims(rank);
  const ValueId x = m.data(t, dims);
  const bool logarithm = m.holds("logarithm");
  if (rng.chance(0.35)) {
    ValueId y = m.softmax(x, m.holds("same-axis") ? axis : (axis + 1) % rank);
    y = logarithm ? m.op("Log", {y}) : m.op("Log", {m.commutative("Add", y, m.scalar(t, 1))});
    return finish_with(m, y, 0.4);
  }
  const bool keep = m.holds("keepdims");
  const std::int64_t other = m.holds("same-axis") ? axis : (axis + 1) % rank;
  const ValueId largest = m.reduce(
      m.holds("largest-subtracted") ? "ReduceMax" : rng.pick({"ReduceMin", "ReduceMean"}), x, {axis}, true);
  const ValueId e = m.op("Exp", {m.op("Sub", {x, largest})});
  ValueId y = e;
  if (m.holds("sum-of-all")) {
    ValueId sum = m.reduce("ReduceSum", e, {other}, keep);
    if (!keep && rng.chance(0.5)) sum = m.unsqueeze(sum, {other});
    y = rng.chance(0.8) ? m.op("Div", {e, sum}) : m.op("Mul", {e, m.op("Reciprocal", {sum})});
  } else {
    y = m.op("Div", {e, m.reduce("ReduceMax", e, {other}, true)});
  }
  if (logarithm && rng.chance(0.4)) y = m.op("Log", {y});
  finish_with(m, y, 0.4);
}

constexpr Guard kBatchGuards[] = {
    {"per-channel", "factor and shift have one element per channel"},
    {"positive-variance", "the variance is above 0"},
    {"inference", "the statistics are given"},
    {"one-reader", "what is normalized is read once"},
    {"direct", "no other node stands between"},
};

// BatchNormalization behind Add, Mul, ConvTranspose, Reshape or another one; before a Conv
void batch(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kTypes, "BatchNormalization");
  const std::int64_t c = rng.range(1, 4);
  const Dims dims = {rng.range(1, 2), c, 3, 3};
  const ValueRange small = {.low = -1, .high = 1};
  ValueId y = m.data(t, dims, small);
  const bool constant = m.holds("inference"), positive = m.holds("positive-variance");
  const auto leaf = [&](const Dims& d, const ValueRange& r) {
    return constant ? m.weight(t, d, r) : m.data(t, d, r);
  };
  const auto normalize = [&](ValueId v) {
    const Dims channel = {m.dims(v)[1]};
    const ValueRange variance = positive ? kPositive : ValueRange{.low = 0, .high = 0};
    return m.op("BatchNormalization",
                {v, leaf(channel, {.low = -2, .high = 2}), leaf(channel, small), leaf(channel, small),
                 leaf(channel, variance)},
                {{.name = "epsilon", .value = rng.pick({1e-5F, 1e-2F})}});
  };
  const auto channelwise = [&](ValueId v) {
    const std::int64_t n = m.dims(v)[1];
    const Dims d =
        m.holds("per-channel") ? Dims{n, 1, 1} : rng.pick({Dims{}, Dims{3}, Dims{3, 1}, Dims{n, 3, 3}});
    return m.commutative(rng.pick({"Add", "Mul"}), v, m.weight(t, d, small));
  };
  const auto conv = [&](ValueId v) {
    return m.op("Conv", {v, m.weight(t, {rng.range(1, 3), m.dims(v)[1], 2, 2}, small)});
  };
  const auto which = rng.below(5);
  const auto step = [&](ValueId v) {
    if (m.breaks("one-reader")) m.result(m.op("Neg", {v}));
    return m.breaks("direct") ? m.op(rng.pick({"Relu", "Neg"}), {v}) : v;
  };
  switch (which) {
    case 0:
      y = normalize(step(channelwise(y)));
      break;
    case 1:
      y = channelwise(step(normalize(y)));
      break;
    case 2:
      y = normalize(step(m.op("ConvTranspose", {y, m.weight(t, {c, rng.range(1, 3), 2, 2}, small)})));
      break;
    case 3:
      y = conv(step(normalize(y)));
      break;
    default:
      y = normalize(step(normalize(y)));
      break;
  }
  finish_with(m, y, 0.4);
}

constexpr Motif motifs[] = {
    {.name = "l2-norm", .aims_at = "", .guards = kL2Guards, .build = l2},
    {.name = "group-norm", .aims_at = "", .guards = kGroupGuards, .build = group},
    {.name = "mean-variance", .aims_at = "", .guards = kMvnGuards, .build = mvn},
    {.name = "softmax-parts", .aims_at = "", .guards = kSoftmaxGuards, .build = softmax},
    {.name = "batch-norm-around", .aims_at = "", .guards = kBatchGuards, .build = batch},
};

}  // namespace

namespace family {
extern const MotifFamily norm_forms;
const MotifFamily norm_forms = motifs;
}  // namespace family

}  // namespace mob::motifs
