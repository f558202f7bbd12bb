// reductions and global pools spelled out by simpler operators.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return unfuse_forms(c, f, choices, reduction_forms());
}

}  // namespace

extern const Mutator unfuse_reduction;
const Mutator unfuse_reduction{.name = "unfuse-reduction",
                               .aims_at = "fusion of reductions and global pools by simpler ones",
                               .family = MutatorFamily::kUnfuse,
                               .apply = kept<change>};

}  // namespace mob::mutators
