#include "fuzzer/generator/builder.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>

#include "fuzzer/base/check.h"
#include "fuzzer/generator/inputs.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/graph/other_types.h"
#include "fuzzer/graph/prune.h"
#include "fuzzer/reference/decidedness.h"
#include "fuzzer/reference/evaluate_in_place.h"
#include "fuzzer/reference/reference.h"

namespace mob {
namespace {

constexpr double kSpecialReals[] = {0.0, -0.0, 1e-45, 1e-40, 3e38, -3e38, 65504.0, 1.0};

constexpr std::int64_t kMostInBodies = 16;  // elements of all nodes in all iterations, in those of one tensor

void declare(Value& v, const ArrayType& t) {
  if (kind_of(t) == Kind::kTensor)
    v.type = declared(t);
  else
    v.opaque_type = type_proto(t);
}

// A nested graph whose values' dimensions are for shape inference to say.
GraphPtr without_dims(Graph g) {
  for (Value& v : g.values)
    if (v.type && v.type->shape && !v.initializer)
      for (Dim& d : *v.type->shape) d.value = -1;
  for (Node& n : g.nodes)
    for (Attribute& a : n.attributes)
      if (auto* body = std::get_if<GraphPtr>(&a.value)) *body = without_dims(**body);
  return std::make_shared<const Graph>(std::move(g));
}

bool matches(const ArrayType& t, const Want& want) {
  if (!want.types.has(t.dtype)) return false;
  if (!want.dims) {
    const auto rank = static_cast<int>(t.rank());
    return rank >= want.min_rank && rank <= want.max_rank &&
           std::all_of(t.dims.begin(), t.dims.end(), [&](auto d) { return d >= want.min_size; });
  }
  if (t.rank() != want.dims->size()) return false;
  for (std::size_t i = 0; i < t.rank(); ++i)
    if ((*want.dims)[i] != kAny ? (*want.dims)[i] != t.dims[i] : t.dims[i] < want.min_size) return false;
  return true;
}

bool all_open(const Expected* x) {
  if (x == nullptr || x->elements || x->count() == 0) return false;
  for (std::size_t i = 0; i < x->count(); ++i)
    if (!x->open_at(i)) return false;
  return true;
}

// Looked up so often that the search by name would show.
DTypeSet supported(const Support& support, const Schema& form) {
  thread_local std::uint64_t of = 0;
  thread_local std::unordered_map<const Schema*, DTypeSet> known;
  if (std::exchange(of, support.id) != support.id) known.clear();
  const auto at = known.find(&form);
  return at != known.end() ? at->second
                           : known.emplace(&form, support.of(form.name, form.since)).first->second;
}

}  // namespace

std::uint64_t Support::signature(std::string_view op, int since, std::span<const DType> inputs,
                                 std::span<const DType> outputs) {
  std::uint64_t h = 0xCBF29CE484222325u + static_cast<std::uint64_t>(since);
  const auto mix = [&h](std::uint64_t x) { h = (h ^ x) * 0x100000001B3u; };
  for (char ch : op) mix(static_cast<unsigned char>(ch));
  const auto mix_types = [&](std::span<const DType> types) {
    for (std::size_t i = 0; i < types.size(); ++i)
      if (i == 0 || types[i] != types[i - 1]) mix(0x100 + static_cast<std::uint64_t>(types[i]));
    mix(0x200);
  };
  mix_types(inputs);
  mix_types(outputs);
  return h ^ (h >> 29);
}

// Collects one node; nothing reaches the graph before the draft is known to be good.
class NodeDraft : public Draft {
 public:
  NodeDraft(Rng& rng, const Schema& form, Builder& builder, const Builder::DrawNode& how)
      : Draft(rng, builder.opset(), form), builder_(builder), how_(how) {}

  DTypeSet types(std::string_view constraint) const override {
    DTypeSet set = schema().types(constraint);
    // Where an operator has no input, its first output's type is what is probed.
    if (schema().inputs.empty()) return set;
    const Parameter& first = schema().inputs.front();
    if (constraint != first.type && constraint != first.name) return set;
    if (const Support* support = builder_.options().support) set = set & supported(*support, schema());
    if (how_.first_type) set = set & *how_.first_type;
    return set;
  }

