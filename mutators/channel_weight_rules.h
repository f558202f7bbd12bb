// Rules of operators with weights: convolutions, products of matrices, attention, per-channel parameters.
#pragma once

#include <string_view>

#include "mutators/channel_rules.h"

namespace mob::mutators {

// Null where the operator is none of these.
ChannelRule channel_weight_rule(std::string_view op);

}  // namespace mob::mutators
