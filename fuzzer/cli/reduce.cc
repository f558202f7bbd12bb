// mobster reduce FINDING_OR_MODEL...: the few nodes that the finding needs.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "corpus/finding_folder.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/clock.h"
#include "fuzzer/base/text.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/cli/models.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/probes/limits.h"
#include "fuzzer/triage/describe.h"
#include "fuzzer/triage/reduce.h"
#include "fuzzer/triage/signature.h"
#include "fuzzer/triage/variant.h"

namespace mob::cli {
namespace {

namespace fs = std::filesystem;

struct Words {
  std::vector<std::string> paths;
  std::string system = "onnxruntime";
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
  const fs::path goal = words.out.empty() ? last.parent_path() / name
                        : of == 1         ? fs::path(words.out)
                                          : fs::path(words.out) / name;
  if (fs::exists(goal))
    throw UserError(goal.string() + ": is there already; name another place with --out, or move it away");
  return goal;
}

struct Result {
  bool found = false;
  std::size_t nodes_before = 0, nodes = 0;
  double seconds = 0;
  Reduced reduced;
  Lock lock;
  std::string signature;
  std::string why;  // where nothing was reduced
};

Result reduce_one(const Words& words, const System& system, const fs::path& path, const fs::path& goal) {
  current_place() = {words.seed, 0, path.string()};
  const Case c = load_case(path, words.seed);
  Result r;
  r.nodes_before = node_count(c.model.graph);
  const double start = seconds_now();
  Judge judge(system, {.configurations = thorough_configurations()});
  const Judged judged = judge.judge(c);
  if (judged.verdict.kind != Verdict::Kind::kFinding) {
    r.why = judged.verdict.kind == Verdict::Kind::kAgree ? "no finding: it agrees"
                                                         : "no finding: " + judged.verdict.reason;
    return r;
  }
  const Cause cause = find_cause(judge, c, judged);
  r.lock = lock_of(c, judged, cause);
  const Executor executor;
  Trials trials({&judge}, executor, r.lock, words.limits);
  r.reduced = reduce(trials, c, {.steps = words.steps});
  if (!r.reduced.locked) {
    r.why = r.lock.reference
                ? "the finding does not show a second time: it hangs on chance"
                : "the finding rests on the published outputs beside the model, as the reference has no "
                  "answer (" +
                      judged.reference.unavailable + "); its variants have none";
    return r;
  }
  Judged again = judge.judge_apart(r.reduced.c, thorough_configurations(), true);
  if (again.verdict.kind != Verdict::Kind::kFinding || !shows(again, r.lock.symptom, r.lock.cls)) {
    r.why = "what it was reduced to does not show in a fresh process";
    return r;
  }
  r.found = true;
  r.signature = signature_of(trials, r.reduced.c, r.reduced.guards).text();
  r.nodes = node_count(r.reduced.c.model.graph);
  const FindingRecord record{.name = goal.filename().string(),
                             .c = &r.reduced.c,
                             .original = &c,
                             .judged = &again,
                             .cause = find_cause(judge, r.reduced.c, again),
                             .signature = r.signature,
                             .system = system.name,
                             .version = system.version};
  if (goal.has_parent_path()) fs::create_directories(goal.parent_path());
  write_finding(goal.has_parent_path() ? goal.parent_path() : fs::path("."), record);
  r.seconds = seconds_now() - start;
  return r;
}

int reduce_paths(const Words& words) {
  const System system = with_limits(resolve_system(words.system));
  for (const std::string& step : words.steps)
    if (std::none_of(all_shrink_steps().begin(), all_shrink_steps().end(),
                     [&](const ShrinkStep* s) { return s->name == step; }))
      throw UserError("--steps: there is no step '" + step + "'; `mobster list steps` names them");
  const std::vector<fs::path> paths = find_models(words.paths);
  std::vector<fs::path> goals;
  for (const fs::path& path : paths) goals.push_back(goal_of(words, path, paths.size()));
  std::size_t found = 0;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const Result r = reduce_one(words, system, paths[i], goals[i]);
    found += r.found ? 1 : 0;
    if (words.json) {
      nlohmann::ordered_json out = {{"path", paths[i].string()}, {"reduced", r.found}};
      if (!r.found) out["reason"] = r.why;
      if (r.found) {
        out["out"] = goals[i].string();
        out["symptom"] = name(r.lock.symptom);
        out["class"] = name(r.lock.cls);
        out["nodes_before"] = r.nodes_before;
        out["nodes"] = r.nodes;
        out["operators"] = operators_of(r.reduced.c.model.graph);
        out["signature"] = r.signature;
        out["cure"] = r.lock.cure;
        for (auto& list = out["guards"] = nlohmann::ordered_json::array(); const Guard& g : r.reduced.guards)
          list.push_back(
              {{"words", g.words}, {"kind", name(g.place.kind)}, {"key", g.key}, {"fires", g.fires}});
        out["complete"] = r.reduced.complete;
        out["steps"] = r.reduced.steps;
        out["checks"] = r.reduced.checks;
        out["seconds"] = r.seconds;
      }
      fmt::print("{}\n", out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    } else if (!r.found) {
      fmt::print("{}\n  {}\n", paths[i].string(), r.why);
    } else {
      fmt::print("{}\n  {} nodes -> {}: {}\n  {} ({}) at {}{}\n  {} variants in {:.1f} s{}\n  {}\n  {}\n",
                 paths[i].string(), r.nodes_before, r.nodes, join(operators_of(r.reduced.c.model.graph), " "),
                 name(r.lock.symptom), name(r.lock.cls), r.lock.bad.name(),
                 r.lock.cure.empty() ? "" : ", cured without " + join(r.lock.cure, ", "), r.reduced.checks,
                 r.seconds, r.reduced.complete ? "" : ", not to the end: --checks or --seconds was reached",
                 r.signature, goals[i].string());
      for (const Guard& g : r.reduced.guards) fmt::print("    {}{}\n", g.fires ? "* " : "  ", g.words);
    }
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