  ArrayType input(const Want& want) override {
    if (want.types.empty()) throw CannotDraft{};
    const Policy& p = builder_.policy();
    const bool parameter = want.role == Role::kParameter;
    const auto take = [&](ValueId v) {
      slots_.push_back({.value = v});
      return builder_.type(v);
    };
    if (rng().chance(parameter ? p.wire_parameter : reads_preferred_ ? p.wire_again : p.wire)) {
      if (const ValueId v = pick(want, how_.prefer); v != kNoValue) {
        reads_preferred_ = true;
        return take(v);
      }
    }
    if (rng().chance(parameter ? p.wire_parameter : p.reuse))
      if (const ValueId v = pick_any(want); v != kNoValue) return take(v);
    ArrayType type;
    const DTypeSet usual = want.types & kAnyDType, rare = want.types.without(kAnyDType);
    type.dtype =
        rng().pick((usual.empty() || (!rare.empty() && rng().chance(p.rare_type)) ? rare : usual).list());
    if (want.dims)
      type.dims = *want.dims;
    else
      type.dims.assign(static_cast<std::size_t>(rng().range(want.min_rank, want.max_rank)), kAny);
    std::int64_t count = 1;
    for (auto& d : type.dims) {
      if (d == kAny) d = std::max(size(), want.min_size);
      count *= d;
      if (count > p.max_elements) throw CannotDraft{};
    }
    // Its values are drawn when the draft is known to be of use.
    slots_.push_back({.later = type, .range = want.range, .role = want.role});
    return type;
  }
  void input(Tensor value, Role role) override {
    slots_.push_back({.fresh = std::move(value), .role = role});
  }
  void skip_input() override { slots_.push_back({}); }
  void attribute(std::string_view name, AttributeValue value) override { node_.set(name, std::move(value)); }
  void outputs(std::size_t count) override { output_count_ = count; }
  std::int64_t size() override { return builder_.size(); }

  struct Slot {
    ValueId value = kNoValue;             // an existing one
    std::optional<Tensor> fresh = {};     // or a new one,
    std::optional<ArrayType> later = {};  // or one to be drawn
    ValueRange range = {};
    Role role = Role::kData;
  };
  std::vector<Slot> slots_;
  Node node_;
  std::size_t output_count_ = 1;
  bool reads_preferred_ = false;

 private:
  ValueId pick(const Want& want, std::span<const ValueId> from) {
    fits_.clear();
    for (ValueId v : from)
      if (matches(builder_.type(v), want)) fits_.push_back(v);
    return fits_.empty() ? kNoValue : rng().pick(fits_);
  }
  ValueId pick_any(const Want& want) {
    fits_.clear();
    for (std::size_t v = 0; v < builder_.graph().values.size(); ++v)
      if (!builder_.shielded_[v] && matches(builder_.type(static_cast<ValueId>(v)), want))
        fits_.push_back(static_cast<ValueId>(v));
    return fits_.empty() ? kNoValue : rng().pick(fits_);
  }

