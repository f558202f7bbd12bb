#include "mutators/channel_removal.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "fuzzer/graph/weight_bytes.h"
#include "mutators/saving.h"

namespace mob::mutators {
namespace {

using Units = std::set<int>;

// Groups that have no axis in common, side by side: their units are numbered anew.
struct Channels {
  std::vector<ChannelAxis> axes;
  std::vector<Contraction> contractions;
  std::vector<ChannelGroup> groups;

  void add(ChannelGroup group) {
    for (const ChannelAxis& a : group.axes)
      if (find(a.value, a.axis) >= 0) return;
    const auto renumbered = [this](int unit) { return unit == 0 ? 0 : units_ + unit; };
    int most = 0;
    for (ChannelAxis& a : group.axes)
      for (int& u : a.units) {
        most = std::max(most, u);
        u = renumbered(u);
      }
    for (int& u : group.removable) u = renumbered(u);
    units_ += most;
    for (const ChannelAxis& a : group.axes) {
      index_.emplace(std::pair(a.value, a.axis), static_cast<int>(axes.size()));
      axes.push_back(a);
    }
    contractions.insert(contractions.end(), group.contractions.begin(), group.contractions.end());
    groups.push_back(std::move(group));
  }
  // Number of the axis, or -1 where it is in no group.
  int find(ValueId v, int axis) const {
    const auto at = index_.find({v, axis});
    return at == index_.end() ? -1 : at->second;
  }

 private:
  std::map<std::pair<ValueId, int>, int> index_;
  int units_ = 0;
};

std::int64_t size_after(const ChannelAxis& a, const Units& gone) {
  return std::count_if(a.units.begin(), a.units.end(), [&](int u) { return !gone.contains(u); });
}

bool cut(const ChannelAxis& a, const Units& gone) {
  return size_after(a, gone) < static_cast<std::int64_t>(a.units.size());
}

// Elements of a tensor at these indices of an axis.
Tensor taken(const Tensor& t, std::size_t axis, const std::vector<std::int64_t>& indices) {
  std::int64_t outer = 1, inner = 1;
  for (std::size_t d = 0; d < axis; ++d) outer *= t.dims()[d];
  for (std::size_t d = axis + 1; d < t.dims().size(); ++d) inner *= t.dims()[d];
  Dims dims = t.dims();
  dims[axis] = static_cast<std::int64_t>(indices.size());
  std::vector<double> reals;
  std::vector<std::int64_t> ints;
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t i : indices)
      for (std::int64_t k = 0; k < inner; ++k) {
        const std::int64_t at = (o * t.dims()[axis] + i) * inner + k;
        if (is_float(t.dtype()))
          reals.push_back(t.real_at(at));
        else
          ints.push_back(t.int_at(at));
      }
  return is_float(t.dtype()) ? Tensor::of(t.dtype(), dims, reals) : Tensor::of_ints(t.dtype(), dims, ints);
}

// Sum of magnitudes in the weights, by unit.
std::map<int, double> magnitudes(const Case& c, const ChannelGroup& group) {
  std::map<int, double> sums;
  for (const ChannelAxis& a : group.axes) {
    const std::optional<Tensor> t = content(c, a.value);
    if (!t || t->dims().size() < 2) continue;
    std::int64_t inner = 1;
    for (std::size_t d = static_cast<std::size_t>(a.axis) + 1; d < t->dims().size(); ++d)
      inner *= t->dims()[d];
    for (std::int64_t i = 0; i < t->count(); ++i) {
      const auto along = i / inner % static_cast<std::int64_t>(a.units.size());
      const double x = is_float(t->dtype()) ? t->real_at(i) : static_cast<double>(t->int_at(i));
      sums[a.units[static_cast<std::size_t>(along)]] += std::fabs(x);
    }
  }
  return sums;
}

// Adds units of a group to those that go.
void choose(const ChannelGroup& group, const std::vector<int>& order, double sparsity, Units& gone) {
  const auto wanted = static_cast<std::size_t>(std::max(1.0, sparsity * static_cast<double>(order.size())));
  std::size_t done = 0;
  for (int unit : order) {
    if (done == wanted) break;
    gone.insert(unit);
    const bool something_stays = std::all_of(group.axes.begin(), group.axes.end(),
                                             [&](const ChannelAxis& a) { return size_after(a, gone) > 0; });
    if (something_stays)
      ++done;
    else
      gone.erase(unit);
  }
}

Units chosen(const Case& c, const Channels& channels, Choices& choices) {
  const double sparsity = choices.real("sparsity", 0.1, 0.9);
  const bool by_size = choices.word("by", {"l1", "random"}) == "l1";
  Units gone;
  for (const ChannelGroup& group : channels.groups) {
    std::vector<int> order = group.removable;
    std::map<int, double> key;
    if (by_size)
      key = magnitudes(c, group);
    else
      for (int u : order) key[u] = choices.rng().unit();
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return key[a] < key[b]; });
    choose(group, order, sparsity, gone);
  }
  return gone;
}

// The parent with a mask where channels are summed up.
std::shared_ptr<const Case> masked_parent(const Case& c, const Facts& f, const Channels& channels,
                                          const Units& gone) {
  auto twin = std::make_shared<Case>(c);
  Graph& g = twin->model.graph;
  for (const Contraction& at : channels.contractions) {
    const ValueId v = g.nodes[static_cast<std::size_t>(at.node)].inputs[static_cast<std::size_t>(at.slot)];
    const ChannelAxis& a = channels.axes[static_cast<std::size_t>(channels.find(v, at.axis))];
    if (!cut(a, gone)) continue;
    Dims dims(f.type(v).rank(), 1);
    dims[static_cast<std::size_t>(at.axis)] = static_cast<std::int64_t>(a.units.size());
    std::vector<double> ones;
    for (int u : a.units) ones.push_back(gone.contains(u) ? 0 : 1);
    const ValueId mask = g.add_initializer("", Tensor::of(f.type(v).dtype, dims, ones));
    set_use(*twin, {.node = at.node, .slot = at.slot}, append(*twin, "Mul", {v, mask}).front());
  }
  return twin;
}

