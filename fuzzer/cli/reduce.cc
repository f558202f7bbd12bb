// mobster reduce FINDING_OR_MODEL...: the few nodes that the finding needs.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "corpus/finding_folder.h"
#include "corpus/models.h"
#include "corpus/read_finding.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/executor.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/probes/limits.h"
#include "fuzzer/triage/describe.h"
#include "fuzzer/triage/examine.h"
#include "fuzzer/triage/variant.h"

namespace mob::cli {
namespace {

namespace fs = std::filesystem;

struct Words {
  std::vector<std::string> paths;
  std::string system;
  std::string out;
  std::vector<std::string> steps;
  std::uint64_t seed = 0;
  int jobs = 1;
  TrialLimits limits;
  bool json = false;
};

// Where the reduced finding of `path` goes; throws UserError where something is there already.
fs::path goal_of(const Words& words, const fs::path& path, std::size_t of) {
  const fs::path clean = path.lexically_normal();
  const fs::path last = clean.filename().empty() ? clean.parent_path() : clean;
  const std::string name = last.stem().string() + ".reduced";
  fs::path goal = words.out.empty() ? last.parent_path() / name
                  : of == 1         ? fs::path(words.out)
                                    : fs::path(words.out) / name;
  if (fs::exists(goal))
    throw UserError(goal.string() + ": is there already; name another place with --out, or move it away");
  return goal;
}

// Reduced, and written to `goal`. `e.nothing` says why not.
Examined reduce_one(const Words& words, const System& system, const fs::path& path, const fs::path& goal) {
  current_place() = {words.seed, 0, path.string()};
  const Case c = load_case(path, words.seed);
  std::vector<std::unique_ptr<Judge>> judges;
  std::vector<Judge*> lanes;
  for (int i = 0; i < words.jobs; ++i) {
    judges.push_back(
        std::make_unique<Judge>(system, JudgeOptions{.configurations = thorough_configurations()}));
    lanes.push_back(judges.back().get());
  }
  ExamineOptions options{
      .limits = words.limits, .reduce = {.steps = words.steps}, .executor = tbb_executor(words.jobs)};
  if (is_finding(path)) options.symptom = read_finding(path).kind();
  Examined e = examine(lanes, c, options);
  if (!e.nothing.empty()) return e;
  if (goal.has_parent_path()) fs::create_directories(goal.parent_path());
  write_finding(goal.has_parent_path() ? goal.parent_path() : fs::path("."),
                {.name = goal.filename().string(),
                 .c = &e.reduced.c,
                 .original = &c,
                 .judged = &e.judged,
                 .cause = e.cause,
                 .optimized = saved_model(*lanes.front(), e.reduced.c, e.cause.bad),
                 .signature = e.signature.text(),
                 .guards = e.reduced.guards,
                 .reduced = e.reduced.complete,
                 .system = system.name,
                 .version = system.version});
  return e;
}

void print_json(const fs::path& path, const fs::path& goal, const Examined& e) {
  nlohmann::ordered_json out = {{"path", path.string()}, {"reduced", e.nothing.empty()}};
  if (!e.nothing.empty()) {
    out["reason"] = e.nothing;
  } else {
    out["out"] = goal.string();
    out["symptom"] = name(e.lock.symptom);
    out["class"] = name(e.lock.cls);
    out["signature"] = e.signature.text();
    out["nodes_before"] = e.nodes_before;
    out["nodes"] = node_count(e.reduced.c.model.graph);
    out["operators"] = operators_of(e.reduced.c.model.graph);
    out["cure"] = e.lock.cure;
    for (auto& list = out["guards"] = nlohmann::ordered_json::array(); const FoundGuard& g : e.reduced.guards)
      list.push_back({{"words", g.words}, {"kind", name(g.place.kind)}, {"key", g.key}, {"fires", g.fires}});
    out["complete"] = e.reduced.complete;
    out["steps"] = e.reduced.steps;
    out["checks"] = e.reduced.checks;
    out["seconds"] = e.seconds;
  }
  fmt::print("{}\n", out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

constexpr std::size_t kGuardsShown = 6;

void print_words(const fs::path& path, const fs::path& goal, const Examined& e) {
  if (!e.nothing.empty()) {
    fmt::print("{}\n  {}\n", path.string(), e.nothing);
    return;
  }
  const Graph& g = e.reduced.c.model.graph;
  fmt::print("{}\n  {} nodes -> {}: {}\n  {} ({}) at {}{}\n  {}\n  {} variants in {:.1f} s{}\n  {}\n",
             path.string(), e.nodes_before, node_count(g), join(operators_of(g), " "), name(e.lock.symptom),
             name(e.lock.cls), e.lock.bad.name(),
             e.lock.cure.empty() ? "" : ", cured without " + join(e.lock.cure, ", "),
             e.judged.verdict.finding->message, e.reduced.checks, e.seconds,
             e.reduced.complete ? "" : ", not to the end: --checks or --seconds was reached", goal.string());
  for (std::size_t i = 0; i < std::min(kGuardsShown, e.reduced.guards.size()); ++i)
    fmt::print("    {}{}\n", e.reduced.guards[i].fires ? "* " : "  ", e.reduced.guards[i].words);
  if (e.reduced.guards.size() > kGuardsShown)
    fmt::print("      ... and {} more (--json)\n", e.reduced.guards.size() - kGuardsShown);
}

int reduce_paths(const Words& words) {
  for (const std::string& step : words.steps)
    if (std::none_of(all_shrink_steps().begin(), all_shrink_steps().end(),
                     [&](const ShrinkStep* s) { return s->name == step; }))
      throw UserError("--steps: there is no step '" + step + "'; `mobster list steps` names them");
  const std::vector<fs::path> paths = find_models(words.paths);
  std::vector<fs::path> goals;
  goals.reserve(paths.size());
  for (const fs::path& path : paths) goals.push_back(goal_of(words, path, paths.size()));
  std::size_t found = 0;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    // A finding is reduced in the system in which it was seen, unless another one is named.
    const System system = with_limits(resolve_system(!words.system.empty()  ? words.system
                                                     : is_finding(paths[i]) ? read_finding(paths[i]).label()
                                                                            : "onnxruntime"));
    const Examined e = reduce_one(words, system, paths[i], goals[i]);
    found += e.nothing.empty() ? 1 : 0;
    if (words.json)
      print_json(paths[i], goals[i], e);
    else
      print_words(paths[i], goals[i], e);
    std::fflush(stdout);
  }
  return found > 0 ? kFindings : kNothingFound;
}

std::function<int()> set_up(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("FINDING_OR_MODEL", words->paths, "folders of findings, ONNX models, or folders of either")
      ->required();
  app.add_option("--system", words->system,
                 "onnxruntime[@VERSION], or onnxruntime@/path/to/libonnxruntime.so")
      ->capture_default_str();
  app.add_option("--out", words->out,
                 "folder to be made: of the reduced finding, or of all where there are several");
  app.add_option("--steps", words->steps, "these shrink steps only (`mobster list steps`)")->delimiter(',');
  app.add_option("--seed", words->seed, "of the inputs drawn for models that bring none")
      ->capture_default_str();
  app.add_option("--checks", words->limits.checks, "variants run at most")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", words->limits.seconds, "time that one reduction may take")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--jobs", words->jobs, "variants run at once")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  app.add_flag("--json", words->json, "one JSON object a line");
  app.footer(
      "Below each reduced finding: its nearest neighbours that pass; * where the guilty optimizer changes "
      "them, too.");
  return [words] { return reduce_paths(*words); };
}

}  // namespace

namespace commands {
extern const Command reduce;
const Command reduce = {
    .name = "reduce", .set_up = set_up, .what = "Reduces findings to the few nodes that they need."};
}  // namespace commands

}  // namespace mob::cli