  Builder& builder_;
  const Builder::DrawNode& how_;
  std::vector<ValueId> fits_;
};

Builder::Builder(Builder& around, std::string name, bool isolated)
    : rng_(around.rng_),
      policy_(around.policy_),
      options_(around.options_),
      around_(&around),
      isolated_(isolated),
      suffix_("_b" + std::to_string(around.root().bodies_++)) {
  c_.model.opsets = around.c_.model.opsets;
  c_.model.graph.name = std::move(name);
  if (isolated) return;
  std::vector<ValueId> near = around.readable();
  rng_.shuffle(near);
  if (near.size() > static_cast<std::size_t>(policy_.most_outer))
    near.resize(static_cast<std::size_t>(policy_.most_outer));
  for (ValueId v : near) outer(v);
}

Builder::Builder(Rng& rng, const Policy& policy, BuildOptions options)
    : rng_(rng), policy_(policy), options_(options) {
  c_.model.opsets[""] = options_.opset;
  c_.model.ir_version = 13;
  c_.model.graph.name = "mobster";
}

std::vector<ValueId> Builder::unread() const {
  std::vector<ValueId> open;
  if (around_ != nullptr)
    for (std::size_t v = 0; v < reads_.size(); ++v)
      if (reads_[v] == 0 && (graph().values[v].outer || graph().is_input(static_cast<ValueId>(v))))
        open.push_back(static_cast<ValueId>(v));
  for (const Node& n : graph().nodes)
    for (ValueId v : n.outputs)
      if (v != kNoValue && reads_[static_cast<std::size_t>(v)] == 0) open.push_back(v);
  return open;
}

std::vector<ValueId> Builder::readable() const {
  std::vector<ValueId> list;
  for (std::size_t v = 0; v < values_.size(); ++v)
    if (values_[v] && !shielded_[v] && type(static_cast<ValueId>(v)).dtype != DType::kUndefined)
      list.push_back(static_cast<ValueId>(v));
  return list;
}

std::int64_t Builder::size() {
  const double x = rng_.unit();
  double at = policy_.size_one;
  if (x < at) return 1;
  if (x < (at += policy_.size_zero)) return 0;
  if (x < at + policy_.size_block) return rng_.pick({8, 16, 17});
  return rng_.range(2, 5);
}

Tensor Builder::draw(const ArrayType& type, const ValueRange& range) {
  Tensor t = draw_tensor(type, rng_, range);
  if (!options_.special || !is_float(type.dtype) || type.count() == 0) return t;
  std::vector<double> values = t.reals();
  for (double& v : values) {
    if (!rng_.chance(policy_.special_element)) continue;
    const auto k = rng_.below(std::size(kSpecialReals) + 3);
    v = k < std::size(kSpecialReals)        ? kSpecialReals[k]
        : k == std::size(kSpecialReals)     ? std::nan("")
        : k == std::size(kSpecialReals) + 1 ? kInfinity<double>
                                            : -kInfinity<double>;
  }
  return Tensor::of(type.dtype, type.dims, values);
}

void Builder::remember(ValueId v, std::shared_ptr<const Expected> value) {
  const auto n = static_cast<std::size_t>(v) + 1;
  if (values_.size() < n) {
    values_.resize(n);
    reads_.resize(n, 0);
    exposed_.resize(n, false);
    shielded_.resize(n, false);
  }
  values_[static_cast<std::size_t>(v)] = std::move(value);
}

ValueId Builder::outer(ValueId in_around) {
  const auto at = outer_.find(in_around);
  if (at != outer_.end()) return at->second;
  MOB_CHECK(!isolated_, "the body of a function reads what is around it");
  Graph& g = c_.model.graph;
  const ValueId v = g.add_value(around_->graph()[in_around].name);
  g[v].outer = true;
  remember(v, around_->shared_value(in_around));
  return outer_[in_around] = v;
}

void Builder::name_apart(Node& n) {
  if (around_ == nullptr) return;
  n.name += suffix_;
  for (ValueId v : n.outputs) c_.model.graph[v].name += suffix_;
}

ValueId Builder::leaf(Tensor value, Constness constness) {
  if (isolated_)
    constness = Constness::kConstantNode;
  else if (around_ != nullptr &&
           (constness == Constness::kInput || constness == Constness::kOverridable ||
            (constness == Constness::kInitializer && rng_.chance(policy_.outer_initializer))))
    return outer(around_->leaf(std::move(value), constness));
  Graph& g = c_.model.graph;
  auto known = std::make_shared<const Expected>(exact(value));
  const std::string number = std::to_string(root().counter_++);
  switch (constness) {
    case Constness::kInput: {
      const ValueId v = g.add_input("x" + number, value.type());
      c_.inputs.emplace(g[v].name, std::move(value));
      remember(v, std::move(known));
      return v;
    }
    case Constness::kConstantNode: {
      const ValueId v = g.add_node("Constant", {}, {{.name = "value", .value = std::move(value)}});
      name_apart(g.nodes.back());
      g[v].type = declared(known->type);
      remember(v, std::move(known));
      return v;
    }
    case Constness::kInitializer:
    case Constness::kOverridable:
    case Constness::kComputed:
      break;
  }
  const ValueId v = g.add_initializer("w" + number, std::move(value));
  remember(v, known);
  if (constness == Constness::kOverridable) g.inputs.push_back(v);
  if (constness != Constness::kComputed) return v;
  const ValueId y = g.add_node("Identity", {v});
  name_apart(g.nodes.back());
  ++reads_[static_cast<std::size_t>(v)];
  g[y].type = declared(known->type);
  remember(y, std::move(known));
  return y;
}

ValueId Builder::leaf(Tensor value, Role role) {
  const auto& weights = role == Role::kData     ? policy_.data_constness
                        : role == Role::kWeight ? policy_.weight_constness
                                                : policy_.parameter_constness;
  return leaf(std::move(value), static_cast<Constness>(rng_.weighted(weights)));
}

const Schema& Builder::form_of(const OpSpec& spec) const {
  const Schema* form = schema(spec.name, opset(), spec.domain);
  if (form == nullptr || form->deprecated || opset() < spec.since) throw CannotDraft{};
  return *form;
}

void Builder::check_carried(const Appended& a) const {
  for (const Expected& x : a.results)
    if (!x.elements && x.type.count() > policy_.max_elements) throw CannotDraft{};
  if (a.spec != nullptr || a.form == nullptr) return;
  for (std::size_t i = 0; i < a.results.size(); ++i)
    if (!may_be_output(a.form->name, opset(), a.form->domain, i, a.results[i].type)) throw CannotDraft{};
  if (a.node.op_type == "Loop")
    for (std::size_t i = 2; i < a.inputs.size(); ++i)
      if (a.results[i - 2].type != a.inputs[i]->type) throw CannotDraft{};
}

void Builder::evaluate(Appended& a) {
  std::vector<const Expected*> raw;
  for (const auto& x : a.inputs) raw.push_back(x.get());
  std::size_t unspecified = 0;
  bool random = false;
  try {
    NodeResult done = a.spec == nullptr
                          ? evaluate_in_place(root().c_.model, graph(), values_, a.node,
                                              kMostInBodies * policy_.max_elements)
                          : evaluate_node(*a.spec, a.node, opset(), raw, {}, policy_.max_elements);
    if (done.random && a.drawn && !options_.random) throw CannotDraft{};
    random = done.random;
    unspecified = done.unspecified;
    a.results = std::move(done.outputs);
  } catch (const InvalidNode&) {
    throw CannotDraft{};
  } catch (const Unsupported&) {
    throw CannotDraft{};
  } catch (const UserError&) {  // an attribute of the wrong kind, a shape that overflows
    throw CannotDraft{};
  }
  check_carried(a);
  // What is not drafted was not probed.
  if (a.spec != nullptr && a.spec->draft != nullptr && options_.support != nullptr &&
      !options_.support->refused.empty()) {
    std::vector<DType> in, out;
    for (const Expected* x : raw) in.push_back(x == nullptr ? DType::kUndefined : x->type.dtype);
    for (const Expected& x : a.results) out.push_back(x.type.dtype);
    const std::uint64_t signature = Support::signature(a.spec->name, a.form->since, in, out);
    if (options_.support->refuses(signature, opset()) ||
        (!options_.support->knows(signature) && !rng_.chance(policy_.keep_unknown)))
      throw CannotDraft{};
  }
  if (random) return;  // its elements are open by nature
  // Nor can those be decided that a motif makes of them.
  if (!a.drawn && std::any_of(raw.begin(), raw.end(), all_open)) return;
  if (unspecified > 0 && !rng_.chance(policy_.keep_unspecified)) throw CannotDraft{};
  const Decidedness d = decidedness(a.results);
  if (d.share() < 1 - policy_.poor_share && !rng_.chance(options_.special ? 0.5 : policy_.keep_poor))
    throw CannotDraft{};
}

const std::vector<ValueId>& Builder::commit(Appended&& a) {
  Graph& g = c_.model.graph;
  for (ValueId v : a.node.inputs)
    if (v != kNoValue) ++reads_[static_cast<std::size_t>(v)];
  std::vector<bool> wanted;
  for (ValueId v : a.node.outputs) wanted.push_back(v != kNoValue);
  for (ValueId v : g.captures(a.node)) ++reads_[static_cast<std::size_t>(v)];
  g.add_node(std::move(a.node.op_type), std::move(a.node.inputs), std::move(a.node.attributes),
             a.results.size(), std::move(a.node.domain));
  name_apart(g.nodes.back());
  if (a.spec != nullptr && !a.spec->domain.empty())
    for (Builder* b = this; b != nullptr; b = b->around_) {
      auto& version = b->c_.model.opsets[std::string(a.spec->domain)];
      version = std::max<std::int64_t>(version, a.form->since);
    }
  std::vector<ValueId>& outputs = g.nodes.back().outputs;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const ValueId v = outputs[i];
    declare(g[v], a.results[i].type);
    remember(v, std::make_shared<const Expected>(std::move(a.results[i])));
    // An optional output that was not asked for has no name; the value stays in the table, unread.
    if (i < wanted.size() && !wanted[i]) outputs[i] = kNoValue;
  }
  return outputs;
}

