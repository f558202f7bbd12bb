// Sequences of tensors that are made, changed and taken apart again, and optionals around a tensor: what
// stands between must reach its readers, though no pass knows what is in it.
#include "fuzzer/generator/grow.h"
#include "fuzzer/generator/motifs/surroundings.h"
#include "fuzzer/graph/other_types.h"

namespace mob::motifs {
namespace {

constexpr int kFirstIdentity = 14, kFirstOptionalIdentity = 16;  // opsets that let Identity carry them
constexpr int kFirstBranches = 13;                               // ... and If and Loop

constexpr DTypeSet kElements = {DType::kDouble, DType::kInt32, DType::kInt64};

constexpr Guard kSplit[] = {
    {"position-constant", "the positions are constant"},
    {"equal-split", "the parts are of one size"},
    {"keepdims", "the parts keep the axis"},
    {"one-reader", "one node reads the sequence"},
    {"direct", "nothing stands between the sequence and its readers"},
    {"no-empty", "no part is empty"},
};

// A position: int64 or int32, of rank 0.
ValueId position(MotifBuilder& m, std::int64_t at, bool constant) {
  Rng& rng = m.rng();
  const DType t = rng.chance(0.7) ? DType::kInt64 : DType::kInt32;
  const Tensor value = Tensor::of_ints(t, {}, {at});
  if (constant) return m.constant(value);
  if (rng.chance(0.5)) return m.builder().leaf(value, Constness::kInput);
  const ValueId x = m.builder().leaf(value, Constness::kInput);
  return m.op("Mul", {x, m.builder().leaf(Tensor::of_ints(t, {}, {1}), Constness::kInitializer)});
}

ValueId either_end(MotifBuilder& m, std::int64_t at, std::int64_t n, bool constant) {
  return position(m, maybe_negative(m, at, n), constant);
}

std::int64_t length(MotifBuilder& m, ValueId s) {
  return static_cast<std::int64_t>(m.builder().value(s).elements->size());
}

// The same sequence behind Identity, a branch or a Loop.
ValueId carried(MotifBuilder& m, ValueId s) {
  Rng& rng = m.rng();
  Builder& b = m.builder();
  const auto kind = m.opset() < kFirstBranches ? 0 : rng.below(3);
  if (kind == 0 || b.isolated()) {
    if (m.opset() < kFirstIdentity) throw CannotDraft{};
    return m.op("Identity", {s});
  }
  if (kind == 1) {
    const ValueId condition = draw_bool(b, rng.chance(0.5));
    std::vector<Attribute> branches;
    for (const std::string_view name : {"then_branch", "else_branch"}) {
      Builder branch(b, std::string(name));
      ValueId inner = branch.outer(s);
      // Identity carries sequences from an opset on: before, one that is made here leaves the branch.
      if (m.opset() < kFirstIdentity || rng.chance(0.5)) {
        const ValueId x = branch.node(
            "SequenceAt", {inner, branch.leaf(Tensor::scalar(DType::kInt64, 0), Constness::kInitializer)});
        inner = branch.node("SequenceInsert", {inner, x});
        if (rng.chance(0.5)) inner = branch.node("SequenceErase", {inner});
      }
      branches.push_back({.name = std::string(name), .value = branch.close({inner})});
    }
    return m.op("If", {condition}, std::move(branches));
  }
  const std::int64_t trips = rng.range(0, 3);
  Builder body(b, "body");
  const ValueId iteration =
      body.input(std::make_shared<const Expected>(exact(Tensor::scalar(DType::kInt64, 0))));
  const ValueId go =
      body.input(std::make_shared<const Expected>(exact(Tensor::of_ints(DType::kBool, {}, {1}))));
  const ValueId was = body.input(b.shared_value(s));
  ValueId now = body.node("SequenceInsert", {was, body.node("SequenceAt", {was, iteration})});
  if (rng.chance(0.5))
    now = body.node("SequenceErase", {now, body.leaf(Tensor::scalar(DType::kInt64, rng.pick({0, -1})),
                                                     Constness::kInitializer)});
  return m.op("Loop", {draw_count(b, std::min(trips, length(m, s))), kNoValue, s},
              {{.name = "body", .value = body.close({go, now})}});
}

// A tensor of the sequence, or all of them, or how many there are.
void read(MotifBuilder& m, ValueId s, bool constant) {
  Rng& rng = m.rng();
  const std::int64_t n = length(m, s);
  if (n > 0 && rng.chance(0.5)) {
    finish_with(m, m.op("SequenceAt", {s, either_end(m, rng.range(0, n - 1), n, constant)}), 0.5);
    return;
  }
  if (n > 0 && rng.chance(0.75)) {
    const auto& elements = *m.builder().value(s).elements;
    const bool alike = std::all_of(elements.begin(), elements.end(),
                                   [&](const auto& x) { return x->type == elements.front()->type; });
    const auto rank = static_cast<std::int64_t>(elements.front()->type.rank());
    const bool stacked = rank == 0 || (alike && rng.chance(0.4));
    std::vector<Attribute> attributes = {
        {.name = "axis", .value = maybe_negative(m, rng.range(0, rank - !stacked), rank + stacked)}};
    if (stacked || rng.chance(0.2))
      attributes.push_back({.name = "new_axis", .value = static_cast<std::int64_t>(stacked)});
    try {
      finish_with(m, m.op("ConcatFromSequence", {s}, attributes), 0.5);
      return;
    } catch (const CannotDraft&) {  // along another axis only
    }
  }
  m.result(m.op("SequenceLength", {s}));
}

void sequences_split(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kElements);
  Dims dims = m.draw_dims(rng.range(1, 3));
  const auto rank = static_cast<std::int64_t>(dims.size());
  const std::int64_t axis = rng.range(0, rank - 1);
  const bool equal = m.holds("equal-split"), keep = m.holds("keepdims");
  const std::int64_t parts = rng.range(1, 4), part = keep ? rng.range(1, 3) : 1;
  std::int64_t& size = dims[static_cast<std::size_t>(axis)];
  size = parts * part;
  std::vector<Attribute> attributes;
  if (axis != 0 || rng.chance(0.5))
    attributes.push_back({.name = "axis", .value = maybe_negative(m, axis, rank)});
  std::vector<std::int64_t> sizes(static_cast<std::size_t>(parts), part);
  const bool empty = m.breaks("no-empty");
  if (empty) sizes.insert(sizes.begin() + static_cast<std::ptrdiff_t>(rng.below(sizes.size() + 1)), 0);
  if (!equal) {
    sizes.push_back(rng.range(1, 2));
    size += sizes.back();
  }
  std::vector<ValueId> inputs = {before(m, m.data(t, dims), 0.4)};
  const DType length_type = rng.chance(0.7) ? DType::kInt64 : DType::kInt32;
  if (!keep && !empty && equal) {
    attributes.push_back({.name = "keepdims", .value = std::int64_t{0}});
  } else if (!empty && (equal || sizes.back() < part) && rng.chance(0.4)) {
    if (part != 1 || rng.chance(0.5)) inputs.push_back(m.constant(Tensor::of_ints(length_type, {}, {part})));
    // Beside lengths it means nothing, but a 0 is no longer taken by ONNX Runtime's kernel then.
    if (inputs.size() > 1 && rng.chance(0.2))
      attributes.push_back({.name = "keepdims", .value = std::int64_t{1}});
  } else {
    inputs.push_back(
        m.constant(Tensor::of_ints(length_type, {static_cast<std::int64_t>(sizes.size())}, sizes)));
  }
  ValueId s = m.op("SplitToSequence", std::move(inputs), std::move(attributes));
  const bool constant = m.holds("position-constant");
  if (m.breaks("direct")) s = carried(m, s);
  read(m, s, constant);
  if (m.breaks("one-reader")) read(m, s, constant);
}

constexpr Guard kChange[] = {
    {"position-constant", "the positions are constant"},
    {"positions-given", "every change says where"},
    {"one-shape", "all tensors are of one shape"},
    {"one-reader", "one node reads each sequence"},
    {"direct", "nothing stands between the sequence and its readers"},
    {"begins-full", "the sequence begins with tensors in it"},
};

void sequences_change(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kElements);
  Dims dims = m.draw_dims(rng.range(0, 3));
  const bool constant = m.holds("position-constant"), given = m.holds("positions-given"),
             one_shape = m.holds("one-shape"), one_reader = m.holds("one-reader");
  const auto tensor = [&] {
    Dims d = dims;
    if (!one_shape && !d.empty()) d[0] = m.size();
    return before(m, m.data(t, d), 0.3);
  };
  ValueId s;
  if (m.holds("begins-full")) {
    std::vector<ValueId> first;
    for (auto n = rng.range(1, 3); n > 0; --n)
      first.push_back(n > 1 && !first.empty() && rng.chance(0.15) ? first.front() : tensor());
    s = m.op("SequenceConstruct", first);
  } else {
    std::vector<Attribute> type;
    if (t != DType::kFloat || rng.chance(0.5))
      type.push_back({.name = "dtype", .value = static_cast<std::int64_t>(t)});
    s = m.op("SequenceEmpty", {}, type);
    s = m.op("SequenceInsert", {s, tensor()});
  }
  const bool direct = m.holds("direct");
  for (auto changes = rng.range(1, 3); changes > 0; --changes) {
    const ValueId old = s;
    const std::int64_t n = length(m, s);
    const bool says = given || rng.chance(0.4);
    if (n < 2 || rng.chance(0.6)) {
      // Positions of an insertion count the elements that are there, and one more from the front.
      const std::int64_t at = rng.range(-n, n);
      s = says ? m.op("SequenceInsert", {s, tensor(), position(m, at, constant)})
               : m.op("SequenceInsert", {s, tensor()});
    } else {
      s = says ? m.op("SequenceErase", {s, either_end(m, rng.range(0, n - 1), n, constant)})
               : m.op("SequenceErase", {s});
    }
    if (!one_reader && changes == 1) read(m, old, constant);
  }
  if (!direct) s = carried(m, s);
  read(m, s, constant);
}

