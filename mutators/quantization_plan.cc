#include "mutators/quantization_plan.h"

namespace mob::mutators {
namespace {

// Round is no operator before this opset.
constexpr std::int64_t kFirstRound = 11;

// One value of the plan in the mutant; what is stored is claimed.
void write(Case& c, const Placed& placed, bool bare, const Choices& choices, Promise& promise) {
  Graph& g = c.model.graph;
  const bool by_zero = !placed.in_place && placed.to.type != DType::kUint8;  // the type follows from it
  const Parameters p = add_parameters(c, placed.to, bare && !by_zero, choices);
  ValueId q = kNoValue;
  if (placed.in_place) {
    const Tensor t = stored(*content(c, placed.value), placed.to);
    const std::string name = g.fresh_name(g[placed.value].name + "_stored");
    promise.claims.emplace_back(HasType{.initializer = name, .type = t.type()});
    q = g.add_initializer(name, t);
  } else {
    q = append_quantize(c, placed.value, placed.to, p);
  }
  read_instead(c, placed.value, placed.uses, append_dequantize(c, q, placed.to, p));
}

}  // namespace

void read_instead(Case& c, ValueId v, const std::vector<Use>& uses, ValueId to) {
  Graph& g = c.model.graph;
  if (!g[to].type) g[to].type = g[v].type;
  for (const Use& u : uses) {
    if (u.node < 0) std::swap(g[v].name, g[to].name);
    set_use(c, u, to);
  }
}

bool all_answer(const Case& parent, const Case& mutant, const Promise& promise) {
  for (const Twin& twin : promise.twins) {
    ReferenceOptions options;
    options.slack = twin.slack;
    if (!evaluate(twin.c ? *twin.c : parent, options).available()) return false;
  }
  return evaluate(mutant).available();
}

std::optional<Promise> quantized(Case& c, const Facts& f, const std::vector<Placed>& plan, Choices& choices) {
  if (plan.empty()) return std::nullopt;
  const Case before = c;
  const bool bare = choices.yes("bare_zeros", 0.3);
  Promise promise;
  Twin parent{.name = "parent"};
  for (const Placed& p : plan)
    parent.slack.push_back({.value = before.model.graph[p.value].name, .to = grid_of(p.to)});
  promise.twins.push_back(std::move(parent));
  if (c.model.opset() >= kFirstRound) {
    auto rounded = std::make_shared<Case>(before);
    for (const Placed& p : plan)
      read_instead(*rounded, p.value, p.uses, append_rounded(*rounded, p.value, f.type(p.value).dims, p.to));
    promise.twins.push_back({.name = "parent with rounded values", .c = std::move(rounded)});
  }
  for (const Placed& p : plan) write(c, p, bare, choices, promise);
  if (!all_answer(before, c, promise)) return std::nullopt;
  return promise;
}

}  // namespace mob::mutators
