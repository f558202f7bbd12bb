// The analysis of channels.h at work: axes found so far, and what the operators say of them.
#pragma once

#include <map>
#include <set>

#include "mutators/channels.h"

namespace mob::mutators {

// An axis of a node's input or output that is about to be followed.
struct Reached {
  int node;
  int input;   // slot, or -1
  int output;  // slot, or -1
  ValueId value;
  int axis;
};

class Trace {
 public:
  Trace(const Case& c, const Facts& f);

  // --- What rules ask.
  const Node& node(const Reached& at) const {
    return c_.model.graph.nodes[static_cast<std::size_t>(at.node)];
  }
  std::int64_t opset(const Node& n) const { return c_.model.opset(n.domain); }
  const Dims& dims(ValueId v) const { return f_.type(v).dims; }
  int rank(ValueId v) const { return static_cast<int>(dims(v).size()); }
  std::int64_t size(ValueId v, int axis) const { return dims(v)[static_cast<std::size_t>(axis)]; }
  // Input or output of a node, kNoValue where it is left out.
  static ValueId in(const Node& n, std::size_t slot);
  static ValueId out(const Node& n, std::size_t slot = 0);
  // A constant that no user of the model can replace.
  bool constant(ValueId v) const;
  // The numbers of an input if it is there, else of the attribute, else the fallback. Empty where the input
  // is not constant.
  std::optional<std::vector<std::int64_t>> ints(const Node& n, std::size_t slot, std::string_view attribute,
                                                std::vector<std::int64_t> fallback = {}) const;
  std::vector<double> reals(ValueId v) const { return content(c_, v)->reals(); }  // of a constant
  // Whether every size of the model is the same in each run.
  bool fixed_sizes() const { return fixed_sizes_; }
  bool reached(ValueId v, int axis) const { return entries_.contains({v, axis}); }

  // --- What rules say.
  // Index i of one axis is the same channel as index i of the other.
  void tie(ValueId a, int axis_a, ValueId b, int axis_b);
  // Index `from + i` of the whole is index i of the part.
  void tie_part(ValueId part, int axis_part, ValueId whole, int axis_whole, std::int64_t from);
  // Both axes are cut into so many blocks, each of which is one unit of both.
  void tie_blocks(ValueId a, int axis_a, ValueId b, int axis_b, std::int64_t blocks);
  // Index o of `merged` stands for index (o / inner) % size of `split`.
  void tie_merged(ValueId merged, int axis_merged, ValueId split, int axis_split, std::int64_t inner);
  // As numpy broadcasts: inputs of the node that have the output's size on this axis of the output.
  void tie_broadcast(const Node& n, int output_axis);
  void pin(const Reached& at);
  void contract(const Reached& at, int slot, int axis);
  enum Sign : std::uint8_t { kBatched = 1, kSoftmax = 2, kAttention = 4 };
  void mark(Sign sign) { signs_ |= sign; }

  // --- The whole.
  // All that hangs together with this axis. Once for each Trace.
  ChannelGroup from(ValueId v, int axis);

 private:
  struct Entry {
    ValueId value;
    int axis;
    int first;  // its units are numbered from here on
    std::int64_t size;
  };
  int touch(ValueId v, int axis);
  void follow(int entry);
  int root(int unit);
  void unite(int entry_a, std::int64_t i, int entry_b, std::int64_t j);
  void pin(int entry);
  void find_removable(ChannelGroup& group) const;

  const Case& c_;
  const Facts& f_;
  bool fixed_sizes_;
  std::map<std::pair<ValueId, int>, int> entries_;
  std::vector<Entry> list_;
  std::vector<int> open_;         // entries not followed yet
  std::vector<int> units_ = {0};  // union-find; what is united with 0 is pinned
  int signs_ = 0;
  std::set<Contraction> contractions_;
};

}  // namespace mob::mutators