constexpr Guard kOptional[] = {
    {"full", "the optional holds something"},
    {"direct", "nothing stands between the optional and its reader"},
    {"tensor", "it holds a tensor"},
    {"one-reader", "one node reads it"},
};

void sequences_optional(MotifBuilder& m) {
  Rng& rng = m.rng();
  const DType t = m.dtype(kElements);
  const bool full = m.holds("full"), tensor = m.holds("tensor");
  const ValueId x = before(m, m.data(t, m.draw_dims(rng.range(0, 3))), 0.5);
  const ValueId held = tensor ? x : m.op("SequenceConstruct", {x, x});
  const ArrayType type = tensor ? ArrayType{t, {}} : m.type(held);
  ValueId o = full ? m.op("Optional", {held})
                   : m.op("Optional", {}, {{.name = "type", .value = type_attribute(type)}});
  if (m.breaks("direct")) {
    if (m.opset() < kFirstOptionalIdentity) throw CannotDraft{};
    o = m.op("Identity", {o});
  }
  const bool again = m.breaks("one-reader");
  if (!full || again || rng.chance(0.2)) m.result(m.op("OptionalHasElement", {o}));
  if (full) {
    const ValueId y = m.op("OptionalGetElement", {o});
    if (tensor)
      finish_with(m, y, 0.6);
    else
      read(m, y, true);
  }
  // What is not held is still somebody's.
  if (!full) finish_with(m, x, 1);
}

constexpr Motif motifs[] = {
    {.name = "sequences-split",
     .aims_at = "ConstantFolding;EliminateIdentity;CommonSubexpressionElimination",
     .guards = kSplit,
     .since = 11,
     .build = sequences_split},
    {.name = "sequences-change",
     .aims_at = "ConstantFolding;EliminateIdentity;CommonSubexpressionElimination",
     .guards = kChange,
     .since = 11,
     .build = sequences_change},
    {.name = "sequences-optional",
     .aims_at = "EliminateIdentity;CommonSubexpressionElimination",
     .guards = kOptional,
     .since = 15,
     .build = sequences_optional},
};

}  // namespace

namespace family {
extern const MotifFamily sequences;
const MotifFamily sequences = motifs;
}  // namespace family

}  // namespace mob::motifs
