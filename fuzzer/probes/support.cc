#include "fuzzer/probes/support.h"

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "fuzzer/base/hash.h"
#include "fuzzer/generator/sampler.h"
#include "fuzzer/probes/cache_key.h"
#include "fuzzer/runtime/worker.h"

namespace mob {
namespace {

namespace fs = std::filesystem;

constexpr int kDrafts = 10;  // of one (operator, type, opset form) triple

// The signature of the case's first node that is no Constant.
std::uint64_t signature_of(const Case& c, int since) {
  const Graph& g = c.model.graph;
  const Node& n = g.nodes.front();
  std::vector<DType> in, out;
  for (ValueId v : n.inputs) in.push_back(v == kNoValue ? DType::kUndefined : g[v].type->dtype);
  for (ValueId v : n.outputs) out.push_back(v == kNoValue ? DType::kUndefined : g[v].type->dtype);
  return Support::signature(n.op_type, since, in, out);
}

// Whether the system runs the triple at all; notes which signatures it took and which it refused to load.
bool runs(Worker& worker, const OpSpec& op, int opset, int since, DType type, std::set<std::uint64_t>& taken,
          std::set<std::uint64_t>& refused) {
  bool any = false;
  int done = 0;
  for (int t = 0; t < 3 * kDrafts && done < kDrafts; ++t) {
    Rng rng(static_cast<std::uint64_t>(opset) * 64 + static_cast<std::uint64_t>(type),
            static_cast<std::uint64_t>(t));
    const std::optional<Case> c =
        sample(rng, {.opset = opset, .support = nullptr, .first_type = type, .first = &op});
    if (!c) continue;
    ++done;
    const Outcome o = worker.run(*c, {{.level = 0}})[0];
    if (o.ok()) {
      any = true;
      taken.insert(signature_of(*c, since));
    } else if (o.stage == Stage::kLoad) {
      refused.insert(signature_of(*c, since));
    }
    if (!any && done >= 4) break;
  }
  return any;
}

}  // namespace

Support probe_support(const System& system) {
  Support support;
  // The table is a function of our drafts too: a new operator asks for a new table.
  std::string ops;
  for (const OpSpec* op : all_ops()) ops += std::string(op->name) + ";";
  const fs::path file =
      cache_folder() / "support" / (cache_key(system) + "-" + hex64(hash64(ops)) + ".support.json");
  if (std::ifstream in(file); in) {
    const auto json = nlohmann::json::parse(in, nullptr, false);
    if (json.is_object() && json.contains("operators") && json.contains("refused")) {
      for (const auto& word : json["refused"])
        support.refused.insert(std::stoull(word.get<std::string>(), nullptr, 16));
      for (const auto& row : json["operators"]) {
        DTypeSet set;
        for (const auto& word : row.at("types")) set = set | dtype_named(word.get<std::string>());
        support.types[{row.at("operator"), row.at("since")}] = set;
      }
      return support;
    }
  }
  Worker worker(system);
  std::set<std::uint64_t> taken;
  for (const OpSpec* op : all_ops()) {
    if (op->draft == nullptr) continue;
    for (int since : forms(op->name, std::max(9, op->since), system.max_opset, op->domain)) {
      const int opset = std::max({9, op->since, since});
      const Schema* form = schema(op->name, opset, op->domain);
      if (form == nullptr || form->deprecated) continue;
      const bool has_input = !form->inputs.empty();
      DTypeSet accepted;
      for (DType t : (has_input ? form->inputs.front().types : DTypeSet(DType::kFloat)).list())
        if (runs(worker, *op, opset, form->since, t, taken, support.refused)) accepted = accepted | t;
      support.types[{std::string(op->name), form->since}] = accepted;
    }
  }
  // Refused for another reason than its types (an attribute, a shape) where another draft was taken.
  std::erase_if(support.refused, [&](std::uint64_t s) { return taken.contains(s); });
  nlohmann::json json = {{"operators", nlohmann::json::array()}, {"refused", nlohmann::json::array()}};
  for (std::uint64_t s : support.refused) json["refused"].push_back(hex64(s));
  for (const auto& [key, set] : support.types) {
    nlohmann::json types = nlohmann::json::array();
    for (DType t : set.list()) types.push_back(name(t));
    json["operators"].push_back({{"operator", key.first}, {"since", key.second}, {"types", types}});
  }
  write_cache(file, json.dump(1));
  return support;
}

}  // namespace mob
