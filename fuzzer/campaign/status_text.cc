#include "fuzzer/campaign/status_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fuzzer/base/text.h"
#include "fuzzer/runtime/system.h"

namespace mob {
namespace {

double rate(const Status& s) {
  if (s.session_seconds > 0) return static_cast<double>(s.session_cases) / s.session_seconds;
  return s.seconds > 0 ? static_cast<double>(s.cases) / s.seconds : 0;
}

// Of the time that all lanes had.
double inside_share(const Status& s) {
  const double time = s.session_seconds > 0 ? s.session_seconds : s.seconds;
  const double inside = s.session_seconds > 0 ? s.session_system_seconds : s.tally.system_seconds;
  return time > 0 ? inside / (time * std::max(1, s.jobs)) : 0;
}

std::string grouped(std::uint64_t n) {
  std::string digits = std::to_string(n);
  for (auto at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::map<std::string, std::size_t> by_symptom(const Status& s) {
  std::map<std::string, std::size_t> count;
  for (const auto& g : s.groups) ++count[std::string(name(g.group.symptom))];
  return count;
}

std::string symptoms(const Status& s) {
  std::vector<std::string> parts;
  for (const auto& [symptom, n] : by_symptom(s)) parts.push_back(fmt::format("{} {}", n, symptom));
  return join(parts, ", ");
}

std::string cut(std::string line, std::size_t width) {
  if (line.size() > width) line = line.substr(0, width - 3) + "...";
  return line;
}

double decided(const Status& s) {
  return s.tally.elements == 0
             ? 1
             : 1 - static_cast<double>(s.tally.open + s.tally.vague) / static_cast<double>(s.tally.elements);
}

// What is known of one optimizer.
struct Reached {
  const Optimizer* optimizer;
  std::string unreachable;  // why, or empty
  std::uint64_t applied, whole, near_misses;
};

std::vector<Reached> optimizers_of(const Status& s) {
  std::vector<Reached> rows;
  const auto at = std::min(s.system.find('@'), s.system.size());
  const std::string system = s.system.substr(0, at);
  const std::string version = s.system.substr(std::min(at + 1, s.system.size()));
  const auto count = [&](const std::string& kind, const std::string& what) {
    const auto at = s.tally.reach.find({kind, what});
    return at == s.tally.reach.end() ? 0 : at->second;
  };
  for (const SystemSpec* spec : all_systems())
    if (spec->name == system)
      for (const Optimizer& o : spec->optimizers())
        rows.push_back({&o, o.unreachable_in(version), count(o.rule ? "rule" : "pass", o.name),
                        count("whole", o.name), count("near miss", o.name)});
  std::stable_sort(rows.begin(), rows.end(), [](const Reached& a, const Reached& b) {
    return std::pair(!a.unreachable.empty(), b.applied) < std::pair(!b.unreachable.empty(), a.applied);
  });
  return rows;
}

}  // namespace

std::vector<std::string> optimizer_lines(const Status& s) {
  std::vector<std::string> lines;
  for (const Reached& r : optimizers_of(s)) {
    const Optimizer& o = *r.optimizer;
    if (lines.empty())
      lines.push_back(fmt::format("{:<42} {:<11} {:>9} {:>11} {:>9} {:>11}", "optimizer", "level", "applied",
                                  "of 100,000", "whole", "near misses"));
    if (!r.unreachable.empty() && r.applied == 0)
      lines.push_back(fmt::format("{:<42} {:<11} never: {}", o.name, level_name(o.level), r.unreachable));
    else
      lines.push_back(fmt::format(
          "{:<42} {:<11} {:>9} {:>11.0f} {:>9} {:>11}", o.name + (o.rule ? " *" : ""), level_name(o.level),
          r.applied,
          1e5 * static_cast<double>(r.applied) / static_cast<double>(std::max<std::uint64_t>(1, s.cases)),
          r.whole, r.near_misses));
  }
  if (!lines.empty()) lines.push_back("* a rewrite rule: counted in a sample of the cases, and multiplied");
  return lines;
}

std::string optimizers_line(const Status& s) {
  std::size_t reached = 0, all = 0;
  std::vector<std::string> never;
  for (const Reached& r : optimizers_of(s)) {
    if (!r.unreachable.empty()) continue;
    ++all;
    reached += r.applied > 0;
    if (r.applied == 0) never.push_back(r.optimizer->name);
  }
  if (all == 0) return "";
  return fmt::format("{} of {} optimizers changed a model{}{}", reached, all,
                     never.empty() ? "" : "; none yet: ", join(never, " "));
}

std::string show_time(double seconds) {
  const auto t = static_cast<long>(seconds);
  return fmt::format("{}:{:02}:{:02}", t / 3600, t / 60 % 60, t % 60);
}

std::vector<std::string> status_lines(const Status& s, std::size_t width) {
  std::vector<std::string> lines;
  lines.push_back(fmt::format("mobster  {}  seed {}  {} job{}  {}", s.system, s.seed, s.jobs,
                              s.jobs == 1 ? "" : "s", show_time(s.seconds)));
  lines.push_back(fmt::format("  cases     {}   {:.0f}/s   {:.0f} % of the time inside the system",
                              grouped(s.cases), rate(s), 100 * inside_share(s)));
  lines.push_back(fmt::format(
      "  ended     agree {}   skipped {}   rejected {}   findings {} (of class bug {})",
      grouped(s.endings(Ending::kAgree)), grouped(s.endings(Ending::kSkipped)),
      grouped(s.endings(Ending::kRejected)), grouped(s.endings(Ending::kFinding)), grouped(s.bugs())));
  lines.push_back(
      fmt::format("  distinct  {} bugs{}{}", s.groups.size(), s.groups.empty() ? "" : ": ", symptoms(s)));
  lines.push_back("  last      " + (s.groups.empty() ? "-" : s.groups.back().group.name));
  lines.push_back(fmt::format("  reached   {} operators, {} motifs, {} passes", s.reached("operator"),
                              s.reached("motif"), s.reached("pass")));
  lines.push_back(
      fmt::format("  new?      the next bug's group is new with {:.1f} %, some within an hour with {:.0f} %",
                  100 * chance_of_new(s), 100 * chance_of_new_in_an_hour(s)));
  for (std::string& line : lines) line = cut(std::move(line), width);
  return lines;
}

std::string status_line(const Status& s) {
  return fmt::format(
      "{} {} cases {:.0f}/s, {:.0f} % inside; agree {} skipped {} rejected {} findings {} (bug {}); {} "
      "distinct{}{}{}",
      show_time(s.seconds), s.cases, rate(s), 100 * inside_share(s), s.endings(Ending::kAgree),
      s.endings(Ending::kSkipped), s.endings(Ending::kRejected), s.endings(Ending::kFinding), s.bugs(),
      s.groups.size(), s.groups.empty() ? "" : " (" + symptoms(s) + ")", s.groups.empty() ? "" : "; last ",
      s.groups.empty() ? "" : s.groups.back().group.name);
}

std::vector<std::string> finding_lines(const Status& s) {
  std::vector<const Journal::GroupRow*> rows;
  for (const auto& g : s.groups) rows.push_back(&g);
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto* a, const auto* b) { return a->cases > b->cases; });
  std::vector<std::string> lines;
  if (rows.empty()) return lines;
  lines.push_back(fmt::format("{:>6}  {:<15} {:<13} {:<34} {}", "cases", "symptom", "from level",
                              "cured without", "operators"));
  for (const auto* g : rows)
    lines.push_back(fmt::format("{:>6}  {:<15} {:<13} {:<34} {}\n        findings/{}", g->cases,
                                name(g->group.symptom), level_name(g->group.bad.level),
                                g->group.cures.empty() ? "-" : cut(join(g->group.cures, ";"), 34),
                                join(g->group.operators, " "), g->group.name));
  return lines;
}

std::vector<std::string> ledger_lines(const Status& s) {
  std::vector<std::pair<std::uint64_t, std::string>> rows;
  for (const auto& [key, cases] : s.ledger)
    rows.emplace_back(cases, key.first + (key.second.empty() ? "" : ": " + key.second));
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::string> lines;
  lines.reserve(rows.size() + 1);
  for (const auto& [cases, words] : rows) lines.push_back(fmt::format("{:>9}  {}", cases, cut(words, 120)));
  lines.push_back(fmt::format("{:>9}  cases; {:.2f} % of {} expected elements decided and not vague", s.cases,
                              100 * decided(s), s.tally.elements));
  return lines;
}

nlohmann::ordered_json status_json(const Status& s) {
  nlohmann::ordered_json out;
  out["system"] = s.system;
  out["seed"] = s.seed;
  out["seconds"] = s.seconds;
  out["cases"] = s.cases;
  out["cases_per_second"] = rate(s);
  out["share_inside_system"] = inside_share(s);
  out["ledger"] = nlohmann::ordered_json::array();
  for (const auto& [key, cases] : s.ledger)
    out["ledger"].push_back({{"ending", key.first}, {"reason", key.second}, {"cases", cases}});
  out["triage_seconds"] = s.tally.triage_seconds;
  out["bugs"] = s.bugs();
  out["decided_share"] = decided(s);
  out["chance_of_new"] = chance_of_new(s);
  out["chance_of_new_in_an_hour"] = chance_of_new_in_an_hour(s);
  out["memory_slope_bytes_per_hour"] = memory_slope(s.progress);
  out["reach"] = nlohmann::ordered_json::object();
  for (const auto& [key, cases] : s.tally.reach) out["reach"][key.first][key.second] = cases;
  out["optimizers"] = nlohmann::ordered_json::array();
  for (const Reached& r : optimizers_of(s))
    out["optimizers"].push_back({{"name", r.optimizer->name},
                                 {"level", level_name(r.optimizer->level)},
                                 {"rule", r.optimizer->rule},
                                 {"applied", r.applied},
                                 {"whole", r.whole},
                                 {"near_misses", r.near_misses},
                                 {"unreachable", r.unreachable}});
  out["findings"] = nlohmann::ordered_json::array();
  for (const auto& g : s.groups)
    out["findings"].push_back({{"name", g.group.name},
                               {"signature", g.group.signature},
                               {"symptom", name(g.group.symptom)},
                               {"passes", g.group.cures},
                               {"operators", g.group.operators},
                               {"level", level_name(g.group.bad.level)},
                               {"first_index", g.group.first_index},
                               {"cases", g.cases}});
  return out;
}

}  // namespace mob
