// What a report shows, read from disk: a campaign's journal (running or ended) and its findings, triaged or
// not. Nothing is run and nothing is written.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fuzzer/campaign/campaign.h"
#include "fuzzer/triage/known_bugs.h"

namespace mob {

// One finding, as it was reduced where it was, else as it was found.
struct ReportFinding {
  std::filesystem::path folder;  // of the finding
  std::filesystem::path shown;   // folder of the model that is shown: `folder` or its reduced/
  std::string name;
  std::size_t bug = 0;  // index into ReportData::bugs
  bool triaged = false, reduced = false;
  std::string why_not;  // where it was triaged and not reduced
  std::string signature, symptom, cls, stage, kind, oracle, message;
  std::vector<std::string> levels, passes, operators;
  std::string configuration;  // at which the model was saved: "BASIC"
  std::optional<double> excess;
  std::size_t nodes = 0;
  std::int64_t opset = 0;
  std::string system, version, isa;
  std::string motif;  // as it was drawn
  std::vector<std::string> broken_guards;
  std::uint64_t seed = 0, index = 0;
  std::uint64_t cases = 1;  // of the campaign that fell into its group
  // Of what was triaged; empty elsewhere.
  std::string guard, versions, culprit, culprit_why;
  std::vector<std::pair<std::string, std::string>> at_version;  // version, "bad" and so on; oldest first
  std::map<std::string, std::vector<std::vector<std::string>>> minimal_sets;  // by level
  std::string first_bad_value, first_bad_node;
};

struct ReportBug {
  std::string signature;
  std::vector<std::size_t> findings;  // indices, the one of fewest nodes first
  std::optional<KnownBug> known;
};

struct ReportData {
  std::string title;             // the folders, in words
  std::optional<Status> status;  // where one folder is a campaign
  std::vector<ReportFinding> findings;
  std::vector<ReportBug> bugs;      // most findings first; what is not triaged stands for itself
  std::vector<std::string> broken;  // findings that cannot be read, and why
  std::size_t triaged() const;
  std::uint64_t ledger_sum() const;
  std::size_t bugs_in_state(const std::string& state) const;
};

// `words`: folders of campaigns, of findings, or findings. `known`: file of known bugs. A campaign without a
// finding is one, too. Throws UserError where a folder is neither.
ReportData read_report(const std::vector<std::string>& words, const std::filesystem::path& known);

// "known: microsoft/onnxruntime#1: because"; empty where nobody knows it.
std::string known_words(const ReportBug& bug);

}  // namespace mob
