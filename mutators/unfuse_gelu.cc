// Gelu spelled out by Erf or Tanh.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return unfuse_forms(c, f, choices, gelu_forms());
}

}  // namespace

extern const Mutator unfuse_gelu;
const Mutator unfuse_gelu{.name = "unfuse-gelu",
                          .aims_at = "fusion of Gelu by Erf, and by Tanh",
                          .family = MutatorFamily::kUnfuse,
                          .apply = kept<change>};

}  // namespace mob::mutators
