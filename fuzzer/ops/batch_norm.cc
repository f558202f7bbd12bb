// BatchNormalization: by given statistics, or from opset 14 on in training by those of the batch.
#include "fuzzer/ops/standardize.h"

namespace mob::ops {
namespace {

// [N] is one channel.
std::int64_t channels(const Inference& inf) {
  return inf.rank(0) < 2 ? 1 : inf.dims(0)[1];
}

bool trains(const Inference& inf) {
  return inf.opset() >= 14 && inf.node().int_or("training_mode", 0) != 0;
}

void infer(Inference& inf) {
  if (inf.rank(0) < 1) throw InvalidNode("BatchNormalization takes no scalar");
  for (std::size_t i = 1; i < 5; ++i)
    if (inf.dims(i) != Dims{channels(inf)}) throw InvalidNode("a parameter is not of shape [C]");
  inf.set_output(0, inf.type(0));
  for (std::size_t i = 1; i < inf.output_count(); ++i) {
    if (!inf.wants(i)) continue;
    if (inf.opset() < 14) throw Unsupported("BatchNormalization in training before opset 14");
    if (!trains(inf) || i > 2) throw InvalidNode("statistics are a result of training only");
    inf.set_output(i, {inf.type(2 + i).dtype, inf.dims(3)});
  }
}

// x a + (b - mean a) with a = scale / sqrt(var + epsilon), or (x - mean) / sqrt(var + epsilon) * scale + b.
template <class R>
Approx<R> normalized(Approx<R> x, Approx<R> mean, Approx<R> factor, Approx<R> bias,
                     const Rounding<R>& rounding) {
  Approx<R> y = (x - mean) * factor + bias;
  if (!factor.finite() && !std::isnan(factor.v)) return open_value(y.v);
  if (y.finite() && !y.open())
    y.e += rounding.u() *
           (6 * (std::fabs(factor.v) + factor.e) * (std::fabs(x.v) + x.e + std::fabs(mean.v) + mean.e) +
            2 * std::fabs(bias.v));
  return rounding.add(y);
}

// The elements of each channel.
Groups by_channel(const Evaluation& ev) {
  std::vector<std::int64_t> axes = {0};
  for (std::int64_t a = 2; a < ev.rank(0); ++a) axes.push_back(a);
  return groups_along(ev.dims(0), axes);
}

template <class R>
void infer_mode(Evaluation& ev, R epsilon) {
  const auto &x = ev.reals<R>(0), &scale = ev.reals<R>(1), &bias = ev.reals<R>(2);
  const auto &mean = ev.reals<R>(3), &var = ev.reals<R>(4);
  const auto rounding = ev.rounding_of<R>(coarsest({ev.type(0).dtype, ev.type(1).dtype, ev.type(3).dtype}));
  const Groups groups = by_channel(ev);
  for (std::size_t c = 0; c < groups.count; ++c) {
    const Approx<R> inverse =
        monotone(var[c] + Approx<R>{epsilon, 0}, [](R v) { return R(1) / std::sqrt(v); });
    const Approx<R> factor = inverse * scale[c];
    for (std::int64_t index : groups[c]) {
      const auto i = static_cast<std::size_t>(index);
      set_real(ev.output(), i, normalized(x[i], mean[c], factor, bias[c], rounding));
    }
  }
}

template <class R>
void training_mode(Evaluation& ev, R epsilon) {
  const auto &x = ev.reals<R>(0), &scale = ev.reals<R>(1), &bias = ev.reals<R>(2);
  const auto momentum = static_cast<R>(ev.node().float_or("momentum", static_cast<double>(0.9f)));
  const DType t = ev.type(0).dtype;
  // The statistics are calculated in float, says the ONNX spec.
  const auto stage = ev.rounding_of<R>(t == DType::kDouble ? t : DType::kFloat);
  const auto rounding = ev.rounding_of<R>(coarsest({t, ev.type(1).dtype}));
  const Groups groups = by_channel(ev);
  const auto running = [&](std::size_t output, std::size_t c, Approx<R> current) {
    if (!ev.wants(output)) return;
    const auto own = ev.rounding_of<R>(ev.output(output).type.dtype);
    const Approx<R> old = ev.reals<R>(2 + output)[c], m = {momentum, 0}, rest = {1 - momentum, 0};
    set_real(ev.output(output), c, own.add(own.add(old * m) + own.add(current * rest, 3)));
  };
  for (std::size_t c = 0; c < groups.count; ++c) {
    if (groups.size == 0) {
      ev.unspecified("statistics of an empty batch");
      for (std::size_t o : {1, 2})
        if (ev.wants(o)) set_open(ev.output(o), c);
      continue;
    }
    const Standardized<R> norm(x, groups[c], epsilon, Center::kMean, stage);
    for (std::int64_t index : groups[c]) {
      const auto i = static_cast<std::size_t>(index);
      set_real(ev.output(), i, scaled(norm(x[i]), scale[c], bias[c], rounding));
    }
    running(1, c, norm.mean());
    running(2, c, norm.variance());
  }
}

void evaluate(Evaluation& ev) {
  with_widest(ev, [&](auto zero) {
    using R = decltype(zero);
    const auto epsilon = static_cast<R>(ev.node().float_or("epsilon", static_cast<double>(1e-5f)));
    if (trains(ev))
      training_mode<R>(ev, epsilon);
    else
      infer_mode<R>(ev, epsilon);
  });
}

bool draft(Draft& d) {
  Rng& rng = d.rng();
  const ArrayType x =
      d.input({.types = drawable(d, "T"), .min_rank = rng.chance(0.1) ? 1 : 2, .max_rank = 5});
  const Dims c = {x.rank() < 2 ? 1 : x.dims[1]};
  const auto parameter = [&](double low, double high) {
    d.input({.types = x.dtype, .dims = c, .role = Role::kWeight, .range = {.low = low, .high = high}});
  };
  parameter(0.5, 1.5);
  parameter(-1, 1);
  parameter(-1, 1);
  parameter(0.25, 2);
  if (rng.chance(0.5)) d.attribute("epsilon", rng.pick({1e-5f, 1e-3f, 1e-6f, 0.1f}));
  if (rng.chance(0.3)) d.attribute("momentum", rng.pick({0.9f, 0.5f, 0.99f}));
  if (d.schema().has_attribute("training_mode")) {
    const bool training = rng.chance(0.08);
    if (training || rng.chance(0.2)) d.attribute("training_mode", std::int64_t{training});
    if (training) d.outputs(3);
  }
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "BatchNormalization", .since = 9, .draft = draft, .infer = infer, .evaluate = evaluate},
};

}  // namespace

namespace family {
extern constinit const Family batch_norm = specs;
}

}  // namespace mob::ops
