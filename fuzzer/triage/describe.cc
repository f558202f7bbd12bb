#include "fuzzer/triage/describe.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

namespace mob {

std::vector<std::string> operators_of(const Graph& graph) {
  std::vector<std::string> ops;
  for (int i : graph.topological_order()) {
    const Node& n = graph.nodes[static_cast<std::size_t>(i)];
    ops.push_back((n.domain.empty() ? "" : n.domain + ".") + n.op_type);
    for (const Graph* body : n.bodies())
      for (std::string& op : operators_of(*body)) ops.push_back(std::move(op));
  }
  return ops;
}

std::vector<std::string> level_names(const Finding& f, const std::vector<Configuration>& configurations) {
  std::vector<std::string> names;
  for (std::size_t i : f.configurations) {
    const std::string n = level_name(configurations[i].level);
    if (std::find(names.begin(), names.end(), n) == names.end()) names.push_back(n);
  }
  return names;
}

std::vector<std::string> fired_passes(const Finding& f, const Judged& j) {
  std::vector<std::string> passes;
  for (std::size_t i = 0; i < j.configurations.size(); ++i) {
    // Reloaded configurations report no passes of their own: those of their level's session are taken.
    const bool belongs = std::any_of(f.configurations.begin(), f.configurations.end(), [&](std::size_t bad) {
      return i == bad ||
             (!j.configurations[i].reload && j.configurations[i].level == j.configurations[bad].level);
    });
    if (!belongs) continue;
    for (const std::string& p : j.outcomes[i].passes)
      if (std::find(passes.begin(), passes.end(), p) == passes.end()) passes.push_back(p);
  }
  return passes;
}

nlohmann::ordered_json finding_json(const Finding& f, const Judged& j) {
  nlohmann::ordered_json out;
  out["symptom"] = name(f.symptom);
  out["class"] = name(f.cls);
  out["stage"] = f.stage;
  out["kind"] = f.kind;
  out["oracle"] = f.oracle;
  if (f.binding > 0) out["binding"] = f.binding;
  out["levels"] = level_names(f, j.configurations);
  out["passes"] = fired_passes(f, j);
  out["excess"] = f.gap && std::isfinite(f.gap->excess) ? nlohmann::ordered_json(f.gap->excess) : nullptr;
  out["message"] = f.message;
  return out;
}

}  // namespace mob
