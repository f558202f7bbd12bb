// Simpler operators that say RMSNormalization become one.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return fuse_forms(c, f, choices, rms_norm_forms());
}

}  // namespace

extern const Mutator fuse_rms_norm;
const Mutator fuse_rms_norm{
    .name = "fuse-rms-norm",
    .aims_at = "kernels and passes of RMSNormalization, where simpler operators stood",
    .family = MutatorFamily::kFuse,
    .apply = kept<change>};

}  // namespace mob::mutators
