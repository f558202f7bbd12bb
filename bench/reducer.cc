// The reducer, fuzzed: random models through systems with one planted bug each. How many end in the planted
// trigger, and whether any grows, is not valid ONNX, or gets another signature when it is reduced again.
//
//   bench_reducer [--models 1000] [--nodes 12] [--seed 1]
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "fuzzer/base/clock.h"
#include "fuzzer/base/text.h"
#include "fuzzer/generator/generator.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/triage/describe.h"
#include "fuzzer/triage/examine.h"
#include "fuzzer/triage/variant.h"

using namespace mob;

namespace {

// A bug of the fake runtime: an operator that it gets wrong, alone or behind another node.
struct Planted {
  const char* mode;
  std::size_t nodes;
  bool (*guilty)(std::string_view op);

  // Nothing else is left.
  bool is_all(const std::vector<std::string>& ops) const { return ops.size() == nodes && guilty(ops.back()); }
  // It is there, with nodes that make it seen: NonZero behind a wrong number gives a wrong shape.
  bool is_in(const std::vector<std::string>& ops) const {
    return ops.size() >= nodes && std::any_of(ops.begin(), ops.end(), guilty);
  }
};
bool swaps(std::string_view op) {
  return op == "Sub" || op == "Div" || op == "Pow";
}
const Planted kPlanted[] = {
    {"swapped-operands", 1, swaps},
    {"swapped-behind-another", 2, swaps},
    {"edge", 2, [](std::string_view op) { return op == "Add" || op == "Mul"; }},
    {"last-axis", 1, [](std::string_view op) { return op == "Softmax"; }},
    {"wrong-numbers", 1, [](std::string_view) { return true; }},
};

}  // namespace

int main(int argc, char** argv) {
  int models = 1000, nodes = 12;
  std::uint64_t seed = 1;
  CLI::App app("fuzzes the reducer on planted bugs");
  app.add_option("--models", models)->capture_default_str();
  app.add_option("--nodes", nodes, "of each model")->capture_default_str();
  app.add_option("--seed", seed)->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  int found = 0, triggers = 0, seen_by_others = 0, grown = 0, invalid = 0, unsteady = 0, none = 0;
  std::size_t before = 0, after = 0;
  std::vector<double> seconds;
  std::uint64_t index = 0;
  std::vector<std::unique_ptr<Judge>> judges;
  for (const Planted& p : kPlanted) {
    System s{.name = "fake", .version = p.mode};
    s.command = {(program_folder() / "mobster-fake-worker").string(), p.mode};
    s.max_opset = 26;
    s.max_ir = 13;
    s.optimizers.push_back({.name = "FakePass"});
    judges.push_back(std::make_unique<Judge>(s, JudgeOptions{.configurations = thorough_configurations()}));
  }
  while (found < models) {
    const std::size_t which = index % std::size(kPlanted);
    Rng rng(seed, index++);
    GeneratorOptions options;
    const auto drawn = generate_graph(rng, options, {.nodes = nodes});
    if (!drawn) continue;
    Judge& judge = *judges[which];
    const Examined e = examine({&judge}, drawn->c, {.limits = {.checks = 5000, .seconds = 0}});
    if (e.lock.cure.empty()) continue;  // no finding, as a rule: the model holds no trigger
    ++found;
    if (!e.nothing.empty()) {
      ++none;
      fmt::print("case {} ({}): {}\n", index - 1, kPlanted[which].mode, e.nothing);
      continue;
    }
    const auto ops = operators_of(e.reduced.c.model.graph);
    const Planted& planted = kPlanted[which];
    triggers += planted.is_all(ops);
    seen_by_others += !planted.is_all(ops) && planted.is_in(ops);
    if (!planted.is_all(ops))
      fmt::print("case {} ({}): left with {} ({})\n", index - 1, planted.mode, join(ops, " "),
                 name(e.lock.symptom));
    before += e.nodes_before;
    after += ops.size();
    grown += node_count(e.reduced.c.model.graph) > e.nodes_before;
    invalid += !check_model(e.reduced.c.model).empty();
    seconds.push_back(e.seconds);
    const Examined again = examine({&judge}, e.reduced.c, {.limits = {.checks = 5000, .seconds = 0}});
    unsteady += again.signature.text() != e.signature.text();
  }
  std::sort(seconds.begin(), seconds.end());
  fmt::print(
      "{} findings in {} models: {} end in the planted trigger, {} in it and what makes it seen, {} grown, "
      "{} invalid, {} with another "
      "signature when "
      "reduced again, {} not reduced\n{:.1f} nodes -> {:.2f}; seconds: median {:.3f}, largest {:.2f}\n",
      found, index, triggers, seen_by_others, grown, invalid, unsteady, none,
      static_cast<double>(before) / found, static_cast<double>(after) / found,
      seconds.empty() ? 0 : seconds[seconds.size() / 2], seconds.empty() ? 0 : seconds.back());
  return triggers + seen_by_others == found && grown + invalid + none == 0 ? 0 : 1;
}
