#include "mutators/regroup.h"

#include <algorithm>
#include <cmath>

namespace mob::mutators {
namespace {

// No result comes nearer to the largest number than this: sums in another order could pass it.
constexpr double kRoom = 0x1p-8;

bool calm(const Expected& x) {
  if (!x.holds_reals()) {
    for (std::size_t i = 0; i < x.count(); ++i)
      if (x.open_at(i)) return false;
    return true;
  }
  const double most = float_format(x.type.dtype).max_finite * kRoom;
  for (std::size_t i = 0; i < x.count(); ++i)
    if (!(std::fabs(x.value_at(i)) + x.bound_at(i) < most)) return false;
  return true;
}

// Whether a zero that is certain has one sign here and another one there.
bool zeros_differ(const Expected& a, const Expected& b) {
  if (!a.holds_reals()) return false;
  for (std::size_t i = 0; i < a.count(); ++i)
    if (a.value_at(i) == 0 && b.value_at(i) == 0 && a.bound_at(i) == 0 && b.bound_at(i) == 0 &&
        std::signbit(a.value_at(i)) != std::signbit(b.value_at(i)))
      return true;
  return false;
}

}  // namespace

bool regroups(DType t) {
  return kFloats.has(t) || t == DType::kInt32 || t == DType::kInt64;
}

Regroup::Regroup(Case& c, const Facts& f, ValueId facts_end, int root, Choices& choices, bool dry)
    : c_(c),
      f_(f),
      facts_end_(facts_end),
      root_(root),
      choices_(choices),
      dry_(dry),
      nodes_(c.model.graph.nodes.size()),
      values_(c.model.graph.values.size()),
      initializers_(c.model.graph.initializers.size()) {}

const Node* Regroup::maker(ValueId v, std::string_view op) const {
  if (v >= facts_end_ || !known(v) || f_.producer(v) < 0) return nullptr;
  const Node& n = node_at(f_.producer(v));
  return n.domain.empty() && n.op_type == op ? &n : nullptr;
}

const Expected* Regroup::value(ValueId v) const {
  if (const auto at = made_.find(v); at != made_.end()) return at->second.get();
  return v < facts_end_ ? f_.value(v) : nullptr;
}

ValueId Regroup::node(std::string op, std::vector<ValueId> inputs, std::vector<Attribute> attributes) {
  std::vector<const Expected*> values;
  for (ValueId v : inputs) {
    if (!known(v)) return kNoValue;
    values.push_back(value(v));
  }
  const ValueId y = one(c_, std::move(op), std::move(inputs), std::move(attributes));
  std::optional<NodeResult> result = try_node(c_.model, c_.model.graph.nodes.back(), values);
  if (!result) return kNoValue;
  made_[y] = std::make_shared<const Expected>(std::move(result->outputs[0]));
  return y;
}

ValueId Regroup::leaf(Tensor t) {
  auto value = std::make_shared<const Expected>(exact(t));
  const ValueId v = add_leaf(c_, std::move(t), Constness::kInitializer);
  made_[v] = std::move(value);
  return v;
}

ValueId Regroup::bent(ValueId v) {
  return choices_.faulty() && known(v) ? leaf(bent_tensor(rounded(*value(v)))) : v;
}

bool Regroup::sound(ValueId last) const {
  const ValueId old = root().outputs[0];
  if (!known(last) || type(last) != type(old) || !calm(*value(old))) return false;
  for (ValueId v : root().inputs)
    if (v != kNoValue && (!known(v) || !calm(*value(v)))) return false;
  const auto quiet = [](const auto& made) { return calm(*made.second); };
  return std::all_of(made_.begin(), made_.end(), quiet) && !zeros_differ(*value(last), *value(old));
}

void Regroup::undo() {
  Graph& g = c_.model.graph;
  g.nodes.resize(nodes_);
  g.values.resize(values_);
  g.initializers.resize(initializers_);
  made_.clear();
}

bool Regroup::commit(ValueId last) {
  const bool works = sound(last);
  if (!works || dry_) {
    undo();
    return works;
  }
  std::vector<Node>& nodes = c_.model.graph.nodes;
  Node& root = nodes[static_cast<std::size_t>(root_)];
  root.op_type = nodes.back().op_type;
  root.inputs = nodes.back().inputs;
  root.attributes = nodes.back().attributes;
  nodes.pop_back();
  return true;
}

namespace {

// Nodes that nothing reads any more, of those that were there before.
void drop_unread(Case& c, std::size_t before) {
  Graph& g = c.model.graph;
  for (bool again = true; again;) {
    again = false;
    const std::vector<int> uses = g.use_counts();
    for (std::size_t n = 0; n < before; ++n) {
      Node& node = g.nodes[n];
      if (node.op_type.empty() || std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId v) {
            return v != kNoValue && uses[static_cast<std::size_t>(v)] > 0;
          }))
        continue;
      node = {};
      again = true;
    }
  }
  std::erase_if(g.nodes, [](const Node& n) { return n.op_type.empty(); });
}

}  // namespace

std::optional<Promise> regroup(Case& c, const Facts& f, Choices& choices, const std::vector<Form>& forms) {
  const auto end = static_cast<ValueId>(c.model.graph.values.size());
  const std::size_t before = c.model.graph.nodes.size();
  const std::vector<bool> shapes = shaping(c, f);
  const auto works = [&](int node, bool dry) {
    std::vector<Form> order = forms;
    choices.rng().shuffle(order);
    return std::any_of(order.begin(), order.end(), [&](Form form) {
      Regroup r(c, f, end, node, choices, dry);
      return form(r) || r.commit(kNoValue);
    });
  };
  std::vector<int> places;
  for (std::size_t n = 0; n < before; ++n) {
    const Node& node = c.model.graph.nodes[n];
    const ValueId y = node.outputs.size() == 1 ? node.outputs[0] : kNoValue;
    if (node.domain.empty() && f.known(y) && !shapes[static_cast<std::size_t>(y)] &&
        works(static_cast<int>(n), true))
      places.push_back(static_cast<int>(n));
  }
  if (places.empty()) return std::nullopt;
  bool any = false;
  for (int n : choices.places(with_room(c, std::move(places), 4))) any = works(n, false) || any;
  if (!any) return std::nullopt;
  drop_unread(c, before);
  return Promise{};
}

}  // namespace mob::mutators
