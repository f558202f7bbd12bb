// A finding as a folder: the model, its inputs and right answers in ONNX test-data layout, what is known of
// it in finding.json, and a script that reproduces it.
//
//   model.onnx  test_data_set_0/{input,output,bound}_*.pb  finding.json  README.md  repro.py  [original.onnx]
//   [parent.onnx] [optimized.onnx]  [test_data_set_0/actual_*.pb]
//
// optimized.onnx is the model as the system saved it at the lowest level at which it is bad, actual_*.pb what
// it returned there; neither where it gave none.
//
// parent.onnx is the model before the last optimization that the case has been through; it does not show the
// finding. What was promised of the two stands in finding.json ("parent") and README.md.
//
// test_data_set_1, 2, ... hold the further bindings that the finding needs.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "fuzzer/triage/blame.h"
#include "fuzzer/triage/guards.h"

namespace mob {

inline constexpr int kFindingSchema = 1;

// What a campaign knows of a finding, to be written down.
struct FindingRecord {
  std::string name;                // of the folder
  const Case* c = nullptr;         // the case, cut to what the finding needs
  const Case* original = nullptr;  // as it was generated; null: the same
  // The last optimization that the case (before it was cut) came by; null: it came by none.
  const Derivation* step = nullptr;
  const Judged* judged = nullptr;  // of `c`, in a fresh process
  Cause cause;
  std::string optimized;  // the model as saved at `cause.bad`; empty: none was saved
  std::string signature;
  std::vector<FoundGuard> guards;  // of a reduced case
  const Blame* blame = nullptr;    // of `c`; null: nobody asked
  bool reduced = false;            // to the end, by the shrink steps
  std::string system, version;     // "onnxruntime", "1.31.1"
  std::string motif;
  std::vector<std::string> broken_guards;
  std::uint64_t seed = 0, index = 0;
};

// Writes `folder`/`record.name`, complete or not at all: beside it first, synced, then renamed. A folder of
// that name is kept as it is. Throws UserError when it cannot be written (disk full).
void write_finding(const std::filesystem::path& folder, const FindingRecord& record);

// A folder's name for a finding: symptom, cure, operators, and a hash of its signature.
std::string finding_name(Symptom symptom, const std::vector<std::string>& cures,
                         const std::vector<std::string>& operators, const std::string& signature);

// Writes a file beside its goal first, synced, then renamed. Throws UserError.
void write_file_whole(const std::filesystem::path& file, std::string_view text);

// Makes `half`, which was written beside its goal, the goal: synced with all below, then renamed. Throws
// std::filesystem::filesystem_error, or UserError for a full disk.
void publish_folder(const std::filesystem::path& half, const std::filesystem::path& goal);

// A folder that is still being written, or was when its writer was killed.
bool is_half(const std::filesystem::path& folder);

// Bytes that a folder and all below take.
std::uint64_t folder_size(const std::filesystem::path& folder);

}  // namespace mob
