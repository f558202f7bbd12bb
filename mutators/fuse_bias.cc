// A constant of each channel that is added to (or multiplies) what Conv, ConvTranspose, Gemm or MatMul gives
// goes into its weights and bias.
#include "mutators/channel_affine.h"

namespace mob::mutators {
namespace {

struct Site {
  Node old;
  Linear linear;
  Affine affine;
};

std::optional<Site> match(const Rewriting& r, const Node& n) {
  const auto affine = constant_term(r, n, 1);
  if (!affine || !is_float(r.type(affine->x).dtype)) return std::nullopt;
  const auto before = linear(r, affine->x);
  if (!before || before->bias.size() != affine->factor.size()) return std::nullopt;
  return Site{n, *before, *affine};
}

std::vector<ValueId> write(Rewriting& r, const Site& site) {
  std::vector<long double> offset = site.affine.offset;
  if (r.choices().faulty())
    for (long double& x : offset) x = r.choices().bent(static_cast<double>(x));
  return {write_scaled(r, site.linear, site.affine.factor, offset)};
}

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return rewrite(c, f, choices, match, write);
}

}  // namespace

extern const Mutator fuse_bias;
const Mutator fuse_bias{.name = "fuse-bias",
                        .aims_at = "constant Add, Sub, Mul and Div folded into weights and bias",
                        .family = MutatorFamily::kFuse,
                        .apply = kept<change>};

}  // namespace mob::mutators
