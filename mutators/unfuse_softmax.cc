// Softmax and LogSoftmax spelled out by simpler operators.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return unfuse_forms(c, f, choices, softmax_forms());
}

}  // namespace

extern const Mutator unfuse_softmax;
const Mutator unfuse_softmax{.name = "unfuse-softmax",
                             .aims_at = "fusion of Softmax and LogSoftmax by exponentials and their sum",
                             .family = MutatorFamily::kUnfuse,
                             .apply = kept<change>};

}  // namespace mob::mutators
