#include "fuzzer/runtime/system.h"

#include <algorithm>
#include <cstdlib>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/graph/schema.h"

namespace mob {

#define SYSTEM(name)            \
  namespace systems {           \
  extern const SystemSpec name; \
  }
#include "fuzzer/runtime/all.def"
#undef SYSTEM

const std::vector<const SystemSpec*>& all_systems() {
  static const std::vector<const SystemSpec*> specs = {
#define SYSTEM(name) &systems::name,
#include "fuzzer/runtime/all.def"
#undef SYSTEM
  };
  return specs;
}

namespace {
std::vector<std::string> names_in_reach(const std::vector<Optimizer>& optimizers, const std::string& version,
                                        bool rules) {
  std::vector<std::string> names;
  for (const Optimizer& o : optimizers)
    if (o.rule == rules && o.unreachable_in(version).empty()) names.push_back(o.name);
  return names;
}
}  // namespace

std::string Optimizer::unreachable_in(const std::string& version) const {
  if (!out_of_reach.empty() || gone_since.empty()) return out_of_reach;
  const bool library = version.find('/') != std::string::npos;
  return library || version.empty() || version_less(version, gone_since) ? "" : "gone since " + gone_since;
}

std::vector<std::string> System::rules() const {
  return names_in_reach(optimizers, version, true);
}
std::vector<std::string> System::passes() const {
  return names_in_reach(optimizers, version, false);
}

System resolve_system(std::string_view words) {
  const auto at = words.find('@');
  const std::string_view kind = words.substr(0, at);
  for (const SystemSpec* spec : all_systems()) {
    if (spec->name != kind) continue;
    if (at != std::string_view::npos) return spec->at(std::string(words.substr(at + 1)));
    const auto installed = spec->installed();
    if (installed.empty())
      throw UserError("no version of " + std::string(kind) + " is installed: run scripts/setup");
    return installed.back();
  }
  std::vector<std::string> names;
  for (const SystemSpec* spec : all_systems()) names.emplace_back(spec->name);
  throw UserError("unknown system '" + std::string(words) + "': there is " + join(names, ", ") +
                  " (see `mobster list systems`)");
}

std::filesystem::path cache_folder() {
  if (const char* own = std::getenv("MOBSTER_CACHE")) return own;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME")) return std::filesystem::path(xdg) / "mobster";
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home ? home : "/tmp") / ".cache" / "mobster";
}

std::filesystem::path program_folder() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

bool version_less(const std::string& a, const std::string& b) {
  const auto numbers = [](const std::string& v) {
    std::vector<long> n;
    for (const std::string& part : split(v, '.')) n.push_back(std::strtol(part.c_str(), nullptr, 10));
    return n;
  };
  return numbers(a) < numbers(b);
}

namespace {

// Whether all nodes, nested ones too, have the same form at both opsets of the standard domain.
bool same_forms(const Graph& graph, int from, int to) {
  return std::all_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    if (node.domain.empty()) {
      const Schema* high = schema(node.op_type, from);
      const Schema* low = schema(node.op_type, to);
      if (high == nullptr || low == nullptr || high->since != low->since) return false;
    }
    return std::all_of(node.attributes.begin(), node.attributes.end(), [&](const Attribute& a) {
      if (const auto* g = std::get_if<GraphPtr>(&a.value)) return same_forms(**g, from, to);
      return true;
    });
  });
}

}  // namespace

std::optional<Model> restamped(const Model& model, const System& system) {
  const auto opset = static_cast<int>(model.opset());
  const bool lower_ir = system.max_ir > 0 && model.ir_version > system.max_ir;
  const bool lower_opset =
      system.max_opset > 0 && opset > system.max_opset && same_forms(model.graph, opset, system.max_opset);
  if (!lower_ir && !lower_opset) return std::nullopt;
  Model out = model;
  if (lower_ir) out.ir_version = system.max_ir;
  if (lower_opset) out.opsets[""] = system.max_opset;
  return out;
}

Model stamped(const Model& model, const System& system) {
  return restamped(model, system).value_or(model);
}

}  // namespace mob
