// Which indices of which axes go together when channels of a model are removed.
//
// From the output axis of every Conv, MatMul, Gemm, ... on, the axes of values are followed through the
// operators between. Indices that stand for the same channel belong to one unit: an Add unites the channels
// of its two inputs, a grouped convolution those of each group, a Flatten each channel with its columns. A
// unit ends at leaves, which can be cut, and at sums of products over its axis. All other readers pin it: it
// stays.
#pragma once

#include <tuple>
#include <vector>

#include "mutators/edit.h"

namespace mob::mutators {

// One axis of a value, with the unit that each of its indices belongs to (representatives, once the analysis
// is done).
struct ChannelAxis {
  ValueId value;
  int axis;
  std::vector<int> units;
};
// Input `slot` of a node, whose elements are multiplied by something and summed up along `axis`: what is zero
// there counts for nothing.
struct Contraction {
  int node, slot, axis;
  bool operator<(const Contraction& o) const {
    return std::tie(node, slot, axis) < std::tie(o.node, o.slot, o.axis);
  }
};
// Axes that hang together. Unit 0 stays, and is pinned.
struct ChannelGroup {
  std::vector<ChannelAxis> axes;
  std::vector<Contraction> contractions;
  std::vector<int> removable;  // units, each of which alone could go
  bool heads = false;          // the units are heads of an attention
};

// The groups that have units that can go. Two of them may share an axis (heads of an attention, and channels
// within each head): these cannot both be pruned.
std::vector<ChannelGroup> channel_groups(const Case& c, const Facts& f);

}  // namespace mob::mutators