const std::vector<ValueId>& Builder::append(Node node) {
  Appended a;
  a.spec = find_op(node.op_type, node.domain);
  const bool call = node.domain == kLocalDomain;
  if (a.spec != nullptr)
    a.form = &form_of(*a.spec);
  else if (!call)
    a.form = schema(node.op_type, opset(), node.domain);
  if (a.form == nullptr && !call) throw CannotDraft{};
  if (a.form != nullptr)
    for (const Attribute& attribute : node.attributes)
      if (!a.form->has_attribute(attribute.name)) throw CannotDraft{};
  std::vector<DType> types;
  bool tensors = true;
  for (ValueId v : node.inputs) {
    a.inputs.push_back(v == kNoValue ? nullptr : values_[static_cast<std::size_t>(v)]);
    types.push_back(v == kNoValue ? DType::kUndefined : type(v).dtype);
    tensors = tensors && (v == kNoValue || !value(v).elements);
  }
  if (a.form != nullptr && tensors && !a.form->takes(types)) throw CannotDraft{};
  if (!tensors) {
    if (a.form == nullptr) throw CannotDraft{};
    for (std::size_t i = 0; i < a.inputs.size(); ++i)
      if (a.inputs[i] && !may_be_input(node.op_type, opset(), node.domain, i, a.inputs[i]->type))
        throw CannotDraft{};
  }
  a.node = std::move(node);
  evaluate(a);
  return commit(std::move(a));
}

