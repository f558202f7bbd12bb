#include "fuzzer/probes/support.h"

#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "fuzzer/base/hash.h"
#include "fuzzer/generator/sampler.h"
#include "fuzzer/probes/cache_key.h"
#include "fuzzer/runtime/worker.h"

namespace mob {
namespace {

namespace fs = std::filesystem;

constexpr int kDrafts = 60;  // of one (operator, type, opset form) triple
constexpr int kTries = 4;    // of one signature, one of which must run

// One signature, as far as it was tried: models that ran and that were refused, with their operator's form at
// `since` to `until`.
struct Tried {
  int refused = 0;
  std::optional<Case> taken;
  Case last;
  int since = 0, until = 0;
};
using Signatures = std::map<std::uint64_t, Tried>;

// The signature of the case's first node that is no Constant.
std::uint64_t signature_of(const Case& c, int since) {
  const Graph& g = c.model.graph;
  const Node& n = g.nodes.front();
  std::vector<DType> in, out;
  for (ValueId v : n.inputs) in.push_back(v == kNoValue ? DType::kUndefined : g[v].type->dtype);
  for (ValueId v : n.outputs) out.push_back(v == kNoValue ? DType::kUndefined : g[v].type->dtype);
  return Support::signature(n.op_type, since, in, out);
}

Outcome run_at(Worker& worker, Case c, int opset) {
  c.model.opsets[""] = opset;
  return worker.run(c, {{.level = 0}})[0];
}

// Whether the system runs the triple at all; notes which signatures it took and which it refused to load.
// Drafts of a signature that is known already are not run.
bool runs(Worker& worker, const OpSpec& op, int since, int until, DType type, Signatures& signatures) {
  bool any = false;
  for (int t = 0; t < kDrafts; ++t) {
    Rng rng(static_cast<std::uint64_t>(since) * 64 + static_cast<std::uint64_t>(type),
            static_cast<std::uint64_t>(t));
    std::optional<Case> c =
        sample(rng, {.opset = since, .support = nullptr, .first_type = type, .first = &op});
    if (!c) continue;
    Tried& tried = signatures[signature_of(*c, schema(op.name, since, op.domain)->since)];
    any = any || tried.taken;
    if (tried.taken || tried.refused >= kTries) continue;
    tried.since = since;
    tried.until = until;
    tried.last = *c;
    const Outcome o = run_at(worker, *c, since);
    if (o.ok()) {
      any = true;
      tried.taken = std::move(c);
    } else if (o.stage == Stage::kLoad) {
      ++tried.refused;
    }
  }
  return any;
}

// The opsets at which a signature is refused, bit by bit.
std::uint64_t refused_opsets(Worker& worker, const Tried& tried) {
  const Case& c = tried.taken ? *tried.taken : tried.last;
  if (!tried.taken && tried.refused == 0) return 0;
  const auto refused_at = [&](int opset) {
    const Outcome o = run_at(worker, c, opset);
    return !o.ok() && o.stage == Stage::kLoad;
  };
  std::uint64_t opsets = tried.taken ? 0 : std::uint64_t{1} << tried.since;
  if (tried.until == tried.since) return opsets;
  const bool last = refused_at(tried.until);
  if (last) opsets |= std::uint64_t{1} << tried.until;
  // Alike at both ends means alike between them.
  for (int opset = tried.since + 1; opset < tried.until; ++opset)
    if (last == !tried.taken ? last : refused_at(opset)) opsets |= std::uint64_t{1} << opset;
  return opsets;
}

}  // namespace

Support probe_support(const System& system) {
  Support support;
  // The table is a function of our drafts too: a new operator asks for a new table.
  std::string ops;
  for (const OpSpec* op : all_ops()) ops += std::string(op->name) + ";";
  const fs::path file =
      cache_folder() / "support" / (cache_key(system) + "-" + hex64(hash64(ops)) + ".operators-4.json");
  if (std::ifstream in(file); in) {
    const auto json = nlohmann::json::parse(in, nullptr, false);
    if (json.is_object() && json.contains("operators") && json.contains("taken")) {
      for (const auto& row : json["refused"])
        support.refused[std::stoull(row.at("signature").get<std::string>(), nullptr, 16)] =
            std::stoull(row.at("opsets").get<std::string>(), nullptr, 16);
      for (const auto& word : json["taken"])
        support.taken.insert(std::stoull(word.get<std::string>(), nullptr, 16));
      for (const auto& row : json["operators"]) {
        DTypeSet set;
        for (const auto& word : row.at("types")) set = set | dtype_named(word.get<std::string>());
        support.types[{row.at("operator"), row.at("since")}] = set;
      }
      return support;
    }
  }
  Worker worker(system);
  Signatures signatures;
  for (const OpSpec* op : all_ops()) {
    if (op->draft == nullptr) continue;
    const std::vector<int> starts = forms(op->name, std::max(9, op->since), system.max_opset, op->domain);
    for (std::size_t f = 0; f < starts.size(); ++f) {
      const int since = std::max({9, op->since, starts[f]});
      const int until = f + 1 < starts.size() ? starts[f + 1] - 1 : system.max_opset;
      const Schema* form = schema(op->name, since, op->domain);
      if (form == nullptr || form->deprecated || since > until) continue;
      DTypeSet accepted;
      for (DType t : (form->inputs.empty() ? DTypeSet(DType::kFloat) : form->inputs.front().types).list())
        if (runs(worker, *op, since, until, t, signatures)) accepted = accepted | t;
      support.types[{std::string(op->name), form->since}] = accepted;
    }
  }
  nlohmann::json json = {{"operators", nlohmann::json::array()},
                         {"refused", nlohmann::json::array()},
                         {"taken", nlohmann::json::array()}};
  for (const auto& [signature, tried] : signatures) {
    const std::uint64_t opsets = refused_opsets(worker, tried);
    if (tried.taken) {
      support.taken.insert(signature);
      json["taken"].push_back(hex64(signature));
    }
    if (opsets == 0) continue;
    support.refused[signature] = opsets;
    json["refused"].push_back({{"signature", hex64(signature)}, {"opsets", hex64(opsets)}});
  }
  for (const auto& [key, set] : support.types) {
    nlohmann::json types = nlohmann::json::array();
    for (DType t : set.list()) types.push_back(name(t));
    json["operators"].push_back({{"operator", key.first}, {"since", key.second}, {"types", types}});
  }
  write_cache(file, json.dump(1));
  return support;
}

}  // namespace mob
