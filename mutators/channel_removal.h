// Channels of a model go, with all that hangs together with them.
#pragma once

#include "mutators/channels.h"

namespace mob::mutators {

// Removes units of some groups (`sparsity` of those that can go, at least one; those of the least sum of
// magnitudes in their weights, or random ones: settings `sparsity`, `by`). At least one index of each axis
// stays. Promises: equal to the parent in which nothing comes of the removed channels where they are summed
// up, shapes of the cut weights, fewer bytes. Of groups that share an axis, the first is pruned.
// Empty where nothing could go.
std::optional<Promise> without_channels(Case& c, const Facts& f, const std::vector<ChannelGroup>& groups,
                                        Choices& choices);

}  // namespace mob::mutators
