// Where the cases of a campaign come from. A case is a function of (version, seed, index, snapshot) and of
// nothing else: neither of threads nor of time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fuzzer/generator/bindings.h"
#include "fuzzer/generator/generator.h"
#include "oracles/oracle.h"

namespace mob {

// A model that mutants start from.
struct Seed {
  std::string name;  // of its file, or of the case it was
  std::shared_ptr<const Case> c;
};

// One bug as far as it can be told apart cheaply: symptom, cure and operator sequence (issue 4).
struct Group {
  std::string signature;
  std::string name;  // of its folder
  Symptom symptom = Symptom::kCrash;
  std::vector<std::string> cures;      // see Cause
  std::vector<std::string> operators;  // of the finding cut down to what it needs
  Configuration bad;                   // where it shows
  std::uint64_t first_index = 0;
};
std::string signature_of(Symptom symptom, const std::vector<std::string>& cures,
                         const std::vector<std::string>& operators);

// Seeds that a snapshot holds, the newest of them.
inline constexpr int kMostSeeds = 1000;

// What the cases of one epoch may depend on: everything that was committed up to the end of the epoch before
// the last one. Never changed once made.
struct Snapshot {
  std::vector<Group> groups;     // in the order in which they were found
  std::vector<Seed> pool;        // earlier interesting cases
  std::set<std::uint64_t> seen;  // sets of fired passes that some earlier case had
  // How many of the `cases` cases before this epoch each optimizer changed (rules: about how many).
  std::map<std::string, std::uint64_t> applied;
  std::uint64_t cases = 0;
  std::vector<double> motif_weights;  // see below; empty: all alike
  std::uint64_t hash() const;
};

// How often each motif of all_motifs() should be drawn: 1, and more where an optimizer that it aims at was
// rarely applied (policy.rarely_applied).
std::vector<double> motif_weights(const Snapshot& snapshot, const Policy& policy);

// Epoch e holds the indices [epoch_first(e), epoch_first(e + 1)). Small ones first, so that a campaign soon
// learns what it has found.
std::uint64_t epoch_first(std::uint64_t epoch);
std::uint64_t epoch_of(std::uint64_t index);
// First index whose results are not in the epoch's snapshot.
std::uint64_t snapshot_end(std::uint64_t epoch);

struct Focus {
  std::string pass, op, motif;  // at most one is set
};
// "pass:X", "operator:Y" or "motif:Z". Throws UserError for anything else, and for names that do not exist.
Focus parse_focus(const std::string& words);

struct SourceOptions {
  GeneratorOptions generator;
  std::vector<Seed> corpus;  // the user's models
  std::vector<Seed> motifs;  // motifs given as models
  Focus focus;
  double enlarged = 0;  // of a case that is not derived: sizes at which time and memory can be measured
  std::uint64_t hash() const;  // of all that a case depends on
};

struct Drawn {
  Case c;
  std::string source;  // "motif", "graph", "mutant", "text motif", "derived"
  std::string motif;
  std::vector<std::string> broken_guards;
  bool thorough = false;  // all levels, a second run and saving, too
  // The case before a part of it was nested, where one was.
  std::shared_ptr<const Case> flat = nullptr;
  BindingDraws bindings = {};  // what was drawn for Case::bindings
  // Of a derived case: what led to it, from a case of another source.
  std::vector<Derivation> steps = {};
};
// Empty where nothing valid could be drawn in many attempts.
std::optional<Drawn> draw_case(std::uint64_t seed, std::uint64_t index, const SourceOptions& options,
                               const Snapshot& snapshot);

}  // namespace mob
