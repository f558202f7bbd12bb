// A gate in a project's CI against bugs of its optimizer: the regression corpus replayed, then a campaign,
// and of what that finds, what is new.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "corpus/replay.h"
#include "corpus/triage.h"
#include "fuzzer/campaign/campaign.h"

namespace mob {

struct GateOptions {
  CampaignOptions campaign;        // of the system under test; starts anew
  std::string version;             // of that system, in plain numbers also for a library's path
  std::optional<System> baseline;  // what it shows, too, is not new
  std::vector<RegressionCase> corpus;
  std::vector<KnownBug> known;
  TrialLimits limits;  // of each finding's reduction
};

enum class Novelty {
  kNew,
  kInCorpus,    // a case of the corpus has its signature, and is bad as well
  kKnown,       // "known", "reported" or "dismissed"; what was called "fixed" is new when it is back
  kInBaseline,  // the baseline shows the symptom on the same case
  kNotAgain,    // fresh processes do not show it again
};
std::string_view name(Novelty n);  // "new", "in the corpus", ...
inline constexpr Novelty kAllNovelties[] = {Novelty::kNew, Novelty::kInCorpus, Novelty::kKnown,
                                            Novelty::kInBaseline, Novelty::kNotAgain};

struct GateFinding {
  RegressionCase found;            // as the campaign wrote it
  std::optional<Triaged> triaged;  // nothing where it was not worth the time
  Novelty novelty = Novelty::kNew;
  std::string why;                    // in words: which case, which known bug; of a new one its guard
  std::optional<AtVersion> baseline;  // what that makes of it, as far as it was asked
  // Of the bug, where it was reduced; else of the group.
  const std::string& signature() const;
};

struct GateResult {
  std::vector<Replayed> corpus;  // one for each case
  Status status;                 // of the campaign
  std::vector<GateFinding> findings;
  // The new findings, of each signature the one of the fewest nodes.
  std::vector<const GateFinding*> news() const;
  bool fails() const;  // something is newly broken or new
};

// Against the baseline where there is one, else against what the corpus says of the version. Findings that
// the baseline shows are not reduced, all others are. `tell` hears of each step, in a line. Throws UserError:
// a system that cannot be started, a folder that is in use, a full disk.
GateResult gate(const GateOptions& options, const std::function<void(const std::string&)>& tell);

// For a terminal, and for the page of a CI run.
std::vector<std::string> gate_lines(const GateOptions& options, const GateResult& g);
std::string gate_markdown(const GateOptions& options, const GateResult& g);

// Corpus cases and new findings together, for the forms that CI systems read (corpus/replay_reports.h).
std::pair<std::vector<RegressionCase>, std::vector<Replayed>> as_replayed(const GateOptions& options,
                                                                          const GateResult& g);

}  // namespace mob
