// One step of an LSTM or a GRU, spelled out; a few steps in a row.
#include "fuzzer/generator/motifs/surroundings.h"

namespace mob::motifs {
namespace {

constexpr Guard kGuards[] = {
    {"gates-by-sigmoid", "the gates go through Sigmoid"},
    {"candidate-by-tanh", "the candidate goes through Tanh"},
    {"equal-parts", "the gates are equal parts of one product"},
    {"weights-shared", "all steps have the same weights"},
    {"state-added", "what the state gives is added to what the input gives"},
    {"complement", "the two parts of the new state weigh 1 together"},
};

// h' of x and h, c
void cell(MotifBuilder& m) {
  Rng& rng = m.rng();
  const bool lstm = rng.chance(0.6);
  const DType t = m.dtype({DType::kDouble, DType::kFloat16}, "Sigmoid");
  const std::int64_t batch = rng.range(1, 3), in = rng.range(1, 3), hidden = rng.range(1, 4);
  const std::int64_t gates = lstm ? 4 : 3, steps = rng.range(1, 3);
  const ValueRange small = {.low = -1, .high = 1};
  const bool shared = m.holds("weights-shared"), equal = m.holds("equal-parts");
  const std::string_view gate = m.holds("gates-by-sigmoid") ? "Sigmoid" : rng.pick({"HardSigmoid", "Tanh"});
  const std::string_view candidate = m.holds("candidate-by-tanh") ? "Tanh" : rng.pick({"Relu", "Sigmoid"});
  if (!shared && steps == 1) throw CannotDraft{};
  const bool added = m.holds("state-added"), complement = m.holds("complement");
  const ValueId xs = m.data(t, {steps, batch, in}, small);
  ValueId h = m.data(t, {batch, hidden}, small), c = m.data(t, {batch, hidden}, small);
  const std::int64_t spare = equal ? 0 : 1, wide = gates * hidden + spare;
  ValueId w = kNoValue, r = kNoValue, b = kNoValue;
  const auto parts_of = [&](ValueId v) {
    std::vector<std::int64_t> sizes(static_cast<std::size_t>(gates), hidden);
    if (spare > 0) sizes.push_back(spare);
    if (rng.chance(0.6)) return m.split(v, 1, sizes);
    std::vector<ValueId> parts;
    for (std::int64_t i = 0; i < gates; ++i)
      parts.push_back(m.slice(v, {i * hidden}, {(i + 1) * hidden}, {1}));
    return parts;
  };
  for (std::int64_t step = 0; step < steps; ++step) {
    if (w == kNoValue || !shared) {
      w = m.weight(t, {in, wide}, small);
      r = m.weight(t, {hidden, wide}, small);
      b = m.weight(t, {wide}, small);
    }
    const ValueId x = m.squeeze(m.slice(xs, {step}, {step + 1}, {0}), {0});
    const ValueId from_x = m.op("Add", {m.op("MatMul", {x, w}), b}), from_h = m.op("MatMul", {h, r});
    if (lstm) {
      const auto p = parts_of(m.op(added ? "Add" : rng.pick({"Sub", "Mul"}), {from_x, from_h}));
      const ValueId i = m.op(gate, {p[0]}), f = m.op(gate, {p[1]}), o = m.op(gate, {p[2]});
      const ValueId g = m.op(candidate, {p[3]});
      const ValueId keep = complement ? f : m.op("Sub", {m.scalar(t, 1), i});
      c = m.op("Add", {m.commutative("Mul", keep, c), m.commutative("Mul", i, g)});
      h = m.commutative("Mul", o, m.op(candidate, {c}));
    } else {
      const auto a = parts_of(from_x), s = parts_of(from_h);
      const std::string_view join = added ? "Add" : "Sub";
      const ValueId z = m.op(gate, {m.op(join, {a[0], s[0]})}), q = m.op(gate, {m.op(join, {a[1], s[1]})});
      const ValueId n = m.op(candidate, {m.op("Add", {a[2], m.commutative("Mul", q, s[2])})});
      const ValueId rest = m.op("Sub", {m.scalar(t, complement ? 1 : 2), z});
      h = m.op("Add", {m.commutative("Mul", rest, n), m.commutative("Mul", z, h)});
    }
    if (rng.chance(0.3)) m.result(h);
  }
  m.result(h);
  if (lstm) m.result(c);
}

constexpr Motif motifs[] = {
    {.name = "recurrent-cell", .aims_at = "MatMulAddFusion", .guards = kGuards, .build = cell},
};

}  // namespace

namespace family {
extern const MotifFamily recurrent_cell;
const MotifFamily recurrent_cell = motifs;
}  // namespace family

}  // namespace mob::motifs
