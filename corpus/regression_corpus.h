// A folder of regression cases, which keep old bugs of a project from coming back unseen.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "corpus/replay.h"

namespace mob {

// Its cases in the order of their names; none where the folder is not there yet. Throws UserError naming a
// case that is damaged, or a finding that is no regression case.
std::vector<RegressionCase> read_corpus(const std::filesystem::path& corpus);

// The same; throws UserError where there is no case.
std::vector<RegressionCase> require_corpus(const std::filesystem::path& corpus);

struct AddOptions {
  std::vector<System> versions;  // in which each is judged, oldest first; limits are looked up
  std::string from;              // where the findings are from; empty: a campaign
  std::string reference, note;
  bool all = false;  // also those of a signature that is there
  WorkerLimits limits;
  Executor executor;
};

struct Added {
  std::filesystem::path finding;
  std::string name;      // of the case, new or there already
  std::string left_out;  // why; empty: it was added
  Regression regression;
};

// Takes findings in: the reduced form where there is one, else the finding as it is, with what each of the
// versions makes of it. A case is written whole or not at all. Left out: a signature that is there already,
// and what no version shows. Throws UserError: no finding there, a version that cannot be started, a full
// disk.
std::vector<Added> add_cases(const std::filesystem::path& corpus,
                             const std::vector<std::filesystem::path>& findings, const AddOptions& options);

// Of each signature the cases that are not its smallest (nodes, then bytes, then the name).
struct Surplus {
  RegressionCase c;
  std::string kept;  // the case of the same signature that stays
};
std::vector<Surplus> surplus_of(const std::vector<RegressionCase>& cases);

// Throws UserError.
void remove_case(const RegressionCase& c);

}  // namespace mob
