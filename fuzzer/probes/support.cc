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

constexpr int kTries = 3;  // drafts of one triple, one of which must run

bool runs(Worker& worker, const OpSpec& op, int opset, DType type) {
  for (int t = 0; t < kTries; ++t) {
    Rng rng(static_cast<std::uint64_t>(opset) * 64 + static_cast<std::uint64_t>(type),
            static_cast<std::uint64_t>(t));
    const SampleOptions options{.opset = opset, .support = nullptr, .first_type = type, .first = &op};
    for (int attempt = 0; attempt < 10; ++attempt) {
      const std::optional<Case> c = sample(rng, options);
      if (!c) continue;
      if (worker.run(*c, {{.level = 0}})[0].ok()) return true;
      break;
    }
  }
  return false;
}

}  // namespace

Support probe_support(const System& system) {
  Support support;
  // The table is a function of our drafts too: a new operator asks for a new table.
  std::string ops;
  for (const OpSpec* op : all_ops()) ops += std::string(op->name) + ";";
  const fs::path file =
      cache_folder() / "support" / (cache_key(system) + "-" + hex64(hash64(ops)) + ".operators.json");
  if (std::ifstream in(file); in) {
    const auto json = nlohmann::json::parse(in, nullptr, false);
    if (json.is_array()) {
      for (const auto& row : json) {
        DTypeSet set;
        for (const auto& word : row.at("types")) set = set | dtype_named(word.get<std::string>());
        support.types[{row.at("operator"), row.at("since")}] = set;
      }
      return support;
    }
  }
  Worker worker(system);
  for (const OpSpec* op : all_ops()) {
    if (op->draft == nullptr) continue;
    for (int since : forms(op->name, std::max(9, op->since), system.max_opset, op->domain)) {
      const int opset = std::max({9, op->since, since});
      const Schema* form = schema(op->name, opset, op->domain);
      if (form == nullptr || form->deprecated) continue;
      const bool has_input = !form->inputs.empty();
      DTypeSet accepted;
      for (DType t : (has_input ? form->inputs.front().types : DTypeSet(DType::kFloat)).list())
        if (runs(worker, *op, opset, t)) accepted = accepted | t;
      support.types[{std::string(op->name), form->since}] = accepted;
    }
  }
  nlohmann::json json = nlohmann::json::array();
  for (const auto& [key, set] : support.types) {
    nlohmann::json types = nlohmann::json::array();
    for (DType t : set.list()) types.push_back(name(t));
    json.push_back({{"operator", key.first}, {"since", key.second}, {"types", types}});
  }
  write_cache(file, json.dump(1));
  return support;
}

}  // namespace mob
