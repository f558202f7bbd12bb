#include "fuzzer/generator/grow.h"

#include <algorithm>
#include <cmath>

#include "fuzzer/generator/motifs/motif.h"

namespace mob {
namespace {

constexpr int kAttempts = 12;  // to find a next operator
constexpr int kMostDepth = 2;  // of graphs in graphs

void grow_motif(Builder& body) try {
  const Motif& motif = *body.rng().pick(all_motifs());
  if (motif.since > body.opset()) return;
  MotifBuilder m(body, motif, {}, true);
  motif.build(m);
  m.finish();
} catch (const CannotDraft&) {  // what was added by then stays, and goes if nothing reads it
}

// Keeps type and shape, where it takes the type.
ValueId neighbour(Builder& b, ValueId x) {
  static constexpr std::string_view kOps[] = {"Neg", "Abs", "Relu", "Identity", "Sigmoid", "Not"};
  for (int attempt = 0; attempt < 3; ++attempt) try {
      return b.node(b.rng().pick(kOps), {x});
    } catch (const CannotDraft&) {  // not for this type
    }
  return x;
}

}  // namespace

int geometric(Rng& rng, double mean) {
  if (mean <= 0) return 0;
  return static_cast<int>(std::log(1 - rng.unit()) / std::log(mean / (1 + mean)));
}

const std::vector<const OpSpec*>& drawn_ops() {
  static const std::vector<const OpSpec*> ops = [] {
    std::vector<const OpSpec*> drawn = all_ops();
    std::erase_if(drawn, [](const OpSpec* op) { return op->draft == nullptr; });
    return drawn;
  }();
  return ops;
}

void grow(Builder& b, int nodes) {
  const auto& ops = drawn_ops();
  for (int i = 0; i < nodes; ++i) {
    const std::vector<ValueId> unread = b.unread();
    for (int attempt = 0; attempt < kAttempts; ++attempt)
      if (b.draw_node(*ops[b.rng().below(ops.size())], {.prefer = unread, .must_read = !unread.empty()}))
        break;
  }
}

void grow_body(Builder& body) {
  const Policy& p = body.policy();
  Rng& rng = body.rng();
  grow(body, 1 + geometric(rng, p.mean_body_nodes));
  if (rng.chance(p.body_motif)) grow_motif(body);
  if (body.depth() < kMostDepth && rng.chance(p.deeper) && draw_control_flow(body)) grow(body, 1);
}

std::vector<ValueId> draw_results(Builder& body, std::size_t most) {
  std::vector<ValueId> open, read;
  const std::vector<ValueId> unread = body.unread();
  for (const Node& n : body.graph().nodes)
    for (ValueId v : n.outputs) {
      if (v == kNoValue || !kAnyDType.has(body.type(v).dtype)) continue;
      const bool nobody_reads = std::find(unread.begin(), unread.end(), v) != unread.end();
      (nobody_reads ? open : read).push_back(v);
    }
  Rng& rng = body.rng();
  rng.shuffle(open);
  if (!read.empty() && (open.empty() || rng.chance(0.1))) open.insert(open.begin(), rng.pick(read));
  if (open.size() > most) open.resize(most);
  return open;
}

ValueId of_type(Builder& b, const ArrayType& type) {
  Rng& rng = b.rng();
  std::vector<ValueId> computed, other;
  for (ValueId v : b.readable()) {
    if (b.type(v) != type) continue;
    const Value& value = b.graph()[v];
    (value.outer || value.initializer || b.graph().is_input(v) ? other : computed).push_back(v);
  }
  if (!computed.empty() && rng.chance(0.75)) return rng.pick(computed);
  if (!other.empty() && rng.chance(0.7)) {
    const ValueId v = rng.pick(other);
    return rng.chance(0.6) ? neighbour(b, v) : v;
  }
  const ValueId v = b.leaf(b.draw(type), Role::kWeight);
  return rng.chance(0.5) ? neighbour(b, v) : v;
}

ValueId draw_bool(Builder& b, bool value, bool scalar) {
  Rng& rng = b.rng();
  const Dims dims = scalar || rng.chance(0.8) ? Dims{} : Dims{1};
  if (rng.chance(0.25)) {
    const ValueId one = b.leaf(Tensor::of_ints(DType::kInt64, dims, {1}), Role::kParameter);
    const ValueId two = b.leaf(Tensor::of_ints(DType::kInt64, dims, {2}), Role::kData);
    return b.node(value ? "Less" : "Greater", {one, two});
  }
  const ValueId v =
      b.leaf(Tensor::of_ints(DType::kBool, dims, {value}), rng.chance(0.5) ? Role::kParameter : Role::kData);
  return rng.chance(0.15) ? b.node("Not", {b.node("Not", {v})}) : v;
}

ValueId draw_count(Builder& b, std::int64_t value) {
  Rng& rng = b.rng();
  const Role role = rng.chance(0.6) ? Role::kParameter : Role::kData;
  const ValueId v = b.leaf(Tensor::of_ints(DType::kInt64, {}, {value}), role);
  if (rng.chance(0.85)) return v;
  return b.node("Mul", {v, b.leaf(Tensor::of_ints(DType::kInt64, {}, {1}), Role::kParameter)});
}

bool draw_control_flow(Builder& b) {
  // A function is called in the graph in which it is drawn: its own body has calls of earlier ones only.
  const bool function = !b.isolated() && b.rng().chance(0.25);
  if (function) return draw_function(b);
  switch (b.rng().below(5)) {
    case 0:
    case 1:
      return draw_if(b);
    case 2:
    case 3:
      return draw_loop(b);
    default:
      return draw_scan(b);
  }
}

}  // namespace mob
