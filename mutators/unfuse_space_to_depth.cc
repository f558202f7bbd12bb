// SpaceToDepth and DepthToSpace become Reshape, Transpose, Reshape.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return unfuse_forms(c, f, choices, layout_forms());
}

}  // namespace

extern const Mutator unfuse_space_to_depth;
const Mutator unfuse_space_to_depth{
    .name = "unfuse-space-to-depth",
    .aims_at = "fusion of SpaceToDepth and DepthToSpace, and transposes between reshapes",
    .family = MutatorFamily::kUnfuse,
    .apply = kept<change>};

}  // namespace mob::mutators
