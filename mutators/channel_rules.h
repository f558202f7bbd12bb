// What each operator makes of an axis of its input or output that is followed (channel_trace.h): rules, and
// what they share.
#pragma once

#include <span>

#include "mutators/channel_trace.h"

namespace mob::mutators {

using Ints = std::vector<std::int64_t>;
using ChannelRule = void (*)(Trace&, const Reached&);
struct ChannelRow {
  std::string_view op;
  ChannelRule rule;
};
// Null where there is no row of the operator.
ChannelRule rule_of(std::span<const ChannelRow> rows, std::string_view op);
// The rule of a node. Null: the operator is not known, and pins whatever reaches it.
ChannelRule channel_rule(const Node& n);

// An axis as ONNX writes it, counted from the front; whether it is one of some.
int counted(std::int64_t axis, int rank);
bool holds(const Ints& axes, int axis, int rank);
// Whether we came by the first input or the first output, and no other output is made.
bool at_front(const Trace& t, const Reached& at);
// The first input's axis is the first output's.
void same_axis(Trace& t, const Reached& at);
// So it is but for the axes along which everything is done; where these are not known, nothing can go.
void beside(Trace& t, const Reached& at, const std::optional<Ints>& along);

}  // namespace mob::mutators
