// The loop: cases drawn, judged, triaged and written down, on every core.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "fuzzer/campaign/journal.h"
#include "fuzzer/runtime/worker.h"

namespace mob {

struct CampaignOptions {
  System system;  // with its limits
  SourceOptions source;
  std::uint64_t seed = 1;
  double seconds = 0;       // of running time from now on; 0: no limit
  std::uint64_t cases = 0;  // in all, those of earlier sessions included; 0: no limit
  int jobs = 0;             // 0: as many as there are cores
  std::filesystem::path out;
  bool resume = false;
  std::uint64_t disk_budget = std::uint64_t{2} << 30;  // bytes below `out`
  WorkerLimits limits;
  bool measure = false;                     // time and memory, too (oracles/no_gain.cc)
  double triage_share = 0;                  // of its cores: findings are triaged meanwhile (triage_lane.h)
  const std::atomic<bool>* stop = nullptr;  // set by a signal: finish what is under way, and end
};

// What can be seen of a campaign at one moment.
struct Status {
  std::string system;
  std::uint64_t seed = 0;
  double seconds = 0;  // running time over all sessions
  double session_seconds = 0;
  std::uint64_t cases = 0, session_cases = 0;
  int jobs = 1;
  std::map<std::pair<std::string, std::string>, std::uint64_t> ledger;  // (ending, reason) -> cases
  Tally tally;
  double session_system_seconds = 0;
  std::vector<Journal::GroupRow> groups;
  std::vector<ProgressPoint> progress;

  std::uint64_t endings(Ending e) const;
  std::uint64_t bugs() const;  // cases that are findings of class bug
  std::size_t reached(const std::string& kind) const;
};
Status read_status(Journal& journal);

// Of the next case that is a bug, the chance that it is of a new group: groups seen once per case (Good, "The
// population frequencies of species and the estimation of population parameters", 1953). And the chance that
// an hour at this rate brings at least one. Both 1 where there is no finding yet to judge by.
double chance_of_new(const Status& status);
double chance_of_new_in_an_hour(const Status& status);

// Growth of resident memory (parent and workers) in bytes per hour: least squares over the second half of the
// progress points. 0 below four points.
double memory_slope(const std::vector<ProgressPoint>& progress);

enum class EndedBy : std::uint8_t { kCases, kTime, kSignal, kDiskBudget };
std::string_view name(EndedBy e);

// Runs until a limit is reached. `show` is called about every second from another thread, and once at the
// end. Throws UserError: bad set-up, a folder of another campaign, a full disk (all that was committed
// stays).
EndedBy run_campaign(const CampaignOptions& options, const std::function<void(const Status&)>& show);

}  // namespace mob
