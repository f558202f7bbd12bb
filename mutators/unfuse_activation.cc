// Relu, Elu, HardSwish, Softplus, Swish and their kin spelled out by simpler operators.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return unfuse_forms(c, f, choices, activation_forms());
}

}  // namespace

extern const Mutator unfuse_activation;
const Mutator unfuse_activation{.name = "unfuse-activation",
                                .aims_at = "fusion of Relu, Elu, HardSwish, Softplus, Swish and their kin",
                                .family = MutatorFamily::kUnfuse,
                                .apply = kept<change>};

}  // namespace mob::mutators
