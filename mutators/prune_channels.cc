// Whole channels go: filters, columns of matrices, what follows them, and the weights that read them.
#include "mutators/channel_removal.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  const std::vector<ChannelGroup> groups = choices.places(channel_groups(c, f));
  if (groups.empty()) return std::nullopt;
  return without_channels(c, f, groups, choices);
}

}  // namespace

extern const Mutator prune_channels;
const Mutator prune_channels{
    .name = "prune-channels",
    .aims_at = "whole channels go, through residuals, groups, flattening (sparsity, by)",
    .family = MutatorFamily::kPrune,
    .apply = kept<change>};

}  // namespace mob::mutators
