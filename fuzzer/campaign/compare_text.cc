#include "fuzzer/campaign/compare_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "fuzzer/base/markdown.h"
#include "fuzzer/base/text.h"
#include "fuzzer/campaign/status_text.h"

namespace mob {
namespace {

using Result = AtVersion::Result;
constexpr const char* kLetters[] = {"A", "B"};

// What is shown of both campaigns, side by side.
struct Row {
  std::string what;
  std::array<std::string, 2> of;
};

std::vector<Row> rows_of(const Comparison& c) {
  std::vector<Row> rows = {{"system", {c.campaigns[0].system, c.campaigns[1].system}}};
  const auto add = [&](const char* what, const auto& words) {
    Row row{what, {}};
    for (std::size_t side = 0; side < 2; ++side) row.of[side] = words(c.campaigns[side]);
    rows.push_back(std::move(row));
  };
  std::vector<std::string> keys;
  for (const ComparedCampaign& campaign : c.campaigns)
    for (const auto& [key, value] : campaign.settings)
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  for (const std::string& key : keys) {
    add(key.c_str(), [&](const ComparedCampaign& campaign) {
      for (const auto& [known, value] : campaign.settings)
        if (known == key) return value;
      return std::string();
    });
    if (rows.back().of[0].empty() && rows.back().of[1].empty()) rows.pop_back();  // an older journal
  }
  const auto of_status = [&](const char* what, const auto& words) {
    add(what,
        [&](const ComparedCampaign& x) { return x.status ? words(*x.status) : std::string("no journal"); });
  };
  of_status("cases", [](const Status& s) { return std::to_string(s.cases); });
  of_status("time", [](const Status& s) { return show_time(s.seconds); });
  of_status("cases a second", [](const Status& s) {
    return s.seconds > 0 ? fmt::format("{:.0f}", static_cast<double>(s.cases) / s.seconds) : "-";
  });
  of_status("cases of class bug", [](const Status& s) { return std::to_string(s.bugs()); });
  add("findings told apart", [](const ComparedCampaign& x) { return std::to_string(x.findings); });
  add("of them reduced", [](const ComparedCampaign& x) { return std::to_string(x.reduced); });
  return rows;
}

// Per 100,000 cases of the campaign; -1 where their number is unknown.
double rate(const Comparison& c, const ComparedBug& bug, std::size_t side) {
  const auto& status = c.campaigns[side].status;
  if (!status || status->cases == 0) return -1;
  return 1e5 * static_cast<double>(bug.of[side].cases) / static_cast<double>(status->cases);
}

std::string share_in_words(const Comparison& c, const ComparedBug& bug, std::size_t side) {
  if (bug.of[side].findings == 0) return "-";
  const double r = rate(c, bug, side);
  return r < 0 ? fmt::format("{}", bug.of[side].cases) : fmt::format("{} ({:.1f})", bug.of[side].cases, r);
}

std::string what_it_is(const ComparedBug& bug) {
  return fmt::format("{}{}  {}  {}{}", bug.state.empty() ? "" : "[" + bug.state + "] ", bug.symptom,
                     bug.passes.empty() ? "no single optimizer cures it" : bug.passes.front(),
                     join(bug.operators, " "), bug.reduced ? "" : "  (not reduced: told by its group)");
}

struct Part {
  std::string title;
  std::vector<const ComparedBug*> bugs;
};
std::vector<Part> parts_of(const Comparison& c) {
  std::vector<Part> parts = {{"in common", {}}, {"only in A", {}}, {"only in B", {}}};
  for (const ComparedBug& bug : c.bugs) {
    const auto only = bug.only_in();
    parts[only ? *only + 1 : 0].bugs.push_back(&bug);
  }
  return parts;
}

std::string sums(const Comparison& c, const std::vector<Part>& parts) {
  return fmt::format("{} bugs: {} in common, {} only in A, {} only in B", c.bugs.size(), parts[0].bugs.size(),
                     parts[1].bugs.size(), parts[2].bugs.size());
}

// What became of the bugs of one campaign alone, counted. Empty where nobody asked.
std::string judged_sums(const Comparison& c, const Part& part, std::size_t side) {
  std::size_t there = 0, gone = 0, unknown = 0;
  for (const ComparedBug* bug : part.bugs) {
    if (!bug->elsewhere) continue;
    (bug->elsewhere->result == Result::kBad    ? there
     : bug->elsewhere->result == Result::kGood ? gone
                                               : unknown)++;
  }
  if (there + gone + unknown == 0) return "";
  return fmt::format("of those only in {}, {} show in {} too, {} do not, of {} it cannot be told",
                     kLetters[side], there, c.campaigns[1 - side].system, gone, unknown);
}

nlohmann::ordered_json json_of(const Comparison& c, const ComparedBug& bug) {
  nlohmann::ordered_json out = {{"signature", bug.signature}, {"reduced", bug.reduced},
                                {"symptom", bug.symptom},     {"passes", bug.passes},
                                {"guard", bug.guard},         {"operators", bug.operators},
                                {"nodes", bug.nodes},         {"state", bug.state}};
  const auto only = bug.only_in();
  out["only_in"] = only ? nlohmann::ordered_json(kLetters[*only]) : nlohmann::ordered_json(nullptr);
  for (std::size_t side = 0; side < 2; ++side) {
    const Share& s = bug.of[side];
    const double r = rate(c, bug, side);
    nlohmann::ordered_json& share = out[kLetters[side]];
    share["findings"] = s.findings;
    share["cases"] = s.cases;
    share["per_100000_cases"] = r < 0 ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(r);
    share["best"] = s.best.string();
  }
  if (bug.elsewhere)
    out["elsewhere"] = {{"result", name(bug.elsewhere->result)},
                        {"why", bug.elsewhere->why},
                        {"words", elsewhere_in_words(c, bug)}};
  return out;
}

}  // namespace

std::string elsewhere_in_words(const Comparison& c, const ComparedBug& bug) {
  const auto only = bug.only_in();
  if (!only || !bug.elsewhere) return "";
  const std::string &own = c.campaigns[*only].system, &other = c.campaigns[1 - *only].system;
  if (bug.elsewhere->result == Result::kBad) return "shows in " + other + ", too: not found there";
  if (bug.elsewhere->result != Result::kGood)
    return "cannot tell in " + other + ": " + one_line(bug.elsewhere->why, 200);
  // Versions can be ordered where both are of one system, and no libraries of somebody's own.
  const auto ours = split(own, '@'), theirs = split(other, '@');
  std::string words = "does not show in " + other;
  if (ours.size() != 2 || theirs.size() != 2 || ours[0] != theirs[0] || (own + other).find('/') != own.npos)
    return words;
  if (version_less(ours[1], theirs[1])) return words + ": fixed by " + theirs[1];
  return version_less(theirs[1], ours[1]) ? words + ": broken after " + theirs[1] : words;
}

std::vector<std::string> comparison_lines(const Comparison& c) {
  std::vector<std::string> lines;
  lines.reserve(20 + 5 * c.bugs.size());
  for (std::size_t side = 0; side < 2; ++side)
    lines.push_back(fmt::format("{}  {}", kLetters[side], c.campaigns[side].folder.string()));
  lines.push_back(fmt::format("{:<20} {:<36} {:<36}", "", "A", "B"));
  for (const Row& row : rows_of(c))
    lines.push_back(fmt::format("{:<20} {:<36} {:<36}{}", row.what, row.of[0], row.of[1],
                                row.of[0] == row.of[1] ? "" : " differs"));
  const std::vector<Part> parts = parts_of(c);
  for (const Part& part : parts) {
    lines.push_back("");
    lines.push_back(fmt::format("{}: {} bugs{}", part.title, part.bugs.size(),
                                part.bugs.empty() ? "" : "; cases, and of 100,000"));
    for (const ComparedBug* bug : part.bugs) {
      lines.push_back(fmt::format("  A {:<14} B {:<14} {}", share_in_words(c, *bug, 0),
                                  share_in_words(c, *bug, 1), what_it_is(*bug)));
      const auto further = [&](const std::string& words) {
        if (!words.empty()) lines.push_back(std::string(36, ' ') + words);
      };
      further(bug->guard);
      further(elsewhere_in_words(c, *bug));
      further(bug->of[bug->of[0].best.empty() ? 1 : 0].best.string());
    }
  }
  lines.push_back("");
  lines.push_back(sums(c, parts));
  for (std::size_t side = 0; side < 2; ++side)
    if (const std::string words = judged_sums(c, parts[side + 1], side); !words.empty())
      lines.push_back(words);
  for (std::string& line : lines) line = one_line(line, 2000);
  return lines;
}

std::string comparison_markdown(const Comparison& c) {
  const std::vector<Part> parts = parts_of(c);
  std::string out = fmt::format("## Two campaigns compared\n\n{}.\n", sums(c, parts));
  for (std::size_t side = 0; side < 2; ++side)
    if (const std::string words = judged_sums(c, parts[side + 1], side); !words.empty())
      out += markdown_escaped(words) + ".\n";
  out +=
      fmt::format("\n| | A: {} | B: {} |\n|---|---|---|\n", markdown_escaped(c.campaigns[0].folder.string()),
                  markdown_escaped(c.campaigns[1].folder.string()));
  for (const Row& row : rows_of(c)) {
    const std::string mark = row.of[0] == row.of[1] ? "" : "**";
    out += fmt::format("| {}{}{} | {} | {} |\n", mark, row.what, mark, markdown_escaped(row.of[0]),
                       markdown_escaped(row.of[1]));
  }
  for (const Part& part : parts) {
    if (part.bugs.empty()) continue;
    out += fmt::format(
        "\n### {}: {}\n\n| cases A (of 100,000) | B | what | guard | elsewhere |\n|---|---|---|---|---|\n",
        part.title, part.bugs.size());
    for (const ComparedBug* bug : part.bugs)
      out += fmt::format("| {} | {} | {} | {} | {} |\n", share_in_words(c, *bug, 0),
                         share_in_words(c, *bug, 1), markdown_escaped(what_it_is(*bug)),
                         markdown_escaped(bug->guard), markdown_escaped(elsewhere_in_words(c, *bug)));
  }
  return out;
}

nlohmann::ordered_json comparison_json(const Comparison& c) {
  nlohmann::ordered_json out;
  for (std::size_t side = 0; side < 2; ++side) {
    nlohmann::ordered_json& campaign = out[kLetters[side]];
    campaign["folder"] = c.campaigns[side].folder.string();
    for (const Row& row : rows_of(c)) campaign[row.what] = row.of[side];
  }
  for (auto& list = out["differs"] = nlohmann::ordered_json::array(); const Row& row : rows_of(c))
    if (row.of[0] != row.of[1]) list.push_back(row.what);
  const std::vector<Part> parts = parts_of(c);
  out["sums"] = {{"bugs", c.bugs.size()},
                 {"in_common", parts[0].bugs.size()},
                 {"only_in_A", parts[1].bugs.size()},
                 {"only_in_B", parts[2].bugs.size()}};
  for (auto& list = out["bugs"] = nlohmann::ordered_json::array(); const ComparedBug& bug : c.bugs)
    list.push_back(json_of(c, bug));
  return out;
}

}  // namespace mob
