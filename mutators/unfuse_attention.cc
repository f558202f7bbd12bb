// Attention becomes matrix products, a scale, a mask and a softmax.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return unfuse_forms(c, f, choices, attention_forms());
}

}  // namespace

extern const Mutator unfuse_attention;
const Mutator unfuse_attention{.name = "unfuse-attention",
                               .aims_at = "fusion of attention: heads, scale and mask",
                               .family = MutatorFamily::kUnfuse,
                               .apply = kept<change>};

}  // namespace mob::mutators
