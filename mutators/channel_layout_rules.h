// Rules of operators that move elements about or take axes away: shapes, slices, reductions.
#pragma once

#include <string_view>

#include "mutators/channel_rules.h"

namespace mob::mutators {

// Null where the operator is none of these.
ChannelRule channel_layout_rule(std::string_view op);

}  // namespace mob::mutators
