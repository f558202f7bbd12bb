#include "fuzzer/triage/describe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "fuzzer/base/text.h"

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

std::string kinds_in_words(std::span<const Derivation> steps) {
  std::vector<std::string> kinds;
  for (const Derivation& step : steps)
    if (std::find(kinds.begin(), kinds.end(), step.kind) == kinds.end()) kinds.push_back(step.kind);
  kinds.push_back(Finding().kind);
  return join(kinds, ", ");
}

namespace {

struct ClaimInWords {
  std::string operator()(const ZeroWhere& z) const {
    return z.initializer + " is zero where its mask says so, and unlike the parent nowhere else.";
  }
  std::string operator()(const Sparsity& s) const {
    return "At least " + show_number(s.share) + " of the elements of " + join(s.initializers, ", ") +
           " are zero.";
  }
  std::string operator()(const ZerosInGroups& z) const {
    return fmt::format("{} holds {} zeros or more in each {} neighbours along axis {}.", z.initializer, z.n,
                       z.m, z.axis);
  }
  std::string operator()(const HasType& h) const {
    return fmt::format("{} is {}{}.", h.initializer, name(h.type.dtype), show_dims(h.type.dims));
  }
  std::string operator()(const Distinct& d) const {
    return fmt::format("{} holds {} different numbers at most.", d.initializer, d.most);
  }
  std::string operator()(const NodeCount& n) const {
    return fmt::format("There are {} to {} nodes {}.", n.least, n.most,
                       n.domain.empty() ? n.op : n.domain + "." + n.op);
  }
  std::string operator()(const Fewer& f) const {
    return "Its weights take at most " + show_number(f.share) + " of the parent's bytes.";
  }
  std::string operator()(const ImportsOpset& i) const {
    return fmt::format("It is written in opset {}.", i.version);
  }
};

}  // namespace

std::vector<std::string> promise_in_words(const Promise& promise) {
  if (promise.kind == Promise::Kind::kRecompute) return {"The meaning is another one."};
  std::vector<std::string> words;
  for (const Twin& twin : promise.twins.empty() ? std::vector<Twin>{{.name = "parent"}} : promise.twins) {
    std::vector<std::string> coarse;
    for (const Slack& s : twin.slack) coarse.push_back(s.value);
    words.push_back("The outputs are those of the " + twin.name +
                    (coarse.empty() ? "" : ", as far as it knows them with coarser " + join(coarse, ", ")) +
                    ".");
  }
  for (const Claim& claim : promise.claims) words.push_back(std::visit(ClaimInWords(), claim));
  if (promise.same_interface) words.push_back("The parent's inputs and outputs are there, in order.");
  if (promise.same_metadata) words.push_back("What stands around the graph is the parent's.");
  return words;
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
