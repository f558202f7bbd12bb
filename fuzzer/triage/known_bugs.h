// A file of bugs that somebody knows: each marks the findings whose signature it matches, and drops none.
//
// A line for each, as JSON: {"signature": PATTERN, "state": STATE, "reference": ..., "because": ..., "date":
// ...}. Lines are only ever added; the last one that matches counts.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace mob {

struct KnownBug {
  std::string signature;  // a pattern: '*' stands for anything
  std::string state;      // "known", "reported", "fixed", "dismissed"
  std::string reference;  // upstream: "microsoft/onnxruntime#27455"
  std::string because;    // why it was dismissed
  std::string date;       // "2026-11-21"
};

// In the order of the file; empty where there is none. Throws UserError naming the file and line.
std::vector<KnownBug> load_known_bugs(const std::filesystem::path& file);

// Adds a line, which is on disk when this returns. Throws UserError.
void add_known_bug(const std::filesystem::path& file, const KnownBug& bug);

// The last one whose pattern matches.
std::optional<KnownBug> find_known(const std::vector<KnownBug>& known, const std::string& signature);

// Whether a text is as the pattern says; '*' stands for any number of any characters.
bool matches(std::string_view pattern, std::string_view text);

}  // namespace mob
