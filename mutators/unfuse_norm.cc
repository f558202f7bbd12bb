// InstanceNormalization and LpNormalization spelled out by simpler operators.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return unfuse_forms(c, f, choices, norm_forms());
}

}  // namespace

extern const Mutator unfuse_norm;
const Mutator unfuse_norm{.name = "unfuse-norm",
                          .aims_at = "fusion of InstanceNormalization and LpNormalization by reductions",
                          .family = MutatorFamily::kUnfuse,
                          .apply = kept<change>};

}  // namespace mob::mutators