std::vector<ValueId> Builder::nodes(std::string_view op, std::vector<ValueId> inputs,
                                    std::vector<Attribute> attributes, std::size_t outputs,
                                    std::string_view domain) {
  while (!inputs.empty() && inputs.back() == kNoValue) inputs.pop_back();
  return append({.op_type = std::string(op),
                 .domain = std::string(domain),
                 .inputs = std::move(inputs),
                 .outputs = std::vector<ValueId>(outputs, 0),
                 .attributes = std::move(attributes)});
}

bool Builder::draw_node(const OpSpec& spec, const DrawNode& how) {
  if (spec.draft == nullptr) return false;
  try {
    const Schema& form = form_of(spec);
    if (options_.support != nullptr && supported(*options_.support, form).empty()) return false;
    NodeDraft draft(rng_, form, *this, how);
    draft.node_.op_type = spec.name;
    draft.node_.domain = spec.domain;
    if (!spec.draft(draft) || (how.must_read && !draft.reads_preferred_)) return false;
    for (auto& slot : draft.slots_)
      if (slot.later) slot.fresh = draw(*slot.later, slot.range);
    // Trailing inputs that are left out are not written.
    while (!draft.slots_.empty() && draft.slots_.back().value == kNoValue && !draft.slots_.back().fresh)
      draft.slots_.pop_back();
    Appended a;
    a.spec = &spec;
    a.form = &form;
    a.drawn = true;
    for (const auto& slot : draft.slots_)
      a.inputs.push_back(slot.value != kNoValue ? values_[static_cast<std::size_t>(slot.value)]
                         : slot.fresh           ? std::make_shared<const Expected>(exact(*slot.fresh))
                                                : nullptr);
    a.node = std::move(draft.node_);
    a.node.outputs.assign(draft.output_count_, 0);
    evaluate(a);
    if (how.accept) {
      std::vector<const Expected*> raw;
      for (const auto& x : a.inputs) raw.push_back(x.get());
      if (!how.accept(spec, a.node, raw, a.results)) return false;
    }
    for (auto& slot : draft.slots_)
      a.node.inputs.push_back(slot.fresh ? leaf(std::move(*slot.fresh), slot.role) : slot.value);
    commit(std::move(a));
    return true;
  } catch (const CannotDraft&) {
    return false;
  }
}

