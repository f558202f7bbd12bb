// The journal of a campaign: an SQLite file, through SOCI. One writer; anybody may read meanwhile
// (write-ahead log). What is committed survives kill -9; what is not is done again, because a case is a
// function of its index.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fuzzer/campaign/case_source.h"

namespace mob {

inline constexpr int kJournalSchema = 2;

enum class Ending : std::uint8_t { kAgree, kSkipped, kRejected, kFinding };
std::string_view name(Ending e);  // "agree", "skipped", "rejected", "finding"

// How one case ended. `reason`: why skipped, by what rejected, class and symptom of a finding.
struct Entry {
  Ending ending = Ending::kAgree;
  std::string reason;
};

// A finding of class bug, assigned to its group.
struct JournalFinding {
  std::uint64_t index = 0;
  std::string signature;
};

// Numbers that are added up over all cases.
struct Tally {
  std::uint64_t elements = 0, open = 0, vague = 0;  // of the expected outputs
  std::uint64_t sessions = 0;
  double triage_seconds = 0;  // by the clock, over all lanes: confirming, finding causes, cutting down
  double system_seconds = 0;  // CPU time of the worker processes
  std::map<std::pair<std::string, std::string>, std::uint64_t> reach;  // (kind, name) -> cases
  void add(const Tally& other);
};

struct ProgressPoint {
  double seconds = 0;  // of running time, over all sessions of the campaign
  std::uint64_t cases = 0;
  std::uint64_t findings = 0, groups = 0;
  std::int64_t memory = 0;         // bytes resident in the parent
  std::int64_t worker_memory = 0;  // bytes resident in all its workers
};

class Journal {
 public:
  // Makes DIR and the file, or opens what is there. Throws UserError: not writable, not a journal, locked by
  // another campaign, of a newer schema.
  enum class Mode { kCreate, kResume, kRead };
  // A new one holds `meta` from its first moment on; one that was killed before that counts as not there.
  Journal(const std::filesystem::path& folder, Mode mode,
          const std::map<std::string, std::string>& meta = {});
  ~Journal();

  // --- What the campaign was started with, by key.
  std::string meta(const std::string& key);  // "" where it is not set
  void set_meta(const std::string& key, const std::string& value);

  // --- Writing: all of it between begin and commit, or not at all.
  void begin();
  void append(std::uint64_t index, const Entry& entry);  // indices in order, none left out
  void add_group(const Group& group);
  void add_finding(const JournalFinding& finding);
  void add_seed(std::uint64_t index, std::uint64_t pass_set, const std::string& name, const Case& c);
  void add_tally(const Tally& tally);
  // Cases of an epoch that an optimizer changed, added to those that are there.
  void add_applied(std::uint64_t epoch, const std::map<std::string, std::uint64_t>& applied);
  void add_progress(const ProgressPoint& point);
  void add_epoch(std::uint64_t epoch, std::uint64_t snapshot_hash);
  void commit();  // throws UserError when the disk is full
  void rollback() noexcept;

  // --- Reading.
  std::uint64_t next_index();  // the first that is not accounted for
  std::map<std::pair<std::string, std::string>, std::uint64_t> ledger();  // (ending, reason) -> cases
  struct GroupRow {
    Group group;
    std::uint64_t cases = 0;
  };
  std::vector<GroupRow> groups();                        // in the order in which they were found
  std::vector<std::uint64_t> findings();                 // indices, ascending
  std::set<std::uint64_t> pass_sets(std::uint64_t end);  // that some case below `end` had first
  Snapshot snapshot(std::uint64_t end);                  // what was committed of indices below `end`
  std::uint64_t epoch_hash(std::uint64_t epoch);         // 0 where it was not written
  Tally tally();
  std::vector<ProgressPoint> progress();
  // Checks that every index below next_index() is accounted for exactly once; empty, or what is wrong.
  std::string audit();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A case as bytes, and back.
std::string pack(const Case& c);
Case unpack(std::string_view bytes);

}  // namespace mob
