// Reshape, Transpose, Reshape become SpaceToDepth or DepthToSpace.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return fuse_forms(c, f, choices, layout_forms());
}

}  // namespace

extern const Mutator fuse_space_to_depth;
const Mutator fuse_space_to_depth{
    .name = "fuse-space-to-depth",
    .aims_at = "SpaceToDepth and DepthToSpace, where Reshape and Transpose stood",
    .family = MutatorFamily::kFuse,
    .apply = kept<change>};

}  // namespace mob::mutators
