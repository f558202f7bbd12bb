// mobster corpus add|list|minimize|export|import|table|update: a project's regression cases.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "corpus/finding_folder.h"
#include "corpus/regression_corpus.h"
#include "fuzzer/base/text.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/cli/corpus_commands.h"

namespace mob::cli {
namespace {

nlohmann::ordered_json to_json(const RegressionCase& c) {
  const Regression& r = c.regression;
  return {{"path", c.folder.string()},
          {"name", c.name},
          {"signature", c.signature},
          {"symptom", c.symptom},
          {"passes", c.passes},
          {"operators", c.operators},
          {"nodes", c.nodes},
          {"bytes", folder_size(c.folder)},
          {"versions", versions_json(r)},
          {"from", r.provenance.from},
          {"reference", r.provenance.reference},
          {"added", r.added},
          {"note", r.note}};
}

std::string range_of(const std::vector<std::string>& versions) {
  if (versions.empty()) return "none";
  return versions.size() == 1 ? versions[0] : versions.front() + "-" + versions.back();
}

int list(const std::string& corpus, bool json) {
  const std::vector<RegressionCase> cases = require_corpus(corpus);
  std::uint64_t bytes = 0;
  for (const RegressionCase& c : cases) {
    bytes += folder_size(c.folder);
    if (json) {
      fmt::print("{}\n", to_json(c).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
      continue;
    }
    const Provenance& p = c.regression.provenance;
    fmt::print("{}\n  {} nodes, from {}{}, added {}\n", c.name, c.nodes, p.from,
               p.reference.empty() ? "" : " (" + p.reference + ")", c.regression.added);
    for (const auto& [system, known] : c.regression.versions)
      fmt::print("  {}: bad {} ({} versions), good {} ({})\n", system, range_of(known.bad), known.bad.size(),
                 range_of(known.good), known.good.size());
  }
  if (!json) fmt::print("{} cases, {}\n", cases.size(), show_bytes(static_cast<double>(bytes)));
  return kNothingFound;
}

int minimize(const std::string& corpus, bool yes) {
  const std::vector<RegressionCase> cases = require_corpus(corpus);
  const std::vector<Surplus> surplus = surplus_of(cases);
  for (const Surplus& s : surplus) {
    if (yes) remove_case(s.c);
    fmt::print("{}  {}\n          {} is of the same signature and smaller\n", yes ? "removed" : "surplus",
               s.c.name, s.kept);
  }
  fmt::print("{} cases, {} of them surplus{}\n", cases.size(), surplus.size(),
             surplus.empty() ? ""
             : yes           ? ": removed"
                             : "; --yes removes them");
  return kNothingFound;
}

std::function<int()> set_up_list(CLI::App& app) {
  auto corpus = std::make_shared<std::string>();
  auto json = std::make_shared<bool>(false);
  app.add_option("CORPUS", *corpus, "folder of regression cases")->required();
  app.add_flag("--json", *json, "one JSON object a line");
  return [corpus, json] { return list(*corpus, *json); };
}

std::function<int()> set_up_minimize(CLI::App& app) {
  auto corpus = std::make_shared<std::string>();
  auto yes = std::make_shared<bool>(false);
  app.add_option("CORPUS", *corpus, "folder of regression cases")->required();
  app.add_flag("--yes", *yes, "remove them; else they are only named");
  return [corpus, yes] { return minimize(*corpus, *yes); };
}

std::function<int()> set_up(CLI::App& app) {
  struct Part {
    const char* name;
    const char* what;
    std::function<int()> (*set_up)(CLI::App&);
  };
  static constexpr Part kParts[] = {
      {"add", "Takes findings into a corpus, judged in the versions at hand.", set_up_corpus_add},
      {"list", "Lists the cases of a corpus.", set_up_list},
      {"minimize", "Keeps one case for each signature, the smallest.", set_up_minimize},
      {"export", "Packs a corpus into one file.", set_up_corpus_export},
      {"import", "Takes in a packed corpus, or plain models with their test data.", set_up_corpus_import},
      {"table", "Counts the cases that are bad, fixed and broken in each version.", set_up_corpus_table},
      {"update", "Writes down what a version does as what is expected of it.", set_up_corpus_update}};
  app.require_subcommand(1);
  auto actions = std::make_shared<std::vector<std::pair<CLI::App*, std::function<int()>>>>();
  for (const Part& part : kParts) {
    CLI::App* sub = app.add_subcommand(part.name, part.what);
    actions->emplace_back(sub, part.set_up(*sub));
  }
  return [actions] {
    for (const auto& [sub, action] : *actions)
      if (sub->parsed()) return action();
    return kBadInput;
  };
}

}  // namespace

namespace commands {
extern const Command corpus;
const Command corpus = {
    .name = "corpus", .set_up = set_up, .what = "Keeps a corpus of regression cases (add, list, ...)."};
}  // namespace commands

}  // namespace mob::cli
