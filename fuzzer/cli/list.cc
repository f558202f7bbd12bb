// mobster list systems|operators|motifs|mutators|oracles|optimizers
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/generator/motifs/motif.h"
#include "fuzzer/ops/op_spec.h"
#include "fuzzer/runtime/outcome.h"
#include "fuzzer/runtime/system.h"
#include "fuzzer/triage/shrink/shrink_step.h"
#include "mutators/mutator.h"
#include "oracles/oracle.h"

namespace mob::cli {
namespace {

using Rows = std::vector<nlohmann::ordered_json>;

Rows systems() {
  Rows rows;
  for (const SystemSpec* spec : all_systems())
    for (const System& s : spec->installed())
      rows.push_back({{"name", s.name}, {"version", s.version}, {"what", spec->what}});
  return rows;
}

Rows operators() {
  Rows rows;
  for (const OpSpec* op : all_ops()) {
    std::vector<std::string> opsets;
    for (int since : forms(op->name, std::max(9, op->since), kNewestOpset, op->domain))
      opsets.push_back(std::to_string(since));
    rows.push_back(
        {{"name", op->name}, {"domain", op->domain}, {"forms", opsets}, {"drawn", op->draft != nullptr}});
  }
  return rows;
}

Rows oracles() {
  Rows rows;
  for (const Oracle* o : all_oracles()) rows.push_back({{"name", o->name}, {"shows", o->shows}});
  return rows;
}

Rows motifs() {
  Rows rows;
  for (const Motif* m : all_motifs()) {
    std::vector<std::string> guards;
    for (const Guard& g : m->guards) guards.emplace_back(g.name);
    rows.push_back({{"name", m->name}, {"aims_at", m->aims_at}, {"guards", guards}});
  }
  return rows;
}

Rows mutators() {
  Rows rows;
  for (const Mutator* m : all_mutators())
    rows.push_back({{"name", m->name}, {"family", name(m->family)}, {"aims_at", m->aims_at}});
  return rows;
}

Rows steps() {
  Rows rows;
  for (const ShrinkStep* s : all_shrink_steps()) rows.push_back({{"name", s->name}, {"what", s->what}});
  return rows;
}

// What each system's optimizer consists of, and the motifs that aim at it or why none could make it fire.
Rows optimizers() {
  Rows rows;
  for (const SystemSpec* spec : all_systems())
    for (const Optimizer& o : spec->optimizers()) {
      std::vector<std::string> motifs;
      for (const Motif* m : all_motifs())
        for (const std::string& aim : split(m->aims_at, ';'))
          if (aim == o.name) motifs.emplace_back(m->name);
      rows.push_back(
          {{"name", o.name},
           {"level", level_name(o.level)},
           {"kind", o.rule ? "rule" : "pass"},
           {"operators", o.operators},
           {"motifs", motifs},
           {"out_of_reach", o.gone_since.empty() ? o.out_of_reach : "gone since " + o.gone_since}});
    }
  return rows;
}

struct Table {
  const char* name;
  Rows (*rows)();
};
constexpr Table kTables[] = {{"systems", systems},   {"operators", operators}, {"motifs", motifs},
                             {"mutators", mutators}, {"oracles", oracles},     {"optimizers", optimizers},
                             {"steps", steps}};

void print_rows(const Rows& rows) {
  for (const auto& row : rows) {
    std::string line;
    bool first = true;
    for (const auto& [key, value] : row.items()) {
      std::string text = value.is_string()    ? value.get<std::string>()
                         : value.is_boolean() ? (value.get<bool>() ? "" : "(not drawn)")
                                              : join(value.get<std::vector<std::string>>(), ",");
      line += first ? fmt::format("{:<26}", text) : text.empty() ? "" : "  " + text;
      first = false;
    }
    fmt::print("{}\n", line);
  }
}

std::function<int()> set_up(CLI::App& app) {
  auto what = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  std::vector<std::string> names;
  for (const Table& t : kTables) names.emplace_back(t.name);
  app.add_option("WHAT", *what, join(names, ", "))->required()->check(CLI::IsMember(names));
  app.add_flag("--json", *json, "one JSON object a line");
  return [what, json] {
    Rows rows;
    for (const Table& t : kTables)
      if (*what == t.name) rows = t.rows();
    if (*json)
      for (const auto& row : rows) fmt::print("{}\n", row.dump());
    else
      print_rows(rows);
    if (rows.empty() && *what == "systems") throw UserError("no system is installed: run scripts/setup");
    return kNothingFound;
  };
}

}  // namespace

namespace commands {
extern const Command list;
const Command list = {
    .name = "list",
    .set_up = set_up,
    .what = "Lists installed systems, operators, motifs, mutators, oracles, optimizers, shrink steps."};
}  // namespace commands

}  // namespace mob::cli
