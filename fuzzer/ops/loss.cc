// NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss.
#include "fuzzer/ops/softmax_line.h"

namespace mob::ops {
namespace {

enum class Reduction { kNone, kSum, kMean };

Reduction reduction_of(const Inference& inf) {
  const std::string name = inf.node().string_or("reduction", "mean");
  if (name == "none") return Reduction::kNone;
  if (name == "sum") return Reduction::kSum;
  if (name == "mean") return Reduction::kMean;
  throw InvalidNode("a loss has no reduction '" + name + "'");
}

void infer(Inference& inf) {
  const Dims &x = inf.dims(0), &labels = inf.dims(1);
  if (x.size() < 2) throw InvalidNode("a loss takes [N, C, ...]");
  Dims samples = x;
  samples.erase(samples.begin() + 1);
  if (labels != samples) throw InvalidNode("the labels do not fit the classes");
  if (inf.has_input(2) && inf.dims(2) != Dims{x[1]}) throw InvalidNode("one weight for each class");
  inf.set_output(0, {inf.type(0).dtype, reduction_of(inf) == Reduction::kNone ? samples : Dims{}});
  if (inf.node().op_type == "SoftmaxCrossEntropyLoss") inf.set_output(1, inf.type(0));
}

// `log_prob(i)` is element i of the input seen as logarithms of probabilities.
template <class R, class F>
void reduce(Evaluation& ev, F log_prob) {
  const Dims& x = ev.dims(0);
  const auto classes = static_cast<std::size_t>(x[1]);
  const auto inner = static_cast<std::size_t>(product(x, 2, x.size()));
  const auto labels = ev.ints(1);
  const bool ignores = ev.node().has("ignore_index"), weighted = ev.has_input(2);
  const std::int64_t ignored = ev.node().int_or("ignore_index", 0);
  const Reduction reduction = reduction_of(ev);
  auto& y = ev.out_reals<R>();
  const auto rounding = ev.rounding<R>();
  Sum<R> losses, weights;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    Approx<R> loss, weight = {1, 0};
    if (!ignores || labels[i] != ignored) {
      if (labels[i] < 0 || labels[i] >= x[1]) throw InvalidNode("a label is no class");
      const auto c = static_cast<std::size_t>(labels[i]);
      loss = -log_prob((i / inner * classes + c) * inner + i % inner);
      if (weighted) {
        weight = ev.reals<R>(2)[c];
        loss = rounding.add(loss * weight);
      }
      losses.add(loss);
      weights.add(weight);
    }
    // A zero has either sign.
    if (loss.v == 0) loss.e = std::max(loss.e, rounding.eta());
    if (reduction == Reduction::kNone) y.set(i, loss);
  }
  if (reduction == Reduction::kNone) return;
  const Approx<R> sum = losses.result(rounding), total = weights.result(rounding);
  if (reduction == Reduction::kSum) {
    y.set(0, losses.terms() == 0 ? Approx<R>{} : rounding.add(sum));
  } else if (sum.finite() && std::fabs(sum.v) + sum.e > rounding.max_finite()) {
    y.set(0, open_value(sum.v));  // what overflows before it is divided does not come back
  } else if (total.v == 0) {
    ev.unspecified("the mean of no loss");
    y.set(0, open_value<R>());
  } else {
    // Divided by the weights, or the mean of losses over that of weights.
    y.set(0, rounding.add(sum / total, 4));
  }
}

void likelihood(Evaluation& ev) {
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& x = ev.reals<R>(0);
    reduce<R>(ev, [&](std::size_t i) { return x[i]; });
  });
}

void cross_entropy(Evaluation& ev) {
  const Groups groups = groups_along(ev.dims(0), {1});
  with_reals(ev.output().type.dtype, [&](auto zero) {
    using R = decltype(zero);
    const auto& x = ev.reals<R>(0);
    const auto rounding = ev.rounding<R>();
    Reals<R> log;
    log.resize(x.v.size());
    for (std::size_t g = 0; g < groups.count && groups.size > 0; ++g) {
      const SoftmaxLine<R> line(x, groups[g], rounding);
      for (std::int64_t i : groups[g]) {
        const auto at = static_cast<std::size_t>(i);
        const Approx<R> a = line.log_softmax(at), p = line.softmax(at);
        // Softmax and then its logarithm, which loses digits near 1 and underflows: as the text has it.
        Approx<R> by_softmax =
            monotone(rounding.add(p), [](R v) { return v > 0 ? std::log(v) : -kInfinity<R>; });
        by_softmax = rounding.add(by_softmax, R(kExpApproximation));
        log.set(at, either(rounding.add(a), by_softmax));
      }
    }
    reduce<R>(ev, [&](std::size_t i) { return log[i]; });
    if (ev.wants(1)) ev.out_reals<R>(1) = log;
  });
}

bool draft(Draft& d, ValueRange range) {
  Rng& rng = d.rng();
  const ArrayType x = d.input(
      {.types = drawable(d, "T"), .min_rank = 2, .max_rank = rng.chance(0.1) ? 6 : 4, .range = range});
  Dims samples = x.dims;
  samples.erase(samples.begin() + 1);
  const bool ignores = rng.chance(0.4);
  const std::int64_t ignored = rng.chance(0.5) ? rng.range(0, x.dims[1] - 1) : rng.pick({-1, -5, 10});
  std::vector<std::int64_t> labels(static_cast<std::size_t>(element_count(samples)));
  for (auto& l : labels) l = ignores && rng.chance(0.2) ? ignored : rng.range(0, x.dims[1] - 1);
  const auto index = drawable(d, "Tind", {DType::kInt32, DType::kInt64}).list();
  if (index.empty()) return false;
  d.input(Tensor::of_ints(rng.pick(index), samples, labels));
  if (rng.chance(0.5))
    d.input({.types = x.dtype,
             .dims = Dims{x.dims[1]},
             .role = Role::kWeight,
             .range = {.low = 0.25, .high = 2}});
  if (ignores) d.attribute("ignore_index", ignored);
  if (rng.chance(0.7)) d.attribute("reduction", std::string(rng.pick({"none", "sum", "mean"})));
  return true;
}
bool draft_likelihood(Draft& d) {
  return draft(d, {.low = -4, .high = 0});
}
bool draft_cross_entropy(Draft& d) {
  if (!draft(d, {.low = -4, .high = 4})) return false;
  if (d.rng().chance(0.4)) d.outputs(2);
  return true;
}

constexpr OpSpec specs[] = {
    {.name = "NegativeLogLikelihoodLoss",
     .since = 12,
     .draft = draft_likelihood,
     .infer = infer,
     .evaluate = likelihood},
    {.name = "SoftmaxCrossEntropyLoss",
     .since = 12,
     .draft = draft_cross_entropy,
     .infer = infer,
     .evaluate = cross_entropy},
};

}  // namespace

namespace family {
extern constinit const Family loss = specs;
}

}  // namespace mob::ops
