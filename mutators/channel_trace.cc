#include "mutators/channel_trace.h"

#include <algorithm>
#include <iterator>

#include "mutators/certain.h"
#include "mutators/channel_rules.h"

namespace mob::mutators {

Trace::Trace(const Case& c, const Facts& f) : c_(c), f_(f), fixed_sizes_(mutators::fixed_sizes(c)) {}

ValueId Trace::in(const Node& n, std::size_t slot) {
  return slot < n.inputs.size() ? n.inputs[slot] : kNoValue;
}

ValueId Trace::out(const Node& n, std::size_t slot) {
  return slot < n.outputs.size() ? n.outputs[slot] : kNoValue;
}

bool Trace::constant(ValueId v) const {
  return fixed_content(c_, v).has_value();
}

std::optional<std::vector<std::int64_t>> Trace::ints(const Node& n, std::size_t slot,
                                                     std::string_view attribute,
                                                     std::vector<std::int64_t> fallback) const {
  const ValueId v = in(n, slot);
  if (v == kNoValue) return n.ints_or(attribute, std::move(fallback));
  if (!constant(v) || is_float(f_.type(v).dtype)) return std::nullopt;
  return content(c_, v)->ints_vector();
}

int Trace::root(int unit) {
  const auto at = [&](int k) -> int& { return units_[static_cast<std::size_t>(k)]; };
  while (at(unit) != unit) unit = at(unit) = at(at(unit));
  return unit;
}

int Trace::touch(ValueId v, int axis) {
  const auto [at, fresh] = entries_.emplace(std::pair(v, axis), static_cast<int>(list_.size()));
  if (!fresh) return at->second;
  const int entry = at->second;
  list_.push_back(
      {.value = v, .axis = axis, .first = static_cast<int>(units_.size()), .size = size(v, axis)});
  for (std::int64_t i = 0; i < list_.back().size; ++i) units_.push_back(static_cast<int>(units_.size()));
  open_.push_back(entry);
  return entry;
}

void Trace::unite(int entry_a, std::int64_t i, int entry_b, std::int64_t j) {
  const auto unit = [&](int entry, std::int64_t k) {
    return root(list_[static_cast<std::size_t>(entry)].first + static_cast<int>(k));
  };
  const int a = unit(entry_a, i), b = unit(entry_b, j);
  units_[static_cast<std::size_t>(std::max(a, b))] = std::min(a, b);  // so that 0 stays a root
}

void Trace::tie(ValueId a, int axis_a, ValueId b, int axis_b) {
  tie_part(a, axis_a, b, axis_b, 0);
}

void Trace::tie_part(ValueId part, int axis_part, ValueId whole, int axis_whole, std::int64_t from) {
  const int a = touch(part, axis_part), b = touch(whole, axis_whole);
  const std::int64_t n = std::min(size(part, axis_part), size(whole, axis_whole) - from);
  for (std::int64_t i = 0; i < n; ++i) unite(a, i, b, from + i);
}

void Trace::tie_blocks(ValueId a, int axis_a, ValueId b, int axis_b, std::int64_t blocks) {
  const int x = touch(a, axis_a), y = touch(b, axis_b);
  const std::int64_t m = size(a, axis_a) / blocks, n = size(b, axis_b) / blocks;
  if (m == 0 || n == 0) {  // no filters, no heads: nothing to go
    pin(x);
    return pin(y);
  }
  for (std::int64_t i = 0; i < m * blocks; ++i) unite(x, i, y, i / m * n);
  for (std::int64_t i = 0; i < n * blocks; ++i) unite(y, i, x, i / n * m);
}

void Trace::tie_merged(ValueId merged, int axis_merged, ValueId split, int axis_split, std::int64_t inner) {
  const int a = touch(merged, axis_merged), b = touch(split, axis_split);
  if (size(split, axis_split) == 0) return pin(a);
  for (std::int64_t o = 0; o < size(merged, axis_merged); ++o)
    unite(a, o, b, o / inner % size(split, axis_split));
}

void Trace::tie_broadcast(const Node& n, int output_axis) {
  const ValueId y = out(n);
  for (ValueId v : n.inputs) {
    if (v == kNoValue) continue;
    const int axis = output_axis - rank(y) + rank(v);
    if (axis < 0) continue;
    if (size(v, axis) == size(y, output_axis))
      tie(v, axis, y, output_axis);
    else if (!fixed_sizes_ && !constant(v))  // one here, but perhaps not elsewhere
      pin(touch(y, output_axis));
  }
}

void Trace::pin(int entry) {
  const Entry& e = list_[static_cast<std::size_t>(entry)];
  for (int i = 0; i < static_cast<int>(e.size); ++i) units_[static_cast<std::size_t>(root(e.first + i))] = 0;
}

void Trace::pin(const Reached& at) {
  pin(touch(at.value, at.axis));
}

void Trace::contract(const Reached& at, int slot, int axis) {
  // Zero times infinity is no zero.
  for (const std::size_t s : {0, 1})
    if (!all_finite(*f_.value(node(at).inputs[s]))) pin(at);
  contractions_.insert({.node = at.node, .slot = slot, .axis = axis});
}

void Trace::follow(int entry) {
  const Entry e = list_[static_cast<std::size_t>(entry)];
  const Graph& g = c_.model.graph;
  const auto ask = [&](int n, int input, int output) {
    const Reached at{.node = n, .input = input, .output = output, .value = e.value, .axis = e.axis};
    if (const ChannelRule rule = channel_rule(node(at)))
      rule(*this, at);
    else
      pin(entry);
  };
  // An axis of one is what other sizes are broadcast to.
  if (e.size < 2 || g.is_input(e.value)) pin(entry);
  for (const Use& u : f_.uses(e.value)) {
    if (u.node < 0)
      pin(entry);
    else
      ask(u.node, u.slot, -1);
  }
  if (f_.producer(e.value) < 0 || content(c_, e.value)) return;
  const auto& outputs = g.nodes[static_cast<std::size_t>(f_.producer(e.value))].outputs;
  const auto slot = std::find(outputs.begin(), outputs.end(), e.value) - outputs.begin();
  ask(f_.producer(e.value), -1, static_cast<int>(slot));
}

void Trace::find_removable(ChannelGroup& group) const {
  std::set<int> units, whole = {0};  // those that are all of some axis
  for (const ChannelAxis& a : group.axes) {
    const std::set<int> own(a.units.begin(), a.units.end());
    units.insert(own.begin(), own.end());
    if (own.size() == 1) whole.insert(*own.begin());
  }
  std::set_difference(units.begin(), units.end(), whole.begin(), whole.end(),
                      std::back_inserter(group.removable));
}

ChannelGroup Trace::from(ValueId v, int axis) {
  touch(v, axis);
  while (!open_.empty()) {
    const int entry = open_.back();
    open_.pop_back();
    follow(entry);
  }
  ChannelGroup group;
  group.contractions.assign(contractions_.begin(), contractions_.end());
  for (const Entry& e : list_) {
    group.axes.push_back({.value = e.value, .axis = e.axis, .units = {}});
    for (int i = 0; i < static_cast<int>(e.size); ++i) group.axes.back().units.push_back(root(e.first + i));
  }
  find_removable(group);
  group.heads = (signs_ & kAttention) != 0 || ((signs_ & kBatched) != 0 && (signs_ & kSoftmax) != 0);
  return group;
}

std::vector<ChannelGroup> channel_groups(const Case& c, const Facts& f) {
  std::vector<ChannelGroup> groups;
  std::set<std::pair<ValueId, int>> known;
  const auto start = [&](ValueId v, int axis) {
    if (axis < 1 || known.contains({v, axis})) return;
    ChannelGroup group = Trace(c, f).from(v, axis);
    for (const ChannelAxis& a : group.axes) known.emplace(a.value, a.axis);
    if (!group.removable.empty()) groups.push_back(std::move(group));
  };
  // Weights first: of groups that cannot both go, those that come first do.
  for (const bool weights : {true, false})
    for (const Node& n : c.model.graph.nodes) {
      if (!n.domain.empty() || n.inputs.size() < 2) continue;
      const bool product = n.op_type == "MatMul" || n.op_type == "Gemm" || n.op_type == "Gather";
      const std::size_t weight = n.op_type == "Gather" ? 0 : 1;
      if (n.op_type.starts_with("Conv") && weights)
        start(n.outputs[0], 1);
      else if (product && weights == content(c, n.inputs[weight]).has_value())
        start(n.outputs[0], static_cast<int>(f.type(n.outputs[0]).rank()) - 1);
    }
  return groups;
}

}  // namespace mob::mutators
