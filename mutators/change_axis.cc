// Another axis, or the same one counted from the other end.
#include <algorithm>

#include "mutators/edit.h"

namespace mob::mutators {
namespace {

struct Place {
  int node;
  std::string attribute;  // or, where empty, the slot of a constant input
  int slot = -1;
};

// Rank that the axes of a node count in: of its first input, but of what Unsqueeze makes and where Concat and
// the like have none, of the first known one.
std::int64_t rank_of(const Node& n, const Facts& f) {
  if (n.op_type == "Unsqueeze" && f.known(n.outputs[0]))
    return static_cast<std::int64_t>(f.type(n.outputs[0]).rank());
  for (ValueId v : n.inputs)
    if (f.known(v)) return static_cast<std::int64_t>(f.type(v).rank());
  return 0;
}

std::int64_t other_axis(std::int64_t a, std::int64_t rank, Rng& rng) {
  if (rank > 1 && !rng.chance(0.25)) {
    const std::int64_t now = a < 0 ? a + rank : a;
    std::int64_t next = rng.range(0, rank - 2);
    if (next >= now) ++next;
    return rng.chance(0.5) ? next : next - rank;
  }
  return a < 0 ? a + rank : a - rank;
}

std::vector<std::int64_t> other_axes(std::vector<std::int64_t> axes, std::int64_t rank, Rng& rng) {
  const auto spare = [&](bool negative) {
    std::vector<std::int64_t> free;
    for (std::int64_t a = 0; a < rank; ++a)
      if (std::none_of(axes.begin(), axes.end(), [&](auto x) { return (x < 0 ? x + rank : x) == a; }))
        free.push_back(negative ? a - rank : a);
    return free;
  };
  switch (rng.below(axes.size() > 1 ? 4 : 3)) {
    case 0:  // more of them
      if (const auto more = spare(rng.chance(0.5)); !more.empty()) {
        axes.insert(axes.begin() + rng.range(0, static_cast<std::int64_t>(axes.size())), rng.pick(more));
        return axes;
      }
      break;
    case 1:  // fewer
      if (axes.size() > 1) {
        axes.erase(axes.begin() + rng.range(0, static_cast<std::int64_t>(axes.size()) - 1));
        return axes;
      }
      break;
    case 3:  // in another order
      std::reverse(axes.begin(), axes.end());
      return axes;
    default:
      break;
  }
  if (axes.empty()) return axes;
  std::int64_t& a = axes[rng.below(axes.size())];
  a = other_axis(a, rank, rng);
  return axes;
}

bool change(Case& c, const Facts& f, Rng& rng) {
  const Graph& g = c.model.graph;
  std::vector<Place> places;
  for (std::size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    const Schema* form = form_of(c.model, n);
    if (form == nullptr) continue;
    for (const char* word : {"axis", "axes", "batch_axis"}) {
      if (form->has_attribute(word) && (n.has(word) || std::string_view(word) == "axis"))
        places.push_back({static_cast<int>(i), word});
      const int slot = slot_of(*form, word);
      if (slot < 0 || static_cast<std::size_t>(slot) >= n.inputs.size()) continue;
      const ValueId v = n.inputs[static_cast<std::size_t>(slot)];
      if (v != kNoValue && content(c, v)) places.push_back({static_cast<int>(i), "", slot});
    }
  }
  const auto place = maybe_pick(places, rng);
  if (!place) return false;
  Node& n = c.model.graph.nodes[static_cast<std::size_t>(place->node)];
  const std::int64_t rank = rank_of(n, f);
  if (rank == 0) return false;
  if (!place->attribute.empty()) {
    const Attribute* a = n.attribute(place->attribute);
    if (a == nullptr) {
      n.set(place->attribute, rng.range(-rank, rank - 1));
    } else if (const auto* one = std::get_if<std::int64_t>(&a->value)) {
      n.set(place->attribute, other_axis(*one, rank, rng));
    } else if (const auto* many = std::get_if<std::vector<std::int64_t>>(&a->value)) {
      std::vector<std::int64_t> axes = other_axes(*many, rank, rng);
      if (axes == *many) return false;
      n.set(place->attribute, std::move(axes));
    } else {
      return false;
    }
    return true;
  }
  const ValueId v = n.inputs[static_cast<std::size_t>(place->slot)];
  const Tensor now = *content(c, v);
  if (is_float(now.dtype()) || now.count() == 0) return false;
  std::vector<std::int64_t> axes = other_axes(now.ints_vector(), rank, rng);
  // A scalar axis (CumSum) stays one.
  if (now.dims().empty()) axes = {other_axis(now.int_at(0), rank, rng)};
  if (axes == now.ints_vector()) return false;
  const Dims dims = now.dims().empty() ? Dims{} : Dims{static_cast<std::int64_t>(axes.size())};
  const ValueId leaf = maybe_split(c, f, v, rng);
  set_content(c, leaf, Tensor::of_ints(now.dtype(), dims, axes));
  return true;
}

}  // namespace

extern const Mutator change_axis;
const Mutator change_axis{.name = "change-axis",
                          .aims_at = "fusions that take the axis for the last one, or forget negative ones",
                          .apply = recompute<change>};

}  // namespace mob::mutators
