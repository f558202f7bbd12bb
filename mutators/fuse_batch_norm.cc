// BatchNormalization goes into the weights of the Conv, ConvTranspose, Gemm or MatMul before it.
#include "mutators/channel_affine.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  Linear linear;
  Affine affine;
};

std::optional<Site> match(const Rewriting& r, const Node& n) {
  const auto affine = batch_norm(r, n);
  if (!affine) return std::nullopt;
  const auto before = linear(r, affine->x);
  if (!before || before->weight.dtype() != r.type(affine->x).dtype) return std::nullopt;
  return Site{n, *before, *affine};
}

std::vector<ValueId> write(Rewriting& r, const Site& site) {
  std::vector<long double> factor = site.affine.factor;
  for (long double& x : factor) x = r.choices().bent(static_cast<double>(x)) + (x - static_cast<double>(x));
  return {write_scaled(r, site.linear, factor, site.affine.offset)};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write, {{"BatchNormalization", -1}});
}

}  // namespace

extern const Mutator fuse_batch_norm;
const Mutator fuse_batch_norm{.name = "fuse-batch-norm",
                              .aims_at = "BatchNormalization folded into weights and bias",
                              .family = MutatorFamily::kFuse,
                              .apply = kept<change>};

}  // namespace mob::mutators
