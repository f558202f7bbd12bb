// RMSNormalization spelled out by simpler operators.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return unfuse_forms(c, f, choices, rms_norm_forms());
}

}  // namespace

extern const Mutator unfuse_rms_norm;
const Mutator unfuse_rms_norm{
    .name = "unfuse-rms-norm",
    .aims_at = "fusion of RMSNormalization by a mean of squares, a root and a quotient",
    .family = MutatorFamily::kUnfuse,
    .apply = kept<change>};

}  // namespace mob::mutators
