#include "fuzzer/campaign/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "corpus/models.h"
#include "corpus/read_finding.h"
#include "corpus/triage.h"
#include "fuzzer/base/check.h"
#include "fuzzer/reference/reference.h"

namespace mob {
namespace {

namespace fs = std::filesystem;

// A finding as far as it takes part in a comparison.
struct Seen {
  std::string group;  // signature of its group
  Triaged triaged;    // where it is not reduced, what is known of it all the same
  std::uint64_t cases = 1;
};

Seen read_seen(const fs::path& folder) try {
  Seen seen;
  std::ifstream in(folder / "finding.json");
  const auto json = nlohmann::json::parse(in);
  seen.group = json.at("signature");
  if (auto triaged = read_triage(folder); triaged && triaged->reduced) {
    seen.triaged = std::move(*triaged);
    return seen;
  }
  Triaged& t = seen.triaged;
  t.finding = folder;
  t.symptom = json.at("symptom");
  t.passes = json.at("passes").get<std::vector<std::string>>();
  t.operators = json.at("operators").get<std::vector<std::string>>();
  t.nodes = json.at("nodes");
  return seen;
} catch (const nlohmann::json::exception&) {
  throw UserError((folder / "finding.json").string() + ": is no finding of mobster");
}

// A row of the journal whose folder is gone, or not looked at.
Seen of_row(const Journal::GroupRow& row) {
  Seen seen{.group = row.group.signature, .cases = row.cases};
  seen.triaged.symptom = name(row.group.symptom);
  seen.triaged.passes = row.group.cures;
  seen.triaged.operators = row.group.operators;
  return seen;
}

std::vector<fs::path> finding_folders(const fs::path& folder, bool journal) {
  try {
    return find_findings({folder.string()});
  } catch (const UserError&) {
    if (journal) return {};  // nothing was found yet
    throw UserError(folder.string() +
                    ": is neither a campaign's folder (journal.sqlite) nor one of findings");
  }
}

std::vector<Seen> read_findings(const ComparedCampaign& campaign) {
  std::map<std::string, const Journal::GroupRow*> rows;
  if (campaign.status)
    for (const auto& row : campaign.status->groups) rows[row.group.name] = &row;
  std::vector<Seen> all;
  for (const fs::path& folder : finding_folders(campaign.folder, campaign.status.has_value())) {
    all.push_back(read_seen(folder));
    if (const auto row = rows.find(folder.filename()); row != rows.end()) {
      all.back().cases = row->second->cases;
      rows.erase(row);
    }
  }
  for (const auto& [folder, row] : rows) all.push_back(of_row(*row));
  return all;
}

std::string system_of(const std::vector<Seen>& findings) {
  std::set<std::string> labels;
  for (const Seen& s : findings) labels.insert(read_finding(s.triaged.finding).label());
  return labels.size() == 1 ? *labels.begin() : "";
}

ComparedCampaign read_campaign(const fs::path& folder) {
  ComparedCampaign campaign{.folder = folder};
  if (std::error_code none; !fs::exists(folder / "journal.sqlite", none)) return campaign;
  Journal journal(folder, Journal::Mode::kRead);
  campaign.status = read_status(journal);
  campaign.system = campaign.status->system;
  const std::pair<const char*, const char*> keys[] = {
      {"mobster", "version"}, {"seed", "seed"},     {"shares", "shares"},   {"focus", "focus"},
      {"corpus", "corpus"},   {"motifs", "motifs"}, {"settings", "source"}, {"jobs", "jobs"}};
  for (const auto& [shown, key] : keys) campaign.settings.emplace_back(shown, journal.meta(key));
  return campaign;
}

// Which bug each group was reduced to, in either campaign.
std::map<std::string, std::string> bugs_by_group(const std::array<std::vector<Seen>, 2>& findings) {
  std::map<std::string, std::string> bugs;
  for (const auto& list : findings)
    for (const Seen& s : list)
      if (s.triaged.reduced) bugs.emplace(s.group, s.triaged.signature);
  return bugs;
}

void add(ComparedBug& bug, std::size_t campaign, const Seen& seen) {
  const Triaged& t = seen.triaged;
  Share& share = bug.of[campaign];
  const bool first = bug.of[0].findings + bug.of[1].findings == 0;
  if (first || std::tuple(!t.reduced, t.nodes) < std::tuple(!bug.reduced, bug.nodes)) {
    bug.symptom = t.symptom;
    bug.guard = t.guard;
    bug.passes = t.passes;
    bug.operators = t.operators;
    bug.nodes = t.nodes;
    bug.reduced = t.reduced;
  }
  ++share.findings;
  share.cases += seen.cases;
}

std::vector<ComparedBug> put_together(std::array<std::vector<Seen>, 2>& findings) {
  const auto by_group = bugs_by_group(findings);
  std::map<std::pair<bool, std::string>, ComparedBug> bugs;
  for (std::size_t side = 0; side < 2; ++side) {
    // The best finding of each is the first that comes.
    std::stable_sort(findings[side].begin(), findings[side].end(), [](const Seen& a, const Seen& b) {
      return std::tuple(!a.triaged.reduced, a.triaged.nodes) <
             std::tuple(!b.triaged.reduced, b.triaged.nodes);
    });
    for (const Seen& s : findings[side]) {
      const auto known = by_group.find(s.group);
      const bool is_bug = s.triaged.reduced || known != by_group.end();
      const std::string& signature = s.triaged.reduced ? s.triaged.signature
                                     : is_bug          ? known->second
                                                       : s.group;
      ComparedBug& bug = bugs[{is_bug, signature}];
      bug.signature = signature;
      add(bug, side, s);
      if (bug.of[side].best.empty()) bug.of[side].best = s.triaged.finding;
    }
  }
  std::vector<ComparedBug> list;
  list.reserve(bugs.size());
  for (auto& [key, bug] : bugs) list.push_back(std::move(bug));
  std::stable_sort(list.begin(), list.end(), [](const ComparedBug& a, const ComparedBug& b) {
    const auto rank = [](const ComparedBug& x) {
      const auto only = x.only_in();
      return std::tuple(only ? *only + 1 : 0, !x.reduced, ~(x.of[0].cases + x.of[1].cases));
    };
    return rank(a) < rank(b);
  });
  return list;
}

}  // namespace

std::optional<std::size_t> ComparedBug::only_in() const {
  if (of[0].findings > 0 && of[1].findings > 0) return std::nullopt;
  return of[0].findings > 0 ? 0 : 1;
}

Comparison compare_campaigns(const fs::path& one, const fs::path& other) {
  Comparison c;
  std::array<std::vector<Seen>, 2> findings;
  std::vector<KnownBug> known;
  for (std::size_t side = 0; side < 2; ++side) {
    ComparedCampaign& campaign = c.campaigns[side];
    campaign = read_campaign(side == 0 ? one : other);
    findings[side] = read_findings(campaign);
    campaign.findings = findings[side].size();
    campaign.reduced = static_cast<std::size_t>(std::count_if(
        findings[side].begin(), findings[side].end(), [](const Seen& s) { return s.triaged.reduced; }));
    if (!campaign.status) campaign.system = system_of(findings[side]);
    for (KnownBug& bug : load_known_bugs(campaign.folder / "known_bugs.jsonl"))
      known.push_back(std::move(bug));
  }
  c.bugs = put_together(findings);
  for (ComparedBug& bug : c.bugs)
    if (const auto k = bug.reduced ? find_known(known, bug.signature) : std::nullopt) bug.state = k->state;
  return c;
}

void judge_elsewhere(Comparison& comparison, const std::array<System, 2>& systems, const Executor& executor) {
  std::vector<ComparedBug*> open;
  for (ComparedBug& bug : comparison.bugs)
    if (const auto only = bug.only_in(); only && !bug.of[*only].best.empty()) open.push_back(&bug);
  executor.run(open.size(), [&](std::size_t task, int) {
    ComparedBug& bug = *open[task];
    const std::size_t only = *bug.only_in();
    const fs::path& best = bug.of[only].best;
    const Case c = load_case(is_finding(best / "reduced") ? best / "reduced" : best, 0);
    bug.elsewhere = judge_version(c, evaluate(c), systems[1 - only], {});
  });
}

}  // namespace mob
