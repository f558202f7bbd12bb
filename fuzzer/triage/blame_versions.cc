#include "fuzzer/triage/blame_versions.h"

#include <algorithm>

#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"
#include "fuzzer/probes/limits.h"
#include "fuzzer/triage/cause.h"
#include "fuzzer/triage/describe.h"

namespace mob {
namespace {

using Result = AtVersion::Result;

// "1.20.1", "1.20.1-1.23.2"
std::string range(const std::string& first, const std::string& last, std::string_view between = "-") {
  return first == last ? first : first + std::string(between) + last;
}

struct Segment {
  Result result;
  std::string first, last;
};

std::vector<Segment> segments_of(const std::vector<AtVersion>& table) {
  std::vector<Segment> segments;
  for (const AtVersion& v : table) {
    if (v.result != Result::kBad && v.result != Result::kGood) continue;
    if (segments.empty() || segments.back().result != v.result)
      segments.push_back({v.result, v.version, v.version});
    else
      segments.back().last = v.version;
  }
  return segments;
}

std::vector<std::string> of_result(const std::vector<AtVersion>& table, Result r) {
  std::vector<std::string> versions;
  for (const AtVersion& v : table)
    if (v.result == r) versions.push_back(v.version);
  return versions;
}

// Then nothing was broken, even where the reference cannot tell whether the numbers are right.
bool all_as_plain(const std::vector<Outcome>& outcomes) {
  for (std::size_t i = 0; i < outcomes.size(); ++i)
    if (!outcomes[i].ok() || !outcomes[i].second_run.empty() || !outcomes[i].bindings.empty() ||
        !same_outputs(outputs_of(outcomes, i), outcomes[0].outputs))
      return false;
  return !outcomes.empty();
}

}  // namespace

std::string_view name(AtVersion::Result r) {
  static constexpr std::string_view kNames[] = {"bad", "good", "not-runnable", "unclear", "not-run"};
  return kNames[static_cast<std::size_t>(r)];
}

std::vector<std::string> VersionBlame::versions(AtVersion::Result r) const {
  return of_result(table, r);
}

std::string in_words(const std::vector<AtVersion>& table) {
  const std::vector<Segment> s = segments_of(table);
  std::string words;
  if (s.empty()) {
    words = "neither bad nor good in any version at hand";
  } else if (s.size() == 1) {
    words = std::string(name(s[0].result)) + " in all that tell, " + range(s[0].first, s[0].last);
  } else if (s.size() == 3 && s[1].result == Result::kBad) {
    words = "bad only in " + range(s[1].first, s[1].last, " to ");
  } else {
    for (std::size_t i = 0; i < s.size(); ++i) {
      words += (i > 0 ? ", " : "") + std::string(name(s[i].result)) + " ";
      words += i + 1 < s.size() ? range(s[i].first, s[i].last) : "from " + s[i].first + " on";
    }
  }
  const std::vector<std::string> refused = of_result(table, Result::kNotRunnable);
  if (!refused.empty()) {
    // As a rule an operator or opset came with some version.
    const auto runs = std::find_if(table.begin(), table.end(), [](const AtVersion& v) {
      return v.result == Result::kBad || v.result == Result::kGood;
    });
    const bool before = runs != table.end() && std::none_of(runs, table.end(), [](const AtVersion& v) {
                          return v.result == Result::kNotRunnable;
                        });
    words += before ? "; does not run before " + runs->version : "; does not run in " + join(refused, ", ");
  }
  for (Result r : {Result::kUnclear, Result::kNotRun})
    if (const auto versions = of_result(table, r); !versions.empty())
      words += std::string(r == Result::kUnclear ? "; unclear: " : "; not run: ") + join(versions, ", ");
  return words;
}

AtVersion judge_version(const Case& c, const Reference& reference, Judge& judge) {
  AtVersion at{.version = judge.system().version, .result = Result::kUnclear};
  // One process, and a copy of it to confirm: starting a library takes longer than all the rest.
  const Judged j = judge.judge_apart(c, judge.configurations(), false, &reference);
  if (j.verdict.kind == Verdict::Kind::kAgree) {
    at.result = Result::kGood;
    return at;
  }
  if (j.verdict.kind == Verdict::Kind::kSkip) {
    const Outcome& plain = j.outcomes.front();
    if (plain.kind == Outcome::Kind::kRejected) at.result = Result::kNotRunnable;
    at.why = plain.kind == Outcome::Kind::kRejected ? plain.message : j.verdict.reason;
    if (reference.available() && all_as_plain(j.outcomes)) {
      at.result = Result::kGood;
      at.why = "all levels return what DISABLE_ALL does, bit for bit; " + at.why;
    }
    return at;
  }
  const Finding& f = *j.verdict.finding;
  at.why = f.message;
  if (f.cls != FindingClass::kBug) {
    at.why = std::string(name(f.cls)) + " " + std::string(name(f.symptom)) + ": " + f.message;
  } else if (f.symptom != Symptom::kNondeterminism && !j.reference.random &&  // these had fresh ones already
             !shows(judge.judge_apart(c, judge.configurations(), true, &reference), f.symptom, f.cls)) {
    at.why = "not confirmed in a fresh process: " + f.message;
  } else if (judge.errs_without_optimization(c, j)) {
    at.why = "a value within is wrong without optimization, too: " + f.message;
  } else {
    at.result = Result::kBad;
    at.symptom = name(f.symptom);
    at.levels = level_names(f, j.configurations);
  }
  return at;
}

AtVersion judge_version(const Case& c, const Reference& reference, const System& system,
                        const WorkerLimits& limits) try {
  JudgeOptions options;
  options.limits = limits;
  Judge judge(system.max_opset > 0 ? system : with_limits(system), options);
  return judge_version(c, reference, judge);
} catch (const UserError& e) {
  return {.version = system.version, .result = Result::kUnclear, .why = e.what()};
}

VersionBlame blame_versions(const Case& c, const std::vector<System>& systems, bool bisect,
                            const std::string& own, const WorkerLimits& limits, const Executor& executor) {
  VersionBlame blame;
  for (const System& s : systems) blame.table.push_back({.version = s.version});
  if (systems.empty()) return blame;
  const Reference reference = evaluate(c);
  std::vector<std::size_t> next;
  const auto want = [&](std::size_t i) {
    if (blame.table[i].result == Result::kNotRun && std::find(next.begin(), next.end(), i) == next.end())
      next.push_back(i);
  };
  if (bisect) {
    want(0);
    want(systems.size() - 1);
    for (std::size_t i = 0; i < systems.size(); ++i)
      if (systems[i].version == own) want(i);
  } else {
    for (std::size_t i = 0; i < systems.size(); ++i) want(i);
  }
  while (!next.empty()) {
    executor.run(next.size(), [&](std::size_t task, int) {
      const std::size_t i = next[task];
      blame.table[i] = judge_version(c, reference, systems[i], limits);
    });
    next.clear();
    std::size_t before = 0;
    for (std::size_t i = 1; i < systems.size(); ++i) {
      if (blame.table[i].result == Result::kNotRun) continue;
      if (blame.table[i].result != blame.table[before].result && i - before > 1) want((before + i) / 2);
      before = i;
    }
  }
  blame.words = in_words(blame.table);
  return blame;
}

std::vector<System> with_own(std::vector<System> systems, const System& own) {
  const auto same = [&](const System& s) { return s.version == own.version; };
  if (std::none_of(systems.begin(), systems.end(), same)) systems.push_back(own);
  std::stable_sort(systems.begin(), systems.end(), [](const System& a, const System& b) {
    const auto library = [](const System& s) { return s.version.find('/') != std::string::npos; };
    return library(a) != library(b) ? library(b) : !library(a) && version_less(a.version, b.version);
  });
  return systems;
}

std::vector<System> versions_at_hand(const System& own) {
  std::vector<System> systems;
  for (const SystemSpec* spec : all_systems())
    if (spec->name == own.name) systems = spec->installed();
  return with_own(std::move(systems), own);
}

}  // namespace mob
