// Simpler operators that say Gelu become one.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return fuse_forms(c, f, choices, gelu_forms());
}

}  // namespace

extern const Mutator fuse_gelu;
const Mutator fuse_gelu{.name = "fuse-gelu",
                        .aims_at = "kernels and passes of Gelu, where simpler operators stood",
                        .family = MutatorFamily::kFuse,
                        .apply = kept<change>};

}  // namespace mob::mutators
