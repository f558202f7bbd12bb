// Simpler operators that say Relu, Elu, HardSwish, Softplus, Swish and their kin become one.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return fuse_forms(c, f, choices, activation_forms());
}

}  // namespace

extern const Mutator fuse_activation;
const Mutator fuse_activation{.name = "fuse-activation",
                              .aims_at =
                                  "kernels and passes of Relu, Elu, HardSwish, Softplus, Swish and their "
                                  "kin, where simpler operators stood",
                              .family = MutatorFamily::kFuse,
                              .apply = kept<change>};

}  // namespace mob::mutators
