// The bounds of the reference hold for inputs that are known but roughly: wherever the inputs lie within what
// is said of them, the outputs lie within what follows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "fuzzer/generator/generator.h"
#include "fuzzer/graph/model_io.h"
#include "oracles/compare.h"
#include "oracles/promises.h"
#include "tests/mutators/fusion_parents.h"
#include "tests/mutators/parent_count.h"

namespace mob {
namespace {

constexpr std::uint64_t kEach = 40;     // draws of each operator
constexpr std::uint64_t kMixed = 4000;  // of motifs and graphs
constexpr int kMoves = 6;               // of the inputs of each

// Of one input: how far each index of its last axis may move.
struct Reach {
  std::vector<double> distance;
  double of(std::size_t element) const { return distance[element % distance.size()]; }
};
using Reaches = std::map<std::string, Reach>;

bool moves(const Tensor& t) {
  return (t.dtype() == DType::kFloat || t.dtype() == DType::kDouble) && t.count() > 0;
}

Twin draw_twin(const Case& parent, Reaches& reaches, Rng& rng) {
  Twin twin{.name = "parent"};
  const double wide = rng.uniform(-4, 1.6), spread = rng.chance(0.5) ? 0 : rng.uniform(0, 3);
  for (const auto& [name, t] : parent.inputs) {
    if (!moves(t)) continue;
    Reach& reach = reaches[name];
    reach.distance.resize(t.dims().empty() ? 1 : static_cast<std::size_t>(t.dims().back()));
    Grid grid{.axis = static_cast<int>(t.dims().size()) - 1, .zero_stays = false};
    for (double& d : reach.distance) {
      d = std::pow(10, wide - spread * rng.unit());
      grid.step.push_back(2 * d);
      grid.low.push_back(-1e300);
      grid.high.push_back(1e300);
    }
    twin.slack.push_back({name, std::move(grid)});
  }
  return twin;
}

// The inputs moved: all up, all down, all towards zero, or each as it is drawn.
Case moved(const Case& parent, const Reaches& reaches, Rng& rng) {
  enum class Way : std::uint8_t { kUp, kDown, kToZero, kEnds, kAnywhere };
  const Way way = rng.pick({Way::kUp, Way::kDown, Way::kToZero, Way::kEnds, Way::kAnywhere});
  Case c = parent;
  for (const auto& [name, reach] : reaches) {
    Tensor& t = c.inputs[name];
    std::vector<double> x = t.reals();
    for (std::size_t i = 0; i < x.size(); ++i) {
      // Not to the very end, where rounding to the type may lead outside.
      const double d = 0.9999 * reach.of(i);
      x[i] = way == Way::kUp       ? x[i] + d
             : way == Way::kDown   ? x[i] - d
             : way == Way::kToZero ? x[i] - std::clamp(x[i], -d, d) * rng.pick({1.0, 0.9})
             : way == Way::kEnds   ? x[i] + rng.pick({-d, d})
                                   : x[i] + d * rng.uniform(-1, 1);
    }
    t = Tensor::of(t.dtype(), t.dims(), x);
  }
  return c;
}

// What lies outside, in words; empty where nothing does.
std::string outside(const Case& parent, std::uint64_t i) {
  Rng rng(52, i);
  Reaches reaches;
  const Twin twin = draw_twin(parent, reaches, rng);
  if (reaches.empty()) return "";
  const Reference bounds = oracles::evaluate_twin(parent, twin);
  if (!bounds.available() || bounds.random) return "";
  for (int move = 0; move < kMoves; ++move) {
    const Case c = moved(parent, reaches, rng);
    const Reference now = evaluate(c);
    if (!now.available()) continue;
    const oracles::Apart a = oracles::apart(parent, bounds, c, now);
    // A shape may hang on the values.
    if (a.structure.empty() && a.gap && !a.special) return oracles::describe(*a.gap);
  }
  return "";
}

TEST(Slack, BoundsOfEachOperatorHold) {
  std::uint64_t draws = 0;
  for (const OpSpec* op : all_ops()) {
    if (op->draft == nullptr || !op->domain.empty()) continue;
    for (std::uint64_t i = 0; i < kEach; ++i) {
      Rng rng(51, ++draws);
      const auto c = lone_operator(op->name, rng);
      if (!c) continue;
      const std::string what = outside(*c, draws);
      EXPECT_EQ(what, "") << op->name << " " << draws << "\n" << to_text(c->model);
    }
  }
}

TEST(Slack, BoundsOfGraphsHold) {
  GeneratorOptions options;
  options.policy.special = 0;
  const std::uint64_t count = parent_count(kMixed);
  for (std::uint64_t i = 0; i < count; ++i) {
    Rng rng(53, i);
    const auto g = i % 3 == 0 ? generate_graph(rng, options) : generate_motif(rng, options);
    if (!g) continue;
    const std::string what = outside(g->c, i);
    EXPECT_EQ(what, "") << i << "\n" << to_text(g->c.model);
  }
}

}  // namespace
}  // namespace mob
