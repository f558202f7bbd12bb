#include "mutators/pattern.h"

#include <algorithm>

namespace mob::mutators {

bool holds_exactly(DType t, double x) {
  return Tensor::scalar(t, x).real_at(0) == x;
}

// --- Writer ------------------------------------------------------------------------------------------------

ValueId Writer::leaf(Tensor t) {
  const bool node = rng_ != nullptr && rng_->chance(0.3);
  return add_leaf(c_, std::move(t), node ? Constness::kConstantNode : Constness::kInitializer);
}

ValueId Writer::reduce(const std::string& name, ValueId x, const std::vector<std::int64_t>& axes,
                       bool keepdims) {
  std::vector<Attribute> attributes = {attribute("keepdims", std::int64_t{keepdims})};
  if (opset() >= (name == "ReduceSum" ? 13 : 18)) return op(name, {x, ints(axes)}, std::move(attributes));
  attributes.push_back(attribute("axes", axes));
  return op(name, {x}, std::move(attributes));
}

ValueId Writer::slice(ValueId x, const std::vector<std::int64_t>& starts,
                      const std::vector<std::int64_t>& ends, const std::vector<std::int64_t>& axes,
                      const std::vector<std::int64_t>& steps) {
  if (opset() < 10)
    return op("Slice", {x}, {attribute("starts", starts), attribute("ends", ends), attribute("axes", axes)});
  std::vector<ValueId> inputs = {x, ints(starts), ints(ends), ints(axes)};
  if (!steps.empty()) inputs.push_back(ints(steps));
  return op("Slice", std::move(inputs));
}

ValueId Writer::squeeze(const std::string& name, ValueId x, const std::vector<std::int64_t>& axes) {
  if (opset() < 13) return op(name, {x}, {attribute("axes", axes)});
  return op(name, {x, ints(axes)});
}

ValueId Writer::pad(ValueId x, const std::vector<std::int64_t>& pads, DType t, double value) {
  if (opset() < 11)
    return op("Pad", {x}, {attribute("pads", pads), attribute("value", static_cast<float>(value))});
  return op("Pad", {x, ints(pads), scalar(t, value)});
}

std::vector<ValueId> Writer::split(ValueId x, const std::vector<std::int64_t>& sizes, std::int64_t axis) {
  if (opset() < 13)
    return ops("Split", {x}, sizes.size(), {attribute("axis", axis), attribute("split", sizes)});
  return ops("Split", {x, ints(sizes)}, sizes.size(), {attribute("axis", axis)});
}

// --- Rewriting ---------------------------------------------------------------------------------------------

Rewriting::Rewriting(Case& c, const Facts& f, Choices& choices)
    : Writer(c, &choices.rng()),
      c_(c),
      f_(f),
      choices_(choices),
      nodes_(c.model.graph.nodes.size()),
      values_(c.model.graph.values.size()),
      mark_(nodes_),
      fixed_(fixed_sizes(c)) {
  for (const Node& n : c.model.graph.nodes)
    if (n.domain.empty()) ++before_[n.op_type];
}

std::optional<Node> Rewriting::maker(ValueId v, std::string_view op) const {
  const int p = v == kNoValue ? -1 : f_.producer(v);
  if (p < 0) return std::nullopt;
  const Node& n = c_.model.graph.nodes[static_cast<std::size_t>(p)];
  if (n.op_type != op || !n.domain.empty()) return std::nullopt;
  // What was replaced has lost its outputs; what it made is still there, but made otherwise.
  if (!n.outputs.empty() && n.outputs.front() != v) return std::nullopt;
  return n;
}

std::optional<double> Rewriting::number(ValueId v, std::size_t most_rank) const {
  const std::optional<Tensor> t = constant(v);
  if (!t || t->count() != 1 || t->dims().size() > most_rank) return std::nullopt;
  return is_float(t->dtype()) ? t->real_at(0) : static_cast<double>(t->int_at(0));
}

std::optional<std::vector<std::int64_t>> Rewriting::int_list(ValueId v) const {
  const std::optional<Tensor> t = constant(v);
  if (!t || is_float(t->dtype())) return std::nullopt;
  return t->ints_vector();
}

std::optional<std::vector<std::int64_t>> Rewriting::axes(const Node& n, std::size_t rank) const {
  std::optional<std::vector<std::int64_t>> list;
  if (n.has("axes"))
    list = n.ints_or("axes", {});
  else if (n.inputs.size() > 1)
    list = int_list(n.inputs[1]);
  if (!list || list->empty()) return std::nullopt;
  for (std::int64_t& a : *list) a += a < 0 ? static_cast<std::int64_t>(rank) : 0;
  return list;
}

const Expected* Rewriting::value(const Known& fresh, ValueId v) const {
  if (v == kNoValue) return nullptr;
  if (const auto at = fresh.find(v); at != fresh.end()) return at->second.get();
  return f_.value(v);
}

bool Rewriting::evaluate_new(Known& fresh) const {
  const Graph& g = c_.model.graph;
  for (ValueId v : g.initializers)  // those added last
    if (static_cast<std::size_t>(v) >= values_)
      fresh[v] = std::make_shared<const Expected>(exact(*g[v].initializer));
  for (std::size_t i = mark_; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    std::vector<const Expected*> inputs;
    for (ValueId v : n.inputs) inputs.push_back(value(fresh, v));
    std::optional<NodeResult> result = try_node(c_.model, n, inputs);
    if (!result || result->random) return false;
    for (std::size_t o = 0; o < n.outputs.size(); ++o)
      if (n.outputs[o] != kNoValue)
        fresh[n.outputs[o]] = std::make_shared<const Expected>(std::move(result->outputs[o]));
  }
  return true;
}

// The value itself. With a planted fault it is a wrong one: twice a number; else another value of the type,
// which the nodes added read or have made on the way.
ValueId Rewriting::stand_in(const Known& fresh, ValueId made) {
  if (!choices_.faulty()) return made;
  const ArrayType type = value(fresh, made)->type;
  if (kNumbers.has(type.dtype)) return append(c_, "Add", {made, made}).front();
  const Graph& g = c_.model.graph;
  std::vector<ValueId> list = {made};
  const auto consider = [&](const std::vector<ValueId>& values) {
    for (ValueId v : values)
      if (v != kNoValue && v != made && value(fresh, v)->type == type) list.push_back(v);
  };
  for (std::size_t i = g.nodes.size(); i-- > mark_;) {
    consider(g.nodes[i].inputs);
    consider(g.nodes[i].outputs);
  }
  return list[static_cast<std::size_t>(choices_.bent_index(0, static_cast<std::int64_t>(list.size())))];
}

void Rewriting::take_over(ValueId old, ValueId made) {
  Graph& g = c_.model.graph;
  const auto is_new_output = [&] {
    for (std::size_t i = mark_; i < g.nodes.size(); ++i)
      for (ValueId v : g.nodes[i].outputs)
        if (v == made) return g.nodes[i].op_type != "Constant";
    return false;
  };
  if (!is_new_output()) made = append(c_, "Identity", {made}).front();
  for (std::size_t i = mark_; i < g.nodes.size(); ++i)
    for (auto* list : {&g.nodes[i].inputs, &g.nodes[i].outputs})
      std::replace(list->begin(), list->end(), made, old);
}

bool Rewriting::replace(const Node& old, std::vector<ValueId> made) {
  Graph& g = c_.model.graph;
  std::set<std::size_t> makers;
  for (ValueId v : old.outputs)
    if (v != kNoValue) makers.insert(static_cast<std::size_t>(f_.producer(v)));
  const auto replaced = [&](std::size_t n) { return n >= nodes_ || dead_.contains(n); };
  Known fresh;
  bool good = !made.empty() && !makers.empty() && std::none_of(makers.begin(), makers.end(), replaced) &&
              evaluate_new(fresh);
  for (std::size_t i = 0; good && i < old.outputs.size(); ++i) {
    if (old.outputs[i] == kNoValue) continue;
    const Expected* now = i < made.size() ? value(fresh, made[i]) : nullptr;
    good = now != nullptr && now->type == f_.type(old.outputs[i]);
  }
  if (!good) {
    g.nodes.resize(mark_);
    return false;
  }
  made.front() = stand_in(fresh, made.front());
  for (std::size_t n : makers) g.nodes[n].outputs.clear();
  dead_.insert(makers.begin(), makers.end());
  for (std::size_t i = 0; i < old.outputs.size(); ++i)
    if (old.outputs[i] != kNoValue) take_over(old.outputs[i], made[i]);
  mark_ = g.nodes.size();
  ++done_;
  return true;
}

void Rewriting::sweep() {
  Graph& g = c_.model.graph;
  for (bool again = true; again;) {
    again = false;
    std::vector<bool> read(g.values.size(), false);
    for (ValueId v : g.outputs) read[static_cast<std::size_t>(v)] = true;
    for (std::size_t i = 0; i < g.nodes.size(); ++i)
      if (!dead_.contains(i))
        for (ValueId v : g.nodes[i].inputs)
          if (v != kNoValue) read[static_cast<std::size_t>(v)] = true;
    for (std::size_t i = 0; i < g.nodes.size(); ++i) {
      const auto& outputs = g.nodes[i].outputs;
      const auto unread_before = [&](ValueId v) {
        return v == kNoValue || (static_cast<std::size_t>(v) < values_ && f_.uses(v).empty());
      };
      const auto read_now = [&](ValueId v) { return v != kNoValue && read[static_cast<std::size_t>(v)]; };
      // What nobody read before stays as it is.
      if (dead_.contains(i) || std::all_of(outputs.begin(), outputs.end(), unread_before) ||
          std::any_of(outputs.begin(), outputs.end(), read_now))
        continue;
      again = dead_.insert(i).second || again;
    }
  }
}

bool Rewriting::keeps_inputs() const {
  const Graph& g = c_.model.graph;
  const std::vector<int> uses = g.use_counts();
  return std::all_of(g.inputs.begin(), g.inputs.end(),
                     [&](ValueId v) { return f_.uses(v).empty() || uses[static_cast<std::size_t>(v)] > 0; });
}

std::optional<Promise> Rewriting::finish(const std::vector<Count>& counts) {
  if (done_ == 0) return std::nullopt;
  sweep();
  Graph& g = c_.model.graph;
  std::vector<Node> kept;
  for (std::size_t i = 0; i < g.nodes.size(); ++i)
    if (!dead_.contains(i)) kept.push_back(std::move(g.nodes[i]));
  g.nodes = std::move(kept);
  if (!keeps_inputs() && !choices_.faulty()) return std::nullopt;
  Promise promise;
  for (const Count& count : counts) {
    const std::int64_t n = before_[count.op] + count.each * done_;
    promise.claims.emplace_back(NodeCount{.op = count.op, .domain = "", .least = n, .most = n});
  }
  return promise;
}

}  // namespace mob::mutators
