#include "fuzzer/generator/sampler.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "fuzzer/generator/inputs.h"
#include "fuzzer/reference/reference.h"

namespace mob {
namespace {

constexpr double kWire = 0.85;    // a slot that the previous output fits is fed by it
constexpr double kRewire = 0.15;  // ... and by an earlier value
constexpr int kAttempts = 30;     // to find a next operator

class Builder;

// Collects one node; nothing reaches the graph before the draft is known to be good.
class NodeDraft : public Draft {
 public:
  NodeDraft(Rng& rng, int opset, const Schema& schema, Builder& builder)
      : Draft(rng, opset, schema), builder_(builder) {}
  DTypeSet types(std::string_view constraint) const override;
  ArrayType input(const Want& want) override;
  void input(Tensor value, Role role) override;
  void skip_input() override { slots_.push_back({}); }
  void attribute(std::string_view name, AttributeValue value) override { node_.set(name, std::move(value)); }
  void outputs(std::size_t count) override { output_count_ = count; }
  std::int64_t size() override;

  struct Slot {
    ValueId value = kNoValue;     // an existing one
    std::optional<Tensor> fresh;  // or a new one,
    bool initializer = false;     // of this kind
  };
  std::vector<Slot> slots_;
  Node node_;
  std::size_t output_count_ = 1;
  bool reads_last_ = false;

 private:
  Builder& builder_;
};

class Builder {
 public:
  Builder(Rng& rng, const SampleOptions& options, int opset) : rng_(rng), options_(options), opset_(opset) {
    c_.model.opsets[""] = opset;
    c_.model.ir_version = 13;
    c_.model.graph.name = "sample";
  }

  bool add(const OpSpec& spec, bool must_read_last);
  Case take();

  const SampleOptions& options() const { return options_; }
  bool first_node() const { return c_.model.graph.nodes.empty(); }
  const std::vector<ValueId>& last() const { return last_; }
  const Expected* expected(ValueId v) const { return values_[static_cast<std::size_t>(v)].get(); }
  const Graph& graph() const { return c_.model.graph; }

 private:
  bool flattens(const Expected& x) const;
  bool passes_errors_on(const OpSpec& spec, const Node& node, std::vector<const Expected*> inputs,
                        const std::vector<NodeDraft::Slot>& slots, const Expected& y) const;

