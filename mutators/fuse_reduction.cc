// Simpler operators that say reductions and global pools become one.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return fuse_forms(c, f, choices, reduction_forms());
}

}  // namespace

extern const Mutator fuse_reduction;
const Mutator fuse_reduction{
    .name = "fuse-reduction",
    .aims_at = "kernels and passes of reductions and global pools, where simpler operators stood",
    .family = MutatorFamily::kFuse,
    .apply = kept<change>};

}  // namespace mob::mutators
