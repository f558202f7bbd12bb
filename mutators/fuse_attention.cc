// Matrix products, a scale, a mask and a softmax become Attention.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return fuse_forms(c, f, choices, attention_forms());
}

}  // namespace

extern const Mutator fuse_attention;
const Mutator fuse_attention{.name = "fuse-attention",
                             .aims_at = "Attention where matrix products and a softmax stood",
                             .family = MutatorFamily::kFuse,
                             .apply = kept<change>};

}  // namespace mob::mutators
