// Simpler operators that say Softmax and LogSoftmax become one.
#include "mutators/forms.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  return fuse_forms(c, f, choices, softmax_forms());
}

}  // namespace

extern const Mutator fuse_softmax;
const Mutator fuse_softmax{
    .name = "fuse-softmax",
    .aims_at = "kernels and passes of Softmax and LogSoftmax, where simpler operators stood",
    .family = MutatorFamily::kFuse,
    .apply = kept<change>};

}  // namespace mob::mutators
