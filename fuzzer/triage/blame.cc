#include "fuzzer/triage/blame.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "fuzzer/base/check.h"
#include "fuzzer/base/clock.h"
#include "fuzzer/base/text.h"
#include "fuzzer/graph/model_io.h"
#include "fuzzer/triage/describe.h"
#include "fuzzer/triage/examine.h"
#include "fuzzer/triage/variant.h"
#include "oracles/compare.h"

namespace mob {
namespace {

// A session that never ends is not waited for longer than so many times what the others took.
constexpr double kPatience = 50;
constexpr double kLeastPatience = 1;  // seconds of CPU time
constexpr std::size_t kSmall = 12;    // nodes of a case that is not reduced before its guards are looked for
constexpr std::size_t kGuardsTold = 5;

// What the reference says of an optimized model against what the original means.
struct Opinion {
  enum Kind { kRight, kWrong, kNone } kind = kNone;
  std::string words;
};

Opinion opinion_on(const std::vector<Expected>& meant, const Graph& graph, const std::vector<Expected>& is) {
  if (meant.size() != is.size()) return {Opinion::kWrong, "it has other outputs"};
  for (std::size_t o = 0; o < is.size(); ++o) {
    const std::string output = "its output '" + graph[graph.outputs[o]].name + "'";
    const Expected &a = meant[o], &b = is[o];
    if (b.type.dtype == DType::kUndefined)
      return {Opinion::kNone, output + " cannot be evaluated by the reference"};
    if (a.type != b.type)
      return {Opinion::kWrong, output + " is " + show(b.type) + " in place of " + show(a.type)};
    if (a.holds_reals() != b.holds_reals()) return {Opinion::kNone, output + " is of another kind"};
    if (const auto* strings = std::get_if<Strings>(&a.data)) {
      if (*strings != std::get<Strings>(b.data)) return {Opinion::kWrong, output + " has other words"};
      continue;
    }
    for (std::size_t i = 0; i < a.count(); ++i) {
      if (a.open_at(i) || b.open_at(i)) continue;
      const double x = a.value_at(i), y = b.value_at(i);
      if (x != y && !(std::isnan(x) && std::isnan(y)) && !(std::fabs(x - y) <= a.bound_at(i)))
        return {Opinion::kWrong, output + " means " + show_number(y) + " in place of " + show_number(x) +
                                     " at element " + std::to_string(i)};
    }
  }
  return {Opinion::kRight, "it means what the original means"};
}

// What onnx's checker has against a model; operators that only the runtime knows are none of its business.
std::string complaint_of(const std::string& bytes) {
  try {
    const std::string complaint = check_model(parse_model(bytes, "the saved model"));
    return complaint.find("No Op registered") == std::string::npos ? complaint : "";
  } catch (const UserError& e) {
    return e.what();
  }
}

// `b`: the finding's binding, counted as Finding does.
Opinion opinion_on_saved(const Case& c, const Reference& reference, std::size_t b, const std::string& bytes) {
  if (bytes.empty()) return {Opinion::kNone, "no optimized model could be saved"};
  Case optimized;
  try {
    optimized.model = parse_model(bytes, "the optimized model");
  } catch (const UserError& e) {
    return {Opinion::kWrong, e.what()};
  }
  const bool further = b > 0 && b <= c.bindings.size();
  optimized.inputs = further ? c.bindings[b - 1] : c.inputs;
  ReferenceOptions options;
  options.optimized = true;
  const Reference is = evaluate(optimized, options);
  if (is.invalid) return {Opinion::kWrong, "it breaks the ONNX spec: " + is.unavailable};
  if (!is.available())
    return {Opinion::kNone, "the reference cannot evaluate the optimized model: " + is.unavailable};
  const Reference& meant = further ? reference.bindings[b - 1] : reference;
  if (!meant.available() || meant.random) return {Opinion::kNone, "there is no reference"};
  return opinion_on(meant.outputs, c.model.graph, is.outputs);
}

// What the nearest passing neighbours say, of the case itself or, where it is large, of what reducing leaves.
std::vector<std::string> guards_of(Judge& judge, const Case& c, const Judged& judged) {
  const Executor executor;
  const Lock lock = lock_of(c, judged, find_cause(judge, c, judged));
  Trials trials({&judge}, executor, lock, {});
  if (evaluate(c).random) return {};
  std::vector<FoundGuard> guards;
  if (node_count(c.model.graph) <= kSmall)
    guards = find_guards(trials, c);
  else
    guards = reduce(trials, c).guards;
  std::vector<std::string> words;
  for (const FoundGuard& g : guards)
    if (g.fires || words.size() < kGuardsTold) words.push_back(g.words);
  return words;
}

Configuration lowest(const Judged& judged) {
  return judged.configurations[lowest_bad(judged)];
}

double longest_session(const Judged& judged) {
  double seconds = 0;
  for (const Outcome& o : judged.outcomes)
    if (o.ok()) seconds = std::max(seconds, o.load_seconds + o.run_seconds);
  return seconds;
}

}  // namespace

std::string saved_model(Judge& judge, const Case& c, Configuration of) {
  of.reload = of.keep_saved = of.load_only = true;
  of.report_passes = false;
  of.runs = 1;
  return judge.run_apart(c, {of})[0].saved_model;
}

std::string_view name(Culprit c) {
  static constexpr std::string_view kNames[] = {"unknown", "optimizer", "kernel", "saving", "loading"};
  return kNames[static_cast<std::size_t>(c)];
}

std::pair<Culprit, std::string> culprit_of(Judge& judge, const Case& c, const Judged& judged,
                                           const std::vector<PassBlame>& passes) {
  const Finding& f = *judged.verdict.finding;
  const Configuration bad = lowest(judged);
  if (bad.level == 0) return {Culprit::kKernel, "it shows without optimization"};
  const bool saved_only = std::all_of(f.configurations.begin(), f.configurations.end(),
                                      [&](std::size_t i) { return judged.configurations[i].reload; });
  const std::string bytes = saved_model(judge, c, bad);
  const Opinion opinion = opinion_on_saved(c, judged.reference, f.binding, bytes);
  if (f.cls == FindingClass::kKernel) {
    if (saved_only) return {Culprit::kSaving, "saved without optimization, it fails as well"};
    if (opinion.kind == Opinion::kRight)
      return {Culprit::kKernel, "the optimized model is right by the reference, what comes of it is not"};
    return {Culprit::kKernel, judged.outcomes[0].ok() ? "wrong within the model without optimization, too"
                                                      : "refused without optimization as well"};
  }
  if (saved_only) {
    if (bytes.empty()) return {Culprit::kSaving, "no model was saved"};
    if (opinion.kind == Opinion::kWrong)
      return {Culprit::kSaving, "the saved model is wrong by the reference: " + opinion.words};
    if (const std::string complaint = complaint_of(bytes); !complaint.empty())
      return {Culprit::kSaving, "onnx's checker refuses the saved model: " + complaint};
    if (opinion.kind == Opinion::kRight)
      return {Culprit::kLoading, "the saved model is right by the reference and by onnx's checker"};
    return {Culprit::kLoading, "onnx's checker takes the saved model; " + opinion.words};
  }
  const auto cure =
      std::find_if(passes.begin(), passes.end(), [](const auto& p) { return !p.cures.empty(); });
  const std::string cured =
      cure == passes.end() ? "it works without optimization"
                           : "it works without optimization, and without " + join(cure->cures[0], " and ");
  if (opinion.kind == Opinion::kWrong)
    return {Culprit::kOptimizer, "the optimized model is wrong by the reference: " + opinion.words};
  // Of numbers the judge asked already, with an eye on what the operators of either model allow for.
  if (opinion.kind == Opinion::kRight && f.symptom == Symptom::kWrongNumbers)
    return {Culprit::kOptimizer,
            "the optimized model says the same in operators that calculate less exactly; " + cured};
  if (opinion.kind == Opinion::kRight) {
    if (const std::string complaint = complaint_of(bytes); !complaint.empty())
      return {Culprit::kOptimizer, cured + "; onnx's checker refuses the optimized model: " + complaint};
    return {Culprit::kKernel, "the optimized model is valid and right by the reference, and still " +
                                  std::string(name(f.symptom)) + " comes of it; " + cured};
  }
  return {Culprit::kOptimizer, cured + "; " + opinion.words};
}

Blame blame(const System& system, const Case& c, const BlameOptions& options) {
  const double start = seconds_now();
  JudgeOptions judging;
  judging.limits = options.limits;
  auto judge = std::make_unique<Judge>(system, judging);
  Judged judged = judge->judge(c);
  Blame blame;
  blame.system = system.name;
  blame.version = system.version;
  if (!judged.verdict.finding) {
    blame.nothing = judged.verdict.kind == Verdict::Kind::kAgree ? "agree" : judged.verdict.reason;
    blame.seconds = seconds_now() - start;
    return blame;
  }
  if (options.symptom) lead_with(judged, *options.symptom, FindingClass::kBug);
  blame.finding = judged.verdict.finding;
  blame.levels = level_names(*blame.finding, judged.configurations);
  if (blame.finding->symptom == Symptom::kHang) {
    judging.limits.cpu_seconds =
        std::min(judging.limits.cpu_seconds, std::max(kLeastPatience, kPatience * longest_session(judged)));
    judging.limits.wall_seconds = std::min(judging.limits.wall_seconds, 6 * judging.limits.cpu_seconds);
    judge = std::make_unique<Judge>(system, judging);
  }
  blame.passes = blame_passes(*judge, c, judged);
  std::tie(blame.culprit, blame.culprit_why) = culprit_of(*judge, c, judged, blame.passes);
  blame.nodes = blame_nodes(*judge, c, *blame.finding, lowest(judged));
  if (options.guards && lowest(judged).level > 0) blame.guards = guards_of(*judge, c, judged);
  blame.versions =
      blame_versions(c, options.versions, options.bisect, system.version, judging.limits, options.executor);
  blame.seconds = seconds_now() - start;
  return blame;
}

namespace {

nlohmann::ordered_json tensor_json(const BadTensor& bad) {
  nlohmann::ordered_json out;
  out["value"] = bad.value;
  out["node"] = bad.node;
  out["operator"] = bad.op;
  const auto number = [](double x) {
    return std::isfinite(x) ? nlohmann::ordered_json(x) : nlohmann::ordered_json(nullptr);
  };
  if (bad.gap) {
    out["element"] = bad.gap->element;
    out["expected"] = number(bad.gap->expected);
    out["bound"] = number(bad.gap->bound);
    out["got"] = number(bad.gap->got);
    out["excess"] = number(bad.gap->excess);
    out["outside"] = bad.gap->outside;
    out["elements"] = bad.gap->elements;
  } else {
    out["difference"] = bad.difference;
  }
  return out;
}

}  // namespace

nlohmann::ordered_json blame_json(const Blame& b) {
  using Json = nlohmann::ordered_json;
  using Result = AtVersion::Result;
  Json out;
  out["system"] = b.system;
  out["version"] = b.version;
  out["symptom"] = b.finding ? Json(name(b.finding->symptom)) : Json(nullptr);
  out["class"] = b.finding ? Json(name(b.finding->cls)) : Json(nullptr);
  out["reason"] = b.nothing;
  out["message"] = b.finding ? b.finding->message : "";
  out["levels"] = b.levels;
  Json passes = Json::object(), why = Json::object(), instead = Json::object(), fired = Json::object();
  for (const PassBlame& p : b.passes) {
    passes[p.bad.name()] = p.cures;
    fired[p.bad.name()] = p.fired;
    if (!p.none.empty()) why[p.bad.name()] = p.none;
    for (const auto& [pass, other] : p.instead) instead[p.bad.name()][pass] = other;
  }
  out["passes"] = passes;
  out["no_passes_why"] = why;
  out["other_finding_without"] = instead;
  out["fired"] = fired;
  out["bad_versions"] = b.versions.versions(Result::kBad);
  out["good_versions"] = b.versions.versions(Result::kGood);
  out["not_run"] = b.versions.versions(Result::kNotRun);
  Json unclear = Json::object(), refused = Json::object(), table = Json::array();
  for (const AtVersion& v : b.versions.table) {
    if (v.result == Result::kUnclear) unclear[v.version] = v.why;
    if (v.result == Result::kNotRunnable) refused[v.version] = v.why;
    Json row = {{"version", v.version}, {"result", name(v.result)}};
    if (v.result == Result::kBad) {
      row["symptom"] = v.symptom;
      row["levels"] = v.levels;
    }
    table.push_back(row);
  }
  out["unclear"] = unclear;
  out["not_runnable"] = refused;
  out["versions"] = table;
  out["versions_in_words"] = b.versions.words;
  out["culprit"] = b.finding ? Json(name(b.culprit)) : Json(nullptr);
  out["culprit_why"] = b.culprit_why;
  out["guards"] = b.guards;
  out["first_bad_tensor"] = b.nodes.first ? tensor_json(*b.nodes.first) : Json(nullptr);
  out["hidden_by_exposing"] = b.nodes.hides;
  out["no_tensor_why"] = b.nodes.why;
  out["nested_graphs"] = b.nodes.nested;
  out["seconds"] = b.seconds;
  return out;
}

}  // namespace mob
