// What two campaigns found in common and apart.
#pragma once

#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fuzzer/campaign/campaign.h"
#include "fuzzer/triage/blame_versions.h"

namespace mob {

struct ComparedCampaign {
  std::filesystem::path folder;
  std::optional<Status> status;  // nothing where there is no journal, but findings
  std::string system;            // "onnxruntime@1.31.1"; empty where findings are of several
  // What it was begun with, by key, in the order in which it is shown; "" where the journal does not say.
  std::vector<std::pair<std::string, std::string>> settings;
  std::size_t findings = 0, reduced = 0;
};

// What one campaign has of a bug.
struct Share {
  std::size_t findings = 0;
  std::uint64_t cases = 0;     // that showed it; as many as findings where there is no journal
  std::filesystem::path best;  // the finding of the fewest nodes; empty where no folder is left
};

struct ComparedBug {
  bool reduced = false;   // else no finding of it is, and it is told from others by its group
  std::string signature;  // of the bug, or of the group
  std::string symptom, guard;
  std::vector<std::string> passes, operators;
  std::size_t nodes = 0;
  std::string state;  // "known", "dismissed": what either campaign's known_bugs.jsonl says; or empty
  std::array<Share, 2> of;
  // Where only one campaign has it: what the other's system makes of it, if that was asked for.
  std::optional<AtVersion> elsewhere;

  // The campaign that alone has it, 0 or 1; nothing where both have.
  std::optional<std::size_t> only_in() const;
};

struct Comparison {
  std::array<ComparedCampaign, 2> campaigns;
  std::vector<ComparedBug> bugs;  // in common first, then those of the first alone; most cases first
};

// Of two folders of campaigns, running or ended, or of findings. A finding that is not reduced is taken for
// the bug that another finding of its group was reduced to. Throws UserError naming what is missing or
// damaged.
Comparison compare_campaigns(const std::filesystem::path& one, const std::filesystem::path& other);

// Fills in `elsewhere`: the best finding's reduced case, or the case itself where it is not reduced, on the
// other campaign's system, in fresh processes. `systems` are those of the two campaigns. Throws UserError for
// a folder that cannot be read.
void judge_elsewhere(Comparison& comparison, const std::array<System, 2>& systems, const Executor& executor);

}  // namespace mob
