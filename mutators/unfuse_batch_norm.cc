// Weights and bias are scaled by channel, and a BatchNormalization undoes it.
#include <cmath>

#include "mutators/channel_affine.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  Linear linear;
};

std::optional<Site> match(const Rewriting& r, const Node& n) {
  const auto l = linear(r, n.outputs.front());
  if (!l || l->node.outputs != n.outputs) return std::nullopt;
  return Site{n, *l};
}

// Random statistics, and what they do to a channel.
struct Statistics {
  std::vector<double> scale, bias, mean, variance;
  std::vector<long double> factor, offset;
};

Statistics draw(Rng& rng, std::size_t channels) {
  Statistics s;
  const auto eighths = [&](std::int64_t low, std::int64_t high) {  // numbers of every type
    return static_cast<double>(rng.range(low, high)) / 8;
  };
  for (std::size_t c = 0; c < channels; ++c) {
    s.scale.push_back(eighths(4, 16) * (rng.chance(0.2) ? -1 : 1));
    s.bias.push_back(eighths(-8, 8));
    s.mean.push_back(eighths(-8, 8));
    s.variance.push_back(eighths(2, 16));
    s.factor.push_back(s.scale[c] / std::sqrt(s.variance[c] + static_cast<long double>(1e-5F)));
    s.offset.push_back(s.bias[c] - s.mean[c] * s.factor[c]);
  }
  return s;
}

std::vector<ValueId> write(Rewriting& r, const Site& site) {
  const std::size_t channels = site.linear.bias.size();
  const Statistics s = draw(r.choices().rng(), channels);
  std::vector<long double> factor, offset;
  for (std::size_t c = 0; c < channels; ++c) {
    const long double inverse = 1 / s.factor[c];
    factor.push_back(r.choices().faulty() ? r.choices().bent(static_cast<double>(inverse)) : inverse);
    offset.push_back(-s.offset[c] * inverse);
  }
  const ValueId y = write_scaled(r, site.linear, factor, offset);
  if (y == kNoValue) return {};
  std::vector<ValueId> inputs = {y};
  for (const auto* list : {&s.scale, &s.bias, &s.mean, &s.variance})
    inputs.push_back(
        r.leaf(Tensor::of(site.linear.weight.dtype(), {static_cast<std::int64_t>(channels)}, *list)));
  return {r.op("BatchNormalization", std::move(inputs))};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write, {{"BatchNormalization", 1}});
}

}  // namespace

extern const Mutator unfuse_batch_norm;
const Mutator unfuse_batch_norm{.name = "unfuse-batch-norm",
                                .aims_at = "BatchNormalization behind convolutions and matrix products",
                                .family = MutatorFamily::kUnfuse,
                                .apply = kept<change>};

}  // namespace mob::mutators
