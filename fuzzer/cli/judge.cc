// mobster judge MODEL_OR_DIR...: all oracles on given models.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "corpus/models.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/cli/command.h"
#include "fuzzer/generator/bindings.h"
#include "fuzzer/probes/limits.h"
#include "fuzzer/triage/describe.h"
#include "oracles/compare.h"

namespace mob::cli {
namespace {

struct Words {
  std::vector<std::string> paths;
  std::string system = "onnxruntime";
  std::uint64_t seed = 0;
  bool json = false;
  double deadline = WorkerLimits{}.cpu_seconds;
  int bindings = 0;
};

std::string json_line(const std::string& path, const Case& c, const Judged& j, const Judge& judge) {
  nlohmann::ordered_json out;
  static constexpr const char* kKinds[] = {"agree", "skip", "finding"};
  out["path"] = path;
  out["verdict"] = kKinds[static_cast<int>(j.verdict.kind)];
  out["reason"] = j.verdict.reason;
  out["symptom"] = nullptr;
  out["class"] = nullptr;
  out["stage"] = nullptr;
  out["kind"] = nullptr;
  out["system"] = judge.system().name;
  out["version"] = judge.system().version;
  out["levels"] = nlohmann::ordered_json::array();
  out["passes"] = nlohmann::ordered_json::array();
  out["operators"] = operators_of(c.model.graph);
  out["nodes"] = c.model.graph.nodes.size();
  out["excess"] = nullptr;
  out["message"] = j.verdict.reason;
  if (j.verdict.finding) {
    out.update(finding_json(*j.verdict.finding, j));
    out["confirmed"] = j.confirmed;
    for (const Finding& f : j.also) out["also"].push_back(finding_json(f, j));
  }
  return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

// --- for people --------------------------------------------------------------------------------------

std::string excess_words(const Gap& g) {
  return std::isfinite(g.excess) ? fmt::format("{:.3g}x the bound", g.excess) : "bound 0";
}

// What one configuration did, in a few words per output.
std::string cell(const Case& c, const Judged& j, std::size_t i) {
  const Outcome& o = j.outcomes[i];
  if (!o.ok()) return fmt::format("{} at {}: {}", name(o.kind), name(o.stage), one_line(o.message, 90));
  const std::vector<Output>& got = outputs_of(j.outcomes, i);
  if (j.reference.available()) {
    if (const std::string d = oracles::structure_difference(j.reference.outputs, c.model.graph, got);
        !d.empty())
      return "WRONG " + d;
    const auto found = oracles::violations(j.reference.outputs, c.model.graph, got);
    if (found.any())
      return fmt::format("WRONG {}[{}] expected {} got {}  {}  ({} of {} outside)", found.worst.output,
                         found.worst.element, show_number(found.worst.expected), show_number(found.worst.got),
                         excess_words(found.worst), found.outside, found.worst.elements);
    const auto decided = decidedness(j.reference.outputs);
    if (decided.elements > 0 && decided.open == decided.elements)
      return "outputs, of which nothing is decided";
    return o.second_run.empty() ? "ok" : "ok, but a second run differs";
  }
  if (i > 0) {
    if (const std::string d = oracles::structure_difference(outputs_of(j.outcomes, 0), got); !d.empty())
      return "WRONG " + d;
    return o.same_as == 0 ? "same as plain" : "outputs (no reference)";
  }
  return "outputs (no reference)";
}

void print_table(const std::string& path, const Case& c, const Judged& j, const Judge& judge) {
  const auto ops = operators_of(c.model.graph);
  std::vector<std::string> first_ops(
      ops.begin(), ops.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(ops.size(), 12)));
  fmt::print("{}\n  {} node{}: {}{}   {} {}\n", path, ops.size(), ops.size() == 1 ? "" : "s",
             join(first_ops, " "), ops.size() > 12 ? " ..." : "", judge.system().name,
             judge.system().version);
  std::size_t width = 0;
  std::vector<std::string> names, cells;
  for (std::size_t i = 0; i < j.outcomes.size(); ++i) {
    names.push_back(judge.configurations()[i].name());
    cells.push_back(cell(c, j, i));
    width = std::max(width, names.back().size());
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    fmt::print("  {:<{}}  {}", names[i], width, cells[i]);
    if (!j.outcomes[i].passes.empty()) fmt::print("  | passes: {}", join(j.outcomes[i].passes, ", "));
    fmt::print("\n");
  }
  if (j.reference.available()) {
    const auto d = decidedness(j.reference.outputs);
    if (d.open + d.vague > 0)
      fmt::print("  of {} output elements {} are open (undecided or left open by the spec), {} vague\n",
                 d.elements, d.open, d.vague);
  } else {
    fmt::print("  no reference: {}\n", j.reference.unavailable);
  }
  const auto print_finding = [&](const Finding& f, std::string_view word) {
    fmt::print("  {}: {} ({}), {} at {}{}\n    {}\n", word, name(f.symptom), name(f.cls), f.stage,
               join(level_names(f, judge.configurations()), ", "), f.gap ? ", " + excess_words(*f.gap) : "",
               f.message);
  };
  if (j.verdict.finding) {
    print_finding(*j.verdict.finding, "FINDING");
    for (const Finding& f : j.also) print_finding(f, "also");
  } else if (j.verdict.kind == Verdict::Kind::kSkip) {
    fmt::print("  skipped: {}\n", j.verdict.reason);
  } else {
    fmt::print("  agree\n");
  }
  fmt::print("\n");
}

int judge_paths(const Words& words) {
  const System system = with_limits(resolve_system(words.system));
  // Everything is read before anything is run: bad input costs no half a report.
  const std::vector<std::filesystem::path> paths = find_models(words.paths);
  JudgeOptions options;
  options.limits.cpu_seconds = words.deadline;
  options.limits.wall_seconds = 6 * words.deadline;
  Judge judge(system, options);
  std::size_t agree = 0, skipped = 0, found = 0;
  std::deque<std::pair<std::string, std::unique_ptr<Case>>> under_way;
  const auto finish = [&] {
    const auto [path, c] = std::move(under_way.front());
    under_way.pop_front();
    current_place() = {words.seed, 0, path};
    const Judged j = judge.finish();
    (j.verdict.kind == Verdict::Kind::kAgree  ? agree
     : j.verdict.kind == Verdict::Kind::kSkip ? skipped
                                              : found)++;
    if (words.json)
      fmt::print("{}\n", json_line(path, *c, j, judge));
    else
      print_table(path, *c, j, judge);
    std::fflush(stdout);
  };
  for (const auto& path : paths) {
    current_place() = {words.seed, 0, path.string()};
    auto c = std::make_unique<Case>(load_case(path, words.seed));
    if (Rng rng(words.seed, 1); c->bindings.empty()) draw_bindings(*c, rng, words.bindings);
    if (!judge.can_start()) finish();
    judge.start(*c);
    under_way.emplace_back(path.string(), std::move(c));
  }
  while (!under_way.empty()) finish();
  if (!words.json && paths.size() > 1)
    fmt::print("{} models: {} agree, {} skipped, {} findings\n", paths.size(), agree, skipped, found);
  return found > 0 ? kFindings : kNothingFound;
}

std::function<int()> set_up(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("MODEL_OR_DIR", words->paths,
                 "ONNX models (.onnx, or text form .onnxtxt), or folders in ONNX test-data layout (searched "
                 "for such)")
      ->required();
  app.add_option("--system", words->system,
                 "onnxruntime[@VERSION], or onnxruntime@/path/to/libonnxruntime.so")
      ->capture_default_str();
  app.add_option("--seed", words->seed, "of the inputs drawn for models that bring none")
      ->capture_default_str();
  app.add_option("--deadline", words->deadline,
                 "CPU seconds that loading or running one configuration may take")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--bindings", words->bindings,
                 "further sizes of symbolic dimensions to be drawn, where no test_data_set_1 ... gives them")
      ->capture_default_str()
      ->check(CLI::Range(0, 16));
  app.add_flag("--json", words->json, "one JSON object a line on standard output, nothing else there");
  return [words] { return judge_paths(*words); };
}

}  // namespace

namespace commands {
extern const Command judge;
const Command judge = {
    .name = "judge", .set_up = set_up, .what = "Judges given models: did optimizing them break them?"};
}  // namespace commands

}  // namespace mob::cli
