#include "corpus/replay.h"

#include <fmt/format.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "corpus/models.h"
#include "corpus/read_finding.h"
#include "fuzzer/base/check.h"
#include "fuzzer/base/text.h"

namespace mob {
namespace {

namespace fs = std::filesystem;
using Result = AtVersion::Result;

bool tells(const AtVersion& at) {
  return at.result == Result::kBad || at.result == Result::kGood;
}

Change change_of(bool was_bad, bool is_bad) {
  if (is_bad) return was_bad ? Change::kStillBad : Change::kNewlyBroken;
  return was_bad ? Change::kNewlyFixed : Change::kStillGood;
}

std::string words_of(const AtVersion& at) {
  if (at.result == Result::kGood) return "";
  const std::string why = one_line(at.why);
  if (at.result == Result::kBad) return at.symptom + " at " + join(at.levels, ", ") + ": " + why;
  return std::string(name(at.result)) + ": " + why;
}

}  // namespace

RegressionCase read_case(const fs::path& folder) try {
  const FoundBefore before = read_finding(folder);
  std::ifstream in(folder / "finding.json");
  const auto json = nlohmann::json::parse(in);
  RegressionCase c{.folder = folder, .name = fs::absolute(folder).lexically_normal().filename().string()};
  c.symptom = before.symptom;
  c.signature = json.value("signature", "");
  c.passes = json.value("passes", std::vector<std::string>());
  c.operators = json.value("operators", std::vector<std::string>());
  c.nodes = json.value("nodes", std::size_t{0});
  if (auto regression = read_regression(folder)) {
    c.regression = *std::move(regression);
  } else {
    c.plain = true;
    c.regression.versions[before.system].bad = {before.version};
    c.regression.isa = json.value("isa", "");
  }
  return c;
} catch (const nlohmann::json::exception&) {
  throw UserError((folder / "finding.json").string() + ": is no finding of mobster");
}

std::vector<RegressionCase> read_cases(const std::vector<std::string>& words) {
  std::vector<RegressionCase> cases;
  for (const fs::path& folder : find_findings(words)) cases.push_back(read_case(folder));
  return cases;
}

std::vector<AtVersion> judge_cases(const std::vector<RegressionCase>& cases, const System& system,
                                   const WorkerLimits& limits, const Executor& executor) {
  std::vector<AtVersion> results(cases.size());
  std::vector<std::unique_ptr<Judge>> judges(static_cast<std::size_t>(executor.lanes));
  executor.run(cases.size(), [&](std::size_t task, int lane) {
    std::unique_ptr<Judge>& judge = judges[static_cast<std::size_t>(lane)];
    if (!judge) judge = std::make_unique<Judge>(system, JudgeOptions{.limits = limits});
    const Case c = load_case(cases[task].folder, 0);
    results[task] = judge_version(c, evaluate(c), *judge);
  });
  return results;
}

std::string_view name(Change c) {
  static constexpr std::string_view kNames[] = {"newly broken", "newly fixed", "still bad", "still good",
                                                "cannot tell"};
  return kNames[static_cast<std::size_t>(c)];
}

Replayed against_expectation(const RegressionCase& c, const AtVersion& at, const std::string& system,
                             const std::string& version, std::string_view isa) {
  Replayed r{.at = at, .words = words_of(at)};
  if (!tells(at)) return r;
  r.change = change_of(expected_bad(c.regression, system, version), at.result == Result::kBad);
  const std::string& known_on = c.regression.isa;
  if (r.change == Change::kNewlyFixed && !known_on.empty() && known_on != isa) {
    r.change = Change::kCannotTell;
    r.words = fmt::format("right on this machine ({}), but it was bad on one with {}", isa, known_on);
  }
  r.fails = r.change == Change::kNewlyBroken || (c.plain && r.change == Change::kStillBad);
  return r;
}

Replayed against_baseline(const AtVersion& at, const AtVersion& baseline) {
  Replayed r{.at = at, .baseline = baseline, .words = words_of(at)};
  if (!tells(at)) return r;
  if (!tells(baseline)) {
    // What is right is no worse than anything.
    if (at.result == Result::kGood) r.change = Change::kStillGood;
    r.words = "baseline " + baseline.version + " " + words_of(baseline) + (r.words.empty() ? "" : "; now ") +
              r.words;
    return r;
  }
  r.change = change_of(baseline.result == Result::kBad, at.result == Result::kBad);
  r.fails = r.change == Change::kNewlyBroken;
  return r;
}

std::vector<VersionRow> rows_of(const std::vector<std::vector<AtVersion>>& table) {
  std::vector<VersionRow> rows;
  std::vector<std::optional<bool>> was_bad(table.empty() ? 0 : table.front().size());
  for (const std::vector<AtVersion>& version : table) {
    VersionRow& row = rows.emplace_back();
    for (std::size_t i = 0; i < version.size(); ++i) {
      row.version = version[i].version;
      if (!tells(version[i])) {
        ++row.cannot_tell;
        continue;
      }
      const bool bad = version[i].result == Result::kBad;
      ++(bad ? row.bad : row.good);
      if (was_bad[i] && *was_bad[i] != bad) ++(bad ? row.broken : row.fixed);
      was_bad[i] = bad;
    }
  }
  return rows;
}

}  // namespace mob
