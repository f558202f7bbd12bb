#include "fuzzer/probes/applied_rules.h"

#include <algorithm>
#include <set>

namespace mob {
namespace {

void collect(const Graph& graph, std::set<std::string>& ops) {
  for (const Node& n : graph.nodes) {
    ops.insert(n.op_type);
    for (const Graph* body : n.bodies()) collect(*body, ops);
  }
}

Configuration saving(int level, const std::string& disabled) {
  Configuration c{.level = level, .reload = true, .keep_saved = true, .load_only = true};
  if (!disabled.empty()) c.disabled.push_back(disabled);
  return c;
}

}  // namespace

int rule_bundle(std::string_view pass) {
  if (pass == "Level1_RuleBasedTransformer") return 1;
  if (pass == "Level2_RuleBasedTransformer") return 2;
  return 0;
}

std::vector<std::string> applied_rules(const System& system, const Case& c, std::span<const int> bundles,
                                       const RunCase& run) {
  std::vector<std::string> applied;
  if (!system.can_disable) return applied;
  std::set<std::string> ops;
  collect(c.model.graph, ops);
  for (int level : bundles) {
    std::vector<const Optimizer*> tried;
    std::vector<Configuration> configurations = {saving(level, "")};
    for (const Optimizer& o : system.optimizers) {
      if (!o.rule || o.level != level || !o.unreachable_in(system.version).empty()) continue;
      if (std::none_of(o.operators.begin(), o.operators.end(),
                       [&](const auto& op) { return ops.contains(op); }))
        continue;
      tried.push_back(&o);
      configurations.push_back(saving(level, o.name));
    }
    if (tried.empty()) continue;
    const std::vector<Outcome> outcomes = run(c, configurations);
    if (outcomes[0].saved_model.empty()) continue;
    for (std::size_t i = 0; i < tried.size(); ++i)
      if (const std::string& without = outcomes[i + 1].saved_model;
          !without.empty() && without != outcomes[0].saved_model)
        applied.push_back(tried[i]->name);
  }
  return applied;
}

}  // namespace mob