  Rng& rng_;
  const SampleOptions& options_;
  int opset_;
  Case c_;
  std::vector<std::shared_ptr<const Expected>> values_;
  std::vector<ValueId> last_;
};

DTypeSet NodeDraft::types(std::string_view constraint) const {
  DTypeSet set = schema().types(constraint);
  if (schema().inputs.empty()) return set;
  const Parameter& first = schema().inputs.front();
  if (constraint != first.type && constraint != first.name) return set;
  if (builder_.options().support != nullptr)
    set = set & builder_.options().support->of(schema().name, schema().since);
  if (builder_.first_node() && builder_.options().first_type) set = set & *builder_.options().first_type;
  return set;
}

std::int64_t NodeDraft::size() {
  return rng().chance(0.15) ? 1 : rng().chance(0.02) ? 0 : rng().range(2, 5);
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

ArrayType NodeDraft::input(const Want& want) {
  if (want.types.empty()) throw CannotDraft{};
  // Prefer what the previous node made; now and then anything earlier.
  std::vector<ValueId> fits;
  for (ValueId v : builder_.last())
    if (matches(builder_.expected(v)->type, want)) fits.push_back(v);
  if (!fits.empty() && want.role != Role::kParameter &&
      (!reads_last_ ? rng().chance(kWire) : rng().chance(kRewire))) {
    const ValueId v = rng().pick(fits);
    slots_.push_back({.value = v, .fresh = {}, .initializer = false});
    reads_last_ = true;
    return builder_.expected(v)->type;
  }
  ArrayType type;
  type.dtype = rng().pick(want.types.list());
  if (want.dims) {
    type.dims = *want.dims;
  } else {
    type.dims.assign(static_cast<std::size_t>(rng().range(want.min_rank, want.max_rank)), kAny);
  }
  for (auto& d : type.dims)
    if (d == kAny) d = std::max(size(), want.min_size);
  if (type.count() > builder_.options().max_elements) throw CannotDraft{};
  const double constant = want.role == Role::kData ? 0.2 : want.role == Role::kWeight ? 0.6 : 0.85;
  slots_.push_back({.value = kNoValue,
                    .fresh = draw_tensor(type, rng(), want.range),
                    .initializer = rng().chance(constant)});
  return type;
}

void NodeDraft::input(Tensor value, Role role) {
  const bool constant = role == Role::kData ? rng().chance(0.3) : rng().chance(0.9);
  slots_.push_back({.value = kNoValue, .fresh = std::move(value), .initializer = constant});
}

// An output that says little of its input any more: few elements, few different ones, open ones, or nearly
// all zero.
bool Builder::flattens(const Expected& x) const {
  // In half precision an error of 1e-3 is rounding.
  if ((x.type.dtype != DType::kFloat && x.type.dtype != DType::kDouble) || x.count() < 8) return true;
  std::set<double> different;
  for (std::size_t i = 0; i < x.count(); ++i) different.insert(x.value_at(i));
  if (different.size() < x.count() / 2) return true;
  double low = kInfinity<double>, high = -kInfinity<double>, worst = 0;
  for (std::size_t i = 0; i < x.count(); ++i) {
    const double v = x.value_at(i);
    if (!std::isfinite(v) || x.open_at(i)) return true;
    low = std::min(low, v);
    high = std::max(high, v);
    worst = std::max(worst, x.bound_at(i));
  }
  const double scale = std::max(std::fabs(low), std::fabs(high));
  return high - low < 0.05 * scale || scale < 0.02 || scale > 100;
}

// Whether a relative error of 1e-3 in what the previous node made comes out about as large (root mean
// square).
bool Builder::passes_errors_on(const OpSpec& spec, const Node& node, std::vector<const Expected*> inputs,
                               const std::vector<NodeDraft::Slot>& slots, const Expected& y) const {
  constexpr double kError = 1e-3;
  std::vector<Expected> moved;
  moved.reserve(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].value == kNoValue || !inputs[i]->holds_reals()) continue;
    moved.push_back(*inputs[i]);
    std::visit(
        [&](auto& d) {
          if constexpr (requires { d.v[0] *= 1.5; })
            for (std::size_t k = 0; k < d.v.size(); ++k) d.v[k] *= 1 + (k % 3 == 1 ? kError : -kError);
        },
        moved.back().data);
    inputs[i] = &moved.back();
  }
  NodeResult other;
  try {
    other = evaluate_node(spec, node, opset_, inputs);
  } catch (const std::runtime_error&) {  // InvalidNode, Unsupported
    return false;
  }
  if (other.outputs[0].type != y.type) return false;
  double change = 0, size = 0;
  for (std::size_t k = 0; k < y.count(); ++k) {
    const double d = other.outputs[0].value_at(k) - y.value_at(k);
    change += d * d;
    size += y.value_at(k) * y.value_at(k);
  }
  const double factor = std::sqrt(change / size) / kError;
  return moved.empty() || (factor > 0.9 && factor < 2);
}

bool Builder::add(const OpSpec& spec, bool must_read_last) {
  const Schema* form = schema(spec.name, opset_, spec.domain);
  if (form == nullptr || form->deprecated || spec.draft == nullptr || opset_ < spec.since) return false;
  NodeDraft draft(rng_, opset_, *form, *this);
  draft.node_.op_type = spec.name;
  draft.node_.domain = spec.domain;
  try {
    if (!spec.draft(draft)) return false;
  } catch (const CannotDraft&) {
    return false;
  }
  if (must_read_last && !draft.reads_last_) return false;

  std::vector<std::shared_ptr<const Expected>> arguments;
  std::vector<const Expected*> raw;
  for (const auto& slot : draft.slots_) {
    arguments.push_back(slot.value != kNoValue ? values_[static_cast<std::size_t>(slot.value)]
                        : slot.fresh           ? std::make_shared<const Expected>(exact(*slot.fresh))
                                               : nullptr);
    raw.push_back(arguments.back().get());
  }
  // Trailing inputs that are left out are not written.
  while (!draft.slots_.empty() && draft.slots_.back().value == kNoValue && !draft.slots_.back().fresh)
    draft.slots_.pop_back();
  raw.resize(draft.slots_.size());
  draft.node_.outputs.assign(draft.output_count_, 0);
  std::vector<Expected> results;
  try {
    NodeResult done = evaluate_node(spec, draft.node_, opset_, raw);
    if (done.random && !options_.random) return false;
    results = std::move(done.outputs);
  } catch (const InvalidNode&) {
    return false;
  } catch (const Unsupported&) {
    return false;
  }
  for (const Expected& r : results)
    if (r.type.dtype != DType::kUndefined && r.type.count() > options_.max_elements) return false;
  if (options_.keep_scale && (results.empty() || flattens(results[0]) ||
                              !passes_errors_on(spec, draft.node_, raw, draft.slots_, results[0])))
    return false;

  Graph& g = c_.model.graph;
  std::vector<ValueId> inputs;
  for (std::size_t i = 0; i < draft.slots_.size(); ++i) {
    auto& slot = draft.slots_[i];
    if (slot.value == kNoValue && slot.fresh) {
      const std::string name = (slot.initializer ? "w" : "x") + std::to_string(g.values.size());
      if (slot.initializer) {
        slot.value = g.add_initializer(name, *slot.fresh);
      } else {
        slot.value = g.add_input(name, slot.fresh->type());
        c_.inputs.emplace(name, *slot.fresh);
      }
      values_.resize(g.values.size());
      values_[static_cast<std::size_t>(slot.value)] = arguments[i];
    }
    inputs.push_back(slot.value);
  }
  g.add_node(std::string(spec.name), std::move(inputs), std::move(draft.node_.attributes),
             draft.output_count_, std::string(spec.domain));
  last_ = g.nodes.back().outputs;
  values_.resize(g.values.size());
  for (std::size_t i = 0; i < last_.size(); ++i) {
    g[last_[i]].type = declared(results[i].type);
    values_[static_cast<std::size_t>(last_[i])] = std::make_shared<const Expected>(std::move(results[i]));
  }
  return true;
}

Case Builder::take() {
  Graph& g = c_.model.graph;
  const std::vector<int> uses = g.use_counts();
  for (const Node& node : g.nodes)
    for (ValueId v : node.outputs)
      if (uses[static_cast<std::size_t>(v)] == 0 || options_.expose_all) g.add_output(v);
  return std::move(c_);
}

}  // namespace

