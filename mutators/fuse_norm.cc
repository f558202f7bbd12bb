// Simpler operators that say InstanceNormalization and LpNormalization become one.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return fuse_forms(c, f, choices, norm_forms());
}

}  // namespace

extern const Mutator fuse_norm;
const Mutator fuse_norm{
    .name = "fuse-norm",
    .aims_at =
        "kernels and passes of InstanceNormalization and LpNormalization, where simpler operators stood",
    .family = MutatorFamily::kFuse,
    .apply = kept<change>};

}  // namespace mob::mutators