std::vector<ValueId> Builder::embed(const Case& other, std::span<const ValueId> feeds) {
  const Graph& from = other.model.graph;
  std::vector<ValueId> to(from.values.size(), kNoValue);
  for (std::size_t i = 0; i < from.inputs.size(); ++i) {
    const ValueId v = from.inputs[i];
    const auto given = other.inputs.find(from[v].name);
    if (i < feeds.size() && feeds[i] != kNoValue)
      to[static_cast<std::size_t>(v)] = feeds[i];
    else if (given != other.inputs.end())
      to[static_cast<std::size_t>(v)] = leaf(given->second, Constness::kInput);
    else if (!from[v].initializer)
      throw CannotDraft{};
  }
  for (ValueId v : from.initializers)
    if (to[static_cast<std::size_t>(v)] == kNoValue)
      to[static_cast<std::size_t>(v)] =
          leaf(*from[v].initializer, from.is_input(v) ? Constness::kOverridable : Constness::kInitializer);
  for (int index : from.topological_order()) {
    const Node& n = from.nodes[static_cast<std::size_t>(index)];
    if (!n.bodies().empty()) throw CannotDraft{};
    Node copy{.op_type = n.op_type, .domain = n.domain, .outputs = n.outputs, .attributes = n.attributes};
    for (ValueId v : n.inputs)
      copy.inputs.push_back(v == kNoValue ? kNoValue : to[static_cast<std::size_t>(v)]);
    const std::vector<ValueId>& made = append(std::move(copy));
    for (std::size_t i = 0; i < n.outputs.size(); ++i)
      if (n.outputs[i] != kNoValue) to[static_cast<std::size_t>(n.outputs[i])] = made[i];
  }
  std::vector<ValueId> outputs;
  for (ValueId v : from.outputs) outputs.push_back(to[static_cast<std::size_t>(v)]);
  return outputs;
}

ValueId Builder::input(std::shared_ptr<const Expected> first) {
  Graph& g = c_.model.graph;
  const ValueId v = g.add_value("in" + std::to_string(root().counter_++) + suffix_);
  declare(g[v], first->type);
  g.inputs.push_back(v);
  remember(v, std::move(first));
  return v;
}

GraphPtr Builder::close(const std::vector<ValueId>& outputs) {
  Graph& g = c_.model.graph;
  for (ValueId v : outputs) {
    const bool made = std::any_of(g.nodes.begin(), g.nodes.end(), [&](const Node& n) {
      return std::find(n.outputs.begin(), n.outputs.end(), v) != n.outputs.end();
    });
    g.add_output(made && !g.is_output(v) ? v : node("Identity", {v}));
  }
  return std::make_shared<const Graph>(pruned(std::move(g)));
}

