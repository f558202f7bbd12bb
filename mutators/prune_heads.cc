// Whole heads of attentions go, as one node or as the products and the Softmax that it stands for; of grouped
// queries, those that share a head of keys and values go together.
#include "mutators/channel_removal.h"

namespace mob::mutators {
namespace {

std::optional<Promise> change(Case& c, const Facts& f, Choices& choices) {
  std::vector<ChannelGroup> groups = channel_groups(c, f);
  std::erase_if(groups, [](const ChannelGroup& g) { return !g.heads; });
  groups = choices.places(std::move(groups));
  if (groups.empty()) return std::nullopt;
  return without_channels(c, f, groups, choices);
}

}  // namespace

extern const Mutator prune_heads;
const Mutator prune_heads{.name = "prune-heads",
                          .aims_at = "whole attention heads go (sparsity, by)",
                          .family = MutatorFamily::kPrune,
                          .apply = kept<change>};

}  // namespace mob::mutators
