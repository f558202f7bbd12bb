#include "fuzzer/generator/motifs/motif.h"

#include <algorithm>

namespace mob {

#define MOTIFS(name)             \
  namespace motifs::family {     \
  extern const MotifFamily name; \
  }
#include "fuzzer/generator/motifs/all.def"
#undef MOTIFS

const std::vector<const Motif*>& all_motifs() {
  static const std::vector<const Motif*> list = [] {
    std::vector<const Motif*> motifs;
    const auto add = [&](MotifFamily family) {
      for (const Motif& m : family) motifs.push_back(&m);
    };
#define MOTIFS(name) add(motifs::family::name);
#include "fuzzer/generator/motifs/all.def"
#undef MOTIFS
    return motifs;
  }();
  return list;
}

const Motif* find_motif(std::string_view name) {
  for (const Motif* m : all_motifs())
    if (m->name == name) return m;
  return nullptr;
}

std::span<const Guard> common_guards() {
  static constexpr Guard kGuards[] = {
      {"constant", "every constant is an initializer or a Constant node"},
      {"scalar-shape", "scalars are of rank 0"},
      {"type", "the type is float"},
      {"single-consumer", "intermediate values have one consumer"},
      {"not-output", "intermediate values are no graph outputs"},
  };
  return kGuards;
}

MotifBuilder::MotifBuilder(Builder& builder, const Motif& motif, std::vector<std::string_view> broken,
                           bool feeding)
    : builder_(builder),
      motif_(motif),
      broken_(std::move(broken)),
      feeding_(feeding),
      first_node_(builder.graph().nodes.size()) {}

bool MotifBuilder::wants_broken(std::string_view guard) const {
  return std::find(broken_.begin(), broken_.end(), guard) != broken_.end();
}

void MotifBuilder::note_broken(std::string_view guard) {
  if (std::find(really_broken_.begin(), really_broken_.end(), guard) == really_broken_.end())
    really_broken_.emplace_back(guard);
}

bool MotifBuilder::holds(std::string_view guard) {
  MOB_CHECK(std::any_of(motif_.guards.begin(), motif_.guards.end(),
                        [&](const Guard& g) { return g.name == guard; }),
            std::string(motif_.name) + " has no guard " + std::string(guard));
  if (!wants_broken(guard)) return true;
  note_broken(guard);
  return false;
}

DType MotifBuilder::dtype(DTypeSet others, std::string_view op) {
  if (!wants_broken("type")) return DType::kFloat;
  DTypeSet set = others.without(DType::kFloat);
  if (!op.empty()) {
    const Schema* form = schema(op, opset());
    if (form == nullptr) throw CannotDraft{};
    set =
        set & (builder_.options().support != nullptr ? builder_.options().support->of(form->name, form->since)
                                                     : form->inputs.front().types);
  }
  if (set.empty()) throw CannotDraft{};
  note_broken("type");
  return rng().pick(set.list());
}

std::int64_t MotifBuilder::size(std::int64_t least) {
  return std::max(least, builder_.size());
}

Dims MotifBuilder::draw_dims(std::int64_t rank, std::int64_t least, bool square) {
  Dims dims(static_cast<std::size_t>(rank));
  for (auto& d : dims) d = size(least);
  if (square && rng().chance(0.25))
    std::fill(dims.begin(), dims.end(), size(std::max<std::int64_t>(least, 2)));
  return dims;
}

namespace {

// Operators with one activation that keep its type and, by default, its shape: what feeds a motif.
constexpr std::string_view kNeighbours[] = {"Identity", "Neg",     "Abs",       "Relu", "Sigmoid",
                                            "Tanh",     "Dropout", "LeakyRelu", "Exp",  "Softsign"};

}  // namespace

ValueId MotifBuilder::data(const ArrayType& type, const ValueRange& range) {
  if (type.count() > builder_.policy().max_elements) throw CannotDraft{};
  const Policy& p = builder_.policy();
  if (feeding_ && rng().chance(p.fed)) {
    // A value of the random graph around that fits, or a new one through a unary neighbour.
    std::vector<ValueId> fits;
    for (std::size_t v = 0; v < builder_.graph().values.size(); ++v)
      if (builder_.type(static_cast<ValueId>(v)) == type) fits.push_back(static_cast<ValueId>(v));
    if (!fits.empty() && rng().chance(0.6)) return rng().pick(fits);
    const ValueId x = builder_.leaf(builder_.draw(type, range), Constness::kInput);
    const std::string_view neighbour = kNeighbours[rng().below(std::size(kNeighbours))];
    try {
      return builder_.node(neighbour, {x});
    } catch (const CannotDraft&) {
      return x;
    }
  }
  return builder_.leaf(builder_.draw(type, range),
                       rng().chance(p.constant_data) ? Constness::kInitializer : Constness::kInput);
}

ValueId MotifBuilder::open_input(const ArrayType& type, const std::vector<std::size_t>& axes,
                                 const ValueRange& range) {
  if (type.count() > builder_.policy().max_elements) throw CannotDraft{};
  const ValueId x = builder_.leaf(builder_.draw(type, range), Constness::kInput);
  for (std::size_t axis : axes) builder_.ask_symbol(x, axis);
  return x;
}

ValueId MotifBuilder::constant(Tensor value) {
  if (wants_broken("constant") && rng().chance(0.6)) {
    note_broken("constant");
    return builder_.leaf(std::move(value),
                         rng().pick({Constness::kInput, Constness::kOverridable, Constness::kComputed}));
  }
  return builder_.leaf(std::move(value),
                       rng().chance(0.25) ? Constness::kConstantNode : Constness::kInitializer);
}

ValueId MotifBuilder::weight(DType dtype, Dims dims, const ValueRange& range) {
  ArrayType type{dtype, std::move(dims)};
  if (type.count() > builder_.policy().max_elements) throw CannotDraft{};
  return constant(builder_.draw(type, range));
}

ValueId MotifBuilder::ints(const std::vector<std::int64_t>& values) {
  return constant(Tensor::ints(values));
}

ValueId MotifBuilder::scalar(DType dtype, double value) {
  Dims dims;
  if (wants_broken("scalar-shape") && rng().chance(0.6)) {
    note_broken("scalar-shape");
    dims.assign(static_cast<std::size_t>(rng().pick({1, 1, 1, 2, 3})), 1);
  }
  return constant(Tensor::of(dtype, dims, {value}));
}

ValueId MotifBuilder::op(std::string_view op_type, std::vector<ValueId> inputs,
                         std::vector<Attribute> attributes) {
  return ops(op_type, std::move(inputs), std::move(attributes), 1).front();
}

std::vector<ValueId> MotifBuilder::ops(std::string_view op_type, std::vector<ValueId> inputs,
                                       std::vector<Attribute> attributes, std::size_t outputs,
                                       std::string_view domain) {
  auto made = builder_.nodes(op_type, std::move(inputs), std::move(attributes), outputs, domain);
  made_.insert(made_.end(), made.begin(), made.end());
  return made;
}

ValueId MotifBuilder::commutative(std::string_view op_type, ValueId a, ValueId b) {
  if (rng().chance(0.5)) std::swap(a, b);
  return op(op_type, {a, b});
}

namespace {

// Whether `parameter` is an input of the operator at this opset (else an attribute).
bool is_input(std::string_view op_type, int opset, std::string_view parameter) {
  const Schema* form = schema(op_type, opset);
  return form != nullptr && std::any_of(form->inputs.begin(), form->inputs.end(),
                                        [&](const Parameter& p) { return p.name == parameter; });
}

}  // namespace

ValueId MotifBuilder::reduce(std::string_view op_type, ValueId x, const std::vector<std::int64_t>& axes,
                             bool keepdims) {
  std::vector<Attribute> attributes;
  if (!keepdims || rng().chance(0.5))
    attributes.push_back({.name = "keepdims", .value = static_cast<std::int64_t>(keepdims)});
  std::vector<ValueId> inputs = {x};
  if (is_input(op_type, opset(), "axes"))
    inputs.push_back(ints(axes));
  else
    attributes.push_back({.name = "axes", .value = axes});
  return op(op_type, std::move(inputs), std::move(attributes));
}

ValueId MotifBuilder::squeeze(ValueId x, const std::vector<std::int64_t>& axes) {
  if (opset() >= 13) return op("Squeeze", {x, ints(axes)});
  return op("Squeeze", {x}, {{.name = "axes", .value = axes}});
}

ValueId MotifBuilder::unsqueeze(ValueId x, const std::vector<std::int64_t>& axes) {
  if (opset() >= 13) return op("Unsqueeze", {x, ints(axes)});
  return op("Unsqueeze", {x}, {{.name = "axes", .value = axes}});
}

ValueId MotifBuilder::transpose(ValueId x, std::vector<std::int64_t> perm) {
  return op("Transpose", {x}, {{.name = "perm", .value = std::move(perm)}});
}

ValueId MotifBuilder::reshape(ValueId x, const std::vector<std::int64_t>& shape, bool allowzero) {
  std::vector<Attribute> attributes;
  if (allowzero) {
    if (opset() < 14) throw CannotDraft{};
    attributes.push_back({.name = "allowzero", .value = std::int64_t{1}});
  }
  return op("Reshape", {x, ints(shape)}, std::move(attributes));
}

ValueId MotifBuilder::cast(ValueId x, DType to) {
  return op("Cast", {x}, {{.name = "to", .value = static_cast<std::int64_t>(to)}});
}

ValueId MotifBuilder::clip(ValueId x, double low, double high) {
  if (opset() < 11)
    return op("Clip", {x},
              {{.name = "min", .value = static_cast<float>(low)},
               {.name = "max", .value = static_cast<float>(high)}});
  const DType t = type(x).dtype;
  return op("Clip", {x, scalar(t, low), scalar(t, high)});
}

ValueId MotifBuilder::pad(ValueId x, const std::vector<std::int64_t>& pads, double value,
                          std::string_view mode) {
  std::vector<Attribute> attributes;
  if (mode != "constant" || rng().chance(0.3))
    attributes.push_back({.name = "mode", .value = std::string(mode)});
  if (opset() < 11) {
    attributes.push_back({.name = "pads", .value = pads});
    if (value != 0) attributes.push_back({.name = "value", .value = static_cast<float>(value)});
    return op("Pad", {x}, std::move(attributes));
  }
  std::vector<ValueId> inputs = {x, ints(pads)};
  if (value != 0 || rng().chance(0.5)) inputs.push_back(scalar(type(x).dtype, value));
  return op("Pad", std::move(inputs), std::move(attributes));
}

ValueId MotifBuilder::slice(ValueId x, const std::vector<std::int64_t>& starts,
                            const std::vector<std::int64_t>& ends, const std::vector<std::int64_t>& axes,
                            const std::vector<std::int64_t>& steps) {
  if (opset() < 10) {
    if (std::any_of(steps.begin(), steps.end(), [](auto s) { return s != 1; })) throw CannotDraft{};
    return op("Slice", {x},
              {{.name = "starts", .value = starts},
               {.name = "ends", .value = ends},
               {.name = "axes", .value = axes}});
  }
  std::vector<ValueId> inputs = {x, ints(starts), ints(ends), ints(axes)};
  if (!steps.empty()) inputs.push_back(ints(steps));
  return op("Slice", std::move(inputs));
}

std::vector<ValueId> MotifBuilder::split(ValueId x, std::int64_t axis,
                                         const std::vector<std::int64_t>& sizes) {
  std::vector<Attribute> attributes = {{.name = "axis", .value = axis}};
  std::vector<ValueId> inputs = {x};
  const bool equal = std::all_of(sizes.begin(), sizes.end(), [&](auto s) { return s == sizes.front(); });
  if (opset() < 13) {
    attributes.push_back({.name = "split", .value = sizes});
  } else if (!equal || rng().chance(0.5)) {
    inputs.push_back(ints(sizes));
  } else if (opset() >= 18) {
    attributes.push_back({.name = "num_outputs", .value = static_cast<std::int64_t>(sizes.size())});
  }
  return ops("Split", std::move(inputs), std::move(attributes), sizes.size());
}

ValueId MotifBuilder::softmax(ValueId x, std::int64_t axis) {
  return op("Softmax", {x}, {{.name = "axis", .value = axis}});
}

std::vector<ValueId> MotifBuilder::intermediates() const {
  std::vector<ValueId> inner;
  for (ValueId v : made_)
    if (v != kNoValue && std::find(results_.begin(), results_.end(), v) == results_.end()) inner.push_back(v);
  return inner;
}

std::vector<std::string> MotifBuilder::finish() {
  MOB_CHECK(!results_.empty(), std::string(motif_.name) + " has no result");
  const std::vector<ValueId> inner = intermediates();
  if (wants_broken("not-output") && !inner.empty()) {
    builder_.expose(rng().pick(inner));
    note_broken("not-output");
  }
  if (wants_broken("single-consumer") && !inner.empty()) {
    static constexpr std::string_view kReaders[] = {"Identity", "Neg", "Shape", "Relu", "Abs", "Size"};
    try {
      builder_.node(kReaders[rng().below(std::size(kReaders))], {rng().pick(inner)});
      note_broken("single-consumer");
    } catch (const CannotDraft&) {  // not for this type
    }
  }
  // Whole but for what is broken on purpose.
  for (ValueId v : inner) builder_.shield(v);
  if (!broken_.empty() && really_broken_.empty()) throw CannotDraft{};
  return really_broken_;
}

}  // namespace mob
