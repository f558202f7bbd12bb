// Triage on disk: beside each finding its reduced form, and of many findings the bugs that they are.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "fuzzer/triage/examine.h"
#include "fuzzer/triage/known_bugs.h"

namespace mob {

// A finding's folder holds, after triage, `reduced/`, a finding's folder itself, or not_reduced.json, which
// says why not.
bool is_triaged(const std::filesystem::path& finding);

// What was made of a finding, as it stands on disk.
struct Triaged {
  std::filesystem::path finding;
  bool reduced = false;
  std::string why_not;                    // where it was not
  std::string signature, symptom, guard;  // "passes when ..."; empty where none tells
  std::vector<std::string> passes, operators;
  std::size_t nodes = 0;
  std::string system, version;
  std::string versions;  // "bad 1.15.1-1.26.0, good from 1.27.0 on"
  std::string culprit;   // "optimizer"
};
// Nothing where it is not triaged. Throws UserError naming a file that is damaged.
std::optional<Triaged> read_triage(const std::filesystem::path& finding);

// Examines a finding, and blames what it was reduced to, with a judge of its system (or of another one) and
// writes the result down, complete or not at all. Nothing is written where it was stopped (TrialLimits).
// Throws UserError: no finding there, or a full disk.
std::optional<Triaged> triage_finding(const std::vector<Judge*>& judges, const std::filesystem::path& finding,
                                      const ExamineOptions& options);

// Findings with one signature; what could not be reduced stands alone.
struct Bug {
  std::string signature;
  std::vector<Triaged> findings;  // those of the fewest nodes first
  std::optional<KnownBug> known;  // what the file of known bugs says of it
  const Triaged& best() const { return findings.front(); }
};
// Those of which the findings are triaged; most findings first.
std::vector<Bug> bugs_of(const std::vector<std::filesystem::path>& findings,
                         const std::vector<KnownBug>& known);

}  // namespace mob
