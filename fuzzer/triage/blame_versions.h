// In which versions of a system a case goes wrong.
#pragma once

#include <string>
#include <vector>

#include "fuzzer/base/executor.h"
#include "fuzzer/triage/judge.h"

namespace mob {

// What one version makes of a case.
struct AtVersion {
  enum class Result {
    kBad,          // a finding of class bug, confirmed in a fresh process
    kGood,         // all oracles agree; or nothing is decided, and all is as without optimization
    kNotRunnable,  // refused without optimization
    kUnclear,      // anything else
    kNotRun,       // left out
  };
  std::string version;
  Result result = Result::kNotRun;
  std::string symptom;              // where it is bad
  std::vector<std::string> levels;  // at which it is bad
  std::string why;                  // where it is not runnable or unclear; else the finding's message
};
std::string_view name(AtVersion::Result r);  // "bad", "good", "not-runnable", "unclear", "not-run"

struct VersionBlame {
  std::vector<AtVersion> table;  // oldest first
  std::string words;             // "bad 1.15.1-1.26.0, good from 1.27.0 on; not run: 1.16.3"
  std::vector<std::string> versions(AtVersion::Result r) const;
};

// Judges the case in `systems` (versions of one system, oldest first; limits are looked up where they are not
// known), each with fresh workers, in the executor's lanes. `bisect`: the oldest, the newest and `own`, where
// the finding was seen, and whatever is in the middle of two of different results, until those are
// neighbours; otherwise all. The reference must bear out the plain run of each version: where DISABLE_ALL is
// wrong, too, it is unclear.
VersionBlame blame_versions(const Case& c, const std::vector<System>& systems, bool bisect,
                            const std::string& own, const WorkerLimits& limits, const Executor& executor);

// The installed versions of the same system and `own` among them, oldest first, libraries given by a path
// last.
std::vector<System> versions_at_hand(const System& own);
// The same of versions that are given.
std::vector<System> with_own(std::vector<System> systems, const System& own);

// The same case in one version. A system that cannot be started is unclear.
AtVersion judge_version(const Case& c, const Reference& reference, const System& system,
                        const WorkerLimits& limits);

// The same by a judge of that version, in its second process, which lives on: for many cases. Throws
// UserError where it cannot be started.
AtVersion judge_version(const Case& c, const Reference& reference, Judge& judge);

// What a table says, in words. Versions that were not run are taken for what stands on both sides of them.
std::string in_words(const std::vector<AtVersion>& table);

}  // namespace mob
