// A regression case: a finding's folder whose finding.json also says in which versions it is known to be bad,
// and where it came from:
//
//   "regression": {
//     "versions": {"onnxruntime": {"bad_versions": ["1.30.0"], "good_versions": ["1.31.1"]}},
//     "provenance": {"from": "campaign", "reference": "", "seed": 1, "index": 77, "version": "1.30.0",
//                    "mobster": "0.1"},
//     "isa": "avx2", "added": "2026-11-21", "note": ""}
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "fuzzer/triage/blame_versions.h"

namespace mob {

struct KnownVersions {
  std::vector<std::string> bad, good;  // oldest first; those that cannot tell are in neither
};

struct Provenance {
  std::string from;                   // "campaign", "known-bugs/real/NAME"
  std::string reference;              // upstream: "microsoft/onnxruntime#27455"; empty where none is known
  std::uint64_t seed = 0, index = 0;  // of a campaign
  std::string version;                // in which it was found: "1.31.1"
  std::string mobster;                // the version of mobster that found it
};

struct Regression {
  std::map<std::string, KnownVersions> versions;  // by system: "onnxruntime"
  Provenance provenance;
  std::string isa;    // of the machine on which the versions were judged: "avx2"; empty: not known
  std::string added;  // "2026-11-21"
  std::string note;
};

// What stands in a finding's folder; nothing where the finding is none of a regression corpus. Throws
// UserError naming the file where it is damaged.
std::optional<Regression> read_regression(const std::filesystem::path& folder);

// Writes it into the folder's finding.json, of which the rest stays as it is; whole or not at all. Throws
// UserError.
void write_regression(const std::filesystem::path& folder, const Regression& regression);

// {"onnxruntime": {"bad_versions": [...], "good_versions": [...]}}
nlohmann::ordered_json versions_json(const Regression& regression);

// Whether a version is expected to be bad: what is known of it; else of the nearest older one; else of the
// oldest one. Where nothing is known of the system, good is expected: whatever is bad there is news.
bool expected_bad(const Regression& regression, const std::string& system, const std::string& version);

// Takes down what a version did. A version that cannot tell keeps what was known of it. True where that
// changed anything.
bool take_down(Regression& regression, const std::string& system, const std::string& version,
               AtVersion::Result result);

}  // namespace mob