std::optional<Case> sample(Rng& rng, const SampleOptions& options) {
  const auto& ops = all_ops();
  const auto draw = [&]() -> const OpSpec& { return *ops[rng.below(ops.size())]; };
  const OpSpec* first = options.first;
  for (int i = 0; first == nullptr && i < kAttempts; ++i) {
    const OpSpec& candidate = draw();
    if (candidate.draft != nullptr) first = &candidate;
  }
  if (first == nullptr) return std::nullopt;
  int opset = options.opset;
  if (opset == 0) {
    const std::vector<int> starts =
        forms(first->name, std::max(9, first->since), options.max_opset, first->domain);
    if (starts.empty()) return std::nullopt;
    const std::size_t f = rng.below(starts.size());
    const int low = std::max({9, first->since, starts[f]});
    const int high = f + 1 < starts.size() ? starts[f + 1] - 1 : options.max_opset;
    if (low > high) return std::nullopt;
    opset = static_cast<int>(rng.range(low, high));
  }
  Builder builder(rng, options, opset);
  if (!builder.add(*first, false)) return std::nullopt;
  for (int i = 1; i < options.nodes; ++i) {
    bool added = false;
    for (int attempt = 0; attempt < kAttempts && !added; ++attempt) added = builder.add(draw(), true);
    if (!added) return std::nullopt;
  }
  return builder.take();
}

}  // namespace mob