void Builder::add_function(const GraphPtr& body, LocalFunction f) {
  for (Builder* b = this; b != nullptr; b = b->around_)
    b->c_.model.opsets.emplace(std::string(kLocalDomain), 1);
  Builder& top = root();
  mob::add_function(top.c_.model, std::string(kLocalDomain), f.name, *body, f.attributes);
  top.functions_.push_back(std::move(f));
}

void Builder::expose(ValueId v) {
  exposed_[static_cast<std::size_t>(v)] = true;
}

void Builder::shield(ValueId v) {
  shielded_[static_cast<std::size_t>(v)] = true;
}

void Builder::expose_all() {
  for (const Node& n : graph().nodes)
    for (ValueId v : n.outputs)
      if (v != kNoValue) expose(v);
}

void Builder::make_symbolic(bool any) {
  Graph& g = c_.model.graph;
  bool made = false;
  for (ValueId v : g.inputs) {
    if (g[v].initializer) continue;
    std::vector<Dim>& dims = *g[v].type->shape;
    // It may be a shape or a list of axes, whose length says the rank of something.
    const bool by_chance = any && !(is_int(g[v].type->dtype) && dims.size() <= 1);
    for (std::size_t i = 0; i < dims.size(); ++i) {
      const bool asked = asked_.contains({v, i});
      if (!(by_chance && rng_.chance(policy_.symbol)) && !asked) continue;
      Dim& d = dims[i];
      made = true;
      const std::int64_t size = d.value;
      d.value = -1;
      if (asked || rng_.chance(policy_.shared_symbol)) d.symbol = "d" + std::to_string(size);
    }
  }
  if (!made) return;
  // What the other values' dimensions are is for shape inference to say.
  for (const Node& n : g.nodes)
    for (ValueId v : n.outputs)
      if (v != kNoValue && g[v].type && g[v].type->shape)
        for (Dim& d : *g[v].type->shape) d.value = -1;
  for (Node& n : g.nodes)
    for (Attribute& a : n.attributes)
      if (auto* body = std::get_if<GraphPtr>(&a.value)) *body = without_dims(**body);
}

// Sequences and optionals are no graph outputs: nodes that make them for nobody go.
void Builder::drop_dead_sequences() {
  Graph& g = c_.model.graph;
  for (std::size_t i = g.nodes.size(); i-- > 0;) {
    const Node& n = g.nodes[i];
    const auto unread = [&](ValueId v) {
      return v == kNoValue || (reads_[static_cast<std::size_t>(v)] == 0 && value(v).elements);
    };
    if (!std::all_of(n.outputs.begin(), n.outputs.end(), unread)) continue;
    for (ValueId v : n.inputs)
      if (v != kNoValue) --reads_[static_cast<std::size_t>(v)];
    for (ValueId v : g.captures(n)) --reads_[static_cast<std::size_t>(v)];
    g.nodes.erase(g.nodes.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

Case Builder::take() {
  Graph& g = c_.model.graph;
  const std::size_t nodes = g.nodes.size();
  drop_dead_sequences();
  if (g.nodes.empty()) throw CannotDraft{};
  for (const Node& n : g.nodes)
    for (ValueId v : n.outputs) {
      if (v == kNoValue || value(v).elements) continue;
      const auto i = static_cast<std::size_t>(v);
      if (reads_[i] == 0 || exposed_[i] || (!shielded_[i] && rng_.chance(policy_.expose))) g.add_output(v);
    }
  if (g.outputs.empty()) throw CannotDraft{};
  if (rng_.chance(policy_.listed))
    for (const Node& n : g.nodes)
      for (ValueId v : n.outputs)
        if (v != kNoValue && rng_.chance(0.7)) g[v].listed = true;
  if (const bool any = rng_.chance(policy_.symbolic); !fixed_dims_) make_symbolic(any);
  // What bodies that were given up and sequences that are gone have read.
  if (bodies_ > 0 || g.nodes.size() < nodes) drop_unread_leaves(c_);
  values_.clear();
  reads_.clear();
  exposed_.clear();
  shielded_.clear();
  asked_.clear();
  return std::move(c_);
}

}  // namespace mob