// Attributes and shapes of nodes that count channels.
class Recounting {
 public:
  Recounting(Case& c, const Channels& channels, const Units& gone)
      : c_(c), channels_(channels), gone_(gone) {}

  // Returns the bytes of what is added.
  std::int64_t all() {
    std::int64_t added = 0;
    for (std::size_t n = 0; n < c_.model.graph.nodes.size(); ++n) {
      Node& node = c_.model.graph.nodes[n];
      if (!node.domain.empty()) continue;
      if (node.op_type.starts_with("Conv")) {
        recount(node, "group", node.inputs[0], 1);
      } else if (node.op_type == "Attention") {
        recount(node, "q_num_heads", node.inputs[0], 2);
        recount(node, "kv_num_heads", node.inputs[1], 2);
      } else if (node.op_type == "Reshape") {
        added += reshape(n, 1);
      } else if (node.op_type == "ConstantOfShape") {
        added += reshape(n, 0);
      }
    }
    return added;
  }

 private:
  // The axis if it is cut, else null.
  const ChannelAxis* cut_axis(ValueId v, int axis) const {
    const int e = channels_.find(v, axis);
    if (e < 0 || !cut(channels_.axes[static_cast<std::size_t>(e)], gone_)) return nullptr;
    return &channels_.axes[static_cast<std::size_t>(e)];
  }
  // An attribute that says into how many groups the axis falls.
  void recount(Node& n, std::string_view attribute, ValueId v, int axis) const {
    const ChannelAxis* a = cut_axis(v, axis);
    const std::int64_t groups = n.int_or(attribute, 1);
    if (a == nullptr || groups < 2) return;
    const auto each = static_cast<std::int64_t>(a->units.size()) / groups;
    n.set(attribute, size_after(*a, gone_) / each);
  }
  // The input that says what shape the output has.
  std::int64_t reshape(std::size_t n, int slot) {
    const Node& node = c_.model.graph.nodes[n];
    const std::optional<Tensor> given = content(c_, node.inputs[static_cast<std::size_t>(slot)]);
    if (!given) return 0;  // computed: then its axes are pinned
    std::vector<std::int64_t> shape = given->ints_vector();
    const std::vector<std::int64_t> before = shape;
    for (std::size_t i = 0; i < shape.size(); ++i) {
      const ChannelAxis* a = cut_axis(node.outputs[0], static_cast<int>(i));
      // Zero copies the input's size, which may be cut otherwise; minus one is what is left.
      if (a != nullptr && shape[i] >= 0) shape[i] = size_after(*a, gone_);
    }
    if (shape == before) return 0;
    Graph& g = c_.model.graph;
    const ValueId fresh = g.add_initializer("", Tensor::ints(shape));
    set_use(c_, {.node = static_cast<int>(n), .slot = slot}, fresh);
    return packed_bytes(*g[fresh].initializer);
  }

  Case& c_;
  const Channels& channels_;
  const Units& gone_;
};

// Cuts the weights, and says which are cut. Returns the bytes that this saves.
std::int64_t cut_weights(Case& c, const Channels& channels, const Units& gone, const Choices& choices,
                         std::set<ValueId>& cut_ones) {
  std::int64_t saved = 0;
  for (const ChannelAxis& a : channels.axes) {
    const std::optional<Tensor> t = content(c, a.value);
    if (!t || !cut(a, gone)) continue;
    std::vector<std::int64_t> stay;
    const auto n = static_cast<std::int64_t>(a.units.size());
    for (std::int64_t i = 0; i < n; ++i)
      if (!gone.contains(a.units[static_cast<std::size_t>(i)])) stay.push_back(choices.bent_index(i, n));
    Tensor less = taken(*t, static_cast<std::size_t>(a.axis), stay);
    saved += packed_bytes(*t) - packed_bytes(less);
    set_content(c, a.value, std::move(less));
    cut_ones.insert(a.value);
  }
  return saved;
}

// What the dimensions of a weight should be, counted from the parent's.
Dims dims_after(const Facts& f, ValueId v, const Channels& channels, const Units& gone) {
  Dims dims = f.type(v).dims;
  for (std::size_t d = 0; d < dims.size(); ++d)
    if (const int e = channels.find(v, static_cast<int>(d)); e >= 0)
      dims[d] = size_after(channels.axes[static_cast<std::size_t>(e)], gone);
  return dims;
}

}  // namespace

std::optional<Promise> without_channels(Case& c, const Facts& f, const std::vector<ChannelGroup>& groups,
                                        Choices& choices) {
  Channels channels;
  for (const ChannelGroup& group : groups) channels.add(group);
  const Units gone = chosen(c, channels, choices);
  if (gone.empty()) return std::nullopt;
  Promise promise;
  promise.twins.push_back({.name = "parent with masked channels", .c = masked_parent(c, f, channels, gone)});
  const std::int64_t before = weight_bytes(c.model.graph);
  std::set<ValueId> weights;
  std::int64_t saved = cut_weights(c, channels, gone, choices, weights);
  saved -= Recounting(c, channels, gone).all();
  const Graph& g = c.model.graph;
  for (ValueId v : weights)
    if (g[v].initializer)
      promise.claims.emplace_back(HasType{g[v].name, {f.type(v).dtype, dims_after(f, v, channels, gone)}});
  claim_saving(promise.claims, before, saved);
  return promise;
}

}  // namespace mob::mutators
