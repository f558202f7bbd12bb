#include "mutators/weights.h"

#include <algorithm>
#include <array>

namespace mob::mutators {
namespace {

// Operators that take any number in this slot (-1: in every one), zero too.
struct WeightSlot {
  std::string_view op;
  int slot;
};
constexpr std::array<WeightSlot, 22> kWeightSlots = {{
    {"Conv", 1},    {"Conv", 2},   {"ConvTranspose", 1}, {"ConvTranspose", 2}, {"Gemm", -1}, {"MatMul", -1},
    {"Einsum", -1}, {"Gather", 0}, {"LSTM", 1},          {"LSTM", 2},          {"LSTM", 3},  {"GRU", 1},
    {"GRU", 2},     {"GRU", 3},    {"RNN", 1},           {"RNN", 2},           {"RNN", 3},   {"Add", -1},
    {"Mul", -1},    {"Sub", -1},   {"Concat", -1},       {"Transpose", 0},
}};

bool weight_slot(const Node& n, int slot) {
  return n.domain.empty() && std::any_of(kWeightSlots.begin(), kWeightSlots.end(), [&](const WeightSlot& w) {
           return w.op == n.op_type && (w.slot < 0 || w.slot == slot);
         });
}

}  // namespace

std::vector<ValueId> float_weights(const Case& c, const Facts& f) {
  const Graph& g = c.model.graph;
  std::vector<ValueId> weights;
  for (ValueId v : g.initializers)
    if (f.known(v) && !f.uses(v).empty() && kFloats.has(f.type(v).dtype) && f.type(v).count() >= 2 &&
        !g.is_input(v) && std::all_of(f.uses(v).begin(), f.uses(v).end(), [&](const Use& u) {
          return u.node >= 0 && weight_slot(g.nodes[static_cast<std::size_t>(u.node)], u.slot);
        }))
      weights.push_back(v);
  return weights;
}

Promise masked(Case& c, const std::vector<ValueId>& weights, const std::vector<std::vector<bool>>& masks,
               Choices& choices, double sparsity, bool global) {
  Graph& g = c.model.graph;
  Promise promise;
  auto twin = std::make_shared<Case>(c);
  std::vector<std::string> names;
  for (std::size_t w = 0; w < weights.size(); ++w) {
    const Tensor& t = *g[weights[w]].initializer;
    const std::size_t n = masks[w].size();
    std::vector<double> kept(n), ones(n);
    std::vector<std::int64_t> mask(n);
    for (std::size_t i = 0; i < n; ++i) {
      const auto from = static_cast<std::size_t>(
          choices.bent_index(static_cast<std::int64_t>(i), static_cast<std::int64_t>(n)));
      kept[i] = masks[w][from] ? 0 : t.real_at(static_cast<std::int64_t>(i));
      ones[i] = masks[w][i] ? 0 : 1;
      mask[i] = masks[w][i] ? 1 : 0;
    }
    // The twin multiplies by the mask, so that it does not rest on what was stored here.
    Graph& h = twin->model.graph;
    const ValueId product =
        append(*twin, "Mul", {weights[w], h.add_initializer("", Tensor::of(t.dtype(), t.dims(), ones))})
            .front();
    h.redirect_uses(weights[w], product, static_cast<int>(h.nodes.size()) - 1);
    names.push_back(g[weights[w]].name);
    promise.claims.emplace_back(
        ZeroWhere{.initializer = names.back(), .mask = Tensor::of_ints(DType::kBool, t.dims(), mask)});
    if (!global) promise.claims.emplace_back(Sparsity{.initializers = {names.back()}, .share = sparsity});
    set_content(c, weights[w], Tensor::of(t.dtype(), t.dims(), kept));
  }
  if (global) promise.claims.emplace_back(Sparsity{.initializers = names, .share = sparsity});
  promise.twins.push_back({.name = "masked parent", .c = std::move(twin)});
  return promise;
}

}  // namespace mob::mutators
