// One lane of a campaign: a judge with its workers, doing runs of consecutive cases.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "corpus/finding_folder.h"
#include "fuzzer/campaign/case_source.h"
#include "fuzzer/campaign/journal.h"
#include "fuzzer/triage/judge.h"

namespace mob {

// A finding that belongs to no group of the snapshot: confirmed, its cause found, cut down to what it needs.
struct NewFinding {
  Group group;
  std::shared_ptr<const Case> c, original;
  Judged judged;
  Cause cause;
  std::string optimized;  // see FindingRecord
  std::string motif;
  std::vector<std::string> broken_guards;
  std::vector<Derivation> steps;  // that led to the case which shows it first
};

struct CaseResult {
  Entry entry;
  std::string signature;             // of the group, where it is a finding of class bug
  std::unique_ptr<NewFinding> news;  // where that group is not in the snapshot
  // A case with a set of fired passes that the snapshot has not seen: a seed of mutants to be.
  std::shared_ptr<const Case> interesting;
  std::uint64_t pass_set = 0;
  // Optimizers that changed the model, and for how many cases each stands: rules are not always looked for.
  std::map<std::string, std::uint64_t> applied;
  std::string source;
};

struct BatchResult {
  std::uint64_t first = 0;
  std::vector<CaseResult> cases;
  Tally tally;
};

class Lane {
 public:
  // `measure`: see JudgeOptions. `left_out`: cases that mobster itself failed on (slips.h).
  Lane(const System& system, const SourceOptions& source, std::uint64_t seed, const WorkerLimits& limits,
       bool measure = false, std::set<std::uint64_t> left_out = {});

  // Cases [first, first + count). Throws UserError when the system cannot be started.
  BatchResult run(std::uint64_t first, std::uint64_t count, const Snapshot& snapshot);
  // Bytes resident in its worker processes after the last run. Any thread may ask.
  std::int64_t worker_memory() const { return worker_memory_; }

 private:
  struct Running;
  void finish(Running& running, const Snapshot& snapshot, CaseResult& result, Tally& tally);
  void count_reach(const Running& running, const Judged& judged, CaseResult& result, Tally& tally);
  void triage(Drawn& drawn, std::uint64_t index, Judged judged, const Snapshot& snapshot, CaseResult& result);
  const Group* known_group(const Case& c, const Judged& judged, const Snapshot& snapshot);

  const SourceOptions& source_;
  std::uint64_t seed_;
  std::set<std::uint64_t> left_out_;
  Judge judge_;
  double cpu_seconds_ = 0;
  std::atomic<std::int64_t> worker_memory_{0};
};

// Bytes that a process has resident; 0 where it is gone.
std::int64_t resident_memory(int process);

}  // namespace mob
