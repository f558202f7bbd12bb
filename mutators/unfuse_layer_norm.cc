// LayerNormalization spelled out by simpler operators.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return unfuse_forms(c, f, choices, layer_norm_forms());
}

}  // namespace

extern const Mutator unfuse_layer_norm;
const Mutator unfuse_layer_norm{.name = "unfuse-layer-norm",
                                .aims_at = "fusion of LayerNormalization by means, a root and a quotient",
                                .family = MutatorFamily::kUnfuse,
                                .apply = kept<change>};

}  // namespace mob::mutators
