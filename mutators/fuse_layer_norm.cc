// Simpler operators that say LayerNormalization become one.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return fuse_forms(c, f, choices, layer_norm_forms());
}

}  // namespace

extern const Mutator fuse_layer_norm;
const Mutator fuse_layer_norm{
    .name = "fuse-layer-norm",
    .aims_at = "kernels and passes of LayerNormalization, where simpler operators stood",
    .family = MutatorFamily::kFuse,
    .apply = kept<change>};

}  // namespace mob::mutators
